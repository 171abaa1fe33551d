use std::fmt;
use std::sync::{Arc, OnceLock};

use roaring::RoaringBitmap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// An item's number in its generation: dense, from 0, and in the order of the items' ids, so that sorting
/// by ordinal is sorting by id and every tie is broken the same way everywhere.
pub type Ordinal = u32;

/// The short name of a candidate set, `c3`. This is all that a model sees of a set.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Handle(pub String);

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An item and its score. Higher is better; what a score means depends on the tool that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// Which item.
    pub item: Ordinal,
    /// How good. Zero in a set that only filters.
    pub score: f64,
}

/// The call that made a set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// The step of the plan, `s2`.
    pub step: String,
    /// The tool's name.
    pub tool: String,
    /// Its arguments as resolved.
    pub args: Json,
}

/// What one call said of one item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contribution {
    /// The step of the plan.
    pub step: String,
    /// The tool's name.
    pub tool: String,
    /// The score it gave; `None` if it only filters.
    pub score: Option<f64>,
    /// The place it gave, from 1; `None` if it only filters.
    pub rank: Option<u32>,
}

/// The complete answer of one search: every item that matches, best first, ties by id. Immutable; a set made
/// from others keeps them as parents, so no score and no rank is ever lost.
///
/// Invariant: no item occurs twice, and the order is total (score descending, then ordinal ascending) unless
/// the set was ordered by a tool for a reason of its own (a diversified or field-ordered list).
#[derive(Debug)]
pub struct CandidateSet {
    handle: Handle,
    call: CallRecord,
    ranked: bool,
    items: Vec<Scored>,
    parents: Vec<Arc<CandidateSet>>,
    members: OnceLock<RoaringBitmap>,
    ranks: OnceLock<std::collections::HashMap<Ordinal, u32>>,
}

impl CandidateSet {
    /// A set that filters: items in the order of their ids, no scores.
    pub fn filtered(
        handle: Handle,
        call: CallRecord,
        members: RoaringBitmap,
        parents: Vec<Arc<CandidateSet>>,
    ) -> Self {
        let items = members.iter().map(|item| Scored { item, score: 0.0 }).collect();
        let set = Self::with(handle, call, false, items, parents);
        let _ = set.members.set(members);
        set
    }

    /// A set that ranks: sorted here by score, best first, ties by id. A score that is not a number is last.
    pub fn ranked(
        handle: Handle,
        call: CallRecord,
        mut items: Vec<Scored>,
        parents: Vec<Arc<CandidateSet>>,
    ) -> Self {
        sort_best_first(&mut items);
        Self::with(handle, call, true, items, parents)
    }

    /// A set whose order the tool has fixed and which must be kept (diversified, ordered by a field).
    pub fn ordered(
        handle: Handle,
        call: CallRecord,
        items: Vec<Scored>,
        parents: Vec<Arc<CandidateSet>>,
    ) -> Self {
        Self::with(handle, call, true, items, parents)
    }

    fn with(
        handle: Handle,
        call: CallRecord,
        ranked: bool,
        items: Vec<Scored>,
        parents: Vec<Arc<CandidateSet>>,
    ) -> Self {
        Self { handle, call, ranked, items, parents, members: OnceLock::new(), ranks: OnceLock::new() }
    }

    /// The same set without these items; `None` if it has none of them.
    pub fn without(&self, items: &RoaringBitmap) -> Option<Self> {
        if self.members().is_disjoint(items) {
            return None;
        }
        let left = self.items.iter().filter(|s| !items.contains(s.item)).copied().collect();
        Some(Self::with(self.handle.clone(), self.call.clone(), self.ranked, left, self.parents.clone()))
    }

    /// The set's short name.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The call that made it.
    pub fn call(&self) -> &CallRecord {
        &self.call
    }

    /// False if the set only filters: its order then means nothing.
    pub fn is_ranked(&self) -> bool {
        self.ranked
    }

    /// The items, best first.
    pub fn items(&self) -> &[Scored] {
        &self.items
    }

    /// How many items.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True if no item matched.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The sets this one was made from.
    pub fn parents(&self) -> &[Arc<CandidateSet>] {
        &self.parents
    }

    /// The items as a set of ordinals; computed once.
    pub fn members(&self) -> &RoaringBitmap {
        self.members.get_or_init(|| self.items.iter().map(|s| s.item).collect())
    }

    /// The item's place, from 1.
    pub fn rank(&self, item: Ordinal) -> Option<u32> {
        let ranks =
            self.ranks.get_or_init(|| (1..).zip(&self.items).map(|(rank, s)| (s.item, rank)).collect());
        ranks.get(&item).copied()
    }

