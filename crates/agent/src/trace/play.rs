//! Gives back what is on a trace, to a turn that is done again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use segue_catalog::{CallRecord, CandidateSet, Handle, Snapshot};
use segue_models::ChatRequest;
use serde::Serialize;
use serde_json::Value as Json;

use super::line::{AnswerLine, ExchangeLine, Line};
use super::world::TraceWorld;
use super::{Divergence, Trace};
use crate::model::{Exchange, Prompt};
use crate::{CallAnswer, Cancellation, ErrorKind, ToolCall, ToolError};

/// What a trace is played for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To see that the same comes out. Nothing is asked and nothing is called.
    Replay,
    /// To see whether the tools still say the same: they are called, but for those that change something.
    LiveTools,
    /// To end a turn that was cut: what is on the trace is not done again, the rest is.
    Resume {
        /// True if catalogue, tools, model and prompts are those of the trace.
        is_same: bool,
    },
}

/// What a question to a model was answered that is on the trace.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) exchange: Exchange,
    pub(crate) cost: f64,
    /// The kind of what went wrong.
    pub(crate) kind: Option<String>,
}

impl From<ExchangeLine> for Answered {
    fn from(line: ExchangeLine) -> Self {
        Self { exchange: line.exchange, cost: line.cost, kind: line.error_kind }
    }
}

/// A call whose answer is on the trace.
#[derive(Debug)]
pub(crate) struct Played {
    /// Its place among all answers: they are given back in the order in which they came.
    pub(crate) order: usize,
    pub(crate) answer: CallAnswer,
    pub(crate) set: Option<Arc<CandidateSet>>,
    /// How long somebody was waited for who had to approve it.
    pub(crate) waited: Duration,
    at: f64,
}

#[derive(Debug)]
pub(super) struct Player {
    pub(super) purpose: Purpose,
    /// What the whole turn took.
    pub(super) ms: Option<f64>,
    world: Option<TraceWorld>,
    snapshot: Snapshot,
    cancellation: Cancellation,
    /// How many exchanges and answers came before the turn was stopped.
    cancelled_after: Option<usize>,
    sets: BTreeMap<Handle, Arc<CandidateSet>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    exchanges: VecDeque<ExchangeLine>,
    asked: usize,
    calls: BTreeMap<String, VecDeque<Recorded>>,
    played: usize,
    divergence: Option<Divergence>,
}

/// A call on the trace.
#[derive(Debug)]
struct Recorded {
    call: ToolCall,
    writes: bool,
    waited: Duration,
    answer: Option<(usize, AnswerLine)>,
}

impl Player {
    pub(super) fn new(
        trace: &Trace,
        purpose: Purpose,
        world: Option<TraceWorld>,
        snapshot: Snapshot,
        cancellation: Cancellation,
    ) -> Self {
        let mut state = State::default();
        let mut sets: BTreeMap<Handle, Arc<CandidateSet>> = BTreeMap::new();
        let (mut came, mut cancelled_after) = (0, None);
        for line in &trace.lines {
            match line {
                Line::Exchange(line) => {
                    state.exchanges.push_back((**line).clone());
                    came += 1;
                }
                Line::Call(line) => {
                    let waited = Duration::try_from_secs_f64(line.waited / 1e3).unwrap_or_default();
                    let (call, writes) = (line.call.clone(), line.writes);
                    let recorded = Recorded { call, writes, waited, answer: None };
                    state.calls.entry(line.call.step.clone()).or_default().push_back(recorded);
                }
                Line::Set(line) => {
                    let parents = line.parents.iter().filter_map(|p| sets.get(p).cloned()).collect();
                    sets.insert(line.handle.clone(), Arc::new(line.set(parents)));
                }
                Line::Answer(line) => {
                    let begun = state.calls.get_mut(&line.answer.step);
                    if let Some(call) = begun.and_then(|calls| calls.iter_mut().find(|c| c.answer.is_none()))
                    {
                        call.answer = Some((came, (**line).clone()));
                    }
                    came += 1;
                }
                Line::Cancelled { .. } => cancelled_after = cancelled_after.or(Some(came)),
                Line::Head(_) | Line::Suspended { .. } | Line::Report { .. } => {}
            }
        }
        // Whoever takes a turn up again does not want it stopped again.
        let cancelled_after = cancelled_after.filter(|_| !matches!(purpose, Purpose::Resume { .. }));
        let ms = trace.report.as_ref().map(|report| report.usage.ms);
        let state = Mutex::new(state);
        let player = Self { purpose, ms, world, snapshot, cancellation, cancelled_after, sets, state };
        player.came(&mut player.state(), 0, 0.0);
        player
    }

