//! From calls that count to a plan: code adds what holds anyway, restricts each step, combines what ranks, and cuts.

use serde_json::{Value as Json, json};

use super::linking::What;
use crate::rules::{Compiler, holding, order_args};
use crate::{Constraints, Effect, Intent, Reading, Step, ToolRole, ToolSpec};

/// A call that counts.
pub(super) struct Call<'a> {
    pub(super) spec: &'a ToolSpec,
    /// `None` where nothing of it was left; its place counts all the same.
    pub(super) what: Option<What>,
}

/// The steps of a plan. Every hard condition comes first, whoever read it; the model's calls follow in their order,
/// within what is left; what holds and the model left out is added; one ranking is made of several.
pub(super) fn assemble(
    calls: Vec<Call<'_>>,
    reading: &mut Reading,
    k: usize,
    mut compiler: Compiler<'_>,
) -> Vec<Step> {
    if let Some(ids) = only_looked_up(&calls) {
        reading.intent = Intent::Describe(ids);
    }
    if let Intent::Describe(ids) = &reading.intent {
        compiler.step(ToolRole::LookUp, json!({ "items": ids }), None);
        return compiler.steps;
    }
    let constraints = Constraints { count: Some(k), ..reading.constraints.clone() };
    let is_count = reading.intent == Intent::Count;
    let pool = compiler.filter(&constraints, /*even_if_all*/ is_count);
    if is_count {
        return compiler.steps;
    }
    let mut assembly = Assembly { compiler, pool, open: Vec::new(), made: Vec::new(), liked: Vec::new() };
    let has = |roles: &[ToolRole]| calls.iter().any(|c| c.what.is_some() && roles.contains(&c.spec.role));
    let searches = has(&[ToolRole::Lexical, ToolRole::Dense]);
    let orders = has(&[ToolRole::Order]);
    let fuses = calls.iter().rposition(|c| c.spec.role == ToolRole::Fuse && c.what.is_some());
    for (at, call) in calls.into_iter().enumerate() {
        if Some(at) == fuses {
            // What the model left out belongs into its ranking too.
            assembly.complete(&constraints, searches, orders);
        }
        assembly.call(call);
    }
    if fuses.is_none() {
        assembly.complete(&constraints, searches, orders);
    }
    assembly.finish(&constraints)
}

fn only_looked_up(calls: &[Call<'_>]) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for call in calls {
        match &call.what {
            Some(What::Items(ids)) if call.spec.role == ToolRole::LookUp => found.extend(ids.clone()),
            Some(_) => return None,
            None => {}
        }
    }
    (!found.is_empty()).then_some(found)
}

struct Assembly<'a> {
    compiler: Compiler<'a>,
    pool: Option<String>,
    /// Rankings that nothing was made of yet.
    open: Vec<(String, ToolRole)>,
    /// The step of each call, for those that name it.
    made: Vec<Option<String>>,
    liked: Vec<String>,
}

