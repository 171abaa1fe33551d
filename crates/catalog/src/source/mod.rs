//! Reading tables out of files, a row at a time: SQLite, Parquet, XLSX, CSV, TSV, JSON Lines and JSON arrays; text also packed by
//! gzip or zip, and in any encoding that the data set names; and out of PostgreSQL.
//!
//! A reader is told which columns are wanted and hands over one [`Record`] a row, its cells in that order.
//! A row that cannot be read is handed over as a [`BadRow`] and the reading goes on; only a file that
//! cannot be read at all is an error. Memory is bounded by the longest row, and that by [`MAX_LINE`].

mod archive;
mod array;
mod delimited;
mod encoding;
mod guard;
mod jsonl;
mod lines;
mod parquet;
mod postgres;
mod sheet;
mod sqlite;
mod text;

use std::path::{Path, PathBuf};

use segue_world::{FileError, fs};
use serde_json::Value as Json;

use crate::Value;
use crate::dataset::TableSource;
use crate::text::nearest_name;
pub(crate) use encoding::guess as guess_encoding;

/// The longest line of a text file that is read, in bytes. A longer one is a bad row.
pub(crate) const MAX_LINE: usize = 4 << 20;

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    /// The line of a text file or the row of a query, from 1.
    pub(crate) line: u64,
    /// One for each wanted column.
    pub(crate) cells: Vec<Value>,
}

/// A row that is not taken, and why.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BadRow {
    /// The line of a text file or the row of a query, from 1.
    pub(crate) line: u64,
    /// The column, if it is one column's fault.
    pub(crate) column: Option<String>,
    /// What is wrong.
    pub(crate) reason: String,
    /// The row as it stands, as far as it can be written down.
    pub(crate) raw: Json,
}

/// A file that cannot be read as a table.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be opened or read.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no such file.
    #[error("there is no file `{0}`; check the path, or give the file on the command line")]
    Missing(PathBuf),
    /// It is a folder.
    #[error("`{0}` is a folder; give the file in it that holds the table")]
    Folder(PathBuf),
    /// There is nothing in it.
    #[error("`{0}` is empty; a table has at least a line of column names and a row")]
    Empty(PathBuf),
    /// Not a known format, or not what its name says.
    #[error("`{path}` is not a table that can be read: {reason}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong, and the remedy.
        reason: String,
    },
    /// SQLite refused.
    #[error("`{path}` cannot be read as an SQLite database: {reason}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// PostgreSQL refused, or is not there.
    #[error("`{name}` cannot be read from PostgreSQL: {reason}")]
    Postgres {
        /// The environment variable or the database, and the section of the data set.
        name: PathBuf,
        /// What the server or the connection said.
        reason: String,
    },
    /// A column that is not there.
    #[error("`{path}` has no column `{column}`{nearest}; its columns are {known}")]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        column: String,
        /// `; did you mean …?`, or nothing.
        nearest: String,
        /// What there is.
        known: String,
    },
}

/// What a reader hands each row to. An error of its own ends the reading.
pub(crate) type Visit<'a, E> = dyn FnMut(Result<Record, BadRow>) -> Result<(), E> + 'a;

/// A table that is open: its columns are known.
#[derive(Debug)]
pub(crate) enum Table {
    Delimited(delimited::Delimited),
    Lines(jsonl::JsonLines),
    Parquet(parquet::ParquetTable),
    Postgres(postgres::PostgresTable),
    Sheet(sheet::Sheet),
    Sqlite(sqlite::SqliteTable),
}

impl Table {
    /// Opens the file and finds its columns.
    pub(crate) fn open(source: &TableSource) -> Result<Self, SourceError> {
        if let Some(server) = &source.postgres {
            return Ok(Self::Postgres(postgres::PostgresTable::open(source, server)?));
        }
        let path = &source.file;
        match fs::metadata(path) {
            Err(e) if e.is_not_found() => return Err(SourceError::Missing(path.clone())),
            Err(e) => return Err(e.into()),
            Ok(m) if m.is_dir => return Err(SourceError::Folder(path.clone())),
            Ok(m) if m.len == 0 => return Err(SourceError::Empty(path.clone())),
            Ok(_) => {}
        }
        let format = Format::of(source)?;
        format.takes_keys(source)?;
        Ok(match format {
            Format::Sqlite => Self::Sqlite(sqlite::SqliteTable::open(source)?),
            Format::Parquet => Self::Parquet(parquet::ParquetTable::open(path)?),
            Format::Workbook => Self::Sheet(sheet::Sheet::open(source)?),
            Format::JsonLines { .. } => Self::Lines(jsonl::JsonLines::open(source, false)?),
            Format::JsonArray { .. } => Self::Lines(jsonl::JsonLines::open(source, true)?),
            Format::Delimited { by, .. } => {
                Self::Delimited(delimited::Delimited::open(source, source.delimiter.unwrap_or(by))?)
            }
        })
    }

    /// The names of the columns, in the order of the file.
    pub(crate) fn columns(&self) -> &[String] {
        match self {
            Self::Delimited(t) => t.columns(),
            Self::Lines(t) => t.columns(),
            Self::Parquet(t) => t.columns(),
            Self::Postgres(t) => t.columns(),
            Self::Sheet(t) => t.columns(),
            Self::Sqlite(t) => t.columns(),
        }
    }