    /// The sets of earlier turns that a plan could name: those that are on the trace as they were, others empty.
    pub(super) fn earlier(&self, handles: &[Handle]) -> Vec<Arc<CandidateSet>> {
        let empty = |handle: &Handle| {
            let made = CallRecord { step: handle.0.clone(), tool: String::new(), args: Json::Null };
            Arc::new(CandidateSet::ordered(handle.clone(), made, Vec::new(), Vec::new()))
        };
        handles.iter().map(|handle| self.sets.get(handle).cloned().unwrap_or_else(|| empty(handle))).collect()
    }

    /// The first thing that was not as recorded.
    pub(super) fn divergence(&self) -> Option<Divergence> {
        self.state().divergence.clone()
    }

    /// The answer to a question; `None` if the model is to be asked.
    pub(super) fn exchange(&self, prompt: &Prompt, request: &ChatRequest) -> Option<Answered> {
        let mut state = self.state();
        state.asked += 1;
        if matches!(self.purpose, Purpose::Resume { .. }) {
            // A question that got no answer is asked again.
            while state.exchanges.front().is_some_and(|line| line.exchange.reply.is_none()) {
                state.exchanges.pop_front();
            }
            let line = state.exchanges.pop_front()?;
            if line.exchange.request != *request {
                // From here on it is another conversation.
                state.exchanges.clear();
                return None;
            }
            return Some(Answered::from(line));
        }
        let at = format!("exchange {}", state.asked);
        let line = state.exchanges.pop_front();
        match line {
            Some(line) if line.exchange.request == *request => {
                self.came(&mut state, 1, line.at);
                Some(Answered::from(line))
            }
            line => {
                let (expected, got) = (line.as_ref().map(|l| json(&l.exchange.request)), json(request));
                let found = match expected {
                    Some(expected) => Divergence::between(&at, &expected, &got),
                    None => Some(Divergence::new(&at, "the whole", "nothing", "a question to the model")),
                };
                diverge(&mut state, found);
                let exchange = Exchange {
                    prompt: prompt.name.clone(),
                    prompt_hash: prompt.hash.clone(),
                    request: request.clone(),
                    reply: None,
                    error: Some("the trace does not hold this question".to_owned()),
                    ms: 0.0,
                };
                Some(Answered { exchange, cost: 0.0, kind: None })
            }
        }
    }

    /// The answer to a call; `None` if it is to be made.
    pub(super) fn call(&self, call: &ToolCall) -> Option<Played> {
        let mut state = self.state();
        let recorded = state.calls.get_mut(&call.step).and_then(VecDeque::pop_front);
        if let Purpose::Resume { is_same } = self.purpose {
            let Recorded { call: then, writes, answer, .. } = recorded.filter(|r| r.call == *call)?;
            return match answer {
                Some((order, line)) if line.answer.is_ok() && (is_same || writes) => {
                    Some(self.played(order, line))
                }
                // It may have been done before the process was killed, and must not be done twice.
                None if writes => Some(self.played(0, AnswerLine { at: 0.0, answer: in_doubt(&then) })),
                _ => None,
            };
        }
        let at = format!("step {}", call.step);
        let Some(recorded) = recorded else {
            let found = Divergence::new(&at, "the call", "nothing", &call.tool).of(&call.tool);
            diverge(&mut state, Some(found));
            return Some(self.played(usize::MAX, AnswerLine { at: 0.0, answer: not_recorded(call) }));
        };
        let found = Divergence::between(&at, &json(&recorded.call), &json(call));
        diverge(&mut state, found.map(|d| d.of(&call.tool)));
        if self.purpose == Purpose::LiveTools && !recorded.writes {
            let answer = recorded.answer.clone();
            let again = Recorded { answer, ..recorded };
            state.calls.entry(call.step.clone()).or_default().push_front(again);
            return None;
        }
        let waited = recorded.waited;
        let (order, line) =
            recorded.answer.unwrap_or((usize::MAX, AnswerLine { at: 0.0, answer: not_recorded(call) }));
        Some(Played { waited, ..self.played(order, line) })
    }

