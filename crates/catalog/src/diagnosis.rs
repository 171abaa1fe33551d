use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Predicate;

/// Why a filter left nothing: each condition by itself, the smallest set of conditions that cannot hold
/// together, and the changes that would bring most back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Each top-level condition and how many items (of the pool) satisfy it alone.
    pub conditions: Vec<ConditionCount>,
    /// Indexes into `conditions` of the smallest set that no item satisfies together.
    pub conflict: Vec<usize>,
    /// Best first: what to give up and how many items there would be.
    pub relaxations: Vec<Relaxation>,
}

/// A condition and how many items satisfy it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConditionCount {
    /// The condition.
    pub condition: Predicate,
    /// Items that satisfy it, of those searched.
    pub count: u64,
}

/// A change that would let items through.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Relaxation {
    /// The index in `conditions` of what is given up.
    pub condition: usize,
    /// What to put in its place; `None` to drop it.
    pub instead: Option<Predicate>,
    /// Items that would remain.
    pub count: u64,
}

/// A real name or value close to one that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Suggestion {
    /// The name or value.
    pub value: String,
    /// How many items have it; 0 for names of fields, tools and sets.
    pub count: u64,
}
