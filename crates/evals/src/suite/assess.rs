//! What a run's results say: estimates with intervals, costs, comparisons, and whether the gates hold.

use std::collections::BTreeMap;

use serde::Serialize;

use super::baseline::as_kept;
use super::{Baseline, Change, Fingerprint, GateReport, PartChange, Suite, Variant, hold};
use crate::metrics::beyond::{self, Lists, Popularity, counts_distinct};
use crate::metrics::{Metric, Scope, metric};
use crate::statistics::{Comparison, Options, Spread, adjust, compare, figure, repeats};
use crate::{CaseResult, Interval};

/// A suite's results as a whole; in JSON, the document that `segue eval --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Assessment {
    /// The suite.
    pub suite: String,
    /// The hash of all that the results depend on.
    pub fingerprint: String,
    /// What that is made of.
    pub depends: BTreeMap<String, String>,
    /// The variants, in the suite's order.
    pub variants: Vec<VariantReport>,
    /// Each variant against the suite's reference, in each metric; corrected over the variants, metric by metric.
    pub comparisons: Vec<Comparison>,
    /// The same in what cases take that did not fail: wall time, and the use of a model where there is any.
    pub costs: Vec<Comparison>,
    /// Against the baseline, if one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineReport>,
    /// Whether the gates hold.
    pub gate: GateReport,
}

/// What a variant came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VariantReport {
    /// Its name.
    pub name: String,
    /// Metric to estimate.
    pub metrics: BTreeMap<String, Interval>,
    /// Metric to how much it differs between repeats, where there are any.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub spread: BTreeMap<String, Spread>,
    /// What it took.
    pub cost: Spent,
    /// Case runs.
    pub cases: usize,
    /// Those that failed. They count as the worst there is.
    pub errors: usize,
    /// The first of their reasons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_error: Option<String>,
    /// Case runs that the rules planned where a model was to.
    pub fallbacks: usize,
    /// Why, of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_fallback: Option<String>,
}

/// What the cases of a variant took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spent {
    /// Questions to a model.
    pub model_calls: u64,
    /// Tokens read and written by it.
    pub tokens: u64,
    /// Money, in the unit of the workspace's prices.
    pub cost: f64,
    /// Median wall time of a case in milliseconds.
    pub ms_p50: Interval,
    /// Its 95th percentile.
    pub ms_p95: Interval,
    /// Wall time of all of them, one after the other, in seconds.
    pub seconds: f64,
}

/// A run against its baseline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BaselineReport {
    /// The fingerprint of the baseline.
    pub fingerprint: String,
    /// The parts of the fingerprint that changed since.
    pub changed: Vec<PartChange>,
    /// Each variant against itself in the baseline, in each metric.
    pub comparisons: Vec<Comparison>,
    /// The cases that became better or worse.
    pub cases: Vec<Change>,
    /// Cases of the baseline that were not run, as `variant/case`.
    pub missing: Vec<String>,
}

/// Sums a run up. Reads results and nothing else.
pub fn assess(
    suite: &Suite,
    fingerprint: &Fingerprint,
    results: &[CaseResult],
    baseline: Option<&Baseline>,
) -> Assessment {
    let options = suite.statistics();
    let by_variant: BTreeMap<&str, Vec<CaseResult>> =
        suite.variants.iter().map(|v| (v.name.as_str(), of_variant(results, &v.name))).collect();
    let none = Vec::new();
    let of = |name: &str| by_variant.get(name).unwrap_or(&none);
    // Figures of whole runs are shares of all items there are.
    let items = items_of(&fingerprint.parts);
    let report = |v: &Variant| report(&v.name, of(&v.name), &suite.metrics, items, &options);
    let variants = suite.variants.iter().map(report).collect();
    let reference = suite.variants.get(suite.reference).map(|v| v.name.clone()).unwrap_or_default();
    let others = suite.variants.iter().filter(|v| v.name != reference);
    let pairs: Vec<_> = others.map(|v| (v.name.clone(), of(&v.name), of(&reference))).collect();
    let comparisons = compare_all(&pairs, &reference, &suite.metrics, items, &options);
    let done = |results: &[CaseResult]| results.iter().filter(|r| r.error.is_none()).cloned().collect();
    let did: Vec<(String, Vec<_>, Vec<_>)> =
        pairs.iter().map(|(name, now, before)| (name.clone(), done(now), done(before))).collect();
    let did: Vec<_> = did.iter().map(|(name, now, before)| (name.clone(), now, before)).collect();
    let costs = compare_all(&did, &reference, &costs_of(results), items, &options);
    let kept = baseline.map(|_| as_kept(results)).unwrap_or_default();
    let of_cases: Vec<Metric> = suite.metrics.iter().copied().filter(|m| !counts_distinct(*m)).collect();
    let baseline_report = baseline.map(|baseline| {
        let names: Vec<&str> = suite.variants.iter().map(|v| v.name.as_str()).collect();
        let sides =
            names.iter().map(|name| (*name, of_variant(&kept, name), of_variant(&baseline.results, name)));
        let sides: Vec<_> = sides.filter(|(.., before)| !before.is_empty()).collect();
        let pairs: Vec<_> =
            sides.iter().map(|(name, now, before)| ((*name).to_owned(), now, before)).collect();
        BaselineReport {
            fingerprint: baseline.fingerprint.hash.clone(),
            changed: fingerprint.changes(&baseline.fingerprint),
            comparisons: compare_all(&pairs, "baseline", &of_cases, items, &options),
            cases: baseline.changes(&kept, &suite.metrics),
            missing: baseline.missing_from(results, &names),
        }
    });
    let mut assessment = Assessment {
        suite: suite.name.clone(),
        fingerprint: fingerprint.hash.clone(),
        depends: fingerprint.parts.clone(),
        variants,
        comparisons,
        costs,
        baseline: baseline_report,
        gate: GateReport { passed: true, results: Vec::new() },
    };
    assessment.gate = hold(suite, &assessment, results, baseline.map(|b| (b, kept.as_slice())));
    assessment
}

