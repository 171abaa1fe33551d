//! A table or a query of an SQLite file, opened read-only.

use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use segue_world::fs;
use serde_json::{Value as Json, json};

use super::{BadRow, Record, SourceError, Visit, text};
use crate::Value;
use crate::dataset::TableSource;
use crate::snapshot::quote;
use crate::text::nearest_name;

#[derive(Debug)]
pub(crate) struct SqliteTable {
    path: PathBuf,
    connection: Connection,
    sql: String,
    columns: Vec<String>,
}

impl SqliteTable {
    pub(super) fn open(source: &TableSource) -> Result<Self, SourceError> {
        let path = &source.file;
        let failed = |reason: String| SourceError::Sqlite { path: path.clone(), reason };
        whole(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|e| failed(e.to_string()))?;
        let sql = match (&source.query, &source.table) {
            (Some(query), _) => query.clone(),
            (None, Some(table)) => format!("SELECT * FROM {}", quote(table)),
            (None, None) => format!("SELECT * FROM {}", quote(&only_table(&connection, path)?)),
        };
        let columns = {
            let statement = connection.prepare(&sql).map_err(|e| {
                let hint = source.table.as_ref().and_then(|t| table_hint(&connection, t));
                failed(format!("{e}{}", hint.unwrap_or_default()))
            })?;
            if !statement.readonly() {
                return Err(failed("the query would change something; give a `SELECT`".into()));
            }
            statement.column_names().map(str::to_owned).collect()
        };
        Ok(Self { path: path.clone(), connection, sql, columns })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    pub(super) fn read<E: From<SourceError>>(
        self,
        wanted: &[usize],
        visit: &mut Visit<'_, E>,
    ) -> Result<(), E> {
        let failed =
            |e: rusqlite::Error| SourceError::Sqlite { path: self.path.clone(), reason: e.to_string() };
        let mut statement = self.connection.prepare(&self.sql).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        let mut line = 0;
        while let Some(row) = rows.next().map_err(failed)? {
            line += 1;
            visit(self.record(row, line, wanted))?;
        }
        Ok(())
    }

    fn record(&self, row: &rusqlite::Row<'_>, line: u64, wanted: &[usize]) -> Result<Record, BadRow> {
        let mut cells = Vec::with_capacity(wanted.len());
        for &i in wanted {
            let cell = row.get_ref(i).unwrap_or(ValueRef::Null);
            let fault = match cell {
                ValueRef::Null => Ok(Value::Null),
                ValueRef::Integer(n) => Ok(Value::Integer(n)),
                ValueRef::Real(n) => Ok(Value::Real(n)),
                ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
                    Ok(text) if !text.contains('\0') => Ok(Value::Text(text.to_owned())),
                    Ok(_) => Err("the text holds a NUL byte"),
                    Err(_) => Err("the text is not UTF-8"),
                },
                ValueRef::Blob(_) => Err("the column holds bytes and no text"),
            };
            match fault {
                Ok(value) => cells.push(value),
                Err(reason) => {
                    let column = self.columns.get(i).cloned();
                    return Err(BadRow { line, column, reason: reason.into(), raw: self.raw(row) });
                }
            }
        }
        Ok(Record { line, cells })
    }

    fn raw(&self, row: &rusqlite::Row<'_>) -> Json {
        let cell = |i: usize| match row.get_ref(i).unwrap_or(ValueRef::Null) {
            ValueRef::Null => Json::Null,
            ValueRef::Integer(n) => json!(n),
            ValueRef::Real(n) => json!(n),
            ValueRef::Text(bytes) => json!(String::from_utf8_lossy(bytes)),
            ValueRef::Blob(bytes) => json!(format!("{} bytes", bytes.len())),
        };
        self.columns.iter().enumerate().map(|(i, name)| (name.clone(), cell(i))).collect()
    }
}

/// SQLite writes its size into its header, so a download that broke off is found before reading half of it.
fn whole(path: &Path) -> Result<(), SourceError> {
    let head = text::raw_head(path, 100)?;
    let number = |range: std::ops::Range<usize>| {
        head.get(range).unwrap_or_default().iter().fold(0_u64, |n, b| n << 8 | u64::from(*b))
    };
    let page = match number(16..18) {
        1 => 65_536,
        size => size,
    };
    let (should, has) = (page * number(28..32), fs::metadata(path)?.len);
    if has < should.max(100) {
        let reason = format!("it is cut off: {has} bytes of {should}; fetch it again");
        return Err(SourceError::Sqlite { path: path.to_owned(), reason });
    }
    Ok(())
}

fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name";
    connection.prepare(sql)?.query_map([], |r| r.get(0))?.collect()
}

fn only_table(connection: &Connection, path: &Path) -> Result<String, SourceError> {
    let failed = |reason: String| SourceError::Sqlite { path: path.to_owned(), reason };
    let mut found = tables(connection).map_err(|e| failed(e.to_string()))?;
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(failed("there is no table in it; give another file".into())),
        (Some(last), false) => {
            found.push(last);
            Err(failed(format!(
                "there are several tables in it; name one with `table`, of {}",
                found.join(", ")
            )))
        }
    }
}

fn table_hint(connection: &Connection, table: &str) -> Option<String> {
    let known = tables(connection).ok()?;
    let nearest = nearest_name(table, known.iter().map(String::as_str));
    let nearest = nearest.map_or_else(String::new, |n| format!("; did you mean `{n}`?"));
    Some(format!("{nearest}; the tables are {}", known.join(", ")))
}
