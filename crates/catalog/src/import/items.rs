//! Items: read into a sorter by id, then written in that order with dense ordinals. Reading and converting go on in a thread
//! beside sorting; merging, storing and counting in one each.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use rusqlite::Connection;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::changes::{Base, Merged};
use super::codec::{Cells, decode, encode};
use super::encode::encode_cell;
use super::gather::Gather;
use super::sorter::{Sorted, Sorter};
use super::{ImportError, Job, Phase, Progress, distinct, sql};
use crate::dataset::{Dataset, DatasetField, Duplicates};
use crate::source::{BadRow, Record, Table};
use crate::{FieldStatistics, Ordinal, Role, Row, Value};

/// Bytes that are handed from thread to thread at once, about.
const BATCH: usize = 256 << 10;
/// Batches that may wait.
const WAITING: usize = 4;
/// What stands before the values of a row: the line of the file and the row's hash.
const LINE: usize = 8;
pub(super) const HASH: usize = 8;

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
    /// The generation before, and where its items are now.
    pub(super) base: Option<Base>,
}

impl ReadItems {
    /// No rows at all.
    pub(super) fn none(job: &Job<'_>) -> Result<Self, ImportError> {
        let sorted = Sorter::new(&job.scratch, "items", job.budget).sorted()?;
        Ok(Self { rows: 0, taken: 0, sorted })
    }
}

/// Rows on their way to the sorter.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    /// The lengths of key and payload of each.
    rows: Vec<(usize, usize)>,
    bad: Vec<BadRow>,
}

pub(super) fn read(job: &mut Job<'_>) -> Result<ReadItems, ImportError> {
    let dataset = job.dataset;
    let file = dataset.items.source.file.as_path();
    let table = Table::open(&dataset.items.source)?;
    let mut sorter = Sorter::new(&job.scratch, "items", job.budget);
    let (mut rows, mut taken) = (0_u64, 0_u64);
    thread::scope(|scope| {
        let (sender, batches) = sync_channel::<Batch>(WAITING);
        let reading = scope.spawn(move || convert_all(table, dataset, &sender));
        let sorting = (|| {
            for mut batch in batches {
                taken += batch.rows.len() as u64;
                rows += (batch.rows.len() + batch.bad.len()) as u64;
                for bad in batch.bad.drain(..) {
                    job.rejects.add(file, bad)?;
                }
                sort(&mut batch, &mut sorter)?;
                job.look(Phase::Reading, rows, None)?;
            }
            Ok(())
        })();
        // Once nobody receives any more, the reading ends by itself.
        let read = joined(reading.join());
        sorting.and(read)
    })?;
    if taken == 0 {
        return Err(ImportError::NoRows(file.to_owned()));
    }
    Ok(ReadItems { rows, taken, sorted: sorter.sorted()? })
}

