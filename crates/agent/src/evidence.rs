//! Evidence: what supports an item, and whether it supports what is said of it.
//!
//! An item is checked against its row in the catalogue with [`Predicate::matches`], which shares nothing with the
//! SQL that found it; and nothing is said of it that its row or the calls do not show.

use segue_catalog::{Catalog, Contribution, Direction, Predicate, Role, Row, Snapshot, StoreError, Value};

use crate::languages::{grouped_in, is_none_of};
use crate::{CallAnswer, Constraints, Fields, Language, Support};

/// What is known of one item of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemEvidence {
    /// The item as it stands in the catalogue.
    pub row: Row,
    /// What each call said of it.
    pub contributions: Vec<Contribution>,
    /// Hard conditions that hold for the row.
    pub satisfied: Vec<Predicate>,
    /// Hard conditions that do not. An item with any must not be shown.
    pub violated: Vec<String>,
}

impl ItemEvidence {
    /// Looks at an item with fresh eyes: every hard condition is tried on its row.
    pub fn examine(
        row: Row,
        contributions: Vec<Contribution>,
        constraints: &Constraints,
        catalog: &Catalog,
    ) -> Self {
        let hard = constraints.conditions.iter().filter(|c| c.hard && c.holds()).map(|c| &c.what);
        let (satisfied, violated): (Vec<_>, Vec<_>) = hard.partition(|p| p.matches(&row, catalog));
        let mut violated: Vec<_> = violated.into_iter().map(ToString::to_string).collect();
        let id = row.id(catalog);
        if constraints.dislikes.iter().any(|d| d.holds() && d.what == id) {
            violated.push(format!("`{id}` must not come back"));
        }
        Self { satisfied: satisfied.into_iter().cloned().collect(), violated, contributions, row }
    }

    /// The values that show that the hard conditions hold.
    pub fn support(&self, catalog: &Catalog) -> Vec<Support> {
        let mut found: Vec<Support> = Vec::new();
        for predicate in &self.satisfied {
            for condition in predicate.conditions() {
                let (claim, field) = (predicate.to_string(), condition.field.clone());
                if !found.iter().any(|s| s.claim == claim && s.field == field) {
                    let value = self.row.get(catalog, &field).clone();
                    found.push(Support { claim, field, value });
                }
            }
        }
        found
    }

    /// What the catalogue knows of the item, in the order of its fields.
    pub fn fields(&self, catalog: &Catalog) -> Fields {
        project(&self.row, catalog)
    }

    /// True if the row or the calls show what the claim says.
    pub fn supports(&self, claim: &ItemClaim, catalog: &Catalog) -> bool {
        match &claim.basis {
            ItemBasis::Values { field, values } => {
                let known = self.row.get(catalog, field).each();
                let shown = |v: &Value| known.contains(v) && claim.text.contains(&v.to_string());
                !values.is_empty() && values.iter().all(shown)
            }
            ItemBasis::Place { step, rank } => {
                let said = |c: &Contribution| c.step == *step && c.rank == Some(*rank);
                self.contributions.iter().any(said) && claim.text.contains(&rank.to_string())
            }
        }
    }
}

/// The known values of a row by the names of their fields.
pub(crate) fn project(row: &Row, catalog: &Catalog) -> Fields {
    let known = catalog.fields.iter().zip(&row.values).filter(|(_, value)| !value.is_null());
    known.filter_map(|(field, value)| Some((field.name.clone(), serde_json::to_value(value).ok()?))).collect()
}

/// Something said of one item, and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemClaim {
    /// The words.
    pub text: String,
    /// What they rest on.
    pub basis: ItemBasis,
}

/// What a claim about an item rests on.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemBasis {
    /// These are values of the field in the item's row.
    Values {
        /// The field.
        field: String,
        /// Some or all of its values.
        values: Vec<Value>,
    },
    /// A call put the item in this place.
    Place {
        /// The step of the plan.
        step: String,
        /// From 1.
        rank: u32,
    },
}

/// A sentence about the answer as a whole, and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The sentence.
    pub text: String,
    /// What it rests on.
    pub basis: Basis,
}

/// What a sentence rests on.
#[derive(Debug, Clone, PartialEq)]
pub enum Basis {
    /// What the program did; no claim about the catalogue.
    Procedure,
    /// These numbers were counted by the call of this step: its set's size, or its diagnosis.
    Counts {
        /// The step of the plan.
        step: String,
        /// The numbers that the sentence says.
        counts: Vec<u64>,
    },
    /// The catalogue has this many items.
    Size(u64),
    /// The items come in the order of a field; those of which it is not known last.
    Order {
        /// The field.
        field: String,
        /// Which end first.
        direction: Direction,
    },
    /// No item has this title.
    Absent(String),
}

/// Everything that sentences are checked against.
#[derive(Debug)]
pub struct Ledger<'a> {
    /// The catalogue.
    pub snapshot: &'a Snapshot,
    /// The answers of all calls.
    pub calls: &'a [CallAnswer],
    /// The items, in the order in which they are shown.
    pub items: &'a [ItemEvidence],
}

impl Ledger<'_> {
    /// True if the sentence is supported.
    pub fn supports(&self, claim: &Claim) -> Result<bool, StoreError> {
        let catalog = self.snapshot.catalog();
        Ok(match &claim.basis {
            Basis::Procedure => true,
            Basis::Size(n) => catalog.items == *n && says(&claim.text, *n),
            Basis::Counts { step, counts } => {
                let call = self.calls.iter().find(|c| c.step == *step);
                let counted = call.map(counted_by).unwrap_or_default();
                counts.iter().all(|n| (counted.contains(n) || *n == catalog.items) && says(&claim.text, *n))
            }
            Basis::Order { field, direction } => self.is_in_order(field, *direction),
            Basis::Absent(title) => {
                let titles = catalog.fields.iter().position(|f| f.role == Role::Title);
                !self.snapshot.lexicon_exact(title)?.iter().any(|e| Some(e.field) == titles)
            }
        })
    }

    fn is_in_order(&self, field: &str, direction: Direction) -> bool {
        let catalog = self.snapshot.catalog();
        let values: Vec<_> = self.items.iter().map(|i| i.row.get(catalog, field)).collect();
        values.windows(2).all(|pair| match pair {
            [a, b] if b.is_null() || a.is_null() => !a.is_null() || b.is_null(),
            [a, b] => {
                let order = match (a.as_f64(), b.as_f64()) {
                    (Some(a), Some(b)) => a.total_cmp(&b),
                    _ => segue_catalog::text::fold(&a.to_string())
                        .cmp(&segue_catalog::text::fold(&b.to_string())),
                };
                if direction == Direction::Ascending { order.is_le() } else { order.is_ge() }
            }
            _ => true,
        })
    }
}

fn counted_by(call: &CallAnswer) -> Vec<u64> {
    let mut counts: Vec<u64> = call.count().into_iter().collect();
    if let Some(diagnosis) = call.diagnosis() {
        counts.extend(diagnosis.conditions.iter().map(|c| c.count));
        counts.extend(diagnosis.relaxations.iter().map(|r| r.count));
    }
    counts
}

fn says(text: &str, number: u64) -> bool {
    let said = |language: &Language| text.contains(&grouped_in(*language, number));
    Language::ALL.iter().any(said) || (number == 0 && is_none_of(text))
}

/// A count as people write it: 17,472.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests;
