use segue_catalog::{Direction, Predicate};
use serde::{Deserialize, Serialize};

/// What the user has asked for so far in a conversation: every part with the words and the turn it came from.
/// What a later turn takes back is marked as retracted, not forgotten.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Constraints {
    /// Conditions on fields.
    pub conditions: Vec<Asked<Predicate>>,
    /// Words to search for, by their letters and by their meaning.
    pub queries: Vec<Asked<String>>,
    /// Items to be like, by id.
    pub likes: Vec<Asked<String>>,
    /// Items that must not come back, by id.
    pub dislikes: Vec<Asked<String>>,
    /// What to order by; the last one that is not retracted counts.
    pub orders: Vec<Asked<OrderBy>>,
    /// How many items to show, if the user said.
    pub count: Option<usize>,
}

/// One part of what the user asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked<T> {
    /// What it means.
    pub what: T,
    /// The user's words.
    pub text: String,
    /// The turn in which they were said, from 1.
    pub turn: u32,
    /// True if nothing may violate it; false if it only ranks.
    pub hard: bool,
    /// The turn that took it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retracted: Option<u32>,
}

/// An order by a field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderBy {
    /// The field.
    pub field: String,
    /// Which end first.
    pub direction: Direction,
}

impl<T> Asked<T> {
    /// Something said in this turn.
    pub fn new(what: T, text: &str, turn: u32, hard: bool) -> Self {
        Self { what, text: text.to_owned(), turn, hard, retracted: None }
    }

    /// True unless a later turn took it back.
    pub fn holds(&self) -> bool {
        self.retracted.is_none()
    }
}

impl Constraints {
    /// Every hard condition that holds, as one predicate.
    pub fn hard(&self) -> Predicate {
        let all = self.conditions.iter().filter(|c| c.hard && c.holds()).map(|c| c.what.clone());
        Predicate::All { all: all.collect() }
    }
}
