//! The driver's hands: makes the calls that a run asks for, and answers every one of them.
//!
//! Tools block: each call has a thread of its own, so that a slow one delays nobody and can be left behind when
//! its time is up. Sets live here; the run hears of their names and sizes only.

mod memo;

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use segue_catalog::{CandidateSet, Snapshot, StoreError};
use segue_world::World;
use serde_json::Value as Json;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use tokio::task::JoinSet;

use self::memo::{Key, Memo};
use crate::trace::{Played, Tape};
use crate::{
    CallAnswer, CallOutcome, Cancellation, Effect, ErasedTool, ErrorKind, Next, Outcome, Registry, Run,
    SetScope, ToolCall, ToolContext, ToolError, ToolOutput, ToolSpec, TopItem, TurnEvent,
};

/// How many of a set's first items are told.
const TOP: usize = 3;

/// Decides whether a call that changes something may be made.
pub type Approval = Arc<dyn Fn(&ToolCall) -> Consent + Send + Sync>;

/// What is said to a call that changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// It may be made.
    Given,
    /// It must not.
    Refused,
    /// Nobody is there to ask: the turn ends without a reply and can be taken up again.
    Nobody,
}

/// What calls are made with.
pub(crate) struct Surroundings<'a> {
    pub(crate) world: &'a Arc<dyn World>,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) registry: &'a Registry,
    pub(crate) specs: &'a [ToolSpec],
    pub(crate) shown: Vec<String>,
    pub(crate) approval: Option<Approval>,
    pub(crate) cancellation: Cancellation,
    pub(crate) tape: Tape,
}

/// The calls of one run and the sets they made.
pub(crate) struct Executor<'a> {
    around: Surroundings<'a>,
    scope: SetScope,
    made: Vec<Arc<CandidateSet>>,
    memo: Memo,
    under_way: JoinSet<Finished>,
    answered: VecDeque<CallAnswer>,
    /// Answers that a trace has, in the order in which they came when it was written.
    played: BTreeMap<(usize, String), (ToolCall, Played)>,
    suspended: Option<ToolCall>,
    lock: Arc<RwLock<()>>,
    /// When the first call could be made, and how long people were waited for since.
    began: Duration,
    waited: Duration,
    /// Steps whose answers were told.
    told: Vec<String>,
}

/// A call that has come back.
struct Finished {
    call: ToolCall,
    key: Key,
    ms: f64,
    result: Result<Returned, ToolError>,
}

struct Returned {
    args: Json,
    output: ToolOutput,
    top: Vec<TopItem>,
}

impl<'a> Executor<'a> {
    /// An executor that knows these sets of earlier turns.
    pub(crate) fn new(around: Surroundings<'a>, earlier: &[Arc<CandidateSet>]) -> Self {
        let mut scope = SetScope::default();
        for set in earlier {
            // By handle alone: the steps of earlier turns had the same names as this one's.
            scope.insert_as(&set.handle().0, &left(around.snapshot, set));
        }
        let began = around.world.elapsed();
        Self {
            around,
            scope,
            made: Vec::new(),
            memo: Memo::default(),
            under_way: JoinSet::new(),
            answered: VecDeque::new(),
            played: BTreeMap::new(),
            suspended: None,
            lock: Arc::default(),
            began,
            waited: Duration::ZERO,
            told: Vec::new(),
        }
    }

    /// The set that a step gave.
    pub(crate) fn set(&self, step: &str) -> Option<Arc<CandidateSet>> {
        self.scope.get(step).ok()
    }

    /// The call that nobody was there to approve.
    pub(crate) fn suspended(&self) -> Option<ToolCall> {
        self.suspended.clone()
    }

    /// The sets that were made, in the order they came.
    pub(crate) fn into_sets(self) -> Vec<Arc<CandidateSet>> {
        self.made
    }

