//! The words of English that steer a request: comparisons, negations, joints, requests for more. The lists are in
//! [`phrases`](super::phrases).

use super::phrases::{CUES, FILLING, TELLING};

/// How a limit is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    Under,
    AtMost,
    Over,
    AtLeast,
    Around,
    Exactly,
}

impl Limit {
    /// The limit that holds when this one does not.
    pub(super) fn opposite(self) -> Self {
        match self {
            Self::Under => Self::AtLeast,
            Self::AtMost => Self::Over,
            Self::Over => Self::AtMost,
            Self::AtLeast => Self::Under,
            other => other,
        }
    }
}

/// What a steering word does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cue {
    /// A limit before its number.
    Limit(Limit),
    /// A limit after its number: "8 or more".
    Tail(Limit),
    Before,
    After,
    Since,
    Until,
    Between,
    From,
    To,
    In,
    By,
    With,
    Or,
    And,
    But,
    Not,
    Than,
    Like,
    Topic,
    Titled,
    /// The title begins with what follows.
    TitleStarts,
    Best,
    Worst,
    Top,
    More,
    Most,
    Less,
    Least,
    Sort,
    Highest,
    Lowest,
    Soft,
    Only,
    Those,
    It,
    Last,
    Others,
    Drop,
    Any,
    Reset,
    HowMany,
    Ask,
    Love,
    Hate,
    Describe,
    Why,
    Instead,
    OutOf,
    /// What follows gives way to what the turn says.
    InPlaceOf,
    /// The same, at the end: of a field that has one value, another beside it will do.
    Too,
    /// More of the same field, beside what was asked for.
    Add,
    /// Who asks, and politeness.
    Aside,
}

/// True for a word that says nothing by itself, or for a long one of them with a slip in it ("somthing").
pub(crate) fn is_filling(word: &str) -> bool {
    static WORDS: std::sync::LazyLock<std::collections::HashSet<&'static str>> =
        std::sync::LazyLock::new(|| FILLING.split_whitespace().collect());
    static LONG: std::sync::LazyLock<Vec<&'static str>> =
        std::sync::LazyLock::new(|| FILLING.split_whitespace().filter(|w| w.len() >= SLIPS_FROM).collect());
    let slipped = || word.len() + 1 >= SLIPS_FROM && LONG.iter().any(|w| strsim::osa_distance(w, word) == 1);
    WORDS.contains(word) || slipped()
}

/// True for a filling word that says something where it is what the items are about.
pub(super) fn is_telling(word: &str) -> bool {
    TELLING.split_whitespace().any(|w| w == word)
}

/// The fewest letters of a filling word that is known with a slip: shorter ones differ in one letter from too many others.
const SLIPS_FROM: usize = 8;

/// The steering word that this is a slip of ("simmilar"), else the word itself. Short words differ in one letter from too many
/// others, and everyday words are no slips.
pub(super) fn unslip(word: &str) -> &str {
    static LONG: std::sync::LazyLock<Vec<&'static str>> = std::sync::LazyLock::new(|| {
        CUES.iter().flat_map(|c| c.0.split(' ')).filter(|w| w.len() >= SLIPS_FROM - 1).collect()
    });
    if word.len() < SLIPS_FROM - 1 || super::chunks::is_common(word) {
        return word;
    }
    LONG.iter().find(|w| strsim::osa_distance(w, word) == 1).copied().unwrap_or(word)
}

/// True for a word that turns round what follows.
pub(crate) fn is_negation(word: &str) -> bool {
    matches!(cue(&[word]), Some((Cue::Not | Cue::Hate, _)))
}

/// True for a word that steers a request and has no meaning of its own.
pub(crate) fn is_steering(word: &str) -> bool {
    cue(&[word]).is_some()
}

/// The longest cue at the beginning of these words, and how many words it takes.
pub(super) fn cue(words: &[&str]) -> Option<(Cue, usize)> {
    static INDEX: std::sync::LazyLock<std::collections::HashMap<&'static str, Cue>> =
        std::sync::LazyLock::new(|| CUES.iter().copied().collect());
    (1..=words.len().min(4)).rev().find_map(|n| {
        let phrase = words.get(..n)?.join(" ");
        INDEX.get(phrase.as_str()).map(|cue| (*cue, n))
    })
}
