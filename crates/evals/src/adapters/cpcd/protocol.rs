//! The official protocol of CPCD (<https://github.com/google-research-datasets/cpcd>, `eval.py`).
//!
//! What is right at every turn is the whole goal playlist. The first three tracks that were liked at each earlier turn are seeds:
//! they are known, and count neither as right nor as an answer; what else was liked is still to be found, and must not be known to
//! what is tried. Tracks of one cluster are one. A turn at which nothing is left to find is no case. Figures are the mean over the
//! turns of a conversation, and of these over conversations: each turn weighs one over the turns of its conversation.

use std::collections::{BTreeMap, BTreeSet};

use super::{Dialogue, Tracks};
use crate::Measure;
use crate::metrics::{Metric, ranking};

/// How many of a turn's likes are known from then on.
pub(super) const SEEDS: usize = 3;

/// What is liked at a turn and known at later ones.
pub(super) fn seeds(liked: &[String]) -> &[String] {
    liked.get(..SEEDS).unwrap_or(liked)
}

/// A turn that is scored.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scored {
    /// `DIALOGUE:TURN`, the turn from 0.
    pub(super) id: String,
    /// Positions of conversation and turn.
    pub(super) dialogue: usize,
    pub(super) turn: usize,
    /// Ids of tracks that are left to find, one a cluster, with their clusters.
    gold: Vec<(String, String)>,
    /// Clusters that are known.
    known: BTreeSet<String>,
    /// Its part in a figure.
    weight: f64,
}

/// What is right at each turn.
#[derive(Debug)]
pub(super) struct Protocol {
    cases: Vec<Scored>,
    by_id: BTreeMap<String, usize>,
    clusters: BTreeMap<String, String>,
}

impl Protocol {
    /// The protocol over these conversations, cut to the first `limit` turns.
    pub(super) fn of(dialogues: &[Dialogue], tracks: &Tracks, limit: Option<usize>) -> Self {
        // A track of a playlist that the catalogue lacks is a cluster of its own, which nothing can find.
        let cluster = |id: &String| tracks.get(id).map_or_else(|| id.clone(), |t| t.cluster.clone());
        let mut cases = Vec::new();
        for (d, dialogue) in dialogues.iter().enumerate() {
            let mut gold: Vec<(String, String)> = Vec::new();
            for id in &dialogue.goal_playlist {
                let cluster = cluster(id);
                if gold.iter().all(|(_, c)| *c != cluster) {
                    gold.push((id.clone(), cluster));
                }
            }
            let mut known = BTreeSet::new();
            for (t, turn) in dialogue.turns.iter().enumerate() {
                let left: Vec<_> = gold.iter().filter(|(_, c)| !known.contains(c)).cloned().collect();
                if !left.is_empty() {
                    let id = format!("{}:{t}", dialogue.id);
                    cases.push(Scored {
                        id,
                        dialogue: d,
                        turn: t,
                        gold: left,
                        known: known.clone(),
                        weight: 1.0,
                    });
                }
                known.extend(seeds(&turn.liked_results).iter().map(cluster));
            }
        }
        cases.truncate(limit.unwrap_or(usize::MAX));
        let mut turns: BTreeMap<usize, u32> = BTreeMap::new();
        cases.iter().for_each(|case| *turns.entry(case.dialogue).or_default() += 1);
        for case in &mut cases {
            case.weight = 1.0 / f64::from(turns.get(&case.dialogue).copied().unwrap_or(1));
        }
        let by_id = cases.iter().enumerate().map(|(i, case)| (case.id.clone(), i)).collect();
        let clusters = tracks.iter().map(|(id, track)| (id.clone(), track.cluster.clone())).collect();
        Self { cases, by_id, clusters }
    }

    /// The turns that are scored, in order.
    pub(super) fn cases(&self) -> &[Scored] {
        &self.cases
    }

    pub(super) fn case(&self, id: &str) -> Option<&Scored> {
        self.by_id.get(id).and_then(|i| self.cases.get(*i))
    }

    /// The measures of a ranking of tracks.
    pub(super) fn measure(
        &self,
        case: &Scored,
        ids: &[&str],
        metrics: &[Metric],
    ) -> BTreeMap<String, Measure> {
        let ranked = self.ranked(case, ids);
        let judged: ranking::Judgments<'_> = case.gold.iter().map(|(_, c)| (c.as_str(), 1)).collect();
        let measure = |metric: &Metric| {
            let Measure { value, weight } = ranking::measure(*metric, &ranked, &judged);
            (metric.to_string(), Measure { value: value * case.weight, weight: weight * case.weight })
        };
        metrics.iter().map(measure).collect()
    }

    /// Each track that is left to find, and its place in a ranking, from 1.
    pub(super) fn places<'a>(
        &self,
        case: &'a Scored,
        ids: &[&str],
    ) -> impl Iterator<Item = (&'a str, Option<usize>)> + use<'a> {
        let ranked: Vec<String> = self.ranked(case, ids).into_iter().map(str::to_owned).collect();
        let place = move |cluster: &String| ranked.iter().position(|r| r == cluster).map(|p| p + 1);
        case.gold.iter().map(move |(id, cluster)| (id.as_str(), place(cluster)))
    }

    /// The clusters of a ranking, each at its best place, without those that are known.
    fn ranked<'a>(&'a self, case: &'a Scored, ids: &[&'a str]) -> Vec<&'a str> {
        let mut seen: BTreeSet<&str> = case.known.iter().map(String::as_str).collect();
        let clusters = ids.iter().map(|id| self.clusters.get(*id).map_or(*id, String::as_str));
        clusters.filter(|cluster| seen.insert(*cluster)).collect()
    }
}
