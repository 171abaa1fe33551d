//! JSON Lines: one object a line.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::lines::{Line, Lines};
use super::{BadRow, Record, SourceError, Visit};
use crate::Value;

/// How many lines are looked at to find the columns: an object need not have them all.
const SAMPLE: usize = 10_000;

#[derive(Debug)]
pub(crate) struct JsonLines {
    path: PathBuf,
    lines: Lines,
    columns: Vec<String>,
}

impl JsonLines {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let mut sample = Lines::open(path)?;
        let mut columns: Vec<String> = Vec::new();
        for _ in 0..SAMPLE {
            let Some(line) = sample.next()? else { break };
            let Ok(Json::Object(object)) = serde_json::from_slice(&line.bytes) else { continue };
            for key in object.keys() {
                if !columns.contains(key) {
                    columns.push(key.clone());
                }
            }
        }
        if columns.is_empty() {
            let reason = "no line of it is a JSON object; write one object a line".into();
            return Err(SourceError::Format { path: path.to_owned(), reason });
        }
        Ok(Self { path: path.to_owned(), lines: Lines::open(path)?, columns })
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
                visit(record(&line, wanted))?;
            }
        }
        Ok(())
    }
}

fn record(line: &Line, wanted: &[&str]) -> Result<Record, BadRow> {
    let bad = |column: Option<&str>, reason: String| BadRow {
        line: line.number,
        column: column.map(str::to_owned),
        reason,
        raw: json!(String::from_utf8_lossy(&line.bytes)),
    };
    if line.cut {
        return Err(bad(None, format!("the line is longer than {} MiB", super::MAX_LINE >> 20)));
    }
    let mut object: serde_json::Map<String, Json> = serde_json::from_slice(&line.bytes)
        .map_err(|e| bad(None, format!("the line is not a JSON object: {e}")))?;
    let mut cells = Vec::with_capacity(wanted.len());
    for column in wanted {
        let cell = object.remove(*column).unwrap_or(Json::Null);
        let cell = value(cell).ok_or_else(|| bad(Some(column), "an object cannot be a value".into()))?;
        cells.push(cell);
    }
    Ok(Record { line: line.number, cells })
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
