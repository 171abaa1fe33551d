//! What went wrong, for a person and for a program.

use std::fmt;

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
                let message = error.to_string();
                // What stands behind the last semicolon of a message is what to do.
                match message.rsplit_once("; ") {
                    Some((what, remedy)) => Self::new($kind, what).remedy(remedy),
                    None => Self::new($kind, message),
                }
            }
        })+
    };
}

from_errors! {
    "workspace": segue_catalog::WorkspaceError,
    "catalog": segue_catalog::StoreError,
    "generations": segue_catalog::GenerationError,
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
