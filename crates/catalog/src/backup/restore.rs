//! Restores a backup.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use segue_world::{FileLock, fs};
use serde::Serialize;

use super::archive::{Digesting, uncompressed};
use super::{ArchivedFile, BackupError, BackupManifest, BackupProgress, FORMAT, MANIFEST};
use crate::{GenerationState, Store, StoreError, Workspace};

/// A manifest is smaller: a few hundred bytes a file.
const LARGEST_MANIFEST: u64 = 256 << 20;

/// A backup that was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The workspace.
    pub workspace: PathBuf,
    /// When the backup was made, ISO 8601.
    pub created: String,
    /// The generation that serves.
    pub serving: Option<u32>,
    /// Files restored.
    pub files: usize,
    /// Where what was there before is now; it can be removed.
    pub replaced: Option<PathBuf>,
}

/// Restores a backup as this workspace. Everything is read and checked beside it first, then takes its place at once: killed
/// at any time, the workspace is the old one or the new one. With `force` what was there is put aside, not removed.
pub fn restore(
    file: &Path,
    workspace: &Workspace,
    force: bool,
    progress: &mut dyn FnMut(BackupProgress),
    cancelled: &dyn Fn() -> bool,
) -> Result<Restored, BackupError> {
    // Where a link leads, so that the folder changes places and not the link.
    let root = workspace.root().canonicalize().or_else(|_| std::path::absolute(workspace.root()));
    let root = root.map_err(|source| segue_world::FileError {
        action: "find",
        path: workspace.root().to_owned(),
        source,
    })?;
    let is_there = fs::exists(&root);
    let is_occupied =
        is_there && (!fs::is_dir(&root) || fs::list(&root)?.iter().any(|p| !p.ends_with(".lock")));
    if is_occupied && !(force && fs::is_dir(&root)) {
        return Err(BackupError::Occupied(root));
    }
    let _lock = if is_there { Some(workspace.lock_for_writing()?) } else { None };
    let staging = Staging::begin(&root)?;
    let manifest = match read(file, &staging, progress, cancelled).and_then(|m| check(file, &staging, m)) {
        Ok(manifest) => manifest,
        Err(error) => {
            staging.remove();
            return Err(error);
        }
    };
    let replaced = staging.take_the_place_of(&root, is_there, is_occupied)?;
    Ok(Restored {
        workspace: workspace.root().to_owned(),
        created: manifest.created,
        serving: manifest.serving,
        files: manifest.files.len(),
        replaced,
    })
}

/// The folder, beside the workspace, that becomes the workspace.
struct Staging {
    folder: PathBuf,
    /// The new workspace's own, so that nobody writes in it before this is done.
    _lock: FileLock,
}

impl Staging {
    fn begin(root: &Path) -> Result<Self, BackupError> {
        let folder = Workspace::at(root).restore_dir();
        fs::create_dir_all(&folder)?;
        let lock = fs::try_lock(&folder.join(".lock"))?.ok_or_else(|| BackupError::Busy(root.to_owned()))?;
        // What a killed restore left.
        for path in fs::list(&folder)?.into_iter().filter(|p| !p.ends_with(".lock")) {
            if fs::is_dir(&path) && !fs::is_link(&path) {
                fs::remove_dir_all(&path)?;
            } else {
                fs::remove_file(&path)?;
            }
        }
        Ok(Self { folder, _lock: lock })
    }

    fn remove(self) {
        // If it stays, the next restore removes it, or `segue doctor --fix`.
        let _ = fs::remove_dir_all(&self.folder);
    }

    fn take_the_place_of(
        self,
        root: &Path,
        is_there: bool,
        is_occupied: bool,
    ) -> Result<Option<PathBuf>, BackupError> {
        if !is_there {
            fs::rename(&self.folder, root)?;
            return Ok(None);
        }
        // Under its last name before it changes places: what is in it then is the old workspace, and nobody removes that.
        let aside = free_name(root);
        fs::rename(&self.folder, &aside)?;
        if let Err(error) = fs::exchange(root, &aside, &aside.with_extension("moving")) {
            let _ = fs::remove_dir_all(&aside);
            return Err(error.into());
        }
        if is_occupied {
            return Ok(Some(aside));
        }
        let _ = fs::remove_dir_all(&aside);
        Ok(None)
    }
}

