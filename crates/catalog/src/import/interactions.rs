//! Users and what they did with items.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rusqlite::{Connection, params};
use serde_json::{Value as Json, json};

use super::changes::{Base, carry_over};
use super::{ImportError, Job, Phase, link, sql};
use crate::dataset::InteractionsSource;
use crate::snapshot::quote;
use crate::source::{BadRow, Record, Table};
use crate::{Ordinal, Role, Value, parse_date};

/// What was written.
#[derive(Default)]
pub(super) struct Social {
    pub(super) users: u64,
    pub(super) interactions: u64,
    pub(super) unmatched: u64,
    pub(super) linked: Option<(u64, u64)>,
    pub(super) absent: Vec<PathBuf>,
}

impl Social {
    /// What stays of the generation before.
    pub(super) fn carried(base: &Base, users: bool, connection: &Connection) -> Result<Self, ImportError> {
        let unmatched = carry_over(base, users, connection)?;
        Self { unmatched, ..Self::default() }.counted(connection)
    }

    fn counted(mut self, connection: &Connection) -> Result<Self, ImportError> {
        // A user who is not described is known all the same.
        super::sql(connection.execute_batch(
            "INSERT OR IGNORE INTO segue_users SELECT DISTINCT user, '{}' FROM segue_interactions",
        ))?;
        let count = |table: &str| {
            let sql = format!("SELECT count(*) FROM segue_{table}");
            super::sql(connection.query_row(&sql, [], |r| r.get::<_, i64>(0)))
        };
        self.users = count("users")?.max(0) as u64;
        self.interactions = count("interactions")?.max(0) as u64;
        Ok(self)
    }
}

pub(super) fn write(job: &mut Job<'_>, connection: &Connection) -> Result<Social, ImportError> {
    let mut social = Social::default();
    users(job, connection, &mut social)?;
    interactions(job, connection, &mut social)?;
    social.counted(connection)
}

fn users(job: &mut Job<'_>, connection: &Connection, social: &mut Social) -> Result<(), ImportError> {
    let Some(users) = &job.dataset.users else { return Ok(()) };
    let file = &users.source.file;
    if users.optional && users.source.is_absent() {
        social.absent.push(file.clone());
        return Ok(());
    }
    let columns: Vec<&str> =
        std::iter::once(users.user.as_str()).chain(users.attributes.values().map(String::as_str)).collect();
    let mut insert = sql(connection.prepare("INSERT OR IGNORE INTO segue_users VALUES (?1, ?2)"))?;
    Table::open(&users.source)?.read(&columns, &mut |row| {
        let record = match row {
            Ok(record) if !key(record.cells.first()).is_empty() => record,
            Ok(record) => {
                return Ok(job.rejects.add(file, faulty(record, &users.user, "the row has no user"))?);
            }
            Err(bad) => return Ok(job.rejects.add(file, bad)?),
        };
        let attributes: serde_json::Map<String, Json> = users
            .attributes
            .keys()
            .zip(record.cells.iter().skip(1))
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        let attributes = Json::from(attributes).to_string();
        let added = sql(insert.execute(params![key(record.cells.first()), attributes]))?;
        if added == 0 {
            job.rejects.add(file, faulty(record, &users.user, "an earlier row has the same user"))?;
        }
        Ok(())
    })
}

fn interactions(job: &mut Job<'_>, connection: &Connection, social: &mut Social) -> Result<(), ImportError> {
    let Some(source) = &job.dataset.interactions else { return Ok(()) };
    let needed = [Some(&source.source), source.link.as_ref().map(|l| &l.source)];
    let absent = needed.into_iter().flatten().find(|s| s.is_absent());
    if let Some(absent) = absent.filter(|_| source.optional) {
        social.absent.push(absent.file.clone());
        return Ok(());
    }
    let mut items = Items::new(job, connection, source, social)?;
    let columns: Vec<&str> =
        [Some(&source.user), Some(&source.item), source.value.as_ref(), source.time.as_ref()]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
    let file = &source.source.file;
    let mut insert = sql(connection.prepare("INSERT INTO segue_interactions VALUES (?1, ?2, ?3, ?4)"))?;
    let mut done = 0;
    Table::open(&source.source)?.read(&columns, &mut |row| {
        done += 1;
        job.tick(Phase::Interactions, done, None)?;
        let parsed = row.and_then(|record| interaction(record, source));
        let (user, item, value, time) = match parsed {
            Ok(parsed) => parsed,
            Err(bad) => return Ok(job.rejects.add(file, bad)?),
        };
        match items.find(&item)? {
            Some(ordinal) => {
                sql(insert.execute(params![user, ordinal, value, time]))?;
            }
            None => social.unmatched += 1,
        }
        Ok(())
    })
}

