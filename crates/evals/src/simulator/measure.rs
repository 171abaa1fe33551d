//! What a conversation with a simulated user was worth.

use std::collections::{BTreeMap, BTreeSet};

use segue_catalog::{Catalog, Predicate, Row};

use super::conversation::Conversation;
use crate::Measure;
use crate::metrics::constraints;

/// The measures of a conversation by the names of their metrics: `target_found`, `turns_to_target`, `target_regret`,
/// `repetition`, `constraint_satisfaction`, `earlier_violation`.
pub fn measures(conversation: &Conversation, catalog: &Catalog) -> BTreeMap<String, Measure> {
    let patience = conversation.patience;
    let found = conversation.found();
    // What the list shown is worth less than one with the target first; a turn that was not needed loses nothing.
    let gain = |place: Option<usize>| place.map_or(0.0, |at| 1.0 / (at as f64 + 1.0).log2());
    let end = found.unwrap_or(patience);
    let lost: f64 = (0..end).map(|t| 1.0 - gain(conversation.turns.get(t).and_then(|turn| turn.place))).sum();
    let none = Measure::share(0, 0);
    let (mut repeated, mut satisfied, mut violated) = (none, none, none);
    let mut rejected: BTreeSet<&str> = BTreeSet::new();
    for turn in &conversation.turns {
        rejected.extend(turn.meant.rejected.as_deref());
        if !rejected.is_empty() {
            let again = turn.shown.iter().filter(|row| rejected.contains(row.id(catalog))).count();
            add(&mut repeated, Measure::share(again, turn.shown.len()));
        }
        let all: Vec<&Predicate> = turn.conditions.iter().collect();
        add(&mut satisfied, constraints::satisfaction(&all, &turn.shown, catalog));
        let earlier = turn.conditions.get(..turn.earlier).unwrap_or_default();
        if !earlier.is_empty() {
            let breaks = |row: &&Row| earlier.iter().any(|p| !p.matches(row, catalog));
            let breaking = turn.shown.iter().filter(breaks).count();
            add(&mut violated, Measure::share(breaking, turn.shown.len()));
        }
    }
    BTreeMap::from([
        ("target_found".to_owned(), Measure::share(usize::from(found.is_some()), 1)),
        ("turns_to_target".to_owned(), Measure::one(found.unwrap_or(patience + 1) as f64)),
        ("target_regret".to_owned(), Measure::one(lost / patience.max(1) as f64)),
        ("repetition".to_owned(), repeated),
        ("constraint_satisfaction".to_owned(), satisfied),
        ("earlier_violation".to_owned(), violated),
    ])
}

fn add(sum: &mut Measure, one: Measure) {
    sum.value += one.value;
    sum.weight += one.weight;
}
