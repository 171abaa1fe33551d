//! Conversations: what was asked so far, what was shown, and where both are kept.

mod store;

use std::sync::Arc;

use segue_catalog::CandidateSet;
use segue_catalog::text::squash;
use segue_world::World;
use serde::{Deserialize, Serialize};

pub use store::{SessionError, SessionStore};

use crate::{Answer, AnswerKind, Asked, Constraints, Earlier, Language, Question, ShownItem, TurnReport};

/// How many candidate sets of earlier turns stay in memory, so that a plan can name them.
const SETS_KEPT: usize = 64;

/// One conversation, as far as it has come. What is written of it, at the head of a trace, is all that a turn depends on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Session {
    /// A short name, unique in its store.
    pub id: String,
    /// How many turns there have been.
    pub turns: u32,
    /// What holds now.
    pub constraints: Constraints,
    /// What the user sees, in its order.
    pub shown: Vec<ShownItem>,
    /// The last turn that was answered.
    #[serde(skip)]
    pub last: Option<Box<TurnReport>>,
    /// The last turn that showed items: what "why" is answered from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_shown: Option<Box<TurnReport>>,
    /// The lists that were shown, and the item that was spoken of last.
    pub earlier: Earlier,
    /// What the last turn was said in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// What the last turn asked back.
    pub pending: Option<Question>,
    /// What was asked back so far, as [`squash`]ed words: nothing is asked twice.
    pub(crate) asked: Vec<String>,
    /// How many handles have been given out.
    pub handles: u32,
    /// The sets of earlier turns of this process, oldest first.
    #[serde(skip)]
    pub(crate) sets: Vec<Arc<CandidateSet>>,
    /// Where turns are written before they are shown; `None` for a conversation that is not kept.
    #[serde(skip)]
    pub(crate) store: Option<Arc<SessionStore>>,
}

impl Session {
    /// A conversation that is kept in memory only.
    pub fn in_memory(world: &dyn World) -> Self {
        Self::begin(world, None)
    }

    pub(crate) fn begin(world: &dyn World, store: Option<Arc<SessionStore>>) -> Self {
        Self {
            id: format!("{:08x}", world.random_u64() >> 32),
            turns: 0,
            constraints: Constraints::default(),
            shown: Vec::new(),
            last: None,
            last_shown: None,
            earlier: Earlier::default(),
            language: None,
            pending: None,
            asked: Vec::new(),
            handles: 0,
            sets: Vec::new(),
            store,
        }
    }

    /// Notes what the user made of items, by id: what is liked is to be like from the next turn on, what is disliked must not
    /// come back. The last word on an item counts.
    pub fn rate(&mut self, liked: &[String], disliked: &[String]) {
        let turn = self.turns;
        let Constraints { likes, dislikes, .. } = &mut self.constraints;
        note(liked, "liked", turn, false, likes, dislikes);
        note(disliked, "disliked", turn, true, dislikes, likes);
    }

    /// Forgets what was said and shown of fields that are hidden since.
    pub fn forget(&mut self, hidden: &[String]) {
        if hidden.is_empty() {
            return;
        }
        let Constraints { conditions, orders, .. } = &mut self.constraints;
        conditions.retain(|c| !c.what.conditions().iter().any(|c| hidden.contains(&c.field)));
        orders.retain(|o| !hidden.contains(&o.what.field));
        let names: Vec<String> = hidden.iter().map(|field| format!("\"{field}\"")).collect();
        for report in [&mut self.last, &mut self.last_shown] {
            let told = report.as_ref().map(|r| serde_json::to_string(r).unwrap_or_default());
            if told.is_some_and(|told| names.iter().any(|name| told.contains(name))) {
                *report = None;
            }
        }
    }

    /// Brings the conversation to where this turn leaves it.
    pub(crate) fn advance(&mut self, turn: StoredTurn) -> TurnReport {
        let StoredTurn { constraints, shown, handles, report } = turn;
        self.turns = report.turn;
        self.language = Some(report.language);
        self.constraints = constraints;
        self.shown = shown;
        self.handles = handles;
        let shows = |a: &Answer| {
            matches!(a.kind, AnswerKind::Recommendation | AnswerKind::Question) && !a.items.is_empty()
        };
        self.pending = report.answer.as_ref().and_then(|a| a.question.clone());
        self.asked.extend(self.pending.iter().map(|q| squash(&q.about)));
        if report.answer.as_ref().is_some_and(shows) {
            self.last_shown = Some(Box::new(report.clone()));
            self.earlier.lists.push(self.shown.clone());
        }
        // One item by itself is what is spoken of; a new list is not.
        if let Some(answer) = report.answer.as_ref().filter(|a| !a.items.is_empty()) {
            let one = answer.items.first().filter(|_| answer.items.len() == 1);
            self.earlier.focus = one.map(|item| item.id.clone());
        }
        self.last = Some(Box::new(report.clone()));
        report
    }

    /// The handles of the sets of earlier turns, which a plan can name.
    pub fn known_sets(&self) -> impl Iterator<Item = &str> {
        self.sets.iter().map(|set| set.handle().0.as_str())
    }

    pub(crate) fn keep_sets(&mut self, sets: impl IntoIterator<Item = Arc<CandidateSet>>) {
        self.sets.extend(sets);
        let surplus = self.sets.len().saturating_sub(SETS_KEPT);
        self.sets.drain(..surplus);
    }
}

/// Adds items to one side and takes them back from the other.
fn note(
    ids: &[String],
    text: &str,
    turn: u32,
    hard: bool,
    to: &mut Vec<Asked<String>>,
    from: &mut [Asked<String>],
) {
    for id in ids {
        from.iter_mut().filter(|a| a.holds() && a.what == *id).for_each(|a| a.retracted = Some(turn));
        if !to.iter().any(|a| a.holds() && a.what == *id) {
            to.push(Asked::new(id.clone(), text, turn, hard));
        }
    }
}

/// What a session keeps of a turn: all that is needed to go on from it, and to look at it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredTurn {
    /// What holds after it.
    pub constraints: Constraints,
    /// What the user sees after it.
    pub shown: Vec<ShownItem>,
    /// How many handles have been given out.
    pub handles: u32,
    /// The turn itself: request, reading, plan, calls, answer.
    pub report: TurnReport,
}

/// A conversation in a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSummary {
    /// Its name.
    pub id: String,
    /// When it began.
    pub began: jiff::Timestamp,
    /// When its last turn was written.
    pub changed: jiff::Timestamp,
    /// How many turns it has.
    pub turns: u32,
    /// The first request.
    pub title: String,
}

#[cfg(test)]
mod tests;
