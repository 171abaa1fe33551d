use std::fmt;

use segue_catalog::Suggestion;
use serde::{Deserialize, Serialize};

macro_rules! error_kinds {
    ($($(#[$doc:meta])* $kind:ident, $name:literal, $retryable:literal, $feedback:literal;)+) => {
        /// The kinds of failure of a tool call. Closed: one table gives each its stable name, whether the same
        /// call may work later, and what a model is told when nothing more precise is known.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum ErrorKind { $($(#[$doc])* $kind,)+ }

        impl ErrorKind {
            /// The stable name, as in JSON.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)+ }
            }

            /// Whether the same call may work later.
            pub fn is_retryable(self) -> bool {
                match self { $(Self::$kind => $retryable,)+ }
            }

            /// What a model is told when nothing more precise is known.
            pub fn feedback(self) -> &'static str {
                match self { $(Self::$kind => $feedback,)+ }
            }
        }
    };
}

error_kinds! {
    /// Arguments that do not parse, or that the catalogue does not confirm.
    InvalidArguments, "invalid_arguments", false, "the arguments are wrong; correct them and call again";
    /// No tool of this name.
    UnknownTool, "unknown_tool", false, "there is no such tool; use one of those listed";
    /// No set of this name, or not yet.
    UnknownSet, "unknown_set", false, "there is no such candidate set; name an earlier step";
    /// The item or value is not in the catalogue.
    NotFound, "not_found", false, "it is not in the catalogue; say so rather than replacing it";
    /// This workspace cannot do it (no embeddings, no users, …).
    Unsupported, "unsupported", false, "this workspace cannot do that; use another tool";
    /// It took too long.
    Timeout, "timeout", true, "the call took too long; narrow it and try again";
    /// The user or the run stopped it.
    Cancelled, "cancelled", false, "the call was cancelled";
    /// Approval was refused.
    Denied, "denied", false, "the call was not allowed; continue without it";
    /// An earlier step that it needs failed.
    Skipped, "skipped", false, "the call was skipped because a step that it depends on failed";
    /// A limit of the run was reached.
    Budget, "budget", false, "the budget of this run is used up; answer with what there is";
    /// A defect, or the disk.
    Internal, "internal", true, "the tool failed; continue without it";
}

/// A failed call, for two readers: `message` for whoever runs Segue, `feedback` for the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolError {
    /// Which kind.
    pub kind: ErrorKind,
    /// The argument it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What happened, with whatever detail there is.
    pub message: String,
    /// What a model is told: the field, the reason, the remedy.
    pub feedback: String,
    /// The nearest real names or values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nearest: Vec<Suggestion>,
}

impl ToolError {
    /// A failure whose text is fit for the model too.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind, at: None, feedback: message.clone(), message, nearest: Vec::new() }
    }

    /// A wrong argument.
    pub fn invalid(at: &str, message: impl Into<String>) -> Self {
        Self { at: Some(at.to_owned()), ..Self::new(ErrorKind::InvalidArguments, message) }
    }

    /// A failure of which the model is told no more than its kind.
    pub fn internal(source: impl fmt::Display) -> Self {
        let kind = ErrorKind::Internal;
        Self { feedback: kind.feedback().to_owned(), ..Self::new(kind, source.to_string()) }
    }

    /// Adds the nearest real values.
    #[must_use]
    pub fn with_nearest(mut self, nearest: Vec<Suggestion>) -> Self {
        self.nearest = nearest;
        self
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for (i, near) in self.nearest.iter().enumerate() {
            f.write_str(if i == 0 { "; nearest: " } else { ", " })?;
            match near.count {
                0 => write!(f, "`{}`", near.value)?,
                count => write!(f, "`{}` ({count})", near.value)?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for ToolError {}
