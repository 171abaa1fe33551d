//! What code reads of a conversation before the model is asked: values that are said beyond doubt, and parameters that nobody
//! speaks of. The model is asked for the rest.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use segue_catalog::text::squash;
use segue_models::ToolDefinition;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::said::{Said, Turn, is_flag, is_negated, joined_words, same_stem, telling};
use super::values::{is_date, number};
use super::{days, schema};

/// What may follow a short name in a compound: "bed", "bedrooms".
const COMPOUNDS: [&str; 4] = ["", "s", "room", "rooms"];
/// Letters of a name that is short.
const SHORT: usize = 4;

/// What code has read for one function.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Residue {
    /// Parameters with the values that the conversation gives them.
    pub(super) settled: Map<String, Json>,
    /// Optional parameters that nobody speaks of.
    pub(super) unspoken: BTreeSet<String>,
    /// Free-text parameters with the texts that were said, where the model is to choose among these.
    pub(super) candidates: Map<String, Json>,
    /// Optional free texts whose own name nobody says: of them `room` have a text at most.
    pub(super) rivals: Vec<String>,
    pub(super) room: usize,
}

impl Residue {
    /// Lets only so many of these optional texts be given.
    pub(super) fn limit(&mut self, rivals: Vec<String>, room: usize) {
        if room == 0 {
            self.unspoken.extend(rivals);
        } else if room < rivals.len() {
            (self.rivals, self.room) = (rivals, room);
        }
    }
}

/// How far a conversation is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// No value is settled.
    Unspoken,
    /// What the user gives.
    Settles,
    /// The last proposal counts too: the user accepts it.
    Accepted,
}

