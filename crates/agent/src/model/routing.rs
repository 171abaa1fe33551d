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
use super::phrases::{Phrase, phrases};
use super::support::is_from;
use super::{PromptError, Prompts};
use crate::rules::{RulesError, SEARCHED, Situation};
use crate::{Asked, Constraints, Earlier, Intent, Language, Reading, ShownItem, Understood};

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
    earlier: Earlier,
    turn: u32,
    today: Option<String>,
    language: Language,
    /// What is still to be asked, in order.
    questions: Vec<Question>,
    /// What the model has said so far, of which phrase.
    heard: Vec<(Phrase, Heard)>,
    state: Routed,
    repairs: u32,
}

/// Some phrases, and how they are asked about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Question {
    phrases: Vec<Phrase>,
    chat: ChatRequest,
}

/// What came of a phrase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Heard {
    /// It is searched for, in these words.
    Topic(String),
    /// It says nothing.
    Nothing,
    /// It means this, if the catalogue has it.
    Means(Kind, String),
    /// It would mean this, which does not count because of that.
    Refused(String, String),
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
        earlier: &Earlier,
        reading: Reading,
        prompts: &Prompts,
        logprobs: bool,
    ) -> Result<Self, PromptError> {
        let wanted = matches!(reading.intent, Intent::Search | Intent::Count);
        let phrases = if wanted { phrases(&reading) } else { Vec::new() };
        let catalog = situation.snapshot.catalog();
        // What surrounds a description only leads a small model astray: it is asked about apart from it.
        let (describing, others): (Vec<_>, Vec<_>) = phrases.into_iter().partition(|p| p.describes);
        let apart: Vec<_> = describing.iter().map(|p| p.text.as_str()).collect();
        let apart = format!("do you have anything to do with {}?", apart.join(" or "));
        let mut questions = Vec::new();
        for (request, phrases) in [(apart.as_str(), describing), (request, others)] {
            if !phrases.is_empty() {
                let chat = ask(request, &phrases, catalog, prompts, logprobs)?;
                questions.push(Question { phrases, chat });
            }
        }
        Ok(Self {
            request: request.to_owned(),
            before: situation.before.clone(),
            shown: situation.shown.to_vec(),
            earlier: earlier.clone(),
            turn: situation.turn,
            today: situation.today.map(str::to_owned),
            language: situation.language,
            questions,
            heard: Vec::new(),
            state: Routed { reading, added: false, refused: Vec::new(), failed: None },
            repairs: 0,
        })
    }

    /// What to do now.
    pub fn next(&self) -> RouteNext {
        match self.questions.first() {
            Some(question) => RouteNext::Ask(Box::new(question.chat.clone())),
            None => RouteNext::Done(Box::new(self.state.clone())),
        }
    }

    /// Takes the model's answer, or why there is none. One that cannot be used is asked for once more, with what was
    /// wrong.
    pub fn feed(&mut self, answer: Result<&ChatReply, &str>, snapshot: &Snapshot) -> Result<(), RulesError> {
        if self.questions.is_empty() {
            return Ok(());
        }
        let question = self.questions.remove(0);
        let reply = match answer {
            Ok(reply) => reply,
            Err(error) => {
                self.fail(error.to_owned());
                return Ok(());
            }
        };
        match json_in(&reply.content).map(serde_json::from_value::<BTreeMap<String, Said>>) {
            Some(Ok(said)) => self.hear(question, &said, reply, snapshot.catalog()),
            Some(Err(error)) => self.again(question, reply, &error.to_string()),
            None => self.again(question, reply, "there is no JSON object in it"),
        }
        if self.questions.is_empty() && self.state.failed.is_none() {
            self.conclude(snapshot)
        } else {
            Ok(())
        }
    }

    fn fail(&mut self, why: String) {
        self.questions.clear();
        self.state.failed = Some(why);
    }

    fn again(&mut self, mut question: Question, reply: &ChatReply, why: &str) {
        if self.repairs >= REPAIRS {
            self.fail(format!("its reply cannot be used: {why}"));
            return;
        }
        self.repairs += 1;
        question.chat.messages.push(Message::assistant(&reply.content));
        let text = format!("That cannot be used: {why}. Reply with the one JSON object and nothing else.");
        question.chat.messages.push(Message::user(text));
        self.questions.insert(0, question);
    }

    fn hear(
        &mut self,
        question: Question,
        said: &BTreeMap<String, Said>,
        reply: &ChatReply,
        catalog: &Catalog,
    ) {
        for (number, phrase) in (1..).zip(question.phrases) {
            let heard = match said.get(&number.to_string()) {
                None => Heard::Topic(phrase.text.clone()),
                Some(said) => hear(&phrase, number, said, reply, catalog),
            };
            self.heard.push((phrase, heard));
        }
    }

    /// Reads the request again with what the phrases mean in their places, and searches for what is left.
    fn conclude(&mut self, snapshot: &Snapshot) -> Result<(), RulesError> {
        let situation = Situation {
            snapshot,
            before: &self.before,
            shown: &self.shown,
            turn: self.turn,
            today: self.today.as_deref(),
            language: self.language,
        };
        let state = &mut self.state;
        let mut request = self.request.clone();
        let (mut searched, mut meant) = (Vec::new(), Vec::new());
        // In the order in which the request says them.
        self.heard.sort_by_key(|(phrase, _)| self.request.find(&phrase.text));
        for (phrase, heard) in &self.heard {
            let refused = match heard {
                Heard::Nothing => continue,
                Heard::Topic(query) => {
                    searched.push(query.clone());
                    continue;
                }
                Heard::Refused(plain, why) => (plain, why.clone()),
                Heard::Means(kind, plain) => {
                    match paraphrase::read(
                        &request,
                        &state.reading,
                        phrase,
                        plain,
                        *kind,
                        (&situation, &self.earlier),
                    )? {
                        Ok((rewritten, reading)) => {
                            (request, state.reading, state.added) = (rewritten, reading, true);
                            meant.push((phrase, plain));
                            continue;
                        }
                        Err(why) => (plain, why),
                    }
                }
            };
            state.refused.push(format!("“{}” is {}: {}", phrase.text, refused.0, refused.1));
            searched.push(phrase.text.clone());
        }
        for (phrase, plain) in meant {
            paraphrase::restore(&mut state.reading, phrase, plain, self.turn);
        }
        self.search(&searched.join(" "));
        Ok(())
    }

    /// Searches for what the model says that the items are about, in place of all that the rules had left.
    fn search(&mut self, query: &str) {
        let turn = self.turn;
        let reading = &mut self.state.reading;
        let of_turn = |a: &Asked<String>| a.turn == turn && a.holds();
        let before = reading.constraints.queries.iter().find(|a| of_turn(a)).map(|a| a.what.clone());
        let before = before.unwrap_or_default();
        if query == before {
            return;
        }
        self.state.added = true;
        reading.constraints.queries.retain(|a| !of_turn(a));
        reading.understood.retain(|u| u.meaning != SEARCHED);
        if !query.is_empty() {
            reading.constraints.queries.push(Asked::new(query.to_owned(), query, turn, false));
            reading.understood.push(Understood {
                text: query.to_owned(),
                predicate: None,
                meaning: SEARCHED.to_owned(),
                hard: false,
            });
        }
    }
}

