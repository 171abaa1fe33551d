//! What thinks: embedders, and the shelf that their weights come from.
//!
//! An [`Embedder`] turns texts into vectors of length one, so that a dot product is a cosine.
//! [`HashEmbedder`] is a stand-in for tests: it needs no weights and knows no meaning.

mod embedder;
mod hash;

pub use embedder::{EmbedError, Embedder};
pub use hash::HashEmbedder;
