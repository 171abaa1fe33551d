//! Plans: which calls, with which arguments, each restricted to what earlier ones found.

mod schema;
mod validate;

use schemars::JsonSchema;
use segue_catalog::Suggestion;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

pub(crate) use self::schema::hoist;
use crate::ToolSpec;

/// The name of an earlier step (`s1`) or of a candidate set of this session (`c3`).
pub type StepRef = String;

/// What to do, in which order: a directed acyclic graph of tool calls. A step depends on the step it is
/// `within` and on those that its arguments name; steps that do not depend on each other run side by side.
/// The answer is made from the last step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The calls, each after those it depends on.
    pub steps: Vec<Step>,
}

/// One tool call of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// A name for this step, unique in the plan: `s1`, `s2`, …
    pub id: String,
    /// The tool's name.
    pub tool: String,
    /// The tool's arguments.
    #[serde(default)]
    pub args: Json,
    /// The step or set outside which nothing may be returned.
    #[serde(default)]
    pub within: Option<StepRef>,
}

/// What is wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{message}{}", nearest_to(.nearest))]
pub struct PlanError {
    /// The step it is about.
    pub step: String,
    /// What is wrong.
    pub message: String,
    /// The nearest real names.
    pub nearest: Vec<Suggestion>,
}

fn nearest_to(nearest: &[Suggestion]) -> String {
    match nearest.iter().map(|s| format!("`{}`", s.value)).collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => none,
        some => format!("; nearest: {some}"),
    }
}

impl Plan {
    /// The positions of the steps that each step needs: those it names that come before it. Names of sets of
    /// earlier turns give none.
    pub fn dependencies(&self, specs: &[ToolSpec]) -> Vec<Vec<usize>> {
        let needed = |(at, step): (usize, &Step)| {
            let set_args = spec_of(specs, &step.tool).map_or(&[][..], |s| &s.set_args);
            let mut needs: Vec<usize> = step
                .references(set_args)
                .filter_map(|name| self.steps.iter().take(at).position(|s| s.id == name))
                .collect();
            needs.sort_unstable();
            needs.dedup();
            needs
        };
        self.steps.iter().enumerate().map(needed).collect()
    }

    /// The positions of the steps in waves: each wave needs only the ones before it, and its steps can run side
    /// by side.
    pub fn waves(&self, specs: &[ToolSpec]) -> Vec<Vec<usize>> {
        let mut wave_of: Vec<usize> = Vec::with_capacity(self.steps.len());
        let mut waves: Vec<Vec<usize>> = Vec::new();
        for (at, needs) in self.dependencies(specs).iter().enumerate() {
            let wave = needs.iter().filter_map(|&n| wave_of.get(n)).max().map_or(0, |w| w + 1);
            wave_of.push(wave);
            match waves.get_mut(wave) {
                Some(steps) => steps.push(at),
                None => waves.push(vec![at]),
            }
        }
        waves
    }
}

impl Step {
    /// The steps and sets that this step names: the one it is within, then those in these arguments.
    pub(crate) fn references<'a>(&'a self, set_args: &'a [String]) -> impl Iterator<Item = &'a str> {
        let named = set_args.iter().filter_map(|arg| self.args.get(arg)).flat_map(names_in);
        self.within.as_deref().into_iter().chain(named)
    }

    /// Replaces the names by which the step refers to others.
    pub(crate) fn rename(&mut self, set_args: &[String], new: impl Fn(&str) -> Option<String>) {
        if let Some(name) = &mut self.within {
            *name = new(name).unwrap_or_else(|| std::mem::take(name));
        }
        for arg in set_args {
            match self.args.get_mut(arg) {
                Some(Json::String(name)) => *name = new(name).unwrap_or_else(|| std::mem::take(name)),
                Some(Json::Array(names)) => {
                    for name in names {
                        if let Some(renamed) = name.as_str().and_then(&new) {
                            *name = Json::String(renamed);
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

/// The names in an argument that takes one or several.
pub(crate) fn names_in(arg: &Json) -> impl Iterator<Item = &str> {
    let one = arg.as_str();
    let many = arg.as_array().into_iter().flatten().filter_map(Json::as_str);
    one.into_iter().chain(many)
}

fn spec_of<'a>(specs: &'a [ToolSpec], tool: &str) -> Option<&'a ToolSpec> {
    specs.iter().find(|s| s.name == tool)
}

#[cfg(test)]
mod tests;
