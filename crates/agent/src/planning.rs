//! Who plans a turn: the rules alone, or a model after them; and what happens when the model fails.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use segue_models::{Abilities, ChatModel, ChatReply, ChatRequest, Prices};
use serde::{Deserialize, Serialize};

use crate::agent::Agent;
use crate::model::{
    DraftNext, Drafted, Drafting, Exchange, Ground, Native, Prompt, Prompts, RouteNext, Routed, Routing,
};
use crate::rules::Situation;
use crate::trace::Answered;
use crate::turn::{AgentError, TurnOptions};
use crate::{Budget, Plan, Reading, Session, Step, ToolError, Usage};

/// The share of a turn's time that its model may take, in quarters: the tools need some too, above all where the model
/// failed.
const QUARTERS_FOR_THE_MODEL: u32 = 3;

/// How a turn is planned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannerKind {
    /// By a deterministic reading of the request; no model.
    #[default]
    Rules,
    /// By residual routing: the rules first, and a model for what they leave.
    Route,
    /// By a model, whole and in one reply that keeps to a schema.
    Plan,
    /// By a model that calls the tools itself, step by step.
    Native,
}

impl PlannerKind {
    /// The name, as it is written in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Route => "route",
            Self::Plan => "plan",
            Self::Native => "native",
        }
    }

    /// The planner that suits a model of these abilities, and why. Calling tools well takes more than calling them: a
    /// model that keeps to a schema too is trusted with it, any other is asked only about what the rules leave.
    pub fn suited(abilities: &Abilities) -> (Self, &'static str) {
        match (abilities.native_tools, abilities.schema) {
            (true, true) => (Self::Native, "the model calls tools and keeps to a schema"),
            (true, false) => (Self::Route, "the model calls tools and does not keep to a schema"),
            (false, true) => (Self::Route, "the model keeps to a schema and does not call tools"),
            (false, false) => (Self::Route, "the model neither calls tools nor keeps to a schema"),
        }
    }
}

/// A model to plan with.
#[derive(Clone)]
pub struct PlanningModel {
    /// The model.
    pub model: Arc<dyn ChatModel>,
    /// The prompts it is asked with.
    pub prompts: Prompts,
    /// What it costs; `None` if that is not known.
    pub prices: Option<Prices>,
    /// True if it tells log-probabilities, so that what it only guesses can be told from what it knows.
    pub logprobs: bool,
}

impl fmt::Debug for PlanningModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlanningModel").field("model", &self.model.name()).finish_non_exhaustive()
    }
}

/// A turn that has been read, and by whom.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Planned {
    pub(crate) reading: Reading,
    pub(crate) by: PlannerKind,
    /// The model that was asked.
    pub(crate) model: Option<String>,
    /// True if the model changed what the rules would have done.
    pub(crate) added: bool,
    /// What held of the model's first plan, where it was asked for another.
    pub(crate) first: Option<Plan>,
    /// What the model said that did not count, and why.
    pub(crate) refused: Vec<String>,
    /// Why the rules had to plan where a model was wanted.
    pub(crate) fallback: Option<String>,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) usage: Usage,
    pub(crate) course: Course,
    /// True if the model was not asked further because the turn may not use more.
    pub(crate) over_budget: bool,
}

/// Where the steps of a turn come from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Course {
    /// From the reading, by the rules.
    Reading,
    /// From the model, in one piece.
    Plan(Plan),
    /// From the model, as it calls.
    Native(Box<Native>),
}

/// That a model gave no reply, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoReply {
    pub(crate) why: String,
    pub(crate) lack: Lack,
}

/// What was wanting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lack {
    /// The model failed.
    Failed,
    /// Time: the turn's, or the user's patience.
    Time,
    /// Tokens or money.
    Budget,
}

/// The kinds of our own reasons to stop waiting, as traces have them.
const CANCELLED: &str = "cancelled";
const OVER_TIME: &str = "over_time";

impl NoReply {
    /// By the kind that a trace has of it.
    fn of(kind: Option<&str>, why: String) -> Self {
        let lack = if matches!(kind, Some(CANCELLED | OVER_TIME)) { Lack::Time } else { Lack::Failed };
        Self { why, lack }
    }

    fn new(lack: Lack, why: impl Into<String>) -> Self {
        Self { why: why.into(), lack }
    }
}

impl Planned {
    pub(crate) fn by_rules(reading: Reading) -> Self {
        Self {
            reading,
            by: PlannerKind::Rules,
            model: None,
            added: false,
            first: None,
            refused: Vec::new(),
            fallback: None,
            exchanges: Vec::new(),
            usage: Usage::default(),
            course: Course::Reading,
            over_budget: false,
        }
    }
}

