//! Function calls of the Berkeley Function-Calling Leaderboard (Patil et al., ICML 2025): `BFCL_v4_CATEGORY.json`, a case a line,
//! and `possible_answer_BFCL_v4_CATEGORY.json`. The suite's `parts` are categories of one turn with functions in Python's types:
//! `simple_python`, `parallel`, `multiple`, `parallel_multiple`.
//!
//! Functions are offered with their types in JSON Schema (`dict` is an object, `float` a number), as the leaderboard offers them
//! to models with tool calling. Which category a case is of, no system is told.

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::future::BoxFuture;
use segue_agent::model::Callable;
use segue_models::{Message, Role, ToolDefinition};
use segue_world::fs;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::callers::{Callers, draw};
use super::{AdapterError, Surroundings, digest_of};
use crate::Measure;
use crate::metrics::{Metric, ast};
use crate::suite::{Answered, Case, CaseError, Suite, Task, Variant};

/// The metrics that can be taken.
const METRICS: [&str; 2] = ["ast_match", "tool_f1"];
/// The most calls of one case.
const MOST_CALLS: u32 = 8;

#[derive(Debug, Deserialize)]
struct Line {
    id: String,
    question: Vec<Vec<Said>>,
    function: Vec<Json>,
}

#[derive(Debug, Deserialize)]
struct Said {
    role: Role,
    content: String,
}

#[derive(Debug, Deserialize)]
struct Answer {
    id: String,
    ground_truth: Vec<Json>,
}

#[derive(Debug)]
struct Due {
    case: Case,
    conversation: Vec<Message>,
    described: Vec<Json>,
    functions: Vec<ToolDefinition>,
    answer: Vec<Json>,
}

/// Cases that are ready to run.
#[derive(Debug)]
pub(super) struct Bfcl {
    due: Vec<Due>,
    metrics: Vec<Metric>,
    callers: Callers,
    depends: Vec<(String, String)>,
}

pub(super) fn open(suite: &Suite, folder: &Path, surroundings: &Surroundings) -> Result<Bfcl, AdapterError> {
    if let Some(metric) = suite.metrics.iter().find(|m| !METRICS.contains(&m.to_string().as_str())) {
        let message = format!("`{metric}` cannot be measured on function calls; {} can", METRICS.join(", "));
        return Err(AdapterError::Unfit(message));
    }
    if suite.data.parts.is_empty() {
        let message = "`data` should name the categories in `parts`: [\"simple_python\", \"parallel\"]";
        return Err(AdapterError::Unfit(message.to_owned()));
    }
    let callers = Callers::new(suite, surroundings)?;
    let mut depends = callers.depends();
    depends.push(("seed of the cases".to_owned(), suite.seed.to_string()));
    let mut due = Vec::new();
    for category in &suite.data.parts {
        let questions = folder.join(format!("BFCL_v4_{category}.json"));
        let answers = folder.join(format!("possible_answer_BFCL_v4_{category}.json"));
        due.extend(read(&questions, &answers)?);
        for file in [questions, answers] {
            let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            depends.push((name, digest_of(&file)?));
        }
    }
    draw(&mut due, suite.seed, |d| &d.case.id);
    let limit = suite.data.limit.unwrap_or(usize::MAX).min(due.len());
    // `rest` is what the limit leaves, for those who develop.
    let due = match suite.data.split.as_str() {
        "rest" => due.split_off(limit),
        _ => {
            due.truncate(limit);
            due
        }
    };
    Ok(Bfcl { due, metrics: suite.metrics.clone(), callers, depends })
}

impl Task for Bfcl {
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
            let callable = Callable {
                conversation: &due.conversation,
                functions: &due.functions,
                consent: &[],
                today: None,
                most: MOST_CALLS,
            };
            let made = self.callers.call(variant, &callable).await?;
            let calls = made.as_calls();
            let expected: Vec<&str> = due.answer.iter().filter_map(name_of).collect();
            let tools = made.tools();
            let actual: Vec<&str> = tools.iter().map(String::as_str).collect();
            let of = |metric: &Metric| {
                let name = metric.to_string();
                let measure = match name.as_str() {
                    "tool_f1" => crate::metrics::planning::tool_set(&expected, &actual).f1,
                    _ => Measure::share(usize::from(ast::matches(&due.described, &calls, &due.answer)), 1),
                };
                (name, measure)
            };
            let metrics = self.metrics.iter().map(of).collect();
            let detail = made.detail(&due.case.request, &json!(due.answer));
            Ok(Answered {
                metrics,
                usage: made.usage,
                tools: tools.clone(),
                fallback: None,
                shown: Vec::new(),
                detail,
            })
        })
    }
}

fn name_of(call: &Json) -> Option<&str> {
    call.as_object()?.keys().next().map(String::as_str)
}

fn read(questions: &Path, answers: &Path) -> Result<Vec<Due>, AdapterError> {
    let answers = lines::<Answer>(answers)?.into_iter().map(|(_, a)| (a.id, a.ground_truth));
    let mut answers: BTreeMap<String, Vec<Json>> = answers.collect();
    let mut due = Vec::new();
    for (line, Line { id, question, function }) in lines::<Line>(questions)? {
        let wrong = |message: String| AdapterError::Wrong { path: questions.to_owned(), line, message };
        let answer = answers.remove(&id).ok_or_else(|| wrong(format!("`{id}` has no possible answer")))?;
        let conversation: Vec<Message> = question
            .into_iter()
            .flatten()
            .map(|said| Message { role: said.role, ..Message::user(said.content) })
            .collect();
        let request = conversation.last().map(|m| m.content.clone()).unwrap_or_default();
        let functions = function
            .iter()
            .map(definition)
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| wrong(format!("a function of `{id}` has no name")))?;
        let case = Case { cluster: id.clone(), id, request };
        due.push(Due { case, conversation, described: function, functions, answer });
    }
    Ok(due)
}

fn lines<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Vec<(usize, T)>, AdapterError> {
    let text = fs::read_to_string(path)?;
    let read = |(i, line): (usize, &str)| {
        let wrong = |e: serde_json::Error| AdapterError::Wrong {
            path: path.to_owned(),
            line: i + 1,
            message: e.to_string(),
        };
        Ok((i + 1, serde_json::from_str(line).map_err(wrong)?))
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(read).collect()
}

fn definition(described: &Json) -> Option<ToolDefinition> {
    let text = |key: &str| described.get(key).and_then(Json::as_str).map(str::to_owned);
    Some(ToolDefinition {
        name: text("name")?,
        description: text("description").unwrap_or_default(),
        parameters: described.get("parameters").map(json_schema).unwrap_or_default(),
    })
}

/// A schema in Python's types as JSON Schema.
fn json_schema(schema: &Json) -> Json {
    let Json::Object(schema) = schema else { return schema.clone() };
    let each = |(name, value): (&String, &Json)| {
        let value = match (name.as_str(), value) {
            ("type", Json::String(kind)) => match kind.as_str() {
                "dict" => "object".into(),
                "float" => "number".into(),
                "tuple" => "array".into(),
                // The checker wants a text for what may be anything.
                "any" => "string".into(),
                other => other.into(),
            },
            ("properties", Json::Object(properties)) => properties
                .iter()
                .map(|(name, s)| (name.clone(), json_schema(s)))
                .collect::<Map<_, _>>()
                .into(),
            ("items", items) => json_schema(items),
            _ => value.clone(),
        };
        (name.clone(), value)
    };
    Json::Object(schema.iter().map(each).collect())
}
