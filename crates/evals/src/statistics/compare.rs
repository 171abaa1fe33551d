use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::estimate::{add, averaged, pooled, ratio, samples_beside, times};
use super::{Options, bootstrap, holm, jackknife, permutation, sd_of_differences, smallest_detectable};
use crate::metrics::{Better, Metric, Scope, beyond, cost};
use crate::{CaseResult, Interval, Measure};

/// What a comparison comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The variant is better, and that is not chance.
    Better,
    /// The variant is worse, and that is not chance.
    Worse,
    /// No difference was found; [`Comparison::smallest_detectable`] says how small a one would have been.
    NoDifference,
    /// Too few clusters to find any: not even the same winner in each of them would be significant.
    TooFew,
}

impl Verdict {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::NoDifference => "no difference",
            Self::TooFew => "too few",
        }
    }
}

/// Two variants on the same cases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The metric's name.
    pub metric: String,
    /// The variant that is compared with.
    pub baseline: String,
    /// The variant that is judged.
    pub variant: String,
    /// The baseline's figure on the cases that both have.
    pub before: f64,
    /// The variant's figure on them.
    pub after: f64,
    /// The variant's figure less the baseline's.
    pub difference: Interval,
    /// Of the permutation test, two-sided.
    pub p: f64,
    /// True if every swap was tried.
    pub exact: bool,
    /// `p` adjusted by [`adjust`] for the variants that are compared; until then `p`.
    pub p_holm: f64,
    /// What it comes to, by `p_holm`.
    pub verdict: Verdict,
    /// How many cases both have.
    pub n: usize,
    /// How many clusters these are in.
    pub clusters: usize,
    /// How many cases only one of them has; they are left out.
    pub unpaired: usize,
    /// Cases in which the variant is better, and in which it is worse.
    pub changed: (usize, usize),
    /// The smallest difference that 80 of 100 such runs would find; `None` for percentiles and of fewer than two clusters.
    pub smallest_detectable: Option<f64>,
    /// Which end of the figure is good, for [`adjust`].
    pub better: Better,
    /// The risk of calling chance a difference.
    pub alpha: f64,
}

/// Compares a variant `b` with a baseline `a` on the cases that both have, by case and cluster; repeats of a case are averaged.
///
/// The interval of the difference is from [`bootstrap`] over clusters, each with both its sides; p from [`permutation`]. A
/// failed case counts as the worst there is, with the weight that the other variant shows it to have. Coverage, Gini and popularity
/// lift are not in results: see [`beyond::compare`].
pub fn compare(a: &[CaseResult], b: &[CaseResult], metric: Metric, options: &Options) -> Comparison {
    let (in_a, in_b) = (cases_of(a), cases_of(b));
    let shared = |results| -> Vec<&CaseResult> {
        let both = |r: &&CaseResult| in_a.contains(&key(r)) && in_b.contains(&key(r));
        <[CaseResult]>::iter(results).filter(both).collect()
    };
    let (a_shared, b_shared) = (shared(a), shared(b));
    let mut comparison = match cost::percentile_of(metric) {
        Some(q) => of_times(&a_shared, &b_shared, metric, q, options),
        None => of_measures(&a_shared, &b_shared, metric, options),
    };
    let named = |results: &[CaseResult]| results.first().map(|r| r.variant.clone()).unwrap_or_default();
    (comparison.baseline, comparison.variant) = (named(a), named(b));
    if comparison.better == Better::Lower {
        comparison.changed = (comparison.changed.1, comparison.changed.0);
    }
    comparison.unpaired = in_a.symmetric_difference(&in_b).count();
    comparison
}

/// Compares figures of whole runs: `figure` is taken of the first and of the second of each cluster's pair. The interval is the
/// jackknife's for figures that count distinct items, else the bootstrap's. The variants' names and what is counted in cases
/// are for the caller to fill in.
pub fn compare_pairs<C: PartialEq>(
    metric: Metric,
    pairs: &[(C, C)],
    figure: impl Fn(&mut dyn Iterator<Item = &C>) -> Option<f64>,
    options: &Options,
) -> Comparison {
    let before = figure(&mut pairs.iter().map(|p| &p.0));
    let after = figure(&mut pairs.iter().map(|p| &p.1));
    let difference = |drawn: &[&(C, C)]| {
        Some(figure(&mut drawn.iter().map(|p| &p.1))? - figure(&mut drawn.iter().map(|p| &p.0))?)
    };
    let options = options.within(None);
    let interval = match beyond::counts_distinct(metric) {
        true => jackknife(pairs, difference, &options),
        false => bootstrap(pairs, difference, &options),
    };
    let test = permutation(pairs, &figure, &options);
    let mut comparison = Comparison {
        metric: metric.to_string(),
        baseline: String::new(),
        variant: String::new(),
        before: before.unwrap_or_default(),
        after: after.unwrap_or_default(),
        difference: interval,
        p: test.p,
        exact: test.exact,
        p_holm: test.p,
        verdict: Verdict::TooFew,
        n: pairs.len(),
        // Without a figure on both sides, there is nothing to compare.
        clusters: before.and(after).map_or(0, |_| pairs.len()),
        unpaired: 0,
        changed: (0, 0),
        smallest_detectable: None,
        better: metric.info.better,
        alpha: options.alpha(),
    };
    comparison.judge();
    comparison
}

