//! Residual routing: the model reads only what the rules have left, phrase by phrase.
//!
//! A phrase describes something ("the Thatcher years"), says what the items are about, or says nothing. What a description
//! means is put in its place, and the rules read the request again: a condition comes of it only where the catalogue has
//! it, under the same negations, limits and joints as if the user had named it. This is semantic parsing by
//! paraphrase into canonical utterances (Berant and Liang, ACL 2014; Shin et al., EMNLP 2021), one phrase at a time.

use std::collections::BTreeMap;

use segue_catalog::{Catalog, Predicate, Snapshot};
use segue_models::{ChatReply, ChatRequest, JsonSchemaFormat, Message, json_in};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::paraphrase::{self, Kind};
use super::phrases::{Phrase, is_negated, phrases};
use super::support::is_from;
use super::{PromptError, Prompts};
use crate::rules::{RulesError, SEARCHED, Situation};
use crate::{Asked, Constraints, Intent, Reading, ShownItem, Understood};

/// The prompt's name.
pub(crate) const PROMPT: &str = "route";
/// Room for what is said of each phrase.
const TOKENS_A_PHRASE: u32 = 48;
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
    before: Constraints,
    shown: Vec<ShownItem>,
    turn: u32,
    today: Option<String>,
    phrases: Vec<Phrase>,
    state: Routed,
    pending: Option<ChatRequest>,
    repairs: u32,
}

/// What the model says of a phrase.
#[derive(Debug, Deserialize)]
struct Said {
    is: String,
    plain: String,
}

