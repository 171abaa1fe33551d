use schemars::JsonSchema;
use segue_catalog::Suggestion;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// The name of an earlier step (`s1`) or of a candidate set of this session (`c3`).
pub type StepRef = String;

/// What to do, in which order: a directed acyclic graph of tool calls. A step depends on the step it is
/// `within` and on those that its arguments name; steps that do not depend on each other run side by side.
/// The answer is made from the last step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The calls, each after those it depends on.
    pub steps: Vec<Step>,
}

/// One tool call of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// A name for this step, unique in the plan: `s1`, `s2`, …
    pub id: String,
    /// The tool's name.
    pub tool: String,
    /// The tool's arguments.
    #[serde(default)]
    pub args: Json,
    /// The step or set outside which nothing may be returned.
    #[serde(default)]
    pub within: Option<StepRef>,
}

/// What is wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{message}")]
pub struct PlanError {
    /// The step it is about; `None` if it is about the whole plan.
    pub step: Option<String>,
    /// What is wrong, and what would be right.
    pub message: String,
    /// The nearest real names.
    pub nearest: Vec<Suggestion>,
}
