//! Apache Parquet, by its column readers: a row group at a time, of it only the columns that are wanted, and of those a batch of
//! rows that takes up a bounded number of bytes.
//!
//! A nested group is a column by its path, `author.name`, and of a list of groups that of each, as in JSON; lists in lists are
//! one list. NaN says that nothing is known.

mod cells;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::basic::{ConvertedType, LogicalType};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::Type;
use segue_world::fs;
use serde_json::{Value as Json, json};

use super::{BadRow, Record, SourceError, Visit};
use crate::Value;
pub(super) use cells::half;
use cells::{Cell, Column};

/// Rows of a batch, at most.
const ROWS: usize = 4096;
/// Bytes of a batch, as the file itself says how large its rows are.
const BATCH: i64 = 16 << 20;

pub(crate) struct ParquetTable {
    path: PathBuf,
    file: SerializedFileReader<File>,
    columns: Vec<String>,
}

impl fmt::Debug for ParquetTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetTable").field("path", &self.path).finish_non_exhaustive()
    }
}

impl ParquetTable {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let bytes = fs::open(path)?.into_inner();
        let file = guarded(path, || SerializedFileReader::new(bytes))?;
        let mut columns = Vec::new();
        for field in file.metadata().file_metadata().schema_descr().root_schema().get_fields() {
            leaves(field, field.name().to_owned(), &mut columns);
        }
        Ok(Self { path: path.to_owned(), file, columns })
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
        let mut line = 0;
        for i in 0..self.file.num_row_groups() {
            let group = guarded(&self.path, || self.file.get_row_group(i))?;
            let open = |&column: &usize| Column::open(group.as_ref(), column);
            let mut columns: Vec<Column> =
                guarded(&self.path, || wanted.iter().map(open).collect::<Result<_, _>>())?;
            let mut left = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            let rows = batch(group.metadata(), wanted);
            while left > 0 {
                let n = rows.min(left);
                let mut cells: Vec<std::vec::IntoIter<Cell>> = guarded(&self.path, || {
                    columns.iter_mut().map(|c| Ok(c.read(n)?.into_iter())).collect::<Result<_, _>>()
                })?;
                for _ in 0..n {
                    line += 1;
                    let row = cells.iter_mut().map(|c| c.next().unwrap_or(Ok(Value::Null))).collect();
                    visit(self.record(line, row, wanted))?;
                }
                left -= n;
            }
        }
        Ok(())
    }

    fn record(&self, line: u64, cells: Vec<Cell>, wanted: &[usize]) -> Result<Record, BadRow> {
        let name = |i: usize| wanted.get(i).and_then(|w| self.columns.get(*w)).cloned().unwrap_or_default();
        let Some((at, reason)) = cells.iter().enumerate().find_map(|(i, c)| Some((i, c.as_ref().err()?)))
        else {
            return Ok(Record { line, cells: cells.into_iter().flatten().collect() });
        };
        let raw: serde_json::Map<String, Json> =
            cells.iter().enumerate().map(|(i, cell)| (name(i), json!(cell.as_ref().ok()))).collect();
        Err(BadRow { line, column: Some(name(at)), reason: (*reason).to_owned(), raw: raw.into() })
    }
}

/// How many rows of these columns are read at a time.
fn batch(group: &RowGroupMetaData, wanted: &[usize]) -> usize {
    let size = |&i: &usize| group.columns().get(i).map_or(0, |c| c.uncompressed_size().max(0));
    let a_row = wanted.iter().map(size).sum::<i64>() / group.num_rows().max(1);
    usize::try_from(BATCH / a_row.max(1)).unwrap_or(ROWS).clamp(16, ROWS)
}

/// The names of the columns under a node of the schema, in the order of the file's columns. What a list or a map is wrapped in
/// has no name of its own (Parquet format, "Logical types", "Nested types").
fn leaves(node: &Type, name: String, columns: &mut Vec<String>) {
    if node.is_primitive() {
        return columns.push(name);
    }
    let info = node.get_basic_info();
    let is = |logical: LogicalType, converted: ConvertedType| {
        info.logical_type_ref() == Some(&logical) || info.converted_type() == converted
    };
    let wrapper = node.get_fields().first().filter(|_| node.get_fields().len() == 1);
    match wrapper {
        Some(repeated) if is(LogicalType::List, ConvertedType::LIST) => {
            let is_element = repeated.name() == "array" || repeated.name().ends_with("_tuple");
            match repeated.is_group().then(|| repeated.get_fields()) {
                Some([element]) if !is_element => leaves(element, name, columns),
                Some(fields) => inner(fields, &name, columns),
                None => columns.push(name),
            }
        }
        Some(entries)
            if entries.is_group()
                && (is(LogicalType::Map, ConvertedType::MAP)
                    || info.converted_type() == ConvertedType::MAP_KEY_VALUE) =>
        {
            inner(entries.get_fields(), &name, columns);
        }
        _ => inner(node.get_fields(), &name, columns),
    }
}

fn inner(fields: &[parquet::schema::types::TypePtr], name: &str, columns: &mut Vec<String>) {
    fields.iter().for_each(|field| leaves(field, format!("{name}.{}", field.name()), columns));
}

/// Does what reads the file.
fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, SourceError> {
    // What this build does not unpack is nothing that fetching again would mend.
    let mut unread = None;
    let done = super::guard::guarded(path, || {
        work().inspect_err(|e| unread = Some(e.to_string()).filter(|e| e.contains("feature")))
    });
    done.map_err(|error| match unread {
        Some(what) => SourceError::Format {
            path: path.to_owned(),
            reason: format!(
                "it is packed in a way that is not read ({what}); write it with zstd, snappy or gzip"
            ),
        },
        None => error,
    })
}

#[cfg(test)]
mod tests;
