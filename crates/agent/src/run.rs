//! The run: every decision of a turn's execution, without any IO.
//!
//! A driver asks [`Run::next`] what to do, does it, and feeds back what came of it. The machine sees handles,
//! counts and first items, never sets. It can be written out after any answer and read back elsewhere: calls
//! that were under way are then asked for again.

mod repair;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use segue_catalog::{Handle, Predicate};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{
    CallAnswer, CallOutcome, Constraints, ErrorKind, Plan, Step, Stop, ToolCall, ToolError, ToolRole,
    ToolSpec,
};

/// What a run may use. When it is used up the run ends with the best so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Tool calls.
    pub calls: u32,
    /// Wall-clock time.
    pub time: Duration,
    /// Tokens that models read and write; `None` for as many as it takes.
    #[serde(default)]
    pub tokens: Option<u64>,
    /// US dollars that models may cost, as far as their prices are known; `None` for as many as it takes.
    #[serde(default)]
    pub cost: Option<f64>,
    /// How often each empty filter may be tried again with one soft condition less.
    pub repairs: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self { calls: 32, time: Duration::from_mins(1), tokens: None, cost: None, repairs: 3 }
    }
}

/// A plan being carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    steps: Vec<RunStep>,
    soft: Vec<Predicate>,
    budget: Budget,
    /// How many handles have been given out.
    handles: u32,
    answers: BTreeMap<String, CallAnswer>,
    relaxed: Vec<Relaxed>,
    stopped: Option<Stop>,
    /// Calls under way. Not written out: whoever resumes has to make them again.
    #[serde(skip)]
    under_way: BTreeSet<String>,
}

/// A step, with what the run needs to know of its tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct RunStep {
    #[serde(flatten)]
    step: Step,
    role: ToolRole,
    set_args: Vec<String>,
    handle: Handle,
}

/// What the driver is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Make these calls, side by side, and feed back an answer to each, in any order.
    CallTools(Vec<ToolCall>),
    /// Nothing to start: feed back the answer of a call that is under way.
    Wait,
    /// Nothing is left to do.
    Done(Outcome),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Why.
    pub stop: Stop,
    /// The step whose set the answer is made from; `None` if there is no set.
    pub step: Option<String>,
    /// Soft conditions that were given up.
    pub relaxed: Vec<Relaxed>,
}

/// A soft condition that was given up because nothing was left with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Relaxed {
    /// The step that was empty with it.
    pub step: String,
    /// The condition.
    pub condition: Predicate,
    /// What was put in its place; `None` if it was dropped.
    pub instead: Option<Predicate>,
}

impl Run {
    /// A run of this plan. `handles` is how many have been given out in this session; `constraints` say which
    /// conditions may be given up.
    pub fn new(
        plan: &Plan,
        specs: &[ToolSpec],
        constraints: &Constraints,
        handles: u32,
        budget: Budget,
    ) -> Self {
        let holding = |hard| constraints.conditions.iter().filter(move |c| c.hard == hard && c.holds());
        // What is both wished for and insisted on is insisted on.
        let insisted = |wish: &Predicate| holding(true).any(|c| c.what == *wish);
        let soft = holding(false).map(|c| &c.what).filter(|wish| !insisted(wish));
        let mut run = Self {
            steps: Vec::with_capacity(plan.steps.len()),
            soft: soft.cloned().collect(),
            budget,
            handles,
            answers: BTreeMap::new(),
            relaxed: Vec::new(),
            stopped: None,
            under_way: BTreeSet::new(),
        };
        for step in &plan.steps {
            run.push(step.clone(), specs);
        }
        run
    }

    /// Adds a step at the end; the run goes on with it, also where it was done.
    pub fn push(&mut self, step: Step, specs: &[ToolSpec]) {
        // A tool that does not exist is called all the same: the driver answers with the nearest names.
        let spec = specs.iter().find(|s| s.name == step.tool);
        let role = spec.map_or(ToolRole::Other, |s| s.role);
        let set_args = spec.map(|s| s.set_args.clone()).unwrap_or_default();
        self.handles += 1;
        let handle = Handle(format!("c{}", self.handles));
        self.steps.push(RunStep { step, role, set_args, handle });
    }

    /// What to do now, given the time spent so far. Steps that cannot be called any more are answered here.
    pub fn next(&mut self, spent: Duration) -> Next {
        let mut calls = Vec::new();
        for at in 0..self.steps.len() {
            let started = self.answers.len() + self.under_way.len();
            let Some(RunStep { step, .. }) = self.steps.get(at) else { break };
            if self.answers.contains_key(&step.id) || self.under_way.contains(&step.id) {
                continue;
            }
            if let Some(kind) = self.reason_to_stop(started, spent) {
                self.settle(at, ToolError::new(kind, kind.feedback()));
                continue;
            }
            match self.readiness(at) {
                Readiness::Ready => calls.extend(self.start(at)),
                Readiness::Waiting => {}
                Readiness::Lost(error) => self.settle(at, error),
            }
        }
        if !calls.is_empty() {
            return Next::CallTools(calls);
        }
        if !self.under_way.is_empty() {
            return Next::Wait;
        }
        self.settle_the_rest();
        Next::Done(self.outcome())
    }

    /// Takes the answer to a call. An answer to a call that is not under way changes nothing.
    pub fn feed(&mut self, answer: CallAnswer) {
        if !self.under_way.remove(&answer.step) {
            return;
        }
        let step = answer.step.clone();
        self.answers.insert(step.clone(), answer);
        self.repair(&step);
    }

