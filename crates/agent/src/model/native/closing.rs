//! The end of a conversation with a model: from the calls that it made to the set that the answer is made from.

use serde_json::json;

use super::{Made, Native, Phase};
use crate::model::assemble::with_sets;
use crate::model::linking::Ground;
use crate::{Intent, ToolRole};

impl Native {
    /// Adds the calls that are still missing: one ranking out of several that were made side by side, the hard conditions
    /// that came later, an order for what has none. The best so far is the last set with something in it.
    pub(super) fn close(&mut self, ground: &Ground<'_>) {
        self.due.clear();
        self.phase = Phase::Closing;
        let of_model = |m: &&Made| m.round > 0 && m.handle.is_some();
        if self.made.iter().filter(of_model).count() == 0
            && let Some(ids) = self.looked_up()
        {
            self.state.reading.intent = Intent::Describe(ids);
            return self.end();
        }
        let filled = self.made.iter().rfind(|m| m.count.is_some_and(|n| n > 0));
        let Some(best) = filled.or_else(|| self.made.iter().rfind(|m| m.handle.is_some())).cloned() else {
            return self.give_up("none of its calls gave anything", ground);
        };
        if self.state.reading.intent == Intent::Count {
            self.state.step = self.pool.clone().or(Some(best.step.id));
            return self.end();
        }
        let mut best = self.fused(&best, ground);
        if let Some(pool) = self.pool.clone()
            && !self.is_within(&best, &pool)
        {
            best = self.intersection(&best, &pool, ground.specs).unwrap_or(pool);
        }
        if !self.is_ranked(&best) {
            best = match self.ranked_around(&best) {
                Some(ranked) => self.intersection(&ranked, &best, ground.specs).unwrap_or(best),
                None => self.rank(&best, ground),
            };
        }
        self.state.step = Some(best);
        if self.due.is_empty() {
            self.end();
        }
    }

    /// The rules rank, as if there were no model.
    pub(super) fn give_up(&mut self, why: &str, ground: &Ground<'_>) {
        self.state.reading.clone_from(&self.before);
        self.state.failed = Some(why.to_owned());
        self.due.clear();
        self.made.retain(|m| !m.told.is_empty());
        self.phase = Phase::Closing;
        let opening = self.made.iter().find(|m| m.round == 0).map(|m| m.step.id.clone());
        self.pool.clone_from(&opening);
        match (&self.state.reading.intent, opening) {
            (Intent::Search, pool) => {
                let step = self.rank(pool.as_deref().unwrap_or_default(), ground);
                self.state.step = Some(step);
            }
            (_, pool) => self.state.step = pool,
        }
        if self.due.is_empty() {
            self.end();
        }
    }

    pub(super) fn end(&mut self) {
        self.due.clear();
        self.phase = Phase::Done;
    }

    /// The rules' ranking within a set; of everything if there is none of this name.
    fn rank(&mut self, within: &str, ground: &Ground<'_>) -> String {
        let constraints = self.state.reading.constraints.clone();
        let pool = (!within.is_empty()).then_some(within);
        let added = self.compile(ground.snapshot.catalog(), ground.specs, |c| c.rank(&constraints, pool));
        let mut last = within.to_owned();
        for step in added {
            let role = ground.specs.iter().find(|s| s.name == step.tool).map_or(ToolRole::Other, |s| s.role);
            last = self.put(step, role);
        }
        last
    }

    /// One ranking out of those that the model asked for side by side with this one.
    fn fused(&mut self, best: &Made, ground: &Ground<'_>) -> String {
        let id = best.step.id.clone();
        let peers: Vec<String> = self
            .made
            .iter()
            .filter(|m| m.round == best.round && m.round > 0 && m.count.is_some_and(|n| n > 0))
            .map(|m| m.step.id.clone())
            .filter(|peer| self.is_ranked(peer))
            .collect();
        let fuse = ground.specs.iter().find(|s| s.role == ToolRole::Fuse);
        let (Some(spec), [_, _, ..], true) = (fuse, peers.as_slice(), peers.contains(&id)) else { return id };
        let args = with_sets(spec, json!({}), &peers);
        self.step(spec, args, None).unwrap_or(id)
    }

    fn made(&self, id: &str) -> Option<&Made> {
        self.made.iter().find(|m| m.step.id == id)
    }

    /// True if a set holds nothing from outside another, by the way it was made.
    fn is_within(&self, id: &str, pool: &str) -> bool {
        let mut at = Some(id);
        // Each round goes to an earlier step, so there are no more rounds than steps.
        for _ in 0..=self.made.len() {
            match at {
                Some(name) if name == pool => return true,
                Some(name) => at = self.made(name).and_then(|m| m.step.within.as_deref()),
                None => return false,
            }
        }
        false
    }

    fn is_ranked(&self, id: &str) -> bool {
        let Some(made) = self.made(id) else { return false };
        match made.role {
            ToolRole::Filter | ToolRole::Sql => false,
            ToolRole::Algebra => {
                let of_first = made.step.args.get("sets").and_then(|s| s.get(0)).and_then(|s| s.as_str());
                let op = made.step.args.get("op").and_then(|op| op.as_str());
                // A step names earlier ones only, so this ends.
                op != Some("union") && of_first.is_some_and(|first| first != id && self.is_ranked(first))
            }
            _ => true,
        }
    }

    /// The ranking that an unordered set was taken from.
    fn ranked_around(&self, id: &str) -> Option<String> {
        let mut at = self.made(id)?.step.within.as_deref();
        for _ in 0..self.made.len() {
            let name = at?;
            if self.is_ranked(name) {
                return Some(name.to_owned());
            }
            at = self.made(name)?.step.within.as_deref();
        }
        None
    }

    /// The items that were looked up, if nothing else was done.
    fn looked_up(&self) -> Option<Vec<String>> {
        let rows = self.made.iter().filter(|m| m.role == ToolRole::LookUp && !m.told.starts_with("failed"));
        let ids = rows.filter_map(|m| m.step.args.get("items")).flat_map(crate::plan::names_in);
        let ids: Vec<_> = ids.map(str::to_owned).collect();
        (!ids.is_empty()).then_some(ids)
    }
}