    /// Hears that an answer from the trace is now given back.
    pub(super) fn given(&self, played: &Played) {
        self.came(&mut self.state(), 1, played.at);
    }

    /// Holds the answer of a live tool against the recorded one. Its time is taken from the recording.
    pub(super) fn answered(&self, answer: &mut CallAnswer, set: Option<&CandidateSet>) {
        let mut state = self.state();
        let recorded = state.calls.get_mut(&answer.step).and_then(VecDeque::pop_front);
        let Some((_, line)) = recorded.and_then(|r| r.answer) else { return };
        answer.ms = line.answer.ms;
        let expected = line.answer.handle().and_then(|handle| self.sets.get(handle));
        let found = self.difference(&line.answer, answer, expected.map(|s| &**s), set);
        diverge(&mut state, found);
        self.came(&mut state, 1, line.at);
    }

    fn difference(
        &self,
        expected: &CallAnswer,
        got: &CallAnswer,
        expected_set: Option<&CandidateSet>,
        got_set: Option<&CandidateSet>,
    ) -> Option<Divergence> {
        let at = format!("step {}", got.step);
        let outcome = |answer: &CallAnswer| match (answer.error(), answer.count()) {
            (Some(error), _) => format!("a failure ({})", error.kind.name()),
            (None, Some(_)) => "a set".to_owned(),
            (None, None) => "facts".to_owned(),
        };
        let (then, now) = (outcome(expected), outcome(got));
        let found = if then == now {
            let args = Divergence::between(&at, &expected.args, &got.args);
            let args = args.map(|d| Divergence { what: format!("args.{}", d.what), ..d });
            let count = || {
                let (then, now) = (expected.count()?, got.count()?);
                (then != now).then(|| Divergence::new(&at, "count", then, now))
            };
            args.or_else(count)
                .or_else(|| self.first_item(&at, expected_set?, got_set?))
                .or_else(|| Divergence::between(&at, &json(expected), &json(got)))
        } else {
            Some(Divergence::new(&at, "outcome", then, now))
        };
        found.map(|d| d.of(&got.tool))
    }

    fn first_item(&self, at: &str, expected: &CandidateSet, got: &CandidateSet) -> Option<Divergence> {
        let catalog = self.snapshot.catalog();
        let id = |item: u32| {
            let row = self.snapshot.row(item).ok().flatten();
            row.map_or_else(|| format!("item number {item}"), |row| format!("`{}`", row.id(catalog)))
        };
        let pairs = (1..).zip(expected.items().iter().zip(got.items()));
        pairs.into_iter().find_map(|(place, (then, now))| {
            let what = format!("item {place}");
            if then.item != now.item {
                return Some(Divergence::new(at, &what, id(then.item), id(now.item)));
            }
            let same =
                then.score.to_bits() == now.score.to_bits() || (then.score.is_nan() && now.score.is_nan());
            (!same).then(|| Divergence::new(at, &format!("score of {what}"), then.score, now.score))
        })
    }

    fn played(&self, order: usize, line: AnswerLine) -> Played {
        let set = line.answer.handle().and_then(|handle| self.sets.get(handle).cloned());
        Played { order, answer: line.answer, set, waited: Duration::ZERO, at: line.at }
    }

    /// Counts what came, sets the clock, and stops the turn where it was stopped.
    fn came(&self, state: &mut State, more: usize, at: f64) {
        state.played += more;
        if let Some(world) = &self.world {
            world.show(at);
        }
        if self.cancelled_after == Some(state.played) {
            self.cancellation.cancel();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn diverge(state: &mut State, found: Option<Divergence>) {
    if state.divergence.is_none() {
        state.divergence = found;
    }
}

fn json(value: &impl Serialize) -> Json {
    serde_json::to_value(value).unwrap_or_default()
}

fn not_recorded(call: &ToolCall) -> CallAnswer {
    let message = "the trace does not hold the answer to this call";
    CallAnswer::failed(call, ToolError::new(ErrorKind::Internal, message), 0.0)
}

fn in_doubt(call: &ToolCall) -> CallAnswer {
    let message = format!(
        "`{}` had been begun when the turn was cut and may have been done; it is not done again: look, and ask anew",
        call.tool
    );
    CallAnswer::failed(call, ToolError::new(ErrorKind::Denied, message), 0.0)
}
