//! Statistics: how sure a figure is, and whether two variants differ.
//!
//! Cases of one conversation depend on one another, so that whole clusters are resampled, swapped and counted. The same
//! results and the same seed give the same numbers.
//!
//! ```
//! use segue_evals::{Measure, statistics::{Options, Sample, estimate}};
//! let sample = |cluster, case, value| Sample { cluster, case, measure: Measure::one(value) };
//! let samples = [sample("c1", "c1.1", 1.0), sample("c1", "c1.2", 0.5), sample("c2", "c2.1", 0.0), sample("c3", "c3.1", 0.5)];
//! let mean = estimate(&samples, &Options::default());
//! assert_eq!((mean.value, mean.n), (0.5, 4));
//! assert!(mean.low < 0.5 && 0.5 < mean.high);
//! ```

mod bootstrap;
mod compare;
mod estimate;
mod forecast;
mod generator;
mod holm;
mod jackknife;
mod permutation;
mod power;
mod repeats;
mod wilson;

use serde::{Deserialize, Serialize};

use crate::Interval;

pub use bootstrap::bootstrap;
pub use compare::{Comparison, Verdict, adjust, compare, compare_pairs};
pub use estimate::{Sample, estimate, figure, samples};
pub use forecast::{Forecast, forecast};
pub use holm::holm;
pub use jackknife::jackknife;
pub use permutation::{Permutation, permutation};
pub use power::{clusters_needed, guessed_sd, sd_of_differences, smallest_detectable};
pub use repeats::{Spread, repeats};
pub use wilson::wilson;

/// How intervals and tests are made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The share of intervals that hold the truth, and one less the risk of calling chance a difference.
    pub level: f64,
    /// How many resamples and swaps are drawn.
    pub resamples: u32,
    /// What the drawing begins with.
    pub seed: u64,
    /// The least and the most that the figure can be, where there are both.
    pub range: Option<(f64, f64)>,
}

impl Default for Options {
    fn default() -> Self {
        Self { level: 0.95, resamples: 10_000, seed: 1, range: None }
    }
}

impl Options {
    /// The same, for a figure that lies between these.
    #[must_use]
    pub fn within(self, range: Option<(f64, f64)>) -> Self {
        Self { range, ..self }
    }

    /// The risk of calling chance a difference; a level that is none is taken as 0.95.
    pub fn alpha(&self) -> f64 {
        let level = if self.level > 0.0 && self.level < 1.0 { self.level } else { 0.95 };
        1.0 - level
    }
}

/// An interval that knows nothing: anything the figure can be. `value` alone where the figure has no range.
fn unknown(value: f64, n: usize, options: &Options) -> Interval {
    let (low, high) = options.range.unwrap_or((value, value));
    Interval { value, low: low.min(value), high: high.max(value), n }
}

#[cfg(test)]
mod tests;
