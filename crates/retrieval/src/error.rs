use std::path::PathBuf;

use segue_catalog::{ImportError, SteeringError, StoreError, WorkspaceError};
use segue_models::EmbedError;
use segue_world::FileError;

/// A search that could not be done.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The workspace cannot be used.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The catalogue cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the owner of the catalogue says is not right.
    #[error(transparent)]
    Steering(#[from] SteeringError),
    /// The lexical index cannot be read.
    #[error("the lexical index `{path}` cannot be used: {source}; run `segue index`")]
    Lexical {
        /// The index's folder.
        path: PathBuf,
        /// What tantivy said.
        source: tantivy::TantivyError,
    },
    /// There are no vectors of this name.
    #[error("this workspace has no embedding space `{space}`; {remedy}")]
    NoSpace {
        /// What was asked for.
        space: String,
        /// What to do.
        remedy: String,
    },
    /// Texts have no place in this space.
    #[error("texts cannot be searched in the space `{space}`: {reason}")]
    NoEncoder {
        /// The space.
        space: String,
        /// Why, and what to do.
        reason: String,
    },
    /// None of the items that are to be likened has a vector.
    #[error("none of these items has a vector in the space `{0}`; name others, or another space")]
    NoVector(String),
    /// The vectors on the disk are damaged or were made by another model.
    #[error("the vectors in `{path}` cannot be used: {reason}; run `segue index`")]
    Vectors {
        /// The space's folder.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The query could not be embedded.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
}

/// An index that could not be built. What served before still serves.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// An imported space is damaged.
    #[error("the space in `{path}` is damaged: {reason}; import it again")]
    Space {
        /// Its description.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The workspace cannot be used.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The catalogue cannot be read or marked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The look-up tables cannot be written.
    #[error(transparent)]
    Lookups(ImportError),
    /// The lexical index cannot be written.
    #[error("the lexical index `{path}` cannot be written: {source}")]
    Lexical {
        /// The index's folder.
        path: PathBuf,
        /// What tantivy said.
        source: tantivy::TantivyError,
    },
    /// The texts could not be embedded.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// The cache of embeddings cannot be used.
    #[error("the cache of embeddings `{path}` cannot be used: {source}; it may be deleted")]
    Cache {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// Writing a file failed.
    #[error("cannot write `{path}`: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The cache of embeddings lost what was put into it.
    #[error("the cache of embeddings was changed while the index was built; run `segue index` again")]
    Forgotten,
    /// The user stopped it. What was embedded so far is kept.
    #[error("stopped; `segue index` goes on where this left off")]
    Cancelled,
}
