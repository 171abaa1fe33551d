//! The systems of suites whose cases bring functions along: a model left to itself with the functions as its tools (`unaided`),
//! and the same model behind the agent's reading, schema, resolution and checks (`plan`).

use std::collections::BTreeMap;
use std::sync::Arc;

use segue_agent::PlanningModel;
use segue_agent::model::{CallNext, Callable, Calling, FunctionCall, plain, plain_calls};
use segue_models::{ChatErrorKind, ChatReply, ChatRequest};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::exchanges::Kept;
use super::systems::planning_model;
use super::{AdapterError, Surroundings};
use crate::CaseUsage;
use crate::metrics::planning::Call;
use crate::suite::{CaseError, PlannerName, Suite, System, Variant};

/// The systems of a suite's variants.
#[derive(Debug)]
pub(super) struct Callers(BTreeMap<String, (PlanningModel, bool)>);

/// What a system called for a case, and what it took.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) calls: Vec<FunctionCall>,
    pub(super) usage: CaseUsage,
    /// What the model said that did not count.
    pub(super) refused: Vec<String>,
    /// Why there is no call.
    pub(super) failed: Option<String>,
    /// What the model wrote, reply by reply. Untrusted.
    pub(super) replies: Vec<String>,
}

impl Callers {
    /// Opens the models that a suite's variants need. What they say is kept in the cache under the suite's and their names.
    pub(super) fn new(suite: &Suite, surroundings: &Surroundings) -> Result<Self, AdapterError> {
        let mut callers = BTreeMap::new();
        for variant in &suite.variants {
            let unfit = || {
                AdapterError::Unfit(format!(
                    "variant `{}`: functions are called by `planner = \"plan\"` or \"unaided\", with a `model`",
                    variant.name
                ))
            };
            let System::Agent { planner, model: Some(name), without, prompts, recording: None } =
                &variant.system
            else {
                return Err(unfit());
            };
            if !without.is_empty() || !matches!(planner, PlannerName::Plan | PlannerName::Unaided) {
                return Err(unfit());
            }
            let mut model = planning_model(&variant.name, name, prompts.as_deref(), surroundings)?;
            let folder =
                surroundings.cache.join("exchanges").join(&suite.name).join(file_name(&variant.name));
            let path = folder.join(format!("{}.jsonl", file_name(name)));
            model.model = Arc::new(Kept::new(model.model, &path)?);
            callers.insert(variant.name.clone(), (model, *planner == PlannerName::Unaided));
        }
        Ok(Self(callers))
    }

    /// What the results depend on.
    pub(super) fn depends(&self) -> Vec<(String, String)> {
        let mut parts = Vec::new();
        for (name, (model, _)) in &self.0 {
            parts.push((format!("{name}: model"), model.model.name().to_owned()));
            let hashes = model.prompts.all().filter(|p| p.name == "call").map(|p| p.hash.clone());
            parts.extend(hashes.map(|hash| (format!("{name}: prompt call"), hash)));
        }
        parts
    }

    /// The calls that a variant makes for a case.
    pub(super) async fn call(&self, variant: &Variant, callable: &Callable<'_>) -> Result<Made, CaseError> {
        let no_model = || CaseError(format!("variant `{}` has no model", variant.name));
        let (model, unaided) = self.0.get(&variant.name).ok_or_else(no_model)?;
        let mut made = Made::default();
        if *unaided {
            let request = plain(callable, &model.prompts).map_err(CaseError::of)?;
            match ask(model, &request, &mut made).await? {
                Ok(reply) => made.calls = plain_calls(&reply, callable.functions),
                Err(why) => made.failed = Some(why),
            }
            return Ok(made);
        }
        let mut calling = Calling::new(callable, &model.prompts).map_err(CaseError::of)?;
        loop {
            match calling.next() {
                CallNext::Ask(request) => {
                    let answer = ask(model, &request, &mut made).await?;
                    calling.feed(answer.as_ref().map_err(String::as_str));
                }
                CallNext::Done(called) => {
                    made.calls = called.calls;
                    made.refused = called.refused;
                    made.failed = called.failed;
                    return Ok(made);
                }
            }
        }
    }
}

impl Made {
    /// The names of what was called.
    pub(super) fn tools(&self) -> Vec<String> {
        self.calls.iter().map(|c| c.name.clone()).collect()
    }

    /// The calls as the metrics take them.
    pub(super) fn as_calls(&self) -> Vec<Call> {
        let call = |c: &FunctionCall| Call { tool: c.name.clone(), args: Json::Object(c.args.clone()) };
        self.calls.iter().map(call).collect()
    }

    /// What a person needs to see.
    pub(super) fn detail(&self, request: &str, expected: &Json) -> Json {
        json!({
            "request": request, "expected": expected, "calls": self.as_calls(), "replies": self.replies,
            "refused": self.refused, "failed": self.failed,
        })
    }
}

/// A name as that of a file or folder, which leads nowhere else.
fn file_name(name: &str) -> String {
    let tame = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let dots = |at: usize, c: char| if c == '.' && at > 0 { c } else { tame(c) };
    name.char_indices().map(|(at, c)| dots(at, c)).collect()
}

/// A reply, or why it is of no use. That no model can be reached is no fault of the model, and an error.
async fn ask(
    model: &PlanningModel,
    request: &ChatRequest,
    made: &mut Made,
) -> Result<Result<ChatReply, String>, CaseError> {
    made.usage.model_calls += 1;
    match model.model.complete(request, &mut |_| ()).await {
        Ok(reply) => {
            made.usage.input_tokens += reply.usage.input_tokens;
            made.usage.output_tokens += reply.usage.output_tokens;
            let calls = reply.tool_calls.iter().map(|c| format!("{}({})", c.name, c.arguments));
            made.replies.push([reply.content.clone()].into_iter().chain(calls).collect::<Vec<_>>().join(" "));
            Ok(Ok(reply))
        }
        Err(error) => match error.kind() {
            ChatErrorKind::Truncated | ChatErrorKind::Repetition | ChatErrorKind::Empty => {
                Ok(Err(error.to_string()))
            }
            _ => Err(CaseError::of(error)),
        },
    }
}

/// Cases in an order that the seed draws, the same whatever else there is: by the hash of seed and name.
pub(super) fn draw<T>(cases: &mut [T], seed: u64, name: impl Fn(&T) -> &str) {
    cases.sort_by_cached_key(|case| Sha256::digest(format!("{seed} {}", name(case))));
}
