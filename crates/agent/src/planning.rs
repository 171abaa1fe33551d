//! Who plans a turn: the rules alone, or a model after them; and what happens when the model fails.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use segue_models::{ChatModel, ChatReply, ChatRequest, Prices};
use serde::{Deserialize, Serialize};

use crate::model::{Exchange, Prompt, Prompts, RouteNext, Routed, Routing};
use crate::rules::Situation;
use crate::turn::{Agent, AgentError, TurnOptions};
use crate::{Reading, Session, Usage};

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
}

impl PlannerKind {
    /// The name, as it is written in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Route => "route",
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
    /// What the model said that did not count, and why.
    pub(crate) refused: Vec<String>,
    /// Why the rules had to plan where a model was wanted.
    pub(crate) fallback: Option<String>,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) usage: Usage,
}

impl Planned {
    pub(crate) fn by_rules(reading: Reading) -> Self {
        Self {
            reading,
            by: PlannerKind::Rules,
            model: None,
            added: false,
            refused: Vec::new(),
            fallback: None,
            exchanges: Vec::new(),
            usage: Usage::default(),
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
        planned.by = PlannerKind::Route;
        let until = began + options.budget.time * QUARTERS_FOR_THE_MODEL / 4;
        let prompt = with.prompts.get(crate::model::ROUTE)?;
        let reading = planned.reading.clone();
        let today = self.world().now().to_string();
        let situation = Situation {
            snapshot: self.snapshot(),
            before: &session.constraints,
            shown: &session.shown,
            turn: session.turns + 1,
            today: today.get(..10),
        };
        let mut routing = Routing::new(request, &situation, reading, &with.prompts, with.logprobs)?;
        let Routed { reading, added, refused, failed } = loop {
            match routing.next() {
                RouteNext::Done(routed) => break *routed,
                RouteNext::Ask(request) => {
                    planned.model = Some(with.model.name().to_owned());
                    let (exchange, answer) =
                        self.ask(with, prompt, *request, options, until, &mut planned.usage).await;
                    routing.feed(answer.as_ref().map_err(String::as_str), self.snapshot())?;
                    planned.exchanges.push(exchange);
                }
            }
        };
        planned.refused = refused;
        match failed {
            None => (planned.reading, planned.added) = (reading, added),
            Some(why) => (planned.by, planned.fallback) = (PlannerKind::Rules, Some(why)),
        }
        Ok(planned)
    }

    /// One question. It ends at a moment of the world's clock, and when the turn is cancelled.
    pub(crate) async fn ask(
        &self,
        with: &PlanningModel,
        prompt: &Prompt,
        request: ChatRequest,
        options: &TurnOptions,
        until: Duration,
        usage: &mut Usage,
    ) -> (Exchange, Result<ChatReply, String>) {
        let began = self.world().elapsed();
        let mut quiet = |_| ();
        let asked = with.model.complete(&request, &mut quiet);
        let answer = tokio::select! {
            answer = asked => answer.map_err(|e| e.to_string()),
            () = options.cancellation.cancelled() => Err("the turn was stopped".to_owned()),
            () = tokio::time::sleep(until.saturating_sub(began)) => {
                Err("it took longer than this turn has time for".to_owned())
            }
        };
        usage.model_calls += 1;
        if let Ok(reply) = &answer {
            usage.input_tokens += reply.usage.input_tokens;
            usage.output_tokens += reply.usage.output_tokens;
            usage.cost += with.prices.map_or(0.0, |p| p.cost(&reply.usage));
        }
        let exchange = Exchange {
            prompt: prompt.name.clone(),
            prompt_hash: prompt.hash.clone(),
            request,
            reply: answer.as_ref().ok().cloned(),
            error: answer.as_ref().err().cloned(),
            ms: self.world().elapsed().saturating_sub(began).as_secs_f64() * 1e3,
        };
        (exchange, answer)
    }
}
