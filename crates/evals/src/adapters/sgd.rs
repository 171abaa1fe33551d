//! Schema-guided dialogues (Rastogi et al., AAAI 2020): `SPLIT.jsonl.gz` (or `SPLIT.jsonl`), a dialogue a line, and
//! `schema_SPLIT.json`.
//!
//! A case is a turn of the system in which it calls a service: the dialogue up to there, the intents of that service as functions,
//! and the call that it makes, which has the canonical values. Dialogues are dated: "tomorrow" counts from 1 March 2019, and
//! services take days as YYYY-MM-DD, which every system is told.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use futures_util::future::BoxFuture;
use jiff::civil::Date;
use segue_agent::model::Callable;
use segue_models::{Message, ToolDefinition};
use segue_world::fs;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::callers::{Callers, Made, draw};
use super::{AdapterError, Surroundings, digest_of};
use crate::Measure;
use crate::metrics::Metric;
use crate::metrics::slots::{ServiceCall, measure};
use crate::suite::{Answered, Case, CaseError, Suite, Task, Variant};

/// The day on which the dialogues take place.
const TODAY: Date = Date::constant(2019, 3, 1);
/// The metrics that can be taken.
const METRICS: [&str; 4] = ["call_exact", "joint_slots", "slot_accuracy", "method_accuracy"];
/// What every system is told of transactional intents, which the dialogues confirm first.
const CONSENT: &str = "only after the user has confirmed it";
/// What stands for "any value": the same as no value.
const NO_VALUE: &str = "dontcare";
/// Drawn cases are done in blocks, service by service: a server then reads the functions of a service once a block.
const BLOCK: usize = 20;

#[derive(Debug, Deserialize)]
struct Dialogue {
    dialogue_id: String,
    turns: Vec<Turn>,
}

#[derive(Debug, Deserialize)]
struct Turn {
    speaker: String,
    utterance: String,
    frames: Vec<Frame>,
}

#[derive(Debug, Deserialize)]
struct Frame {
    service: String,
    service_call: Option<CallSpec>,
}

#[derive(Debug, Deserialize)]
struct CallSpec {
    method: String,
    parameters: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Schema {
    service_name: String,
    slots: Vec<Slot>,
    intents: Vec<Intent>,
}

#[derive(Debug, Deserialize)]
struct Slot {
    name: String,
    description: String,
    is_categorical: bool,
    possible_values: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Intent {
    name: String,
    description: String,
    #[serde(default)]
    is_transactional: bool,
    required_slots: Vec<String>,
    optional_slots: Map<String, Json>,
}

/// A service as functions.
#[derive(Debug)]
struct Service {
    functions: Vec<ToolDefinition>,
    /// The transactional ones.
    consent: Vec<String>,
    categorical: BTreeSet<String>,
}

#[derive(Debug)]
struct Due {
    case: Case,
    service: String,
    conversation: Vec<Message>,
    expected: ServiceCall,
}

/// Dialogues that are ready to run.
#[derive(Debug)]
pub(super) struct Sgd {
    services: BTreeMap<String, Service>,
    due: Vec<Due>,
    metrics: Vec<Metric>,
    callers: Callers,
    depends: Vec<(String, String)>,
}

pub(super) fn open(suite: &Suite, folder: &Path, surroundings: &Surroundings) -> Result<Sgd, AdapterError> {
    if let Some(metric) = suite.metrics.iter().find(|m| !METRICS.contains(&m.to_string().as_str())) {
        let message = format!("`{metric}` cannot be measured on service calls; {} can", METRICS.join(", "));
        return Err(AdapterError::Unfit(message));
    }
    let split = &suite.data.split;
    let schema = folder.join(format!("schema_{split}.json"));
    let services = read_services(&schema)?;
    if let Some(name) = suite.data.parts.iter().find(|name| !services.contains_key(*name)) {
        let known = services.keys().cloned().collect::<Vec<_>>().join(", ");
        return Err(AdapterError::Unfit(format!(
            "there is no service `{name}` in `{split}`; there are {known}"
        )));
    }
    let packed = folder.join(format!("{split}.jsonl.gz"));
    let file = if fs::exists(&packed) { packed } else { folder.join(format!("{split}.jsonl")) };
    let mut due = read_cases(&file, &suite.data.parts)?;
    draw(&mut due, suite.seed, |d| &d.case.id);
    due.truncate(suite.data.limit.unwrap_or(usize::MAX));
    for block in due.chunks_mut(BLOCK) {
        block.sort_by(|a, b| a.service.cmp(&b.service));
    }
    let callers = Callers::new(suite, surroundings)?;
    let mut depends = callers.depends();
    depends.push(("dialogues".to_owned(), digest_of(&file)?));
    depends.push(("schema".to_owned(), digest_of(&schema)?));
    depends.push(("seed of the cases".to_owned(), suite.seed.to_string()));
    Ok(Sgd { services, due, metrics: suite.metrics.clone(), callers, depends })
}

impl Task for Sgd {
    fn count(&self) -> usize {
        self.due.len()
    }

    fn cases(&self) -> Box<dyn Iterator<Item = Result<Case, AdapterError>> + Send + '_> {
        Box::new(self.due.iter().map(|d| Ok(d.case.clone())))
    }

    fn depends(&self) -> Vec<(String, String)> {
        self.depends.clone()
    }