type Interaction = (String, String, Option<f64>, Option<i64>);

fn interaction(record: Record, source: &InteractionsSource) -> Result<Interaction, BadRow> {
    let mut cells = record.cells.iter();
    let (user, item) = (key(cells.next()), key(cells.next()));
    let value = source.value.as_ref().map(|column| (column, cells.next().cloned().unwrap_or(Value::Null)));
    let time = source.time.as_ref().map(|column| (column, cells.next().cloned().unwrap_or(Value::Null)));
    if user.is_empty() {
        return Err(faulty(record, &source.user, "the row has no user"));
    }
    if item.is_empty() {
        return Err(faulty(record, &source.item, "the row has no item"));
    }
    let value = match value {
        Some((column, cell)) if !key(Some(&cell)).is_empty() => {
            Some(number(&cell).ok_or_else(|| faulty(record.clone(), column, "the value is not a number"))?)
        }
        _ => None,
    };
    let time = match time {
        Some((column, cell)) if !key(Some(&cell)).is_empty() => Some(seconds(&cell).ok_or_else(|| {
            faulty(record.clone(), column, "the time is neither a number of seconds nor a date")
        })?),
        _ => None,
    };
    Ok((user, item, value, time))
}

/// An id as text: numbers as they are written, nothing for what is missing.
fn key(cell: Option<&Value>) -> String {
    match cell {
        None | Some(Value::Null) => String::new(),
        Some(Value::Text(text)) => text.trim().to_owned(),
        Some(value) => value.to_string().trim().to_owned(),
    }
}

fn number(cell: &Value) -> Option<f64> {
    cell.as_f64().or_else(|| cell.as_str()?.trim().parse().ok()).filter(|n: &f64| n.is_finite())
}

/// Seconds since 1970, of a number of seconds or milliseconds or of a date (in UTC where it does not say).
fn seconds(cell: &Value) -> Option<i64> {
    /// In seconds this is the year 5138; more is meant as milliseconds.
    const MOST: f64 = 1e11;
    if let Some(number) = number(cell) {
        return Some(if number.abs() > MOST { number / 1000.0 } else { number }.floor() as i64);
    }
    let text = cell.as_str()?.trim();
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Some(instant.as_second());
    }
    let start: DateTime = parse_date(text)?.start.parse().ok()?;
    Some(start.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

fn faulty(record: Record, column: &str, reason: &str) -> BadRow {
    BadRow {
        line: record.line,
        column: Some(column.to_owned()),
        reason: reason.to_owned(),
        raw: json!(record.cells),
    }
}

/// From keys to ordinals: by the link if there is one, else by id.
struct Items<'a> {
    linked: Option<HashMap<String, Ordinal>>,
    id_of: rusqlite::Statement<'a>,
    items: Ordinal,
    known: BTreeMap<String, Option<Ordinal>>,
}

/// How many look-ups are remembered: most interactions are with few items.
const REMEMBERED: usize = 100_000;

impl<'a> Items<'a> {
    fn new(
        job: &mut Job<'_>,
        connection: &'a Connection,
        source: &InteractionsSource,
        social: &mut Social,
    ) -> Result<Self, ImportError> {
        let linked = source.link.as_ref().map(|l| link::resolve(job, connection, l)).transpose()?;
        social.linked = linked.as_ref().map(|l| (l.ordinals.len() as u64, l.keys));
        let id = job.dataset.fields.iter().find(|f| f.field.role == Role::Id);
        let id = quote(id.map_or("id", |f| &f.field.name));
        let id_of = sql(connection.prepare(&format!("SELECT {id} FROM segue_items WHERE ordinal = ?1")))?;
        let items = sql(connection.query_row("SELECT count(*) FROM segue_items", [], |r| r.get(0)))?;
        Ok(Self { linked: linked.map(|l| l.ordinals), id_of, items, known: BTreeMap::new() })
    }

    fn find(&mut self, key: &str) -> Result<Option<Ordinal>, ImportError> {
        if let Some(linked) = &self.linked {
            return Ok(linked.get(key).copied());
        }
        if let Some(known) = self.known.get(key) {
            return Ok(*known);
        }
        let found = self.search(key)?;
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(key.to_owned(), found);
        Ok(found)
    }

    /// Ordinals are in the order of the ids.
    fn search(&mut self, key: &str) -> Result<Option<Ordinal>, ImportError> {
        let (mut low, mut high) = (0, self.items);
        while low < high {
            let middle = low + (high - low) / 2;
            let row = sql(self.id_of.query_row([middle], |r| r.get::<_, String>(0)))?;
            match row.as_str().cmp(key) {
                Ordering::Equal => return Ok(Some(middle)),
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }
}
