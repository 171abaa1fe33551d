//! Residual routing: the model reads only what the rules have left.

use segue_catalog::text::squash;
use segue_catalog::{Catalog, Predicate, Snapshot};
use segue_models::{ChatReply, ChatRequest, JsonSchemaFormat, Message, json_in};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::support::{COMPARISONS, Proposal, check, is_from};
use super::{PromptError, Prompts, brief};
use crate::rules::{self, SEARCHED};
use crate::{Asked, Intent, Reading, Understood};

/// The prompt's name.
pub(crate) const PROMPT: &str = "route";
/// Room for two conditions and a query.
const MAX_TOKENS: u32 = 200;
/// Conditions that a model may add to one turn.
const MOST_CONDITIONS: usize = 2;
/// How often a reply that is no use is asked for again.
const REPAIRS: u32 = 1;

/// What the driver is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum RouteNext {
    /// Ask the model this, and feed back what comes.
    Ask(Box<ChatRequest>),
    /// Nothing is left to ask.
    Done(Box<Routed>),
}

/// A request, read by rules and model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Routed {
    /// The reading.
    pub reading: Reading,
    /// True if the model added a condition, or changed what is searched for.
    pub added: bool,
    /// What the model said that did not count, and why.
    pub refused: Vec<String>,
    /// Why the model is of no help, if it is not.
    pub failed: Option<String>,
}

/// The machine. It can be written out between a question and its answer, and read back elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Routing {
    request: String,
    turn: u32,
    state: Routed,
    pending: Option<ChatRequest>,
    repairs: u32,
}

/// What the model says.
#[derive(Debug, Deserialize)]
struct Reply {
    #[serde(default)]
    conditions: Vec<Proposal>,
    #[serde(default)]
    search: String,
}

impl Routing {
    /// For a request that the rules have read. Where they left nothing, or where no search is wanted, nothing is asked.
    pub fn new(
        request: &str,
        turn: u32,
        reading: Reading,
        catalog: &Catalog,
        prompts: &Prompts,
    ) -> Result<Self, PromptError> {
        let wanted = !reading.left.is_empty() && matches!(reading.intent, Intent::Search | Intent::Count);
        let pending = wanted.then(|| ask(request, &reading, catalog, prompts)).transpose()?;
        let state = Routed { reading, added: false, refused: Vec::new(), failed: None };
        Ok(Self { request: request.to_owned(), turn, state, pending, repairs: 0 })
    }

    /// What to do now.
    pub fn next(&self) -> RouteNext {
        match &self.pending {
            Some(request) => RouteNext::Ask(Box::new(request.clone())),
            None => RouteNext::Done(Box::new(self.state.clone())),
        }
    }

    /// Takes the model's answer, or why there is none. One that cannot be used is asked for once more, with what was
    /// wrong.
    pub fn feed(&mut self, answer: Result<&ChatReply, &str>, snapshot: &Snapshot) {
        let Some(asked) = self.pending.take() else { return };
        let reply = match answer {
            Ok(reply) => reply,
            Err(error) => {
                self.state.failed = Some(error.to_owned());
                return;
            }
        };
        match json_in(&reply.content).map(serde_json::from_value::<Reply>) {
            Some(Ok(parsed)) => self.take(&parsed, snapshot),
            Some(Err(error)) => self.again(asked, reply, &error.to_string()),
            None => self.again(asked, reply, "there is no JSON object in it"),
        }
    }

    fn again(&mut self, mut asked: ChatRequest, reply: &ChatReply, why: &str) {
        if self.repairs >= REPAIRS {
            self.state.failed = Some(format!("its reply cannot be used: {why}"));
            return;
        }
        self.repairs += 1;
        asked.messages.push(Message::assistant(&reply.content));
        let text = format!("That cannot be used: {why}. Reply with the one JSON object and nothing else.");
        asked.messages.push(Message::user(text));
        self.pending = Some(asked);
    }

