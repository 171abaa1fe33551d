//! Items: read into a sorter by id, then written in that order with dense ordinals.

use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};
use rusqlite::{Connection, ToSql};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::gather::Gather;
use super::sorter::{Sorted, Sorter};
use super::{ImportError, Job, Phase, codec, convert, distinct, sql};
use crate::dataset::{DatasetField, Duplicates};
use crate::source::{BadRow, Record, Table};
use crate::{FieldStatistics, Ordinal, Role, Row, Value};

/// The items' rows in the order of their ids, and within an id in the order of the file.
pub(super) struct ReadItems {
    /// Rows in the file.
    pub(super) rows: u64,
    taken: u64,
    sorted: Sorted,
}

/// What was written.
pub(super) struct WrittenItems {
    pub(super) items: u64,
    pub(super) repeats: u64,
    pub(super) content_hash: String,
    pub(super) statistics: Vec<FieldStatistics>,
}

pub(super) fn read(job: &mut Job<'_>) -> Result<ReadItems, ImportError> {
    let dataset = job.dataset;
    let file = dataset.items.source.file.as_path();
    let table = Table::open(&dataset.items.source)?;
    let wanted: Vec<&str> = dataset.fields.iter().map(|f| f.column.as_str()).collect();
    let id = dataset.fields.iter().position(|f| f.field.role == Role::Id).unwrap_or(0);
    let mut sorter = Sorter::new(&job.scratch, "items", job.budget);
    let (mut rows, mut taken) = (0_u64, 0_u64);
    let (mut key, mut payload) = (Vec::new(), Vec::new());
    table.read(&wanted, &mut |row| -> Result<(), ImportError> {
        rows += 1;
        job.tick(Phase::Reading, rows, None)?;
        let converted = row.and_then(|record| {
            let line = record.line;
            Ok((line, values(&record, &dataset.fields, &dataset.items.missing, id)?))
        });
        let (line, values) = match converted {
            Ok(converted) => converted,
            Err(bad) => return Ok(job.rejects.add(file, bad)?),
        };
        taken += 1;
        key.clear();
        key.extend(values.get(id).and_then(Value::as_str).unwrap_or_default().as_bytes());
        key.push(0);
        key.extend(rows.to_be_bytes());
        payload.clear();
        payload.extend(line.to_le_bytes());
        codec::encode(&values, &mut payload);
        Ok(sorter.push(&key, &payload)?)
    })?;
    if taken == 0 {
        return Err(ImportError::NoRows(file.to_owned()));
    }
    Ok(ReadItems { rows, taken, sorted: sorter.sorted()? })
}

fn values(
    record: &Record,
    fields: &[DatasetField],
    missing: &[String],
    id: usize,
) -> Result<Vec<Value>, BadRow> {
    let bad = |field: &DatasetField, reason: String| {
        let raw: serde_json::Map<String, Json> =
            fields.iter().zip(&record.cells).map(|(f, cell)| (f.column.clone(), json!(cell))).collect();
        BadRow { line: record.line, column: Some(field.column.clone()), reason, raw: raw.into() }
    };
    let mut values = Vec::with_capacity(fields.len());
    for (i, (field, cell)) in fields.iter().zip(&record.cells).enumerate() {
        let value = convert::convert(cell, field, missing).map_err(|reason| bad(field, reason))?;
        if i == id && value.is_null() {
            return Err(bad(field, "the row has no id".into()));
        }
        values.push(value);
    }
    Ok(values)
}

