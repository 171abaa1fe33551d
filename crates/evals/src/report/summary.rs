//! What the page says before its cases: figures, comparisons, gates, costs, and what the results depend on.

use std::collections::{BTreeMap, BTreeSet};

use segue_agent::grouped;
use serde::Serialize;

use super::cases::of_variant;
use super::compared::{Compared, compared, tone};
use super::plots::{Axis, Strip, Times};
use super::{Reported, figures};
use crate::metrics::beyond::counts_distinct;
use crate::metrics::{self, Metric, cost};
use crate::statistics::{self, Comparison};
use crate::suite::{Direction, GateResult, Suite, VariantReport, wall_time};
use crate::{CaseResult, Interval};

/// All that the template shows but the cases.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    suite: String,
    description: String,
    began: String,
    fingerprint: String,
    headline: Headline,
    /// What a reader should know before reading on.
    notes: Vec<String>,
    case_count: String,
    run_count: String,
    variant_count: usize,
    repeats: u32,
    /// The variant that others are compared with.
    reference: String,
    overview: Vec<OverviewRow>,
    metrics: Vec<MetricView>,
    against: Option<Against>,
    gates: Vec<GateRow>,
    costs: Vec<CostRow>,
    cost_changes: Vec<CostChange>,
    time_axis: Option<Axis>,
    with_models: bool,
    parts: Vec<PartRow>,
}

#[derive(Debug, Serialize)]
struct Headline {
    tone: &'static str,
    text: String,
}

/// A variant in all metrics.
#[derive(Debug, Serialize)]
struct OverviewRow {
    variant: String,
    is_reference: bool,
    cells: Vec<OverviewCell>,
}

#[derive(Debug, Serialize)]
struct OverviewCell {
    value: String,
    ends: String,
    /// Against the earlier run if there is one, else against the reference.
    verdict: Option<&'static str>,
    difference: Option<String>,
    tone: &'static str,
}

#[derive(Debug, Serialize)]
struct MetricView {
    name: String,
    definition: &'static str,
    source: &'static str,
    good_end: &'static str,
    unit: &'static str,
    axis: Option<Axis>,
    rows: Vec<FigureRow>,
    /// Each variant against the reference.
    against_reference: Compared,
    /// Each variant against itself before.
    against_before: Option<Compared>,
}

#[derive(Debug, Serialize)]
struct FigureRow {
    variant: String,
    /// `before`, in the row of an earlier run.
    run: Option<&'static str>,
    is_reference: bool,
    value: String,
    ends: String,
    cases: usize,
    strip: Option<Strip>,
    /// How much the figure differs between repeats.
    spread: Option<String>,
}

#[derive(Debug, Serialize)]
struct Against {
    fingerprint: String,
    better: usize,
    worse: usize,
    missing: Vec<String>,
    missing_more: usize,
    changed: usize,
}

#[derive(Debug, Serialize)]
struct GateRow {
    metric: String,
    variant: String,
    verdict: &'static str,
    tone: &'static str,
    because: String,
}

#[derive(Debug, Serialize)]
struct CostRow {
    variant: String,
    run: Option<&'static str>,
    cases: String,
    errors: usize,
    first_error: Option<String>,
    p50: [String; 2],
    p95: [String; 2],
    total: String,
    calls: String,
    tokens: String,
    money: String,
    times: Option<Times>,
}

/// What a case takes more or less than under the reference.
#[derive(Debug, Serialize)]
struct CostChange {
    variant: String,
    what: &'static str,
    difference: String,
    ends: String,
    p: String,
}

#[derive(Debug, Serialize)]
struct PartRow {
    part: String,
    now: Option<String>,
    before: Option<String>,
    /// True if it differs from the run that this one is compared with.
    changed: bool,
}

/// So many cases that were not run are named.
const MISSING_NAMED: usize = 10;

/// The results of each variant.
type ByVariant = BTreeMap<String, Vec<CaseResult>>;

fn by_variant(suite: &Suite, results: &[CaseResult]) -> ByVariant {
    let of = suite.variants.iter().map(|v| (v.name.clone(), of_variant(results, &v.name)));
    of.filter(|(_, results)| !results.is_empty()).collect()
}

