use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// What a tool does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Depends on its arguments alone.
    Pure,
    /// Reads the catalogue or something outside.
    Reads,
    /// Changes something; needs approval.
    Writes,
}

/// What a tool is to a plan. Planners choose by role, never by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolRole {
    /// Keeps the items that satisfy a predicate: `{"where": Predicate}`.
    Filter,
    /// Keeps the items that a SQL query selects: `{"sql": "SELECT …"}`.
    Sql,
    /// Ranks by the words of a query: `{"query": "…"}`.
    Lexical,
    /// Ranks by the meaning of a query: `{"query": "…"}`.
    Dense,
    /// Ranks by likeness to items: `{"like": [id or #n]}`.
    Similar,
    /// Ranks for a user: `{"user": "…"}`.
    Personal,
    /// Finds by semantic codes.
    SemanticId,
    /// Combines sets: `{"sets": ["s1", "s2"]}`.
    Fuse,
    /// Union, intersection, difference of sets.
    Algebra,
    /// Orders a set by a field: `{"by": field, "direction": …}`.
    Order,
    /// Orders a set so that neighbours differ.
    Diversify,
    /// Reads rows.
    LookUp,
    /// Hands something back to the user.
    Deliver,
    /// Anything else.
    Other,
}

/// About what a call costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CostHint {
    /// Under ten milliseconds.
    Cheap,
    /// Under a second.
    Moderate,
    /// Seconds, or money.
    Expensive,
}

/// A call that works, for documentation, prompts and tests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolExample {
    /// The request it serves.
    pub request: String,
    /// The arguments.
    pub args: Json,
}

/// All that planners, prompts, help, documentation and other protocols know of a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// See [`Tool::NAME`](super::Tool::NAME).
    pub name: String,
    /// What it is to a plan.
    pub role: ToolRole,
    /// One line.
    pub summary: String,
    /// When to use it, what it returns, what it never does.
    pub description: String,
    /// JSON Schema (2020-12) of the arguments.
    pub schema: Json,
    /// The names of arguments that hold references to sets (a step, or a handle), as string or list.
    pub set_args: Vec<String>,
    /// What it does to the world.
    pub effect: Effect,
    /// May run beside others.
    pub parallel_safe: bool,
    /// What a call costs.
    pub cost: CostHint,
    /// How long a call may take, in milliseconds.
    pub timeout_ms: u64,
    /// Calls that work.
    pub examples: Vec<ToolExample>,
}
