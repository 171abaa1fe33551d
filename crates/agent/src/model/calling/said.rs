//! What a conversation says, in words, and whether it bears a value out.

use segue_catalog::text::{squash, words};
use segue_models::{Message, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::proposal::parts;
use super::values::number;
use crate::rules::is_filling;

/// Endings that forms of one word differ in, with the letters that must stand before them: "nutrition", "nutritional".
const ENDINGS: [(&str, usize); 7] =
    [("ation", 5), ("ally", 5), ("ate", 5), ("al", 5), ("ly", 5), ("e", 5), ("ed", 4)];

/// Words that turn what follows them in their clause round.
const NEGATIONS: [&str; 20] = [
    "no", "not", "non", "without", "never", "neither", "nor", "none", "except", "dont", "doesnt", "didnt",
    "isnt", "arent", "wasnt", "wont", "cant", "cannot", "shouldnt", "neednt",
];
/// Words after which "but" does so too: "anything but horror".
const ALL: [&str; 4] = ["all", "any", "anything", "everything"];

/// The power of ten from which on a number is said by its power.
const POWER: f64 = 6.0;

/// Words that begin a question.
const ASKING: [&str; 15] = [
    "is", "are", "does", "was", "did", "will", "has", "what", "whats", "how", "when", "who", "which",
    "whether", "do",
];
/// Words of a question that is a wish all the same: "is there any other that allows pets?"
const WISHING: [&str; 12] = [
    "want", "need", "looking", "find", "search", "prefer", "should", "else", "other", "another", "others",
    "more",
];

/// One message, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Turn {
    pub(super) by_user: bool,
    pub(super) text: String,
    pub(super) words: Vec<String>,
    /// Its sentences; of the user's, those that do not ask about what was offered before.
    pub(super) statements: Vec<Vec<String>>,
    /// Their clauses.
    pub(super) clauses: Vec<Vec<String>>,
}

/// A conversation, in words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Said {
    pub(super) turns: Vec<Turn>,
    /// All that the user says, without blanks and signs.
    squashed: String,
    /// The numbers that the user says.
    numbers: Vec<f64>,
}

impl Said {
    pub(super) fn new(conversation: &[Message]) -> Self {
        let spoken = || conversation.iter().filter(|m| matches!(m.role, Role::User | Role::Assistant));
        let mut turns: Vec<Turn> = Vec::new();
        for message in spoken() {
            let by_user = message.role == Role::User;
            let is_reply = by_user && turns.iter().any(|t| !t.by_user);
            let sentences = sentences(&message.content).map(|s| (joined_words(s).collect::<Vec<_>>(), s));
            let (statements, stated): (Vec<_>, Vec<_>) =
                sentences.filter(|(words, _)| !(is_reply && asks(words))).unzip();
            turns.push(Turn {
                by_user,
                text: message.content.clone(),
                words: words(&message.content).collect(),
                statements,
                clauses: stated.into_iter().flat_map(clauses).collect(),
            });
        }
        let users = || spoken().filter(|m| m.role == Role::User);
        Self {
            turns,
            squashed: users().map(|m| squash(&m.content)).collect::<Vec<_>>().join(" "),
            numbers: users().flat_map(|m| numbers(&m.content)).collect(),
        }
    }

    /// What the user states, oldest first.
    pub(super) fn statements(&self) -> impl DoubleEndedIterator<Item = &Vec<String>> {
        self.turns.iter().filter(|t| t.by_user).flat_map(|t| &t.statements)
    }

    /// The clauses of what the user states, oldest first.
    pub(super) fn clauses(&self) -> impl DoubleEndedIterator<Item = &Vec<String>> {
        self.turns.iter().filter(|t| t.by_user).flat_map(|t| &t.clauses)
    }

    /// All that the user says, as it was written.
    pub(super) fn request(&self) -> String {
        let users = self.turns.iter().filter(|t| t.by_user).map(|t| t.text.as_str());
        users.collect::<Vec<_>>().join("\n")
    }