impl Agent {
    /// Lets the planner that is wanted go over what the rules have read.
    pub(crate) async fn planned(
        &self,
        request: &str,
        session: &Session,
        reading: Reading,
        options: &TurnOptions,
        began: Duration,
    ) -> Result<Planned, AgentError> {
        let mut planned = Planned::by_rules(reading);
        if options.planner == PlannerKind::Rules {
            return Ok(planned);
        }
        let Some(with) = self.planning_model() else {
            planned.fallback = Some("no model is configured".to_owned());
            return Ok(planned);
        };
        // Nothing is called for a plan alone, and what a model would call next depends on what came before.
        let planner = match options.planner {
            PlannerKind::Native if options.plan_only => PlannerKind::Plan,
            planner => planner,
        };
        planned.by = planner;
        let turn = session.turns + 1;
        let until = model_until(options, began);
        let reading = planned.reading.clone();
        let failed = match planner {
            PlannerKind::Plan => {
                self.draft(with, request, session, reading, options, until, &mut planned).await?
            }
            PlannerKind::Native => {
                let tools = (self.catalog(), self.specs());
                let native = Native::new(request, turn, reading, &session.shown, tools, &with.prompts)?;
                planned.course = Course::Native(Box::new(native));
                None
            }
            PlannerKind::Route | PlannerKind::Rules => {
                self.route(with, request, session, reading, options, until, &mut planned).await?
            }
        };
        if let Some(why) = failed {
            (planned.by, planned.fallback) = (PlannerKind::Rules, Some(why));
        }
        Ok(planned)
    }

    /// What the calls of a model are judged against, together with the check of the tools.
    pub(crate) fn ground<'a>(
        &'a self,
        session: &'a Session,
        options: &'a TurnOptions,
        check: &'a (dyn Fn(&Step) -> Result<(), ToolError> + Sync),
    ) -> Ground<'a> {
        let user = options.user.as_deref();
        Ground { snapshot: self.snapshot(), specs: self.specs(), shown: &session.shown, user, check }
    }

    #[expect(clippy::too_many_arguments, reason = "each is a part of the turn that all planners need")]
    async fn route(
        &self,
        with: &PlanningModel,
        request: &str,
        session: &Session,
        reading: Reading,
        options: &TurnOptions,
        until: Duration,
        planned: &mut Planned,
    ) -> Result<Option<String>, AgentError> {
        let prompt = with.prompts.get(crate::model::ROUTE)?;
        let today = self.now(options).to_string();
        let situation = Situation {
            snapshot: self.snapshot(),
            before: &session.constraints,
            shown: &session.shown,
            turn: session.turns + 1,
            today: today.get(..10),
            language: crate::turn::language_of(self, request, session, options),
        };
        let mut routing =
            Routing::new(request, &situation, &session.earlier, reading, &with.prompts, with.logprobs)?;
        let Routed { reading, added, refused, failed } = loop {
            match routing.next() {
                RouteNext::Done(routed) => break *routed,
                RouteNext::Ask(request) => {
                    let answer = self.ask_for(with, prompt, *request, options, until, planned).await;
                    routing.feed(answer.as_ref().map_err(|e| e.why.as_str()), self.snapshot())?;
                }
            }
        };
        planned.refused = refused;
        if failed.is_none() {
            (planned.reading, planned.added) = (reading, added);
        }
        Ok(failed)
    }

    #[expect(clippy::too_many_arguments, reason = "each is a part of the turn that all planners need")]
    async fn draft(
        &self,
        with: &PlanningModel,
        request: &str,
        session: &Session,
        reading: Reading,
        options: &TurnOptions,
        until: Duration,
        planned: &mut Planned,
    ) -> Result<Option<String>, AgentError> {
        let prompt = with.prompts.get(crate::model::PLAN)?;
        let rules = self.plan(&reading, options, session);
        let numbers = (session.turns + 1, self.items_to_rank(&reading, options));
        let tools = (self.catalog(), self.specs());
        let mut drafting = Drafting::new(request, numbers, reading, &session.shown, tools, &with.prompts)?;
        let Drafted { reading, plan, first, refused, failed } = loop {
            match drafting.next() {
                DraftNext::Done(drafted) => break *drafted,
                DraftNext::Ask(request) => {
                    let answer = self.ask_for(with, prompt, *request, options, until, planned).await;
                    let check = |step: &Step| self.check(step, session);
                    let ground = self.ground(session, options, &check);
                    drafting.feed(answer.as_ref().map_err(|e| e.why.as_str()), &ground);
                }
            }
        };
        planned.first = first.or_else(|| failed.as_ref().map(|_| Plan::default()));
        planned.refused = refused;
        let Some(plan) = plan.filter(|_| failed.is_none()) else { return Ok(failed) };
        let known: Vec<&str> = session.known_sets().collect();
        if let [error, ..] = plan.validate(self.specs(), &known).as_slice() {
            return Ok(Some(format!("its plan cannot be carried out: {error}")));
        }
        planned.added = rules.is_ok_and(|rules| !same_calls(&rules, &plan));
        planned.reading = reading;
        planned.course = Course::Plan(plan);
        Ok(None)
    }

    /// Asks, and writes down what came of it.
    async fn ask_for(
        &self,
        with: &PlanningModel,
        prompt: &Prompt,
        request: ChatRequest,
        options: &TurnOptions,
        until: Duration,
        planned: &mut Planned,
    ) -> Result<ChatReply, NoReply> {
        planned.model = Some(with.model.name().to_owned());
        let (exchange, answer) = self.ask(with, prompt, request, options, until, &mut planned.usage).await;
        planned.exchanges.push(exchange);
        planned.over_budget |= answer.as_ref().is_err_and(|e| e.lack == Lack::Budget);
        answer
    }

    /// One question. It ends at a moment of the world's clock, and when the turn is cancelled; it is not asked where the
    /// turn has used up its tokens or its money.
    pub(crate) async fn ask(
        &self,
        with: &PlanningModel,
        prompt: &Prompt,
        mut request: ChatRequest,
        options: &TurnOptions,
        until: Duration,
        usage: &mut Usage,
    ) -> (Exchange, Result<ChatReply, NoReply>) {
        let began = self.world().elapsed();
        let room = room(&options.budget, usage);
        if let Ok(tokens) = &room {
            request.max_tokens = tokens.map_or(request.max_tokens, |t| t.min(request.max_tokens));
            if let Some(Answered { exchange, cost, kind }) = options.tape.exchange(prompt, &request) {
                usage.count(exchange.reply.as_ref(), cost);
                let none = || NoReply::of(kind.as_deref(), exchange.error.clone().unwrap_or_default());
                let answer = exchange.reply.clone().ok_or_else(none);
                return (exchange, answer);
            }
        }
        let is_asked = room.is_ok();
        let mut kind = None;
        let answer = match room {
            Err(none) => Err(none),
            Ok(_) => {
                let mut quiet = |_| ();
                let asked = with.model.complete(&request, &mut quiet);
                let answer = tokio::select! {
                    answer = asked => answer.map_err(|e| (e.name(), e.to_string())),
                    () = options.cancellation.cancelled() => Err((CANCELLED, "the turn was stopped".to_owned())),
                    () = tokio::time::sleep(until.saturating_sub(began)) => {
                        Err((OVER_TIME, "it took longer than this turn has time for".to_owned()))
                    }
                };
                kind = answer.as_ref().err().map(|(kind, _)| *kind);
                answer.map_err(|(kind, message)| NoReply::of(Some(kind), message))
            }
        };
        let cost = answer.as_ref().ok().zip(with.prices).map_or(0.0, |(reply, p)| p.cost(&reply.usage));
        if is_asked {
            usage.count(answer.as_ref().ok(), cost);
        }
        let exchange = Exchange {
            prompt: prompt.name.clone(),
            prompt_hash: prompt.hash.clone(),
            request,
            reply: answer.as_ref().ok().cloned(),
            error: answer.as_ref().err().map(|e| e.why.clone()),
            ms: self.world().elapsed().saturating_sub(began).as_secs_f64() * 1e3,
        };
        if is_asked {
            options.tape.exchanged(&exchange, cost, kind);
        }
        if options.cancellation.is_cancelled() {
            options.tape.cancelled();
        }
        (exchange, answer)
    }
}

