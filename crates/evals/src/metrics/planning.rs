//! Planning metrics: whether the right tools were called, in the right order, with the right arguments.

use std::collections::BTreeSet;

use segue_agent::{CallAnswer, ErrorKind, Plan, ToolSpec};
use segue_catalog::{Catalog, Predicate};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::predicates::{meanings, same};
use crate::Measure;

/// A call of a tool, expected or made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The tool's name.
    pub tool: String,
    /// Its arguments, by name.
    #[serde(default)]
    pub args: Json,
}

/// 1 if the plan holds together, calls tools that there are, and every tool accepted its arguments; else 0. `known` are the sets
/// of earlier turns; `answers` what came of the calls. `plan_validity`.
pub fn plan_validity(plan: &Plan, specs: &[ToolSpec], known: &[&str], answers: &[CallAnswer]) -> Measure {
    let refused = |answer: &CallAnswer| {
        use ErrorKind::{InvalidArguments, NotFound, UnknownSet, UnknownTool};
        let kind = answer.error().map(|e| e.kind);
        matches!(kind, Some(InvalidArguments | NotFound | UnknownSet | UnknownTool))
    };
    let valid = plan.validate(specs, known).is_empty() && !answers.iter().any(refused);
    Measure::share(usize::from(valid), 1)
}

/// The expected conditions that hold in the plan, of those expected. `first_arguments` of the first plan, `final_arguments`
/// of what was executed.
pub fn arguments(expected: &[Predicate], actual: &[Predicate], catalog: Option<&Catalog>) -> Measure {
    let (expected, actual) = (meanings(expected, catalog), meanings(actual, catalog));
    Measure::share(expected.intersection(&actual).count(), expected.len())
}

/// The conditions of the plan that were not expected, of those of the plan. `unasked_arguments`.
pub fn unasked_arguments(expected: &[Predicate], actual: &[Predicate], catalog: Option<&Catalog>) -> Measure {
    let (expected, actual) = (meanings(expected, catalog), meanings(actual, catalog));
    Measure::share(actual.difference(&expected).count(), actual.len())
}

/// The measures of a case's set of tools.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ToolSet {
    /// `tool_precision`.
    pub precision: Measure,
    /// `tool_recall`.
    pub recall: Measure,
    /// `tool_f1`.
    pub f1: Measure,
}

/// How well the set of tools called is the one expected. 1 where none was to be called and none was.
pub fn tool_set(expected: &[&str], actual: &[&str]) -> ToolSet {
    let (expected, actual): (BTreeSet<_>, BTreeSet<_>) = (expected.iter().collect(), actual.iter().collect());
    let right = expected.intersection(&actual).count() as f64;
    let of = |whole: usize, other: usize| match (whole, other) {
        (0, 0) => 1.0,
        (0, _) => 0.0,
        (whole, _) => right / whole as f64,
    };
    let f1 = match expected.len() + actual.len() {
        0 => 1.0,
        both => 2.0 * right / both as f64,
    };
    ToolSet {
        precision: Measure::one(of(actual.len(), expected.len())),
        // Nothing was expected: nothing is missing.
        recall: Measure::one(of(expected.len(), 0)),
        f1: Measure::one(f1),
    }
}

/// 1 if the tools called are those expected, in their order; else 0. `order_exact`.
pub fn order_exact(expected: &[&str], actual: &[&str]) -> Measure {
    Measure::share(usize::from(expected == actual), 1)
}

/// Kendall's tau of the calls that both have, the n-th call of a tool being that of the other's n-th. Weight 0 where they share
/// fewer than two. `order_tau`.
pub fn order_tau(expected: &[&str], actual: &[&str]) -> Measure {
    let (expected, actual) = (numbered(expected), numbered(actual));
    let places: Vec<usize> =
        expected.iter().filter_map(|call| actual.iter().position(|other| other == call)).collect();
    let mut sum = 0_i64;
    for (at, place) in places.iter().enumerate() {
        sum += places.iter().skip(at + 1).map(|later| if later > place { 1 } else { -1 }).sum::<i64>();
    }
    match places.len() * places.len().saturating_sub(1) / 2 {
        0 => Measure::share(0, 0),
        pairs => Measure::one(sum as f64 / pairs as f64),
    }
}

/// Each call with how many of the same tool there were before.
fn numbered<'a>(tools: &[&'a str]) -> Vec<(&'a str, usize)> {
    let before = |at: usize, tool: &str| tools.iter().take(at).filter(|t| **t == tool).count();
    tools.iter().enumerate().map(|(at, tool)| (*tool, before(at, tool))).collect()
}

/// The expected calls that were made with the same arguments, of the calls expected or made. `call_accuracy`.
pub fn call_accuracy(expected: &[Call], actual: &[Call], catalog: Option<&Catalog>) -> Measure {
    let mut left: Vec<&Call> = actual.iter().collect();
    for call in expected {
        let is = |other: &&Call| other.tool == call.tool && equal(&other.args, &call.args, catalog);
        if let Some(at) = left.iter().position(is) {
            left.swap_remove(at);
        }
    }
    let right = actual.len() - left.len();
    match expected.len() + left.len() {
        // None was to be made, and none was.
        0 => Measure::share(1, 1),
        all => Measure::share(right, all),
    }
}

/// True if two arguments mean the same: numbers as numbers, text after folding, predicates by meaning, what is null as absent.
pub fn equal(a: &Json, b: &Json, catalog: Option<&Catalog>) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Json::String(a), Json::String(b)) => {
            a == b || segue_catalog::text::fold(a) == segue_catalog::text::fold(b)
        }
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b, catalog))
        }
        (Json::Object(x), Json::Object(y)) => {
            if let (Some(p), Some(q)) = (predicate(a), predicate(b)) {
                return same(&p, &q, catalog);
            }
            let has = |of: &Json| !of.is_null();
            let count = |of: &serde_json::Map<String, Json>| of.values().filter(|v| has(v)).count();
            let there =
                |(name, value): (&String, &Json)| y.get(name).is_some_and(|o| equal(value, o, catalog));
            count(x) == count(y) && x.iter().filter(|(_, value)| has(value)).all(there)
        }
        // No arguments are written in two ways.
        (Json::Null, Json::Object(o)) | (Json::Object(o), Json::Null) => o.values().all(Json::is_null),
        _ => a == b,
    }
}

/// The predicate that an argument is, if it has the shape of one.
fn predicate(json: &Json) -> Option<Predicate> {
    ["field", "all", "any", "not"].iter().any(|key| json.get(key).is_some()).then_some(())?;
    serde_json::from_value(json.clone()).ok()
}
