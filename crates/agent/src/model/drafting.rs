//! A whole plan in one reply.

use segue_catalog::Catalog;
use segue_models::{ChatReply, ChatRequest, JsonSchemaFormat, Message, json_in};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::asking::{situation, steady};
use super::assemble::{Call, assemble};
use super::linking::{Ground, Heard, Listener, nearest};
use super::{PromptError, Prompts, brief, offer};
use crate::rules::Compiler;
use crate::{Intent, Plan, Reading, ShownItem, ToolRole, ToolSpec};

/// The prompt's name.
pub(crate) const PROMPT: &str = "plan";
/// Room for three searches and two conditions.
const MAX_TOKENS: u32 = 400;
/// Steps of one plan, as the model writes it.
const MOST_STEPS: usize = 6;
/// How often a plan that has faults is asked for again.
const REPAIRS: u32 = 1;

/// What the driver is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum DraftNext {
    /// Ask the model this, and feed back what comes.
    Ask(Box<ChatRequest>),
    /// There is a plan, or there will be none.
    Done(Box<Drafted>),
}

/// A request with the plan that a model made for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drafted {
    /// The reading, with what the model added.
    pub reading: Reading,
    /// The plan; `None` if the model was not asked, or is of no help.
    pub plan: Option<Plan>,
    /// What held of the first plan, where it was asked for again.
    #[serde(default)]
    pub first: Option<Plan>,
    /// What the model said that did not count, and why.
    pub refused: Vec<String>,
    /// Why the model is of no help, if it is not.
    pub failed: Option<String>,
}

/// The machine. It can be written out between a question and its answer, and read back elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drafting {
    request: String,
    turn: u32,
    k: usize,
    state: Drafted,
    pending: Option<ChatRequest>,
    repairs: u32,
}

impl Drafting {
    /// For a request that the rules have read, whose answer shows `k` items. Where no search is wanted, nothing is asked.
    pub fn new(
        request: &str,
        (turn, k): (u32, usize),
        reading: Reading,
        shown: &[ShownItem],
        (catalog, specs): (&Catalog, &[ToolSpec]),
        prompts: &Prompts,
    ) -> Result<Self, PromptError> {
        let wanted = matches!(reading.intent, Intent::Search | Intent::Count);
        let pending = wanted.then(|| ask(request, &reading, shown, catalog, specs, prompts)).transpose()?;
        let state = Drafted { reading, plan: None, first: None, refused: Vec::new(), failed: None };
        Ok(Self { request: request.to_owned(), turn, k, state, pending, repairs: 0 })
    }

    /// What to do now.
    pub fn next(&self) -> DraftNext {
        match &self.pending {
            Some(request) => DraftNext::Ask(Box::new(request.clone())),
            None => DraftNext::Done(Box::new(self.state.clone())),
        }
    }

    /// Takes the model's answer, or why there is none. A plan with faults is asked for once more, with all of them; what
    /// is still faulty then is left out, and if nothing else is there the model is of no help.
    pub fn feed(&mut self, answer: Result<&ChatReply, &str>, ground: &Ground<'_>) {
        let Some(asked) = self.pending.take() else { return };
        let reply = match answer {
            Ok(reply) => reply,
            Err(error) => {
                self.state.failed = Some(error.to_owned());
                return;
            }
        };
        let Some(steps) = steps_in(&reply.content) else {
            let fault = "there is no JSON object with `steps` in it".to_owned();
            self.again(asked, reply, Plan::default(), &[fault]);
            return;
        };
        let mut state = Drafted { refused: self.state.refused.clone(), ..self.state.clone() };
        let mut listener = Listener {
            ground: *ground,
            request: &self.request,
            turn: self.turn,
            reading: &mut state.reading,
            refused: &mut state.refused,
            seen: &[],
        };
        let (mut calls, mut faults) = (Vec::new(), Vec::new());
        for (n, step) in (1..).zip(&steps) {
            let (spec, heard) = hear(&mut listener, ground.specs, step);
            faults.extend(heard.faults.into_iter().map(|why| format!("step {n}: {why}")));
            calls.extend(spec.map(|spec| Call { spec, what: heard.what }));
        }
        let is_nothing = calls.iter().all(|c| c.what.is_none());
        let catalog = ground.snapshot.catalog();
        let compiler = Compiler { catalog, specs: ground.specs, steps: Vec::new() };
        let plan = Plan { steps: assemble(calls, &mut state.reading, self.k, compiler) };
        if !faults.is_empty() && (is_nothing || self.repairs < REPAIRS) {
            return self.again(asked, reply, plan, &faults);
        }
        state.refused.extend(faults);
        state.plan = Some(plan);
        self.state = state;
    }

