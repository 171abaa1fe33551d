//! Data sets as tasks: an adapter a layout of files. It reads cases and judgments, makes of the rest a workspace by the
//! ordinary import and index, and says what a case under a variant was worth.

mod beir;
mod bfcl;
mod callers;
mod conversations;
mod cpcd;
mod exchanges;
mod interactions;
mod library;
mod mapped;
mod memo;
mod recorded;
mod sgd;
mod simulated;
mod systems;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use segue_agent::{AgentError, Cancellation, PlanningModel};
use segue_catalog::{DatasetError, ImportError, StoreError, WorkspaceError};
use segue_models::{Embedder, Shelf, ShelfError};
use segue_retrieval::{EngineError, IndexError};
use segue_world::{FileError, World, fs};
use sha2::{Digest, Sha256};

use crate::judgments::JudgmentsError;
use crate::suite::{AdapterKind, Data, DataPlace, Suite, Task};

/// Where adapters find what they need.
#[derive(Clone)]
pub struct Surroundings {
    /// Clock, randomness, environment.
    pub world: Arc<dyn World>,
    /// The folder of data sets: `SEGUE_DATA`.
    pub data: PathBuf,
    /// Where workspaces of data sets are built and kept: what is in it can be made again.
    pub cache: PathBuf,
    /// The model shelf.
    pub shelf: Shelf,
    /// Opens the embedder of this name, or the usual one, when a suite first needs it.
    pub embedder: Arc<dyn Fn(Option<&str>) -> Result<Arc<dyn Embedder>, AdapterError> + Send + Sync>,
    /// Opens a chat model by the name that a suite gives it.
    pub chat: Arc<dyn Fn(&str) -> Result<PlanningModel, AdapterError> + Send + Sync>,
    /// True if models are asked whose exchanges are recorded, and recorded anew.
    pub live: bool,
    /// Raise it to stop.
    pub cancellation: Cancellation,
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Surroundings");
        shown.field("data", &self.data).field("cache", &self.cache).finish_non_exhaustive()
    }
}

/// A data set that cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum AdapterError {
    /// The folder is not there.
    #[error(
        "there is no folder `{name}` beside the suite or in `{data}`; set SEGUE_DATA to the folder of data sets"
    )]
    NoData {
        /// What the suite names.
        name: String,
        /// The folder of data sets.
        data: PathBuf,
    },
    /// A file of the data set is not as its layout wants it.
    #[error("`{path}` line {line}: {message}")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong and what would be right.
        message: String,
    },
    /// Judgments cannot be read.
    #[error(transparent)]
    Judgments(#[from] JudgmentsError),
    /// The suite asks what this adapter cannot give.
    #[error("{0}")]
    Unfit(String),
    /// It was stopped.
    #[error("stopped; run the same command again to go on")]
    Stopped,
    /// What is needed could not be opened.
    #[error("{0}")]
    Needs(String),
    /// The shelf does not have it.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// The catalogue's description does not fit.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The items cannot be imported.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// They cannot be indexed.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The workspace cannot be used.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The catalogue cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be searched.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The agent cannot be set up.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
}

/// How far a data set is on its way to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preparing {
    /// What is being done.
    pub stage: &'static str,
    /// So much of it.
    pub done: u64,
    /// Of so much; 0 if that is not known.
    pub total: u64,
}

/// Makes a suite's data set ready. What was imported, indexed and embedded before is used again; stopped, it goes on where it
/// was.
pub fn open(
    suite: &Suite,
    surroundings: &Surroundings,
    progress: &mut dyn FnMut(Preparing),
) -> Result<Arc<dyn Task>, AdapterError> {
    let folder = locate(suite, &suite.data, surroundings)?;
    match suite.data.adapter {
        AdapterKind::Beir => Ok(Arc::new(beir::open(suite, &folder, surroundings, progress)?)),
        AdapterKind::Sgd => Ok(Arc::new(sgd::open(suite, &folder, surroundings)?)),
        AdapterKind::Bfcl => Ok(Arc::new(bfcl::open(suite, &folder, surroundings)?)),
        AdapterKind::Simulated => Ok(Arc::new(simulated::open(suite, &folder, surroundings, progress)?)),
        AdapterKind::Interactions => {
            Ok(Arc::new(interactions::open(suite, &folder, surroundings, progress)?))
        }
        AdapterKind::Conversations => {
            Ok(Arc::new(conversations::open(suite, &folder, surroundings, progress)?))
        }
        AdapterKind::Cpcd => Ok(Arc::new(cpcd::open(suite, &folder, surroundings, progress)?)),
    }
}

fn locate(suite: &Suite, data: &Data, surroundings: &Surroundings) -> Result<PathBuf, AdapterError> {
    match &data.place {
        DataPlace::Shelf(name) => Ok(surroundings.shelf.ensure(name, &mut |_| ())?.folder),
        DataPlace::Folder(path) => {
            let beside = suite.path.parent().map(|folder| folder.join(path));
            let under = surroundings.data.join(path);
            beside.into_iter().chain([under]).find(|folder| fs::is_dir(folder)).ok_or_else(|| {
                AdapterError::NoData { name: path.display().to_string(), data: surroundings.data.clone() }
            })
        }
    }
}

/// The first 16 hexadecimal digits of a file's SHA-256.
fn digest_of(path: &Path) -> Result<String, AdapterError> {
    let hash = Sha256::digest(fs::read(path)?);
    Ok(hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}
