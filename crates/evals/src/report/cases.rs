//! The cases of a run as the page's script reads them: a compact table of figures, and for each case what was seen, apart from
//! it, to be read when the case is opened.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::{Reported, figures};
use crate::metrics::{Better, Metric};
use crate::statistics::samples;
use crate::{CaseResult, CaseUsage};

/// So many bytes of details a page has at most; those of the cases that say most stay. The rest is in the files of the run.
const DETAIL_BYTES: usize = 24 << 20;
/// A text in a detail is cut behind so many characters,
const DETAIL_TEXT: usize = 4000;
/// a list behind so many entries,
const DETAIL_ENTRIES: usize = 100;
/// and what is nested deeper is left out.
const DETAIL_DEPTH: usize = 12;

/// What the script begins with.
#[derive(Debug, Serialize)]
pub(super) struct CaseData {
    metrics: Vec<MetricData>,
    series: Vec<SeriesData>,
    /// The series that are side by side at first.
    a: usize,
    b: Option<usize>,
    /// Name, cluster, request.
    cases: Vec<(String, String, String)>,
    /// By series and case.
    cells: Vec<Vec<Option<Cell>>>,
}

/// What was seen of a case.
#[derive(Debug)]
pub(super) struct CaseDetail {
    /// The position of the case in [`CaseData`].
    pub(super) at: usize,
    /// By series, a list of repeats.
    pub(super) seen: Json,
}

#[derive(Debug, Serialize)]
struct MetricData {
    name: String,
    lower: bool,
    decimals: usize,
}

#[derive(Debug, Serialize)]
struct SeriesData {
    variant: String,
    /// `now` or `before`, where there are both.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
struct Cell {
    /// By metric, over the repeats.
    v: Vec<Option<f64>>,
    /// Wall time in milliseconds, tokens and money, of a repeat on average; `None` where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<f64>,
    /// The first reason why there is no result.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The results of a variant in one run.
struct Series<'a> {
    variant: &'a str,
    run: Option<&'static str>,
    results: Vec<&'a CaseResult>,
    /// By metric and case.
    values: Vec<BTreeMap<String, f64>>,
}

/// A metric by case, over the repeats. Failed cases count as the worst there is.
pub(super) fn values(results: &[CaseResult], metric: Metric) -> BTreeMap<String, f64> {
    let mut sums: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for sample in samples(results, metric) {
        let sum = sums.entry(sample.case).or_default();
        *sum = (sum.0 + sample.measure.value, sum.1 + sample.measure.weight);
    }
    let finite = |value: f64| value.is_finite().then_some(value);
    sums.into_iter().filter_map(|(case, (v, w))| Some((case.to_owned(), finite(v / w)?))).collect()
}

/// What one run has of a variant.
pub(super) fn of_variant(results: &[CaseResult], variant: &str) -> Vec<CaseResult> {
    // The figures need no details, which may be large.
    let bare = |r: &CaseResult| CaseResult {
        variant: r.variant.clone(),
        case: r.case.clone(),
        cluster: r.cluster.clone(),
        repeat: r.repeat,
        metrics: r.metrics.clone(),
        usage: r.usage,
        tools: Vec::new(),
        detail: Json::Null,
        fallback: r.fallback.clone(),
        shown: r.shown.clone(),
        error: r.error.clone(),
    };
    results.iter().filter(|r| r.variant == variant).map(bare).collect()
}

/// The table of cases, the details that the page has room for, and how many cases have theirs left out.
pub(super) fn cases(run: &Reported<'_>) -> (CaseData, Vec<CaseDetail>, usize) {
    let series = all_series(run);
    let names: BTreeSet<&str> = series.iter().flat_map(|s| &s.results).map(|r| r.case.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let place: BTreeMap<&str, usize> = names.iter().enumerate().map(|(at, name)| (*name, at)).collect();
    // By case and series, its repeats.
    let mut seen: Vec<Vec<Vec<&CaseResult>>> = vec![vec![Vec::new(); series.len()]; names.len()];
    for (at, series) in series.iter().enumerate() {
        for result in &series.results {
            let repeats = place.get(result.case.as_str()).and_then(|p| seen.get_mut(*p)?.get_mut(at));
            if let Some(repeats) = repeats {
                repeats.push(result);
            }
        }
    }
    let cells = series
        .iter()
        .enumerate()
        .map(|(at, series)| {
            let of = |(name, seen): (&&str, &Vec<Vec<&CaseResult>>)| cell(name, series, seen.get(at)?);
            names.iter().zip(&seen).map(of).collect()
        })
        .collect();
    let (a, b) = side_by_side(run, &series);
    let (details, left_out) = details(&names, &seen, &series, (a, b));
    let head = |(name, seen): (&&str, &Vec<Vec<&CaseResult>>)| {
        let results = || seen.iter().flatten();
        let cluster = results().next().map(|r| r.cluster.clone()).unwrap_or_default();
        let request = results().find_map(|r| r.detail.get("request")?.as_str()).unwrap_or_default();
        ((*name).to_owned(), cluster, cut(request, 600))
    };
    let metric = |m: &Metric| MetricData {
        name: m.to_string(),
        lower: m.info.better == Better::Lower,
        decimals: figures::decimals(m.info.unit),
    };
    let data = CaseData {
        metrics: run.suite.metrics.iter().map(metric).collect(),
        series: series.iter().map(|s| SeriesData { variant: s.variant.to_owned(), run: s.run }).collect(),
        a,
        b,
        cases: names.iter().zip(&seen).map(head).collect(),
        cells,
    };
    (data, details, left_out)
}

fn all_series<'a>(run: &Reported<'a>) -> Vec<Series<'a>> {
    let of = |results: &'a [CaseResult], variant: &'a str, which: Option<&'static str>| {
        let bare = of_variant(results, variant);
        Series {
            variant,
            run: which,
            results: results.iter().filter(|r| r.variant == variant).collect(),
            values: run.suite.metrics.iter().map(|m| values(&bare, *m)).collect(),
        }
    };
    let now = run.against.map(|_| "now");
    let mut all: Vec<Series<'a>> = run.suite.variants.iter().map(|v| of(run.results, &v.name, now)).collect();
    if let Some(against) = run.against {
        // Also those that are gone: they can be looked at beside others.
        let names: BTreeSet<&str> = against.results.iter().map(|r| r.variant.as_str()).collect();
        all.extend(names.into_iter().map(|name| of(&against.results, name, Some("before"))));
    }
    all
}

