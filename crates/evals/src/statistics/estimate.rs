use std::collections::{BTreeMap, BTreeSet};

use super::{Options, bootstrap, unknown, wilson};
use crate::metrics::{Metric, Scope, cost};
use crate::{CaseResult, Interval, Measure};

/// What one case adds to a figure. Several of one case are its repeats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample<'a> {
    /// What depends on one another.
    pub cluster: &'a str,
    /// The case.
    pub case: &'a str,
    /// What it adds.
    pub measure: Measure,
}

/// `Σ value / Σ weight` over the cases, repeats of a case averaged first, with the interval that [`bootstrap`] gives for
/// clusters.
///
/// `n` is the number of cases that say something; 0 where none does, and then the value means nothing. Where all clusters agree
/// at an end of the range, there is nothing to resample: at least as many clusters as Wilson's interval says are at that end,
/// and that bounds the figure.
pub fn estimate(samples: &[Sample<'_>], options: &Options) -> Interval {
    let cases = averaged(samples);
    let clusters: Vec<Measure> = by_cluster(&cases).into_values().collect();
    let Some(value) = ratio(&mut clusters.iter()) else {
        return unknown(options.range.map_or(0.0, |(low, _)| low), 0, options);
    };
    if let Some((least, most)) = options.range {
        let all_at = |end: f64| clusters.iter().all(|c| c.value == end * c.weight);
        let (width, count) = (most - least, clusters.len() as f64);
        if all_at(least) {
            let (_, high) = wilson(0.0, count, 1.0 - options.alpha());
            return Interval { value, low: least, high: least + width * high, n: cases.len() };
        }
        if all_at(most) {
            let (low, _) = wilson(count, count, 1.0 - options.alpha());
            return Interval { value, low: least + width * low, high: most, n: cases.len() };
        }
    }
    Interval { n: cases.len(), ..bootstrap(&clusters, |drawn| ratio(&mut drawn.iter().copied()), options) }
}

/// The figure of a metric over the results of one variant. `n` is 0 for figures of a whole run other than latencies, which
/// are made of lists: see [`crate::metrics::beyond`].
pub fn figure(results: &[CaseResult], metric: Metric, options: &Options) -> Interval {
    let options = options.within(metric.info.unit.range());
    let Some(q) = cost::percentile_of(metric) else { return estimate(&samples(results, metric), &options) };
    let clusters: Vec<Vec<f64>> = times(results).into_values().collect();
    let cases: BTreeSet<_> = results.iter().map(|r| (&r.cluster, &r.case)).collect();
    let statistic = |drawn: &[&Vec<f64>]| pooled(&mut drawn.iter().copied(), q);
    Interval { n: cases.len(), ..bootstrap(&clusters, statistic, &options) }
}

/// What the results say of a metric. A case that failed and has no measure counts as the worst there is, with the mean weight
/// of the others; costs of failed cases count as they are.
pub fn samples(results: &[CaseResult], metric: Metric) -> Vec<Sample<'_>> {
    samples_beside(&results.iter().collect::<Vec<_>>(), metric, &BTreeMap::new())
}

/// [`samples`], where a failed case weighs what is known of it from elsewhere.
pub(super) fn samples_beside<'a>(
    results: &[&'a CaseResult],
    metric: Metric,
    weights: &BTreeMap<(&str, &str), f64>,
) -> Vec<Sample<'a>> {
    let name = metric.to_string();
    let measure = |result: &CaseResult| match metric.info.scope {
        Scope::Usage => cost::measure(metric, &result.usage),
        _ => result.metrics.get(&name).copied(),
    };
    let known = results.iter().copied().filter_map(measure).filter(says_something);
    let (sum, count) = known.fold((0.0, 0_u32), |(sum, count), m| (sum + m.weight, count + 1));
    let usual = if count > 0 { sum / f64::from(count) } else { 1.0 };
    let failed = |result: &CaseResult| {
        result.error.as_ref()?;
        let weight = weights.get(&(&*result.cluster, &*result.case)).copied().unwrap_or(usual);
        Some(Measure { value: metric.info.worst()? * weight, weight })
    };
    let of_case = |result: &'a CaseResult| {
        let measure = measure(result).or_else(|| failed(result))?;
        Some(Sample { cluster: &result.cluster, case: &result.case, measure })
    };
    results.iter().copied().filter_map(of_case).collect()
}

/// Whether a measure counts: it has a weight, and both are numbers.
pub(super) fn says_something(measure: &Measure) -> bool {
    measure.value.is_finite() && measure.weight.is_finite() && measure.weight > 0.0
}

/// Each case's mean over its repeats, by cluster and case.
pub(super) fn averaged<'a>(samples: &[Sample<'a>]) -> BTreeMap<(&'a str, &'a str), Measure> {
    let mut cases: BTreeMap<(&str, &str), (Measure, f64)> = BTreeMap::new();
    for sample in samples.iter().filter(|s| says_something(&s.measure)) {
        let (sum, count) =
            cases.entry((sample.cluster, sample.case)).or_insert((Measure { value: 0.0, weight: 0.0 }, 0.0));
        add(sum, &sample.measure);
        *count += 1.0;
    }
    let mean =
        |(sum, count): (Measure, f64)| Measure { value: sum.value / count, weight: sum.weight / count };
    cases.into_iter().map(|(key, sums)| (key, mean(sums))).collect()
}

/// The sums of each cluster.
fn by_cluster<'a>(cases: &BTreeMap<(&'a str, &'a str), Measure>) -> BTreeMap<&'a str, Measure> {
    let mut clusters = BTreeMap::new();
    for ((cluster, _), measure) in cases {
        add(clusters.entry(*cluster).or_insert(Measure { value: 0.0, weight: 0.0 }), measure);
    }
    clusters
}

/// The wall times of each cluster, every repeat of every case.
pub(super) fn times<'a>(results: impl IntoIterator<Item = &'a CaseResult>) -> BTreeMap<&'a str, Vec<f64>> {
    let mut clusters: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for result in results.into_iter().filter(|r| r.usage.ms.is_finite()) {
        clusters.entry(&result.cluster).or_default().push(result.usage.ms);
    }
    clusters
}

/// The percentile of all times together.
pub(super) fn pooled(of: &mut dyn Iterator<Item = &Vec<f64>>, q: f64) -> Option<f64> {
    cost::percentile(&of.flatten().copied().collect::<Vec<_>>(), q)
}

pub(super) fn add(to: &mut Measure, measure: &Measure) {
    to.value += measure.value;
    to.weight += measure.weight;
}

/// `Σ value / Σ weight`, if there is any weight.
pub(super) fn ratio(of: &mut dyn Iterator<Item = &Measure>) -> Option<f64> {
    let (value, weight) = of.fold((0.0, 0.0), |(v, w), m| (v + m.value, w + m.weight));
    (weight > 0.0).then(|| value / weight)
}