/// `NAME.replaced`, or with the first number that nobody has.
fn free_name(root: &Path) -> PathBuf {
    let named = |ending: String| {
        let mut name = root.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let numbered = (2..).map(|n| named(format!(".replaced-{n}")));
    std::iter::once(named(".replaced".to_owned()))
        .chain(numbered)
        .find(|p| !fs::exists(p))
        .unwrap_or_default()
}

/// Counts what is read of the archive.
struct Counting<R>(R, Arc<AtomicU64>);

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.0.read(buffer)?;
        self.1.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// Reads the archive into the folder; gives the manifest and what was read. Nothing but plain files with plain names below
/// the folder is made, and each only once, so that no name and no link leads out of it.
fn read(
    file: &Path,
    staging: &Staging,
    progress: &mut dyn FnMut(BackupProgress),
    cancelled: &dyn Fn() -> bool,
) -> Result<(BackupManifest, Vec<ArchivedFile>), BackupError> {
    let bad = |reason: String| BackupError::Archive { path: file.to_owned(), reason };
    let broken = |e: io::Error| bad(e.to_string());
    let total = fs::metadata(file)?.len;
    let done = Arc::new(AtomicU64::new(0));
    let opened = fs::open(file)?.into_inner();
    let reader = BufReader::with_capacity(1 << 16, Counting(opened, done.clone()));
    let mut archive = tar::Archive::new(uncompressed(reader).map_err(broken)?);
    let (mut manifest, mut files) = (None, Vec::new());
    for entry in archive.entries().map_err(broken)? {
        if cancelled() {
            return Err(BackupError::Cancelled);
        }
        progress(BackupProgress { stage: "reading", done: done.load(Ordering::Relaxed), total });
        let mut entry = entry.map_err(broken)?;
        let bytes = entry.size();
        let name = String::from_utf8(entry.path_bytes().into_owned())
            .map_err(|_| bad("a name in it is not UTF-8".to_owned()))?;
        if entry.header().entry_type() != tar::EntryType::Regular || !is_plain(&name) {
            return Err(bad(format!("`{}` in it is no plain file below its folder", name.escape_debug())));
        }
        if name == MANIFEST {
            let mut json = Vec::new();
            entry.by_ref().take(LARGEST_MANIFEST).read_to_end(&mut json).map_err(broken)?;
            manifest = Some(parse(file, &json)?);
            continue;
        }
        let target = staging.folder.join(&name);
        let free = fs::free_space(&staging.folder)?;
        if bytes > free {
            return Err(BackupError::NoRoom { path: name, needed: bytes, free });
        }
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut out = fs::create_new(&target)?;
        let mut reader = Digesting::new(entry);
        let failed = |source| segue_world::FileError { action: "write", path: target.clone(), source };
        copy(&mut reader, &mut out, &broken, &failed)?;
        let written = out.into_inner().map_err(io::IntoInnerError::into_error).and_then(|f| f.sync_all());
        written.map_err(failed)?;
        let bytes = reader.bytes;
        files.push(ArchivedFile { path: name, bytes, sha256: reader.sha256() });
    }
    let manifest = manifest.ok_or_else(|| bad(format!("it has no `{MANIFEST}`")))?;
    Ok((manifest, files))
}

/// Copies, and tells a damaged archive from a full disk.
fn copy(
    from: &mut impl Read,
    to: &mut impl Write,
    broken: &dyn Fn(io::Error) -> BackupError,
    failed: &dyn Fn(io::Error) -> segue_world::FileError,
) -> Result<(), BackupError> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = from.read(&mut buffer).map_err(broken)?;
        match buffer.get(..n).filter(|chunk| !chunk.is_empty()) {
            Some(chunk) => to.write_all(chunk).map_err(failed)?,
            None => return Ok(()),
        }
    }
}

/// True of a relative path of plain names that means the same everywhere.
fn is_plain(name: &str) -> bool {
    let is_normal = |part: Component<'_>| matches!(part, Component::Normal(_));
    !name.is_empty()
        && !name.ends_with('/')
        && !name.contains(['\\', ':', '\0'])
        && Path::new(name).components().all(is_normal)
        && name != ".lock"
}

fn parse(file: &Path, json: &[u8]) -> Result<BackupManifest, BackupError> {
    let bad = |e: serde_json::Error| BackupError::Archive {
        path: file.to_owned(),
        reason: format!("its `{MANIFEST}` does not parse: {e}"),
    };
    let value: serde_json::Value = serde_json::from_slice(json).map_err(bad)?;
    let format = value.get("format").and_then(serde_json::Value::as_u64).unwrap_or(0);
    if format > u64::from(FORMAT) {
        let made_by = value.get("made_by").and_then(serde_json::Value::as_str).unwrap_or("?").to_owned();
        return Err(BackupError::TooNew { path: file.to_owned(), made_by });
    }
    serde_json::from_value(value).map_err(bad)
}

/// Everything is there, nothing else is, all sums are right, and it is a workspace that this version can read.
fn check(
    file: &Path,
    staging: &Staging,
    (manifest, files): (BackupManifest, Vec<ArchivedFile>),
) -> Result<BackupManifest, BackupError> {
    let bad = |reason: String| BackupError::Archive { path: file.to_owned(), reason };
    let found: BTreeMap<&str, &ArchivedFile> = files.iter().map(|f| (f.path.as_str(), f)).collect();
    for wanted in &manifest.files {
        match found.get(wanted.path.as_str()) {
            None => return Err(bad(format!("`{}` is missing", wanted.path))),
            Some(found) if *found != wanted => {
                return Err(bad(format!("`{}` is not what the manifest says", wanted.path)));
            }
            Some(_) => {}
        }
    }
    if found.len() != manifest.files.len() {
        return Err(bad("it has files that its manifest does not name".to_owned()));
    }
    let workspace = Workspace::at(&staging.folder);
    if !workspace.is_there() {
        return Err(bad("there is no `catalog.db` in it".to_owned()));
    }
    let unreadable = |e: StoreError| match e {
        StoreError::TooNew { .. } => {
            BackupError::TooNew { path: file.to_owned(), made_by: manifest.made_by.clone() }
        }
        other => bad(other.to_string()),
    };
    let faults = Store::faults_of_file(&workspace.catalog_db()).map_err(unreadable)?;
    if let Some(fault) = faults.into_iter().next() {
        return Err(bad(format!("`catalog.db` is damaged: {fault}")));
    }
    let all = Store::read(&workspace).and_then(|store| store.generations()).map_err(unreadable)?;
    if let Some(serving) = manifest.serving {
        let is_indexed = all.iter().any(|g| g.number == serving && g.state == GenerationState::Indexed);
        let serves = workspace.current().is_ok_and(|current| current == serving);
        let rows = manifest.workspace_version == 0 || fs::exists(&workspace.rows_db(serving));
        if !is_indexed || !serves || !rows || !fs::is_dir(&workspace.generation_dir(serving)) {
            return Err(bad(format!("generation {serving}, which served, is not whole in it")));
        }
    }
    Ok(manifest)
}
