//! Calling functions that come with a request, each with a JSON Schema of its arguments.
//!
//! The same four steps as planning over a catalogue, with a schema for the catalogue: code reads what the conversation settles
//! beyond doubt ([`residue`]); the model is asked for the rest under a schema in which nothing else can be written
//! ([`schema`]); what it writes is resolved against the functions' own types and enumerations ([`values`]) and counts only
//! as far as the conversation bears it out; and what cannot be used is asked for once more, with the reasons. Required arguments
//! count even if nobody says them: beyond the schema they are not checked against the conversation, as a call without them would be none.
//!
//! Where one request may be several calls, the model drafts them in its own way first. Code then takes lists apart ([`several`]), gives a
//! single call the choices that are stated outright ([`stated`]), and asks for what no call has ([`gaps`]).

mod dates;
mod days;
mod gaps;
mod proposal;
mod residue;
mod said;
mod schema;
mod several;
mod spans;
mod stated;
mod tokens;
mod values;

use jiff::civil::Date;
use segue_models::{
    ChatReply, ChatRequest, JsonSchemaFormat, Message, ToolCallRequest, ToolDefinition, calls_in, json_in,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use self::residue::{Reading, Residue, residue};
use self::said::Said;
use super::linking::nearest;
use super::{PromptError, Prompts};

/// The prompt's name.
pub(crate) const PROMPT: &str = "call";
/// The prompt of a conversation of several turns.
const RECORD: &str = "record";
/// Room for one call.
const TOKENS_A_CALL: u32 = 150;
/// Room for all of them.
const MAX_TOKENS: u32 = 400;
/// How often a reply that has faults is asked for again.
const REPAIRS: u32 = 1;
/// How a model writes the day.
const DAY: &str = "%A, %Y-%m-%d";

/// What is asked for: a conversation, and the functions that there are.
#[derive(Debug, Clone, Copy)]
pub struct Callable<'a> {
    /// Oldest first; user and assistant.
    pub conversation: &'a [Message],
    /// The functions, with JSON Schemas of their arguments.
    pub functions: &'a [ToolDefinition],
    /// The names of functions that change something, which wait for the user's consent.
    pub consent: &'a [String],
    /// The day that "tomorrow" is counted from, if the functions know days.
    pub today: Option<Date>,
    /// The most calls that one reply may make; at least one.
    pub most: u32,
}

/// A call of a function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FunctionCall {
    /// The function.
    pub name: String,
    /// Its arguments.
    pub args: Map<String, Json>,
}

/// What the driver is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum CallNext {
    /// Ask the model this, and feed back what comes.
    Ask(Box<ChatRequest>),
    /// The calls are there, or there will be none.
    Done(Box<Called>),
}

/// The calls that were asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Called {
    /// The calls, in the model's order.
    pub calls: Vec<FunctionCall>,
    /// What the model said that did not count, and why.
    pub refused: Vec<String>,
    /// Why the model is of no help, if it is not.
    pub failed: Option<String>,
}

/// The machine. It can be written out between a question and its answer, and read back elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calling {
    functions: Vec<ToolDefinition>,
    /// The names of those that can be called now.
    offered: Vec<String>,
    /// What code has read, of each function.
    residues: Vec<Residue>,
    said: Said,
    today: Option<Date>,
    most: u32,
    pending: Option<ChatRequest>,
    state: Called,
    repairs: u32,
    /// What the first of two replies came to, where it is of some use.
    before: Option<Called>,
}

/// The plain request: the conversation, on record if it has several turns, with the functions as tools. With it alone a model is
/// left to itself.
pub fn plain(callable: &Callable<'_>, prompts: &Prompts) -> Result<ChatRequest, PromptError> {
    let today = callable.today.map(|day| day.strftime(DAY).to_string());
    let system = prompts.get(PROMPT)?.render(json!({ "today": today, "most": callable.most }))?;
    let mut messages = vec![Message::system(system)];
    match callable.conversation {
        // Among turns of its own a small model goes on talking; of a record it does what it is told.
        [_, _, ..] => messages
            .push(Message::user(prompts.get(RECORD)?.render(json!({ "turns": callable.conversation }))?)),
        short => messages.extend_from_slice(short),
    }
    let mut chat =
        ChatRequest::new(messages, MAX_TOKENS.min(TOKENS_A_CALL.saturating_mul(callable.most.max(1))));
    chat.tools = callable.functions.to_vec();
    chat.temperature = Some(0.0);
    chat.seed = Some(0);
    Ok(chat)
}

