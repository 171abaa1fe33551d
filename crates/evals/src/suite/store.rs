//! The results of a run on the disk: `SUITE/FINGERPRINT/cases.jsonl`, a line a case run, written as it ends.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use segue_world::{FileError, FileLock, fs};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Fingerprint, Suite, Variant};
use crate::CaseResult;

pub(super) const CASES: &str = "cases.jsonl";
pub(super) const RUN: &str = "run.json";
pub(super) const SUITE: &str = "suite.toml";

/// Results that cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// Somebody else writes here.
    #[error("another run of this suite is writing to `{0}`; wait for it, or end it, and try again")]
    Busy(PathBuf),
    /// A line is no result.
    #[error("`{path}` line {line} is no result: {reason}; begin anew with --fresh")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// What a run was, beside its results.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RunFile {
    pub(super) suite: String,
    /// When it was begun.
    pub(super) began: segue_world::Timestamp,
    pub(super) fingerprint: Fingerprint,
    /// The suite's own file: data may be beside it.
    #[serde(default)]
    pub(super) file: Option<PathBuf>,
}

/// The results of one fingerprint of a suite. Whoever holds it is alone in writing there.
#[derive(Debug)]
pub struct ResultStore {
    folder: PathBuf,
    began: segue_world::Timestamp,
    /// By variant, case and repeat. Details stay on the disk.
    results: BTreeMap<(String, String, u32), CaseResult>,
    /// A last line that a kill had cut, and that was dropped.
    torn: bool,
    _lock: FileLock,
}

impl ResultStore {
    /// Opens the results of this fingerprint in `root/SUITE/FINGERPRINT`, those there are included unless `fresh`. A last line
    /// without its end was cut by a kill: it is dropped, and its case is run again.
    pub fn open(
        root: &Path,
        suite: &str,
        fingerprint: &Fingerprint,
        began: segue_world::Timestamp,
        fresh: bool,
    ) -> Result<Self, StoreError> {
        let folder = root.join(suite).join(&fingerprint.hash);
        fs::create_dir_all(&folder)?;
        let lock = fs::try_lock(&folder.join(".lock"))?.ok_or_else(|| StoreError::Busy(folder.clone()))?;
        let path = folder.join(CASES);
        if fresh {
            fs::remove_file(&path)?;
        }
        let (results, torn) = read(&path, Details::Dropped)?;
        if torn {
            let mut text = String::new();
            for line in
                String::from_utf8_lossy(&fs::read(&path)?).split_inclusive('\n').filter(|l| l.ends_with('\n'))
            {
                text.push_str(line);
            }
            fs::write_atomic(&path, text.as_bytes())?;
        }
        let before = fs::read(&folder.join(RUN)).ok();
        let file = before.and_then(|run| serde_json::from_slice::<RunFile>(&run).ok()?.file);
        let run = RunFile { suite: suite.to_owned(), began, fingerprint: fingerprint.clone(), file };
        fs::write_atomic(&folder.join(RUN), &serde_json::to_vec_pretty(&run).unwrap_or_default())?;
        let results = results.into_iter().map(|r| (key(&r), r)).collect();
        Ok(Self { folder, began, results, torn, _lock: lock })
    }

    /// Keeps the suite's file beside its results, so that they can be summed up again when it has changed, and where it was.
    pub fn keep_suite(&self, suite: &Suite) -> Result<(), StoreError> {
        let path = self.folder.join(RUN);
        if let Ok(mut run) = serde_json::from_slice::<RunFile>(&fs::read(&path)?) {
            run.file = std::path::absolute(&suite.path).ok();
            fs::write_atomic(&path, &serde_json::to_vec_pretty(&run).unwrap_or_default())?;
        }
        Ok(fs::write_atomic(&self.folder.join(SUITE), suite.text.as_bytes())?)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// When it was opened.
    pub fn began(&self) -> segue_world::Timestamp {
        self.began
    }

    /// True if a cut line was dropped.
    pub fn was_torn(&self) -> bool {
        self.torn
    }

    /// How many results there are that did not fail.
    pub fn len(&self) -> usize {
        self.results.values().filter(|r| r.error.is_none()).count()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True if this case has a result under this variant in this repeat. One that failed is tried again: a server that was away may
    /// be there now.
    pub(crate) fn has(&self, variants: &[Variant], variant: usize, case: &str, repeat: u32) -> bool {
        let name = variants.get(variant).map(|v| v.name.clone()).unwrap_or_default();
        self.results.get(&(name, case.to_owned(), repeat)).is_some_and(|r| r.error.is_none())
    }

    /// Keeps a result; it is on the disk when this returns.
    pub fn add(&mut self, mut result: CaseResult) -> Result<(), StoreError> {
        let mut line = serde_json::to_string(&result).unwrap_or_default();
        line.push('\n');
        fs::append(&self.folder.join(CASES), line.as_bytes())?;
        result.detail = Json::Null;
        self.results.insert(key(&result), result);
        Ok(())
    }

    /// The results there are, ordered by variant, case and repeat, without their details.
    pub fn results(&self) -> impl Iterator<Item = &CaseResult> {
        self.results.values()
    }

    /// The results, ordered by variant, case and repeat, without their details.
    pub fn into_results(self) -> Vec<CaseResult> {
        self.results.into_values().collect()
    }

    /// The latest run of the suite under another fingerprint than this, with its results.
    pub fn before(root: &Path, suite: &str, fingerprint: &str) -> Option<(Fingerprint, Vec<CaseResult>)> {
        let folders = fs::list(&root.join(suite)).ok()?;
        let runs = folders.into_iter().filter_map(|folder| {
            let run: RunFile = serde_json::from_slice(&fs::read(&folder.join(RUN)).ok()?).ok()?;
            let is_another = run.fingerprint.hash != fingerprint && fs::exists(&folder.join(CASES));
            is_another.then_some((run.began, folder, run.fingerprint))
        });
        let (_, folder, fingerprint) = runs.max_by_key(|(began, ..)| *began)?;
        Some((fingerprint, read(&folder.join(CASES), Details::Dropped).ok()?.0))
    }
}

fn key(result: &CaseResult) -> (String, String, u32) {
    (result.variant.clone(), result.case.clone(), result.repeat)
}

/// Whether the details of results are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Details {
    Kept,
    Dropped,
}

/// The results in a file, and whether its last line is cut.
pub(super) fn read(path: &Path, details: Details) -> Result<(Vec<CaseResult>, bool), StoreError> {
    let bytes = match fs::read(path) {
        Err(e) if e.is_not_found() => return Ok((Vec::new(), false)),
        other => other?,
    };
    // A cut may go through a character.
    let text = String::from_utf8_lossy(&bytes);
    let torn = !text.is_empty() && !text.ends_with('\n');
    let mut results = Vec::new();
    for (i, line) in text.split_inclusive('\n').enumerate() {
        if !line.ends_with('\n') {
            break;
        }
        let mut result: CaseResult = serde_json::from_str(line).map_err(|e| StoreError::Damaged {
            path: path.to_owned(),
            line: i + 1,
            reason: e.to_string(),
        })?;
        if details == Details::Dropped {
            result.detail = Json::Null;
        }
        results.push(result);
    }
    Ok((results, torn))
}
