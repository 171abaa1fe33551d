use segue_catalog::Contribution;
use segue_models::ChatReply;
use serde::{Deserialize, Serialize};

use crate::model::Exchange;
use crate::{Answer, AnswerItem, CallAnswer, Language, Plan, SteeringReport, Stop, Understood};

/// Everything about one turn; in JSON, the document that `segue ask --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnReport {
    /// Which planner made the plan.
    pub planner: String,
    /// Why this planner, where it was chosen and not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planner_because: Option<String>,
    /// The model that planned; `None` if none did.
    pub model: Option<String>,
    /// True if the model changed what the rules alone would have done.
    #[serde(default)]
    pub model_added: bool,
    /// What held of the model's first reply, where it was asked again: a correction was wanted, or the model called as it went. Empty
    /// where the reply was of no use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_plan: Option<Plan>,
    /// What the model said that did not count, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
    /// Why the rules planned where a model was wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    /// What the model was asked and answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
    /// The conversation.
    pub session: String,
    /// Which turn of it, from 1.
    pub turn: u32,
    /// Changes with anything that could change the answer: the catalogue, the tools, the model
    /// that plans and its prompts.
    pub fingerprint: String,
    /// What the user wrote.
    pub request: String,
    /// What it was said in, and what the answer is in as far as it is made of templates.
    #[serde(default)]
    pub language: Language,
    /// On whose behalf, as the catalogue's users are named.
    pub user: Option<String>,
    /// What was understood of this turn.
    pub understood: Vec<Understood>,
    /// The words that nothing was made of.
    pub not_understood: Vec<String>,
    /// Items named exactly that the catalogue does not have.
    pub absent: Vec<String>,
    /// What was done, steps added while it ran included.
    pub plan: Plan,
    /// One answer for each step, in the order of the plan.
    pub calls: Vec<CallAnswer>,
    /// What the owner's rules and synonyms did.
    #[serde(default, skip_serializing_if = "SteeringReport::is_empty")]
    pub steering: SteeringReport,
    /// The reply; `None` if only the plan was asked for.
    pub answer: Option<Answer>,
    /// What it cost.
    pub usage: Usage,
}

/// What a turn cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Calls to a language model.
    pub model_calls: u32,
    /// Tokens sent to it.
    pub input_tokens: u64,
    /// Tokens it wrote.
    pub output_tokens: u64,
    /// US dollars.
    pub cost: f64,
    /// Wall-clock milliseconds of the whole turn.
    pub ms: f64,
}

impl Usage {
    /// Adds a call to a model, and what it answered if it did.
    pub(crate) fn count(&mut self, reply: Option<&ChatReply>, cost: f64) {
        self.model_calls += 1;
        self.cost += cost;
        if let Some(reply) = reply {
            self.input_tokens += reply.usage.input_tokens;
            self.output_tokens += reply.usage.output_tokens;
        }
    }
}

/// What happens in a turn, as it happens. Nothing of the reply ([`Item`](Self::Item), [`Text`](Self::Text)) comes
/// before the turn is on the disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum TurnEvent {
    /// The request has been read.
    Understood {
        /// What was understood.
        understood: Vec<Understood>,
        /// What was not.
        not_understood: Vec<String>,
        /// Items named exactly that are not in the catalogue.
        absent: Vec<String>,
    },
    /// There is a plan, or a changed one.
    Planned {
        /// All steps.
        plan: Plan,
    },
    /// A call has begun.
    CallStarted {
        /// The step of the plan.
        step: String,
        /// The tool.
        tool: String,
    },
    /// A call has its answer.
    CallAnswered {
        /// The answer.
        call: CallAnswer,
    },
    /// The items are found, and a model words the answer.
    Writing {
        /// The model.
        model: String,
    },
    /// An item of the reply, in order.
    Item {
        /// The item.
        item: AnswerItem,
    },
    /// The words of the reply, in one piece or several.
    Text {
        /// Whole sentences. Between two pieces stands a blank.
        text: String,
    },
    /// The turn is over.
    Done {
        /// Why it ended.
        stop: Stop,
    },
}

/// What a plan or a single call gave, outside any conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// The last set; `None` if the last step gave facts or failed.
    pub handle: Option<segue_catalog::Handle>,
    /// How many items it holds.
    pub count: Option<u64>,
    /// The first of them.
    pub items: Vec<ExecutionItem>,
    /// What the last step gave, if it was facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<serde_json::Value>,
    /// One answer for each step.
    pub calls: Vec<CallAnswer>,
}

/// One item of an [`Execution`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExecutionItem {
    /// Its id.
    pub id: String,
    /// What the catalogue knows of it.
    pub fields: crate::Fields,
    /// Its score; `None` if the set only filters.
    pub score: Option<f64>,
    /// What each call said of it.
    pub contributions: Vec<Contribution>,
}