    /// Carries a run to its end. It can be given more steps then, and carried on.
    pub(crate) async fn drive(
        &mut self,
        run: &mut Run,
        events: &mut (dyn FnMut(TurnEvent) + Send),
    ) -> Outcome {
        let world = self.around.world.clone();
        loop {
            if self.around.cancellation.is_cancelled() {
                self.around.tape.cancelled();
                run.cancel();
            }
            if self.suspended.is_some() {
                run.cancel();
            }
            // Whoever is asked for approval may take their time.
            let spent = world.elapsed().saturating_sub(self.began + self.waited);
            let before = run.len();
            let next = run.next(spent);
            if run.len() != before {
                events(TurnEvent::Planned { plan: run.plan() });
            }
            // What the run answered by itself, because it could not be called any more, is told too.
            for answer in run.calls().filter(|a| !self.told.contains(&a.step)).cloned().collect::<Vec<_>>() {
                self.told.push(answer.step.clone());
                events(TurnEvent::CallAnswered { call: answer });
            }
            match next {
                Next::CallTools(calls) => {
                    for call in calls {
                        events(TurnEvent::CallStarted { step: call.step.clone(), tool: call.tool.clone() });
                        self.start(call, run.time_left(spent));
                    }
                }
                Next::Wait => match self.next_answer().await {
                    Some(answer) => run.feed(answer),
                    None => run.cancel(),
                },
                Next::Done(outcome) => return outcome,
            }
        }
    }

    fn start(&mut self, call: ToolCall, time_left: Duration) {
        if let Some(played) = self.around.tape.call(&call) {
            self.waited += played.waited;
            self.around.tape.begun(&call, self.writes(&call.tool), played.waited);
            self.played.insert((played.order, call.step.clone()), (call, played));
            return;
        }
        let asked = self.around.world.elapsed();
        let permitted = self.permitted(&call);
        let writes = permitted.as_ref().is_ok_and(|(_, spec)| spec.effect == Effect::Writes);
        let waited = match writes {
            true => self.around.world.elapsed().saturating_sub(asked),
            false => Duration::ZERO,
        };
        self.waited += waited;
        self.around.tape.begun(&call, writes, waited);
        let (tool, spec) = match permitted {
            Ok(found) => found,
            Err(error) => return self.answered.push_back(CallAnswer::failed(&call, error, 0.0)),
        };
        let key = Key::of(&call, &spec.set_args, &self.scope);
        if spec.effect != Effect::Writes {
            if let Some(answer) = self.memo.earlier(&call, &key) {
                return self.repeat(answer);
            }
            if self.memo.is_under_way(&call, &key) {
                return;
            }
        }
        let context = match self.context(&call) {
            Ok(context) => context,
            Err(error) => return self.finish(Finished { call, key, ms: 0.0, result: Err(error) }),
        };
        let limit = Duration::from_millis(spec.timeout_ms).min(time_left);
        let exclusive = spec.effect == Effect::Writes || !spec.parallel_safe;
        let (world, lock) = (self.around.world.clone(), self.lock.clone());
        self.under_way.spawn(async move {
            let permit = Permit::take(lock, exclusive, &context.cancellation).await;
            let began = world.elapsed();
            let result = match permit {
                Some(permit) => invoke(tool, context, call.args.clone(), permit, limit).await,
                None => Err(ToolError::new(ErrorKind::Cancelled, ErrorKind::Cancelled.feedback())),
            };
            let ms = world.elapsed().saturating_sub(began).as_secs_f64() * 1e3;
            Finished { call, key, ms, result }
        });
    }

    fn writes(&self, tool: &str) -> bool {
        self.around.specs.iter().any(|spec| spec.name == tool && spec.effect == Effect::Writes)
    }

    fn permitted(&mut self, call: &ToolCall) -> Result<(Arc<dyn ErasedTool>, Cow<'a, ToolSpec>), ToolError> {
        let tool = self.around.registry.get(&call.tool)?;
        let spec = self.around.specs.iter().find(|s| s.name == call.tool).map(Cow::Borrowed);
        let spec = spec.unwrap_or_else(|| Cow::Owned(tool.describe(self.around.snapshot.catalog())));
        if spec.effect == Effect::Writes {
            let consent = self.around.approval.as_ref().map_or(Consent::Refused, |approve| approve(call));
            if consent == Consent::Nobody && self.suspended.is_none() {
                self.around.tape.suspended(&call.step);
                self.suspended = Some(call.clone());
            }
            if consent == Consent::Given {
                return Ok((tool, spec));
            }
            let message = format!("`{}` changes something and was not approved", call.tool);
            return Err(ToolError::new(ErrorKind::Denied, message));
        }
        Ok((tool, spec))
    }

