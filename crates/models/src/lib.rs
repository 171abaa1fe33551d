//! What thinks: chat models, embedders, and the shelf that weights come from.
//!
//! A [`ChatModel`] answers a [`ChatRequest`]: [`Endpoint`] asks an OpenAI-compatible server, [`ScriptedModel`] says what a
//! test told it to, and [`Cassette`] records another model and replays it. What can go wrong is one closed table,
//! [`ChatErrorKind`]; whatever a server does, a call ends in time, in bounded memory, and with one of these.
//!
//! ```
//! use segue_models::{ChatModel, ChatReply, ChatRequest, Message, ScriptedModel};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let model = ScriptedModel::new(vec![Ok(ChatReply::text("The sea."))]);
//! let request = ChatRequest::new(vec![Message::user("What is it about?")], /*max_tokens*/ 20);
//! let reply = model.complete(&request, &mut |_| ()).await?;
//! assert_eq!(reply.content, "The sea.");
//! model.assert_complete()
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An [`Embedder`] turns texts into vectors of length one, so that a dot product is a cosine.
//! [`SentenceEmbedder`] does it with a language model; what it needs (weights, the library that runs them)
//! comes from the [`Shelf`], where every file is checked against its SHA-256. [`HashEmbedder`] is a stand-in for
//! tests: it needs no weights and knows no meaning. With the feature `gguf`, chat models run in this process too:
//! `gguf::GgufChat`. What `workspace.toml` names is opened by [`ResolvedModel::open`], wherever it runs.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use segue_models::{Embedder, SentenceEmbedder, SentenceOptions, Shelf};
//! use segue_world::RealWorld;
//!
//! let shelf = Shelf::new(Arc::new(RealWorld::new()))?;
//! let embedder = SentenceEmbedder::open(&shelf, &SentenceOptions::default(), &mut |_| ())?;
//! assert_eq!(embedder.embed(&["a slow film about the sea"])?[0].len(), 384);
//! # Ok::<(), segue_models::LoadError>(())
//! ```

mod chat;
mod embedder;
#[cfg(feature = "gguf")]
pub mod gguf;
mod hash;
mod onnx;
mod sentence;
mod shelf;

pub use chat::{
    Abilities, AbilityStore, Cassette, ChatError, ChatErrorKind, ChatModel, ChatReply, ChatRequest,
    Completion, ConfigError, Delta, Endpoint, EndpointOptions, Finish, IN_PROCESS, JsonSchemaFormat,
    ListingError, Message, ModelSource, ModelsConfig, OPENAI_BASE_URL, OpenError, Prices, ResolvedModel,
    Role, ScriptedModel, Secrets, TaskRole, TokenLogprob, ToolCallRequest, ToolChoice, ToolDefinition, Usage,
    Wait, Weights, calls_in, json_in, probe,
};
pub use embedder::{EmbedError, Embedder};
pub use hash::HashEmbedder;
pub use onnx::OnnxError;
pub use sentence::{EmbeddingSettings, EmbeddingSettingsError, LoadError, SentenceEmbedder, SentenceOptions};
pub use shelf::{
    Attempt, FileSpec, HubRepository, Origin, Package, Prefix, Progress, Resource, ResourceFiles,
    ResourceKind, Shelf, ShelfError, ShelfState, Source,
};