pub(super) fn write(
    job: &mut Job<'_>,
    connection: &Connection,
    n: u32,
    mut read: ReadItems,
) -> Result<WrittenItems, ImportError> {
    let fields: Vec<_> = job.dataset.fields.iter().map(|f| f.field.clone()).collect();
    let id = fields.iter().position(|f| f.role == Role::Id).unwrap_or(0);
    let mut writer = Writer {
        insert: sql(connection.prepare(&insert_sql(n, fields.len())))?,
        gather: Gather::new(&fields, &job.scratch, job.budget),
        content: Sha256::new(),
        items: 0,
    };
    let (mut repeats, mut done) = (0, 0);
    let mut pending: Option<Vec<Value>> = None;
    while let Some((_, payload)) = read.sorted.next()? {
        done += 1;
        job.tick(Phase::Writing, done, Some(read.taken))?;
        let Some((line, values)) = payload.split_first_chunk::<8>() else { continue };
        let Some(values) = codec::decode(values) else { continue };
        match &mut pending {
            Some(first) if first.get(id) == values.get(id) => match job.dataset.items.duplicates {
                Duplicates::Reject => {
                    let bad = repeated(u64::from_le_bytes(*line), &values, &job.dataset.fields, id);
                    job.rejects.add(&job.dataset.items.source.file, bad)?;
                }
                Duplicates::First => repeats += 1,
                Duplicates::Merge => {
                    repeats += 1;
                    merge(first, values);
                }
            },
            other => {
                if let Some(complete) = other.replace(values) {
                    writer.write(&complete)?;
                }
            }
        }
    }
    if let Some(complete) = pending {
        writer.write(&complete)?;
    }
    let Writer { insert, gather, mut content, items } = writer;
    drop(insert);
    content.update(serde_json::to_vec(&fields)?);
    let content_hash = hex(&content.finalize());
    (job.progress)(super::Progress { phase: Phase::Counting, done: 0, total: None });
    let statistics = gather.finish(connection, n)?;
    Ok(WrittenItems { items: u64::from(items), repeats, content_hash, statistics })
}

fn insert_sql(n: u32, fields: usize) -> String {
    let places: Vec<_> = (1..=fields + 2).map(|i| format!("?{i}")).collect();
    format!("INSERT INTO items_{n} VALUES ({})", places.join(", "))
}

struct Writer<'a> {
    insert: rusqlite::Statement<'a>,
    gather: Gather<'a>,
    content: Sha256,
    items: Ordinal,
}

impl Writer<'_> {
    fn write(&mut self, values: &[Value]) -> Result<(), ImportError> {
        let ordinal = self.items;
        self.items = ordinal.checked_add(1).ok_or(ImportError::TooMany)?;
        let hash = Row::hash_of(values);
        self.content.update(hash.as_bytes());
        sql(self.insert.raw_bind_parameter(1, ordinal))?;
        sql(self.insert.raw_bind_parameter(2, hash))?;
        for (i, value) in values.iter().enumerate() {
            sql(self.insert.raw_bind_parameter(i + 3, Stored(value)))?;
        }
        sql(self.insert.raw_execute())?;
        Ok(self.gather.add(ordinal, values)?)
    }
}

/// A value as it stands in the items' table.
struct Stored<'a>(&'a Value);

impl ToSql for Stored<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Value::Bool(b) => ToSqlOutput::Owned(SqlValue::Integer(i64::from(*b))),
            Value::Integer(i) => ToSqlOutput::Borrowed(ValueRef::Integer(*i)),
            Value::Real(r) => ToSqlOutput::Borrowed(ValueRef::Real(*r)),
            Value::Text(t) => ToSqlOutput::Borrowed(ValueRef::Text(t.as_bytes())),
            Value::List(_) => {
                let json = serde_json::to_string(self.0)
                    .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
                ToSqlOutput::Owned(SqlValue::Text(json))
            }
        })
    }
}

fn repeated(line: u64, values: &[Value], fields: &[DatasetField], id: usize) -> BadRow {
    let row: serde_json::Map<String, Json> =
        fields.iter().zip(values).map(|(f, value)| (f.field.name.clone(), json!(value))).collect();
    let of = values.get(id).map_or_else(String::new, Value::to_string);
    BadRow {
        line,
        column: fields.get(id).map(|f| f.column.clone()),
        reason: format!(
            "an earlier row has the id `{of}`; set `duplicates` to `first` or `merge` if that is meant"
        ),
        raw: row.into(),
    }
}

/// Adds the values of the second row's lists to those of the first, and fills in what the first does not know.
fn merge(first: &mut [Value], second: Vec<Value>) {
    for (into, from) in first.iter_mut().zip(second) {
        match (into, from) {
            (Value::List(values), Value::List(more)) => {
                values.extend(more);
                distinct(values);
            }
            (into @ Value::Null, from) => *into = from,
            _ => {}
        }
    }
}

impl Row {
    /// The first 16 hexadecimal digits of the SHA-256 of the values, written as a JSON array without blanks.
    pub fn hash_of(values: &[Value]) -> String {
        // Values have no maps with keys other than text, the one thing that cannot be written as JSON.
        let json = serde_json::to_vec(values).unwrap_or_default();
        let mut hex = hex(&Sha256::digest(&json));
        hex.truncate(16);
        hex
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        use std::fmt::Write;
        let _ = write!(out, "{b:02x}");
        out
    })
}
