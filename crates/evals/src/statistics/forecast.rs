use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::estimate::{add, averaged};
use super::{Options, guessed_sd, samples, smallest_detectable};
use crate::metrics::Metric;
use crate::{CaseResult, Measure};

/// What a run will cost and can find, said before it begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// The smallest difference between two of its variants that it finds in 80 of 100 runs; `None` where it cannot be said.
    pub smallest_detectable: Option<f64>,
    /// True if that rests on an earlier run in which the figure varied; false if on the largest deviation that the figure can have.
    pub from_earlier: bool,
    /// What all of it will cost; `None` without an earlier run.
    pub cost: Option<Expected>,
}

/// Expected sums over all cases, variants and repeats, each on the mean of an earlier run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// Questions to a model.
    pub model_calls: f64,
    /// Tokens read.
    pub input_tokens: f64,
    /// Tokens written.
    pub output_tokens: f64,
    /// Money, in the unit of the workspace's prices.
    pub money: f64,
    /// Wall time in milliseconds, one case after another.
    pub ms: f64,
}

/// The forecast for `results` cases in all (cases × variants × repeats) in `clusters`, from what an earlier run of some of them
/// showed; `earlier` may be empty.
pub fn forecast(
    earlier: &[CaseResult],
    metric: Metric,
    clusters: usize,
    results: usize,
    options: &Options,
) -> Forecast {
    let mut variants: BTreeMap<&str, Vec<CaseResult>> = BTreeMap::new();
    for result in earlier {
        variants.entry(&result.variant).or_default().push(result.clone());
    }
    // Of the variant that varies most: a difference is of two, and which two is not known.
    let known = variants.values().map(|results| of_clusters(results, metric));
    let known = known.filter(|known| known.len() > 1).collect::<Vec<_>>();
    let range = metric.info.unit.range();
    // What did not vary may yet: no spread says nothing of the next run's.
    let seen = known.iter().filter_map(|known| guessed_sd(known, range)).filter(|sd| *sd > 0.0);
    let seen = seen.max_by(f64::total_cmp);
    let sd = seen.or_else(|| guessed_sd(&[], range));
    let mean = |of: &dyn Fn(&CaseResult) -> f64| {
        earlier.iter().map(of).sum::<f64>() / earlier.len() as f64 * results as f64
    };
    let cost = (!earlier.is_empty()).then(|| Expected {
        model_calls: mean(&|r| f64::from(r.usage.model_calls)),
        input_tokens: mean(&|r| r.usage.input_tokens as f64),
        output_tokens: mean(&|r| r.usage.output_tokens as f64),
        money: mean(&|r| r.usage.cost),
        ms: mean(&|r| r.usage.ms),
    });
    Forecast {
        smallest_detectable: sd.and_then(|sd| smallest_detectable(sd, clusters, options.alpha(), 0.8)),
        from_earlier: seen.is_some(),
        cost,
    }
}

/// What each cluster shows of a metric.
fn of_clusters(results: &[CaseResult], metric: Metric) -> Vec<Measure> {
    let mut by_cluster: BTreeMap<&str, Measure> = BTreeMap::new();
    let samples = samples(results, metric);
    for ((cluster, _), measure) in averaged(&samples) {
        add(by_cluster.entry(cluster).or_insert(Measure { value: 0.0, weight: 0.0 }), &measure);
    }
    by_cluster.into_values().collect()
}