    /// The item's score in this set.
    pub fn score(&self, item: Ordinal) -> Option<f64> {
        let index = self.rank(item)?.checked_sub(1)? as usize;
        self.items.get(index).map(|s| s.score)
    }

    /// Everything that the calls behind this set said of an item: this call first, then those it was made
    /// from, each once.
    pub fn contributions(&self, item: Ordinal) -> Vec<Contribution> {
        let mut found = Vec::new();
        self.collect(item, &mut found);
        found
    }

    /// The same as [`contributions`](Self::contributions) for several items, in their order. Each set is read once,
    /// and only as far as the last of the items, so that explaining the first few costs no index of all.
    pub fn contributions_of(&self, items: &[Ordinal]) -> Vec<Vec<Contribution>> {
        let mut asked: Vec<(Ordinal, usize)> = items.iter().copied().zip(0..).collect();
        asked.sort_unstable();
        let mut found = vec![Vec::new(); items.len()];
        self.collect_of(&asked, &mut Vec::new(), &mut found);
        found
    }

    fn collect_of<'a>(
        &'a self,
        asked: &[(Ordinal, usize)],
        seen: &mut Vec<&'a CallRecord>,
        found: &mut [Vec<Contribution>],
    ) {
        if seen.iter().any(|c| c.step == self.call.step && c.tool == self.call.tool) {
            return;
        }
        seen.push(&self.call);
        let mut tell = |at: usize, score, rank| {
            if let Some(contributions) = found.get_mut(at) {
                let CallRecord { step, tool, .. } = &self.call;
                contributions.push(Contribution { step: step.clone(), tool: tool.clone(), score, rank });
            }
        };
        if self.ranked {
            let mut left = asked.len();
            for (rank, scored) in (1..).zip(&self.items) {
                if left == 0 {
                    break;
                }
                let first = asked.partition_point(|(item, _)| *item < scored.item);
                for (_, at) in asked.iter().skip(first).take_while(|(item, _)| *item == scored.item) {
                    tell(*at, Some(scored.score), Some(rank));
                    left -= 1;
                }
            }
        } else {
            for (_, at) in asked.iter().filter(|(item, _)| self.members().contains(*item)) {
                tell(*at, None, None);
            }
        }
        for parent in &self.parents {
            parent.collect_of(asked, seen, found);
        }
    }

    fn collect(&self, item: Ordinal, found: &mut Vec<Contribution>) {
        if found.iter().any(|c| c.step == self.call.step && c.tool == self.call.tool) {
            return;
        }
        if self.members().contains(item) {
            found.push(Contribution {
                step: self.call.step.clone(),
                tool: self.call.tool.clone(),
                score: self.score(item).filter(|_| self.ranked),
                rank: self.rank(item).filter(|_| self.ranked),
            });
        }
        for parent in &self.parents {
            parent.collect(item, found);
        }
    }
}

/// Sorts by score, best first, ties by id. A score that is not a number is last.
pub(crate) fn sort_best_first(items: &mut [Scored]) {
    let key = |s: &Scored| if s.score.is_nan() { f64::NEG_INFINITY } else { s.score };
    items.sort_unstable_by(|a, b| key(b).total_cmp(&key(a)).then(a.item.cmp(&b.item)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(step: usize, ranked: bool, items: &[u32], parents: Vec<Arc<CandidateSet>>) -> Arc<CandidateSet> {
        let handle = Handle(format!("c{step}"));
        let call = CallRecord { step: format!("s{step}"), tool: "t".to_owned(), args: Json::Null };
        Arc::new(if ranked {
            let scored = items.iter().map(|&item| Scored { item, score: f64::from(item % 3) });
            CandidateSet::ranked(handle, call, scored.collect(), parents)
        } else {
            CandidateSet::filtered(handle, call, items.iter().copied().collect(), parents)
        })
    }

    proptest! {
        #[test]
        fn contributions_of_several_are_those_of_each(
            drawn in prop::collection::vec((any::<bool>(), prop::collection::btree_set(0..12_u32, 0..9)), 1..5),
            asked in prop::collection::vec(0..14_u32, 0..6),
        ) {
            let mut sets: Vec<Arc<CandidateSet>> = Vec::new();
            for (step, (ranked, items)) in drawn.into_iter().enumerate() {
                let items: Vec<_> = items.into_iter().collect();
                sets.push(set(step, ranked, &items, sets.iter().rev().take(2).cloned().collect()));
            }
            let last = sets.pop().unwrap();
            let each: Vec<_> = asked.iter().map(|item| last.contributions(*item)).collect();
            let sorted = |mut all: Vec<Vec<Contribution>>| {
                for contributions in &mut all {
                    contributions.sort_by(|a, b| a.step.cmp(&b.step));
                }
                all
            };
            prop_assert_eq!(sorted(last.contributions_of(&asked)), sorted(each));
        }
    }
}
