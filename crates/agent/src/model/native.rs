//! Planning step by step, with the model's own tool calling.
//!
//! The machine begins with the filter of everything that holds already, tells the model how much is left, and takes its
//! calls one reply at a time. Each is heard as the request and the catalogue bear it out, linked to what it looks
//! within, and answered in any case: with what came of it, with what is wrong, or with what the same call gave before.
//! The conversation with the model only grows, so that a server keeps what it has read.

mod closing;
mod telling;

use segue_catalog::Catalog;
use segue_models::{ChatReply, ChatRequest, Message, ToolCallRequest, calls_in};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use self::telling::{set_in_words, told};
use super::asking::{situation, steady};
use super::assemble::with_sets;
use super::linking::{Ground, Listener, What, nearest};
use super::{PromptError, Prompts, brief, offer};
use crate::rules::Compiler;
use crate::{CallAnswer, CallOutcome, ErrorKind, Intent, Reading, ShownItem, Step, ToolRole, ToolSpec};

/// The prompt's name.
pub(crate) const PROMPT: &str = "native";
/// Room for a call or two, or a closing sentence.
const MAX_TOKENS: u32 = 400;
/// How often the model is asked in one turn.
const MOST_ROUNDS: u32 = 8;
/// Calls of one reply.
const MOST_CALLS: usize = 4;
/// Replies in a row of which nothing could be called.
const MOST_STRIKES: u32 = 2;

/// What the driver is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum NativeNext {
    /// Ask the model this, and feed back what comes.
    Ask(Box<ChatRequest>),
    /// Make these calls and feed back their answers.
    Call(Vec<Step>),
    /// Nothing is left to do.
    Done(Box<Conversed>),
}

/// A request with what a model did about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conversed {
    /// The reading, with what the model added.
    pub reading: Reading,
    /// What the model said that did not count, and why.
    pub refused: Vec<String>,
    /// Why the rules ranked in the end, if they did.
    pub failed: Option<String>,
    /// The step whose set the answer is made from, if there is one.
    pub step: Option<String>,
}

/// The machine. It can be written out between a question and its answer, and read back elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Native {
    request: String,
    turn: u32,
    /// What the rules read, for when the model is of no help.
    before: Reading,
    state: Conversed,
    shown: Vec<ShownItem>,
    chat: ChatRequest,
    phase: Phase,
    made: Vec<Made>,
    /// Steps that are to be called now.
    due: Vec<Step>,
    /// The calls of the last reply, with what each is answered or the step that answers it.
    calls: Vec<(ToolCallRequest, Fate)>,
    /// True if the last reply had its calls in the text.
    written: bool,
    /// The filter of all hard conditions, if there are any.
    pool: Option<String>,
    /// Items that the model has seen in results.
    seen: Vec<(String, String)>,
    round: u32,
    strikes: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    /// The first filter is being made.
    Opening,
    Asking,
    Calling,
    Closing,
    Done,
}

/// A call that was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Made {
    step: Step,
    role: ToolRole,
    round: u32,
    handle: Option<String>,
    count: Option<u64>,
    told: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fate {
    Told(String),
    Step(String, String),
}

impl Native {
    /// For a request that the rules have read.
    pub fn new(
        request: &str,
        turn: u32,
        reading: Reading,
        shown: &[ShownItem],
        (catalog, specs): (&Catalog, &[ToolSpec]),
        prompts: &Prompts,
    ) -> Result<Self, PromptError> {
        let inputs = json!({
            "noun": catalog.noun, "name": catalog.name, "fields": brief::fields(catalog),
            "filter": named(specs, ToolRole::Filter),
        });
        let system = prompts.get(PROMPT)?.render(inputs)?;
        let mut chat = steady(system, String::new(), MAX_TOKENS);
        chat.messages.truncate(1);
        chat.tools = offer::definitions(specs, catalog);
        let mut native = Self {
            request: request.to_owned(),
            turn,
            before: reading.clone(),
            state: Conversed { reading, refused: Vec::new(), failed: None, step: None },
            shown: shown.to_vec(),
            chat,
            phase: Phase::Opening,
            made: Vec::new(),
            due: Vec::new(),
            calls: Vec::new(),
            written: false,
            pool: None,
            seen: Vec::new(),
            round: 0,
            strikes: 0,
        };
        native.refilter(catalog, specs);
        if native.due.is_empty() {
            native.open(None, catalog);
        }
        Ok(native)
    }