impl Assembly<'_> {
    fn call(&mut self, Call { spec, what }: Call<'_>) {
        let pool = self.pool.clone();
        let (tool, role) = (spec.name.as_str(), spec.role);
        let made = match (role, what) {
            (ToolRole::Filter, Some(_)) | (_, Some(What::Conditions(_))) => pool,
            (_, None) => None,
            (ToolRole::Order, Some(What::Args(args))) => Some(self.order(tool, args)),
            (ToolRole::Diversify, Some(What::Args(args))) => {
                let before = self.open.pop();
                before.map(|(before, _)| self.ranked(tool, role, args, Some(before.as_str())))
            }
            (ToolRole::Similar, Some(What::Items(ids))) => {
                self.liked.extend(ids.clone());
                Some(self.ranked(tool, role, json!({ "like": ids }), pool.as_deref()))
            }
            (_, Some(What::Items(ids))) => Some(self.compiler.call(tool, json!({ "items": ids }), None)),
            (_, Some(What::Sets(named, args))) => self.combine(spec, &named, args),
            (_, Some(What::Args(args))) => {
                let ranks = spec.effect != Effect::Writes && role != ToolRole::Deliver;
                match ranks {
                    true => Some(self.ranked(tool, role, args, pool.as_deref())),
                    false => Some(self.compiler.call(tool, args, pool.as_deref())),
                }
            }
        };
        self.made.push(made);
    }

    fn ranked(&mut self, tool: &str, role: ToolRole, args: Json, within: Option<&str>) -> String {
        let step = self.compiler.call(tool, args, within);
        self.open.push((step.clone(), role));
        step
    }

    /// "The newest ones about X" is an order of those about X; where the best are wanted, the search ranks beside it.
    fn order(&mut self, tool: &str, args: Json) -> String {
        let quality = self.compiler.catalog.quality_field().map(|f| f.name.as_str());
        let by_quality = quality.is_some() && args.get("by").and_then(Json::as_str) == quality;
        match self.open.as_slice() {
            [(found, ToolRole::Lexical)] if !by_quality => {
                let found = found.clone();
                self.open.clear();
                self.ranked(tool, ToolRole::Order, args, Some(&found))
            }
            _ => {
                let pool = self.pool.clone();
                self.ranked(tool, ToolRole::Order, args, pool.as_deref())
            }
        }
    }

    /// A combination of the steps named, by their place in the plan as the model wrote it, or of all that are open.
    fn combine(&mut self, spec: &ToolSpec, named: &[String], args: Json) -> Option<String> {
        let place =
            |name: &String| name.strip_prefix('s').and_then(|n| n.parse::<usize>().ok()?.checked_sub(1));
        let step = |name: &String| place(name).and_then(|at| self.made.get(at)).cloned().flatten();
        let mut sets: Vec<String> = Vec::new();
        for name in named.iter().filter_map(step) {
            if !sets.contains(&name) {
                sets.push(name);
            }
        }
        if sets.len() < 2 {
            sets = self.open.iter().map(|(name, _)| name.clone()).collect();
        }
        if spec.role == ToolRole::Fuse {
            // The fusion of a part would leave the rest for another fusion: one of all is meant.
            sets.extend(
                self.open.iter().map(|o| &o.0).filter(|o| !sets.contains(o)).cloned().collect::<Vec<_>>(),
            );
        }
        if sets.len() < 2 {
            return self.open.last().map(|(name, _)| name.clone());
        }
        let args = with_sets(spec, args, &sets);
        self.open.retain(|(name, _)| !sets.contains(name));
        Some(self.ranked(&spec.name, spec.role, args, None))
    }

    /// Adds what the conversation holds and no call of the model has: an omission takes nothing back.
    fn complete(&mut self, constraints: &Constraints, searches: bool, orders: bool) {
        let pool = self.pool.clone();
        let pool = pool.as_deref();
        if self.open.is_empty() {
            // Nothing of the model ranks: the rules' own ranking of the pool.
            return;
        }
        let query: Vec<_> = holding(&constraints.queries).map(|q| q.what.as_str()).collect();
        if !query.is_empty() && !searches {
            for role in [ToolRole::Lexical, ToolRole::Dense] {
                let step = self.compiler.step(role, json!({ "query": query.join(" ") }), pool);
                self.open.extend(step.map(|step| (step, role)));
            }
        }
        let likes = holding(&constraints.likes).map(|l| &l.what).filter(|l| !self.liked.contains(l));
        let likes: Vec<_> = likes.cloned().collect();
        if !likes.is_empty() {
            let step = self.compiler.step(ToolRole::Similar, json!({ "like": likes }), pool);
            self.open.extend(step.map(|step| (step, ToolRole::Similar)));
        }
        let order = holding(&constraints.orders).last().filter(|_| !orders);
        let orders_by =
            self.compiler.specs.iter().find(|s| s.role == ToolRole::Order).map(|s| s.name.clone());
        if let (Some(order), Some(tool)) = (order, orders_by) {
            self.order(&tool, order_args(&order.what));
        }
        for wish in holding(&constraints.conditions).filter(|c| !c.hard) {
            let step = self.compiler.step(ToolRole::Filter, json!({ "where": wish.what }), pool);
            self.open.extend(step.map(|step| (step, ToolRole::Filter)));
        }
    }

    fn finish(mut self, constraints: &Constraints) -> Vec<Step> {
        let last = match self.open.as_slice() {
            [] => {
                self.compiler.rank(constraints, self.pool.as_deref());
                return self.compiler.steps;
            }
            [(one, _)] => Some(one.clone()),
            several => {
                let sets: Vec<_> = several.iter().map(|(name, _)| name.as_str()).collect();
                self.compiler.step(ToolRole::Fuse, json!({ "sets": sets }), None)
            }
        };
        self.compiler.cut(last.as_deref(), constraints);
        self.compiler.steps
    }
}

/// Arguments with the sets in the place where the tool takes them.
pub(super) fn with_sets(spec: &ToolSpec, mut args: Json, sets: &[String]) -> Json {
    if let (Some(name), Json::Object(args)) = (spec.set_args.first(), &mut args) {
        args.insert(name.clone(), json!(sets));
    }
    args
}
