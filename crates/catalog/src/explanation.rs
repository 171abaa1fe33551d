use serde::{Deserialize, Serialize};

/// Why an item has a score: a tree whose root is the score and whose leaves are what it was computed from.
/// After tantivy's `Explanation`, with which lexical scores are explained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The number at this node.
    pub value: f64,
    /// What the number is.
    pub description: String,
    /// What it was computed from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Explanation>,
}

impl Explanation {
    /// A node without parts.
    pub fn leaf(value: f64, description: impl Into<String>) -> Self {
        Self { value, description: description.into(), details: Vec::new() }
    }

    /// A node with parts.
    pub fn node(value: f64, description: impl Into<String>, details: Vec<Explanation>) -> Self {
        Self { value, description: description.into(), details }
    }
}