    /// What to do now.
    pub fn next(&self) -> NativeNext {
        match self.phase {
            Phase::Asking => NativeNext::Ask(Box::new(self.chat.clone())),
            Phase::Opening | Phase::Calling | Phase::Closing => NativeNext::Call(self.due.clone()),
            Phase::Done => NativeNext::Done(Box::new(self.state.clone())),
        }
    }

    /// Takes the model's reply.
    pub fn feed(&mut self, reply: &ChatReply, ground: &Ground<'_>) {
        if self.phase != Phase::Asking {
            return;
        }
        self.round += 1;
        let mut calls = reply.tool_calls.clone();
        self.written = calls.is_empty();
        if self.written {
            calls = calls_in(&reply.content, &self.chat.tools);
        }
        if calls.is_empty() {
            return self.said(reply, ground);
        }
        name_apart(&mut calls, self.round);
        self.chat.messages.push(match self.written {
            true => Message::assistant(&reply.content),
            false => Message::calls(&reply.content, calls.clone()),
        });
        for (n, call) in calls.into_iter().enumerate() {
            let fate = match n < MOST_CALLS {
                true => self.hear(&call, ground).unwrap_or_else(Fate::Told),
                false => Fate::Told(format!("not called: at most {MOST_CALLS} calls at a time")),
            };
            self.calls.push((call, fate));
        }
        self.phase = Phase::Calling;
        if self.due.is_empty() {
            self.strikes += 1;
            self.answer(ground);
        } else {
            self.strikes = 0;
        }
    }

