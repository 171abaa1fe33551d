//! The `rules` planner: a request read against the catalogue's own words, with no model.
//!
//! [`read`] turns one turn of a conversation into a [`Reading`]: what was understood, word for word, and the
//! constraints that hold from now on. [`plan`] turns a reading into a [`Plan`](crate::Plan), choosing tools by their
//! role. Nothing here knows what the catalogue is about: names, adjectives and synonyms come from its fields, values
//! from its lexicon, "short" and "recent" from its statistics. English is what is read; a request in another language is
//! put into English first, phrase by phrase, and every word keeps its place ([`gloss`]).

mod asides;
mod bounds;
mod chunks;
mod compare;
mod compile;
mod cues;
mod dates;
mod descriptions;
mod doubts;
mod gloss;
mod inflection;
mod merge;
mod morphology;
mod numbers;
mod numerals;
mod parse;
mod phrases;
mod references;
mod segments;
mod titles;
mod tokens;
mod turn;
mod values;
mod vocabulary;

use segue_catalog::{Snapshot, StoreError};

use crate::{Constraints, Earlier, Language, Reading, ShownItem};

pub(crate) use bounds::is_calendar;
pub(crate) use chunks::is_common;
pub(crate) use compile::{Compiler, holding, order_args};
pub use compile::{DEFAULT_COUNT, plan};
pub(crate) use cues::{is_filling, is_negation, is_steering};
pub(crate) use dates::period;
pub(crate) use merge::{SEARCHED, add};
pub(crate) use morphology::{Form, degrees, participle, plural};
pub(crate) use numbers::{number, quantity};
pub(crate) use references::titled_items;
pub(crate) use tokens::{Gap, Token, is_han, tokenize};
pub(crate) use vocabulary::is_maker;

/// A request that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// The catalogue could not be asked for its values.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a turn is read against.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The catalogue.
    pub snapshot: &'a Snapshot,
    /// What held before the turn.
    pub before: &'a Constraints,
    /// What the user sees, `#1` first.
    pub shown: &'a [ShownItem],
    /// The number of the turn, from 1.
    pub turn: u32,
    /// The day it is, for "the last five years": an ISO 8601 date. Without one such words are not understood.
    pub today: Option<&'a str>,
    /// What the turn is said in.
    pub language: Language,
}

/// Reads one turn, the first of a conversation or one that points at nothing before the last list.
pub fn read(request: &str, situation: &Situation<'_>) -> Result<Reading, RulesError> {
    read_after(request, situation, &Earlier::default())
}

/// A request with its steering words in English, as far as they are known; what it names stays as it is.
pub(crate) fn in_english(request: &str, situation: &Situation<'_>) -> Result<String, RulesError> {
    let vocabulary = vocabulary::Vocabulary::new(situation.snapshot, situation.today, situation.language);
    let tokens = gloss::gloss(request, &vocabulary)?;
    Ok(tokens.iter().map(|t| t.word.as_str()).collect::<Vec<_>>().join(" "))
}

/// Reads one turn, which may point at earlier lists.
pub fn read_after(
    request: &str,
    situation: &Situation<'_>,
    earlier: &Earlier,
) -> Result<Reading, RulesError> {
    let Situation { snapshot, before, shown, turn, today, language } = *situation;
    let vocabulary = vocabulary::Vocabulary::new(snapshot, today, language);
    let tokens = gloss::gloss(request, &vocabulary)?;
    let chunks = chunks::chunks(request, &tokens, &vocabulary, shown.len(), earlier)?;
    let said = parse::Parser::new(request, &tokens, &chunks, &vocabulary, (shown, before), earlier).run()?;
    let context =
        merge::Context { request, tokens: &tokens, snapshot, shown, earlier, number: turn, language };
    merge::join(&context, before, said)
}
