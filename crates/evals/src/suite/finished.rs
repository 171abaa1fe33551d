//! A run as it lies on the disk, to be summed up and shown without running anything.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use segue_world::{FileError, Timestamp, fs};

use super::store::{CASES, Details, RUN, RunFile, SUITE, read};
use super::{Fingerprint, StoreError, Suite, SuiteError};
use crate::CaseResult;

/// The results of a run with all their details, and the suite as it was when they were made.
#[derive(Debug, Clone, PartialEq)]
pub struct FinishedRun {
    /// The folder they are in.
    pub folder: PathBuf,
    /// The suite.
    pub suite: Suite,
    /// When the run was begun or last taken up.
    pub began: Timestamp,
    /// What the results depend on.
    pub fingerprint: Fingerprint,
    /// The results, ordered by variant, case and repeat.
    pub results: Vec<CaseResult>,
}

/// A run that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FinishedError {
    /// There is none.
    #[error("there are no results of a run in `{0}`; run the suite with `segue eval`")]
    None(PathBuf),
    /// What it was is not there or not readable.
    #[error(
        "`{path}` does not say what the run was ({reason}); run the suite again, results that are there are kept"
    )]
    Unknown {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Its suite cannot be used.
    #[error(transparent)]
    Suite(#[from] SuiteError),
    /// Its results cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FinishedRun {
    /// Reads the run in this folder: a folder of results, or one of several such, of which the latest counts that has not the
    /// fingerprint `other`.
    pub fn read(folder: &Path, other: Option<&str>) -> Result<Self, FinishedError> {
        let (folder, run) = find(folder, other)?;
        let path = folder.join(SUITE);
        let unknown = |e: FileError| FinishedError::Unknown { path: path.clone(), reason: e.to_string() };
        let text = fs::read_to_string(&path).map_err(unknown)?;
        // What is beside the suite's file is not beside the copy.
        let suite = Suite::parse(&text, run.file.as_ref().unwrap_or(&path))?;
        let (results, _torn) = read(&folder.join(CASES), Details::Kept)?;
        let by_key: BTreeMap<_, CaseResult> =
            results.into_iter().map(|r| ((r.variant.clone(), r.case.clone(), r.repeat), r)).collect();
        let results = by_key.into_values().collect();
        Ok(Self { folder, suite, began: run.began, fingerprint: run.fingerprint, results })
    }
}

fn find(folder: &Path, other: Option<&str>) -> Result<(PathBuf, RunFile), FinishedError> {
    let told = |folder: &Path| -> Result<RunFile, String> {
        let bytes = fs::read(&folder.join(RUN)).map_err(|e| e.to_string())?;
        serde_json::from_slice(&bytes).map_err(|e| e.to_string())
    };
    if fs::exists(&folder.join(CASES)) {
        let unknown = |reason| FinishedError::Unknown { path: folder.join(RUN), reason };
        return Ok((folder.to_owned(), told(folder).map_err(unknown)?));
    }
    let inside = fs::list(folder).unwrap_or_default();
    let runs =
        inside.into_iter().filter(|f| fs::exists(&f.join(CASES))).filter_map(|f| Some((told(&f).ok()?, f)));
    let latest =
        runs.filter(|(run, _)| other != Some(run.fingerprint.hash.as_str())).max_by_key(|(run, _)| run.began);
    latest.map(|(run, folder)| (folder, run)).ok_or_else(|| FinishedError::None(folder.to_owned()))
}