/// Reads the conversation for one function.
pub(super) fn residue(
    function: &ToolDefinition,
    said: &Said,
    today: Option<Date>,
    reading: Reading,
) -> Residue {
    let mut residue = Residue::default();
    let dates = schema::parameters(function).filter(|(_, schema)| is_date(schema)).count();
    for (parameter, schema) in schema::parameters(function) {
        let settled = match reading {
            Reading::Unspoken => None,
            _ if is_date(schema) => {
                let proposed = reading == Reading::Accepted;
                today.filter(|_| dates == 1).and_then(|today| last_day(said, today, proposed))
            }
            _ if is_flag(schema) => flag(parameter, schema, said),
            _ => value(function, parameter, schema, said, today, reading),
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
    let named = telling(parameter)
        .iter()
        .any(|name| said.has_stem(name) || said.statements().flatten().any(|w| begins(w, name)));
    let valued = || {
        let choices = allowed.filter(|a| !is_flag(schema) && !a.iter().all(is_count)).into_iter().flatten();
        choices.map(text_of).any(|value| said.share(&value) > 0.0)
    };
    !named && !valued()
}

/// The last day that the user names, or the last proposal.
fn last_day(said: &Said, today: Date, proposed: bool) -> Option<Json> {
    let of_turn = |t: &Turn| days::days(&t.text, today).pop();
    let last = said.turns.iter().rev().filter(|t| t.by_user).find_map(of_turn);
    let proposal = || said.turns.iter().rev().find(|t| !t.by_user).and_then(of_turn);
    let last = proposed.then(proposal).flatten().or(last);
    last.map(|day| day.to_string().into())
}

/// Yes, where the user last speaks of it; what a word turns round is left open.
pub(super) fn flag(parameter: &str, schema: &Json, said: &Said) -> Option<Json> {
    let names = telling(parameter);
    let is_named = |w: &String| names.iter().any(|n| same_stem(w, n));
    let clause = said.clauses().rev().find(|words| words.iter().any(is_named))?;
    let at = clause.iter().rposition(is_named)?;
    if clause.get(..=at).is_some_and(is_negated) {
        return None;
    }
    match schema.get("enum").and_then(Json::as_array) {
        Some(allowed) => allowed.iter().find(|v| text_of(v).eq_ignore_ascii_case("true")).cloned(),
        None => Some(Json::Bool(true)),
    }
}

/// The value of an enumeration that is said last: of counts, the one that stands before the parameter's own word ("two bedrooms") or
/// alone answers a question after it; of years, also so many years ago; of other texts, the one with a word of its own, unless it is
/// negated. A proposal counts where the user accepts it.
fn value(
    function: &ToolDefinition,
    parameter: &str,
    schema: &Json,
    said: &Said,
    today: Option<Date>,
    reading: Reading,
) -> Option<Json> {
    let allowed = schema.get("enum").and_then(Json::as_array)?;
    if allowed.iter().all(is_count) {
        return counted(function, parameter, allowed, said);
    }
    if allowed.iter().all(|v| number(&text_of(v)).is_some()) {
        let year = |words: &Vec<String>| {
            let said = words.iter().rev().find_map(|w| allowed.iter().find(|v| text_of(v) == *w)).cloned();
            said.or_else(|| years_ago(words, allowed, today?))
        };
        let of_turn =
            |t: &Turn| t.statements.iter().rev().find_map(year).or_else(|| short_year(&t.text, allowed));
        return said.turns.iter().rev().filter(|t| t.by_user).find_map(of_turn);
    }
    let own = distinct(allowed);
    let counts = |t: &&Turn| t.by_user || reading == Reading::Accepted;
    let last = |clause: &Vec<String>| {
        let (at, value) = clause.iter().enumerate().rev().find_map(|(at, w)| Some((at, *own.get(w)?)))?;
        Some((!clause.get(..=at).is_some_and(is_negated)).then(|| value.clone()))
    };
    said.turns.iter().rev().filter(counts).flat_map(|t| t.clauses.iter().rev()).find_map(last).flatten()
}

/// "'16", where just one of the years ends so.
fn short_year(text: &str, allowed: &[Json]) -> Option<Json> {
    let digits = |after: &str| after.chars().take_while(char::is_ascii_digit).collect::<String>();
    let short = text.split(['\'', '’']).skip(1).map(digits).filter(|d| d.len() == 2).last()?;
    let ends = |v: &&Json| text_of(v).len() == 4 && text_of(v).ends_with(&short);
    let mut found = allowed.iter().filter(ends);
    found.next().filter(|_| found.next().is_none()).cloned()
}

/// "two years ago", "five years back", "last year".
fn years_ago(words: &[String], allowed: &[Json], today: Date) -> Option<Json> {
    let at = words.iter().rposition(|w| matches!(w.as_str(), "year" | "years"))?;
    let before = words.get(at.checked_sub(1)?)?;
    let is_past = words.get(at + 1).is_some_and(|w| matches!(w.as_str(), "ago" | "back" | "before"));
    let ago = match before.as_str() {
        "last" => 1.0,
        "this" => 0.0,
        count => number(count).filter(|_| is_past)?,
    };
    let year = f64::from(today.year()) - ago;
    allowed.iter().find(|v| number(&text_of(v)) == Some(year)).cloned()
}

fn counted(function: &ToolDefinition, parameter: &str, allowed: &[Json], said: &Said) -> Option<Json> {
    let names = telling(parameter);
    let others: Vec<String> = schema::parameters(function)
        .filter(|(name, _)| *name != parameter)
        .flat_map(|(name, _)| telling(name))
        .collect();
    let is_named = |w: &String| names.iter().any(|n| begins(w, n));
    let is_other = |w: &String| others.iter().any(|n| begins(w, n));
    let of = |n: f64| allowed.iter().find(|v| number(&text_of(v)) == Some(n)).cloned();
    let numbers = |words: &[String]| -> Vec<(usize, f64)> {
        words.iter().enumerate().filter_map(|(at, w)| Some((at, number(w)?))).collect()
    };
    let mut found = None;
    let mut asked: Option<&Turn> = None;
    for turn in &said.turns {
        if !turn.by_user {
            asked = Some(turn);
            continue;
        }
        let beside = |words: &Vec<String>| {
            numbers(words).into_iter().rev().find(|(at, _)| words.get(at + 1).is_some_and(is_named))
        };
        let answers = || {
            let question = asked.filter(|q| q.text.contains('?') && q.words.iter().any(is_named))?;
            let free: Vec<(usize, f64)> = numbers(&turn.words)
                .into_iter()
                .filter(|(at, _)| !turn.words.get(at + 1).is_some_and(is_other))
                .collect();
            match free.as_slice() {
                [one] if !question.words.iter().any(is_other) => Some(*one),
                _ => None,
            }
        };
        let said = turn.statements.iter().rev().find_map(beside).or_else(answers);
        if let Some(value) = said.and_then(|(_, n)| of(n)) {
            found = Some(value);
        }
    }
    found
}

/// The words that just one of these values has, with the value.
pub(super) fn distinct(allowed: &[Json]) -> BTreeMap<String, &Json> {
    let mut values: BTreeMap<String, Option<&Json>> = BTreeMap::new();
    for value in allowed {
        for word in joined_words(&text_of(value)) {
            let one = values.entry(word).or_insert(Some(value));
            *one = one.filter(|one| *one == value);
        }
    }
    values.into_iter().filter_map(|(word, value)| Some((word, value?))).collect()
}

/// True of a number below a hundred.
fn is_count(value: &Json) -> bool {
    number(&text_of(value)).is_some_and(|n| n < 100.0)
}

/// "bedrooms" begins with the "bed" of "beds", "garden" not with "gas".
pub(super) fn begins(word: &str, name: &str) -> bool {
    let name = name.strip_suffix('s').filter(|one| one.len() > 2).unwrap_or(name);
    word.strip_prefix(name).is_some_and(|rest| name.len() > SHORT || COMPOUNDS.contains(&rest))
}

pub(super) fn text_of(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::begins;

    #[test]
    fn short_names_begin_few_words() {
        assert!(begins("bedrooms", "beds") && begins("bathroom", "bath") && begins("furnishing", "furnish"));
        assert!(!begins("garden", "gas") && !begins("but", "bus") && !begins("petrol", "pets"));
    }
}