/// The calls of a reply to [`plain`], as leniently as they can be read: made, or written into the text.
pub fn plain_calls(reply: &ChatReply, functions: &[ToolDefinition]) -> Vec<FunctionCall> {
    let written = || calls_in(&reply.content, functions);
    let calls = if reply.tool_calls.is_empty() { written() } else { reply.tool_calls.clone() };
    let read = |arguments: &str| match serde_json::from_str(arguments) {
        Ok(Json::Object(args)) => args,
        _ => Map::new(),
    };
    calls.into_iter().map(|c| FunctionCall { args: read(&c.arguments), name: c.name }).collect()
}

impl Calling {
    /// For a conversation whose last message asks for a call.
    pub fn new(callable: &Callable<'_>, prompts: &Prompts) -> Result<Self, PromptError> {
        let said = Said::new(callable.conversation);
        // Which of several calls a value belongs to is for the model to say.
        let settles = callable.most <= 1;
        let agreed = proposal::is_consent(&said);
        let accepted = if settles { proposal::accepted(callable.functions, &said) } else { None };
        let read = |(at, function): (usize, &ToolDefinition)| {
            let is_accepted = accepted == Some(at);
            let reading = match (settles, is_accepted) {
                (false, _) => Reading::Unspoken,
                (true, false) => Reading::Settles,
                (true, true) => Reading::Accepted,
            };
            let mut residue = residue(function, &said, callable.today, reading);
            if settles {
                let acts = callable.consent.contains(&function.name);
                let texts = spans::candidates(function, callable.functions, &said, is_accepted, acts);
                residue.candidates = texts.candidates;
                residue.settled.extend(texts.settled);
                residue.limit(texts.rivals, texts.room);
            }
            residue
        };
        let residues: Vec<Residue> = callable.functions.iter().enumerate().map(read).collect();
        let waits = |name: &String| callable.consent.contains(name);
        let is_offered = |at: usize, function: &ToolDefinition| match accepted {
            Some(one) => one == at,
            None => agreed || !waits(&function.name),
        };
        let offered = callable.functions.iter().enumerate().filter(|(at, f)| is_offered(*at, f));
        let mut calling = Self {
            functions: callable.functions.to_vec(),
            offered: offered.map(|(_, f)| f.name.clone()).collect(),
            residues,
            said,
            today: callable.today,
            most: callable.most.max(1),
            pending: None,
            state: Called::default(),
            repairs: 0,
            before: None,
        };
        if calling.offered.is_empty() {
            calling.state.failed = Some("no function can be called before the user consents".to_owned());
        } else {
            let mut chat = plain(callable, prompts)?;
            chat.format = settles.then(|| calling.format(1));
            calling.pending = Some(chat);
        }
        Ok(calling)
    }

    /// What to do now.
    pub fn next(&self) -> CallNext {
        match &self.pending {
            Some(request) => CallNext::Ask(Box::new(request.clone())),
            None => CallNext::Done(Box::new(self.state.clone())),
        }
    }