    fn context(&self, call: &ToolCall) -> Result<ToolContext, ToolError> {
        let within = call.within.as_deref().map(|name| self.scope.get(name)).transpose();
        Ok(ToolContext {
            world: self.around.world.clone(),
            snapshot: self.around.snapshot.clone(),
            step: call.step.clone(),
            handle: call.handle.clone(),
            within: within.map_err(|e| ToolError { at: Some("within".to_owned()), ..e })?,
            sets: self.scope.clone(),
            shown: self.around.shown.clone(),
            cancellation: self.around.cancellation.child(),
        })
    }

    async fn next_answer(&mut self) -> Option<CallAnswer> {
        if let Some((_, (call, played))) = self.played.pop_first() {
            return Some(self.give(&call, played));
        }
        if self.answered.is_empty() {
            // A task of ours neither panics (the tool's panic is caught further in) nor is it aborted.
            let finished = self.under_way.join_next().await?.ok()?;
            self.finish(finished);
        }
        let mut answer = self.answered.pop_front()?;
        let set = answer.handle().and_then(|handle| self.scope.get(&handle.0).ok());
        self.around.tape.answered(&mut answer, set.as_deref());
        Some(answer)
    }

    /// Gives an answer that stands on a trace.
    fn give(&mut self, call: &ToolCall, played: Played) -> CallAnswer {
        self.around.tape.given(&played);
        let Played { mut answer, set, .. } = played;
        if let Some(set) = &set {
            self.scope.insert_as(&call.step, set);
            self.scope.insert_as(&set.handle().0, set);
            if !self.made.iter().any(|made| made.handle() == set.handle()) {
                self.made.push(set.clone());
            }
        }
        self.around.tape.answered(&mut answer, set.as_deref());
        answer
    }

    /// Records what came of a call, and answers those that asked for the same meanwhile.
    fn finish(&mut self, finished: Finished) {
        let Finished { call, key, ms, result } = finished;
        let answer = match result {
            Err(error) => CallAnswer::failed(&call, error, ms),
            Ok(Returned { args, output, top }) => {
                let (outcome, notes) = self.keep(&call, output, top);
                CallAnswer { step: call.step.clone(), tool: call.tool.clone(), args, outcome, ms, notes }
            }
        };
        let waiting = self.memo.record(key, &answer);
        self.answered.push_back(answer);
        for repeated in waiting {
            self.repeat(repeated);
        }
    }

    /// Makes a set known by its own name, and by those of its call.
    fn keep(&mut self, call: &ToolCall, output: ToolOutput, top: Vec<TopItem>) -> (CallOutcome, Vec<String>) {
        match output {
            ToolOutput::Facts(facts) => (CallOutcome::Facts(facts), Vec::new()),
            ToolOutput::Set { set, diagnosis, notes } => {
                self.scope.insert_as(&call.step, &set);
                self.scope.insert_as(&set.handle().0, &set);
                let outcome = CallOutcome::Set {
                    handle: set.handle().clone(),
                    count: set.len() as u64,
                    top,
                    diagnosis: diagnosis.filter(|_| set.is_empty()),
                };
                self.made.push(set);
                (outcome, notes)
            }
        }
    }

    fn repeat(&mut self, answer: CallAnswer) {
        if let Some(set) = answer.handle().and_then(|h| self.scope.get(&h.0).ok()) {
            self.scope.insert_as(&answer.step, &set);
        }
        self.answered.push_back(answer);
    }
}

impl fmt::Debug for Executor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").field("sets", &self.made.len()).finish_non_exhaustive()
    }
}

/// Leave to run: shared by calls that may run side by side, exclusive for one that may not. It is let go when the
/// call's thread ends, which after a time-out is later than its answer.
enum Permit {
    Shared { _guard: OwnedRwLockReadGuard<()> },
    Exclusive { _guard: OwnedRwLockWriteGuard<()> },
}

