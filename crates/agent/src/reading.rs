use segue_catalog::Predicate;
use serde::{Deserialize, Serialize};

use crate::{Constraints, Question};

/// A request as a planner understood it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// What this turn said, in the order of its words.
    pub understood: Vec<Understood>,
    /// The words of this turn that nothing was made of, and that are more than filling.
    pub not_understood: Vec<String>,
    /// The phrases of the request of which nothing was made but words to search for, or nothing at all: what is left for
    /// somebody who understands more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
    /// The stretches of the request in which those phrases stand, from one thing that was understood to the next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<String>,
    /// Phrases of this turn that describe a name, a time or a place instead of saying it, and that the catalogue does not
    /// explain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub described: Vec<Described>,
    /// What holds now: the constraints before this turn, with this turn's changes made.
    pub constraints: Constraints,
    /// What the user wants done.
    pub intent: Intent,
    /// Items named exactly that the catalogue does not have. The answer says so and never replaces them.
    pub absent: Vec<String>,
    /// What is not clear, where the answer would change the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<Question>,
}

/// A phrase that describes what it means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Described {
    /// The phrase.
    pub text: String,
    /// The values of the catalogue of which it means one, if that much is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub among: Vec<String>,
    /// The fields of which it means a value, where it names what it describes: "the language of …".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

/// One thing understood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Understood {
    /// The user's words.
    pub text: String,
    /// The condition they mean; `None` for what is not a condition (an order, a likeness, words to search for).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicate: Option<Predicate>,
    /// What they mean, for people: "ordered by year, newest first", "like Alien".
    pub meaning: String,
    /// True if nothing may violate it.
    pub hard: bool,
}

/// What the user wants done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// Find items.
    Search,
    /// Show everything about these items (by id).
    Describe(Vec<String>),
    /// Say why an item (by id) was shown.
    Why(String),
    /// Say how many there are.
    Count,
    /// Forget what was asked and start anew.
    Reset,
}

/// What of earlier turns a request can point at besides the items that the user sees.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Earlier {
    /// Every list that was shown, the oldest first. The last is the one that the user sees.
    pub lists: Vec<Vec<ShownItem>>,
    /// The item (by id) that was spoken of last: "it".
    pub focus: Option<String>,
}

impl Earlier {
    /// Places from here on are those of earlier lists, one after the other.
    const FIRST: usize = 1 << 20;

    /// The place of the item at `index` of a list.
    pub(crate) fn place(&self, list: usize, index: usize) -> usize {
        Self::FIRST + self.lists.iter().take(list).map(Vec::len).sum::<usize>() + index
    }

    /// The item at a place, of the items that the user sees or of an earlier list.
    pub(crate) fn item<'a>(&'a self, shown: &'a [ShownItem], place: usize) -> Option<&'a ShownItem> {
        match place.checked_sub(Self::FIRST) {
            None => shown.get(place),
            Some(index) => self.lists.iter().flatten().nth(index),
        }
    }

    /// The place among the items that the user sees of the one that was spoken of last.
    pub(crate) fn focus(&self, shown: &[ShownItem]) -> Option<usize> {
        let id = self.focus.as_ref()?;
        shown.iter().position(|s| s.id == *id)
    }
}

/// An item that the user sees, as `#1`, `#2`, … in the order of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShownItem {
    /// The item's id.
    pub id: String,
    /// Its title.
    pub title: String,
}