/// The means of costs that say anything of these results.
fn costs_of(results: &[CaseResult]) -> Vec<Metric> {
    let uses = |name: &str| match name {
        "latency" => results.iter().any(|r| r.usage.ms > 0.0),
        "cost" => results.iter().any(|r| r.usage.cost > 0.0),
        _ => results.iter().any(|r| r.usage.model_calls > 0),
    };
    let named = ["latency", "model_calls", "tokens", "cost"].into_iter().filter(|name| uses(name));
    named.filter_map(|name| metric(name).ok()).filter(|m| m.info.scope == Scope::Usage).collect()
}

/// The results of a variant.
pub(super) fn of_variant(results: &[CaseResult], name: &str) -> Vec<CaseResult> {
    results.iter().filter(|r| r.variant == name).cloned().collect()
}

fn report(
    name: &str,
    results: &[CaseResult],
    metrics: &[Metric],
    items: usize,
    options: &Options,
) -> VariantReport {
    let estimate = |metric: &Metric| {
        let lists = || lists(results).into_values().collect::<Vec<_>>();
        let whole = counts_distinct(*metric)
            .then(|| beyond::figure(*metric, &lists(), items, &Popularity::default(), options));
        (metric.to_string(), whole.flatten().unwrap_or_else(|| figure(results, *metric, options)))
    };
    let spread = |metric: &Metric| Some((metric.to_string(), repeats(results, *metric)?));
    let failed = results.iter().filter_map(|r| r.error.as_ref());
    VariantReport {
        name: name.to_owned(),
        metrics: metrics.iter().map(estimate).collect(),
        spread: metrics.iter().filter_map(spread).collect(),
        cost: spent(results, options),
        cases: results.len(),
        errors: failed.clone().count(),
        first_error: failed.min().cloned(),
        fallbacks: results.iter().filter(|r| r.fallback.is_some()).count(),
        first_fallback: results.iter().filter_map(|r| r.fallback.clone()).min(),
    }
}

/// How many items there are, as the fingerprint says; 0 where it does not.
pub(super) fn items_of(parts: &BTreeMap<String, String>) -> usize {
    parts.get("items").and_then(|n| n.parse().ok()).unwrap_or_default()
}

/// Compares two variants in any metric: case by case, or in what they showed as a whole.
pub(super) fn compared(
    before: &[CaseResult],
    now: &[CaseResult],
    metric: Metric,
    items: usize,
    options: &Options,
) -> Comparison {
    let of_lists = || {
        let (mut was, is) = (lists(before), lists(now));
        let pairs: Vec<_> = is.into_iter().filter_map(|(c, l)| Some((was.remove(&c)?, l))).collect();
        beyond::compare(metric, &pairs, items, &Popularity::default(), options)
    };
    let whole = counts_distinct(metric).then(of_lists).flatten();
    whole.unwrap_or_else(|| compare(before, now, metric, options))
}

/// What each cluster was shown.
fn lists(results: &[CaseResult]) -> BTreeMap<String, Lists> {
    let mut lists: BTreeMap<String, Lists> = BTreeMap::new();
    for result in results {
        lists.entry(result.cluster.clone()).or_default().shown.push(result.shown.clone());
    }
    lists
}

/// The figure of a percentile of the wall time: `latency_p50`, `latency_p95`. In fewer resamples, each of which sorts all times.
pub(crate) fn wall_time(name: &str, results: &[CaseResult], options: &Options) -> Interval {
    let options = Options { resamples: options.resamples.min(1000), ..*options };
    let unknown = Interval { value: 0.0, low: 0.0, high: 0.0, n: 0 };
    metric(name).map_or(unknown, |metric| figure(results, metric, &options))
}

fn spent(results: &[CaseResult], options: &Options) -> Spent {
    Spent {
        model_calls: results.iter().map(|r| u64::from(r.usage.model_calls)).sum(),
        tokens: results.iter().map(|r| r.usage.input_tokens + r.usage.output_tokens).sum(),
        cost: results.iter().map(|r| r.usage.cost).sum(),
        ms_p50: wall_time("latency_p50", results, options),
        ms_p95: wall_time("latency_p95", results, options),
        seconds: results.iter().map(|r| r.usage.ms).sum::<f64>() / 1000.0,
    }
}

/// Variant, its results, those it is compared with.
type Pair<'a> = (String, &'a Vec<CaseResult>, &'a Vec<CaseResult>);

fn compare_all(
    pairs: &[Pair<'_>],
    reference: &str,
    metrics: &[Metric],
    items: usize,
    options: &Options,
) -> Vec<Comparison> {
    let mut all = Vec::new();
    for metric in metrics {
        for (variant, now, before) in pairs {
            let (variant, baseline) = (variant.clone(), reference.to_owned());
            let compared = compared(before, now, *metric, items, options);
            all.push(Comparison { baseline, variant, ..compared });
        }
    }
    adjust(&mut all);
    all
}
