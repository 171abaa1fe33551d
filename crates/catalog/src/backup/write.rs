//! Makes a backup.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use segue_world::{World, fs};
use serde::Serialize;

use super::archive::{Compression, Compressor, Digesting};
use super::{ArchivedFile, BackupError, BackupManifest, BackupPart, BackupProgress, FORMAT, MANIFEST};
use crate::{Generation, GenerationState, Store, StoreError, Workspace, WorkspaceError};

/// How often a copy is made again because a build ended meanwhile, before writers are made to wait.
const ATTEMPTS: u32 = 3;
/// Pages of a database that are copied at a time.
const PAGES: i32 = 4096;

/// What is to be in a backup.
#[derive(Debug, Clone, Default)]
pub struct BackupOptions {
    /// Parts to leave out.
    pub without: Vec<BackupPart>,
    /// Replace a file of the same name.
    pub force: bool,
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackedUp {
    /// Where it is.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Files in it.
    pub files: usize,
    /// Their size.
    pub content_bytes: u64,
    /// The generation that serves.
    pub serving: Option<u32>,
    /// Files that were left out: keys, and links.
    pub left_out: Vec<String>,
}

/// Writes a backup of the workspace to this file, which appears when it is whole. Others read and write meanwhile.
pub fn backup(
    workspace: &Workspace,
    file: &Path,
    options: &BackupOptions,
    world: &dyn World,
    progress: &mut dyn FnMut(BackupProgress),
    cancelled: &dyn Fn() -> bool,
) -> Result<BackedUp, BackupError> {
    if !workspace.is_there() {
        return Err(WorkspaceError::Missing(workspace.root().to_owned()).into());
    }
    let compression = Compression::of_name(file).ok_or_else(|| BackupError::Name(file.to_owned()))?;
    if is_inside(file, workspace.root()) {
        return Err(BackupError::Inside(file.to_owned()));
    }
    if fs::exists(file) && !options.force {
        return Err(BackupError::Exists(file.to_owned()));
    }
    let (part, copies) = (beside(file, ".part"), beside(file, ".databases.part"));
    let _lock = fs::try_lock(&part)?.ok_or_else(|| BackupError::Busy(file.to_owned()))?;
    let mut job =
        Job { workspace, part: &part, copies: &copies, compression, options, world, progress, cancelled };
    let made = job.make();
    let _ = fs::remove_dir_all(&copies);
    let manifest = match made.and_then(|manifest| Ok(fs::rename(&part, file).map(|()| manifest)?)) {
        Ok(manifest) => manifest,
        Err(error) => {
            let _ = fs::remove_file(&part);
            return Err(error);
        }
    };
    Ok(BackedUp {
        file: file.to_owned(),
        bytes: fs::size_of(file),
        files: manifest.files.len(),
        content_bytes: manifest.files.iter().map(|f| f.bytes).sum(),
        serving: manifest.serving,
        left_out: manifest.left_out,
    })
}

/// A neighbour of the archive. Always the same, so that what a kill left is found and used again.
fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn is_inside(file: &Path, root: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path));
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    matches!((real(folder), real(root)), (Ok(folder), Ok(root)) if folder.starts_with(&root))
}

struct Job<'a> {
    workspace: &'a Workspace,
    part: &'a Path,
    copies: &'a Path,
    compression: Compression,
    options: &'a BackupOptions,
    world: &'a dyn World,
    progress: &'a mut dyn FnMut(BackupProgress),
    cancelled: &'a dyn Fn() -> bool,
}

/// What must be the same before and after: what serves, and the files of the generations.
type State = (Option<u32>, Vec<(PathBuf, u64, Option<SystemTime>)>);

/// Why an attempt came to nothing.
enum Cut {
    /// Something went away or changed under it.
    Moved,
    Failed(BackupError),
}

impl<E: Into<BackupError>> From<E> for Cut {
    fn from(error: E) -> Self {
        match error.into() {
            BackupError::File(error) if error.is_not_found() => Self::Moved,
            other => Self::Failed(other),
        }
    }
}

