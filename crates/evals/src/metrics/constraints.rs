//! Constraint metrics: whether what was shown is what was asked for, now and earlier in the conversation.
//!
//! Conditions must fit the catalogue ([`segue_catalog::resolve`]); one on a field that is not there is satisfied by nothing.

use segue_agent::Constraints;
use segue_catalog::{Catalog, Predicate, Row};

use crate::Measure;

/// Pairs of item and hard condition that the item's row satisfies, of all pairs. `constraint_satisfaction`.
pub fn satisfaction(conditions: &[&Predicate], rows: &[Row], catalog: &Catalog) -> Measure {
    let each = satisfaction_of_each(conditions, rows, catalog);
    each.iter().fold(Measure::share(0, 0), |sum, (_, one)| Measure {
        value: sum.value + one.value,
        weight: sum.weight + one.weight,
    })
}

/// For each condition, as a person would read it, the items that satisfy it of those shown.
pub fn satisfaction_of_each(
    conditions: &[&Predicate],
    rows: &[Row],
    catalog: &Catalog,
) -> Vec<(String, Measure)> {
    let satisfy = |p: &Predicate| rows.iter().filter(|row| p.matches(row, catalog)).count();
    conditions.iter().map(|p| (p.to_string(), Measure::share(satisfy(p), rows.len()))).collect()
}

/// Items that violate something hard from before `turn` that still holds after it (conditions, and items that were not to come
/// back), of the items shown; weight 0 where there is nothing from before. `asked` is what the scenario says was asked for,
/// not what the agent understood. `earlier_violation`.
pub fn earlier_violation(asked: &Constraints, turn: u32, rows: &[Row], catalog: &Catalog) -> Measure {
    let holds = |since: u32, retracted: Option<u32>| since < turn && retracted.is_none_or(|at| at > turn);
    let conditions: Vec<_> =
        asked.conditions.iter().filter(|c| c.hard && holds(c.turn, c.retracted)).map(|c| &c.what).collect();
    let unwanted: Vec<_> =
        asked.dislikes.iter().filter(|d| holds(d.turn, d.retracted)).map(|d| d.what.as_str()).collect();
    if conditions.is_empty() && unwanted.is_empty() {
        return Measure::share(0, 0);
    }
    let violates = |row: &&Row| {
        unwanted.contains(&row.id(catalog)) || conditions.iter().any(|p| !p.matches(row, catalog))
    };
    Measure::share(rows.iter().filter(violates).count(), rows.len())
}