fn of<'a>(all: &'a ByVariant, variant: &str) -> &'a [CaseResult] {
    all.get(variant).map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn summary(run: &Reported<'_>) -> Summary {
    let assessment = run.assessment;
    let names: BTreeSet<&str> = run.results.iter().map(|r| r.case.as_str()).collect();
    let now = by_variant(run.suite, run.results);
    let before = run.against.map(|a| by_variant(run.suite, &a.results)).unwrap_or_default();
    let (costs, time_axis) = costs(run.suite, &now, &before);
    let with_models = now.values().chain(before.values()).flatten().any(|r| r.usage.model_calls > 0);
    Summary {
        suite: assessment.suite.clone(),
        description: run.suite.description.clone(),
        began: run.began.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        fingerprint: assessment.fingerprint.clone(),
        headline: headline(run),
        notes: notes(run, names.len()),
        case_count: figures::count(names.len(), "case", "cases"),
        run_count: grouped(run.results.len() as u64),
        variant_count: run.suite.variants.len(),
        repeats: run.suite.repeats,
        reference: reference(run.suite).to_owned(),
        overview: run.assessment.variants.iter().map(|v| overview(run, v)).collect(),
        metrics: run.suite.metrics.iter().map(|m| metric_view(run, *m, &now, &before)).collect(),
        against: against(run),
        gates: gates(run),
        costs,
        cost_changes: assessment.costs.iter().filter_map(cost_change).collect(),
        time_axis,
        with_models,
        parts: parts(run),
    }
}

fn headline(run: &Reported<'_>) -> Headline {
    let gates = &run.assessment.gate.results;
    let failed = gates.iter().filter(|g| g.passed == Some(false)).count();
    let held = gates.iter().filter(|g| g.passed == Some(true)).count();
    let unjudged = gates.len() - failed - held;
    let beside = match unjudged {
        0 => String::new(),
        n => format!("; {n} could not be judged"),
    };
    let (tone, text) = match (failed, held) {
        (0, 0) if gates.is_empty() => ("plain", "This suite has no gate.".to_owned()),
        (0, 0) => (
            "plain",
            format!("None of the {} could be judged.", figures::count(gates.len(), "gate", "gates")),
        ),
        (0, 1) => ("good", format!("The gate holds{beside}.")),
        (0, held) => ("good", format!("All {held} gates hold{beside}.")),
        (1, _) if gates.len() == 1 => ("bad", "The gate does not hold.".to_owned()),
        (1, _) => ("bad", format!("1 of {} gates fails{beside}.", gates.len())),
        (failed, _) => ("bad", format!("{failed} of {} gates fail{beside}.", gates.len())),
    };
    Headline { tone, text }
}

fn notes(run: &Reported<'_>, cases: usize) -> Vec<String> {
    let mut notes = Vec::new();
    for variant in &run.assessment.variants {
        if variant.errors > 0 {
            let failed = figures::count(variant.errors, "case run", "case runs");
            notes.push(format!(
                "{failed} of {} failed under {} and count as the worst there is.",
                grouped(variant.cases as u64),
                variant.name
            ));
        }
        let wanted = cases * run.suite.repeats as usize;
        if variant.cases < wanted {
            notes.push(format!(
                "{} has {} of {} case runs; the run is not finished.",
                variant.name,
                grouped(variant.cases as u64),
                grouped(wanted as u64)
            ));
        }
    }
    notes
}

fn reference(suite: &Suite) -> &str {
    suite.variants.get(suite.reference).map(|v| v.name.as_str()).unwrap_or_default()
}

fn is_reference(suite: &Suite, variant: &str) -> bool {
    suite.variants.len() > 1 && variant == reference(suite)
}

