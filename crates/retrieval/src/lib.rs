//! What finds: filters, lexical search, search by meaning, likeness, raw SQL in a sandbox; fusion, set algebra
//! and diversity; explanations; and the builder of what they search in.
//!
//! Every search returns **all** that match, each with its score, best first and ties by ordinal; `within` restricts
//! a search before anything is ranked, so that nothing outside it can come back. Only a caller cuts.

mod build;
mod diagnose;
pub mod diversify;
mod embedding_text;
mod engine;
mod error;
mod explain;
mod filter;
pub mod fuse;
mod inspect;
mod leaf;
mod lexical;
mod pending;
mod rates;
mod sql;
mod vector_cache;
mod vectors;

pub use build::{IndexProgress, IndexReport, build_index};
pub use engine::{DenseQuery, Engine, TEXT_SPACE, open_snapshot};
pub use error::{EngineError, IndexError};
pub use inspect::{IndexesOf, SpaceOf, faults_of};
pub use lexical::{LexicalQuery, MatchMode};
pub use pending::PendingIndex;
pub use rates::IndexRates;
pub use sql::{Certificate, SqlAnswer, SqlError, SqlLimits};
pub use vectors::{embedding_model, space_encoders};
