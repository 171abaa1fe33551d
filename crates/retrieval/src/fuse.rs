//! One ranking out of several. Both methods depend on the rankings as a set, not on their order.

use std::collections::{BTreeMap, BTreeSet};

use segue_catalog::{Ordinal, Scored};

/// The constant of reciprocal rank fusion.
pub const RRF_K: f64 = 60.0;

/// Reciprocal rank fusion: an item's score is the sum of `weight / (k + rank)` over the rankings that hold it, ranks
/// from 1. Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning
/// methods", SIGIR 2009. `weights` of fewer elements than `rankings` are 1 for the rest.
pub fn reciprocal_rank(rankings: &[&[Scored]], weights: &[f64], k: f64) -> Vec<Scored> {
    let parts = rankings.iter().enumerate().map(|(i, ranking)| {
        let weight = weights.get(i).copied().unwrap_or(1.0);
        (1_u32..)
            .zip(*ranking)
            .map(move |(rank, s)| (s.item, weight / (k + f64::from(rank))))
            .collect::<Vec<_>>()
    });
    summed(parts)
}

/// Weighted sum of scores calibrated per ranking to mean 0 and standard deviation 1 (z-scores). An item that a ranking
/// does not hold gets the ranking's lowest calibrated score there. `weights` of fewer elements than `rankings` are 1 for the rest.
pub fn weighted(rankings: &[&[Scored]], weights: &[f64]) -> Vec<Scored> {
    let mut everything: BTreeSet<Ordinal> = BTreeSet::new();
    for ranking in rankings {
        everything.extend(ranking.iter().map(|s| s.item));
    }
    let parts = rankings.iter().enumerate().map(|(i, ranking)| {
        let weight = weights.get(i).copied().unwrap_or(1.0);
        let scores: BTreeMap<Ordinal, f64> = calibrated(ranking).into_iter().collect();
        let lowest = scores.values().copied().fold(0.0_f64, f64::min);
        everything
            .iter()
            .map(|item| (*item, weight * scores.get(item).copied().unwrap_or(lowest)))
            .collect::<Vec<_>>()
    });
    summed(parts)
}

fn calibrated(ranking: &[Scored]) -> Vec<(Ordinal, f64)> {
    let n = ranking.len().max(1) as f64;
    let mean = ranking.iter().map(|s| s.score).sum::<f64>() / n;
    let deviation = (ranking.iter().map(|s| (s.score - mean).powi(2)).sum::<f64>() / n).sqrt();
    // All scores equal: the ranking says nothing about order.
    let scale = if deviation > 0.0 { deviation } else { 1.0 };
    ranking.iter().map(|s| (s.item, (s.score - mean) / scale)).collect()
}

/// Sums the parts of each item smallest first, so that the order of the rankings does not show in the rounding.
fn summed(parts: impl Iterator<Item = Vec<(Ordinal, f64)>>) -> Vec<Scored> {
    let mut terms: BTreeMap<Ordinal, Vec<f64>> = BTreeMap::new();
    for (item, term) in parts.flatten() {
        terms.entry(item).or_default().push(term);
    }
    terms
        .into_iter()
        .map(|(item, mut terms)| {
            terms.sort_by(f64::total_cmp);
            Scored { item, score: terms.iter().sum() }
        })
        .collect()
}