    /// Takes the model's answer, or why there is none. A reply with faults, or, of several calls, one that leaves out what is asked for,
    /// is asked for once more, with the reasons; what is still faulty then is left out.
    pub fn feed(&mut self, answer: Result<&ChatReply, &str>) {
        let Some(asked) = self.pending.take() else { return };
        let reply = match answer {
            Ok(reply) => reply,
            // A draft without a schema may run on without end.
            Err(_) if self.most > 1 && self.repairs < REPAIRS => {
                self.repairs += 1;
                self.pending = Some(ChatRequest { format: Some(self.format(1)), ..asked });
                return;
            }
            Err(error) => {
                self.state = self.before.take().unwrap_or_default();
                self.state.failed = self.state.calls.is_empty().then(|| error.to_owned());
                return;
            }
        };
        let (mut heard, mut faults) = self.hear_all(reply);
        let gap = match self.most > 1 && faults.is_empty() {
            true => gaps::gap(&heard.calls, &self.functions, &self.said),
            false => None,
        };
        if self.repairs < REPAIRS && (!faults.is_empty() || gap.is_some()) {
            self.repairs += 1;
            let mut again =
                again(asked, reply, gap.as_ref().map_or(&faults, |g| std::slice::from_ref(&g.why)));
            if self.most > 1 {
                let least = gap.map_or(heard.calls.len().max(1), |g| g.least as usize);
                again.format = Some(self.format(u32::try_from(least).unwrap_or(1)));
            }
            self.pending = Some(again);
            heard.refused.append(&mut faults);
            self.before = Some(heard).filter(|h| self.most > 1 && !h.calls.is_empty());
            return;
        }
        if let Some(before) = self.before.take().filter(|before| !self.is_better(&heard, &faults, before)) {
            // Faults of calls that do not count are none.
            (heard, faults) = (before, Vec::new());
        }
        if heard.calls.is_empty() {
            heard.failed = Some(format!("its reply cannot be used: {}", faults.join("; ")));
        }
        heard.refused.extend(faults);
        self.state = heard;
    }

    /// The calls of a reply that can be used, and what is wrong with the others.
    fn hear_all(&self, reply: &ChatReply) -> (Called, Vec<String>) {
        let mut faults = Vec::new();
        let mut heard = Called::default();
        let mut calls = written(reply, &self.functions);
        if self.most > 1 {
            calls = several::expand(&calls, &self.functions, &self.said, self.most as usize);
        }
        if calls.len() > self.most as usize {
            calls.truncate(self.most as usize);
            heard
                .refused
                .push(format!("there are more calls than {}, and the others are left out", self.most));
        }
        for (name, args) in calls {
            match self.hear(&name, &args, &mut heard.refused) {
                // The same call twice does nothing more.
                Ok(call) if heard.calls.contains(&call) => {
                    heard.refused.push(format!("`{name}` is called twice with the same arguments"));
                }
                Ok(call) => heard.calls.push(call),
                Err(why) => faults.extend(why),
            }
        }
        if self.most > 1 {
            let is_single = heard.calls.len() == 1;
            for call in &mut heard.calls {
                let Some(function) = self.functions.iter().find(|f| f.name == call.name) else { continue };
                if is_single {
                    stated::settle(&mut call.args, function, &self.said);
                }
                stated::without_choices(&mut call.args, function);
            }
        }
        if heard.calls.is_empty() && faults.is_empty() {
            faults.push("there is no call in it".to_owned());
        }
        (heard, faults)
    }

    /// The format of at least so many calls of any of the functions that can be called.
    fn format(&self, least: u32) -> JsonSchemaFormat {
        let both = self.functions.iter().zip(&self.residues);
        let offered: Vec<_> = both.filter(|(f, _)| self.offered.contains(&f.name)).collect();
        let schema = schema::calls(&offered, self.most, least.min(self.most));
        JsonSchemaFormat { name: PROMPT.to_owned(), schema }
    }

    /// True if a second reply without faults makes more calls than the first, or leaves out less of what is asked for, and neither makes
    /// fewer nor leaves out more.
    fn is_better(&self, second: &Called, faults: &[String], first: &Called) -> bool {
        let missing = |called: &Called| gaps::missing(&called.calls, &self.functions, &self.said);
        let (more, fewer) =
            (second.calls.len().cmp(&first.calls.len()), missing(second).cmp(&missing(first)));
        faults.is_empty() && more.is_ge() && fewer.is_le() && (more.is_gt() || fewer.is_lt())
    }

    /// True of a free text that the user says as it is, with a capital.
    fn is_title(&self, value: Option<&Json>, schema: &Json) -> bool {
        let is_free = schema.get("type").is_some_and(|t| t == "string") && schema.get("enum").is_none();
        let title = value.and_then(Json::as_str).filter(|text| text.starts_with(char::is_uppercase));
        is_free && title.is_some_and(|title| self.said.request().contains(title))
    }

