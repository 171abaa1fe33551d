use segue_catalog::Suggestion;
use serde_json::Value as Json;

use super::{Plan, PlanError, Step, spec_of};
use crate::ToolSpec;

impl Plan {
    /// Everything that is wrong with the plan's shape: names that are not unique, tools that do not exist, and
    /// references to what is neither an earlier step nor one of the `known` sets. As every reference goes
    /// backwards, a plan without errors has no cycles. What arguments mean is for the tools to check.
    pub fn validate(&self, specs: &[ToolSpec], known: &[&str]) -> Vec<PlanError> {
        let mut errors = Vec::new();
        for (at, step) in self.steps.iter().enumerate() {
            let (earlier, rest) = self.steps.split_at(at);
            errors.extend(check_name(step, earlier, known));
            errors.extend(check_tool(step, specs));
            let set_args = spec_of(specs, &step.tool).map_or(&[][..], |s| &s.set_args);
            let mut seen: Vec<&str> = Vec::new();
            for name in step.references(set_args) {
                if !seen.contains(&name) {
                    seen.push(name);
                    errors.extend(check_reference(step, name, earlier, rest, known));
                }
            }
        }
        errors
    }
}

fn check_name(step: &Step, earlier: &[Step], known: &[&str]) -> Option<PlanError> {
    let id = &step.id;
    if id.trim().is_empty() {
        return Some(error(step, "a step has no `id`; name it, as in `s1`".to_owned()));
    }
    if earlier.iter().any(|s| s.id == *id) {
        return Some(error(step, format!("two steps are named `{id}`; give each its own `id`")));
    }
    known.contains(&id.as_str()).then(|| {
        error(step, format!("`{id}` is the name of a candidate set already; name the step otherwise"))
    })
}

fn check_tool(step: &Step, specs: &[ToolSpec]) -> Option<PlanError> {
    let Step { id, tool, args, .. } = step;
    if spec_of(specs, tool).is_none() {
        let nearest = nearest(tool, specs.iter().map(|s| s.name.as_str()));
        let message = format!("step `{id}` calls `{tool}`, and there is no such tool");
        return Some(PlanError { nearest, ..error(step, message) });
    }
    (!matches!(args, Json::Object(_) | Json::Null)).then(|| {
        error(
            step,
            format!("the `args` of step `{id}` are not an object; write them as `{{\"name\": value}}`"),
        )
    })
}

fn check_reference(
    step: &Step,
    name: &str,
    earlier: &[Step],
    rest: &[Step],
    known: &[&str],
) -> Option<PlanError> {
    if known.contains(&name) || earlier.iter().any(|s| s.id == name) {
        return None;
    }
    let id = &step.id;
    if name == id {
        return Some(error(step, format!("step `{id}` depends on itself; name an earlier step")));
    }
    if rest.iter().any(|s| s.id == name) {
        let message = format!("step `{id}` depends on `{name}`, which comes later; put `{name}` first");
        return Some(error(step, message));
    }
    let candidates = earlier.iter().map(|s| s.id.as_str()).chain(known.iter().copied());
    let message =
        format!("step `{id}` depends on `{name}`, which is neither an earlier step nor a known set");
    Some(PlanError { nearest: nearest(name, candidates), ..error(step, message) })
}

fn error(step: &Step, message: String) -> PlanError {
    PlanError { step: step.id.clone(), message, nearest: Vec::new() }
}

fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<Suggestion> {
    let mut candidates: Vec<_> = candidates.collect();
    candidates.sort_by_key(|c| strsim::damerau_levenshtein(c, name));
    candidates.into_iter().take(3).map(|value| Suggestion { value: value.to_owned(), count: 0 }).collect()
}
