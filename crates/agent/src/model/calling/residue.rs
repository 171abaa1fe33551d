//! What code reads of a conversation before the model is asked: values that are said beyond doubt, and parameters that nobody
//! speaks of. The model is asked for the rest.

use std::collections::BTreeSet;

use jiff::civil::Date;
use segue_catalog::text::{squash, words};
use segue_models::ToolDefinition;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::said::{Said, Turn, is_flag, same_stem, telling};
use super::values::{is_date, number};
use super::{days, schema};

/// Words that turn a yes into a no.
const NEGATIONS: [&str; 9] = ["no", "not", "without", "don", "dont", "doesn", "doesnt", "isn", "never"];
/// How far before a word a negation still means it.
const REACH: usize = 4;

/// What code has read for one function.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Residue {
    /// Parameters with the values that the conversation gives them.
    pub(super) settled: Map<String, Json>,
    /// Optional parameters that nobody speaks of.
    pub(super) unspoken: BTreeSet<String>,
}

/// Reads the conversation for one function. With `settles` false no value is settled.
pub(super) fn residue(function: &ToolDefinition, said: &Said, today: Option<Date>, settles: bool) -> Residue {
    let mut residue = Residue::default();
    let dates = schema::parameters(function).filter(|(_, schema)| is_date(schema)).count();
    for (parameter, schema) in schema::parameters(function) {
        let settled = match settles {
            false => None,
            true if is_date(schema) => today.filter(|_| dates == 1).and_then(|today| last_day(said, today)),
            true if is_flag(schema) => flag(parameter, schema, said),
            true => value(parameter, schema, said),
        };
        if let Some(value) = settled {
            residue.settled.insert(parameter.clone(), value);
        } else if !schema::is_required(function, parameter) && is_unspoken(parameter, schema, said) {
            residue.unspoken.insert(parameter.clone());
        }
    }
    residue
}

/// A value that stands once in the conversation belongs to one parameter: of two free texts that are the same, the one goes
/// whose parameter is spoken of less. Required parameters stay.
pub(super) fn once(
    args: &mut Map<String, Json>,
    function: &ToolDefinition,
    said: &Said,
    refused: &mut Vec<String>,
) {
    let free = |name: &String| {
        let schema = schema::parameters(function).find(|(parameter, _)| *parameter == name).map(|(_, s)| s);
        schema.is_some_and(|s| s.get("enum").is_none())
    };
    let spoken = |name: &String| {
        let names = telling(name);
        let all = said.turns.iter().flat_map(|t| &t.words);
        all.filter(|w| names.iter().any(|n| same_stem(w, n))).count()
    };
    let texts: Vec<(String, String)> = args
        .iter()
        .filter(|(name, _)| free(name))
        .filter_map(|(name, value)| Some((name.clone(), squash(value.as_str()?))))
        .collect();
    for (at, (one, text)) in texts.iter().enumerate() {
        for (other, _) in texts.iter().skip(at + 1).filter(|(_, t)| t == text && !text.is_empty()) {
            let loser = match schema::is_required(function, one) {
                true => other,
                false if spoken(one) > spoken(other) => other,
                false => one,
            };
            if !schema::is_required(function, loser) && args.shift_remove(loser).is_some() {
                refused.push(format!("`{loser}`: its value is that of another parameter"));
            }
        }
    }
}

/// True of a choice, a yes or no, or a number that neither its name nor a value of it speaks for.
fn is_unspoken(parameter: &str, schema: &Json, said: &Said) -> bool {
    let allowed = schema.get("enum").and_then(Json::as_array);
    if allowed.is_none() && !is_flag(schema) {
        return false;
    }
    let named = telling(parameter).iter().any(|w| said.has_stem(w));
    let valued = || {
        let values = allowed.into_iter().flatten().map(text_of);
        let is_said = |value: String| match number(&value) {
            Some(n) => said.turns.iter().flat_map(|t| &t.words).any(|w| number(w) == Some(n)),
            None => said.share(&value) > 0.0,
        };
        !is_flag(schema) && values.into_iter().any(is_said)
    };
    !named && !valued()
}

/// The last day that the user names.
fn last_day(said: &Said, today: Date) -> Option<Json> {
    let of_turn = |t: &Turn| days::days(&t.words.join(" "), today).pop();
    let last = said.turns.iter().rev().filter(|t| t.by_user).find_map(of_turn);
    last.map(|day| day.to_string().into())
}

/// Yes, where the user speaks of it and no word turns that round.
fn flag(parameter: &str, schema: &Json, said: &Said) -> Option<Json> {
    let names = telling(parameter);
    let is_named = |w: &String| names.iter().any(|n| same_stem(w, n));
    let turn = said.turns.iter().rev().find(|t| t.by_user && t.words.iter().any(is_named))?;
    let at = turn.words.iter().position(is_named)?;
    let before = turn.words.get(at.saturating_sub(REACH)..at).unwrap_or_default();
    if before.iter().any(|w| NEGATIONS.contains(&w.as_str())) {
        return None;
    }
    let is_yes = |v: &&Json| text_of(v).eq_ignore_ascii_case("true");
    match schema.get("enum").and_then(Json::as_array) {
        Some(allowed) => allowed.iter().find(is_yes).cloned(),
        None => Some(Json::Bool(true)),
    }
}

/// The value of an enumeration that the last turn to name one names; of numbers, the one that stands before the parameter's own
/// word ("two bedrooms") or alone answers a question after it.
fn value(parameter: &str, schema: &Json, said: &Said) -> Option<Json> {
    let allowed = schema.get("enum").and_then(Json::as_array)?;
    let numbers = allowed.iter().all(|v| number(&text_of(v)).is_some());
    if numbers && allowed.iter().all(|v| text_of(v).len() < 3) {
        return counted(parameter, allowed, said);
    }
    for turn in said.turns.iter().rev() {
        let named = |v: &&Json| Said::has_phrase(turn, &words(&text_of(v)).collect::<Vec<_>>());
        let mut named = allowed.iter().filter(named);
        match (named.next(), named.next()) {
            (Some(one), None) => return Some(one.clone()),
            (Some(_), Some(_)) => return None,
            _ => {}
        }
    }
    None
}

fn counted(parameter: &str, allowed: &[Json], said: &Said) -> Option<Json> {
    let names = telling(parameter);
    let is_named = |w: &String| names.iter().any(|n| begins(w, n));
    let of = |n: f64| allowed.iter().find(|v| number(&text_of(v)) == Some(n)).cloned();
    let mut found = None;
    let mut asked = false;
    for turn in &said.turns {
        if !turn.by_user {
            asked = turn.words.iter().any(is_named);
            continue;
        }
        let numbers: Vec<(usize, f64)> =
            turn.words.iter().enumerate().filter_map(|(at, w)| Some((at, number(w)?))).collect();
        let beside = numbers.iter().rev().find(|(at, _)| turn.words.get(at + 1).is_some_and(is_named));
        let alone = || numbers.first().filter(|_| asked && numbers.len() == 1 && turn.words.len() <= REACH);
        if let Some(value) = beside.or_else(alone).and_then(|(_, n)| of(*n)) {
            found = Some(value);
        }
    }
    found
}

/// "bedrooms" begins with the "bed" of "beds".
fn begins(word: &str, name: &str) -> bool {
    word.starts_with(name.strip_suffix('s').unwrap_or(name))
}

fn text_of(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
