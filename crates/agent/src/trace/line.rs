use std::collections::BTreeMap;
use std::sync::Arc;

use segue_catalog::{CallRecord, CandidateSet, Handle, Scored, Snapshot};
use serde::{Deserialize, Serialize};

use crate::agent::digest;
use crate::model::Exchange;
use crate::{Agent, CallAnswer, PlanningModel, Session, ToolCall, ToolSpec, TurnOptions, TurnReport};

/// The newest layout of traces that is known here.
pub(super) const FORMAT: u32 = 1;

/// One line of a trace; see [the module](super).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum Line {
    /// All that the turn depends on.
    Head(Box<Head>),
    /// A question to a model.
    Exchange(Box<ExchangeLine>),
    /// A call that was begun.
    Call(CallLine),
    /// A candidate set.
    Set(SetLine),
    /// What came of a call.
    Answer(Box<AnswerLine>),
    /// The user stopped the turn.
    Cancelled {
        /// When.
        at: f64,
    },
    /// Nobody was there to approve a call.
    Suspended {
        /// When.
        at: f64,
        /// The call.
        step: String,
    },
    /// The whole turn.
    Report {
        /// What was given out.
        report: Box<TurnReport>,
    },
}

/// The first line: all that a turn depends on besides what models and tools answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Head {
    /// The layout of the trace.
    pub format: u32,
    /// The conversation.
    pub session: String,
    /// Which turn of it, from 1.
    pub turn: u32,
    /// What the user wrote.
    pub request: String,
    /// How it was to be done.
    pub options: TurnOptions,
    /// When it began. Dates such as “last year” are read from here.
    pub now: jiff::Timestamp,
    /// When it was taken up again, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed: Option<jiff::Timestamp>,
    /// The model at hand.
    pub model: Option<String>,
    /// True if it tells log-probabilities.
    #[serde(default)]
    pub logprobs: bool,
    /// The model that words answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<String>,
    /// See [`TurnReport::fingerprint`].
    pub fingerprint: String,
    /// What the fingerprint was made of.
    pub depends: Depends,
    /// The session before the turn.
    pub before: Session,
    /// The sets of earlier turns that a plan could name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<Handle>,
}

/// The parts of a fingerprint, each by the hash of it, so that a difference can be named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Depends {
    /// The version of Segue.
    pub version: String,
    /// The catalogue's name.
    pub catalog: String,
    /// Its generation.
    pub generation: u32,
    /// Its fields and statistics.
    pub content: String,
    /// The tools' descriptions with their schemas, by name.
    pub tools: BTreeMap<String, String>,
    /// The prompts, by name.
    pub prompts: BTreeMap<String, String>,
    /// The model.
    pub model: Option<String>,
    /// The model that words answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<String>,
    /// The owner's synonyms and rules, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steering: Option<String>,
}

/// A question to a model and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExchangeLine {
    /// When it was answered.
    pub at: f64,
    /// What it cost.
    pub cost: f64,
    /// The kind of failure, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_kind: Option<String>,
    /// Request and reply.
    pub exchange: Exchange,
}

/// A call that was begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallLine {
    /// When.
    pub at: f64,
    /// True if it changes something.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub writes: bool,
    /// Milliseconds for which somebody was waited for who had to approve it; no budget counts them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waited: f64,
    /// The call as planned.
    pub call: ToolCall,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerLine {
    /// When.
    pub at: f64,
    /// The answer.
    pub answer: CallAnswer,
}

/// A candidate set, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetLine {
    /// Its name.
    pub handle: Handle,
    /// The call that made it.
    pub made: CallRecord,
    /// False if it only filters.
    pub ranked: bool,
    /// The handles of the sets it was made from.
    pub parents: Vec<Handle>,
    /// Ordinals of the generation, best first.
    pub items: Vec<u32>,
    /// Their scores, if it ranks; `null` for one that is no number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<Option<f64>>,
}

impl Head {
    pub(crate) fn of(
        agent: &Agent,
        session: &Session,
        request: &str,
        options: &TurnOptions,
        now: jiff::Timestamp,
    ) -> Self {
        Self {
            format: FORMAT,
            session: session.id.clone(),
            turn: session.turns + 1,
            request: request.to_owned(),
            options: options.clone(),
            now,
            resumed: options.tape.now().map(|_| agent.world().now()),
            model: agent.model_name().map(str::to_owned),
            logprobs: agent.planning_model().is_some_and(|m| m.logprobs),
            writer: agent.writing_model().map(|m| m.model.name().to_owned()),
            fingerprint: agent.fingerprint().to_owned(),
            depends: agent.depends().clone(),
            before: session.clone(),
            sets: session.sets.iter().map(|set| set.handle().clone()).collect(),
        }
    }