/// When a model has to have answered.
pub(crate) fn model_until(options: &TurnOptions, began: Duration) -> Duration {
    began + options.budget.time * QUARTERS_FOR_THE_MODEL / 4
}

/// Tokens that the next question may use, if there is a limit; or why it may not be asked.
fn room(budget: &Budget, usage: &Usage) -> Result<Option<u32>, NoReply> {
    if budget.cost.is_some_and(|most| usage.cost >= most) {
        return Err(NoReply::new(Lack::Budget, "the money that this turn may cost is used up"));
    }
    let Some(most) = budget.tokens else { return Ok(None) };
    match most.saturating_sub(usage.input_tokens + usage.output_tokens) {
        0 => Err(NoReply::new(Lack::Budget, "the tokens that this turn may use are used up")),
        left => Ok(Some(u32::try_from(left).unwrap_or(u32::MAX))),
    }
}

/// True if both plans make the same calls, whatever their steps are called.
pub(crate) fn same_calls(one: &Plan, other: &Plan) -> bool {
    let calls = |plan: &Plan| plan.steps.iter().map(|s| (s.tool.clone(), s.args.clone())).collect::<Vec<_>>();
    calls(one) == calls(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_model_that_can_do_both_calls_the_tools() {
        let able = |native_tools, schema| Abilities { native_tools, schema, ..Abilities::default() };
        let chosen = [(true, true), (true, false), (false, true), (false, false)]
            .map(|(tools, schema)| PlannerKind::suited(&able(tools, schema)).0);
        assert_eq!(chosen, [PlannerKind::Native, PlannerKind::Route, PlannerKind::Route, PlannerKind::Route]);
    }
}
