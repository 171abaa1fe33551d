//! What the owner of a catalogue says about its answers, in two files of the workspace that are read when it is opened:
//! `synonyms.txt`, other words for what the catalogue says ([`Synonyms`]), and `steering.toml`, fields that nobody sees and
//! rules that lift, lower, place or leave out items ([`Rule`]).
//!
//! ```toml
//! hide = ["cost_price"]
//!
//! [[rule]]
//! name = "spring-sale"
//! do = "boost"                     # or "bury", "pin", "exclude"
//! by = 1.5                         # boost: above 1; bury: between 0 and 1; pin has `at`, a place from 1
//! items = { field = "brand", op = "eq", value = "Acme" }       # or ids = ["a17", "b2"]
//! when = { words = ["garden"], fields = ["price"] }            # optional
//! from = "2026-03-01"                                          # both days included
//! until = "2026-05-31"
//! because = "spring sale"
//! ```
//!
//! A rule may look at hidden fields; nothing else does. What is wrong in either file is an error with its line, and what
//! names nothing that is there any more a warning.

mod check;
mod file;
mod synonyms;

use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};

use crate::text::{fold, is_unspaced, words};
use crate::{Ordinal, Predicate};

pub use file::SteeringError;
pub use synonyms::{Alternative, SynonymLine, Synonyms};

/// What the owner's two files say, checked against the catalogue.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Steering {
    /// Fields that nobody sees, in the order of the catalogue.
    pub hidden: Vec<String>,
    /// The rules, in the order of the file.
    pub rules: Vec<Rule>,
    /// Other words for what the catalogue says.
    pub synonyms: Synonyms,
    /// What is not wrong and yet does nothing, with its place.
    pub warnings: Vec<String>,
    /// The texts of both files: what is different there can change an answer.
    pub(crate) texts: [String; 2],
}

/// One rule of `steering.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// How evidence names it.
    pub name: String,
    /// What it does to its items.
    pub effect: Effect,
    /// The line of `steering.toml` where it begins.
    pub line: usize,
    /// Its items, as of this generation.
    pub items: RoaringBitmap,
    /// The same in the order in which they are pinned.
    pub order: Vec<Ordinal>,
    /// For which requests.
    pub when: When,
    /// The first day on which it holds, ISO 8601.
    pub from: Option<String>,
    /// The last one.
    pub until: Option<String>,
    /// The owner's reason, shown with whatever it touched.
    pub because: Option<String>,
}

/// What a rule does to its items.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Effect {
    /// Multiplies their score by a factor above 1.
    Boost {
        /// The factor.
        by: f64,
    },
    /// Multiplies their score by a factor between 0 and 1.
    Bury {
        /// The factor.
        by: f64,
    },
    /// Puts them in a place, the first of them here and the others behind it.
    Pin {
        /// From 1.
        at: usize,
    },
    /// They are not there.
    Exclude,
}

/// The requests for which a rule holds: all, where nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct When {
    /// At least one of these words or phrases occurs in the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// At least one of these fields has a hard condition on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

/// What rules are held against. Without a request, those with conditions on it do not hold.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// The day, ISO 8601.
    pub today: &'a str,
    /// The user's words, if anybody spoke.
    pub request: Option<&'a str>,
    /// The hard conditions that are known so far.
    pub conditions: &'a [&'a Predicate],
}

impl Effect {
    /// The name in `steering.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boost { .. } => "boost",
            Self::Bury { .. } => "bury",
            Self::Pin { .. } => "pin",
            Self::Exclude => "exclude",
        }
    }
}

impl std::fmt::Display for Effect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Boost { by } | Self::Bury { by } => write!(f, "{} ×{by}", self.name()),
            Self::Pin { at } => write!(f, "pin at {at}"),
            Self::Exclude => f.write_str(self.name()),
        }
    }
}

impl Rule {
    /// True from its first day to its last.
    pub fn holds_on(&self, today: &str) -> bool {
        // Days in ISO 8601 compare as text.
        self.from.as_deref().is_none_or(|from| from <= today)
            && self.until.as_deref().is_none_or(|u| today <= u)
    }

    /// True if the day and the request are those that it is for.
    pub fn holds(&self, occasion: &Occasion<'_>) -> bool {
        self.holds_on(occasion.today) && self.when.holds(occasion)
    }
}

impl When {
    fn holds(&self, occasion: &Occasion<'_>) -> bool {
        let said = || {
            let request = fold(occasion.request.unwrap_or_default());
            let said: Vec<String> = words(&request).collect();
            self.words.iter().any(|wanted| {
                let phrase: Vec<String> = words(wanted).collect();
                let unspaced = wanted.chars().all(is_unspaced) && request.contains(&fold(wanted));
                unspaced || said.windows(phrase.len().max(1)).any(|part| part == phrase)
            })
        };
        let asked = || {
            let mut named = occasion.conditions.iter().flat_map(|p| p.conditions());
            named.any(|c| self.fields.contains(&c.field))
        };
        (self.words.is_empty() || said()) && (self.fields.is_empty() || asked())
    }
}

impl Steering {
    /// The same without rules and synonyms; what is hidden stays hidden.
    #[must_use]
    pub fn only_hiding(self) -> Self {
        let hide = self.hidden.join(" ");
        Self { rules: Vec::new(), synonyms: Synonyms::default(), texts: [hide, String::new()], ..self }
    }

    /// True if neither file says anything.
    pub fn is_empty(&self) -> bool {
        self.hidden.is_empty() && self.rules.is_empty() && self.synonyms.is_empty()
    }

    /// What both files say, for a digest.
    pub fn texts(&self) -> &[String; 2] {
        &self.texts
    }

    /// The items that rules leave out on this occasion.
    pub fn excluded(&self, occasion: &Occasion<'_>) -> RoaringBitmap {
        let excluding = self.rules.iter().filter(|r| r.effect == Effect::Exclude && r.holds(occasion));
        excluding.fold(RoaringBitmap::new(), |all, rule| all | &rule.items)
    }

    /// True if what is left out depends on the conditions of a request.
    pub fn excludes_by_condition(&self) -> bool {
        self.rules.iter().any(|r| r.effect == Effect::Exclude && !r.when.fields.is_empty())
    }
}

#[cfg(test)]
mod tests;
