//! Chat models in this process, out of GGUF files (feature `gguf`).
//!
//! A [`GgufChat`] is such a model behind [`ChatModel`](crate::ChatModel). A [`GgufModel`] is the model itself: it reads a
//! prompt and continues it, kept to a JSON Schema if there is one; it also gives attention, hidden states and the
//! probabilities of given texts. One architecture is known, [`Qwen2`], on the processor alone.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use segue_models::gguf::{GenerateRequest, GgufModel, GgufOptions, Prompt, Speaker, Turn};
//!
//! let model = GgufModel::open(Path::new("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"), GgufOptions::default())?;
//! let question = Turn::new(Speaker::User, "Which film is set on a sleeper train?");
//! let request = GenerateRequest::new(Prompt::Chat(vec![question]), 50);
//! let answer = model.generate(&request, &mut |text| print!("{text}"), &|| false)?;
//! println!(" ({} tokens)", answer.tokens.len());
//! # Ok::<(), segue_models::gguf::GgufError>(())
//! ```

mod cache;
mod chat;
mod config;
mod conversation;
mod error;
mod file;
mod generate;
mod layer;
mod matrix;
mod model;
mod prompt;
mod qwen2;
mod rope;
mod rows;
mod sample;
mod schema;
mod score;
mod session;
mod text;
mod tokenizer;

pub use cache::Cache;
pub use chat::GgufChat;
pub use config::Qwen2Config;
pub use error::GgufError;
pub use generate::{Finish, GenerateRequest, Generated, GeneratedToken};
pub use model::{GgufModel, GgufOptions};
pub use prompt::{Prompt, Speaker, Turn};
pub use qwen2::{Attention, Input, Logits, Output, Qwen2, Want};
pub use rows::Rows;
pub use sample::Sampling;
pub use tokenizer::GgufTokenizer;
