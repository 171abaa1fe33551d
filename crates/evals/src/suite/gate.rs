//! Whether results are good enough.

use std::collections::BTreeSet;

use serde::Serialize;

use super::assess::{compared, items_of, of_variant};
use super::{Assessment, Baseline, Demand, Evidence, Gate, Suite};
use crate::metrics::Better;
use crate::statistics::{compare, figure};
use crate::{CaseResult, Interval};

/// Whether all gates hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateReport {
    /// True if none fails. Gates that could not be judged do not fail: they say why.
    pub passed: bool,
    /// Each gate with each variant that it is for.
    pub results: Vec<GateResult>,
}

/// One gate with one variant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateResult {
    /// The metric.
    pub metric: String,
    /// The variant.
    pub variant: String,
    /// True if it holds, false if it does not; `None` if it could not be judged.
    pub passed: Option<bool>,
    /// What was wanted and what there is, in words.
    pub because: String,
}

/// Holds a suite's gates against its results; `baseline` is with the results as a baseline keeps them.
pub(super) fn hold(
    suite: &Suite,
    assessment: &Assessment,
    results: &[CaseResult],
    baseline: Option<(&Baseline, &[CaseResult])>,
) -> GateReport {
    let mut held = Vec::new();
    for gate in &suite.gates {
        for variant in
            suite.variants.iter().filter(|v| gate.variant.as_ref().is_none_or(|name| *name == v.name))
        {
            let (passed, because) = judge(gate, &variant.name, suite, assessment, results, baseline);
            held.push(GateResult {
                metric: gate.metric.to_string(),
                variant: variant.name.clone(),
                passed,
                because,
            });
        }
    }
    let drops = suite.gates.iter().any(|g| matches!(g.demand, Demand::AllowedDrop { .. }));
    if let Some((baseline, _)) = baseline.filter(|_| drops) {
        // Hard cases that are left out would look like a gain.
        for variant in &suite.variants {
            let missing = baseline.missing_from(results, &[variant.name.as_str()]);
            if !missing.is_empty() {
                let some = missing.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
                let because = format!(
                    "{} cases of the baseline were not run ({some}, …); if that is meant, save a new baseline",
                    missing.len()
                );
                let metric = "cases".to_owned();
                held.push(GateResult { metric, variant: variant.name.clone(), passed: Some(false), because });
            }
        }
    }
    if let Some((baseline, _)) = baseline.filter(|_| drops) {
        let gone: BTreeSet<&str> = baseline.results.iter().map(|r| r.variant.as_str()).collect();
        for variant in gone.into_iter().filter(|name| suite.variants.iter().all(|v| v.name != *name)) {
            let because = "the baseline has it and the suite does not; if that is meant, save a new baseline";
            let (metric, variant) = ("cases".to_owned(), variant.to_owned());
            held.push(GateResult { metric, variant, passed: Some(false), because: because.to_owned() });
        }
    }
    GateReport { passed: held.iter().all(|g| g.passed != Some(false)), results: held }
}

fn judge(
    gate: &Gate,
    variant: &str,
    suite: &Suite,
    assessment: &Assessment,
    results: &[CaseResult],
    baseline: Option<(&Baseline, &[CaseResult])>,
) -> (Option<bool>, String) {
    let metric = gate.metric;
    let lower_is_better = metric.info.better == Better::Lower;
    let sign = if lower_is_better { -1.0 } else { 1.0 };
    match &gate.demand {
        Demand::Limit(limit) => {
            let estimate = assessment
                .variants
                .iter()
                .find(|v| v.name == variant)
                .and_then(|v| v.metrics.get(&metric.to_string()));
            let Some(estimate) = estimate else { return (Some(false), "there is no estimate".to_owned()) };
            if estimate.n == 0 {
                return (Some(false), "no case says anything of it".to_owned());
            }
            let word = if lower_is_better { "at most" } else { "at least" };
            let because = format!("{:.4}, wanted {word} {limit}", estimate.value);
            (Some(sign * estimate.value >= sign * limit), because)
        }
        Demand::AllowedDrop { drop, evidence } => {
            let Some((baseline, kept)) = baseline else {
                return (None, "not judged: it needs --baseline".to_owned());
            };
            let before = of_variant(&baseline.results, variant);
            if before.is_empty() {
                return (None, "not judged: the baseline does not have this variant".to_owned());
            }
            let now = of_variant(kept, variant);
            let says = |results: &[CaseResult]| figure(results, metric, &suite.statistics()).n > 0;
            match (says(&before), says(&now)) {
                (true, true) => {}
                (false, false) => {
                    return (None, "not judged: no case says anything of it, then or now".to_owned());
                }
                (then, _) => {
                    let when = if then { "now" } else { "in the baseline" };
                    let because =
                        format!("no case says anything of it {when}; if that is meant, save a new baseline");
                    return (Some(false), because);
                }
            }
            let compared = compare(&before, &now, metric, &suite.statistics());
            let difference = turned(compared.difference, sign);
            let decides = match evidence {
                Evidence::Estimate => difference.value,
                Evidence::Interval => difference.high,
            };
            let because = format!(
                "{} against the baseline; a drop of {drop} is allowed{}",
                signed(&compared.difference),
                if *evidence == Evidence::Interval { ", beyond doubt" } else { "" }
            );
            // A drop of just what is allowed is allowed, however it is rounded.
            (Some(decides >= -drop - 1e-9), because)
        }
        Demand::BetterThan { variant: other, times, evidence } => {
            let mut others = of_variant(results, other);
            let name = metric.to_string();
            for measure in others.iter_mut().filter_map(|r| r.metrics.get_mut(&name)) {
                measure.value *= times;
            }
            let items = items_of(&assessment.depends);
            let now = of_variant(results, variant);
            let compared = compared(&others, &now, metric, items, &suite.statistics());
            let difference = turned(compared.difference, sign);
            let because = format!(
                "{} against {}`{other}`; the {} should be better",
                signed(&compared.difference),
                if *times == 1.0 { String::new() } else { format!("{times} times ") },
                if *evidence == Evidence::Interval { "whole interval" } else { "estimate" }
            );
            let decides = match evidence {
                Evidence::Estimate => difference.value,
                Evidence::Interval => difference.low,
            };
            // One cluster has an interval of no width.
            (Some(decides > 0.0 && compared.clusters > 1), because)
        }
    }
}

/// The difference so that more is better.
fn turned(difference: Interval, sign: f64) -> Interval {
    let (low, high) = (sign * difference.low, sign * difference.high);
    Interval { value: sign * difference.value, low: low.min(high), high: low.max(high), n: difference.n }
}

fn signed(difference: &Interval) -> String {
    format!("{:+.4} [{:+.4}, {:+.4}]", difference.value, difference.low, difference.high)
}