    fn answer<'a>(
        &'a self,
        variant: &'a Variant,
        case: &'a Case,
    ) -> BoxFuture<'a, Result<Answered, CaseError>> {
        Box::pin(async move {
            let unknown = || CaseError(format!("there is no case `{}`", case.id));
            let due = self.due.iter().find(|d| d.case.id == case.id).ok_or_else(unknown)?;
            let service = self.services.get(&due.service).ok_or_else(unknown)?;
            let callable = Callable {
                conversation: &due.conversation,
                functions: &service.functions,
                consent: &service.consent,
                today: Some(TODAY),
                // A frame of these dialogues has one call at most.
                most: 1,
            };
            let made = self.callers.call(variant, &callable).await?;
            let measures = measure(&due.expected, called(&made).as_ref(), &service.categorical);
            let of = |metric: &Metric| -> (String, Measure) {
                let name = metric.to_string();
                let measure = match name.as_str() {
                    "joint_slots" => measures.joint,
                    "slot_accuracy" => measures.slots,
                    "method_accuracy" => measures.method,
                    _ => measures.exact,
                };
                (name, measure)
            };
            let expected = json!({ "name": due.expected.method, "args": due.expected.slots });
            Ok(Answered {
                metrics: self.metrics.iter().map(of).collect(),
                usage: made.usage,
                tools: made.tools(),
                fallback: None,
                shown: Vec::new(),
                detail: made.detail(&due.case.request, &expected),
            })
        })
    }
}

/// The first call as text; what is "don't care" is absent.
fn called(made: &Made) -> Option<ServiceCall> {
    let call = made.calls.first()?;
    let text = |value: &Json| match value {
        Json::String(text) => text.clone(),
        // As the services write them.
        Json::Bool(true) => "True".to_owned(),
        Json::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    };
    let said = |(slot, value): (&String, &Json)| {
        let value = text(value);
        let says_nothing = value.is_empty() || value == NO_VALUE || value == "null";
        (!says_nothing).then(|| (slot.clone(), value))
    };
    Some(ServiceCall { method: call.name.clone(), slots: call.args.iter().filter_map(said).collect() })
}

fn read_services(path: &Path) -> Result<BTreeMap<String, Service>, AdapterError> {
    let text = fs::read_to_string(path)?;
    let wrong = |e: serde_json::Error| AdapterError::Wrong {
        path: path.to_owned(),
        line: e.line(),
        message: e.to_string(),
    };
    let schemas: Vec<Schema> = serde_json::from_str(&text).map_err(wrong)?;
    Ok(schemas.into_iter().map(|s| (s.service_name.clone(), service(&s))).collect())
}

fn service(schema: &Schema) -> Service {
    let parameter = |name: &str| {
        let slot = schema.slots.iter().find(|s| s.name == name);
        let about = slot.map_or("", |s| &s.description);
        let is_date = name.split('_').any(|word| word == "date");
        match slot.filter(|s| s.is_categorical) {
            Some(slot) => json!({ "type": "string", "description": about, "enum": slot.possible_values }),
            None if is_date => json!({ "type": "string", "description": about, "format": "date" }),
            None => json!({ "type": "string", "description": about }),
        }
    };
    let function = |intent: &Intent| {
        let names = intent.required_slots.iter().chain(intent.optional_slots.keys());
        let properties: Map<String, Json> = names.map(|n| (n.clone(), parameter(n))).collect();
        ToolDefinition {
            name: intent.name.clone(),
            description: match intent.is_transactional {
                true => format!("{}; {CONSENT}", intent.description),
                false => intent.description.clone(),
            },
            parameters: json!({
                "type": "object", "properties": properties, "required": intent.required_slots
            }),
        }
    };
    let transactional = schema.intents.iter().filter(|i| i.is_transactional);
    Service {
        consent: transactional.map(|i| i.name.clone()).collect(),
        functions: schema.intents.iter().map(function).collect(),
        categorical: schema.slots.iter().filter(|s| s.is_categorical).map(|s| s.name.clone()).collect(),
    }
}

/// The calls of these services; of all if none is named.
fn read_cases(path: &Path, services: &[String]) -> Result<Vec<Due>, AdapterError> {
    let file = fs::open(path)?;
    let is_packed = path.extension().is_some_and(|e| e == "gz");
    let file: Box<dyn Read> = if is_packed { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
    let mut due = Vec::new();
    for (i, line) in BufReader::new(file).lines().enumerate() {
        let wrong = |message: String| AdapterError::Wrong { path: path.to_owned(), line: i + 1, message };
        let line = line.map_err(|e| wrong(e.to_string()))?;
        if line.trim().is_empty() {
            continue;
        }
        let dialogue: Dialogue = serde_json::from_str(&line).map_err(|e| wrong(e.to_string()))?;
        let mut conversation: Vec<Message> = Vec::new();
        for (turn_at, turn) in dialogue.turns.into_iter().enumerate() {
            for frame in turn.frames {
                let Some(call) = frame.service_call else { continue };
                if !services.is_empty() && !services.contains(&frame.service) {
                    continue;
                }
                let request = conversation.last().map(|m| m.content.clone()).unwrap_or_default();
                let id = format!("{}/{turn_at}/{}", dialogue.dialogue_id, frame.service);
                let known = |(_, value): &(String, String)| value != NO_VALUE;
                due.push(Due {
                    case: Case { id, cluster: dialogue.dialogue_id.clone(), request },
                    service: frame.service,
                    conversation: conversation.clone(),
                    expected: ServiceCall {
                        method: call.method,
                        slots: call.parameters.into_iter().filter(known).collect(),
                    },
                });
            }
            conversation.push(match turn.speaker.as_str() {
                "USER" => Message::user(turn.utterance),
                _ => Message::assistant(turn.utterance),
            });
        }
    }
    Ok(due)
}
