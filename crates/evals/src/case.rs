//! What one case showed, and an estimate over many.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What one case adds to a figure: a sum and how much was summed, so that a figure over many cases is `Σ value / Σ weight`.
///
/// A mean over cases (nDCG, say) has weight 1 in each; a share of parts (conditions right of conditions asked for) has the
/// number of parts. A case with weight 0 says nothing about the figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// The sum over the parts of the case.
    pub value: f64,
    /// How many parts.
    pub weight: f64,
}

impl Measure {
    /// A figure of the whole case.
    pub fn one(value: f64) -> Measure {
        Measure { value, weight: 1.0 }
    }

    /// `part` of `whole`.
    pub fn share(part: usize, whole: usize) -> Measure {
        Measure { value: part as f64, weight: whole as f64 }
    }
}

/// An estimate and the interval it lies in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// How many cases it rests on.
    pub n: usize,
}

/// What a case cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CaseUsage {
    /// Questions to a model.
    pub model_calls: u32,
    /// Tokens read by it.
    pub input_tokens: u64,
    /// Tokens written by it.
    pub output_tokens: u64,
    /// Money, in the unit of the workspace's prices.
    pub cost: f64,
    /// Wall time, in milliseconds.
    pub ms: f64,
}

impl CaseUsage {
    /// Counts what another turn of the case cost.
    pub fn add(&mut self, other: &Self) {
        self.model_calls += other.model_calls;
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.cost += other.cost;
        self.ms += other.ms;
    }
}

/// What one case showed under one variant, in one repeat: a line of a run's results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseResult {
    /// The variant's name.
    pub variant: String,
    /// The case's name, unique in its suite.
    pub case: String,
    /// What depends on one another: a conversation, a query. Resampled as a whole.
    pub cluster: String,
    /// Which repeat, from 0.
    #[serde(default)]
    pub repeat: u32,
    /// Metric to measure; the metric's name is that of the registry, with its cutoff (`ndcg@10`).
    pub metrics: BTreeMap<String, Measure>,
    /// What it cost.
    #[serde(default)]
    pub usage: CaseUsage,
    /// The tools that were called, in order.
    #[serde(default)]
    pub tools: Vec<String>,
    /// What a person needs to see to judge it: request, plan, ranking, trace. Untrusted text.
    #[serde(default)]
    pub detail: serde_json::Value,
    /// The ids that figures of whole runs (coverage, Gini) are made of, best first, where the suite has such.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<String>,
    /// Why the rules planned where the variant's model was to, if they did. A figure with many of these is not the model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    /// Why there is no result, if there is none. Such a case counts as failed, never as absent.
    #[serde(default)]
    pub error: Option<String>,
}
