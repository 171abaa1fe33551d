//! The rows of a new generation beside those of the one before: what came, what changed, what went, and, where only changes are
//! given, what stays.

use std::cmp::Ordering;
use std::collections::{BTreeSet, VecDeque};

use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, params};
use serde::Serialize;

use super::codec::encode;
use super::items::{Complete, HASH, Rows};
use super::{ImportError, Job};
use crate::dataset::{Dataset, TableSource};
use crate::snapshot::quote;
use crate::source::Table;
use crate::{Field, Ordinal as Item, Role, Row, Snapshot, Store, StoreError, Workspace};

/// Rows of the generation before that are read at once.
const CHUNK: Item = 1024;

/// A change of a catalogue: rows to add or to put in the place of those of the same id, and ids to delete. Deleted first, so
/// that an id may be given in both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// True if the data set's file of items holds rows to add or replace.
    pub update: bool,
    /// The ids of items to delete.
    pub delete: BTreeSet<String>,
}

impl Changes {
    /// Reads ids to delete from a file: a table with the data set's column of ids, or a list of one id a line.
    pub fn read_ids(dataset: &Dataset, file: &std::path::Path) -> Result<BTreeSet<String>, ImportError> {
        let column = dataset.fields.iter().find(|f| f.field.role == Role::Id).map(|f| f.column.as_str());
        let source = TableSource::of(file);
        let table = Table::open(&source)?;
        let columns = table.columns().to_vec();
        let mut ids = BTreeSet::new();
        let column = match column.filter(|c| columns.iter().any(|known| known == c)) {
            Some(column) => column.to_owned(),
            None if columns.len() == 1 => {
                let only = columns.into_iter().next().unwrap_or_default();
                ids.insert(only.clone());
                only
            }
            None => column.unwrap_or_default().to_owned(),
        };
        table.read(&[&column], &mut |record| -> Result<(), ImportError> {
            match record {
                Ok(record) => ids.extend(record.cells.first().map(|c| c.to_string().trim().to_owned())),
                Err(bad) => {
                    let (path, line, reason) = (file.to_owned(), bad.line, bad.reason);
                    return Err(ImportError::BadId { path, line, reason });
                }
            }
            Ok(())
        })?;
        ids.remove("");
        Ok(ids)
    }
}

/// How a generation differs from the one before, in items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Items that were not there.
    pub added: u64,
    /// Items of which a value is another.
    pub changed: u64,
    /// Items that are as they were.
    pub unchanged: u64,
    /// Items that are there no more.
    pub deleted: u64,
    /// Ids that were to be deleted and were not there.
    pub unknown: u64,
}

/// Stands for the place of an item that is gone.
pub(super) const GONE: Item = Item::MAX;

/// The generation before.
pub(super) struct Base {
    pub(super) snapshot: Snapshot,
    /// True if its items stay unless they are replaced or deleted; else they are only compared.
    stays: bool,
    delete: BTreeSet<String>,
    read: Item,
    ahead: VecDeque<Complete>,
    /// Where each of its items is now.
    pub(super) places: Vec<Item>,
    pub(super) changed: Changed,
}

impl Base {
    /// The generation that was imported last, if there is one to compare with; to change it there must be one.
    pub(super) fn open(
        workspace: &Workspace,
        fields: &[Field],
        changes: Option<&Changes>,
    ) -> Result<Option<Self>, ImportError> {
        let newest = match workspace.is_there() {
            true => Store::open(workspace)?.newest()?,
            false => None,
        };
        let snapshot = newest.map(|n| Snapshot::of(workspace, n.number));
        let snapshot = match (snapshot, changes) {
            (Some(Ok(snapshot)), None) if snapshot.catalog().fields != fields => return Ok(None),
            (Some(Ok(snapshot)), Some(_)) if snapshot.catalog().fields != fields => {
                return Err(ImportError::OtherFields(different(&snapshot.catalog().fields, fields)));
            }
            (Some(Ok(snapshot)), _) => snapshot,
            (None | Some(Err(StoreError::Layout { .. } | StoreError::NoGeneration { .. })), None) => {
                return Ok(None);
            }
            (None, Some(_)) => return Err(ImportError::NothingToChange(workspace.root().to_owned())),
            (Some(Err(error)), _) => return Err(error.into()),
        };
        let places = Vec::with_capacity(snapshot.catalog().items as usize);
        let delete = changes.map(|c| c.delete.clone()).unwrap_or_default();
        let (stays, ahead, changed) = (changes.is_some(), VecDeque::new(), Changed::default());
        Ok(Some(Self { snapshot, stays, delete, read: 0, ahead, places, changed }))
    }

