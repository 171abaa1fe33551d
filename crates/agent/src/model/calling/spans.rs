//! Values of free text, copied out of what was said: small models add to a name what stands near it, or what they know of it, and
//! choose well among what there is.

use segue_models::ToolDefinition;
use serde_json::{Map, Value as Json};

use super::proposal::parts;
use super::residue::{begins, text_of};
use super::said::{Said, Turn, is_flag, joined_words, same_stem, sentences, telling};
use super::values::{is_date, number};
use super::{days, schema};
use crate::rules::is_filling;

/// Words of a value at most.
const LONGEST: usize = 6;
/// Words after which something is wished for.
const WISHES: [&str; 6] = ["like", "love", "prefer", "preferably", "enjoy", "want"];
/// Words that stand between the values of different parameters: "X by Y from Z".
const BETWEEN: [&str; 2] = ["by", "from"];
/// Words of a parameter's name or description that say that it is who made something.
const MAKERS: [&str; 11] = [
    "who",
    "artist",
    "author",
    "band",
    "composer",
    "creator",
    "director",
    "maker",
    "performer",
    "singer",
    "writer",
];
/// Words of a short answer.
const SHORT: usize = 3;
/// Values to choose from at most; what was said last comes first.
const MOST: usize = 80;

/// The texts that a function's free-text parameters can have.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// By parameter.
    pub(super) candidates: Map<String, Json>,
    /// Optional parameters whose own name nobody says.
    pub(super) rivals: Vec<String>,
    /// Optional ones that are given a text outright: "the album X"; "by X", where one of them is who made it.
    pub(super) settled: Map<String, Json>,
    /// How many of the rivals can have a text, by what is said besides.
    pub(super) room: usize,
}

/// Something said.
#[derive(Debug, Clone, Copy)]
struct Piece<'a> {
    by_user: bool,
    text: &'a str,
}

/// A text that the user says, and the word before it.
#[derive(Debug, PartialEq, Eq)]
struct Group {
    text: String,
    after: String,
}

/// The texts that each free-text parameter can have, with `accepted` those of the last proposal for the required ones.
///
/// An optional one has a text of the topic, from the sentence on in which the user first speaks of what the functions are about; and, unless
/// the function `acts` on what was offered, one of the user's own.
pub(super) fn candidates(
    function: &ToolDefinition,
    functions: &[ToolDefinition],
    said: &Said,
    accepted: bool,
    acts: bool,
) -> Texts {
    let all: Vec<Piece<'_>> =
        said.turns.iter().rev().map(|t| Piece { by_user: t.by_user, text: &t.text }).collect();
    let mut topic = topic(functions, said);
    topic.retain(|piece| acts || piece.by_user);
    let proposal: Vec<Piece<'_>> = all.iter().filter(|p| !p.by_user).take(1).copied().collect();
    let about: Vec<String> = functions.iter().flat_map(|f| parts(&f.name)).collect();
    let is_free = |schema: &Json| {
        schema.get("type").is_some_and(|t| t == "string") && schema.get("enum").is_none() && !is_date(schema)
    };
    let mut groups = groups(&topic, function, &about);
    let mut texts = Texts::default();
    let (mut optional, mut makers, mut required) = (Vec::new(), Vec::new(), 0);
    for (name, schema) in schema::parameters(function).filter(|(_, schema)| is_free(schema)) {
        let is_required = schema::is_required(function, name);
        let others: Vec<String> = schema::parameters(function)
            .filter(|(other, _)| *other != name)
            .flat_map(|(other, schema)| telling(other).into_iter().chain(choices(schema)))
            .collect();
        let pieces = match is_required {
            true if accepted => &proposal,
            true => &all,
            false => &topic,
        };
        if is_required || acts {
            let found = spans(pieces, &others, &about);
            if !found.is_empty() {
                texts.candidates.insert(name.clone(), Json::from(found));
            }
        }
        match is_required {
            true => required += 1,
            false => {
                optional.push(name);
                makers.extend(says_maker(name, schema).then_some(name));
            }
        }
    }
    if acts {
        return texts;
    }
    for name in &optional {
        let is_maker = makers == [*name];
        let is_given = |group: &Group| {
            telling(name).iter().any(|n| same_stem(&group.after, n)) || (is_maker && group.after == "by")
        };
        if let Some(given) = groups.iter().position(is_given).map(|at| groups.remove(at)) {
            texts.settled.insert((*name).clone(), given.text.into());
        }
    }
    optional.retain(|name| !texts.settled.contains_key(*name));
    let left = Json::from(groups.iter().map(|g| g.text.as_str()).collect::<Vec<_>>());
    let users = || topic.iter().filter(|p| p.by_user).flat_map(|p| joined_words(p.text));
    let (named, unnamed): (Vec<&String>, Vec<&String>) = optional
        .into_iter()
        .partition(|name| telling(name).iter().any(|n| users().any(|w| same_stem(&w, n))));
    texts.room = groups.len().saturating_sub(named.len() + required);
    texts.rivals = unnamed.iter().map(|name| (*name).clone()).collect();
    if !groups.is_empty() {
        texts.candidates.extend(named.into_iter().chain(unnamed).map(|name| (name.clone(), left.clone())));
    }
    texts
}

/// True of a parameter that is who made something.
fn says_maker(name: &str, schema: &Json) -> bool {
    let about = schema.get("description").and_then(Json::as_str).unwrap_or_default();
    joined_words(&format!("{} {about}", name.replace('_', " "))).any(|w| MAKERS.contains(&w.as_str()))
}

