//! The `rules` planner: a request read against the catalogue's own words, with no model.
//!
//! [`read`] turns one turn of a conversation into a [`Reading`]: what was understood, word for word, and the
//! constraints that hold from now on. [`plan`] turns a reading into a [`Plan`](crate::Plan), choosing tools by their
//! role. Nothing here knows what the catalogue is about: names, adjectives and synonyms come from its fields, values
//! from its lexicon, "short" and "recent" from its statistics. English is all that is built in.

mod bounds;
mod chunks;
mod compare;
mod compile;
mod cues;
mod merge;
mod morphology;
mod numbers;
mod parse;
mod references;
mod tokens;
mod turn;
mod values;
mod vocabulary;

use segue_catalog::{Snapshot, StoreError};

use crate::{Constraints, Reading, ShownItem};

pub use compile::{DEFAULT_COUNT, plan};

/// A request that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// The catalogue could not be asked for its values.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads one turn. `before` is what held before it, `shown` what the user sees (`#1` first), `turn` counts from 1.
pub fn read(
    request: &str,
    snapshot: &Snapshot,
    before: &Constraints,
    shown: &[ShownItem],
    turn: u32,
) -> Result<Reading, RulesError> {
    let vocabulary = vocabulary::Vocabulary::new(snapshot);
    let tokens = tokens::tokenize(request);
    let chunks = chunks::chunks(request, &tokens, &vocabulary, shown.len())?;
    let said = parse::Parser::new(request, &tokens, &chunks, &vocabulary, shown).run()?;
    let context = merge::Context { request, tokens: &tokens, snapshot, shown, number: turn };
    merge::join(&context, before, said)
}
