//! What is different between two generations.

use rusqlite::params;
use serde::Serialize;
use serde_json::Value as Json;

use crate::snapshot::quote;
use crate::{Catalog, Field, FieldStatistics, Ordinal, Role, Snapshot, StoreError, Value};

/// From generation `a` to generation `b`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// What the fields have become.
    pub fields: FieldChanges,
    /// What the items have become.
    pub items: ItemChanges,
    /// Figures of fields in both that are not the same.
    pub statistics: Vec<StatisticChange>,
    /// Users: before and after.
    pub users: (u64, u64),
    /// Interactions: before and after.
    pub interactions: (u64, u64),
}

/// What the fields have become.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FieldChanges {
    /// New ones.
    pub added: Vec<String>,
    /// Those that are gone.
    pub removed: Vec<String>,
    /// Those in both that are described otherwise, with the words of the description that differ.
    pub changed: Vec<(String, Vec<String>)>,
}

/// What the items have become: exact counts, and the first of each by id.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ItemChanges {
    /// How many are new.
    pub added: u64,
    /// How many are gone.
    pub removed: u64,
    /// How many are in both with another row.
    pub changed: u64,
    /// How many are in both with the same row.
    pub same: u64,
    /// Ids of the first new ones.
    pub first_added: Vec<String>,
    /// Ids of the first that are gone.
    pub first_removed: Vec<String>,
    /// The first that changed.
    pub first_changed: Vec<ItemChange>,
}

/// An item with another row than before.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ItemChange {
    /// Its id.
    pub id: String,
    /// Field, value before and value after. A field of only one of the two is null in the other.
    pub fields: Vec<(String, Value, Value)>,
}

/// A figure of a field that is not what it was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatisticChange {
    /// The field.
    pub field: String,
    /// `known`, `distinct`, `lowest`, `median`, `highest`, `first` or `last`.
    pub figure: &'static str,
    /// Before.
    pub before: Json,
    /// After.
    pub after: Json,
}

impl Comparison {
    /// Compares two generations of one catalogue, and names as many items of each kind as `limit` says.
    pub fn of(a: &Snapshot, b: &Snapshot, limit: usize) -> Result<Self, StoreError> {
        let (before, after) = (a.catalog(), b.catalog());
        Ok(Self {
            fields: fields(before, after),
            items: items(a, b, limit)?,
            statistics: statistics(before, after),
            users: (before.users, after.users),
            interactions: (before.interactions, after.interactions),
        })
    }

    /// True if there is no difference.
    pub fn is_same(&self) -> bool {
        self.fields == FieldChanges::default()
            && self.items.added + self.items.removed + self.items.changed == 0
            && self.statistics.is_empty()
            && self.users.0 == self.users.1
            && self.interactions.0 == self.interactions.1
    }
}

fn fields(before: &Catalog, after: &Catalog) -> FieldChanges {
    let missing = |from: &Catalog, other: &Catalog| -> Vec<String> {
        let names = from.fields.iter().map(|f| f.name.clone());
        names.filter(|name| other.field(name).is_none()).collect()
    };
    let changed = in_both(before, after).filter(|(a, b)| a != b).map(|(a, b)| (a.name.clone(), words(a, b)));
    FieldChanges {
        added: missing(after, before),
        removed: missing(before, after),
        changed: changed.collect(),
    }
}

fn in_both<'a>(before: &'a Catalog, after: &'a Catalog) -> impl Iterator<Item = (&'a Field, &'a Field)> {
    before.fields.iter().filter_map(|field| Some((field, after.field(&field.name)?)))
}

/// The parts of a field's description that differ, as JSON has them.
fn words(a: &Field, b: &Field) -> Vec<String> {
    let parts = |field| serde_json::to_value(field).ok().and_then(|json| json.as_object().cloned());
    let (a, b) = (parts(a).unwrap_or_default(), parts(b).unwrap_or_default());
    let mut names: Vec<&String> =
        a.keys().chain(b.keys()).filter(|name| a.get(*name) != b.get(*name)).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().cloned().collect()
}

fn items(a: &Snapshot, b: &Snapshot, limit: usize) -> Result<ItemChanges, StoreError> {
    let at = |source| StoreError::Sqlite { path: b.path().to_owned(), source };
    let (mut changes, first) = counted(a, b, limit).map_err(at)?;
    for (in_a, in_b, id) in first {
        let fields = values(a, b, in_a, in_b)?;
        changes.first_changed.push(ItemChange { id, fields });
    }
    Ok(changes)
}

