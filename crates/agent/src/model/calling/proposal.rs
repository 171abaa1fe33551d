//! Which function a conversation has come to, where it ends with a proposal that the user accepts: a proposal names the arguments of what it
//! proposes.

use segue_models::ToolDefinition;
use serde_json::Value as Json;

use super::residue::{distinct, text_of};
use super::said::{Said, Turn, asks, is_flag, joined_words, same_stem, sentences, telling};
use super::values::{is_date, number};
use super::{days, schema};

/// Words of consent.
const YES: &str = "yes yep yeah yup ya sure ok okay correct right perfect good great fine absolutely exactly please works \
    alright confirm confirmed awesome nice cool excellent love sounds agree indeed";
/// Those that say so whatever is asked after them; "great, how much?" praises and asks.
const PLAINLY: [&str; 10] = ["yes", "yep", "yeah", "yup", "ya", "sure", "ok", "okay", "correct", "confirmed"];
/// Words that take it back.
const NO: [&str; 12] =
    ["no", "nope", "not", "but", "instead", "dont", "never", "cant", "cannot", "wrong", "cancel", "wait"];
/// Consent is short.
const SHORT: usize = 12;

/// True if the user's last words agree to what was said before.
pub(super) fn is_consent(said: &Said) -> bool {
    matches!(said.turns.as_slice(), [.., before, reply] if !before.by_user && reply.by_user && consents(&reply.text))
}

/// The function whose proposal is accepted, by its place.
pub(super) fn accepted(functions: &[ToolDefinition], said: &Said) -> Option<usize> {
    let [.., proposal, _] = said.turns.as_slice() else { return None };
    if !is_consent(said) {
        return None;
    }
    let only = |scores: Vec<usize>, among: &[usize]| -> Vec<usize> {
        let best = scores.iter().copied().max().unwrap_or_default();
        among.iter().zip(scores).filter(|(_, score)| *score == best && best > 0).map(|(at, _)| *at).collect()
    };
    let all: Vec<usize> = (0..functions.len()).collect();
    let mut left = only(functions.iter().map(|f| arguments(f, functions, proposal)).collect(), &all);
    if left.len() != 1 {
        let among = if left.is_empty() { all } else { left };
        let scores = among.iter().filter_map(|at| functions.get(*at)).map(|f| names(f, functions, proposal));
        left = only(scores.collect(), &among);
    }
    match left.as_slice() {
        [one] => Some(*one),
        _ => None,
    }
}

/// True of a short first sentence that agrees and does not take it back. One that asks agrees if it says so plainly first: "yes please,
/// is it furnished?"
fn consents(text: &str) -> bool {
    let Some(first) = sentences(text).next() else { return false };
    let words: Vec<String> = joined_words(first).collect();
    let agrees = YES.split_whitespace().any(|yes| words.iter().any(|w| w == yes));
    let takes_back = words.iter().any(|w| NO.contains(&w.as_str()));
    let opening: Vec<String> =
        first.split_once(',').into_iter().flat_map(|(clause, _)| joined_words(clause)).collect();
    let is_plain = opening.first().is_some_and(|w| PLAINLY.contains(&w.as_str()));
    let is_question = asks(&words) || first.ends_with('?');
    words.len() <= SHORT && agrees && !takes_back && (!is_question || is_plain && !asks(&opening))
}

/// How many parameters that only this function has are given in the proposal.
fn arguments(function: &ToolDefinition, functions: &[ToolDefinition], proposal: &Turn) -> usize {
    let others = || functions.iter().filter(|f| f.name != function.name);
    let only_here = |name: &str| !others().flat_map(schema::parameters).any(|(other, _)| other == name);
    schema::parameters(function)
        .filter(|(name, schema)| only_here(name) && is_given(name, schema, proposal))
        .count()
}

fn is_given(name: &str, schema: &Json, turn: &Turn) -> bool {
    if is_date(schema) {
        return !days::days(&turn.text, jiff::civil::Date::constant(2000, 1, 1)).is_empty();
    }
    let is_named = |word: &String| telling(name).iter().any(|n| same_stem(word, n));
    if is_flag(schema) {
        return turn.words.iter().any(is_named);
    }
    let Some(allowed) = schema.get("enum").and_then(Json::as_array) else { return false };
    if allowed.iter().all(|v| number(&text_of(v)).is_some()) {
        let mut pairs = turn.words.windows(2);
        return pairs.any(|pair| matches!(pair, [n, word] if number(n).is_some() && is_named(word)));
    }
    distinct(allowed).keys().any(|w| turn.words.contains(w))
}

/// How many words of the function's own name the proposal has.
fn names(function: &ToolDefinition, functions: &[ToolDefinition], proposal: &Turn) -> usize {
    let others = || functions.iter().filter(|f| f.name != function.name).flat_map(|f| parts(&f.name));
    let own = parts(&function.name).into_iter().filter(|part| !others().any(|other| other == *part));
    own.filter(|part| proposal.words.iter().any(|word| same_stem(word, part))).count()
}

/// `ScheduleVisit` and `schedule_visit` are "schedule" and "visit", `URL` is one.
pub(super) fn parts(name: &str) -> Vec<String> {
    let (mut spaced, mut before) = (String::new(), ' ');
    for c in name.chars() {
        if c.is_uppercase() && !before.is_uppercase() {
            spaced.push(' ');
        }
        spaced.push(if c.is_alphanumeric() { c } else { ' ' });
        before = c;
    }
    joined_words(&spaced).collect()
}

#[cfg(test)]
mod tests {
    use super::consents;

    #[test]
    fn consent_neither_asks_nor_takes_back() {
        for text in [
            "Yes, that is right.",
            "Sure, go ahead. No, nothing else.",
            "Sounds good to me!",
            "Yes please, is it furnished?",
        ] {
            assert!(consents(text), "{text}");
        }
        for text in [
            "sounds wrong to me",
            "Sure, cancel that",
            "Is it okay for kids?",
            "What a great price",
            "Yes, but wait",
            "It can't be right",
            "Great, how much is it?",
            "Is it okay, yes?",
            "Okay if I pay later?",
        ] {
            assert!(!consents(text), "{text}");
        }
    }
}
