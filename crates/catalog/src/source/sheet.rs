//! A sheet of an Excel workbook (Office Open XML): its first row that is not empty holds the column names. Cells are read one after
//! the other; only the workbook's texts are in memory, and they are bounded.
//!
//! Dates are dates, durations are `h:mm:ss`, and a cell that says `#N/A` says that nothing is known.

use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use calamine::{CellErrorType, DataRef, ExcelDateTime, Reader, SheetType, SheetVisible, Xlsx, XlsxError};
use segue_world::fs;
use serde_json::{Value as Json, json};

use super::guard::guarded;
use super::{BadRow, Record, SourceError, Visit, archive};
use crate::Value;
use crate::dataset::TableSource;
use crate::text::nearest_name;

pub(crate) struct Sheet {
    path: PathBuf,
    workbook: Xlsx<BufReader<File>>,
    name: String,
    /// The row of the column names, and the column of the first of them.
    origin: (u32, u32),
    columns: Vec<String>,
}

impl fmt::Debug for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sheet").field("path", &self.path).field("name", &self.name).finish_non_exhaustive()
    }
}

/// A row as it stands: its number from 0, its cells by their columns.
type Cells = (u32, Vec<(u32, Result<Value, String>)>);

impl Sheet {
    pub(super) fn open(source: &TableSource) -> Result<Self, SourceError> {
        let path = source.file.as_path();
        archive::check_sizes(path)?;
        let bytes = fs::open(path)?;
        let mut workbook: Xlsx<_> = guarded(path, || Xlsx::new(bytes))?;
        let name = choose(&mut workbook, source)?;
        let first = first_row(&mut workbook, path, &name)?;
        let Some((row, cells)) = first else { return Err(SourceError::Empty(path.to_owned())) };
        let from = cells.first().map_or(0, |(column, _)| *column);
        let mut columns: Vec<String> = Vec::new();
        for (column, cell) in cells {
            let text = cell.as_ref().map_or_else(|_| String::new(), Value::to_string);
            for blank in columns.len()..(column - from) as usize {
                columns.push(format!("column_{}", blank + 1));
            }
            columns.push(text.trim().to_owned());
        }
        Ok(Self { path: path.to_owned(), workbook, name, origin: (row, from), columns })
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
        let Self { path, mut workbook, name, origin, columns } = self;
        rows(&mut workbook, &path, &name, &mut |(row, cells)| match row > origin.0 {
            true => visit(record(row, cells, origin.1, &columns, wanted)),
            false => Ok(()),
        })
    }
}

fn record(
    row: u32,
    cells: Vec<(u32, Result<Value, String>)>,
    from: u32,
    columns: &[String],
    wanted: &[usize],
) -> Result<Record, BadRow> {
    let line = u64::from(row) + 1;
    let bad = |column: Option<String>, reason: String| {
        let name = |at: u32| at.checked_sub(from).and_then(|i| columns.get(i as usize));
        let raw: serde_json::Map<String, Json> = cells
            .iter()
            .map(|(at, cell)| {
                let cell = cell.as_ref().map_or_else(|reason| json!(reason), |value| json!(value));
                (name(*at).cloned().unwrap_or_else(|| letters(*at)), cell)
            })
            .collect();
        BadRow { line, column, reason, raw: raw.into() }
    };
    let is_inside = |at: u32| at >= from && ((at - from) as usize) < columns.len();
    if let Some((at, _)) = cells.iter().find(|(at, _)| !is_inside(*at)) {
        return Err(bad(None, format!("there is a value in column {}, which has no name", letters(*at))));
    }
    let mut found = Vec::with_capacity(wanted.len());
    for &i in wanted {
        let at = from.saturating_add(i as u32);
        match cells.binary_search_by_key(&at, |(at, _)| *at).ok().and_then(|c| cells.get(c)) {
            None => found.push(Value::Null),
            Some((_, Ok(value))) => found.push(value.clone()),
            Some((_, Err(reason))) => return Err(bad(columns.get(i).cloned(), reason.clone())),
        }
    }
    Ok(Record { line, cells: found })
}