fn overview(run: &Reported<'_>, variant: &VariantReport) -> OverviewRow {
    let comparisons = run
        .assessment
        .baseline
        .as_ref()
        .map_or(&run.assessment.comparisons, |baseline| &baseline.comparisons);
    let cell = |metric: &Metric| {
        let (name, unit) = (metric.to_string(), metric.info.unit);
        let estimate = variant.metrics.get(&name);
        let compared = comparisons.iter().find(|c| c.metric == name && c.variant == variant.name);
        OverviewCell {
            value: estimate.map_or_else(|| "–".to_owned(), |e| figures::figure(e.value, unit)),
            ends: estimate.map_or_else(String::new, |e| figures::ends(e, unit)),
            verdict: compared.map(figures::verdict),
            difference: compared.map(|c| figures::difference(c.difference.value, unit)),
            tone: compared.map_or("plain", tone),
        }
    };
    OverviewRow {
        variant: variant.name.clone(),
        is_reference: is_reference(run.suite, &variant.name),
        cells: run.suite.metrics.iter().map(cell).collect(),
    }
}

fn metric_view(run: &Reported<'_>, metric: Metric, now: &ByVariant, before: &ByVariant) -> MetricView {
    let name = metric.to_string();
    let unit = metric.info.unit;
    let earlier = |variant: &str| {
        // What whole runs showed is not kept in a baseline.
        let results = before.get(variant).filter(|_| !counts_distinct(metric))?;
        Some(statistics::figure(results, metric, &run.suite.statistics()))
    };
    let variants = run.assessment.variants.iter();
    let estimates: Vec<(&VariantReport, Option<&Interval>, Option<Interval>)> =
        variants.map(|v| (v, v.metrics.get(&name), earlier(&v.name))).collect();
    let all = estimates.iter().flat_map(|(_, now, before)| now.copied().into_iter().chain(*before));
    let axis = Axis::over(all.flat_map(|i| [i.low, i.value, i.high]));
    let row = |v: &VariantReport, interval: &Interval, which: Option<&'static str>, tone| FigureRow {
        variant: v.name.clone(),
        run: which,
        is_reference: is_reference(run.suite, &v.name),
        value: figures::figure(interval.value, unit),
        ends: figures::ends(interval, unit),
        cases: interval.n,
        strip: axis.as_ref().map(|a| a.strip(interval, tone)),
        spread: v.spread.get(&name).filter(|_| which != Some("before")).map(|s| {
            let cases = format!("{} of {} cases differ", s.unstable.value, s.unstable.weight);
            format!("standard deviation {} between repeats; {cases}", figures::figure(s.sd, unit))
        }),
    };
    let mut rows = Vec::new();
    for (v, now, before) in &estimates {
        let which = before.map(|_| "now");
        rows.extend(before.iter().map(|b| row(v, b, Some("before"), "faint")));
        rows.extend(now.iter().map(|n| row(v, n, which, "accent")));
    }
    let against_reference =
        compared(&run.assessment.comparisons, metric, |c| (of(now, &c.variant), of(now, &c.baseline)));
    let against_before = run.assessment.baseline.as_ref().map(|baseline| {
        compared(&baseline.comparisons, metric, |c| (of(now, &c.variant), of(before, &c.variant)))
    });
    MetricView {
        name,
        definition: metric.info.definition,
        source: metric.info.source,
        good_end: figures::good_end(metric.info.better),
        unit: unit.name(),
        axis,
        rows,
        against_reference,
        against_before,
    }
}

fn against(run: &Reported<'_>) -> Option<Against> {
    let baseline = run.assessment.baseline.as_ref()?;
    let moved = |direction| {
        let those = baseline.cases.iter().filter(|c| c.direction == direction);
        those.map(|c| (&c.variant, &c.case)).collect::<BTreeSet<_>>().len()
    };
    Some(Against {
        fingerprint: baseline.fingerprint.clone(),
        better: moved(Direction::Better),
        worse: moved(Direction::Worse),
        missing: baseline.missing.iter().take(MISSING_NAMED).cloned().collect(),
        missing_more: baseline.missing.len().saturating_sub(MISSING_NAMED),
        changed: baseline.changed.len(),
    })
}

