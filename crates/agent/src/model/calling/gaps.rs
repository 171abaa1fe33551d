//! What of a request for several calls no call has used, and what tells that there is more to call for.

use std::collections::BTreeSet;

use segue_catalog::text::squash;
use segue_models::ToolDefinition;
use serde_json::Value as Json;

use super::proposal::parts;
use super::said::{Said, joined_words, same_stem, telling};
use super::tokens::{Token, tokens};
use super::values::number;
use super::{FunctionCall, schema};
use crate::rules::is_filling;

/// Words that announce more than one wish.
const ANNOUNCING: [&str; 7] = ["both", "respectively", "then", "another", "finally", "also", "additionally"];
/// Words that do so together.
const COUNTING: [&str; 2] = ["first", "second"];

/// What there is to be called for, and how many calls that takes at least.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) why: String,
    pub(super) least: u32,
}

/// What the calls leave out, if that can be told.
pub(super) fn gap(calls: &[FunctionCall], functions: &[ToolDefinition], said: &Said) -> Option<Gap> {
    let unused = unused(calls, functions, said);
    let joined = joined(calls, functions, said);
    let numbers = unused.iter().filter(|v| v.is_number()).count();
    let given = calls.first().map(|c| c.args.values().map(count_numbers).sum::<usize>()).unwrap_or_default();
    let more = match given {
        0 => 0,
        1 => alike(&unused, said),
        _ => numbers / given,
    };
    let is_single = calls.len() == 1;
    if !unused.is_empty() && (!is_single || more > 0) {
        let listed: Vec<String> = unused.iter().map(Json::to_string).collect();
        let why = format!("no call has {}, and each thing that is asked for needs a call", listed.join(", "));
        return Some(Gap { why, least: u32::try_from(calls.len() + more).unwrap_or(1) });
    }
    if let Some(first) = joined.first() {
        let why = format!("no call has {first}, and each thing that is asked for needs a call");
        let least = if is_single { 2 } else { calls.len() };
        return Some(Gap { why, least: u32::try_from(least).unwrap_or(1) });
    }
    let why = "the user asks for several things, and each needs a call".to_owned();
    (is_single && announces_several(said)).then_some(Gap { why, least: 2 })
}

/// How many of these numbers stand before the word that another number of the request stands before: "3000 sq ft" and "4000 sq ft".
fn alike(unused: &[Json], said: &Said) -> usize {
    let text = said.request();
    let tokens: Vec<Token> = tokens(&text).into_iter().filter(|t| t.value.is_number()).collect();
    let (left, used): (Vec<&Token>, Vec<&Token>) = tokens.iter().partition(|t| unused.contains(&t.value));
    let units: Vec<String> = used.iter().filter_map(|t| t.unit(&text)).collect();
    left.iter().filter(|t| t.unit(&text).is_some_and(|unit| units.contains(&unit))).count()
}

/// How much of the request no call has.
pub(super) fn missing(calls: &[FunctionCall], functions: &[ToolDefinition], said: &Said) -> usize {
    unused(calls, functions, said).len() + joined(calls, functions, said).len()
}

/// What the user joins with "and" to a text that a call has, and no call has itself.
fn joined(calls: &[FunctionCall], functions: &[ToolDefinition], said: &Said) -> Vec<String> {
    let text = said.request();
    let mut leaves = Vec::new();
    calls.iter().flat_map(|c| c.args.values()).for_each(|v| collect(v, &mut leaves));
    let leaves: Vec<&str> = leaves.into_iter().filter_map(Json::as_str).filter(|l| !l.is_empty()).collect();
    let names: Vec<String> = functions
        .iter()
        .flat_map(|f| {
            parts(&f.name).into_iter().chain(schema::parameters(f).flat_map(|(name, _)| telling(name)))
        })
        .collect();
    let is_other = |word: &str| {
        let has =
            |l: &&str| squash(l).contains(&squash(word)) || joined_words(l).any(|w| same_stem(&w, word));
        joined_words(word)
            .all(|w| is_filling(&w) || names.iter().any(|n| same_stem(&w, n)) || number(&w).is_some())
            || leaves.iter().any(has)
    };
    let mut found: Vec<String> = Vec::new();
    for leaf in &leaves {
        let after =
            text.match_indices(leaf).filter_map(|(at, _)| text.get(at + leaf.len()..)?.strip_prefix(" and "));
        let words = after.filter_map(|rest| rest.split_whitespace().next());
        let words = words.map(|w| w.trim_matches(|c: char| !c.is_alphanumeric()));
        found.extend(words.filter(|w| w.chars().count() > 2 && !is_other(w)).map(str::to_owned));
    }
    found.sort();
    found.dedup();
    found
}

fn announces_several(said: &Said) -> bool {
    let spoken: BTreeSet<&str> =
        said.turns.iter().filter(|t| t.by_user).flat_map(|t| t.words.iter().map(String::as_str)).collect();
    ANNOUNCING.iter().any(|word| spoken.contains(word)) || COUNTING.iter().all(|word| spoken.contains(word))
}

/// The numbers and quoted texts of the request that no call has. What names a function or a parameter is none.
fn unused(calls: &[FunctionCall], functions: &[ToolDefinition], said: &Said) -> Vec<Json> {
    let mut leaves = Vec::new();
    for value in calls.iter().flat_map(|c| c.args.values()) {
        collect(value, &mut leaves);
    }
    let is_name = |text: &str| {
        let text = squash(text);
        functions.iter().any(|f| {
            squash(&f.name).contains(&text) || schema::parameters(f).any(|(name, _)| squash(name) == text)
        })
    };
    let mut unused: Vec<Json> = Vec::new();
    for Token { value, .. } in tokens(&said.request()) {
        let is_used = match &value {
            Json::String(text) => {
                let key = squash(text);
                is_name(text) || leaves.iter().any(|l| l.as_str().is_some_and(|l| squash(l).contains(&key)))
            }
            other => {
                let n = other.as_f64().unwrap_or_default();
                leaves.iter().any(|l| has_number(l, n))
            }
        };
        if !is_used && !unused.contains(&value) {
            unused.push(value);
        }
    }
    unused
}

fn has_number(leaf: &Json, n: f64) -> bool {
    let is_it = |x: f64| {
        let near = |a: f64| (a - x.abs()).abs() <= 1e-9 * a.abs().max(1.0);
        near(n.abs()) || near(n.abs() / 100.0)
    };
    match leaf {
        Json::Number(x) => x.as_f64().is_some_and(is_it),
        Json::String(text) => {
            text.split(|c: char| !(c.is_ascii_digit() || c == '.')).filter_map(number).any(is_it)
        }
        _ => false,
    }
}

pub(super) fn collect<'a>(value: &'a Json, leaves: &mut Vec<&'a Json>) {
    match value {
        Json::Array(values) => values.iter().for_each(|v| collect(v, leaves)),
        Json::Object(members) => members.values().for_each(|v| collect(v, leaves)),
        leaf => leaves.push(leaf),
    }
}

fn count_numbers(value: &Json) -> usize {
    let mut leaves = Vec::new();
    collect(value, &mut leaves);
    leaves.iter().filter(|l| l.is_number()).count()
}