impl Routing {
    /// For a request that the rules have read. Where they left nothing, or where no search is wanted, nothing is asked.
    /// `logprobs` says whether the model tells how sure it is: what it only guesses then does not count.
    pub fn new(
        request: &str,
        situation: &Situation<'_>,
        reading: Reading,
        prompts: &Prompts,
        logprobs: bool,
    ) -> Result<Self, PromptError> {
        let wanted = matches!(reading.intent, Intent::Search | Intent::Count);
        let phrases = if wanted { phrases(&reading) } else { Vec::new() };
        let catalog = situation.snapshot.catalog();
        let pending = (!phrases.is_empty()).then(|| ask(request, &phrases, catalog, prompts, logprobs));
        Ok(Self {
            request: request.to_owned(),
            before: situation.before.clone(),
            shown: situation.shown.to_vec(),
            turn: situation.turn,
            today: situation.today.map(str::to_owned),
            phrases,
            state: Routed { reading, added: false, refused: Vec::new(), failed: None },
            pending: pending.transpose()?,
            repairs: 0,
        })
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
    pub fn feed(&mut self, answer: Result<&ChatReply, &str>, snapshot: &Snapshot) -> Result<(), RulesError> {
        let Some(asked) = self.pending.take() else { return Ok(()) };
        let reply = match answer {
            Ok(reply) => reply,
            Err(error) => {
                self.state.failed = Some(error.to_owned());
                return Ok(());
            }
        };
        match json_in(&reply.content).map(serde_json::from_value::<BTreeMap<String, Said>>) {
            Some(Ok(said)) => return self.take(&said, reply, snapshot),
            Some(Err(error)) => self.again(asked, reply, &error.to_string()),
            None => self.again(asked, reply, "there is no JSON object in it"),
        }
        Ok(())
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

    fn take(
        &mut self,
        said: &BTreeMap<String, Said>,
        reply: &ChatReply,
        snapshot: &Snapshot,
    ) -> Result<(), RulesError> {
        let before = (self.before.clone(), self.shown.clone(), self.today.clone());
        let situation = Situation {
            snapshot,
            before: &before.0,
            shown: &before.1,
            turn: self.turn,
            today: before.2.as_deref(),
        };
        let mut request = self.request.clone();
        let (mut searched, mut paraphrased) = (Vec::new(), Vec::new());
        for (i, phrase) in self.phrases.clone().iter().enumerate() {
            let Some(said) = said.get(&(i + 1).to_string()) else {
                searched.push(phrase.text.clone());
                continue;
            };
            let plain = said.plain.trim();
            let Some(kind) = Kind::of(&said.is) else {
                if said.is == "topic" && !is_negated(&phrase.text) {
                    let query = if is_from(plain, &phrase.text) { plain } else { &phrase.text };
                    searched.push(query.to_owned());
                }
                continue;
            };
            let is_sure = || paraphrase::is_sure(kind, plain, &said.is, i + 1, reply);
            let checked = paraphrase::check(phrase, plain, snapshot.catalog()).and_then(|()| is_sure());
            let found = match checked {
                Ok(()) => paraphrase::read(&request, &self.state.reading, phrase, plain, kind, &situation)?,
                Err(why) => Err(why),
            };
            match found {
                Ok((rewritten, reading)) => {
                    (request, self.state.reading, self.state.added) = (rewritten, reading, true);
                    paraphrased.push((phrase.clone(), plain.to_owned()));
                }
                Err(why) => {
                    self.state.refused.push(format!("“{}” is {plain}: {why}", phrase.text));
                    if !is_negated(&phrase.text) {
                        searched.push(phrase.text.clone());
                    }
                }
            }
        }
        for (phrase, plain) in &paraphrased {
            paraphrase::restore(&mut self.state.reading, phrase, plain, self.turn);
        }
        self.search(&searched);
        Ok(())
    }

    /// Searches for what the model says that the items are about, in place of all that the rules had left.
    fn search(&mut self, searched: &[String]) {
        let turn = self.turn;
        let reading = &mut self.state.reading;
        let of_turn = |a: &Asked<String>| a.turn == turn && a.holds();
        let before = reading.constraints.queries.iter().find(|a| of_turn(a)).map(|a| a.what.clone());
        let query = searched.join(" ");
        let before = before.unwrap_or_default();
        if query == before {
            return;
        }
        self.state.added = true;
        reading.constraints.queries.retain(|a| !of_turn(a));
        reading.understood.retain(|u| u.meaning != SEARCHED);
        if !query.is_empty() {
            reading.constraints.queries.push(Asked::new(query.clone(), &query, turn, false));
            reading.understood.push(Understood {
                text: query,
                predicate: None,
                meaning: SEARCHED.to_owned(),
                hard: false,
            });
        }
    }
}

fn ask(
    request: &str,
    phrases: &[Phrase],
    catalog: &Catalog,
    prompts: &Prompts,
    logprobs: bool,
) -> Result<ChatRequest, PromptError> {
    let system = prompts.get(PROMPT)?.render(json!({ "noun": catalog.noun }))?;
    let mut user = format!("Request: {}", one_line(request));
    for (i, phrase) in phrases.iter().enumerate() {
        user.push_str(&format!("\n{}. {}", i + 1, one_line(&phrase.text)));
        if !phrase.among.is_empty() {
            user.push_str(&format!(" (one of: {})", one_line(&phrase.among.join(", "))));
        }
    }
    let room = TOKENS_A_PHRASE * phrases.len() as u32;
    let mut chat = ChatRequest::new(vec![Message::system(system), Message::user(user)], room);
    chat.temperature = Some(0.0);
    chat.seed = Some(0);
    chat.format = Some(JsonSchemaFormat { name: PROMPT.to_owned(), schema: schema(phrases) });
    chat.logprobs = logprobs.then_some(1);
    Ok(chat)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn schema(phrases: &[Phrase]) -> Json {
    let kinds = ["name", "time", "place", "topic", "nothing"];
    let of = |phrase: &Phrase| {
        let (kinds, plain) = if phrase.among.is_empty() {
            (&kinds[..], json!({"type": "string"}))
        } else {
            (&kinds[..1], json!({"enum": phrase.among}))
        };
        json!({
            "type": "object", "additionalProperties": false, "required": ["is", "plain"],
            "properties": { "is": {"enum": kinds}, "plain": plain }
        })
    };
    let properties: Map<String, Json> =
        phrases.iter().enumerate().map(|(i, p)| ((i + 1).to_string(), of(p))).collect();
    let required: Vec<&String> = properties.keys().collect();
    json!({
        "type": "object", "additionalProperties": false, "required": required, "properties": properties,
    })
}

/// The hard conditions that a reading made of its own turn.
pub(super) fn conditions(reading: &Reading) -> Vec<&Predicate> {
    reading.understood.iter().filter(|u| u.hard).filter_map(|u| u.predicate.as_ref()).collect()
}