/// Which two series are compared at first: what changed most since the other run; else the reference and the best of the others.
fn side_by_side(run: &Reported<'_>, series: &[Series<'_>]) -> (usize, Option<usize>) {
    let position = |variant: &str, which: Option<&str>| {
        series.iter().position(|s| s.variant == variant && s.run == which)
    };
    if let Some(baseline) = &run.assessment.baseline {
        let changes = |name: &str| baseline.cases.iter().filter(|c| c.variant == name).count();
        let in_both = run.suite.variants.iter().filter_map(|v| {
            Some((changes(&v.name), position(&v.name, Some("before"))?, position(&v.name, Some("now"))?))
        });
        if let Some((_, before, now)) = in_both.rev().max_by_key(|(changes, ..)| *changes) {
            return (before, Some(now));
        }
    }
    let now = run.against.map(|_| "now");
    let reference = run.suite.variants.get(run.suite.reference).map(|v| v.name.as_str()).unwrap_or_default();
    let best = run.suite.metrics.first().and_then(|metric| {
        let sign = if metric.info.better == Better::Higher { 1.0 } else { -1.0 };
        let worth = |name: &str, figure: f64| (sign * figure, name.to_owned());
        let others = run.assessment.variants.iter().filter(|v| v.name != reference);
        let others = others.filter_map(|v| Some(worth(&v.name, v.metrics.get(&metric.to_string())?.value)));
        others.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
    });
    (position(reference, now).unwrap_or_default(), best.and_then(|name| position(&name, now)))
}

fn cell(name: &str, series: &Series<'_>, repeats: &[&CaseResult]) -> Option<Cell> {
    if repeats.is_empty() {
        return None;
    }
    let mean = |of: fn(&CaseUsage) -> f64| {
        let sum: f64 = repeats.iter().map(|r| of(&r.usage)).sum();
        Some(rounded(sum / repeats.len() as f64)).filter(|mean| *mean > 0.0)
    };
    Some(Cell {
        v: series.values.iter().map(|values| values.get(name).copied().map(rounded)).collect(),
        ms: mean(|u| u.ms),
        tokens: mean(|u| (u.input_tokens + u.output_tokens) as f64),
        cost: mean(|u| u.cost),
        error: repeats.iter().find_map(|r| r.error.as_deref()).map(|e| cut(e, 600)),
    })
}

