//! A workspace as one file, and back.
//!
//! A backup is a tar archive, compressed as its name says, of the files of a workspace and, at its end, `MANIFEST.json`
//! with the SHA-256 of each. Databases are copied by SQLite's own backup
//! (<https://sqlite.org/backup.html>), while others read and write. Generations are not written once they have their
//! name; whether one was replaced or removed meanwhile, or another one serves, is looked at before and after, and then the
//! copy is made again.
//!
//! Not in it: locks and what a killed command left; the speeds of this machine; and files that `key_file` in
//! `workspace.toml` names.

mod archive;
mod restore;
#[cfg(test)]
mod tests;
mod write;

use std::io;
use std::path::PathBuf;

use segue_world::FileError;
use serde::{Deserialize, Serialize};

use crate::{Generation, StoreError, WorkspaceError};

pub use restore::{Restored, restore};
pub use write::{BackedUp, BackupOptions, backup};

/// The file of an archive that says what is in it.
const MANIFEST: &str = "MANIFEST.json";
/// Counts the ways in which archives are made.
const FORMAT: u32 = 1;

/// A part of a workspace that may be left out of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupPart {
    /// Conversations.
    Sessions,
    /// What happened in each turn.
    Traces,
    /// Embeddings by the hash of their text, which can be computed again.
    Cache,
}

/// What an archive says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupManifest {
    /// How the archive is made.
    pub format: u32,
    /// The version of Segue that made it.
    pub made_by: String,
    /// When, ISO 8601.
    pub created: String,
    /// The version of the workspace.
    pub workspace_version: i64,
    /// The generation that served.
    pub serving: Option<u32>,
    /// Its generations.
    pub generations: Vec<Generation>,
    /// Parts that were left out.
    pub without: Vec<BackupPart>,
    /// Files that were left out: keys, and links.
    pub left_out: Vec<String>,
    /// Every other file of the archive.
    pub files: Vec<ArchivedFile>,
}

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedFile {
    /// Its path in the workspace, with `/` between names.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256 in lower-case hexadecimal digits.
    pub sha256: String,
}

/// A backup that was not made, or not restored. What was there before is as it was.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The workspace cannot be read or locked.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// A database cannot be read or copied.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The archive cannot be written.
    #[error("cannot write the backup `{path}`: {source}")]
    Write {
        /// The archive.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The name does not say how to compress.
    #[error("`{0}` does not end in `.tar.zst`, `.tar.gz` or `.tar`; name it so")]
    Name(PathBuf),
    /// There is a file of this name.
    #[error("there is a file `{0}` already; name another one, or replace it with --force")]
    Exists(PathBuf),
    /// The archive would contain itself.
    #[error("`{0}` is inside of the workspace; put the backup elsewhere, best on another disk")]
    Inside(PathBuf),
    /// Another process writes the same archive, or restores into the same folder.
    #[error("another process is at work on `{0}`; wait for it and try again")]
    Busy(PathBuf),
    /// A database is damaged.
    #[error("the database `{path}` is damaged: {fault}; run `segue doctor`")]
    Damaged {
        /// Which one.
        path: PathBuf,
        /// The first thing that SQLite found.
        fault: String,
    },
    /// The archive cannot be read.
    #[error("`{path}` is no whole backup: {reason}; nothing was changed; take another backup")]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The archive was made by a later version.
    #[error("`{path}` was made by segue {made_by}, in a newer form; use that version or a newer one")]
    TooNew {
        /// The archive.
        path: PathBuf,
        /// The version that made it.
        made_by: String,
    },
    /// There is a workspace, or something else.
    #[error(
        "there is something in `{0}` already; restore elsewhere with --to, or put that aside and take its place with --force"
    )]
    Occupied(PathBuf),
    /// There is too little room.
    #[error(
        "`{path}` needs {needed} bytes and the disk has {free}; make room, or restore elsewhere with --to"
    )]
    NoRoom {
        /// The file of the archive.
        path: String,
        /// Its size.
        needed: u64,
        /// What there is.
        free: u64,
    },
    /// The user stopped it.
    #[error("stopped; nothing was changed")]
    Cancelled,
}

/// How far a backup or a restore is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupProgress {
    /// `copying databases`, `writing` or `reading`.
    pub stage: &'static str,
    /// Bytes (or pages of databases) done.
    pub done: u64,
    /// Bytes (or pages) to do.
    pub total: u64,
}
