//! A few homes, and turns about them.

use std::sync::Arc;

use segue_agent::model::Prompts;
use segue_agent::{Agent, Budget, PlannerKind, PlanningModel, Registry, Session, TurnOptions, TurnReport};
use segue_catalog::Snapshot;
use segue_models::{ChatError, ChatReply, ChatRequest, Prices, ScriptedModel};
use serde_json::{Value as Json, json};

use crate::common;

/// One home more than the others have.
const LODGE: &str = "h5,Garden Lodge,house,Utrecht,Netherlands,510000,1987,a lodge in a walled garden\n";

pub(crate) type Script = Vec<Result<ChatReply, ChatError>>;

/// The homes, and a conversation about them.
pub(crate) struct Homes {
    built: common::Homes,
    runtime: tokio::runtime::Runtime,
    pub(crate) session: Session,
    pub(crate) options: TurnOptions,
    pub(crate) prices: Option<Prices>,
    pub(crate) extra: fn(Registry) -> Registry,
}

/// A turn, and what the model was asked in it.
pub(crate) struct Turn {
    pub(crate) report: TurnReport,
    pub(crate) asked: Vec<ChatRequest>,
}

impl Homes {
    pub(crate) fn new(planner: PlannerKind) -> Self {
        let built = common::homes_of(&[common::HOMES, LODGE].concat());
        let session = Session::in_memory(built.world.as_ref());
        let options = TurnOptions { planner, budget: Budget::default(), ..TurnOptions::default() };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { built, runtime, session, options, prices: None, extra: |r| r }
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        self.built.engine.snapshot()
    }

    pub(crate) fn agent(&self) -> Agent {
        let tools = (self.extra)(segue_tools::builtin(self.built.engine.clone()));
        Agent::new(self.built.world.clone(), self.built.engine.snapshot().clone(), tools)
    }

    /// One more turn of the conversation, with a model that answers by this script.
    pub(crate) fn turn(&mut self, request: &str, script: Script) -> Turn {
        let agent = self.agent();
        self.turn_with(agent, request, script)
    }

    pub(crate) fn turn_with(&mut self, agent: Agent, request: &str, script: Script) -> Turn {
        let model = Arc::new(ScriptedModel::new(script));
        let prompts = Prompts::load(None).unwrap();
        let agent = agent.with_model(PlanningModel {
            model: model.clone(),
            prompts,
            prices: self.prices,
            logprobs: false,
        });
        let turn = agent.turn(&mut self.session, request, self.options.clone(), |_| {});
        let report = self.runtime.block_on(turn).unwrap();
        model.assert_complete().expect("the script is used up");
        Turn { report, asked: model.requests() }
    }
}

impl Turn {
    /// The calls in a line each: step, tool, arguments, what it is within.
    pub(crate) fn steps(&self) -> Vec<String> {
        let line = |s: &segue_agent::Step| {
            let within = s.within.as_ref().map(|w| format!(" in {w}")).unwrap_or_default();
            format!("{} {} {}{within}", s.id, s.tool, s.args)
        };
        self.report.plan.steps.iter().map(line).collect()
    }

    /// Ids of what is shown.
    pub(crate) fn ids(&self) -> Vec<&str> {
        self.report.answer.as_ref().unwrap().items.iter().map(|i| i.id.as_str()).collect()
    }

    pub(crate) fn text(&self) -> &str {
        &self.report.answer.as_ref().unwrap().text
    }

    /// What the model was told last.
    pub(crate) fn told(&self, question: usize) -> Vec<&str> {
        let messages = &self.asked[question].messages;
        let last =
            messages.iter().rposition(|m| m.role == segue_models::Role::Assistant).map_or(0, |n| n + 1);
        messages[last..].iter().map(|m| m.content.as_str()).collect()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "scripts hold results")]
pub(crate) fn says(text: impl ToString) -> Result<ChatReply, ChatError> {
    Ok(ChatReply::text(text.to_string()))
}

pub(crate) fn condition(words: &str, field: &str, is: &str, value: &str, to: &str) -> Json {
    json!({"words": words, "field": field, "is": is, "value": value, "to": to})
}
