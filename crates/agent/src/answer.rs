//! What a turn says, item by item and sentence by sentence, with what supports it.

mod check;
mod compose;
mod diagnosis;
mod reasons;
mod sentences;
mod written;

use segue_catalog::{Contribution, Value};
use serde::{Deserialize, Serialize};

use crate::{Question, Steered};

pub(crate) use compose::{Material, compose, select};
pub(crate) use written::{PROMPT as WRITE, Written, ask as ask_to_write};

/// The known values of an item by the names of their fields, in the order of the catalogue.
pub type Fields = serde_json::Map<String, serde_json::Value>;

/// What a turn says to the user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// What it is.
    pub kind: AnswerKind,
    /// Whole sentences for the user. The lines about items are in [`AnswerItem::reason`].
    pub text: String,
    /// Why the work ended.
    pub stop: Stop,
    /// Sentences or parts of them that the evidence did not support, and that were left out.
    pub removed_claims: u32,
    /// The model that worded it, if one did and what it wrote was borne out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_by: Option<String>,
    /// Items that violated a hard condition when checked against their row, and that were left out. More than none
    /// is a defect of a tool.
    pub removed_items: u32,
    /// How many items there are besides those shown; `None` where that is not what was asked.
    pub matched: Option<u64>,
    /// What is asked back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<Question>,
    /// The items, in order.
    pub items: Vec<AnswerItem>,
}

/// What an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerKind {
    /// Items that fit.
    Recommendation,
    /// Everything about some items.
    Description,
    /// Why an item was shown.
    Explanation,
    /// How many there are.
    Count,
    /// Nothing was asked: the conversation begins anew.
    Acknowledgement,
    /// A question back, beside the items of the likeliest meaning.
    Question,
}

/// Why the work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// Done, and every check passed.
    Passed,
    /// Done, and nothing fits.
    Empty,
    /// The budget was used up: this is the best so far.
    Budget,
    /// The user stopped it: this is the best so far.
    Cancelled,
    /// A call failed that the rest needed: this is the best so far.
    Failed,
}

/// One item of an answer, with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerItem {
    /// How the user can name it in the next turn: `#1`.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What the catalogue knows of it.
    pub fields: Fields,
    /// Its score in the last set; `None` if that only filters.
    pub score: Option<f64>,
    /// One line on why it is here, every part of it supported by `evidence` or `contributions`.
    pub reason: String,
    /// What each call said of it.
    pub contributions: Vec<Contribution>,
    /// The values that support what is claimed of it.
    pub evidence: Vec<Support>,
    /// The owner's rules that gave it its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steering: Vec<Steered>,
    /// The hash of the row that was looked at.
    pub row_hash: String,
}

/// A claim about an item and the value that supports it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Support {
    /// What is claimed: "runtime < 120".
    pub claim: String,
    /// The field that shows it.
    pub field: String,
    /// Its value in the item's row.
    pub value: Value,
}