/// What was said from the sentence on in which the user first says a word that several functions have in their names (`LookupSong`,
/// `PlaySong`), the latest first; all of it if there is none.
fn topic<'a>(functions: &[ToolDefinition], said: &'a Said) -> Vec<Piece<'a>> {
    let names: Vec<Vec<String>> = functions.iter().map(|f| parts(&f.name)).collect();
    let is_shared = |part: &&String| names.iter().filter(|parts| parts.contains(part)).count() > 1;
    let shared: Vec<&String> = names.iter().flatten().filter(is_shared).collect();
    let speaks = |piece: &Piece<'_>| {
        piece.by_user && joined_words(piece.text).any(|w| shared.iter().any(|part| same_stem(&w, part)))
    };
    let of = |turn: &'a Turn| sentences(&turn.text).map(|text| Piece { by_user: turn.by_user, text });
    let mut pieces: Vec<Piece<'_>> = said.turns.iter().flat_map(of).collect();
    let from = pieces.iter().position(speaks).unwrap_or_default();
    pieces.drain(..from);
    pieces.reverse();
    pieces
}

/// The names that the user says, and the words in small letters that are put as a choice: before what the functions are `about` ("rock
/// songs"), after a wish ("I like rock"), or as a short answer. Neither filling words, nor the names of parameters, their choices, days and
/// counts. [`MOST`] of them are enough.
fn groups(pieces: &[Piece<'_>], function: &ToolDefinition, about: &[String]) -> Vec<Group> {
    let choices: Vec<String> = schema::parameters(function).flat_map(|(_, schema)| choices(schema)).collect();
    let names: Vec<String> = schema::parameters(function).flat_map(|(name, _)| telling(name)).collect();
    let is_about = |w: &str| {
        joined_words(w)
            .any(|w| about.iter().any(|part| same_stem(&w, part)) || names.iter().any(|n| begins(&w, n)))
    };
    let is_capital = |word: &&str| word.starts_with(char::is_uppercase);
    let mut found: Vec<Group> = Vec::new();
    for clause in pieces.iter().flat_map(|p| clauses(p.text)) {
        let words: Vec<&str> = clause.split_whitespace().map(bare).filter(|w| !w.is_empty()).collect();
        let is_end = |at: usize, word: &str| {
            let is_small = at == 0 || !word.starts_with(char::is_uppercase);
            // "I'd" is "I".
            let stem = word.split(['\'', '’']).next().unwrap_or(word);
            let fills = || joined_words(stem).all(|w| is_filling(&w)) || is_about(word);
            let is_choice = || joined_words(word).all(|w| choices.contains(&w));
            let is_wish = word.len() < 2 || WISHES.contains(&word);
            let before = at.checked_sub(1).and_then(|i| words.get(i));
            let is_count = number(word).is_some() && !before.is_some_and(is_capital);
            belongs(word, &names) || is_count || is_choice() || is_wish || (is_small && fills())
        };
        let ends: Vec<bool> = words.iter().enumerate().map(|(at, word)| is_end(at, word)).collect();
        let mut at = 0;
        while at < words.len() && found.len() < MOST {
            let length = ends.iter().skip(at).take_while(|end| !**end).count();
            let run = words.get(at..at + length).unwrap_or_default();
            let is_name = run.iter().enumerate().any(|(i, w)| at + i > 0 && is_capital(w));
            let is_before = words.get(at + length).is_some_and(|w| is_about(w));
            let after =
                at.checked_sub(1).and_then(|i| words.get(i)).copied().unwrap_or_default().to_lowercase();
            let is_said = is_name || is_before || WISHES.contains(&after.as_str()) || words.len() <= SHORT;
            let text = run.join(" ");
            if length > 0 && is_said && !found.iter().any(|group| group.text == text) {
                found.push(Group { text, after });
            }
            at += length.max(1);
        }
    }
    found
}

/// The words of a parameter's choices; of numbers and yes or no, none.
fn choices(schema: &Json) -> impl Iterator<Item = String> + '_ {
    let values =
        schema.get("enum").and_then(Json::as_array).into_iter().flatten().filter(|_| !is_flag(schema));
    values.flat_map(|v| joined_words(&text_of(v))).filter(|w| w.chars().count() > 3 && number(w).is_none())
}

fn clauses(text: &str) -> impl Iterator<Item = &str> {
    sentences(text).flat_map(|s| s.split([',', ';', ':', '(', ')', '"']))
}

/// Runs of words that begin and end with a capital or, where the user says them, with a telling word; without days, counts and
/// the names of `others`, which belong to other parameters; in small letters, a word that the functions are `about` bounds none.
fn spans(pieces: &[Piece<'_>], others: &[String], about: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let alone = pieces.iter().all(|p| !p.by_user);
    for piece in pieces {
        for clause in clauses(piece.text) {
            let words: Vec<&str> = clause.split_whitespace().map(bare).filter(|w| !w.is_empty()).collect();
            let bounds = |word: &&str| {
                let is_name = word.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit());
                let says_something =
                    |w: &String| !is_filling(w) && !about.iter().any(|part| same_stem(w, part));
                is_name || ((piece.by_user || alone) && joined_words(word).all(|w| says_something(&w)))
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
                    let is_taken = run.iter().any(|word| belongs(word, others) || BETWEEN.contains(word));
                    let is_taken = is_taken || found.contains(&text);
                    if !says_nothing && !is_taken {
                        found.push(text);
                    }
                    if found.len() >= MOST {
                        return found;
                    }
                }
            }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::says_maker;

    #[test]
    fn makers_are_described_as_such() {
        let about = |text: &str| json!({"type": "string", "description": text});
        assert!(says_maker("artist", &about("")) && says_maker("by", &about("Who wrote it")));
        assert!(!says_maker("color", &about("The colour")) && !says_maker("list", &about("")));
    }
}