/// Counts, ids, and the first that changed: ordinals in both, and the id.
fn counted(
    a: &Snapshot,
    b: &Snapshot,
    limit: usize,
) -> rusqlite::Result<(ItemChanges, Vec<(Ordinal, Ordinal, String)>)> {
    let connection = crate::sqlite::open_read_only(a.path())?;
    // Attached, it is read only too.
    connection.execute("ATTACH ?1 AS b", [b.path().to_string_lossy()])?;
    let id = |s: &Snapshot| {
        s.catalog().with_role(Role::Id).map_or_else(|| "ordinal".to_owned(), |f| quote(&f.name))
    };
    let (id_a, id_b) = (id(a), id(b));
    let (items_a, items_b) = (format!("main.{}", a.table("items")), format!("b.{}", b.table("items")));
    let both = format!("{items_a} x JOIN {items_b} y ON y.{id_b} = x.{id_a}");
    let sql = format!("SELECT COUNT(*), COALESCE(SUM(x.hash <> y.hash), 0) FROM {both}");
    let count = |value: i64| value.max(0) as u64;
    let (common, changed) = connection.query_row(&sql, [], |r| Ok((count(r.get(0)?), count(r.get(1)?))))?;
    let most = limit as i64;
    let only = |items: &str, id: &str, other: &str, other_id: &str| -> rusqlite::Result<Vec<String>> {
        let sql = format!(
            "SELECT CAST(x.{id} AS TEXT) FROM {items} x LEFT JOIN {other} y ON y.{other_id} = x.{id}
             WHERE y.ordinal IS NULL ORDER BY x.ordinal LIMIT ?1"
        );
        connection.prepare(&sql)?.query_map([most], |r| r.get(0))?.collect()
    };
    let sql = format!(
        "SELECT x.ordinal, y.ordinal, CAST(x.{id_a} AS TEXT) FROM {both} WHERE x.hash <> y.hash
         ORDER BY x.ordinal LIMIT ?1"
    );
    let mut statement = connection.prepare(&sql)?;
    let first = statement.query_map(params![most], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
    let changes = ItemChanges {
        added: b.catalog().items.saturating_sub(common),
        removed: a.catalog().items.saturating_sub(common),
        changed,
        same: common.saturating_sub(changed),
        first_added: only(&items_b, &id_b, &items_a, &id_a)?,
        first_removed: only(&items_a, &id_a, &items_b, &id_b)?,
        first_changed: Vec::new(),
    };
    Ok((changes, first.collect::<rusqlite::Result<_>>()?))
}

/// The fields of an item that differ, in the order of the later generation.
fn values(
    a: &Snapshot,
    b: &Snapshot,
    in_a: Ordinal,
    in_b: Ordinal,
) -> Result<Vec<(String, Value, Value)>, StoreError> {
    let (Some(before), Some(after)) = (a.row(in_a)?, b.row(in_b)?) else { return Ok(Vec::new()) };
    let gone = a.catalog().fields.iter().filter(|f| b.catalog().field(&f.name).is_none());
    let named = b.catalog().fields.iter().chain(gone).map(|field| {
        let (x, y) = (before.get(a.catalog(), &field.name), after.get(b.catalog(), &field.name));
        (field.name.clone(), x.clone(), y.clone())
    });
    Ok(named.filter(|(_, x, y)| x != y).collect())
}

fn statistics(before: &Catalog, after: &Catalog) -> Vec<StatisticChange> {
    let mut changes = Vec::new();
    for (field, _) in in_both(before, after) {
        let (Some(a), Some(b)) = (before.statistics_of(&field.name), after.statistics_of(&field.name)) else {
            continue;
        };
        for ((figure, before), (_, after)) in figures(a).into_iter().zip(figures(b)) {
            if before != after {
                changes.push(StatisticChange { field: field.name.clone(), figure, before, after });
            }
        }
    }
    changes
}

fn figures(s: &FieldStatistics) -> [(&'static str, Json); 7] {
    let (range, dates) = (s.range(), s.dates.as_ref());
    [
        ("known", s.known.into()),
        ("distinct", s.distinct.into()),
        ("lowest", range.map(|(low, _)| low).into()),
        ("median", s.quantile(0.5).into()),
        ("highest", range.map(|(_, high)| high).into()),
        ("first", dates.map(|(first, _)| first.as_str()).into()),
        ("last", dates.map(|(_, last)| last.as_str()).into()),
    ]
}
