//! Values of free text, copied out of what was said: small models add to a name what stands near it, or what they know of it, and
//! choose well among what there is.

use segue_models::ToolDefinition;
use serde_json::{Map, Value as Json};

use super::proposal::parts;
use super::residue::begins;
use super::said::{Said, Turn, joined_words, same_stem, sentences, telling};
use super::values::{is_date, number};
use super::{days, schema};
use crate::rules::is_filling;

/// Words of a value at most.
const LONGEST: usize = 6;
/// Values to choose from at most; what was said last comes first.
const MOST: usize = 80;

/// The texts that each free-text parameter can have, with `accepted` those of the last proposal for the required ones.
///
/// An optional one has a text of the topic: from where the user first speaks of what the functions are about.
pub(super) fn candidates(
    function: &ToolDefinition,
    functions: &[ToolDefinition],
    said: &Said,
    accepted: bool,
) -> Map<String, Json> {
    let all: Vec<&Turn> = said.turns.iter().rev().collect();
    let topic: Vec<&Turn> = said.turns.iter().skip(topic(functions, said)).rev().collect();
    let proposal: Vec<&Turn> = all.iter().filter(|t| !t.by_user).take(1).copied().collect();
    let free = |schema: &Json| {
        schema.get("type").is_some_and(|t| t == "string") && schema.get("enum").is_none() && !is_date(schema)
    };
    let of = |(name, schema): (&String, &Json)| {
        let is_proposed = accepted && schema::is_required(function, name);
        let others: Vec<String> = schema::parameters(function)
            .filter(|(other, _)| *other != name)
            .flat_map(|(other, _)| telling(other))
            .collect();
        let turns = match schema::is_required(function, name) {
            _ if is_proposed => &proposal,
            true => &all,
            false => &topic,
        };
        let found = spans(turns, &others);
        (free(schema) && !found.is_empty()).then(|| (name.clone(), Json::from(found)))
    };
    schema::parameters(function).filter_map(of).collect()
}

/// The turn in which the user first says a word that several functions have in their names (`LookupSong`, `PlaySong`); the first of all if there is none.
fn topic(functions: &[ToolDefinition], said: &Said) -> usize {
    let names: Vec<Vec<String>> = functions.iter().map(|f| parts(&f.name)).collect();
    let is_shared = |part: &&String| names.iter().filter(|parts| parts.contains(part)).count() > 1;
    let shared: Vec<&String> = names.iter().flatten().filter(is_shared).collect();
    let speaks =
        |turn: &Turn| turn.by_user && turn.words.iter().any(|w| shared.iter().any(|part| same_stem(w, part)));
    said.turns.iter().position(speaks).unwrap_or_default()
}

/// Runs of words that begin and end with a capital or, where the user says them, with a telling word; without days, counts and
/// the names of `others`, which belong to other parameters.
fn spans(turns: &[&Turn], others: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let alone = turns.iter().all(|t| !t.by_user);
    for turn in turns {
        for clause in sentences(&turn.text).flat_map(|s| s.split([',', ';', ':', '(', ')', '"'])) {
            let words: Vec<&str> = clause.split_whitespace().map(bare).filter(|w| !w.is_empty()).collect();
            let bounds = |word: &&str| {
                let is_name = word.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit());
                let telling = || joined_words(word).all(|w| !is_filling(&w));
                is_name || ((turn.by_user || alone) && telling())
            };
            for from in 0..words.len() {
                for length in (1..=LONGEST).rev() {
                    let Some(run) = words.get(from..from + length) else { continue };
                    if !(run.first().is_some_and(bounds) && run.last().is_some_and(bounds)) {
                        continue;
                    }
                    let text = run.join(" ");
                    let says_nothing = length == 1
                        && run.iter().all(|w| w.len() < 3 || joined_words(w).all(|w| is_filling(&w)));
                    let is_taken = run.iter().any(|word| belongs(word, others)) || found.contains(&text);
                    if !says_nothing && !is_taken {
                        found.push(text);
                    }
                }
            }
        }
        if found.len() >= MOST {
            found.truncate(MOST);
            break;
        }
    }
    found
}

/// A word without the signs around it and its genitive.
fn bare(word: &str) -> &str {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric());
    word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(word)
}

/// True of a word that belongs to another parameter: of a day, or, in small letters, a count or the parameter's name.
fn belongs(word: &str, others: &[String]) -> bool {
    let small = word.starts_with(char::is_lowercase);
    let is_other = || others.iter().any(|name| begins(word, name));
    days::is_calendar(word) || (small && (number(word).is_some() || is_other()))
}
