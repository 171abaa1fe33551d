//! What went wrong, for a person and for a program.

use std::error::Error;
use std::{fmt, io};

use rusqlite::ErrorCode;
use serde::Serialize;

/// A job that failed: what, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Failure {
    /// A stable name.
    pub(crate) kind: &'static str,
    /// What happened.
    pub(crate) message: String,
    /// What to do now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remedy: Option<String>,
    /// The file, field or argument that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<String>,
    #[serde(skip)]
    usage: bool,
}

impl Failure {
    /// A failed job.
    pub(crate) fn new(kind: &'static str, message: impl fmt::Display) -> Self {
        Self { kind, message: message.to_string(), remedy: None, at: None, usage: false }
    }

    /// Something wrong in how the command was called: exit code 2.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self { usage: true, ..Self::new("usage", message) }
    }

    /// Adds what to do now.
    #[must_use]
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds the place.
    #[must_use]
    pub(crate) fn at(mut self, at: impl Into<String>) -> Self {
        self.at = Some(at.into());
        self
    }

    /// 1, or 2 for wrong usage.
    pub(crate) fn exit_code(&self) -> u8 {
        if self.usage { 2 } else { 1 }
    }
}

/// Failures of the rooms become failures of the command; their messages already name the place and the remedy.
macro_rules! from_errors {
    ($($kind:literal: $error:ty,)+) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                let (message, trouble) = (error.to_string(), trouble(&error));
                // What stands behind the last semicolon of a message is what to do, unless the disk is what is wrong.
                match (message.rsplit_once("; "), trouble) {
                    (Some((what, _)), Some(trouble)) => Self::new($kind, what).remedy(trouble),
                    (None, Some(trouble)) => Self::new($kind, message).remedy(trouble),
                    (Some((what, remedy)), None) => Self::new($kind, what).remedy(remedy),
                    (None, None) => Self::new($kind, message),
                }
            }
        })+
    };
}

/// What to do about a disk or a folder, wherever in the house it was found out.
fn trouble(error: &(dyn Error + 'static)) -> Option<&'static str> {
    const ROOM: &str = "make room on the disk and try again; nothing was lost";
    const RIGHTS: &str = "see that you may write there (permissions, a disk that is read-only), or choose another folder with --workspace";
    const DISK: &str = "see whether the disk is full or failing, and try again";
    const WAIT: &str = "another process is writing; wait for it and try again";
    const DAMAGED: &str = "run `segue doctor`; `segue restore` brings a backup back";
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                    return Some(ROOM);
                }
                io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => return Some(RIGHTS),
                _ => {}
            }
        }
        match error.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code) {
            Some(ErrorCode::DiskFull) => return Some(ROOM),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                return Some(RIGHTS);
            }
            Some(ErrorCode::SystemIoFailure) => return Some(DISK),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => return Some(WAIT),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => return Some(DAMAGED),
            _ => {}
        }
        // Tantivy keeps such errors (no space left, file too large) in words.
        let words = error.to_string();
        if words.contains("os error 28)") || words.contains("os error 27)") {
            return Some(ROOM);
        }
        next = error.source();
    }
    None
}

from_errors! {
    "workspace": segue_catalog::WorkspaceError,
    "catalog": segue_catalog::StoreError,
    "backup": segue_catalog::BackupError,
    "generations": segue_catalog::GenerationError,
    "steering": segue_catalog::SteeringError,
    "dataset": segue_catalog::DatasetError,
    "infer": segue_catalog::InferError,
    "import": segue_catalog::ImportError,
    "engine": segue_retrieval::EngineError,
    "index": segue_retrieval::IndexError,
    "shelf": segue_models::ShelfError,
    "model": segue_models::LoadError,
    "settings": segue_models::EmbeddingSettingsError,
    "model": segue_models::ChatError,
    "model": segue_models::ConfigError,
    "model": segue_models::OpenError,
    "prompt": segue_agent::model::PromptError,
    "agent": segue_agent::AgentError,
    "session": segue_agent::SessionError,
    "trace": segue_agent::trace::TraceError,
    "scenario": segue_evals::scenario::ScenarioError,
    "capture": segue_evals::scenario::CaptureError,
    "suite": segue_evals::suite::SuiteError,
    "data": segue_evals::adapters::AdapterError,
    "results": segue_evals::suite::StoreError,
    "baseline": segue_evals::suite::BaselineError,
    "run": segue_evals::suite::RunError,
    "results": segue_evals::suite::FinishedError,
    "judgments": segue_evals::judgments::JudgmentsError,
    "report": segue_evals::report::ReportError,
    "report": segue_evals::report::JunitError,
    "file": segue_world::FileError,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
