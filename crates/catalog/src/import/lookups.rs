//! Look-up tables of a generation: which items have a value, and how values are spelt. They are made of its rows when it is
//! indexed.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};
use segue_world::fs;

use super::sorter::Sorter;
use super::tally::Group;
use super::{ImportError, tables};
use crate::snapshot::quote;
use crate::text::{fold, squash};
use crate::{Field, Ordinal, Role, Snapshot, StoreError, Workspace};

/// Writes what a generation is searched by beside its rows: values, lexicon, and the indexes of numbers and dates. Once they
/// are there, nothing is done. `cancelled` is asked every few thousand rows; nothing is written then.
pub fn write_lookups(
    workspace: &Workspace,
    generation: u32,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), ImportError> {
    let path = workspace.rows_db(generation);
    let snapshot = Snapshot::of(workspace, generation)?;
    let scratch = workspace.root().join("lookups.part");
    fs::remove_dir_all(&scratch)?;
    let written = write(&path, &snapshot.catalog().fields, &scratch, cancelled);
    fs::remove_dir_all(&scratch)?;
    match written {
        Err(ImportError::Sql(source)) => Err(StoreError::Sqlite { path, source }.into()),
        other => other,
    }
}

fn write(
    path: &Path,
    fields: &[Field],
    scratch: &Path,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), ImportError> {
    let mut connection = super::sql(Connection::open(path))?;
    let there = "SELECT 1 FROM sqlite_master WHERE name = 'segue_lexicon'";
    if super::sql(connection.query_row(there, [], |_| Ok(())).optional())?.is_some() {
        return Ok(());
    }
    super::sql(connection.execute_batch("PRAGMA cache_size = -65536; PRAGMA synchronous = normal"))?;
    let transaction = super::sql(connection.transaction())?;
    super::sql(tables::create_lookups(&transaction))?;
    let sorter = each_value(&transaction, fields, scratch, cancelled)?;
    write_values(&transaction, fields, sorter)?;
    super::sql(tables::index(&transaction, fields))?;
    if cancelled() {
        return Err(ImportError::Cancelled);
    }
    super::sql(transaction.commit())
}

/// Every value of every title and category field with its item, to be sorted.
fn each_value(
    connection: &Connection,
    fields: &[Field],
    scratch: &Path,
    cancelled: &dyn Fn() -> bool,
) -> Result<Sorter, ImportError> {
    let named: Vec<(usize, &Field)> =
        fields.iter().enumerate().filter(|(_, f)| matches!(f.role, Role::Title | Role::Category)).collect();
    let columns: String = named.iter().map(|(_, f)| format!(", {}", quote(&f.name))).collect();
    let mut statement = super::sql(
        connection.prepare(&format!("SELECT ordinal{columns} FROM segue_items ORDER BY ordinal")),
    )?;
    let mut rows = super::sql(statement.query([]))?;
    let mut sorter = Sorter::new(scratch, "values", super::BUDGET);
    let mut key = Vec::new();
    while let Some(row) = super::sql(rows.next())? {
        let ordinal: Ordinal = super::sql(row.get(0))?;
        if u64::from(ordinal).is_multiple_of(super::STRIDE) && cancelled() {
            return Err(ImportError::Cancelled);
        }
        for (at, (i, field)) in named.iter().enumerate() {
            let value = crate::snapshot::read_value(super::sql(row.get_ref(at + 1))?, field.multi, field.ty);
            for value in value.each() {
                let spelling = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                key.clear();
                key.extend((*i as u16).to_be_bytes());
                key.extend(fold(&spelling).as_bytes());
                key.push(0);
                key.extend(ordinal.to_be_bytes());
                sorter.push(&key, spelling.as_bytes())?;
            }
        }
    }
    Ok(sorter)
}

fn write_values(connection: &Connection, fields: &[Field], sorter: Sorter) -> Result<(), ImportError> {
    let mut lexicon = super::sql(connection.prepare(
        "INSERT INTO segue_lexicon (field, folded, value, count, squashed) VALUES (?1, ?2, ?3, ?4, ?5)",
    ))?;
    let mut insert = super::sql(connection.prepare("INSERT INTO segue_values VALUES (?1, ?2, ?3)"))?;
    let mut each_group = |group: &Group| -> Result<(), ImportError> {
        let folded = String::from_utf8_lossy(&group.folded);
        // Only what squashing changes by more than blanks is worth finding by it.
        let punctuated = folded.contains(|c: char| !c.is_alphanumeric() && c != ' ');
        let squashed = punctuated.then(|| squash(&folded)).filter(|s| !s.is_empty());
        let row = params![group.field as i64, folded, group.spelling(), group.count as i64, squashed];
        super::sql(lexicon.execute(row)).map(|_| ())
    };
    let mut sorted = sorter.sorted()?;
    let mut group = Group::default();
    while let Some((key, spelling)) = sorted.next()? {
        let Some((field, folded, ordinal)) = split(key) else { continue };
        if group.count > 0 && (group.field != field || group.folded != folded) {
            each_group(&group)?;
            group.count = 0;
        }
        if group.count == 0 {
            group.start(field, folded);
        }
        group.add(spelling, 1);
        if fields.get(field).is_some_and(|f| f.role == Role::Category) {
            super::sql(insert.execute(params![field as i64, String::from_utf8_lossy(folded), ordinal]))?;
        }
    }
    if group.count > 0 {
        each_group(&group)?;
    }
    Ok(())
}

/// Field, folded value, ordinal.
fn split(key: &[u8]) -> Option<(usize, &[u8], Ordinal)> {
    let (field, rest) = key.split_first_chunk::<2>()?;
    let (rest, ordinal) = rest.split_last_chunk::<4>()?;
    let (_, folded) = rest.split_last()?;
    Some((usize::from(u16::from_be_bytes(*field)), folded, u32::from_be_bytes(*ordinal)))
}