    /// True if the user states something with a form of this word.
    pub(super) fn has_stem(&self, word: &str) -> bool {
        self.statements().flatten().any(|said| same_stem(said, word))
    }

    /// True if the user states these words side by side, in the singular or the plural.
    pub(super) fn has_words(&self, text: &str) -> bool {
        !self.mentions(text).is_empty()
    }

    /// True if the user states these words and nowhere a negation before or in them.
    pub(super) fn has_wish(&self, text: &str) -> bool {
        let mentions = self.mentions(text);
        !mentions.is_empty() && !mentions.into_iter().any(is_negated)
    }

    /// The user's clauses with these words, each up to the last of them.
    fn mentions(&self, text: &str) -> Vec<&[String]> {
        let of: Vec<String> = words(&text.replace('_', " ")).collect();
        let is_same = |(a, b): (&String, &String)| singular(a) == singular(b);
        let mention = |clause: &'_ Vec<String>| {
            let mut windows = clause.windows(of.len().max(1));
            windows.rposition(|w| w.iter().zip(&of).all(is_same)).map(|at| at + of.len())
        };
        let clauses = self.clauses().filter(|_| !of.is_empty());
        clauses.filter_map(|clause| clause.get(..mention(clause)?)).collect()
    }

    /// True if the user says this number; 0.05 also as 5 per cent, -3 as 3, and 5e-12 as 5 times a power of ten.
    pub(super) fn has_number(&self, n: f64) -> bool {
        let near = |said: f64, n: f64| (said - n.abs()).abs() <= 1e-9 * n.abs().max(1.0);
        let power = n.abs().log10().floor();
        let mantissa = (power.abs() >= POWER).then(|| n / 10_f64.powf(power)).filter(|m| m.is_finite());
        self.numbers.iter().any(|said| {
            near(*said, n) || near(said / 100.0, n) || mantissa.is_some_and(|mantissa| near(*said, mantissa))
        })
    }

    /// True of a text of numbers, a day say, of which the user says half at least: the month may be a word.
    fn has_half_of(&self, text: &str) -> bool {
        let parts: Option<Vec<f64>> = words(text).map(|word| number(&word)).collect();
        let is_half =
            |parts: Vec<f64>| parts.iter().filter(|n| self.has_number(**n)).count() * 2 >= parts.len();
        parts.filter(|parts| !parts.is_empty()).is_some_and(is_half)
    }

    /// "Paris, France" as "Paris" where that is all that is said, unless the parameter is described as having more parts.
    pub(super) fn without_addition(&self, value: Json, schema: &Json) -> Json {
        let is_said = |text: &str| self.squashed.contains(&squash(text));
        let about = schema.get("description").and_then(Json::as_str).unwrap_or_default();
        let has_parts = about.contains(',') || about.to_lowercase().contains("state");
        let said = value.as_str().filter(|text| !is_said(text)).and_then(|text| {
            let (said, addition) = text.rsplit_once(", ")?;
            let users = || self.turns.iter().filter(|t| t.by_user).flat_map(|t| &t.words);
            let is_added = !words(addition).all(|w| users().any(|u| *u == w));
            (!has_parts && is_said(said) && is_added).then(|| said.to_owned())
        });
        said.map_or(value, Json::String)
    }

    /// The share of a text's telling words that are said, in any form; 1 if the text stands there as it is.
    pub(super) fn share(&self, text: &str) -> f64 {
        let key = squash(text);
        if !key.is_empty() && self.squashed.contains(&key) {
            return 1.0;
        }
        let telling: Vec<String> = words(text).filter(|w| !is_filling(w)).collect();
        let said = telling.iter().filter(|w| self.has_stem(w)).count();
        if telling.is_empty() { 0.0 } else { said as f64 / telling.len() as f64 }
    }
}

/// Words that a full stop shortens.
const SHORTENED: &str =
    "mr mrs ms dr st mt ft prof jr sr vs jan feb mar apr jun jul aug sep sept oct nov dec";

