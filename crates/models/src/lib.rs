//! What thinks: embedders, and the shelf that their weights come from.
//!
//! An [`Embedder`] turns texts into vectors of length one, so that a dot product is a cosine.
//! [`SentenceEmbedder`] does it with a language model; what it needs (weights, the library that runs them)
//! comes from the [`Shelf`], where every file is checked against its SHA-256. [`HashEmbedder`] is a stand-in for
//! tests: it needs no weights and knows no meaning.
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

mod embedder;
mod hash;
mod onnx;
mod sentence;
mod shelf;

pub use embedder::{EmbedError, Embedder};
pub use hash::HashEmbedder;
pub use onnx::OnnxError;
pub use sentence::{LoadError, SentenceEmbedder, SentenceOptions};
pub use shelf::{
    Attempt, FileSpec, HubRepository, Origin, Package, Progress, Resource, ResourceFiles, ResourceKind,
    Shelf, ShelfError, Source,
};