impl Job<'_> {
    fn make(&mut self) -> Result<BackupManifest, BackupError> {
        for _ in 0..ATTEMPTS {
            match self.attempt() {
                Err(Cut::Moved) => {}
                Err(Cut::Failed(error)) => return Err(error),
                Ok(manifest) => return Ok(manifest),
            }
        }
        let _lock = self.workspace.lock_for_writing()?;
        match self.attempt() {
            Ok(manifest) => Ok(manifest),
            Err(Cut::Failed(error)) => Err(error),
            Err(Cut::Moved) => Err(BackupError::Busy(self.workspace.root().to_owned())),
        }
    }

    fn attempt(&mut self) -> Result<BackupManifest, Cut> {
        fs::remove_dir_all(self.copies)?;
        fs::create_dir_all(self.copies)?;
        // The list of generations first: it says which files belong to the copy.
        let list = self.copies.join("catalog.db");
        self.copy_database(&self.workspace.catalog_db(), &list)?;
        let store = Store::read_file(&list)?;
        let generations = store.generations()?;
        let before = self.state(&generations);
        let (mut wanted, left_out) = self.wanted(&generations)?;
        let mut manifest = BackupManifest {
            format: FORMAT,
            made_by: env!("CARGO_PKG_VERSION").to_owned(),
            created: self.world.now().to_string(),
            workspace_version: store.version()?,
            serving: before.0,
            without: self.options.without.clone(),
            left_out,
            files: Vec::new(),
            generations,
        };
        drop(store);
        for (n, (name, path)) in wanted.iter_mut().enumerate() {
            if name == "catalog.db" {
                path.clone_from(&list);
            } else if path.extension() == Some(OsStr::new("db")) && !is_settled(name, &manifest.generations) {
                let copy = self.copies.join(format!("{n}.db"));
                self.copy_database(path, &copy)?;
                *path = copy;
            }
        }
        self.write(&wanted, &mut manifest)?;
        let is_whole = |g: &Generation| {
            let rows = format!("{}rows.db", folder_of(g));
            manifest.workspace_version == 0 || manifest.files.iter().any(|f| f.path == rows)
        };
        let serves_what_is_in_it =
            before.0.is_none_or(|n| manifest.generations.iter().any(|g| g.number == n));
        let same = self.state(&manifest.generations) == before;
        let whole = serves_what_is_in_it && manifest.generations.iter().all(is_whole);
        if same && whole { Ok(manifest) } else { Err(Cut::Moved) }
    }

    fn state(&self, generations: &[Generation]) -> State {
        let mut files = Vec::new();
        let mut look = |_: String, path: PathBuf| {
            if let Ok(found) = fs::metadata(&path) {
                files.push((path, found.len, found.modified));
            }
        };
        for generation in generations.iter().filter(|g| g.state == GenerationState::Indexed) {
            // What cannot be listed now can be neither then, or is an error when it is read.
            let _ = walk(&self.workspace.generation_dir(generation.number), "", &is_scrap, &mut look);
        }
        (self.workspace.current().ok(), files)
    }

    /// The files to archive, by their name in the archive, and the names of those to leave out.
    fn wanted(
        &self,
        generations: &[Generation],
    ) -> Result<(Vec<(String, PathBuf)>, Vec<String>), BackupError> {
        let root = self.workspace.root();
        let (mut wanted, mut left_out) = (Vec::new(), Vec::new());
        let keys = key_files(self.workspace)?;
        let without = |part| self.options.without.contains(&part);
        let skip = |name: &str| {
            is_scrap(name)
                || (without(BackupPart::Sessions) && name == "sessions.db")
                || (without(BackupPart::Traces) && name == "traces")
                || (without(BackupPart::Cache) && name == "cache")
        };
        walk(root, "", &skip, &mut |name, path| {
            let is_key = || path.canonicalize().is_ok_and(|path| keys.contains(&path));
            if fs::is_link(&path) || is_key() {
                left_out.push(name);
            } else {
                wanted.push((name, path));
            }
        })?;
        // Of one that is not indexed yet there are rows alone; one that is not in the list is being imported.
        wanted.retain(|(name, _)| {
            let belongs = |g: &Generation| match g.state {
                GenerationState::Indexed => name.starts_with(&folder_of(g)),
                GenerationState::Imported => *name == format!("{}rows.db", folder_of(g)),
            };
            !name.starts_with("generations/") || generations.iter().any(belongs)
        });
        Ok((wanted, left_out))
    }

    /// One state of a database, whoever writes to it meanwhile.
    fn copy_database(&mut self, from: &Path, to: &Path) -> Result<(), BackupError> {
        let at = |source| StoreError::Sqlite { path: from.to_owned(), source };
        let source = crate::sqlite::open_read_only(from).map_err(at)?;
        // One transaction for all steps: SQLite would begin anew at every commit of another process.
        source.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema;").map_err(at)?;
        {
            let mut target = Connection::open(to).map_err(at)?;
            target.execute_batch("PRAGMA synchronous = off").map_err(at)?;
            let copy = Backup::new(&source, &mut target).map_err(at)?;
            loop {
                if (self.cancelled)() {
                    return Err(BackupError::Cancelled);
                }
                let step = copy.step(PAGES).map_err(at)?;
                let pages = copy.progress();
                let (total, left) = (pages.pagecount.max(0) as u64, pages.remaining.max(0) as u64);
                (self.progress)(BackupProgress { stage: "copying databases", done: total - left, total });
                match step {
                    StepResult::Done => break,
                    StepResult::More => {}
                    _ => std::thread::sleep(std::time::Duration::from_millis(20)),
                }
            }
        }
        match Store::faults_of_file(to)?.into_iter().next() {
            Some(fault) => Err(BackupError::Damaged { path: from.to_owned(), fault }),
            None => Ok(()),
        }
    }

    fn write(&mut self, wanted: &[(String, PathBuf)], manifest: &mut BackupManifest) -> Result<(), Cut> {
        let part = self.part;
        let failed = |source| Cut::Failed(BackupError::Write { path: part.to_owned(), source });
        let total = wanted.iter().map(|(_, path)| fs::size_of(path)).sum();
        let mut done = 0;
        let compressor = Compressor::new(fs::writer(part)?, self.compression).map_err(failed)?;
        let mut archive = tar::Builder::new(compressor);
        for (name, path) in wanted {
            if (self.cancelled)() {
                return Err(Cut::Failed(BackupError::Cancelled));
            }
            let file = fs::open(path)?;
            let bytes = file.get_ref().metadata().map_err(failed)?.len();
            // What is appended meanwhile (a trace) is not in this backup.
            let mut reader = Digesting::new(file.take(bytes));
            archive.append_data(&mut header(bytes), name, &mut reader).map_err(failed)?;
            if reader.bytes != bytes {
                return Err(Cut::Moved);
            }
            let sha256 = reader.sha256();
            manifest.files.push(ArchivedFile { path: name.clone(), bytes, sha256 });
            done += bytes;
            (self.progress)(BackupProgress { stage: "writing", done, total });
        }
        let json = serde_json::to_vec_pretty(&manifest).map_err(|e| failed(e.into()))?;
        archive.append_data(&mut header(json.len() as u64), MANIFEST, json.as_slice()).map_err(failed)?;
        archive.into_inner().and_then(Compressor::finish).map_err(failed)
    }
}