    /// Takes the answers to the calls that were due; others are passed over.
    pub fn called<'a>(&mut self, answers: impl Iterator<Item = &'a CallAnswer>, ground: &Ground<'_>) {
        let due = std::mem::take(&mut self.due);
        let mut stopped = false;
        for answer in answers.filter(|a| due.iter().any(|s| s.id == a.step)) {
            let text = told(answer, ground.snapshot.catalog(), &mut self.seen);
            if let CallOutcome::Failed(error) = &answer.outcome {
                stopped |= matches!(error.kind, ErrorKind::Budget | ErrorKind::Cancelled);
            }
            if let Some(made) = self.made.iter_mut().find(|m| m.step.id == answer.step) {
                made.handle = answer.handle().map(|h| h.0.clone());
                made.count = answer.count();
                made.told = text;
            }
        }
        match self.phase {
            Phase::Opening if !stopped => {
                let first = self.made.last().map(|m| (m.handle.clone(), m.count));
                match first {
                    // Nothing can be found in nothing.
                    Some((Some(_), Some(0))) => self.end(),
                    Some((Some(handle), Some(count))) => {
                        let left = set_in_words(&handle, count, ground.snapshot.catalog());
                        self.open(Some(left), ground.snapshot.catalog());
                    }
                    _ => self.give_up("the filter of what is known failed", ground),
                }
            }
            Phase::Calling if !stopped => self.answer(ground),
            _ => self.end(),
        }
    }

    /// The model is of no help: the rules rank.
    pub fn fail(&mut self, why: &str, ground: &Ground<'_>) {
        self.give_up(why, ground);
    }

    /// Ends with the best so far: nothing more is to be asked.
    pub fn stop(&mut self, why: &str, ground: &Ground<'_>) {
        let has_more = self.made.iter().any(|m| m.round > 0 && m.handle.is_some());
        if has_more { self.close(ground) } else { self.give_up(why, ground) }
    }

    /// The first thing that the model is told: the conversation, and what is left of the catalogue.
    fn open(&mut self, left: Option<String>, catalog: &Catalog) {
        let left = left.unwrap_or_else(|| format!("all {} {}", crate::grouped(catalog.items), catalog.name));
        let situation = situation(&self.request, &self.state.reading, &self.shown);
        self.chat.messages.push(Message::user(format!("{situation}\nLooked in: {left}")));
        self.phase = Phase::Asking;
    }

    /// The model calls nothing any more, or nothing yet.
    fn said(&mut self, reply: &ChatReply, ground: &Ground<'_>) {
        if self.made.iter().any(|m| m.round > 0 && !m.told.is_empty()) {
            return self.close(ground);
        }
        self.strikes += 1;
        if self.strikes >= MOST_STRIKES {
            return self.give_up("it called no tool", ground);
        }
        self.chat.messages.push(Message::assistant(&reply.content));
        self.chat.messages.push(Message::user("Nothing has been searched yet. Call a tool."));
    }

    /// Answers every call of the last reply, and goes on.
    fn answer(&mut self, ground: &Ground<'_>) {
        let calls = std::mem::take(&mut self.calls);
        let mut lines = Vec::new();
        for (call, fate) in calls {
            let text = match fate {
                Fate::Told(text) => text,
                Fate::Step(step, note) => {
                    let told = self.made.iter().find(|m| m.step.id == step).map(|m| m.told.as_str());
                    format!("{}{note}", told.unwrap_or("no answer came"))
                }
            };
            if self.written {
                lines.push(format!("{}: {text}", call.name));
            } else {
                self.chat.messages.push(Message::tool(call.id, text));
            }
        }
        if !lines.is_empty() {
            lines.push("Call another tool, or write DONE.".to_owned());
            self.chat.messages.push(Message::user(lines.join("\n")));
        }
        if self.strikes >= MOST_STRIKES || self.round >= MOST_ROUNDS {
            let why = "its calls cannot be used";
            return self.stop(why, ground);
        }
        self.phase = Phase::Asking;
    }

    /// The step of a call, or what the model is told instead.
    fn hear(&mut self, call: &ToolCallRequest, ground: &Ground<'_>) -> Result<Fate, String> {
        let name = call.name.as_str();
        let Some(spec) = ground.specs.iter().find(|s| s.name == name) else {
            let names = nearest(name, ground.specs.iter().map(|s| s.name.as_str()));
            return Err(format!("there is no tool `{name}`; nearest: {}", names.join(", ")));
        };
        let arguments = if call.arguments.trim().is_empty() { "{}" } else { call.arguments.as_str() };
        let args: Map<String, Json> = serde_json::from_str(arguments)
            .map_err(|error| format!("the arguments are no JSON object: {error}; write them again"))?;
        let within = match args.get("within").and_then(Json::as_str).map(str::trim) {
            None | Some("" | "null") => None,
            Some(name) => Some(self.set(name)?),
        };
        let before = self.state.refused.len();
        let mut listener = Listener {
            ground: *ground,
            request: &self.request,
            turn: self.turn,
            reading: &mut self.state.reading,
            refused: &mut self.state.refused,
            seen: &self.seen,
        };
        let heard = listener.hear(spec, &args);
        let refused = self.state.refused.get(before..).unwrap_or_default();
        let mut wrong: Vec<String> = heard.faults;
        wrong.extend(refused.iter().map(|why| format!("not taken: {why}")));
        let note = wrong.iter().map(|w| format!("\n{w}")).collect::<String>();
        let step = match heard.what {
            None => return Err(wrong.join("; ")),
            Some(What::Conditions(false)) => {
                let held = match &self.pool {
                    Some(_) if wrong.is_empty() => "all of that holds already, for every call: go on",
                    Some(_) => "what counts of these conditions holds already, for every call",
                    None => "there is no condition in it",
                };
                return Err(format!("{held}{note}"));
            }
            Some(What::Conditions(true)) => self.narrowed(within, ground),
            Some(What::Items(ids)) => {
                let arg = if spec.role == ToolRole::LookUp { "items" } else { "like" };
                self.step(spec, json!({ arg: ids }), within)?
            }
            Some(What::Args(args)) => self.step(spec, args, within)?,
            Some(What::Sets(named, args)) => {
                let sets: Result<Vec<_>, _> = named.iter().map(|name| self.set(name)).collect();
                self.step(spec, with_sets(spec, args, &sets?), within)?
            }
        };
        Ok(Fate::Step(step, note))
    }

    /// The name under which steps refer to a set that the model names.
    fn set(&self, name: &str) -> Result<String, String> {
        let is_it = |m: &&Made| m.step.id == name || m.handle.as_deref() == Some(name);
        match self.made.iter().find(is_it) {
            Some(made) if made.handle.is_some() => Ok(made.step.id.clone()),
            _ => {
                let known: Vec<_> = self.made.iter().filter_map(|m| m.handle.as_deref()).collect();
                Err(format!("there is no result `{name}`; there are: {}", known.join(", ")))
            }
        }
    }

    /// Adds a call, or says that it was made before and what it gave.
    fn step(&mut self, spec: &ToolSpec, args: Json, within: Option<String>) -> Result<String, String> {
        let last = || self.made.iter().rfind(|m| m.handle.is_some()).map(|m| m.step.id.clone());
        let within = match spec.role {
            ToolRole::LookUp => None,
            ToolRole::Diversify => within.or_else(last),
            _ => within.or_else(|| self.pool.clone()),
        };
        let same = |s: &Step| s.tool == spec.name && s.args == args && s.within == within;
        if let Some(made) = self.made.iter().find(|m| same(&m.step)) {
            return match made.told.as_str() {
                "" => Err("the same call stands beside it in this reply: one is made".to_owned()),
                told => Err(format!("this call was made before and is not made again. It gave: {told}")),
            };
        }
        let step = Step { id: format!("s{}", self.made.len() + 1), tool: spec.name.clone(), args, within };
        Ok(self.put(step, spec.role))
    }

    /// After new conditions: the filter of all of them, and, where the model looked within a ranking, what of it is left,
    /// in its order.
    fn narrowed(&mut self, within: Option<String>, ground: &Ground<'_>) -> String {
        let old = self.pool.clone();
        self.refilter(ground.snapshot.catalog(), ground.specs);
        let pool = self.pool.clone().unwrap_or_default();
        match within.filter(|w| Some(w) != old.as_ref()) {
            Some(set) => self.intersection(&set, &pool, ground.specs).unwrap_or(pool),
            None => pool,
        }
    }

    /// Makes the filter of everything hard that holds now.
    fn refilter(&mut self, catalog: &Catalog, specs: &[ToolSpec]) {
        let is_count = self.state.reading.intent == Intent::Count;
        let constraints = self.state.reading.constraints.clone();
        let even_if_all = is_count && self.made.is_empty();
        let mut added = self.compile(catalog, specs, |c| {
            c.filter(&constraints, even_if_all);
        });
        if let Some(step) = added.pop() {
            self.pool = Some(self.put(step, ToolRole::Filter));
        }
    }

    /// What of a ranking is in a filter, in its order.
    fn intersection(&mut self, ranked: &str, filter: &str, specs: &[ToolSpec]) -> Option<String> {
        let spec = specs.iter().find(|s| s.role == ToolRole::Algebra)?;
        let sets = [ranked.to_owned(), filter.to_owned()];
        let args = with_sets(spec, json!({"op": "intersection"}), &sets);
        let id = format!("s{}", self.made.len() + 1);
        let step = Step { id, tool: spec.name.clone(), args, within: Some(filter.to_owned()) };
        Some(self.put(step, spec.role))
    }

    /// The steps that the rules' own compiler adds after those made so far.
    fn compile(
        &self,
        catalog: &Catalog,
        specs: &[ToolSpec],
        add: impl FnOnce(&mut Compiler<'_>),
    ) -> Vec<Step> {
        let steps: Vec<_> = self.made.iter().map(|m| m.step.clone()).collect();
        let before = steps.len();
        let mut compiler = Compiler { catalog, specs, steps };
        add(&mut compiler);
        compiler.steps.split_off(before)
    }

    fn put(&mut self, step: Step, role: ToolRole) -> String {
        let id = step.id.clone();
        let (round, told) = (self.round, String::new());
        self.due.push(step.clone());
        self.made.push(Made { step, role, round, handle: None, count: None, told });
        id
    }
}

/// Ids of calls that are missing or used twice would leave answers without a call.
fn name_apart(calls: &mut [ToolCallRequest], round: u32) {
    let mut seen: Vec<String> = Vec::new();
    for (n, call) in calls.iter_mut().enumerate() {
        if call.id.is_empty() || seen.contains(&call.id) {
            call.id = format!("call_{round}_{n}");
        }
        seen.push(call.id.clone());
    }
}

fn named(specs: &[ToolSpec], role: ToolRole) -> Option<&str> {
    specs.iter().find(|s| s.role == role).map(|s| s.name.as_str())
}
