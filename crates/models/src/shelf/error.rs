use std::fmt;
use std::path::PathBuf;

use segue_world::FileError;

/// Why a resource cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// There is no resource of this name.
    #[error("there is no resource `{name}`; there are: {known}; add it to `{manifest}`")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names that exist.
        known: String,
        /// Where one can be added.
        manifest: PathBuf,
    },
    /// A manifest cannot be read.
    #[error("the manifest `{path}` is wrong: {reason}; correct it or remove it")]
    Manifest {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// No folder to keep things in is known.
    #[error("no folder for models is known; set `SEGUE_MODELS` (or `XDG_CACHE_HOME` or `HOME`)")]
    NoFolder,
    /// Every source failed.
    #[error(
        "cannot get `{resource}`:{}\nremedy: connect to the network and try again, or put these files into `{folder}`:{}",
        lines(attempts),
        lines(wanted)
    )]
    Unavailable {
        /// Which resource.
        resource: String,
        /// What was tried, in order.
        attempts: Vec<Attempt>,
        /// Where the files belong.
        folder: PathBuf,
        /// The files, each with its SHA-256.
        wanted: Vec<String>,
    },
    /// The shelf's own folder cannot be used.
    #[error("{0}; free the folder or set `SEGUE_MODELS` to another")]
    File(#[from] FileError),
}

/// A source that was tried and failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The source in words.
    pub source: String,
    /// Why it failed.
    pub reason: String,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.reason)
    }
}

fn lines<T: fmt::Display>(items: &[T]) -> String {
    items.iter().flat_map(|item| ["\n  - ".to_owned(), item.to_string()]).collect()
}
