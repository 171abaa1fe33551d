//! The `rules` planner: a request read against the catalogue's own words, with no model.
//!
//! [`read`] turns one turn of a conversation into a [`Reading`]: what was understood, word for word, and the
//! constraints that hold from now on. [`plan`] turns a reading into a [`Plan`](crate::Plan), choosing tools by their
//! role. Nothing here knows what the catalogue is about: names, adjectives and synonyms come from its fields, values
//! from its lexicon, "short" and "recent" from its statistics. English is all that is built in.

mod compile;

use segue_catalog::{Snapshot, StoreError};

use crate::{Asked, Constraints, Intent, Reading, ShownItem, Understood};

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
    _snapshot: &Snapshot,
    before: &Constraints,
    _shown: &[ShownItem],
    turn: u32,
) -> Result<Reading, RulesError> {
    let mut constraints = before.clone();
    constraints.queries.push(Asked::new(request.to_owned(), request, turn, false));
    let understood = vec![Understood {
        text: request.to_owned(),
        predicate: None,
        meaning: "words to search for".to_owned(),
        hard: false,
    }];
    Ok(Reading {
        understood,
        not_understood: Vec::new(),
        constraints,
        intent: Intent::Search,
        absent: Vec::new(),
    })
}
