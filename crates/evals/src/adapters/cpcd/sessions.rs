//! An agent in a recorded conversation: told turn by turn, with what was liked and disliked in between.
//!
//! The user answered to what another showed. So what the agent showed is not what the user sees at the next turn: that is what
//! was kept of the turn, as far as the protocol lets it be known; and what the agent asked back was never answered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use segue_agent::{MAX_ITEMS, Session, ShownItem, TurnOptions};
use tokio::sync::OnceCell;

use super::protocol::seeds;
use super::{Dialogue, Tracks, Turn};
use crate::adapters::systems::{Found, Systems};
use crate::suite::{CaseError, Variant};

/// The session after a turn, and what the turn found.
type After = Arc<Result<(Session, Found), CaseError>>;

/// Turns by variant, conversation and number.
type Told = BTreeMap<(String, String, usize), Arc<OnceCell<After>>>;

/// The turns that were told so far.
#[derive(Debug)]
pub(super) struct Sessions {
    /// False if each repeat of a turn is to come about anew.
    keep: bool,
    told: Mutex<Told>,
}

impl Sessions {
    pub(super) fn new(keep: bool) -> Self {
        Self { keep, told: Mutex::default() }
    }

    /// What the agent finds at a turn (from 0), after all turns before it.
    pub(super) async fn turn(
        &self,
        systems: &Systems,
        variant: &Variant,
        dialogue: &Dialogue,
        turn: usize,
        tracks: &Tracks,
    ) -> Result<Found, CaseError> {
        let mut before: Option<(After, &Turn)> = None;
        for (t, said) in dialogue.turns.iter().enumerate().take(turn + 1) {
            let cell = self.cell(variant, dialogue, t);
            let tell = async || {
                let session = match &before {
                    None => Ok(systems.session()),
                    Some((after, turn)) => match after.as_ref() {
                        Ok((session, _)) => Ok(rated(session, turn, tracks)),
                        Err(error) => Err(error.clone()),
                    },
                };
                Arc::new(match session {
                    Ok(mut session) => match systems
                        .turn(&variant.name, &mut session, &said.user_query, Self::options())
                        .await
                    {
                        Ok(found) => Ok((session, found)),
                        Err(error) => Err(error),
                    },
                    Err(error) => Err(error),
                })
            };
            let after = cell.get_or_init(tell).await.clone();
            before = Some((after, said));
        }
        match before.as_ref().map(|(after, _)| after.as_ref()) {
            Some(Ok((_, found))) => Ok(found.clone()),
            Some(Err(error)) => Err(error.clone()),
            None => Err(CaseError(format!("conversation `{}` has no turns", dialogue.id))),
        }
    }

    /// The user puts a list of items together.
    fn options() -> TurnOptions {
        TurnOptions { k: Some(MAX_ITEMS), collecting: true, ..TurnOptions::default() }
    }

    fn cell(&self, variant: &Variant, dialogue: &Dialogue, turn: usize) -> Arc<OnceCell<After>> {
        if !self.keep {
            return Arc::default();
        }
        let key = (variant.name.clone(), dialogue.id.clone(), turn);
        self.told.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone()
    }
}

/// The session with what the user made of a turn.
fn rated(session: &Session, turn: &Turn, tracks: &Tracks) -> Session {
    let mut session = session.clone();
    let kept = seeds(&turn.liked_results);
    session.rate(kept, &turn.disliked_results);
    let shown = |id: &String| Some(ShownItem { id: id.clone(), title: tracks.get(id)?.title.clone() });
    session.shown = kept.iter().filter_map(shown).collect();
    session.pending = None;
    session
}
