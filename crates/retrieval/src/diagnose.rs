//! Why a filter left nothing.

use roaring::RoaringBitmap;
use rusqlite::OptionalExtension;
use segue_catalog::{
    Condition, ConditionCount, Diagnosis, Operator, Predicate, Relaxation, Snapshot, StoreError, Value,
};

use crate::filter::Filter;
use crate::leaf::quote;

/// Sets of conditions up to this size are tried for a conflict; beyond it all are named.
const LARGEST_CONFLICT: usize = 3;
/// How many changes are proposed.
const RELAXATIONS: usize = 4;
/// A loosened bound lets at least so many items through, where there are so many.
const LET_THROUGH: u64 = 3;

/// Counts each condition, finds the smallest set that cannot hold together, and the changes that help.
pub(crate) fn diagnose(
    filter: &Filter,
    snapshot: &Snapshot,
    predicate: &Predicate,
    pool: &RoaringBitmap,
) -> Result<Diagnosis, StoreError> {
    let parts: &[Predicate] = match predicate {
        Predicate::All { all } => all,
        one => std::slice::from_ref(one),
    };
    let mut found = Vec::with_capacity(parts.len());
    for part in parts {
        found.push(filter.known_to_be(true, part)? & pool);
    }
    let conditions = parts
        .iter()
        .zip(&found)
        .map(|(condition, items)| ConditionCount { condition: condition.clone(), count: items.len() })
        .collect();
    let conflict = smallest_conflict(&found);
    let mut relaxations = Vec::new();
    for &index in &conflict {
        let others = rest(&found, index, pool);
        if others.is_empty() {
            continue;
        }
        relaxations.push(Relaxation { condition: index, instead: None, count: others.len() });
        let Some(Predicate::Field(condition)) = parts.get(index) else { continue };
        if let Some(instead) = loosened(snapshot, condition, &others)? {
            let count = (filter.known_to_be(true, &instead)? & &others).len();
            relaxations.push(Relaxation { condition: index, instead: Some(instead), count });
        }
    }
    // A changed bound keeps what was asked for in spirit: it comes before giving a condition up.
    relaxations.sort_by_key(|r| (r.instead.is_none(), std::cmp::Reverse(r.count), r.condition));
    relaxations.truncate(RELAXATIONS);
    Ok(Diagnosis { conditions, conflict, relaxations })
}

fn smallest_conflict(found: &[RoaringBitmap]) -> Vec<usize> {
    for size in 1..=LARGEST_CONFLICT.min(found.len()) {
        let mut chosen = Vec::with_capacity(size);
        if let Some(conflict) = search(found, size, 0, None, &mut chosen) {
            return conflict;
        }
    }
    (0..found.len()).collect()
}

fn search(
    found: &[RoaringBitmap],
    size: usize,
    from: usize,
    so_far: Option<&RoaringBitmap>,
    chosen: &mut Vec<usize>,
) -> Option<Vec<usize>> {
    if chosen.len() == size {
        return so_far.is_some_and(RoaringBitmap::is_empty).then(|| chosen.clone());
    }
    for (index, items) in found.iter().enumerate().skip(from) {
        let both = so_far.map_or_else(|| items.clone(), |s| s & items);
        chosen.push(index);
        if let Some(conflict) = search(found, size, index + 1, Some(&both), chosen) {
            return Some(conflict);
        }
        chosen.pop();
    }
    None
}

fn rest(found: &[RoaringBitmap], without: usize, pool: &RoaringBitmap) -> RoaringBitmap {
    let mut items = pool.clone();
    for (_, other) in found.iter().enumerate().filter(|(i, _)| *i != without) {
        items &= other;
    }
    items
}

/// The same condition with its bound moved just so far that a few of these items satisfy it.
fn loosened(
    snapshot: &Snapshot,
    condition: &Condition,
    items: &RoaringBitmap,
) -> Result<Option<Predicate>, StoreError> {
    let catalog = snapshot.catalog();
    let Some(field) = catalog.field(&condition.field).filter(|f| f.ty.is_number() && !f.multi) else {
        return Ok(None);
    };
    let sql = format!("SELECT {} FROM {} WHERE ordinal = ?1", quote(&field.name), snapshot.table("items"));
    let mut values = snapshot.with_connection(|connection| {
        let mut statement = connection.prepare_cached(&sql)?;
        let mut values: Vec<f64> = Vec::new();
        for ordinal in items {
            let value: Option<Option<f64>> = statement.query_row([ordinal], |r| r.get(0)).optional()?;
            values.extend(value.flatten());
        }
        Ok(values)
    })?;
    values.sort_by(f64::total_cmp);
    let nth = (LET_THROUGH as usize).min(values.len()).saturating_sub(1);
    let smallest = values.get(nth).copied();
    let largest = values.iter().rev().nth(nth).copied();
    let number = |n: f64| if n.fract() == 0.0 { Value::Integer(n as i64) } else { Value::Real(n) };
    let with = |op, value| Predicate::Field(Condition { field: field.name.clone(), op, value });
    Ok(match (condition.op, condition.value.each()) {
        (Operator::Lt | Operator::Le, _) => smallest.map(|v| with(Operator::Le, number(v))),
        (Operator::Gt | Operator::Ge, _) => largest.map(|v| with(Operator::Ge, number(v))),
        (Operator::Between, [low, high]) => {
            let (Some(low), Some(high)) = (low.as_f64(), high.as_f64()) else { return Ok(None) };
            let distance = |v: f64| (low - v).max(v - high);
            values.sort_by(|a, b| distance(*a).total_cmp(&distance(*b)));
            values.get(nth).map(|&v| {
                let reach = distance(v);
                let bounds = [(low - reach).max(low.min(v)), (high + reach).min(high.max(v))];
                with(Operator::Between, Value::List(bounds.map(number).to_vec()))
            })
        }
        _ => None,
    })
}
