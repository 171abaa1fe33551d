//! What thinks: embedders, and the shelf that their weights come from.
//!
//! An [`Embedder`] turns texts into vectors of length one, so that a dot product is a cosine.
//! [`HashEmbedder`] is a stand-in for tests: it needs no weights and knows no meaning.

mod embedder;
mod hash;
mod shelf;

pub use embedder::{EmbedError, Embedder};
pub use hash::HashEmbedder;
pub use shelf::{
    Attempt, FileSpec, HubRepository, Origin, Package, Progress, Resource, ResourceFiles, ResourceKind,
    Shelf, ShelfError, Source,
};
