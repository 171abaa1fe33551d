use std::path::{Path, PathBuf};

use segue_world::{FileError, FileLock, fs};

/// The folder of one workspace and the names of what is in it.
///
/// ```text
/// workspace.toml  steering.toml  synonyms.txt  catalog.db  sessions.db  CURRENT
/// generations/0001/{rows.db,bm25/,vectors/,…}  models/  cache/  rejects/  traces/  outputs/
/// ```
/// `CURRENT` holds the number of the generation that readers use; it is replaced atomically, so a reader
/// sees the old generation or the new one, and a build that is killed leaves the old one serving.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
}

/// A workspace that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// There is no workspace here.
    #[error("there is no workspace in `{0}`; `segue demo` makes one, or `segue import FILE`")]
    Missing(PathBuf),
    /// Nothing has been indexed yet.
    #[error("the workspace `{0}` has no index yet; run `segue index`")]
    NotIndexed(PathBuf),
    /// Another process is writing.
    #[error("another command is writing in `{root}`{}; wait for it, or end it, and try again", in_brackets(.by.as_deref()))]
    Busy {
        /// The folder.
        root: PathBuf,
        /// Which process, as it said itself.
        by: Option<String>,
    },
    /// `workspace.toml` cannot be used.
    #[error("`{path}`, line {line}: {reason}; correct it")]
    Settings {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// `CURRENT` is not a number.
    #[error("`{path}` should hold a generation's number and holds `{content}`; run `segue index`")]
    DamagedCurrent {
        /// The file.
        path: PathBuf,
        /// What is in it.
        content: String,
    },
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
}

fn in_brackets(holder: Option<&str>) -> String {
    holder.map_or_else(String::new, |holder| format!(" ({holder})"))
}

impl Workspace {
    /// The workspace in this folder, whether or not it is there yet.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// True if something has been imported here.
    pub fn is_there(&self) -> bool {
        fs::exists(&self.catalog_db())
    }

    /// Settings of this workspace.
    pub fn settings(&self) -> PathBuf {
        self.root.join("workspace.toml")
    }

    /// What generations there are.
    pub fn catalog_db(&self) -> PathBuf {
        self.root.join("catalog.db")
    }

    /// Conversations.
    pub fn sessions_db(&self) -> PathBuf {
        self.root.join("sessions.db")
    }

    /// The folder of a generation: its rows and its indexes.
    pub fn generation_dir(&self, generation: u32) -> PathBuf {
        self.root.join("generations").join(format!("{generation:04}"))
    }

    /// Rows, statistics and lexicon of a generation.
    pub fn rows_db(&self, generation: u32) -> PathBuf {
        self.generation_dir(generation).join("rows.db")
    }

    /// What can be computed again: embeddings by the hash of their text.
    pub fn cache_dir(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// How fast this machine indexes.
    pub fn rates(&self) -> PathBuf {
        self.root.join("rates.json")
    }

    /// Rows that an import refused, one JSON Lines file an import.
    pub fn rejects_dir(&self) -> PathBuf {
        self.root.join("rejects")
    }

    /// What happened in each turn, one JSON Lines file a turn.
    pub fn traces_dir(&self) -> PathBuf {
        self.root.join("traces")
    }

    /// Where a backup is read before it becomes this workspace: beside it, as only what is on one disk changes places at
    /// once.
    pub fn restore_dir(&self) -> PathBuf {
        let mut name = std::ffi::OsString::from(".");
        name.push(self.root.file_name().unwrap_or_default().to_string_lossy().trim_start_matches('.'));
        name.push(".restore.part");
        self.root.with_file_name(name)
    }

    /// The generation that readers use.
    pub fn current(&self) -> Result<u32, WorkspaceError> {
        if !self.is_there() {
            return Err(WorkspaceError::Missing(self.root.clone()));
        }
        let path = self.root.join("CURRENT");
        let content = match fs::read_to_string(&path) {
            Err(e) if e.is_not_found() => return Err(WorkspaceError::NotIndexed(self.root.clone())),
            other => other?,
        };
        content.trim().parse().map_err(|_| WorkspaceError::DamagedCurrent { path, content })
    }

    /// Makes a generation the one that readers use, atomically.
    pub fn set_current(&self, generation: u32) -> Result<(), WorkspaceError> {
        Ok(fs::write_atomic(&self.root.join("CURRENT"), format!("{generation}\n").as_bytes())?)
    }

    /// Creates the folder if need be and takes the lock that every writer takes. It is let go when dropped,
    /// or when the process ends, however it ends.
    pub fn lock_for_writing(&self) -> Result<FileLock, WorkspaceError> {
        fs::create_dir_all(&self.root)?;
        let Some(lock) = fs::try_lock(&self.lock_file())? else {
            return Err(WorkspaceError::Busy { root: self.root.clone(), by: self.holder() });
        };
        // It serves those who are refused; a full disk does not stop what makes room on it.
        let _ = lock.note(&format!("process {}", std::process::id()));
        Ok(lock)
    }

    /// The file that writers lock.
    pub fn lock_file(&self) -> PathBuf {
        self.root.join(".lock")
    }

    /// Who took the writers' lock last, as it said itself: who holds it, if it is held.
    pub fn holder(&self) -> Option<String> {
        let said = fs::read_to_string(&self.lock_file()).ok()?;
        let number = said.strip_prefix("process ")?.trim().parse::<u32>().ok()?;
        Some(format!("process {number}"))
    }
}