fn hear(phrase: &Phrase, number: usize, said: &Said, reply: &ChatReply, catalog: &Catalog) -> Heard {
    let plain = said.plain.trim();
    let Some(kind) = Kind::of(&said.is) else {
        return match said.is.as_str() {
            "topic" if is_from(plain, &phrase.text) => Heard::Topic(plain.to_owned()),
            "topic" => Heard::Topic(phrase.text.clone()),
            // A description that says nothing to the model may still say something to the search.
            _ if phrase.describes => Heard::Topic(phrase.text.clone()),
            _ => Heard::Nothing,
        };
    };
    let sure = || paraphrase::is_sure(kind, plain, &said.is, number, reply);
    match paraphrase::check(phrase, plain, catalog).and_then(|()| sure()) {
        Ok(()) => Heard::Means(kind, plain.to_owned()),
        Err(why) => Heard::Refused(plain.to_owned(), why),
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
    let told = |(number, phrase): (usize, &Phrase)| match phrase.among.join(", ") {
        among if among.is_empty() => format!("\n{number}. {}", one_line(&phrase.text)),
        among => format!("\n{number}. {} (one of: {})", one_line(&phrase.text), one_line(&among)),
    };
    let user = format!("Request: {}{}", one_line(request), (1..).zip(phrases).map(told).collect::<String>());
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
