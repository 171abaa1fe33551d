//! Metrics: what each figure means, where its definition comes from, and how it is taken.
//!
//! The registry is data. The names in suite files, the help of the command line and the page `evals/METRICS.md` are all
//! made of it, so that a figure without a definition and a source cannot be asked for.
//!
//! ```
//! use segue_evals::metrics::{Better, metric};
//! let ndcg = metric("ndcg@10")?;
//! assert_eq!((ndcg.k, ndcg.info.better), (Some(10), Better::Higher));
//! assert_eq!(metric("ndgc@10").unwrap_err().to_string(), "there is no metric `ndgc@10`; nearest: `ndcg@10`");
//! # Ok::<(), segue_evals::metrics::MetricError>(())
//! ```

pub mod ast;
pub mod beyond;
pub mod claims;
pub mod constraints;
pub mod cost;
mod page;
pub mod planning;
pub mod predicates;
pub mod ranking;
mod registry;
pub mod slots;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use page::page;
pub use registry::registry;

/// Which end of a figure is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// More of it.
    Higher,
    /// Less of it.
    Lower,
}

/// Whether a name has a cutoff, `@k`: only the first `k` items of a ranking count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cutoff {
    /// It has none.
    None,
    /// Without one, the whole ranking counts.
    Optional,
    /// It needs one.
    Required,
}

/// What a figure is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Each case has a measure, and the figure is `Σ value / Σ weight` over the cases.
    Case,
    /// Each case has a cost, which is in [`crate::CaseUsage`].
    Usage,
    /// Only a whole run has it.
    Run,
}

/// What a figure is about: the headings of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// How good a ranking is.
    Ranking,
    /// How right the calls are.
    Planning,
    /// Whether the items are what was asked for.
    Constraints,
    /// Whether what is said is so.
    Claims,
    /// What a simulated user came to.
    Simulation,
    /// What a system does to a catalogue and its users, beside being right.
    Beyond,
    /// What it costs.
    Cost,
}

/// What a figure is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A part of a whole.
    Share,
    /// From −1 to 1.
    Correlation,
    /// Information.
    Bits,
    /// One less a similarity.
    Dissimilarity,
    /// A difference over what it differs from.
    RelativeChange,
    /// Time.
    Milliseconds,
    /// Questions to a model.
    Calls,
    /// Tokens of a model.
    Tokens,
    /// Turns of a conversation.
    Turns,
    /// The unit of the workspace's prices.
    Money,
}

impl Unit {
    /// As it is written behind a figure.
    pub fn name(self) -> &'static str {
        match self {
            Self::Share => "share",
            Self::Correlation => "−1 to 1",
            Self::Bits => "bits",
            Self::Dissimilarity => "1 − similarity",
            Self::RelativeChange => "relative change",
            Self::Milliseconds => "ms",
            Self::Calls => "calls",
            Self::Tokens => "tokens",
            Self::Turns => "turns",
            Self::Money => "money",
        }
    }

    /// The least and the most that there can be, where there are both.
    pub fn range(self) -> Option<(f64, f64)> {
        match self {
            Self::Share => Some((0.0, 1.0)),
            Self::Correlation => Some((-1.0, 1.0)),
            _ => None,
        }
    }
}

/// What is known of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricInfo {
    /// The name, without a cutoff.
    pub name: &'static str,
    /// Other names for it, which are not accepted but understood in messages.
    pub also: &'static [&'static str],
    /// Whether the name has a cutoff.
    pub cutoff: Cutoff,
    /// What it is about.
    pub family: Family,
    /// What it is made of.
    pub scope: Scope,
    /// One sentence, formula included.
    pub definition: &'static str,
    /// The paper or tool whose definition it is.
    pub source: &'static str,
    /// Which end is good.
    pub better: Better,
    /// What it is counted in.
    pub unit: Unit,
}