/// The folder of a generation in the archive.
fn folder_of(generation: &Generation) -> String {
    format!("generations/{:04}/", generation.number)
}

/// True of a file that nobody writes any more: of a generation that is indexed.
fn is_settled(name: &str, generations: &[Generation]) -> bool {
    let is_indexed = |g: &&Generation| g.state == GenerationState::Indexed;
    generations.iter().filter(is_indexed).any(|g| name.starts_with(&folder_of(g)))
}

fn header(bytes: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(bytes);
    header
}

/// What belongs to a process or a machine: locks, logs of databases, half-done work, measured speeds.
fn is_scrap(name: &str) -> bool {
    let path = Path::new(name);
    let is = |end: &str| path.extension().is_some_and(|found| found == end);
    let is_tantivys = || path.file_name().is_some_and(|last| last.to_string_lossy().starts_with(".tantivy-"));
    let is_lock = path.ends_with(".lock") || (is("lock") && is_tantivys());
    let is_left = ["db-wal", "db-shm", "db-journal", "part", "old"].iter().any(|end| is(end));
    is_lock || is_left || name == "rates.json"
}

/// Every file under a folder by its name from there; `skip` leaves out files and whole folders. Links are files here.
fn walk(
    folder: &Path,
    prefix: &str,
    skip: &dyn Fn(&str) -> bool,
    found: &mut dyn FnMut(String, PathBuf),
) -> Result<(), BackupError> {
    for path in fs::list(folder)? {
        let Some(last) = path.file_name().and_then(OsStr::to_str) else {
            let source = io::Error::new(io::ErrorKind::InvalidFilename, "its name is not UTF-8; rename it");
            return Err(segue_world::FileError { action: "archive", path, source }.into());
        };
        let name = if prefix.is_empty() { last.to_owned() } else { format!("{prefix}/{last}") };
        if skip(&name) {
            continue;
        }
        if fs::is_dir(&path) && !fs::is_link(&path) {
            walk(&path, &name, skip, found)?;
        } else {
            found(name, path);
        }
    }
    Ok(())
}

/// The files that `key_file` in `workspace.toml` names.
fn key_files(workspace: &Workspace) -> Result<Vec<PathBuf>, BackupError> {
    let text = match fs::read_to_string(&workspace.settings()) {
        Err(e) if e.is_not_found() => return Ok(Vec::new()),
        other => other?,
    };
    let document: toml::Table = toml::from_str(&text).map_err(|e| {
        let before = e.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let reason = "it does not parse, so that files with keys cannot be told from others".to_owned();
        let line = before.matches('\n').count() + 1;
        WorkspaceError::Settings { path: workspace.settings(), line, reason }
    })?;
    let models = document.get("models").and_then(toml::Value::as_table);
    let named = models.into_iter().flat_map(|models| models.values());
    let named = named.filter_map(|model| model.get("key_file")?.as_str());
    Ok(named.filter_map(|file| workspace.root().join(file).canonicalize().ok()).collect())
}