    fn take(&mut self, reply: &Reply, snapshot: &Snapshot) {
        let mut consumed = false;
        for proposal in reply.conditions.iter().take(MOST_CONDITIONS) {
            match check(proposal, &self.state.reading, snapshot) {
                Ok(predicate) => {
                    consumed = true;
                    self.add(&proposal.words, predicate, snapshot);
                }
                Err(why) => {
                    let Proposal { field, is, value, .. } = proposal;
                    self.state.refused.push(format!("{field} {is} {value}: {why}"));
                }
            }
        }
        self.search(reply.search.trim(), consumed);
    }

    fn add(&mut self, words: &str, predicate: Predicate, snapshot: &Snapshot) {
        let reading = &mut self.state.reading;
        reading.understood.push(Understood {
            text: words.to_owned(),
            predicate: Some(predicate.clone()),
            meaning: format!("{predicate} (read by the model)"),
            hard: true,
        });
        let said = squash(words);
        reading.not_understood.retain(|w| !said.contains(&squash(w)));
        rules::add(snapshot, &mut reading.constraints, Asked::new(predicate, words, self.turn, true));
        self.state.added = true;
    }

    /// The words to search for in place of all that the rules had left: the model's, if the request has them. What
    /// became a condition is no longer searched for.
    fn search(&mut self, query: &str, consumed: bool) {
        // A small model leaves out as easily as it adds: unless it made something else of the words, they are searched for.
        if query.is_empty() && !consumed {
            return;
        }
        let is_supported = is_from(query, &self.request);
        if !query.is_empty() && !is_supported {
            self.state.refused.push(format!("search {query}: the request does not say it"));
            if !consumed {
                return;
            }
        }
        let turn = self.turn;
        let reading = &mut self.state.reading;
        let of_turn = |a: &Asked<String>| a.turn == turn && a.holds();
        let before = reading.constraints.queries.iter().find(|a| of_turn(a)).map(|a| a.what.clone());
        let kept = is_supported.then_some(query);
        if kept == before.as_deref() {
            return;
        }
        reading.constraints.queries.retain(|a| !of_turn(a));
        reading.understood.retain(|u| u.meaning != SEARCHED);
        if let Some(kept) = kept {
            reading.constraints.queries.push(Asked::new(kept.to_owned(), kept, turn, false));
            reading.understood.push(Understood {
                text: kept.to_owned(),
                predicate: None,
                meaning: SEARCHED.to_owned(),
                hard: false,
            });
        }
        self.state.added = true;
    }
}

fn ask(
    request: &str,
    reading: &Reading,
    catalog: &Catalog,
    prompts: &Prompts,
) -> Result<ChatRequest, PromptError> {
    let inputs = json!({
        "noun": catalog.noun, "fields": brief::fields(catalog), "examples": brief::examples(catalog),
    });
    let system = prompts.get(PROMPT)?.render(inputs)?;
    let known: Vec<_> =
        reading.understood.iter().filter(|u| u.predicate.is_some()).map(|u| u.meaning.as_str()).collect();
    let known = if known.is_empty() { "nothing".to_owned() } else { known.join("; ") };
    let user = format!(
        "Request: {}\nKnown: {known}\nLeft: {}",
        one_line(request),
        one_line(&reading.left.join(", "))
    );
    let mut chat = ChatRequest::new(vec![Message::system(system), Message::user(user)], MAX_TOKENS);
    chat.temperature = Some(0.0);
    chat.seed = Some(0);
    chat.format = Some(JsonSchemaFormat { name: PROMPT.to_owned(), schema: schema(catalog) });
    Ok(chat)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn schema(catalog: &Catalog) -> Json {
    let fields: Vec<_> = brief::fields(catalog).into_iter().map(|f| f.name).collect();
    let text = json!({"type": "string"});
    let condition = json!({
        "type": "object", "additionalProperties": false, "required": ["words", "field", "is", "value", "to"],
        "properties": {
            "words": text, "field": {"enum": fields}, "is": {"enum": COMPARISONS}, "value": text, "to": text,
        }
    });
    json!({
        "type": "object", "additionalProperties": false, "required": ["conditions", "search"],
        "properties": {
            "conditions": {"type": "array", "items": condition, "maxItems": MOST_CONDITIONS},
            "search": text,
        }
    })
}