/// The sheet that `table` names, or the only one that is shown and has a cell.
fn choose(workbook: &mut Xlsx<BufReader<File>>, source: &TableSource) -> Result<String, SourceError> {
    let wrong = |reason: String| SourceError::Format { path: source.file.clone(), reason };
    let sheets: Vec<String> = workbook
        .sheets_metadata()
        .iter()
        .filter(|s| s.typ == SheetType::WorkSheet)
        .filter(|s| source.table.is_some() || s.visible == SheetVisible::Visible)
        .map(|s| s.name.clone())
        .collect();
    let list = |names: &[String]| names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    if let Some(wanted) = &source.table {
        return sheets.iter().find(|name| *name == wanted).cloned().ok_or_else(|| {
            let nearest = nearest_name(wanted, sheets.iter().map(String::as_str));
            let nearest = nearest.map_or_else(String::new, |n| format!("; did you mean `{n}`?"));
            wrong(format!("there is no sheet `{wanted}` in it{nearest}; its sheets are {}", list(&sheets)))
        });
    }
    let mut filled = Vec::new();
    for name in sheets {
        if first_row(workbook, &source.file, &name)?.is_some() {
            filled.push(name);
        }
    }
    match (filled.pop(), filled.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(SourceError::Empty(source.file.clone())),
        (Some(last), false) => {
            filled.push(last);
            Err(wrong(format!(
                "several of its sheets hold something; name one with `table`, of {}",
                list(&filled)
            )))
        }
    }
}

/// Why the reading of rows ended.
enum Stop {
    Found(Cells),
    Failed(SourceError),
}

impl From<SourceError> for Stop {
    fn from(error: SourceError) -> Self {
        Self::Failed(error)
    }
}

fn first_row(
    workbook: &mut Xlsx<BufReader<File>>,
    path: &Path,
    name: &str,
) -> Result<Option<Cells>, SourceError> {
    match rows(workbook, path, name, &mut |row| Err(Stop::Found(row))) {
        Ok(()) => Ok(None),
        Err(Stop::Found(row)) => Ok(Some(row)),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// Hands over every row that has a cell.
fn rows<E: From<SourceError>>(
    workbook: &mut Xlsx<BufReader<File>>,
    path: &Path,
    name: &str,
    work: &mut dyn FnMut(Cells) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = guarded(path, || workbook.worksheet_cells_reader(name))?;
    let mut row: Cells = (0, Vec::new());
    loop {
        let next = guarded(path, || {
            let cell = reader.next_cell()?;
            Ok::<_, XlsxError>(cell.map(|c| (c.get_position(), value(c.get_value()))))
        })?;
        let Some(((at, column), cell)) = next else { break };
        if row.0 != at && !row.1.is_empty() {
            let full = std::mem::take(&mut row.1);
            work((row.0, full))?;
        }
        row.0 = at;
        if !matches!(cell, Ok(Value::Null)) {
            if row.1.last().is_some_and(|(before, _)| *before >= column) {
                let reason = "its cells are not in order; save it again with Excel or LibreOffice".to_owned();
                return Err(SourceError::Format { path: path.to_owned(), reason }.into());
            }
            row.1.push((column, cell));
        }
    }
    if row.1.is_empty() { Ok(()) } else { work(row) }
}

fn value(cell: &DataRef<'_>) -> Result<Value, String> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let text = |text: &str| match text {
        text if text.contains('\0') => Err("the text holds a NUL byte".to_owned()),
        text if text.trim().is_empty() => Ok(Value::Null),
        text => Ok(Value::Text(text.to_owned())),
    };
    match cell {
        DataRef::Empty | DataRef::Error(CellErrorType::NA) => Ok(Value::Null),
        DataRef::Int(n) => Ok(Value::Integer(*n)),
        DataRef::Float(n) if n.fract() == 0.0 && n.abs() <= EXACT => Ok(Value::Integer(*n as i64)),
        DataRef::Float(n) => Ok(Value::Real(*n)),
        DataRef::Bool(b) => Ok(Value::Bool(*b)),
        DataRef::SharedString(s) => text(s),
        DataRef::String(s) | DataRef::DateTimeIso(s) | DataRef::DurationIso(s) => text(s),
        DataRef::DateTime(at) => Ok(Value::Text(date(at))),
        DataRef::Error(error) => Err(format!("the cell says `{error}`; mend its formula or empty it")),
    }
}

/// A day if the time is midnight, a time if there is no day, else both.
fn date(at: &ExcelDateTime) -> String {
    if at.is_duration() {
        let seconds = (at.as_f64() * 86_400.0).round() as i64;
        let (sign, seconds) = (if seconds < 0 { "-" } else { "" }, seconds.abs());
        return format!("{sign}{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
    let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
    let (date, time) =
        (format!("{year:04}-{month:02}-{day:02}"), format!("{hour:02}:{minute:02}:{second:02}"));
    match (at.as_f64() < 1.0, (hour, minute, second) == (0, 0, 0)) {
        (true, _) => time,
        (false, true) => date,
        (false, false) => format!("{date}T{time}"),
    }
}

/// A column as a spreadsheet calls it: A, B, …, Z, AA, …
fn letters(mut column: u32) -> String {
    let mut name = Vec::new();
    loop {
        name.push(char::from(b'A' + (column % 26) as u8));
        match column / 26 {
            0 => break,
            rest => column = rest - 1,
        }
    }
    name.into_iter().rev().collect()
}

#[cfg(test)]
mod tests;
