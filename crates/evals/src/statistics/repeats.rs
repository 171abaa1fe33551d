use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use statrs::statistics::Statistics;

use super::estimate::{ratio, samples_beside, says_something};
use crate::metrics::Metric;
use crate::{CaseResult, Measure};

/// How much a figure differs between repeats of the same cases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The figure of each repeat, in order.
    pub figures: Vec<f64>,
    /// Their standard deviation: how far off a single run may be.
    pub sd: f64,
    /// The standard deviation between the repeats of one case, pooled over the cases.
    pub sd_of_case: f64,
    /// Cases that did not come out the same each time, of those that were repeated.
    pub unstable: Measure,
}

/// The spread of a metric over the repeats of one variant; `None` where nothing was repeated.
pub fn repeats(results: &[CaseResult], metric: Metric) -> Option<Spread> {
    let mut runs: BTreeMap<u32, Vec<&CaseResult>> = BTreeMap::new();
    for result in results {
        runs.entry(result.repeat).or_default().push(result);
    }
    let mut figures = Vec::new();
    let mut cases: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    for run in runs.values() {
        let samples = samples_beside(run, metric, &BTreeMap::new());
        let counted = || samples.iter().filter(|s| says_something(&s.measure));
        figures.extend(ratio(&mut counted().map(|s| &s.measure)));
        for sample in counted() {
            let value = sample.measure.value / sample.measure.weight;
            cases.entry((sample.cluster, sample.case)).or_default().push(value);
        }
    }
    cases.retain(|_, values| values.len() > 1);
    if figures.len() < 2 || cases.is_empty() {
        return None;
    }
    let unstable = cases.values().filter(|v| v.windows(2).any(|w| matches!(w, [a, b] if a != b))).count();
    let variances: Vec<f64> = cases.values().map(|values| values.variance()).collect();
    Some(Spread {
        sd: (&figures).std_dev(),
        sd_of_case: (&variances).mean().sqrt(),
        unstable: Measure::share(unstable, cases.len()),
        figures,
    })
}