/// Details as far as there is room: failed cases first, then those in which the two sides differ most.
fn details(
    names: &[&str],
    seen: &[Vec<Vec<&CaseResult>>],
    series: &[Series<'_>],
    (a, b): (usize, Option<usize>),
) -> (Vec<CaseDetail>, usize) {
    let value = |at: usize, name: &str| series.get(at)?.values.first()?.get(name).copied();
    let urgency = |at: usize| {
        let failed = seen.get(at).into_iter().flatten().flatten().any(|r| r.error.is_some());
        let name = names.get(at).copied().unwrap_or_default();
        let difference = b.and_then(|b| Some((value(a, name)? - value(b, name)?).abs()));
        if failed { f64::INFINITY } else { difference.unwrap_or_default() }
    };
    let mut order: Vec<(f64, usize)> = (0..names.len()).map(|at| (urgency(at), at)).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let (mut room, mut kept, mut left_out) = (DETAIL_BYTES, Vec::new(), 0);
    for (_, at) in order {
        let of_series = |repeats: &Vec<&CaseResult>| repeats.iter().map(|r| shown(r)).collect::<Vec<_>>();
        let seen = json!(seen.get(at).into_iter().flatten().map(of_series).collect::<Vec<_>>());
        match room.checked_sub(seen.to_string().len()) {
            Some(rest) => {
                room = rest;
                kept.push(CaseDetail { at, seen });
            }
            None => left_out += 1,
        }
    }
    kept.sort_by_key(|detail| detail.at);
    (kept, left_out)
}

fn shown(result: &CaseResult) -> Json {
    let usage = result.usage;
    json!({
        "repeat": result.repeat,
        "ms": rounded(usage.ms),
        "calls": usage.model_calls,
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "cost": usage.cost,
        "tools": result.tools,
        "error": result.error,
        "detail": bounded(&result.detail, 0),
    })
}

/// The same with long texts and lists cut, which is said where it is done.
fn bounded(value: &Json, depth: usize) -> Json {
    match value {
        Json::String(text) => json!(cut(text, DETAIL_TEXT)),
        Json::Array(_) | Json::Object(_) if depth >= DETAIL_DEPTH => json!("… (nested too deep to be shown)"),
        Json::Array(entries) => {
            let mut kept: Vec<Json> =
                entries.iter().take(DETAIL_ENTRIES).map(|v| bounded(v, depth + 1)).collect();
            if entries.len() > DETAIL_ENTRIES {
                kept.push(json!(format!("… and {} more", entries.len() - DETAIL_ENTRIES)));
            }
            json!(kept)
        }
        Json::Object(entries) => {
            let kept = entries.iter().take(DETAIL_ENTRIES);
            let mut kept: serde_json::Map<String, Json> =
                kept.map(|(key, v)| (cut(key, 200), bounded(v, depth + 1))).collect();
            if entries.len() > DETAIL_ENTRIES {
                kept.insert("…".to_owned(), json!(format!("and {} more", entries.len() - DETAIL_ENTRIES)));
            }
            Json::Object(kept)
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => value.clone(),
    }
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => {
            let (kept, rest) = text.split_at(end);
            format!("{kept}… ({} characters more)", rest.chars().count())
        }
    }
}

/// To six decimals, as baselines are kept.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        assert_eq!(cut("añb", 2), "añ… (1 characters more)");
        let long = json!({ "list": (0..200).collect::<Vec<_>>(), "text": "é".repeat(5000) });
        let kept = bounded(&long, 0);
        assert_eq!(kept["list"].as_array().map(Vec::len), Some(DETAIL_ENTRIES + 1));
        assert_eq!(kept["list"][DETAIL_ENTRIES], "… and 100 more");
        assert!(kept["text"].as_str().is_some_and(|t| t.ends_with("… (1000 characters more)")));
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!([deep]);
        }
        assert!(bounded(&deep, 0).to_string().contains("too deep"));
    }
}
