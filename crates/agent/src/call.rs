use segue_catalog::{Diagnosis, Handle};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{StepRef, ToolError};

/// A call that the run wants made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The step of the plan.
    pub step: String,
    /// The tool's name.
    pub tool: String,
    /// The arguments as planned.
    pub args: Json,
    /// The step or set outside which nothing may be returned.
    pub within: Option<StepRef>,
    /// The name that a resulting set bears. Given here, in the order of the plan, so that what runs side by
    /// side is named the same in every run.
    pub handle: Handle,
}

/// What came of a call. Every call gets one, whatever happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Wire", into = "Wire")]
pub struct CallAnswer {
    /// The step of the plan.
    pub step: String,
    /// The tool's name.
    pub tool: String,
    /// The arguments as resolved; as planned, if they did not get so far.
    pub args: Json,
    /// What came back.
    pub outcome: CallOutcome,
    /// How long it took, in milliseconds.
    pub ms: f64,
    /// What the tool or the driver noticed and the reader should know.
    pub notes: Vec<String>,
}

/// What a call came back with. Sets stay with the driver; this is what the run sees of them.
#[derive(Debug, Clone, PartialEq)]
pub enum CallOutcome {
    /// A candidate set.
    Set {
        /// Its name.
        handle: Handle,
        /// How many items it holds.
        count: u64,
        /// Its first items.
        top: Vec<TopItem>,
        /// Why it is empty, where that can be said.
        diagnosis: Option<Diagnosis>,
    },
    /// Facts: rows looked up, counts.
    Facts(Json),
    /// A failure.
    Failed(ToolError),
}

/// One of the first items of a set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopItem {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its score in the set; `None` if the set only filters.
    pub score: Option<f64>,
}

impl CallAnswer {
    /// The answer to a call that failed before or while it ran.
    pub fn failed(call: &ToolCall, error: ToolError, ms: f64) -> Self {
        Self {
            step: call.step.clone(),
            tool: call.tool.clone(),
            args: call.args.clone(),
            outcome: CallOutcome::Failed(error),
            ms,
            notes: Vec::new(),
        }
    }

    /// True unless it failed.
    pub fn is_ok(&self) -> bool {
        self.error().is_none()
    }

    /// What went wrong.
    pub fn error(&self) -> Option<&ToolError> {
        match &self.outcome {
            CallOutcome::Failed(error) => Some(error),
            CallOutcome::Set { .. } | CallOutcome::Facts(_) => None,
        }
    }

    /// The name of the set that came back.
    pub fn handle(&self) -> Option<&Handle> {
        match &self.outcome {
            CallOutcome::Set { handle, .. } => Some(handle),
            CallOutcome::Facts(_) | CallOutcome::Failed(_) => None,
        }
    }

    /// How many items the set holds that came back.
    pub fn count(&self) -> Option<u64> {
        match &self.outcome {
            CallOutcome::Set { count, .. } => Some(*count),
            CallOutcome::Facts(_) | CallOutcome::Failed(_) => None,
        }
    }

    /// Why the set is empty that came back.
    pub fn diagnosis(&self) -> Option<&Diagnosis> {
        match &self.outcome {
            CallOutcome::Set { diagnosis, .. } => diagnosis.as_ref(),
            CallOutcome::Facts(_) | CallOutcome::Failed(_) => None,
        }
    }
}

/// The shape in JSON: flat, with `ok`, `handle`, `count` and `error` always there.
#[derive(Serialize, Deserialize)]
struct Wire {
    step: String,
    tool: String,
    ok: bool,
    handle: Option<Handle>,
    count: Option<u64>,
    ms: f64,
    error: Option<ToolError>,
    args: Json,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    top: Vec<TopItem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    facts: Option<Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    diagnosis: Option<Diagnosis>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

impl From<CallAnswer> for Wire {
    fn from(answer: CallAnswer) -> Self {
        let mut wire = Self {
            ok: answer.is_ok(),
            step: answer.step,
            tool: answer.tool,
            handle: None,
            count: None,
            ms: answer.ms,
            error: None,
            args: answer.args,
            top: Vec::new(),
            facts: None,
            diagnosis: None,
            notes: answer.notes,
        };
        match answer.outcome {
            CallOutcome::Set { handle, count, top, diagnosis } => {
                (wire.handle, wire.count, wire.top, wire.diagnosis) =
                    (Some(handle), Some(count), top, diagnosis);
            }
            CallOutcome::Facts(facts) => wire.facts = Some(facts),
            CallOutcome::Failed(error) => wire.error = Some(error),
        }
        wire
    }
}

impl From<Wire> for CallAnswer {
    fn from(wire: Wire) -> Self {
        let outcome = match (wire.error, wire.handle) {
            (Some(error), _) => CallOutcome::Failed(error),
            (None, Some(handle)) => CallOutcome::Set {
                handle,
                count: wire.count.unwrap_or_default(),
                top: wire.top,
                diagnosis: wire.diagnosis,
            },
            (None, None) => CallOutcome::Facts(wire.facts.unwrap_or_default()),
        };
        let Wire { step, tool, args, ms, notes, .. } = wire;
        Self { step, tool, args, outcome, ms, notes }
    }
}