    /// Hands over every row with these columns' cells.
    pub(crate) fn read<E: From<SourceError>>(
        self,
        wanted: &[&str],
        visit: &mut Visit<'_, E>,
    ) -> Result<(), E> {
        let positions = self.positions(wanted)?;
        match self {
            Self::Delimited(t) => t.read(&positions, visit),
            Self::Lines(t) => t.read(wanted, visit),
            Self::Parquet(t) => t.read(&positions, visit),
            Self::Postgres(t) => t.read(&positions, visit),
            Self::Sheet(t) => t.read(&positions, visit),
            Self::Sqlite(t) => t.read(&positions, visit),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Delimited(t) => t.path(),
            Self::Lines(t) => t.path(),
            Self::Parquet(t) => t.path(),
            Self::Postgres(t) => t.path(),
            Self::Sheet(t) => t.path(),
            Self::Sqlite(t) => t.path(),
        }
    }

    fn positions(&self, wanted: &[&str]) -> Result<Vec<usize>, SourceError> {
        let columns = self.columns();
        let position = |column: &&str| {
            columns.iter().position(|c| c == column).ok_or_else(|| SourceError::NoColumn {
                path: self.path().to_owned(),
                column: (*column).to_owned(),
                nearest: nearest_name(column, columns.iter().map(String::as_str))
                    .map_or_else(String::new, |n| format!("; did you mean `{n}`?")),
                known: columns.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", "),
            })
        };
        wanted.iter().map(position).collect()
    }
}

/// What a file is. Of text, whether it is in a zip archive, whose members `table` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Sqlite,
    Parquet,
    Workbook,
    JsonLines { zipped: bool },
    JsonArray { zipped: bool },
    Delimited { by: char, zipped: bool },
}

impl Format {
    /// By the first bytes where they tell, else by the name's ending, else by the first line.
    fn of(source: &TableSource) -> Result<Self, SourceError> {
        let path = &source.file;
        let wrong = |reason: &str| SourceError::Format { path: path.clone(), reason: reason.into() };
        let raw = text::raw_head(path, 8)?;
        if raw.starts_with(text::ZIP) && archive::is_workbook(path)? {
            return Ok(Self::Workbook);
        }
        if raw.starts_with(b"\xd0\xcf\x11\xe0") {
            return Err(wrong("it is an old or a protected Excel file; save it as XLSX without a password"));
        }
        let text::Unpacked { name, is_packed, is_zip: zipped, .. } = text::unpack(source)?;
        let ending = name.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        let head = text::head(source, 4096)?;
        for (magic, what, format) in [
            (&b"SQLite format 3\0"[..], "SQLite database", Self::Sqlite),
            (b"PAR1", "Parquet file", Self::Parquet),
        ] {
            if head.starts_with(magic) {
                let packed = || wrong(&format!("it is a packed {what}; unpack it first"));
                return if is_packed { Err(packed()) } else { Ok(format) };
            }
        }
        if head.starts_with(b"PARE") {
            return Err(wrong("it is an encrypted Parquet file; write it without encryption"));
        }
        if head.starts_with(text::ZIP) {
            return Err(wrong("it is an archive in an archive; unpack it first"));
        }
        let says = match ending.as_str() {
            "db" | "sqlite" | "sqlite3" => Some("SQLite"),
            "parquet" | "pq" => Some("Parquet"),
            "xlsx" | "xlsm" => Some("Excel"),
            _ => None,
        };
        if let Some(says) = says {
            return Err(wrong(&format!("its name says {says} and its content does not; fetch it again")));
        }
        if head.is_empty() {
            return Err(SourceError::Empty(path.clone()));
        }
        let first = head.split(|b| *b == b'\n').next().unwrap_or_default();
        let count = |byte: u8| first.iter().filter(|b| **b == byte).count();
        Ok(match ending.as_str() {
            "jsonl" | "ndjson" => Self::JsonLines { zipped },
            "tsv" | "tab" => Self::Delimited { by: '\t', zipped },
            "json" if head.trim_ascii_start().starts_with(b"[") => Self::JsonArray { zipped },
            _ if opens_an_array(&head) => Self::JsonArray { zipped },
            _ if first.trim_ascii_start().starts_with(b"{") => Self::JsonLines { zipped },
            _ => {
                let most = [b',', b'\t', b';', b'|'].into_iter().rev().max_by_key(|b| count(*b));
                Self::Delimited { by: most.map_or(',', char::from), zipped }
            }
        })
    }

    /// Refuses keys of `dataset.toml` that say nothing about such a file.
    fn takes_keys(self, source: &TableSource) -> Result<(), SourceError> {
        let wrong =
            |reason: &str| Err(SourceError::Format { path: source.file.clone(), reason: reason.into() });
        let (is_text, zipped) = match self {
            Self::JsonLines { zipped } | Self::JsonArray { zipped } | Self::Delimited { zipped, .. } => {
                (true, zipped)
            }
            _ => (false, false),
        };
        if source.query.is_some() && self != Self::Sqlite {
            return wrong("`query` is for SQLite files, and this is not one; leave it out");
        }
        if source.table.is_some() && !zipped && !matches!(self, Self::Sqlite | Self::Workbook) {
            return wrong(
                "`table` is for files that hold several tables, SQLite, XLSX and zip; leave it out",
            );
        }
        if source.encoding.is_some() && !is_text {
            return wrong("`encoding` is for text files, and this is not one; leave it out");
        }
        Ok(())
    }
}

/// True of an array of objects.
fn opens_an_array(head: &[u8]) -> bool {
    let inside = head.trim_ascii_start().strip_prefix(b"[");
    inside.is_some_and(|inside| inside.trim_ascii_start().starts_with(b"{"))
}

#[cfg(test)]
mod tests;
