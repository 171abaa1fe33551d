//! What a generation was made of, and whether that has changed since.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use segue_world::{FileError, fs};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Dataset;

/// Files up to this size are hashed as they are imported: a fraction of a second.
const CHEAP: u64 = 16 << 20;

/// A file that an import read, as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// What it is for.
    pub kind: SourceKind,
    /// Where it is, from the root of the file system.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last written, in nanoseconds since 1970, where the file system tells.
    pub modified_ns: Option<u64>,
    /// Its SHA-256, if it was small enough to take it in passing.
    pub sha256: Option<String>,
}

/// What a file of an import is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// It has rows.
    Data,
    /// It says what columns mean.
    Mapping,
}

/// What has become of a file since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceChange {
    /// It is not there any more.
    Gone,
    /// Its content is another.
    Changed,
    /// It was written again, with as many bytes as before; it was too large to tell more.
    Rewritten,
}

/// The files that an import of this data set reads. What is no file (an address, or not there) is left out.
pub(crate) fn files_of(dataset: &Dataset) -> Vec<SourceFile> {
    let mapping = std::iter::once((SourceKind::Mapping, dataset.path.as_path()));
    let data = dataset.sources().map(|source| (SourceKind::Data, source.file.as_path()));
    let mut files: Vec<SourceFile> = Vec::new();
    for (kind, path) in mapping.chain(data) {
        let Some(file) = SourceFile::of(kind, path) else { continue };
        if files.iter().all(|known| known.path != file.path) {
            files.push(file);
        }
    }
    files
}

impl SourceFile {
    fn of(kind: SourceKind, path: &Path) -> Option<Self> {
        let path = std::path::absolute(path).ok()?;
        let found = fs::metadata(&path).ok().filter(|found| !found.is_dir)?;
        let since = found.modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let sha256 = if found.len <= CHEAP { sha256_of(&path).ok() } else { None };
        Some(Self { kind, path, bytes: found.len, modified_ns: since.map(|s| s.as_nanos() as u64), sha256 })
    }

    /// What has become of it; `None` if it is as it was. Times are compared for being the same, so that a clock that went
    /// back misleads nobody.
    pub fn change(&self) -> Option<SourceChange> {
        let Some(now) = Self::of(self.kind, &self.path) else { return Some(SourceChange::Gone) };
        if now.bytes != self.bytes {
            return Some(SourceChange::Changed);
        }
        match (&self.sha256, &now.sha256) {
            (Some(then), Some(now)) => (then != now).then_some(SourceChange::Changed),
            _ => (self.modified_ns != now.modified_ns).then_some(SourceChange::Rewritten),
        }
    }
}

/// The SHA-256 of a file, in lower-case hexadecimal digits.
pub(crate) fn sha256_of(path: &Path) -> Result<String, FileError> {
    let mut file = fs::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer);
        let n = read.map_err(|source| FileError { action: "read", path: path.to_owned(), source })?;
        match buffer.get(..n).filter(|chunk| !chunk.is_empty()) {
            Some(chunk) => hash.update(chunk),
            None => return Ok(hexadecimal(&hash.finalize())),
        }
    }
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
