//! Scenarios: conversations in Markdown, with what must be true of each turn.
//!
//! A scenario is a page that people can read: prose, and fenced blocks between it. `catalog` holds the rows that are
//! searched, `user` is what somebody says, `model` what a scripted model answers, `expect` what must hold after the turn,
//! one assertion a line. `evals/scenarios/README.md` describes the language; every `.md` file beside it is run, by
//! `segue eval evals/scenarios` and by the tests.
//!
//! | file | holds |
//! |---|---|
//! | `document` | Markdown, as far as it matters |
//! | `parse`, `settings`, `assertion`, `scan` | what blocks, settings and lines say, and precise errors where they do not |
//! | `catalog`, `world`, `run` | the conversation, done by the agent as it is |
//! | `check`, `items`, `sql`, `snapshot`, `cases` | what must hold, held against what happened |
//! | `capture` | a scenario out of recorded traces |
//! | `junit` | outcomes for CI |

mod assertion;
mod capture;
mod cases;
mod catalog;
mod check;
mod document;
mod items;
mod junit;
mod parse;
mod run;
mod scan;
mod settings;
mod snapshot;
mod sql;
mod world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use segue_world::FileError;
use serde::Serialize;

use crate::{CaseResult, CaseUsage, Measure};

pub use capture::{CaptureError, capture, traces_of};
pub use junit::junit;
pub use run::{RunOptions, run};

/// What a run of scenarios showed.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ScenarioRun {
    /// One a scenario, in the order of files and headings.
    pub outcomes: Vec<ScenarioOutcome>,
    /// The files whose snapshots were written anew.
    pub updated: Vec<PathBuf>,
    /// True if it was stopped before all were run.
    pub is_stopped: bool,
    /// Wall time, in milliseconds.
    pub ms: f64,
}

/// What a scenario showed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScenarioOutcome {
    /// The file's name without its ending, and the heading where the file has several.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Where it begins, from 1.
    pub line: usize,
    /// How it ended.
    pub status: Status,
    /// How many assertions were checked.
    pub assertions: usize,
    /// What does not hold, or cannot be run.
    pub failures: Vec<Failure>,
    /// What does not hold and fails nothing: limits on wall time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Failure>,
    /// What was measured besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Why it was not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// The tools that were called, in order.
    pub tools: Vec<String>,
    /// What all turns cost; `ms` counts the checks too.
    pub usage: CaseUsage,
    /// Changes with anything that could change the outcome: the file, the catalogue, the tools, the prompts. Empty if
    /// nothing was run.
    pub fingerprint: String,
}

/// How a scenario ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All that it expects holds.
    Passed,
    /// Something does not.
    Failed,
    /// It was not run, because something that it needs is not on this machine.
    Skipped,
    /// It cannot be run: it is not written as it should be, or names what there is not.
    Broken,
}

/// Something that does not hold, and where it is expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The line of the file, from 1.
    pub line: usize,
    /// The column, from 1, where the line cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The assertion as it is written; empty if there is none.
    pub assertion: String,
    /// What was got instead, or what is wrong.
    pub got: String,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Files done.
    pub done: usize,
    /// Files to do.
    pub total: usize,
    /// The last one done.
    pub path: PathBuf,
}

/// Why nothing was run.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// There is no such file or folder.
    #[error("there is no `{path}`; name a scenario file or a folder of them")]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// A folder without scenarios.
    #[error("there is no scenario in `{path}`; scenarios are `.md` files")]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// No scenario has such a name.
    #[error("no scenario has `{filter}` in its name; leave --filter out to see all")]
    NoneFits {
        /// What was looked for.
        filter: String,
    },
    /// A folder cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Status {
    /// True if something does not hold or cannot be run.
    pub fn is_wrong(self) -> bool {
        matches!(self, Self::Failed | Self::Broken)
    }
}

impl ScenarioRun {
    /// How many scenarios ended so.
    pub fn count(&self, status: Status) -> usize {
        self.outcomes.iter().filter(|o| o.status == status).count()
    }

    /// Changes with the fingerprint of any scenario.
    pub fn fingerprint(&self) -> String {
        let parts: Vec<&str> = self.outcomes.iter().map(|o| o.fingerprint.as_str()).collect();
        run::digest(&parts)
    }
}

impl ScenarioOutcome {
    /// The outcome as a case, for whatever reads cases: `passed` is 0 or 1, `assertions` the share that holds. A skipped
    /// scenario says nothing and gives none.
    pub fn case(&self, variant: &str) -> Option<CaseResult> {
        if self.status == Status::Skipped {
            return None;
        }
        let is_passed = self.status == Status::Passed;
        let held = self.assertions.saturating_sub(self.failures.len());
        let metrics = BTreeMap::from([
            ("passed".to_owned(), Measure::one(f64::from(u8::from(is_passed)))),
            ("assertions".to_owned(), Measure::share(held, self.assertions)),
        ]);
        let error = self.failures.first().filter(|_| self.status == Status::Broken).map(|f| f.got.clone());
        Some(CaseResult {
            variant: variant.to_owned(),
            case: self.name.clone(),
            cluster: self.name.clone(),
            repeat: 0,
            metrics,
            usage: self.usage,
            tools: self.tools.clone(),
            detail: serde_json::to_value(&self.failures).unwrap_or_default(),
            fallback: None,
            shown: Vec::new(),
            error,
        })
    }
}

/// True if the path names scenarios: a Markdown file, or a folder with one in or under it.
pub fn is_scenarios(path: &Path) -> bool {
    if !segue_world::fs::is_dir(path) {
        return path.extension().is_some_and(|e| e.eq_ignore_ascii_case("md"));
    }
    let mut found = Vec::new();
    run::gather(path, 0, &mut found).is_ok() && !found.is_empty()
}
