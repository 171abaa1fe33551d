//! One turn, from the words to the answer on the disk.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use segue_catalog::{CandidateSet, Handle, StoreError};
use serde::{Deserialize, Serialize};

use crate::agent::Agent;
use crate::answer::{Material, compose, select};
use crate::clarify;
use crate::collecting;
use crate::evidence::project;
use crate::executor::{Executor, Surroundings};
use crate::model::PromptError;
use crate::planning::{Course, Planned, PlannerKind, same_calls};
use crate::rules::{self, RulesError, Situation};
use crate::steering::{DEPTH, Order, synonyms_used};
use crate::trace::{Head, Tape, TraceError};
use crate::{
    Budget, CallOutcome, Cancellation, Constraints, Execution, ExecutionItem, Intent, Language, Outcome,
    Plan, PlanError, Reading, Run, Session, SessionError, SetScope, SteeringReport, Step, Stop, StoredTurn,
    ToolCall, ToolContext, ToolError, TurnEvent, TurnReport,
};

/// How many items are shown where nobody says.
pub const DEFAULT_ITEMS: usize = rules::DEFAULT_COUNT;
/// How many items are shown at most, whoever says.
pub const MAX_ITEMS: usize = 100;

/// How a turn is to be done.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TurnOptions {
    /// Stop once there is a plan. Nothing is kept of such a turn.
    #[serde(skip)]
    pub plan_only: bool,
    /// True if the user puts a set together, a playlist say, and each turn asks for more beside what was kept
    /// ([`Session::rate`]): what was asked for before is served then, and does not narrow what comes next.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub collecting: bool,
    /// Who plans. Where a model is wanted and there is none, or it fails, the rules do, and the report says so.
    pub planner: PlannerKind,
    /// Why this planner, for the report, where it was chosen and not asked for.
    pub planner_because: Option<String>,
    /// What the request is said in; told from its words and the conversation if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// On whose behalf, as the catalogue's users are named.
    pub user: Option<String>,
    /// How many items to show unless the request says; [`DEFAULT_ITEMS`] if not given.
    pub k: Option<usize>,
    /// What the turn may use.
    pub budget: Budget,
    /// Raise it to end the turn with what there is.
    #[serde(skip)]
    pub cancellation: Cancellation,
    /// The trace that is written or played along.
    #[serde(skip)]
    pub tape: Tape,
}

/// A turn that could not be done.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The catalogue cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The session cannot be read or written.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The request cannot be read.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// A prompt cannot be used.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// A trace cannot be used.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// Nobody was there to approve a call.
    #[error(
        "nobody is here to approve step `{step}`, a call of `{tool}`, which changes something; go on with the turn where \
         somebody is: segue ask --resume {session}"
    )]
    Suspended {
        /// The conversation.
        session: String,
        /// The step of the plan.
        step: String,
        /// The tool.
        tool: String,
    },
    /// The plan cannot be carried out.
    #[error("the plan cannot be carried out: {}", list(.0))]
    Plan(Vec<PlanError>),
    /// There is nothing to carry out.
    #[error("the plan has no steps; `segue tool list` shows what a step can call")]
    EmptyPlan,
}

/// What a turn is said in.
pub(crate) fn language_of(
    agent: &Agent,
    request: &str,
    session: &Session,
    options: &TurnOptions,
) -> Language {
    options.language.unwrap_or_else(|| Language::of_turn(request, session.language, agent.catalog()))
}

