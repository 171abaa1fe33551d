//! What is there: items, their fields and statistics, users and interactions; predicates over them and
//! candidate sets of them; how files become a catalogue, and the store that keeps it.
//!
//! The words of this crate are used everywhere else, in code, prompts, documentation and JSON:
//! a [`Catalog`] describes [`Field`]s; a [`Predicate`] states conditions on them; a [`CandidateSet`] is
//! the complete, ordered, immutable answer of one search, and remembers where every score came from.
//! A [`Snapshot`] reads one generation of a catalogue; nothing that is written later changes it.

mod backup;
mod candidate;
mod catalog;
mod column;
mod compare;
mod dataset;
mod date;
mod diagnosis;
mod explanation;
mod field;
mod generations;
mod import;
mod infer;
mod language;
mod lexicon;
mod migration;
mod predicate;
mod quantity;
mod resolve;
mod row;
mod snapshot;
mod source;
mod sources;
mod sqlite;
mod statistics;
pub mod steering;
mod store;
pub mod text;
mod unit;
mod value;
mod view;
mod workspace;

pub use backup::{
    ArchivedFile, BackedUp, BackupError, BackupManifest, BackupOptions, BackupPart, BackupProgress, Restored,
    backup, restore,
};
pub use candidate::{CallRecord, CandidateSet, Contribution, Handle, Ordinal, Scored};
pub use catalog::Catalog;
pub use compare::{Comparison, FieldChanges, ItemChange, ItemChanges, StatisticChange};
pub use dataset::{
    Dataset, DatasetError, DatasetField, DatasetSpace, Duplicates, InteractionsSource, ItemsSource, Link,
    LinkMatch, Server, TableSource, UsersSource,
};
pub use date::{DateOrder, DateRange, parse_date};
pub use diagnosis::{ConditionCount, Diagnosis, Relaxation, Suggestion};
pub use explanation::Explanation;
pub use field::{Direction, Field, FieldType, Role};
pub use generations::{GenerationError, GenerationSettings, Pruned, Served, prune, roll_back};
pub use import::{
    Changed, Changes, ImportError, ImportReport, Phase, Progress, Rejected, RejectedRows, SPACE_MANIFEST,
    SPACE_MATRIX, SPACES, Space, import, import_changes, write_lookups,
};
pub use infer::{InferError, infer};
pub use language::{Language, UnknownLanguage};
pub use lexicon::LexiconEntry;
pub use migration::WORKSPACE_VERSION;
pub use predicate::{Condition, Operator, Predicate, PredicateError, haversine_km};
pub use quantity::{Clock, NumberForm};
pub use resolve::{operators, resolve};
pub use row::Row;
pub use snapshot::{Snapshot, StoreError};
pub use source::SourceError;
pub use sources::{SourceChange, SourceFile, SourceKind};
pub use sqlite::open_read_only;
pub use statistics::{FieldStatistics, Quantile, ValueCount};
pub use steering::{Steering, SteeringError};
pub use store::{Generation, GenerationState, Store};
pub use unit::Unit;
pub use value::Value;
pub use workspace::{Workspace, WorkspaceError};