/// A thread's result; a panic goes on here.
fn joined<T>(result: thread::Result<T>) -> T {
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Reads the table and sends its rows on, in batches.
fn convert_all(table: Table, dataset: &Dataset, to: &SyncSender<Batch>) -> Result<(), ImportError> {
    let wanted: Vec<&str> = dataset.fields.iter().map(|f| f.column.as_str()).collect();
    let id = dataset.fields.iter().position(|f| f.field.role == Role::Id).unwrap_or(0);
    let mut batch = Batch::default();
    let mut place = 0_u64;
    let send = |batch: &mut Batch| to.send(std::mem::take(batch)).map_err(|_| ImportError::Cancelled);
    table.read(&wanted, &mut |record| -> Result<(), ImportError> {
        place += 1;
        let before = batch.bytes.len();
        let added = record.and_then(|record| add(&mut batch, &record, dataset, id, place));
        if let Err(bad) = added {
            batch.bytes.truncate(before);
            batch.bad.push(bad);
        }
        if batch.bytes.len() > BATCH || batch.bad.len() > 1000 { send(&mut batch) } else { Ok(()) }
    })?;
    send(&mut batch)
}

/// Adds a row: as key its id and its place in the file, as payload line, place for the hash, values.
fn add(batch: &mut Batch, record: &Record, dataset: &Dataset, id: usize, place: u64) -> Result<(), BadRow> {
    let fields = &dataset.fields;
    let bad = |field: &DatasetField, reason: String| {
        let raw: serde_json::Map<String, Json> =
            fields.iter().zip(&record.cells).map(|(f, cell)| (f.column.clone(), json!(cell))).collect();
        BadRow { line: record.line, column: Some(field.column.clone()), reason, raw: raw.into() }
    };
    let out = &mut batch.bytes;
    let start = out.len();
    let mut encoded = Vec::with_capacity(32);
    if let Some((field, cell)) = fields.get(id).zip(record.cells.get(id)) {
        let known = encode_cell(cell, field, &dataset.items.missing, &mut encoded);
        if !known.map_err(|reason| bad(field, reason))? {
            return Err(bad(field, "the row has no id".into()));
        }
    }
    out.extend(encoded.get(5..).unwrap_or_default());
    out.push(0);
    out.extend(place.to_be_bytes());
    let key = out.len() - start;
    out.extend(record.line.to_le_bytes());
    out.extend([0; HASH]);
    for (i, (field, cell)) in fields.iter().zip(&record.cells).enumerate() {
        if i == id {
            out.extend(&encoded);
        } else {
            encode_cell(cell, field, &dataset.items.missing, out).map_err(|reason| bad(field, reason))?;
        }
    }
    batch.rows.push((key, out.len() - start - key));
    Ok(())
}

/// Gives the rows of a batch their hashes, and to the sorter.
fn sort(batch: &mut Batch, sorter: &mut Sorter) -> Result<(), ImportError> {
    let mut rest = batch.bytes.as_mut_slice();
    let mut json = Vec::new();
    for (key, payload) in &batch.rows {
        let Some((row, after)) = std::mem::take(&mut rest).split_at_mut_checked(key + payload) else { break };
        rest = after;
        let (key, payload) = row.split_at_mut(*key);
        if let Some((head, values)) = payload.split_at_mut_checked(LINE + HASH) {
            let hash = hash_of(values, &mut json)?;
            head.iter_mut().skip(LINE).zip(hash).for_each(|(to, from)| *to = from);
        }
        sorter.push(key, payload)?;
    }
    Ok(())
}

/// The first half of what [`Row::hash_of`] writes in hexadecimal digits.
fn hash_of(row: &[u8], json: &mut Vec<u8>) -> Result<[u8; HASH], ImportError> {
    json.clear();
    serde_json::to_writer(&mut *json, &Cells(row))?;
    Ok(Sha256::digest(&*json).first_chunk().copied().unwrap_or_default())
}

/// A row that is ready to be stored.
#[derive(Debug, Default)]
pub(super) struct Complete {
    pub(super) id: Vec<u8>,
    pub(super) hash: [u8; HASH],
    /// Encoded.
    pub(super) values: Vec<u8>,
}

pub(super) fn write(
    job: &mut Job<'_>,
    connection: &mut Connection,
    mut rows: Merged,
) -> Result<WrittenItems, ImportError> {
    let fields: Vec<_> = job.dataset.fields.iter().map(|f| f.field.clone()).collect();
    let gather = Gather::new(&fields, &job.scratch, job.budget);
    let mut content = Sha256::new();
    let mut items: Ordinal = 0;
    let columns = fields.len();
    let statistics = thread::scope(|scope| {
        let (to_store, to_be_stored) = sync_channel(WAITING);
        let (to_count, to_be_counted) = sync_channel(WAITING);
        let storing = scope.spawn(move || store_all(connection, columns, to_be_stored));
        let counting = scope.spawn(move || count_all(gather, to_be_counted));
        // Nobody receives once storing or counting has failed; the error is told below.
        let send = |batch: Vec<u8>| {
            let batch = Arc::new(batch);
            to_store.send(batch.clone()).is_ok() && to_count.send(batch).is_ok()
        };
        let merging = (|| {
            let mut batch = Vec::with_capacity(BATCH * 2);
            while let Some(row) = rows.next(job)? {
                items = items.checked_add(1).ok_or(ImportError::TooMany)?;
                content.update(digits(row.hash));
                batch.extend((row.values.len() as u32).to_le_bytes());
                batch.extend(row.hash);
                batch.extend(&row.values);
                if batch.len() > BATCH && !send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH * 2)))
                {
                    return Ok(());
                }
            }
            send(batch);
            (job.progress)(Progress { phase: Phase::Counting, done: 0, total: None });
            Ok(())
        })();
        drop((to_store, to_count));
        let (stored, counted) = (joined(storing.join()), joined(counting.join()));
        merging.and(stored).and(counted)
    })?;
    content.update(serde_json::to_vec(&fields)?);
    let content_hash = hex(&content.finalize());
    let (repeats, base) = rows.finish();
    Ok(WrittenItems { items: u64::from(items), repeats, content_hash, statistics, base })
}

/// The rows of a batch: hash and values.
fn rows_of(mut batch: &[u8]) -> impl Iterator<Item = ([u8; HASH], &[u8])> {
    std::iter::from_fn(move || {
        let (len, after) = batch.split_first_chunk::<4>()?;
        let (hash, after) = after.split_first_chunk::<HASH>()?;
        let (values, after) = after.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        batch = after;
        Some((*hash, values))
    })
}