fn list(errors: &[PlanError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Agent {
    /// Reads a request, plans, runs the plan and answers; `events` hears of each part as it happens. The turn is
    /// on the disk before any of the reply is told. A turn that is cancelled ends with what there is, and is kept.
    pub async fn turn(
        &self,
        session: &mut Session,
        request: &str,
        options: TurnOptions,
        mut events: impl FnMut(TurnEvent) + Send,
    ) -> Result<TurnReport, AgentError> {
        let began = self.world.elapsed();
        session.forget(&self.snapshot.steering().hidden);
        let turn = session.turns + 1;
        let now = self.now(&options);
        let today = now.to_string();
        if !options.plan_only {
            let secrets = || self.model.as_ref().map(|m| m.model.secrets()).unwrap_or_default();
            let head = || Head::of(self, session, request, &options, now);
            options.tape.begin(&self.world, secrets, head);
        }
        let narrowed = options.collecting.then(|| collecting::narrowed(session));
        let reads = narrowed.as_ref().unwrap_or(session);
        let today = today.get(..10).unwrap_or_default();
        let language = language_of(self, request, session, &options);
        let read = |agent: &Self| {
            let situation = Situation {
                snapshot: &agent.snapshot,
                before: &reads.constraints,
                shown: &session.shown,
                turn,
                today: Some(today),
                language,
            };
            clarify::read(request, &situation, reads)
        };
        let mut agent = self.on(today, Some(request))?;
        let mut reading = read(&agent)?;
        if let Some(given) = agent.given(&reading.constraints)? {
            reading = read(&given)?;
            agent = Cow::Owned(given);
        }
        let by_rules = options.collecting.then(|| reading.clone());
        let mut planned = agent.planned(request, reads, reading, &options, began).await?;
        if let Some(by_rules) = by_rules {
            collecting::rejoin(&session.constraints, &by_rules, &mut planned.reading, self.catalog(), turn);
        }
        agent.respond(session, request, planned, &options, began, &mut events).await
    }

    /// All of a turn after the reading of its words.
    async fn respond(
        &self,
        session: &mut Session,
        request: &str,
        planned: Planned,
        options: &TurnOptions,
        began: Duration,
        events: &mut (dyn FnMut(TurnEvent) + Send),
    ) -> Result<TurnReport, AgentError> {
        let Planned {
            mut reading,
            by,
            model,
            added,
            first,
            refused,
            fallback,
            exchanges,
            usage,
            course,
            over_budget,
        } = planned;
        events(TurnEvent::Understood {
            understood: reading.understood.clone(),
            not_understood: reading.not_understood.clone(),
            absent: reading.absent.clone(),
        });
        let k = items_to_show(&reading, options);
        let language = language_of(self, request, session, options);
        let (plan, native) = match course {
            Course::Reading => (self.plan(&reading, options, session)?, None),
            Course::Plan(plan) => (plan, None),
            Course::Native(native) => (Plan::default(), Some(native)),
        };
        if native.is_none() {
            events(TurnEvent::Planned { plan: plan.clone() });
        }
        let mut report = TurnReport {
            planner: by.name().to_owned(),
            planner_because: options.planner_because.clone(),
            model,
            model_added: added,
            first_plan: first,
            refused,
            fallback,
            exchanges,
            session: session.id.clone(),
            turn: session.turns + 1,
            fingerprint: self.fingerprint.clone(),
            request: request.to_owned(),
            language,
            user: options.user.clone(),
            understood: reading.understood.clone(),
            not_understood: reading.not_understood.clone(),
            absent: reading.absent.clone(),
            plan,
            calls: Vec::new(),
            steering: SteeringReport::default(),
            answer: None,
            usage,
        };
        if options.plan_only {
            report.usage.ms = self.ms_since(began);
            return Ok(report);
        }
        let mut done = match (native, self.planning_model()) {
            (Some(native), Some(with)) => {
                let rules = self.plan(&reading, options, session)?;
                let native = (*native, &reading);
                let (done, read) =
                    self.converse(with, native, &mut report, session, options, began, events).await?;
                report.model_added = report.fallback.is_none() && !same_calls(&rules, &done.run.plan());
                tell_what_was_added(&reading, &read, events);
                reading = read;
                report.understood.clone_from(&reading.understood);
                report.not_understood.clone_from(&reading.not_understood);
                done
            }
            _ => {
                let spent = self.world.elapsed().saturating_sub(began);
                self.carry_out(&report.plan, &reading.constraints, session, options, spent, events).await
            }
        };
        if let Some(call) = done.suspended {
            let (session, ToolCall { step, tool, .. }) = (session.id.clone(), call);
            return Err(AgentError::Suspended { session, step, tool });
        }
        if over_budget && done.outcome.stop == Stop::Passed {
            done.outcome.stop = Stop::Budget;
        }
        report.plan = done.run.plan();
        report.calls = done.run.calls().cloned().collect();
        let order = match reading.intent {
            Intent::Search => self.order(done.set.take(), &reading.constraints)?,
            _ => Order::default(),
        };
        report.steering = order.report.clone();
        report.steering.synonyms =
            synonyms_used(&self.snapshot, &self.specs, &report.calls, &report.understood);
        let material = Material {
            request,
            language,
            snapshot: &self.snapshot,
            specs: &self.specs,
            reading: &reading,
            plan: &report.plan,
            calls: &report.calls,
            outcome: &done.outcome,
            set: order.set.as_deref(),
            steered: &order,
            k,
            planner: &report.planner,
            model: report.model.as_deref(),
            fallback: report.fallback.as_deref(),
        };
        let selected = select(&material)?;
        let (until, usage) = (began + options.budget.time, &mut report.usage);
        let written = self.written(&material, &selected.items, options, until, usage, events).await?;
        let (written, exchange) = written.unzip();
        let (answer, shown) = compose(&material, session, &selected, written.as_ref())?;
        report.exchanges.extend(exchange);
        let (text, items, stop) = (answer.text.clone(), answer.items.clone(), answer.stop);
        report.answer = Some(answer);
        report.usage.ms = options.tape.ms().unwrap_or_else(|| self.ms_since(began));
        let handles = done.run.handles();
        let stored = StoredTurn { constraints: reading.constraints, shown, handles, report };
        if let Some(store) = &session.store {
            store.record(&session.id, &stored)?;
        }
        session.keep_sets(done.sets);
        options.tape.finish(&stored.report);
        let report = session.advance(stored);
        for sentence in text.split_inclusive(". ") {
            events(TurnEvent::Text { text: sentence.trim_end().to_owned() });
        }
        for item in items {
            events(TurnEvent::Item { item });
        }
        events(TurnEvent::Done { stop });
        Ok(report)
    }

    /// Carries out a plan outside any conversation; gives the first `limit` items of its last set.
    pub async fn execute(&self, plan: &Plan, limit: usize) -> Result<Execution, AgentError> {
        if plan.steps.is_empty() {
            return Err(AgentError::EmptyPlan);
        }
        self.validated(plan, &[])?;
        let today = self.world.now().to_string();
        let agent = self.on(today.get(..10).unwrap_or_default(), None)?;
        let session = Session::in_memory(self.world.as_ref());
        let constraints = Constraints::default();
        let options = TurnOptions::default();
        let done = agent.carry_out(plan, &constraints, &session, &options, Duration::ZERO, &mut |_| {}).await;
        let calls: Vec<_> = done.run.calls().cloned().collect();
        let last = calls.last().map(|c| &c.outcome);
        let facts = if let Some(CallOutcome::Facts(facts)) = last { Some(facts.clone()) } else { None };
        // The answer of a plan is its last step's, also where an earlier one has a set and the last has none.
        let set = done.set.filter(|_| matches!(last, Some(CallOutcome::Set { .. })));
        let items = set.as_deref().map(|set| agent.first_items(set, limit)).transpose()?.unwrap_or_default();
        Ok(Execution {
            handle: set.as_deref().map(|s| s.handle().clone()),
            count: set.as_deref().map(|s| s.len() as u64),
            items,
            facts,
            calls,
        })
    }

    /// The rules' plan for a reading.
    pub(crate) fn plan(
        &self,
        reading: &Reading,
        options: &TurnOptions,
        session: &Session,
    ) -> Result<Plan, AgentError> {
        let mut reading = reading.clone();
        if options.collecting {
            reading.constraints = collecting::moment(&reading.constraints, &self.snapshot)?;
        }
        reading.constraints.count = Some(self.items_to_rank(&reading, options));
        let plan = rules::plan(&reading, self.catalog(), &self.specs);
        let known: Vec<&str> = session.known_sets().collect();
        self.validated(&plan, &known)?;
        Ok(plan)
    }

    /// How many items a plan ranks: those that are shown, and more where the owner's rules choose among them.
    pub(crate) fn items_to_rank(&self, reading: &Reading, options: &TurnOptions) -> usize {
        let k = items_to_show(reading, options);
        if self.reorders(&reading.constraints) { k.max(DEPTH) } else { k }
    }

    fn validated(&self, plan: &Plan, known: &[&str]) -> Result<(), AgentError> {
        match plan.validate(&self.specs, known) {
            none if none.is_empty() => Ok(()),
            errors => Err(AgentError::Plan(errors)),
        }
    }

    async fn carry_out(
        &self,
        plan: &Plan,
        constraints: &Constraints,
        session: &Session,
        options: &TurnOptions,
        spent: Duration,
        events: &mut (dyn FnMut(TurnEvent) + Send),
    ) -> Done {
        let (mut run, mut executor) = self.begin(plan, constraints, session, options, spent);
        let outcome = executor.drive(&mut run, events).await;
        Done::new(run, outcome, executor)
    }

    /// A run of a plan and what its calls are made with, nothing called yet.
    pub(crate) fn begin<'a>(
        &'a self,
        plan: &Plan,
        constraints: &Constraints,
        session: &Session,
        options: &TurnOptions,
        spent: Duration,
    ) -> (Run, Executor<'a>) {
        let budget = Budget { time: options.budget.time.saturating_sub(spent), ..options.budget };
        let run = Run::new(plan, &self.specs, constraints, session.handles, budget);
        let around = Surroundings {
            world: &self.world,
            snapshot: &self.snapshot,
            registry: &self.registry,
            specs: &self.specs,
            shown: session.shown.iter().map(|s| s.id.clone()).collect(),
            approval: self.approval.clone(),
            cancellation: options.cancellation.clone(),
            tape: options.tape.clone(),
        };
        (run, Executor::new(around, &session.sets))
    }

    /// Parses and resolves the arguments of a step that names no set, without calling its tool.
    pub(crate) fn check(&self, step: &Step, session: &Session) -> Result<(), ToolError> {
        let context = ToolContext {
            world: self.world.clone(),
            snapshot: self.snapshot.clone(),
            step: step.id.clone(),
            handle: Handle("c0".to_owned()),
            within: None,
            sets: SetScope::default(),
            shown: session.shown.iter().map(|s| s.id.clone()).collect(),
            cancellation: Cancellation::default(),
        };
        self.registry.get(&step.tool)?.check(&context, step.args.clone()).map(|_| ())
    }

    fn first_items(&self, set: &CandidateSet, limit: usize) -> Result<Vec<ExecutionItem>, StoreError> {
        let catalog = self.catalog();
        let first: Vec<_> = set.items().iter().take(limit).map(|s| s.item).collect();
        let mut contributions = set.contributions_of(&first);
        let item = |row: &segue_catalog::Row| {
            let at = first.iter().position(|o| *o == row.ordinal);
            let told = at.and_then(|at| contributions.get_mut(at)).map(std::mem::take).unwrap_or_default();
            ExecutionItem {
                id: row.id(catalog).to_owned(),
                fields: project(row, catalog),
                // The first contribution is that of the set itself.
                score: told.first().and_then(|c| c.score),
                contributions: told,
            }
        };
        Ok(self.snapshot.rows(&first)?.iter().map(item).collect())
    }

    fn ms_since(&self, began: Duration) -> f64 {
        self.world.elapsed().saturating_sub(began).as_secs_f64() * 1e3
    }
}

/// A plan that was carried out.
pub(crate) struct Done {
    pub(crate) run: Run,
    pub(crate) outcome: Outcome,
    /// What the answer is made from.
    set: Option<Arc<CandidateSet>>,
    /// Every set that was made.
    sets: Vec<Arc<CandidateSet>>,
    /// The call that nobody was there to approve.
    suspended: Option<ToolCall>,
}

impl Done {
    pub(crate) fn new(run: Run, outcome: Outcome, executor: Executor<'_>) -> Self {
        let set = outcome.step.as_deref().and_then(|step| executor.set(step));
        let suspended = executor.suspended();
        Self { run, outcome, set, sets: executor.into_sets(), suspended }
    }
}

/// What a model understood while it called tools: the rest was told before.
fn tell_what_was_added(before: &Reading, after: &Reading, events: &mut (dyn FnMut(TurnEvent) + Send)) {
    let added = after.understood.iter().filter(|u| !before.understood.contains(u));
    let understood: Vec<_> = added.cloned().collect();
    if !understood.is_empty() {
        events(TurnEvent::Understood { understood, not_understood: Vec::new(), absent: Vec::new() });
    }
}

pub(crate) fn items_to_show(reading: &Reading, options: &TurnOptions) -> usize {
    reading.constraints.count.or(options.k).unwrap_or(DEFAULT_ITEMS).clamp(1, MAX_ITEMS)
}

#[cfg(test)]
mod tests;
