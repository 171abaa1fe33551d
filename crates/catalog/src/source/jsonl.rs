//! JSON Lines, one object a line, and JSON arrays of objects. What is nested is a column by its path, `author.name`; of a list of
//! objects, that of each.

use std::io::BufReader;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};

use super::array::Elements;
use super::encoding::Undecodable;
use super::lines::{Line, Lines};
use super::text;
use super::{BadRow, Record, SourceError, Visit};
use crate::Value;
use crate::dataset::TableSource;

/// How many lines are looked at to find the columns: an object need not have them all.
const SAMPLE: usize = 10_000;
/// Objects in objects that are looked into.
const DEEPEST: usize = 8;
/// Columns of a table; what is nested could make more than anybody wants.
const MOST_COLUMNS: usize = 1000;

#[derive(Debug)]
pub(crate) struct JsonLines {
    path: PathBuf,
    lines: Lines,
    undecodable: Undecodable,
    columns: Vec<String>,
}

impl JsonLines {
    /// Opens JSON Lines, or an array.
    pub(super) fn open(source: &TableSource, is_array: bool) -> Result<Self, SourceError> {
        let path = source.file.as_path();
        let lines = || -> Result<(Lines, Undecodable), SourceError> {
            let text::Text { bytes, from } = text::open(source)?;
            let lines = match is_array {
                true => Lines::of(path, Box::new(BufReader::new(Elements::new(bytes)))),
                false => Lines::of(path, bytes),
            };
            Ok((lines, Undecodable::new(source, from)))
        };
        let (mut sample, _) = lines()?;
        let mut columns: Vec<String> = Vec::new();
        for _ in 0..SAMPLE {
            let Some(line) = sample.next()? else { break };
            let Ok(Json::Object(object)) = serde_json::from_slice(&line.bytes) else { continue };
            collect(&object, "", DEEPEST, &mut columns);
        }
        if columns.is_empty() {
            let reason = match is_array {
                true => "no element of its array is a JSON object; write objects with the columns as keys",
                false => "no line of it is a JSON object; write one object a line",
            };
            let reason = reason.into();
            return Err(SourceError::Format { path: path.to_owned(), reason });
        }
        let (lines, undecodable) = lines()?;
        Ok(Self { path: path.to_owned(), lines, undecodable, columns })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    pub(super) fn read<E: From<SourceError>>(
        mut self,
        wanted: &[&str],
        visit: &mut Visit<'_, E>,
    ) -> Result<(), E> {
        while let Some(line) = self.lines.next()? {
            if !line.bytes.trim_ascii().is_empty() {
                visit(record(&line, wanted, &self.undecodable))?;
            }
        }
        Ok(())
    }
}

fn record(line: &Line, wanted: &[&str], undecodable: &Undecodable) -> Result<Record, BadRow> {
    let bad = |column: Option<&str>, reason: String| BadRow {
        line: line.number,
        column: column.map(str::to_owned),
        reason,
        raw: json!(String::from_utf8_lossy(&line.bytes)),
    };
    if line.cut {
        return Err(bad(None, format!("the line is longer than {} MiB", super::MAX_LINE >> 20)));
    }
    if let Some(fault) = undecodable.fault(&line.bytes) {
        return Err(bad(None, format!("the line {fault}")));
    }
    let mut object: Map<String, Json> = serde_json::from_slice(&line.bytes)
        .map_err(|e| bad(None, format!("the line is not a JSON object: {e}")))?;
    let mut cells = Vec::with_capacity(wanted.len());
    for column in wanted {
        let cell = object.remove(*column).unwrap_or_else(|| nested(&object, column));
        let cell = value(cell).ok_or_else(|| bad(Some(column), "an object cannot be a value".into()))?;
        cells.push(cell);
    }
    Ok(Record { line: line.number, cells })
}

/// The columns of an object. An empty object is none.
fn collect(object: &Map<String, Json>, path: &str, deeper: usize, columns: &mut Vec<String>) {
    for (key, value) in object {
        let path = format!("{path}{key}");
        let inner: Vec<&Map<String, Json>> = match value {
            Json::Object(inner) => vec![inner],
            Json::Array(parts) => parts.iter().filter_map(Json::as_object).collect(),
            _ => Vec::new(),
        };
        let is_nested = value.is_object() || !inner.is_empty();
        if is_nested && deeper > 0 {
            inner.into_iter().for_each(|o| collect(o, &format!("{path}."), deeper - 1, columns));
        } else if !columns.contains(&path) && columns.len() < MOST_COLUMNS {
            columns.push(path);
        }
    }
}

/// What stands at a path in an object: `author.name`. Of a list of objects, what stands there in each.
fn nested(object: &Map<String, Json>, path: &str) -> Json {
    let at = |(dot, _): (usize, &str)| {
        let rest = path.get(dot + 1..)?;
        let found = |o: &Map<String, Json>| o.get(rest).cloned().unwrap_or_else(|| nested(o, rest));
        match object.get(path.get(..dot)?)? {
            Json::Object(inner) => Some(found(inner)).filter(|value| !value.is_null()),
            Json::Array(parts) => {
                let each =
                    parts.iter().filter_map(Json::as_object).map(found).filter(|value| !value.is_null());
                let flat =
                    each.flat_map(|value| if let Json::Array(parts) = value { parts } else { vec![value] });
                Some(Json::Array(flat.collect()))
            }
            _ => None,
        }
    };
    path.match_indices('.').find_map(at).unwrap_or(Json::Null)
}

fn value(json: Json) -> Option<Value> {
    Some(match json {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(b),
        Json::Number(n) => {
            n.as_i64().map_or_else(|| n.as_f64().map_or(Value::Null, Value::Real), Value::Integer)
        }
        Json::String(s) => Value::Text(s),
        Json::Array(parts) => Value::List(parts.into_iter().map(value).collect::<Option<_>>()?),
        Json::Object(_) => return None,
    })
}