/// Stores rows in the order in which they come.
fn store_all(
    connection: &mut Connection,
    columns: usize,
    batches: Receiver<Arc<Vec<u8>>>,
) -> Result<(), ImportError> {
    let places: Vec<_> = (1..=columns + 2).map(|i| format!("?{i}")).collect();
    let mut insert =
        sql(connection.prepare(&format!("INSERT INTO segue_items VALUES ({})", places.join(", "))))?;
    let mut ordinal: Ordinal = 0;
    for batch in batches {
        for (hash, values) in rows_of(&batch) {
            sql(insert.raw_bind_parameter(1, ordinal))?;
            sql(insert.raw_bind_parameter(2, std::str::from_utf8(&digits(hash)).unwrap_or_default()))?;
            for (i, cell) in Cells(values).enumerate() {
                sql(insert.raw_bind_parameter(i + 3, cell))?;
            }
            sql(insert.raw_execute())?;
            ordinal = ordinal.saturating_add(1);
        }
    }
    Ok(())
}

/// Counts the values of rows.
fn count_all(
    mut gather: Gather<'_>,
    batches: Receiver<Arc<Vec<u8>>>,
) -> Result<Vec<FieldStatistics>, ImportError> {
    for batch in batches {
        rows_of(&batch).try_for_each(|(_, values)| gather.add(Cells(values)))?;
    }
    Ok(gather.finish()?)
}

/// The sorted rows, those that repeat an id merged, left out or rejected, as the data set says.
pub(super) struct Rows {
    read: ReadItems,
    done: u64,
    pub(super) repeats: u64,
    /// What comes next, but for rows that repeat its id.
    pending: Option<Complete>,
}

impl Rows {
    pub(super) fn new(read: ReadItems) -> Self {
        Self { read, done: 0, repeats: 0, pending: None }
    }

    pub(super) fn next(&mut self, job: &mut Job<'_>) -> Result<Option<Complete>, ImportError> {
        while let Some((key, payload)) = self.read.sorted.next()? {
            self.done += 1;
            let id = key.get(..key.len().saturating_sub(9)).unwrap_or_default();
            let Some((line, payload)) = payload.split_first_chunk::<LINE>() else { continue };
            let Some((hash, values)) = payload.split_first_chunk::<HASH>() else { continue };
            let complete = match &mut self.pending {
                Some(first) if first.id == id => {
                    let duplicates = job.dataset.items.duplicates;
                    if duplicates == Duplicates::Reject {
                        reject(job, u64::from_le_bytes(*line), values)?;
                    } else {
                        self.repeats += 1;
                    }
                    if duplicates == Duplicates::Merge {
                        merge(first, values)?;
                    }
                    continue;
                }
                pending => {
                    pending.replace(Complete { id: id.to_owned(), hash: *hash, values: values.to_owned() })
                }
            };
            job.tick(Phase::Writing, self.done, Some(self.read.taken))?;
            if complete.is_some() {
                return Ok(complete);
            }
        }
        Ok(self.pending.take())
    }
}

fn reject(job: &mut Job<'_>, line: u64, values: &[u8]) -> Result<(), ImportError> {
    let fields = &job.dataset.fields;
    let row: serde_json::Map<String, Json> =
        fields.iter().zip(decode(values)).map(|(f, value)| (f.field.name.clone(), json!(value))).collect();
    let id = fields.iter().find(|f| f.field.role == Role::Id);
    let of = id.and_then(|f| row.get(&f.field.name)).and_then(Json::as_str).unwrap_or_default();
    let reason =
        format!("an earlier row has the id `{of}`; set `duplicates` to `first` or `merge` if that is meant");
    let bad = BadRow { line, column: id.map(|f| f.column.clone()), reason, raw: row.into() };
    let file: &Path = &job.dataset.items.source.file;
    Ok(job.rejects.add(file, bad)?)
}

/// Adds the values of the second row's lists to those of the first, and fills in what the first does not know.
fn merge(first: &mut Complete, second: &[u8]) -> Result<(), ImportError> {
    let mut merged = decode(&first.values);
    for (into, from) in merged.iter_mut().zip(decode(second)) {
        match (into, from) {
            (Value::List(values), Value::List(more)) => {
                values.extend(more);
                distinct(values);
            }
            (into @ Value::Null, from) => *into = from,
            _ => {}
        }
    }
    first.values.clear();
    encode(&merged, &mut first.values);
    first.hash = hash_of(&first.values, &mut Vec::new())?;
    Ok(())
}

impl Row {
    /// The first 16 hexadecimal digits of the SHA-256 of the values, written as a JSON array without blanks.
    pub fn hash_of(values: &[Value]) -> String {
        // Values have no maps with keys other than text, the one thing that cannot be written as JSON.
        let json = serde_json::to_vec(values).unwrap_or_default();
        let mut hex = hex(&Sha256::digest(&json));
        hex.truncate(2 * HASH);
        hex
    }
}

/// A row's hash in hexadecimal digits.
fn digits(hash: [u8; HASH]) -> [u8; 2 * HASH] {
    let mut digits = [b'0'; 2 * HASH];
    for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(hash) {
        *pair = [digit(byte >> 4), digit(byte & 15)];
    }
    digits
}

fn digit(half: u8) -> u8 {
    if half < 10 { b'0' + half } else { b'a' + (half - 10) }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).map(char::from).collect()
}