/// The sentences of a text, roughly: a stop ends one before white space, but not after an initial or a shortened word.
pub(super) fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let (mut before, mut word) = (' ', String::new());
    let ends = text.split_inclusive(move |c: char| {
        let is_initial = word.chars().count() == 1 && word.starts_with(char::is_uppercase) && word != "I";
        let is_shortened = || SHORTENED.split(' ').any(|short| word.eq_ignore_ascii_case(short));
        let is_end = c.is_whitespace()
            && (matches!(before, '?' | '!') || before == '.' && !is_initial && !is_shortened());
        match c {
            '.' => {}
            _ if c.is_alphanumeric() && (before.is_alphanumeric()) => word.push(c),
            _ => word = if c.is_alphanumeric() { c.to_string() } else { String::new() },
        }
        before = c;
        is_end || c == '\n'
    });
    ends.map(str::trim).filter(|s| !s.is_empty())
}

/// The clauses of a sentence, in words, roughly: "not small, but large" are two, "anything but horror" is one.
fn clauses(sentence: &str) -> Vec<Vec<String>> {
    let mut clauses: Vec<Vec<String>> = Vec::new();
    for part in sentence.split([',', ';', ':', '(', ')']) {
        let mut clause: Vec<String> = Vec::new();
        for word in joined_words(part) {
            if word == "but" && !clause.last().is_some_and(|before| ALL.contains(&before.as_str())) {
                clauses.push(std::mem::take(&mut clause));
            }
            clause.push(word);
        }
        clauses.push(clause);
    }
    clauses.retain(|clause| !clause.is_empty());
    clauses
}

/// True of the beginning of a clause with a negation.
pub(super) fn is_negated(clause: &[String]) -> bool {
    clause.iter().enumerate().any(|(at, w)| NEGATIONS.contains(&w.as_str()) || (at > 0 && w == "but"))
}

/// The words of a text; what an apostrophe joins is one: "dont".
pub(super) fn joined_words(text: &str) -> impl Iterator<Item = String> + use<> {
    words(&text.replace(['\'', '’'], "")).collect::<Vec<_>>().into_iter()
}

/// True of a sentence that asks what something is like.
pub(super) fn asks(words: &[String]) -> bool {
    let is = |list: &[&str], word: &String| list.contains(&word.as_str());
    let begins = words.first().is_some_and(|w| is(&ASKING, w));
    let begins =
        begins || words.iter().any(|w| w == "whether") || words.starts_with(&["can".into(), "i".into()]);
    begins && !words.iter().any(|w| is(&WISHING, w))
}

/// Words that are numbers: how often a year has a period, how many days a span has, and the like.
const QUANTITIES: [(&str, f64); 11] = [
    ("dozen", 12.0),
    ("half", 0.5),
    ("week", 7.0),
    ("fortnight", 14.0),
    ("month", 30.0),
    ("daily", 365.0),
    ("weekly", 52.0),
    ("monthly", 12.0),
    ("quarterly", 4.0),
    ("annually", 1.0),
    ("yearly", 1.0),
];

/// The numbers in a text, in digits or as words; "1,000" is one, "1,5" are two, "monthly" is twelve times a year.
fn numbers(text: &str) -> Vec<f64> {
    let runs = text.split(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',')));
    let is_grouped =
        |run: &str| run.split(',').skip(1).all(|group| group.split('.').next().is_some_and(|g| g.len() == 3));
    let in_digits = runs.map(|run| run.trim_matches(['.', ','])).flat_map(move |run| match is_grouped(run) {
        true => vec![number(run)],
        false => run.split(',').map(number).collect(),
    });
    let quantity = |w: &str| QUANTITIES.iter().find(|(name, _)| *name == w).map(|(_, n)| *n);
    in_digits.flatten().chain(words(text).filter_map(|w| number(&w).or_else(|| quantity(&w)))).collect()
}