impl Permit {
    async fn take(lock: Arc<RwLock<()>>, exclusive: bool, cancellation: &Cancellation) -> Option<Self> {
        let permit = async {
            if exclusive {
                Self::Exclusive { _guard: lock.write_owned().await }
            } else {
                Self::Shared { _guard: lock.read_owned().await }
            }
        };
        tokio::select! {
            biased;
            () = cancellation.cancelled() => None,
            permit = permit => Some(permit),
        }
    }
}

/// Runs a tool on a thread of its own until it comes back, its time is up, or the run is cancelled.
async fn invoke(
    tool: Arc<dyn ErasedTool>,
    context: ToolContext,
    args: Json,
    permit: Permit,
    limit: Duration,
) -> Result<Returned, ToolError> {
    let cancellation = context.cancellation.clone();
    let runtime = tokio::runtime::Handle::current();
    let work = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let (args, output) = runtime.block_on(tool.invoke(&context, args))?;
        let output = without_left_out(&context.snapshot, output);
        check_within(&context, &output)?;
        let top = top_of(&context.snapshot, &output).map_err(ToolError::internal)?;
        Ok(Returned { args, output, top })
    });
    tokio::select! {
        biased;
        result = work => result.unwrap_or_else(|e| Err(panicked(e))),
        () = cancellation.cancelled() => {
            Err(ToolError::new(ErrorKind::Cancelled, ErrorKind::Cancelled.feedback()))
        }
        () = tokio::time::sleep(limit) => {
            cancellation.cancel();
            let message = format!("no answer within {} ms; narrow the call and try again", limit.as_millis());
            Err(ToolError::new(ErrorKind::Timeout, message))
        }
    }
}

fn panicked(error: tokio::task::JoinError) -> ToolError {
    let Ok(panic) = error.try_into_panic() else { return ToolError::internal("the call was aborted") };
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    ToolError::internal(format!("the tool panicked: {}", text.as_deref().unwrap_or("without a message")))
}

/// The set without items that the snapshot leaves out: one of an earlier turn may have them, or a tool that asks elsewhere.
fn left(snapshot: &Snapshot, set: &Arc<CandidateSet>) -> Arc<CandidateSet> {
    let without = snapshot.left_out().and_then(|items| set.without(items));
    without.map_or_else(|| set.clone(), Arc::new)
}

fn without_left_out(snapshot: &Snapshot, output: ToolOutput) -> ToolOutput {
    match output {
        ToolOutput::Set { set, diagnosis, notes } => {
            ToolOutput::Set { set: left(snapshot, &set), diagnosis, notes }
        }
        facts @ ToolOutput::Facts(_) => facts,
    }
}

/// Rule: nothing comes back from outside the set that a call is within, whatever the tool.
fn check_within(context: &ToolContext, output: &ToolOutput) -> Result<(), ToolError> {
    let (Some(within), ToolOutput::Set { set, .. }) = (&context.within, output) else { return Ok(()) };
    let pool = within.members();
    match set.items().iter().filter(|s| !pool.contains(s.item)).count() {
        0 => Ok(()),
        n => Err(ToolError::internal(format!(
            "the tool returned {n} items from outside `{}`",
            within.handle()
        ))),
    }
}

fn top_of(snapshot: &Snapshot, output: &ToolOutput) -> Result<Vec<TopItem>, StoreError> {
    let ToolOutput::Set { set, .. } = output else { return Ok(Vec::new()) };
    let first: Vec<_> = set.items().iter().take(TOP).collect();
    let catalog = snapshot.catalog();
    let rows = snapshot.rows(&first.iter().map(|s| s.item).collect::<Vec<_>>())?;
    let item = |row: &segue_catalog::Row| TopItem {
        id: row.id(catalog).to_owned(),
        title: row.title(catalog).to_owned(),
        score: first.iter().find(|s| s.item == row.ordinal).map(|s| s.score).filter(|_| set.is_ranked()),
    };
    Ok(rows.iter().map(item).collect())
}

#[cfg(test)]
mod tests;
