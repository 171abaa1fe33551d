//! A user and a system in conversation, until the target is shown or patience ends.

use std::future::Future;

use segue_catalog::{Catalog, Predicate, Row};

use super::speaker::{Speaker, Spoken};
use super::user::{Reaction, User, Utterance};
use crate::suite::CaseError;

/// Whom the user talks to.
pub trait Partner: Send {
    /// The items that are shown in answer to these words, the most prominent first.
    fn answer(&mut self, words: &str) -> impl Future<Output = Result<Vec<Row>, CaseError>> + Send;
}

/// One turn: what was said, and what was shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// What the user meant, in the words of the templates.
    pub meant: Utterance,
    /// What was said.
    pub said: Spoken,
    /// The conditions that the user had said, this turn's included: `earlier` of them before it.
    pub conditions: Vec<Predicate>,
    /// How many of the conditions were said before this turn.
    pub earlier: usize,
    /// What was shown.
    pub shown: Vec<Row>,
    /// Why nothing was shown, if it failed.
    pub error: Option<String>,
    /// Where the target was, from 1.
    pub place: Option<usize>,
}

/// A conversation that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// Its turns.
    pub turns: Vec<Exchange>,
    /// How many there could have been.
    pub patience: usize,
}

impl Conversation {
    /// The turn in which the target was shown, from 1.
    pub fn found(&self) -> Option<usize> {
        self.turns.iter().position(|t| t.place.is_some()).map(|at| at + 1)
    }
}

/// Lets a user talk to a system for at most `patience` turns. A turn that fails shows nothing, and the user goes on; a conversation
/// in which every turn failed is an error. With a speaker, a model says what the user means.
pub async fn converse(
    user: &mut User,
    partner: &mut impl Partner,
    speaker: Option<&Speaker>,
    patience: usize,
    catalog: &Catalog,
) -> Result<Conversation, CaseError> {
    let mut turns: Vec<Exchange> = Vec::new();
    let mut next = user.begin();
    while let Some(meant) = next.take().filter(|_| turns.len() < patience) {
        let earlier = turns.last().map_or(0, |t| t.conditions.len());
        let said = match speaker {
            Some(speaker) => speaker.say(&meant, user).await,
            None => Spoken::as_meant(&meant),
        };
        let (shown, error) = match partner.answer(&said.text).await {
            Ok(shown) => (shown, None),
            Err(CaseError(reason)) => (Vec::new(), Some(reason)),
        };
        let conditions = user.conditions();
        let reaction = user.look(&shown, catalog);
        let place = if let Reaction::Accepts(place) = reaction { Some(place) } else { None };
        turns.push(Exchange { meant, said, conditions, earlier, shown, error, place });
        if let Reaction::Says(words) = reaction {
            next = Some(words);
        }
    }
    match turns.iter().find_map(|t| t.error.clone()) {
        Some(reason) if turns.iter().all(|t| t.error.is_some()) => Err(CaseError(reason)),
        _ => Ok(Conversation { turns, patience }),
    }
}
