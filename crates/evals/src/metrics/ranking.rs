//! Ranking metrics, with the conventions of trec_eval (<https://github.com/usnistgov/trec_eval>).
//!
//! ```
//! use segue_evals::metrics::ranking::{Judgments, average_precision, ndcg};
//! let judged: Judgments = [("a", 2), ("b", 1), ("c", 0)].into();
//! assert_eq!(average_precision(&["c", "a"], &judged, None), 0.25);
//! assert!((ndcg(&["b", "a"], &judged, Some(10)) - 0.859_719).abs() < 1e-6);
//! ```

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{Family, Metric};
use crate::Measure;

/// How relevant each judged item of a query is; below 1 is not relevant.
pub type Judgments<'a> = BTreeMap<&'a str, i64>;

/// The measure of one query: of the items in their order, best first. Weight 0 where nothing is judged, or the metric is
/// not one of a ranking. A query of whose judgments none is relevant has 0, as in trec_eval.
pub fn measure(metric: Metric, ranking: &[&str], judged: &Judgments<'_>) -> Measure {
    if metric.info.family != Family::Ranking || judged.is_empty() {
        return Measure::share(0, 0);
    }
    let all = ranking.len();
    Measure::one(match metric.info.name {
        "ndcg" => ndcg(ranking, judged, metric.k),
        "mrr" => reciprocal_rank(ranking, judged, metric.k),
        "hit" => hit(ranking, judged, metric.k.unwrap_or(all)),
        "recall" => recall(ranking, judged, metric.k.unwrap_or(all)),
        "precision" => precision(ranking, judged, metric.k.unwrap_or(all)),
        "map" => average_precision(ranking, judged, metric.k),
        _ => return Measure::share(0, 0),
    })
}

/// The order that trec_eval gives a run: by score in single precision, highest first, then by id, last first. Not a
/// number is below every number.
pub fn by_score<'a>(scores: impl IntoIterator<Item = (&'a str, f64)>) -> Vec<&'a str> {
    // −0 and 0 are equal.
    let key = |score: f64| if score.is_nan() { f32::NEG_INFINITY } else { score as f32 + 0.0 };
    let mut scored: Vec<_> = scores.into_iter().map(|(id, score)| (key(score), id)).collect();
    scored.sort_by(|(a, x), (b, y)| b.total_cmp(a).then_with(|| y.cmp(x)));
    scored.into_iter().map(|(_, id)| id).collect()
}

/// Normalised discounted cumulative gain of the first `k`, with linear gain.
pub fn ndcg(ranking: &[&str], judged: &Judgments<'_>, k: Option<usize>) -> f64 {
    let k = k.unwrap_or(usize::MAX);
    let discounted = |gains: &mut dyn Iterator<Item = i64>| -> f64 {
        let gains = (2_u32..).zip(gains.take(k)).filter(|(_, gain)| *gain > 0);
        gains.map(|(place, gain)| gain as f64 / f64::from(place).log2()).sum()
    };
    let mut best: Vec<i64> = judged.values().copied().collect();
    best.sort_unstable_by_key(|gain| Reverse(*gain));
    over(discounted(&mut gains(ranking, judged)), discounted(&mut best.into_iter()))
}

/// One over the rank of the first relevant item, 0 if none is among the first `k`.
pub fn reciprocal_rank(ranking: &[&str], judged: &Judgments<'_>, k: Option<usize>) -> f64 {
    let first = gains(ranking, judged).take(k.unwrap_or(usize::MAX)).position(|gain| gain > 0);
    first.map_or(0.0, |at| 1.0 / (at + 1) as f64)
}

/// 1 if a relevant item is among the first `k`, else 0.
pub fn hit(ranking: &[&str], judged: &Judgments<'_>, k: usize) -> f64 {
    f64::from(u8::from(found(ranking, judged, k) > 0))
}

/// The relevant items among the first `k`, of all relevant ones.
pub fn recall(ranking: &[&str], judged: &Judgments<'_>, k: usize) -> f64 {
    over(found(ranking, judged, k) as f64, relevant(judged) as f64)
}

/// The relevant items among the first `k`, over `k`.
pub fn precision(ranking: &[&str], judged: &Judgments<'_>, k: usize) -> f64 {
    over(found(ranking, judged, k) as f64, k as f64)
}

/// The precisions at the relevant items among the first `k`, over the number of all relevant items.
pub fn average_precision(ranking: &[&str], judged: &Judgments<'_>, k: Option<usize>) -> f64 {
    let places = gains(ranking, judged).take(k.unwrap_or(usize::MAX)).zip(1_u32..);
    let at_relevant = places.filter(|(gain, _)| *gain > 0).zip(1_u32..);
    let precisions = at_relevant.map(|((_, place), found)| f64::from(found) / f64::from(place));
    over(precisions.sum(), relevant(judged) as f64)
}

/// The judgment of each item in the order of the ranking; 0 for what is not judged, and for what was there before.
fn gains<'a>(ranking: &'a [&str], judged: &'a Judgments<'_>) -> impl Iterator<Item = i64> + 'a {
    let mut seen = BTreeSet::new();
    ranking.iter().map(move |id| match judged.get(id) {
        Some(gain) if seen.insert(*id) => *gain,
        _ => 0,
    })
}

fn found(ranking: &[&str], judged: &Judgments<'_>, k: usize) -> usize {
    gains(ranking, judged).take(k).filter(|gain| *gain > 0).count()
}

fn relevant(judged: &Judgments<'_>) -> usize {
    judged.values().filter(|gain| **gain > 0).count()
}

fn over(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