    fn again(&mut self, mut asked: ChatRequest, reply: &ChatReply, plan: Plan, faults: &[String]) {
        self.state.first.get_or_insert(plan);
        if self.repairs >= REPAIRS {
            self.state.failed = Some(format!("its plan cannot be used: {}", faults.join("; ")));
            return;
        }
        self.repairs += 1;
        asked.messages.push(Message::assistant(&reply.content));
        let text = format!(
            "That cannot be used: {}. Correct it and reply with the whole JSON object and nothing else.",
            faults.join("; ")
        );
        asked.messages.push(Message::user(text));
        self.pending = Some(asked);
    }
}

/// The steps of a plan as models write them: under `steps`, or one bare.
fn steps_in(content: &str) -> Option<Vec<Json>> {
    let json = json_in(content)?;
    match json.get("steps") {
        Some(Json::Array(steps)) => Some(steps.iter().take(MOST_STEPS).cloned().collect()),
        Some(_) => None,
        None => json.get("tool").is_some().then(|| vec![json]),
    }
}

fn hear<'a>(
    listener: &mut Listener<'_>,
    specs: &'a [ToolSpec],
    step: &Json,
) -> (Option<&'a ToolSpec>, Heard) {
    let fault = |text: String| (None, Heard { what: None, faults: vec![text] });
    let Json::Object(step) = step else { return fault(format!("{step} is no step; a step is an object")) };
    let Some(tool) = step.get("tool").and_then(Json::as_str) else {
        return fault("it names no `tool`".to_owned());
    };
    let Some(spec) = specs.iter().find(|s| s.name == tool) else {
        let names = nearest(tool, specs.iter().map(|s| s.name.as_str()));
        return fault(format!("there is no tool `{tool}`; nearest: {}", names.join(", ")));
    };
    let mut args: Map<String, Json> = step.iter().filter(|(k, _)| *k != "tool").map(own).collect();
    for wrapped in ["args", "arguments"] {
        if let Some(Json::Object(inner)) = args.get(wrapped).cloned() {
            args.extend(inner);
            args.shift_remove(wrapped);
        }
    }
    let heard = listener.hear(spec, &args);
    (Some(spec), heard)
}

fn own((name, value): (&String, &Json)) -> (String, Json) {
    (name.clone(), value.clone())
}

fn ask(
    request: &str,
    reading: &Reading,
    shown: &[ShownItem],
    catalog: &Catalog,
    specs: &[ToolSpec],
    prompts: &Prompts,
) -> Result<ChatRequest, PromptError> {
    let named = |role| specs.iter().find(|s| s.role == role).map(|s| s.name.as_str());
    let inputs = json!({
        "noun": catalog.noun,
        "tools": offer::offers(specs, catalog),
        "fields": brief::fields(catalog),
        "examples": examples(catalog, &named),
        "filter": named(ToolRole::Filter).unwrap_or("a condition"),
    });
    let system = prompts.get(PROMPT)?.render(inputs)?;
    let mut chat = steady(system, situation(request, reading, shown), MAX_TOKENS);
    let schema = offer::plan_schema(specs, catalog, MOST_STEPS);
    chat.format = Some(JsonSchemaFormat { name: PROMPT.to_owned(), schema });
    Ok(chat)
}

/// Worked examples: those of the words that are left, as whole plans, and one of a likeness.
fn examples<'a>(catalog: &Catalog, named: &dyn Fn(ToolRole) -> Option<&'a str>) -> Vec<Json> {
    let mut examples = Vec::new();
    for example in brief::examples(catalog) {
        let Ok(reply) = serde_json::from_str::<Json>(&example.reply) else { continue };
        let mut steps = Vec::new();
        let conditions = reply.get("conditions").filter(|c| c.as_array().is_some_and(|c| !c.is_empty()));
        if let (Some(conditions), Some(tool)) = (conditions, named(ToolRole::Filter)) {
            steps.push(json!({"tool": tool, "conditions": conditions}));
        }
        let query = reply.get("search").filter(|q| q.as_str().is_some_and(|q| !q.is_empty()));
        for role in [ToolRole::Lexical, ToolRole::Dense] {
            if let (Some(query), Some(tool)) = (query, named(role)) {
                steps.push(json!({"tool": tool, "query": query}));
            }
        }
        examples.push(json!({"request": example.request, "reply": json!({"steps": steps}).to_string()}));
    }
    if let Some(tool) = named(ToolRole::Similar) {
        let steps = json!({"steps": [{"tool": tool, "like": ["#2"]}]});
        examples.push(json!({"request": "more like the second one", "reply": steps.to_string()}));
    }
    examples
}