fn gates(run: &Reported<'_>) -> Vec<GateRow> {
    let row = |g: &GateResult| {
        let (verdict, tone) = match g.passed {
            Some(true) => ("holds", "good"),
            Some(false) => ("fails", "bad"),
            None => ("not judged", "plain"),
        };
        GateRow {
            metric: g.metric.clone(),
            variant: g.variant.clone(),
            verdict,
            tone,
            because: g.because.clone(),
        }
    };
    run.assessment.gate.results.iter().map(row).collect()
}

fn costs(suite: &Suite, now: &ByVariant, before: &ByVariant) -> (Vec<CostRow>, Option<Axis>) {
    let times = |results: &[CaseResult]| -> Vec<f64> {
        results.iter().map(|r| r.usage.ms).filter(|ms| ms.is_finite() && *ms > 0.0).collect()
    };
    let mut all: Vec<(&str, Option<&'static str>, &[CaseResult])> = Vec::new();
    for variant in suite.variants.iter().map(|v| v.name.as_str()) {
        // A committed baseline has no times.
        let earlier = Some(of(before, variant)).filter(|results| !times(results).is_empty());
        all.extend(earlier.map(|results| (variant, Some("before"), results)));
        all.push((variant, earlier.map(|_| "now"), of(now, variant)));
    }
    let quantile = |ms: &[f64], q: f64| cost::percentile(ms, q).unwrap_or_default();
    let ends = all.iter().flat_map(|(_, _, results)| {
        let ms = times(results);
        if ms.is_empty() { [f64::NAN; 2] } else { [quantile(&ms, 0.05), quantile(&ms, 0.95)] }
    });
    let axis = Axis::of_times(ends);
    let told = |results: &[CaseResult], name: &str| {
        let interval = wall_time(name, results, &suite.statistics());
        [figures::duration(interval.value), figures::durations(&interval)]
    };
    let row = |(variant, which, results): (&str, Option<&'static str>, &[CaseResult])| {
        let ms = times(results);
        let sum = |of: fn(&CaseResult) -> u64| grouped(results.iter().map(of).sum());
        let money: f64 = results.iter().map(|r| r.usage.cost).sum();
        let errors = results.iter().filter_map(|r| r.error.as_ref());
        let box_of = |axis: &Axis| {
            let at = |q| axis.at(quantile(&ms, q));
            Times { p5: at(0.05), p25: at(0.25), p50: at(0.5), p75: at(0.75), p95: at(0.95) }
        };
        CostRow {
            variant: variant.to_owned(),
            run: which,
            cases: grouped(results.len() as u64),
            errors: errors.clone().count(),
            first_error: errors.min().cloned(),
            p50: told(results, "latency_p50"),
            p95: told(results, "latency_p95"),
            total: figures::duration(ms.iter().sum()),
            calls: sum(|r| u64::from(r.usage.model_calls)),
            tokens: sum(|r| r.usage.input_tokens + r.usage.output_tokens),
            money: format!("{money:.4}"),
            times: axis.as_ref().filter(|_| !ms.is_empty()).map(box_of),
        }
    };
    let rows = all.iter().copied().map(row).collect();
    (rows, axis)
}

fn cost_change(c: &Comparison) -> Option<CostChange> {
    let metric = metrics::metric(&c.metric).ok()?;
    let unit = metric.info.unit;
    Some(CostChange {
        variant: c.variant.clone(),
        what: figures::counted(metric),
        difference: figures::difference(c.difference.value, unit),
        ends: figures::difference_ends(&c.difference, unit),
        p: figures::p_value(c.p_holm),
    })
}

fn parts(run: &Reported<'_>) -> Vec<PartRow> {
    let now = &run.assessment.depends;
    let before = run.against.map(|a| &a.fingerprint.parts);
    let names: BTreeSet<&String> = now.keys().chain(before.into_iter().flat_map(|b| b.keys())).collect();
    let row = |part: &String| {
        let (now, before) = (now.get(part).cloned(), before.map(|b| b.get(part).cloned()));
        PartRow {
            part: part.clone(),
            changed: before.as_ref().is_some_and(|b| *b != now),
            now,
            before: before.flatten(),
        }
    };
    let mut rows: Vec<PartRow> = names.into_iter().map(row).collect();
    // What changed is what is looked for.
    rows.sort_by_key(|row| !row.changed);
    rows
}