    /// The call that the model means; or what is wrong with it.
    fn hear(
        &self,
        name: &str,
        written: &Map<String, Json>,
        refused: &mut Vec<String>,
    ) -> Result<FunctionCall, Vec<String>> {
        let both = self.functions.iter().zip(&self.residues);
        let Some((function, residue)) = both.clone().find(|(f, _)| f.name == name) else {
            let names = nearest(name, self.functions.iter().map(|f| f.name.as_str()));
            return Err(vec![format!("there is no function `{name}`; nearest: {}", names.join(", "))]);
        };
        if !self.offered.contains(&function.name) {
            return Err(vec![format!("`{name}` cannot be called now, but {}", self.offered.join(", "))]);
        }
        let (mut args, mut faults) = (Map::new(), Vec::new());
        for (parameter, schema) in schema::parameters(function) {
            let required = schema::is_required(function, parameter);
            if let Some(settled) = residue.settled.get(parameter) {
                args.insert(parameter.clone(), settled.clone());
                continue;
            }
            let resolved = written.get(parameter).map(|value| values::resolve(value, schema, self.today));
            match resolved.transpose() {
                Ok(value) => match value.flatten() {
                    Some(value) if required || said::bears_out(&self.said, parameter, schema, &value) => {
                        args.insert(parameter.clone(), self.said.without_addition(value, schema));
                    }
                    Some(value) => {
                        refused.push(format!("`{parameter}`: nobody says {value}"));
                    }
                    // "None" and "Any" are titles too.
                    None if required && self.is_title(written.get(parameter), schema) => {
                        args.extend(written.get(parameter).map(|title| (parameter.clone(), title.clone())));
                    }
                    None if required => faults.push(format!("`{name}` needs `{parameter}`")),
                    None => {}
                },
                Err(why) if required => faults.push(format!("`{parameter}`: {why}")),
                Err(why) => refused.push(format!("`{parameter}`: {why}")),
            }
        }
        let known = |p: &&String| !schema::parameters(function).any(|(name, _)| name == *p);
        refused.extend(written.keys().filter(known).map(|p| format!("`{name}` has no parameter `{p}`")));
        if !faults.is_empty() {
            return Err(faults);
        }
        residue::once(&mut args, function, &self.said, refused);
        Ok(FunctionCall { name: name.to_owned(), args })
    }
}

/// The calls as models write them: under `calls`, side by side, one bare, or as tool calls.
fn written(reply: &ChatReply, functions: &[ToolDefinition]) -> Vec<(String, Map<String, Json>)> {
    let call = |json: &Json| {
        let args = json.get("arguments").and_then(Json::as_object).cloned().unwrap_or_default();
        Some((json.get("name")?.as_str()?.to_owned(), args))
    };
    let json = json_in(&reply.content).unwrap_or_default();
    if let Some(calls) = json.get("calls").and_then(Json::as_array) {
        return calls.iter().filter_map(call).collect();
    }
    let plain: Vec<_> = plain_calls(reply, functions).into_iter().map(|c| (c.name, c.args)).collect();
    // A name that there is not is a fault to speak of.
    if plain.is_empty() { call(&json).into_iter().collect() } else { plain }
}

fn again(mut asked: ChatRequest, reply: &ChatReply, faults: &[String]) -> ChatRequest {
    // What was called is told as it is to be written.
    let call = |c: &ToolCallRequest| {
        let arguments = serde_json::from_str(&c.arguments).unwrap_or(Json::String(c.arguments.clone()));
        json!({ "name": c.name, "arguments": arguments })
    };
    asked.messages.push(Message::assistant(match reply.tool_calls.as_slice() {
        [] => reply.content.clone(),
        [one] => call(one).to_string(),
        several => json!({ "calls": several.iter().map(call).collect::<Vec<_>>() }).to_string(),
    }));
    let faults = faults.join("; ");
    asked.messages.push(Message::user(format!(
        "That cannot be used: {faults}. Correct it and reply with the whole JSON object and nothing else."
    )));
    asked
}

#[cfg(test)]
mod tests;