    /// The moment that `at` of the lines counts from.
    pub fn began(&self) -> jiff::Timestamp {
        self.resumed.unwrap_or(self.now)
    }
}

impl Depends {
    pub(crate) fn of(
        snapshot: &Snapshot,
        specs: &[ToolSpec],
        model: Option<&PlanningModel>,
        writer: Option<&PlanningModel>,
    ) -> Self {
        let (catalog, steering) = (snapshot.catalog(), snapshot.steering());
        let hash = |spec: &ToolSpec| digest(&serde_json::to_string(spec).unwrap_or_default());
        let prompts = model.into_iter().chain(writer).flat_map(|m| m.prompts.all());
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            catalog: catalog.name.clone(),
            generation: catalog.generation,
            content: digest(&serde_json::to_string(catalog).unwrap_or_default()),
            tools: specs.iter().map(|spec| (spec.name.clone(), hash(spec))).collect(),
            prompts: prompts.map(|p| (p.name.clone(), p.hash.clone())).collect(),
            model: model.map(|m| m.model.name().to_owned()),
            writer: writer.map(|m| m.model.name().to_owned()),
            steering: (!steering.is_empty()).then(|| digest(&steering.texts().join("\0"))),
        }
    }

    /// What is otherwise now, one line each.
    pub fn changes(&self, now: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        let mut tell = |what: &str, then: &str, now: &str| {
            if then != now {
                changes.push(format!("{what} was {then} and is {now}"));
            }
        };
        tell("Segue", &self.version, &now.version);
        tell("the catalogue", &self.catalog, &now.catalog);
        tell("the generation", &self.generation.to_string(), &now.generation.to_string());
        let name = |model: &Option<String>| model.as_deref().map_or("none".to_owned(), |m| format!("`{m}`"));
        tell("the model", &name(&self.model), &name(&now.model));
        tell("the model that writes", &name(&self.writer), &name(&now.writer));
        tell("steering.toml and synonyms.txt", &name(&self.steering), &name(&now.steering));
        if self.generation == now.generation && self.content != now.content {
            changes.push("the catalogue has other fields or statistics".to_owned());
        }
        for (what, then, now) in [("tool", &self.tools, &now.tools), ("prompt", &self.prompts, &now.prompts)]
        {
            let names: std::collections::BTreeSet<_> = then.keys().chain(now.keys()).collect();
            for name in names {
                match (then.get(name), now.get(name)) {
                    (Some(_), None) => changes.push(format!("the {what} `{name}` is gone")),
                    (None, Some(_)) => changes.push(format!("the {what} `{name}` is new")),
                    (then, now) if then != now => changes.push(format!("the {what} `{name}` has changed")),
                    _ => {}
                }
            }
        }
        changes
    }
}

impl SetLine {
    pub(super) fn of(set: &CandidateSet) -> Self {
        let score = |s: &Scored| s.score.is_finite().then_some(s.score);
        Self {
            handle: set.handle().clone(),
            made: set.call().clone(),
            ranked: set.is_ranked(),
            parents: set.parents().iter().map(|p| p.handle().clone()).collect(),
            items: set.items().iter().map(|s| s.item).collect(),
            scores: if set.is_ranked() { set.items().iter().map(score).collect() } else { Vec::new() },
        }
    }

    /// The set, given those it was made from.
    pub(super) fn set(&self, parents: Vec<Arc<CandidateSet>>) -> CandidateSet {
        let (handle, made) = (self.handle.clone(), self.made.clone());
        if !self.ranked {
            return CandidateSet::filtered(handle, made, self.items.iter().copied().collect(), parents);
        }
        let scores = self.scores.iter().copied().chain(std::iter::repeat(None));
        let scored =
            |(item, score): (&u32, Option<f64>)| Scored { item: *item, score: score.unwrap_or(f64::NAN) };
        CandidateSet::ordered(handle, made, self.items.iter().zip(scores).map(scored).collect(), parents)
    }
}

/// The beginning of the line that holds a report; what stands between it and the last brace is the report as given out.
pub(super) const REPORT: &str = r#"{"line":"report","report":"#;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
fn is_zero(ms: &f64) -> bool {
    *ms == 0.0
}
