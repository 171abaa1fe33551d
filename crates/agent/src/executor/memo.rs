use segue_catalog::Handle;
use serde_json::Value as Json;

use crate::plan::names_in;
use crate::{CallAnswer, CallOutcome, SetScope, ToolCall};

/// What makes two calls the same: the tool, its arguments and the sets they mean, whatever the steps are called.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    tool: String,
    args: Json,
    sets: Vec<Option<Handle>>,
}

impl Key {
    pub(super) fn of(call: &ToolCall, set_args: &[String], scope: &SetScope) -> Self {
        let handle = |name: &str| scope.get(name).ok().map(|set| set.handle().clone());
        let mut sets = vec![call.within.as_deref().and_then(handle)];
        let mut args = call.args.clone();
        for arg in set_args {
            if let Some(value) = args.get_mut(arg) {
                // What the names mean counts, not the names.
                let names = value.take();
                sets.extend(names_in(&names).map(handle));
            }
        }
        Self { tool: call.tool.clone(), args, sets }
    }
}

/// The calls that were made, so that none is made twice.
#[derive(Debug, Default)]
pub(super) struct Memo {
    calls: Vec<(Key, State)>,
}

#[derive(Debug)]
enum State {
    /// Being made; these asked for the same meanwhile.
    UnderWay(Vec<ToolCall>),
    Answered(Box<CallAnswer>),
}

impl Memo {
    /// The answer that the same call got before, as an answer to this one. A failure that may pass is forgotten.
    pub(super) fn earlier(&self, call: &ToolCall, key: &Key) -> Option<CallAnswer> {
        self.calls.iter().find_map(|(known, state)| match state {
            State::Answered(answer) if known == key => Some(repeated(answer, call)),
            _ => None,
        })
    }

    /// True if the same call is being made: this one is then answered with it. If not, it counts as being made.
    pub(super) fn is_under_way(&mut self, call: &ToolCall, key: &Key) -> bool {
        for (known, state) in &mut self.calls {
            if let (true, State::UnderWay(waiting)) = (known == key, state) {
                waiting.push(call.clone());
                return true;
            }
        }
        self.calls.push((key.clone(), State::UnderWay(Vec::new())));
        false
    }

    /// Keeps an answer; comes back with the answers to those who asked for the same meanwhile.
    pub(super) fn record(&mut self, key: Key, answer: &CallAnswer) -> Vec<CallAnswer> {
        let Some(at) = self.calls.iter().position(|(known, _)| *known == key) else { return Vec::new() };
        let (_, state) = self.calls.swap_remove(at);
        let answers = match state {
            State::UnderWay(waiting) => waiting.iter().map(|call| repeated(answer, call)).collect(),
            State::Answered(_) => Vec::new(),
        };
        let may_pass = matches!(&answer.outcome, CallOutcome::Failed(e) if e.kind.is_retryable());
        if !may_pass {
            self.calls.push((key, State::Answered(Box::new(answer.clone()))));
        }
        answers
    }
}

fn repeated(answer: &CallAnswer, call: &ToolCall) -> CallAnswer {
    let mut notes = answer.notes.clone();
    notes.push(format!("the same call as step `{}`: its answer is given again", answer.step));
    CallAnswer { step: call.step.clone(), ms: 0.0, notes, ..answer.clone() }
}
