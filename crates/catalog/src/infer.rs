//! A first `dataset.toml` for a file that has none: roles, types, separators and units, guessed from the
//! names of the columns and a sample of the rows, and written out for a person to correct.

mod column;
mod write;

use std::path::{Path, PathBuf};

use crate::Value;
use crate::dataset::TableSource;
use crate::source::{SourceError, Table, guess_encoding};
use column::Column;

/// How many rows are looked at.
const SAMPLE: usize = 5_000;

/// Nothing can be guessed.
#[derive(Debug, thiserror::Error)]
pub enum InferError {
    /// The file cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// There are column names and no rows.
    #[error("`{0}` has column names and no row; an import needs at least one item")]
    NoRows(PathBuf),
    /// No column can be the id.
    #[error(
        "no column of `{path}` tells its rows apart; add one, or write a `dataset.toml`. Its columns are {known}"
    )]
    NoId {
        /// The file.
        path: PathBuf,
        /// Its columns.
        known: String,
    },
}

/// Looks at a file (a table of it, if it holds several) and writes a commented `dataset.toml` that reads it.
///
/// The text names the file without its folder; [`Dataset::with_files`](crate::Dataset::with_files) puts the
/// path in.
pub fn infer(file: &Path, table: Option<&str>) -> Result<String, InferError> {
    let mut source = TableSource { table: table.map(str::to_owned), ..TableSource::of(file) };
    let mut opened = Table::open(&source);
    // Names of columns that do not decode are an error, and rows are not.
    if matches!(opened, Err(SourceError::Format { .. }) | Ok(Table::Delimited(_) | Table::Lines(_)))
        && let Some(encoding) = guess_encoding(&source)
    {
        let encoding = Some(encoding.name().to_lowercase());
        let decoded = TableSource { encoding, ..source.clone() };
        if let Ok(table) = Table::open(&decoded) {
            (source, opened) = (decoded, Ok(table));
        }
    }
    let table = opened?;
    let names = table.columns().to_vec();
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut sample: Vec<Vec<Value>> = Vec::new();
    let read = table.read(&wanted, &mut |row| -> Result<(), Stop> {
        sample.extend(row.ok().map(|r| r.cells));
        if sample.len() < SAMPLE { Ok(()) } else { Err(Stop::Enough) }
    });
    match read {
        Ok(()) | Err(Stop::Enough) => {}
        Err(Stop::Source(e)) => return Err(e.into()),
    }
    if sample.is_empty() {
        return Err(InferError::NoRows(file.to_owned()));
    }
    let cells = |i: usize| sample.iter().filter_map(move |row| row.get(i)).collect::<Vec<_>>();
    let columns: Vec<Column> =
        names.iter().enumerate().map(|(i, name)| Column::observe(name, &cells(i))).collect();
    write::dataset(&source, &columns).ok_or_else(|| InferError::NoId {
        path: file.to_owned(),
        known: names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", "),
    })
}

/// Why the sampling ended.
enum Stop {
    Enough,
    Source(SourceError),
}

impl From<SourceError> for Stop {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

#[cfg(test)]
mod tests;