    /// Starts nothing more: the run ends with the best so far once the calls under way are answered.
    pub fn cancel(&mut self) {
        self.stopped.get_or_insert(Stop::Cancelled);
    }

    /// How much of the time budget is left.
    pub fn time_left(&self, spent: Duration) -> Duration {
        self.budget.time.saturating_sub(spent)
    }

    /// How many steps there are, those that were added included.
    pub(crate) fn len(&self) -> usize {
        self.steps.len()
    }

    /// The plan, with the steps that were added.
    pub fn plan(&self) -> Plan {
        Plan { steps: self.steps.iter().map(|s| s.step.clone()).collect() }
    }

    /// The answers so far, in the order of the plan.
    pub fn calls(&self) -> impl Iterator<Item = &CallAnswer> {
        self.steps.iter().filter_map(|s| self.answers.get(&s.step.id))
    }

    /// How many handles have been given out in this session.
    pub fn handles(&self) -> u32 {
        self.handles
    }

    fn reason_to_stop(&mut self, started: usize, spent: Duration) -> Option<ErrorKind> {
        if self.stopped.is_none() && (started >= self.budget.calls as usize || spent >= self.budget.time) {
            self.stopped = Some(Stop::Budget);
        }
        match self.stopped? {
            Stop::Cancelled => Some(ErrorKind::Cancelled),
            _ => Some(ErrorKind::Budget),
        }
    }

    fn readiness(&self, at: usize) -> Readiness {
        let Some(RunStep { step, role, set_args, .. }) = self.steps.get(at) else {
            return Readiness::Waiting;
        };
        let mut lost = Vec::new();
        let mut found = 0;
        for name in step.references(set_args) {
            // A name that is no step of this plan is a set of an earlier turn, for the driver to look up.
            if !self.steps.iter().any(|s| s.step.id == name) {
                found += 1;
                continue;
            }
            match self.answers.get(name) {
                None => return Readiness::Waiting,
                Some(answer) if answer.handle().is_some() => found += 1,
                Some(_) => lost.push(name),
            }
        }
        let Some(first) = lost.first() else { return Readiness::Ready };
        let within_is_lost = step.within.as_deref().is_some_and(|w| lost.contains(&w));
        if *role == ToolRole::Fuse && found > usize::from(step.within.is_some()) && !within_is_lost {
            return Readiness::Ready;
        }
        let message = format!("skipped because step `{first}`, which it depends on, gave no candidate set");
        Readiness::Lost(ToolError::new(ErrorKind::Skipped, message))
    }

    /// The call of a step that is ready. A fusion goes on without the sets that failed: a search that this
    /// workspace does not have must not silence the others.
    fn start(&mut self, at: usize) -> Option<ToolCall> {
        let RunStep { step, role, set_args, handle } = self.steps.get(at)?;
        let mut args = step.args.clone();
        if *role == ToolRole::Fuse {
            let lost = |name: &Json| {
                name.as_str().and_then(|n| self.answers.get(n)).is_some_and(|a| a.handle().is_none())
            };
            for arg in set_args {
                drop_lost(&mut args, arg, lost);
            }
        }
        let call = ToolCall {
            step: step.id.clone(),
            tool: step.tool.clone(),
            args,
            within: step.within.clone(),
            handle: handle.clone(),
        };
        self.under_way.insert(call.step.clone());
        Some(call)
    }

    /// Answers a step that will not be called.
    fn settle(&mut self, at: usize, error: ToolError) {
        let Some(RunStep { step, handle, .. }) = self.steps.get(at) else { return };
        let Step { id, tool, args, within } = step.clone();
        let call = ToolCall { step: id, tool, args, within, handle: handle.clone() };
        self.answers.insert(call.step.clone(), CallAnswer::failed(&call, error, 0.0));
    }

    /// Steps that depend on each other in a circle: validation refuses such plans, but every call is answered.
    fn settle_the_rest(&mut self) {
        for at in 0..self.steps.len() {
            if self.steps.get(at).is_some_and(|s| !self.answers.contains_key(&s.step.id)) {
                let message = "depends on a step that comes after it; put that step first";
                self.settle(at, ToolError::invalid("within", message));
            }
        }
    }

    fn outcome(&self) -> Outcome {
        let best = self.calls().filter(|c| c.handle().is_some()).last();
        let last = self.steps.last().and_then(|s| self.answers.get(&s.step.id));
        let stop = self.stopped.unwrap_or_else(|| match last.map(|a| &a.outcome) {
            Some(CallOutcome::Failed(_)) => Stop::Failed,
            Some(CallOutcome::Set { count: 0, .. }) => Stop::Empty,
            _ => Stop::Passed,
        });
        Outcome { stop, step: best.map(|c| c.step.clone()), relaxed: self.relaxed_in_order() }
    }
}

/// Whether a step can be called.
enum Readiness {
    Ready,
    Waiting,
    Lost(ToolError),
}

/// Takes the lost names out of a list of sets, and what stands beside them in lists of the same length, such as
/// weights.
fn drop_lost(args: &mut Json, arg: &str, lost: impl Fn(&Json) -> bool) {
    let Json::Object(args) = args else { return };
    let Some(Json::Array(names)) = args.get(arg) else { return };
    let keep: Vec<bool> = names.iter().map(|n| !lost(n)).collect();
    if keep.iter().all(|k| *k) {
        return;
    }
    for list in args.values_mut().filter_map(Json::as_array_mut).filter(|l| l.len() == keep.len()) {
        let mut kept = keep.iter();
        list.retain(|_| kept.next().copied().unwrap_or(true));
    }
}

#[cfg(test)]
mod tests;
