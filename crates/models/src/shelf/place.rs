//! Files that come in: hashed while they are written, and put in place only when they are right.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use segue_world::{FileError, fs};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::manifest::FileSpec;

const CHUNK: usize = 1 << 18;

/// Streams `reader` to `folder/spec.name` by way of a partial file beside it, which becomes the file only if
/// its SHA-256 is the right one. `seen` is told how many bytes have come.
///
/// # Errors
/// Why not, in one line; the partial file is gone then.
pub(crate) fn place(
    reader: &mut dyn Read,
    folder: &Path,
    spec: &FileSpec,
    seen: &mut dyn FnMut(u64),
) -> Result<(), String> {
    let target = folder.join(&spec.name);
    let partial = folder.join(format!("{}.part", spec.name));
    let result = write_and_hash(reader, &partial, seen).and_then(|(digest, bytes)| {
        if digest == spec.sha256 {
            return fs::rename(&partial, &target).map_err(|e| e.to_string());
        }
        Err(format!(
            "`{}` has {bytes} bytes with SHA-256 `{digest}` instead of {} with `{}`",
            spec.name, spec.bytes, spec.sha256
        ))
    });
    if result.is_err() {
        // The next attempt begins afresh in any case, so a failure to clean up is not worth reporting.
        let _ = fs::remove_file(&partial);
    }
    result
}

fn write_and_hash(
    reader: &mut dyn Read,
    partial: &Path,
    seen: &mut dyn FnMut(u64),
) -> Result<(String, u64), String> {
    let mut file = fs::writer(partial).map_err(|e| e.to_string())?;
    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut buffer = vec![0; CHUNK];
    loop {
        let n = reader.read(&mut buffer).map_err(|e| format!("broke off after {bytes} bytes: {e}"))?;
        let Some(chunk) = buffer.get(..n).filter(|chunk| !chunk.is_empty()) else { break };
        hash.update(chunk);
        file.write_all(chunk).map_err(|e| format!("cannot write `{}`: {e}", partial.display()))?;
        bytes += n as u64;
        seen(bytes);
    }
    file.into_inner()
        .map_err(std::io::IntoInnerError::into_error)
        .and_then(|file| file.sync_all())
        .map_err(|e| format!("cannot write `{}`: {e}", partial.display()))?;
    Ok((hexadecimal(&hash.finalize()), bytes))
}

/// The SHA-256 of a file.
pub(crate) fn digest(path: &Path) -> Result<String, FileError> {
    let mut file = fs::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        let n = file.read(&mut buffer).map_err(|source| FileError {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
        match buffer.get(..n).filter(|chunk| !chunk.is_empty()) {
            Some(chunk) => hash.update(chunk),
            None => return Ok(hexadecimal(&hash.finalize())),
        }
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// What was known of a file when its SHA-256 was last computed. As long as size and time are the same it
/// need not be computed again, which for weights takes longer than a warm start may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seal {
    pub(crate) sha256: String,
    bytes: u64,
    modified_ns: u64,
}

impl Seal {
    /// Seals a file whose digest has just been checked.
    pub(crate) fn of(path: &Path, sha256: &str) -> Result<Self, FileError> {
        let found = fs::metadata(path)?;
        let modified = found.modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Ok(Self {
            sha256: sha256.to_owned(),
            bytes: found.len,
            modified_ns: modified.map_or(0, |since| since.as_nanos() as u64),
        })
    }

    /// True if the file has not been touched since.
    pub(crate) fn is_unbroken(&self, path: &Path) -> bool {
        Self::of(path, &self.sha256).is_ok_and(|now| now == *self && self.modified_ns != 0)
    }
}

/// Removes what an interrupted fetch left behind.
pub(crate) fn sweep(folder: &Path) -> Result<(), FileError> {
    let is_partial = |path: &PathBuf| path.extension().is_some_and(|e| e == "part");
    for partial in fs::list(folder)?.into_iter().filter(is_partial) {
        if fs::is_dir(&partial) { fs::remove_dir_all(&partial)? } else { fs::remove_file(&partial)? }
    }
    Ok(())
}