/// Adjusts `p_holm` and the verdict of each for the number of variants that are compared by the same metric.
pub fn adjust(comparisons: &mut [Comparison]) {
    let mut families: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, comparison) in comparisons.iter().enumerate() {
        families.entry(&comparison.metric).or_default().push(at);
    }
    let mut adjusted = Vec::new();
    for members in families.values() {
        let p: Vec<f64> = members.iter().filter_map(|at| comparisons.get(*at)).map(|c| c.p).collect();
        adjusted.extend(members.iter().copied().zip(holm(&p)));
    }
    for (at, p) in adjusted {
        if let Some(comparison) = comparisons.get_mut(at) {
            comparison.p_holm = p;
            comparison.judge();
        }
    }
}

impl Comparison {
    fn judge(&mut self) {
        let least_p = 0.5_f64.powf(self.clusters as f64 - 1.0);
        let gain = match self.better {
            Better::Higher => self.difference.value,
            Better::Lower => -self.difference.value,
        };
        self.verdict = match self.p_holm < self.alpha {
            _ if least_p > self.alpha => Verdict::TooFew,
            true if gain > 0.0 => Verdict::Better,
            true if gain < 0.0 => Verdict::Worse,
            _ => Verdict::NoDifference,
        };
    }
}

/// A case, and the cluster that it is in.
fn key(result: &CaseResult) -> (&str, &str) {
    (&result.cluster, &result.case)
}

fn cases_of(results: &[CaseResult]) -> BTreeSet<(&str, &str)> {
    results.iter().map(key).collect()
}

fn of_measures(a: &[&CaseResult], b: &[&CaseResult], metric: Metric, options: &Options) -> Comparison {
    let name = metric.to_string();
    let mut weights = BTreeMap::new();
    if metric.info.scope == Scope::Case {
        for result in a.iter().chain(b).copied() {
            if let Some(measure) = result.metrics.get(&name).filter(|m| m.weight > 0.0) {
                weights.insert(key(result), measure.weight);
            }
        }
    }
    let (a, b) = (samples_beside(a, metric, &weights), samples_beside(b, metric, &weights));
    let (a, b) = (averaged(&a), averaged(&b));
    // A case of which one side says nothing still counts for the other.
    let none = Measure { value: 0.0, weight: 0.0 };
    let cases: BTreeSet<_> = a.keys().chain(b.keys()).collect();
    let mut clusters: BTreeMap<&str, (Measure, Measure)> = BTreeMap::new();
    let mut changed = (0, 0);
    for case in &cases {
        let (a, b) = (a.get(case).unwrap_or(&none), b.get(case).unwrap_or(&none));
        let sums = clusters.entry(case.0).or_insert((none, none));
        add(&mut sums.0, a);
        add(&mut sums.1, b);
        if let (Some(a), Some(b)) = (ratio(&mut [*a].iter()), ratio(&mut [*b].iter())) {
            changed.0 += usize::from(b > a);
            changed.1 += usize::from(b < a);
        }
    }
    let pairs: Vec<_> = clusters.into_values().collect();
    let smallest =
        sd_of_differences(&pairs).and_then(|sd| smallest_detectable(sd, pairs.len(), options.alpha(), 0.8));
    let comparison = compare_pairs(metric, &pairs, ratio, options);
    Comparison { n: cases.len(), changed, smallest_detectable: smallest, ..comparison }
}

fn of_times(a: &[&CaseResult], b: &[&CaseResult], metric: Metric, q: f64, options: &Options) -> Comparison {
    let cases: BTreeSet<_> = a.iter().map(|r| key(r)).collect();
    let mut b = times(b.iter().copied());
    let pairs: Vec<_> = times(a.iter().copied())
        .into_iter()
        .map(|(cluster, a)| (a, b.remove(cluster).unwrap_or_default()))
        .collect();
    Comparison { n: cases.len(), ..compare_pairs(metric, &pairs, |of| pooled(of, q), options) }
}
