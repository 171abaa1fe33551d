//! Comparisons as the page shows them.

use serde::Serialize;

use super::cases::values;
use super::figures;
use super::plots::{Axis, Bins, Histogram, Strip, Tick};
use crate::CaseResult;
use crate::metrics::Metric;
use crate::statistics::{Comparison, Verdict};

/// The comparisons in one metric, on one axis.
#[derive(Debug, Serialize)]
pub(super) struct Compared {
    pub(super) axis: Option<Axis>,
    /// The ends and the middle of the histograms, if any case moved.
    pub(super) moves: Vec<Tick>,
    pub(super) rows: Vec<ComparedRow>,
}

/// One comparison.
#[derive(Debug, Serialize)]
pub(super) struct ComparedRow {
    variant: String,
    baseline: String,
    before: String,
    after: String,
    difference: String,
    ends: String,
    p: String,
    exact: bool,
    verdict: &'static str,
    tone: &'static str,
    strip: Option<Strip>,
    cases: usize,
    clusters: usize,
    unpaired: usize,
    smallest: Option<String>,
    histogram: Histogram,
}

/// The comparisons of `all` that are in this metric. `of` finds the results of a variant, and those that it is compared with.
pub(super) fn compared<'a>(
    all: &[Comparison],
    metric: Metric,
    of: impl Fn(&Comparison) -> (&'a [CaseResult], &'a [CaseResult]),
) -> Compared {
    let name = metric.to_string();
    let unit = metric.info.unit;
    let mine = || all.iter().filter(|c| c.metric == name);
    let axis =
        Axis::of_differences(mine().flat_map(|c| [c.difference.low, c.difference.value, c.difference.high]));
    let moves = |c: &Comparison| -> Vec<f64> {
        let (now, before) = of(c);
        let before = values(before, metric);
        values(now, metric).into_iter().filter_map(|(case, now)| Some(now - before.get(&case)?)).collect()
    };
    let moves: Vec<Vec<f64>> = mine().map(moves).collect();
    let bins = Bins::over(moves.iter().flatten().copied());
    let row = |(c, moves): (&Comparison, &Vec<f64>)| {
        let tone = tone(c);
        ComparedRow {
            variant: c.variant.clone(),
            baseline: c.baseline.clone(),
            before: figures::figure(c.before, unit),
            after: figures::figure(c.after, unit),
            difference: figures::difference(c.difference.value, unit),
            ends: figures::difference_ends(&c.difference, unit),
            p: figures::p_value(c.p_holm),
            exact: c.exact,
            verdict: figures::verdict(c),
            tone,
            strip: axis.as_ref().map(|a| a.strip(&c.difference, tone)),
            cases: c.n,
            clusters: c.clusters,
            unpaired: c.unpaired,
            smallest: c.smallest_detectable.map(|d| figures::figure(d, unit)),
            histogram: Histogram::of(moves, bins, metric.info.better),
        }
    };
    let rows = mine().zip(&moves).map(row).collect();
    Compared { axis, moves: bins.map(Bins::ticks).unwrap_or_default(), rows }
}

pub(super) fn tone(comparison: &Comparison) -> &'static str {
    match comparison.verdict {
        Verdict::Better => "good",
        Verdict::Worse => "bad",
        Verdict::NoDifference | Verdict::TooFew => "plain",
    }
}
