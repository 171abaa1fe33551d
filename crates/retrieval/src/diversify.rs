//! An order in which neighbours differ.

use segue_catalog::{Ordinal, Scored};

/// Maximal marginal relevance: each place goes to the item that is best by
/// `lambda * relevance - (1 - lambda) * (likeness to the most similar item already placed)`; relevance is the score scaled
/// to 0…1 over the list, likeness is between 0 and 1. Carbonell and Goldstein, "The use of MMR", SIGIR 1998.
/// Places `k` items and returns exactly those, with their scores as they were. Costs `k * scored.len()` likenesses.
pub fn maximal_marginal_relevance(
    scored: &[Scored],
    k: usize,
    lambda: f64,
    likeness: impl Fn(Ordinal, Ordinal) -> f64,
) -> Vec<Scored> {
    let highest = scored.iter().map(|s| s.score).fold(f64::NEG_INFINITY, f64::max);
    let lowest = scored.iter().map(|s| s.score).fold(f64::INFINITY, f64::min);
    let range = if highest > lowest { highest - lowest } else { 1.0 };
    // What remains, with its relevance and its likeness to the nearest placed item.
    let mut rest: Vec<(Scored, f64, f64)> =
        scored.iter().map(|s| (*s, (s.score - lowest) / range, 0.0)).collect();
    let mut placed = Vec::with_capacity(k.min(scored.len()));
    while placed.len() < k && !rest.is_empty() {
        let gain = |(_, relevance, near): &(Scored, f64, f64)| lambda * relevance - (1.0 - lambda) * near;
        let best = rest
            .iter()
            .enumerate()
            .max_by(|(_, a), (_, b)| gain(a).total_cmp(&gain(b)).then(b.0.item.cmp(&a.0.item)))
            .map(|(i, _)| i);
        let Some(best) = best else { break };
        let (chosen, ..) = rest.remove(best);
        for (item, _, near) in &mut rest {
            *near = near.max(likeness(chosen.item, item.item));
        }
        placed.push(chosen);
    }
    placed
}