    /// Reads on if nothing is held.
    fn fill(&mut self) -> Result<(), ImportError> {
        let items = Item::try_from(self.snapshot.catalog().items).unwrap_or(Item::MAX);
        if !self.ahead.is_empty() || self.read >= items {
            return Ok(());
        }
        let until = items.min(self.read.saturating_add(CHUNK));
        if self.stays {
            let ordinals: Vec<Item> = (self.read..until).collect();
            let catalog = self.snapshot.catalog();
            self.ahead.extend(
                self.snapshot.rows(&ordinals)?.into_iter().map(|row| complete(&row, row.id(catalog))),
            );
        } else {
            let id = self.snapshot.catalog().with_role(Role::Id).map_or("id", |f| &f.name);
            let sql = format!("SELECT {}, hash FROM segue_items WHERE ordinal = ?1", quote(id));
            let rows: Vec<Complete> = self.snapshot.with_connection(|connection| {
                let mut statement = connection.prepare_cached(&sql)?;
                let row = |ordinal| {
                    statement.query_row([ordinal], |r| {
                        let (id, hash): (String, String) = (r.get(0)?, r.get(1)?);
                        Ok(Complete { id: id.into_bytes(), hash: from_hex(&hash), values: Vec::new() })
                    })
                };
                (self.read..until).map(row).collect()
            })?;
            self.ahead.extend(rows);
        }
        self.read = until;
        Ok(())
    }
}

fn complete(row: &Row, id: &str) -> Complete {
    let mut values = Vec::new();
    encode(&row.values, &mut values);
    Complete { id: id.as_bytes().to_vec(), hash: from_hex(&row.hash), values }
}

fn from_hex(hash: &str) -> [u8; HASH] {
    u64::from_str_radix(hash, 16).unwrap_or_default().to_be_bytes()
}

/// The first field that is not the same.
fn different(before: &[Field], now: &[Field]) -> String {
    let differs = now.iter().zip(before).find(|(a, b)| a != b).map(|(a, _)| a);
    let differs = differs.or_else(|| now.get(before.len())).or_else(|| before.get(now.len()));
    differs.map_or_else(String::new, |f| f.name.clone())
}

/// The rows of a new generation in the order of their ids: what was read, and what stays of the one before.
pub(super) struct Merged {
    rows: Rows,
    base: Option<Base>,
    next: Option<Complete>,
    place: Item,
}

impl Merged {
    pub(super) fn new(rows: Rows, base: Option<Base>) -> Self {
        Self { rows, base, next: None, place: 0 }
    }

    pub(super) fn next(&mut self, job: &mut Job<'_>) -> Result<Option<Complete>, ImportError> {
        loop {
            if self.next.is_none() {
                self.next = self.rows.next(job)?;
            }
            let Some(base) = &mut self.base else { return Ok(self.next.take()) };
            base.fill()?;
            let order = match (&self.next, base.ahead.front()) {
                (None, None) => return Ok(None),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(next), Some(before)) => next.id.cmp(&before.id),
            };
            let row = match order {
                Ordering::Less => {
                    base.changed.added += 1;
                    self.next.take()
                }
                Ordering::Equal => {
                    let before = base.ahead.pop_front();
                    let is_same = before.as_ref().map(|b| b.hash) == self.next.as_ref().map(|n| n.hash);
                    *(if is_same { &mut base.changed.unchanged } else { &mut base.changed.changed }) += 1;
                    base.delete.remove(String::from_utf8_lossy(&before.unwrap_or_default().id).as_ref());
                    base.places.push(self.place);
                    self.next.take()
                }
                Ordering::Greater => {
                    let before = base.ahead.pop_front().unwrap_or_default();
                    if !base.stays || base.delete.remove(String::from_utf8_lossy(&before.id).as_ref()) {
                        base.changed.deleted += 1;
                        base.places.push(GONE);
                        continue;
                    }
                    base.changed.unchanged += 1;
                    base.places.push(self.place);
                    job.tick(super::Phase::Writing, u64::from(self.place), None)?;
                    Some(before)
                }
            };
            self.place = self.place.checked_add(1).ok_or(ImportError::TooMany)?;
            return Ok(row);
        }
    }

    /// How many rows repeated an id, and the generation before with what became of its items.
    pub(super) fn finish(self) -> (u64, Option<Base>) {
        let base = self.base.map(|mut base| {
            base.changed.unknown = base.delete.len() as u64;
            base
        });
        (self.rows.repeats, base)
    }
}

/// Interactions of the generation before, but for those with items that are gone, and on request its users. Gives how many
/// interactions are gone.
pub(super) fn carry_over(base: &Base, users: bool, connection: &Connection) -> Result<u64, ImportError> {
    let mut lost = 0;
    let copied = base.snapshot.with_connection(|from| {
        let mut insert = connection.prepare("INSERT INTO segue_users VALUES (?1, ?2)")?;
        let mut all = from.prepare("SELECT user, attributes FROM segue_users WHERE ?1 ORDER BY user")?;
        let mut rows = all.query([users])?;
        while let Some(row) = rows.next()? {
            insert.execute([row.get::<_, SqlValue>(0)?, row.get(1)?])?;
        }
        let mut insert = connection.prepare("INSERT INTO segue_interactions VALUES (?1, ?2, ?3, ?4)")?;
        let mut all =
            from.prepare("SELECT user, ordinal, value, time FROM segue_interactions ORDER BY rowid")?;
        let mut rows = all.query([])?;
        while let Some(row) = rows.next()? {
            let place = base.places.get(row.get::<_, Item>(1)? as usize).copied().unwrap_or(GONE);
            if place == GONE {
                lost += 1;
                continue;
            }
            insert.execute(params![
                row.get::<_, SqlValue>(0)?,
                place,
                row.get::<_, SqlValue>(2)?,
                row.get::<_, SqlValue>(3)?
            ])?;
        }
        Ok(())
    });
    copied?;
    Ok(lost)
}