impl MetricInfo {
    /// The worst there can be: what a failed case counts as.
    pub fn worst(&self) -> Option<f64> {
        let (least, most) = self.unit.range()?;
        Some(if self.better == Better::Higher { least } else { most })
    }

    /// The name as it is written: `ndcg@k`.
    pub fn written(&self) -> String {
        match self.cutoff {
            Cutoff::None => self.name.to_owned(),
            Cutoff::Optional => format!("{0}, {0}@k", self.name),
            Cutoff::Required => format!("{}@k", self.name),
        }
    }
}

/// A metric with its cutoff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// What is known of it.
    pub info: &'static MetricInfo,
    /// How many items count; all, if `None`.
    pub k: Option<usize>,
}

/// The name, by which [`metric`] finds it again.
impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.k {
            Some(k) => write!(f, "{}@{k}", self.info.name),
            None => f.write_str(self.info.name),
        }
    }
}

/// A name that names no metric.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// Nothing is called so.
    #[error("there is no metric `{name}`; nearest: {}", .nearest.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", "))]
    Unknown {
        /// What was written.
        name: String,
        /// The names that are nearest to it.
        nearest: Vec<String>,
    },
    /// The cutoff is missing.
    #[error("`{0}` needs a cutoff; write how many items count, as in `{0}@10`")]
    NeedsCutoff(String),
    /// There is a cutoff where there can be none.
    #[error("`{0}` has no cutoff; write it without `@`")]
    NoCutoff(String),
    /// The cutoff is not a count of items.
    #[error("`{cutoff}` in `{name}` is no cutoff; write a whole number from 1")]
    Cutoff {
        /// What was written.
        name: String,
        /// The part behind the `@`.
        cutoff: String,
    },
}

/// The metric of this name: `ndcg@10`, `tool_f1`.
pub fn metric(name: &str) -> Result<Metric, MetricError> {
    let (base, cutoff) = match name.split_once('@') {
        Some((base, cutoff)) => (base, Some(cutoff)),
        None => (name, None),
    };
    let info = registry().iter().find(|m| m.name == base).ok_or_else(|| unknown(name, base, cutoff))?;
    let k = match cutoff {
        None if info.cutoff == Cutoff::Required => return Err(MetricError::NeedsCutoff(base.to_owned())),
        None => None,
        Some(_) if info.cutoff == Cutoff::None => return Err(MetricError::NoCutoff(base.to_owned())),
        Some(text) => Some(
            count(text)
                .ok_or_else(|| MetricError::Cutoff { name: name.to_owned(), cutoff: text.to_owned() })?,
        ),
    };
    Ok(Metric { info, k })
}

/// A whole number from 1, written in the one way that gives every metric one name.
fn count(text: &str) -> Option<usize> {
    let canonical = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| canonical)
}

fn unknown(name: &str, base: &str, cutoff: Option<&str>) -> MetricError {
    let base = base.to_lowercase();
    let distance = |info: &MetricInfo| {
        let names = info.also.iter().copied().chain([info.name]);
        names.map(|n| strsim::damerau_levenshtein(n, &base)).min().unwrap_or(usize::MAX)
    };
    let mut all: Vec<_> = registry().iter().map(|info| (distance(info), info)).collect();
    all.sort_by_key(|(distance, _)| *distance);
    let closest = all.first().map_or(0, |(distance, _)| *distance);
    // A clear favourite stands alone; else three guesses.
    let at_most = if closest <= 2 { closest } else { usize::MAX };
    let guess = |info: &MetricInfo| match info.cutoff {
        Cutoff::None => info.name.to_owned(),
        _ => format!("{}@{}", info.name, cutoff.and_then(count).unwrap_or(10)),
    };
    let near = all.iter().filter(|(distance, _)| *distance <= at_most).take(3);
    MetricError::Unknown { name: name.to_owned(), nearest: near.map(|(_, info)| guess(info)).collect() }
}

#[cfg(test)]
mod tests;