fn singular(word: &str) -> &str {
    word.strip_suffix('s').filter(|one| !one.ends_with('s')).unwrap_or(word)
}

/// True if both are forms of one word.
pub(super) fn same_stem(a: &str, b: &str) -> bool {
    a == b || (!b.is_empty() && stem(a) == stem(b))
}

/// A word without the endings of its forms.
fn stem(word: &str) -> String {
    if let Some(begin) = word.strip_suffix("ies") {
        return format!("{begin}y");
    }
    let word = singular(word);
    let without = |(ending, least): &(&str, usize)| word.strip_suffix(ending).filter(|w| w.len() >= *least);
    ENDINGS.iter().find_map(without).unwrap_or(word).to_owned()
}

/// The words of a parameter's name that tell it from others: `number_of_beds` has "beds", `fullName` "full" and "name".
pub(super) fn telling(parameter: &str) -> Vec<String> {
    const COUNTS: [&str; 9] = ["number", "num", "count", "is", "has", "the", "of", "max", "include"];
    let telling = |w: &String| w.chars().count() > 2 && !COUNTS.contains(&w.as_str()) && !is_filling(w);
    parts(parameter).into_iter().filter(telling).collect()
}

/// True if the conversation gives an optional parameter this value: at least half of what it says is said, or, where the value
/// says nothing by itself, the parameter is spoken of.
pub(super) fn bears_out(said: &Said, parameter: &str, schema: &Json, value: &Json) -> bool {
    let spoken_of = || telling(parameter).iter().any(|w| said.has_stem(w));
    match value {
        Json::Bool(_) => spoken_of(),
        Json::Number(n) => n.as_f64().is_some_and(|n| said.has_number(n)),
        Json::String(text) if is_flag(schema) => text.is_empty() || spoken_of(),
        Json::String(text) if text.parse::<f64>().is_ok() => {
            text.parse().is_ok_and(|n| said.has_number(n)) || said.share(text) >= 1.0
        }
        Json::String(text) => said.share(text) >= 0.5 || said.has_half_of(text),
        Json::Array(values) => {
            !values.is_empty() && values.iter().all(|v| bears_out(said, parameter, schema, v))
        }
        Json::Object(_) | Json::Null => true,
    }
}

/// True of a parameter that is yes or no, however it is written.
pub(super) fn is_flag(schema: &Json) -> bool {
    let values = schema.get("enum").and_then(Json::as_array);
    let yes_or_no = |v: &Json| {
        v.as_str().is_some_and(|t| t.eq_ignore_ascii_case("true") || t.eq_ignore_ascii_case("false"))
    };
    let is_boolean = schema.get("type").is_some_and(|t| t == "boolean");
    is_boolean || values.is_some_and(|v| !v.is_empty() && v.iter().all(yes_or_no))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_differ_in_endings() {
        for (a, b, expected) in [
            ("nutritional", "nutrition", true),
            ("scheduled", "schedule", true),
            ("recommendations", "recommend", true),
            ("comedies", "comedy", true),
            ("allowed", "allow", true),
            ("weaknesses", "weakness", true),
            ("park", "parking", false),
            ("contact", "contract", false),
            ("comedy", "comet", false),
        ] {
            assert_eq!(same_stem(a, b), expected, "{a}, {b}");
        }
    }

    #[test]
    fn sentences_end_before_white_space() {
        for (text, expected) in [
            ("It has pets.No smoking. Fine", &["It has pets.No smoking.", "Fine"][..]),
            (
                "A flat in St. Louis! Is it 2.5 miles away?",
                &["A flat in St. Louis!", "Is it 2.5 miles away?"],
            ),
            (
                "Books by J.K. Rowling or J. R. R. Tolkien...",
                &["Books by J.K. Rowling or J. R. R. Tolkien..."],
            ),
            ("So do I. One\nline", &["So do I.", "One", "line"]),
        ] {
            assert_eq!(sentences(text).collect::<Vec<_>>(), expected);
        }
    }
}
