//! Vectors that come with a data set: one an item, of pictures, sounds, co-occurrence or anything.
//!
//! Each space is a folder `spaces/NAME` of the generation: `matrix.f32`, a row an item by ordinal, unit vectors of little-endian IEEE
//! 754 single precision, and `space.json`. An item without a vector has a row of zeros, which no unit vector is. Rows
//! are written where they belong as they are read, so that memory holds one.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use roaring::RoaringBitmap;
use rusqlite::Connection;
use segue_world::{FileError, fs};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::changes::{Base, GONE};
use super::interactions::Items;
use super::{ImportError, Job, Phase};
use crate::dataset::{DatasetSpace, TableSource};
use crate::source::{BadRow, Matrix, Table, is_npy};
use crate::{Ordinal, Role, Value, Workspace};

/// The folder of the spaces of a generation.
pub const SPACES: &str = "spaces";
/// The vectors of a space.
pub const SPACE_MATRIX: &str = "matrix.f32";
/// What they are.
pub const SPACE_MANIFEST: &str = "space.json";

/// More numbers than a vector has.
const MOST_DIMENSIONS: usize = 65_536;

/// An imported space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// Its name: "image".
    pub name: String,
    /// The embedding model that makes vectors of this space from texts, if there is one.
    pub encoder: Option<String>,
    /// Numbers in a vector.
    pub dimensions: usize,
    /// Items that have a vector.
    pub vectors: u64,
    /// Items that have none.
    pub missing: u64,
    /// Vectors of items that are not here.
    pub unknown: u64,
}

/// Writes the spaces of the data set into the scratch folder; with changes, first those of the generation before.
pub(super) fn write(
    job: &mut Job<'_>,
    connection: &Connection,
    base: Option<&Base>,
    workspace: &Workspace,
    items: u64,
) -> Result<Vec<Space>, ImportError> {
    let mut spaces = Vec::new();
    for space in &job.dataset.spaces {
        let target = job.scratch.join(SPACES).join(&space.name);
        fs::create_dir_all(&target)?;
        let mut writer = Writer::new(&target, items)?;
        let mut unknown = 0;
        if let Some(base) = base.filter(|_| job.changes.is_some()) {
            let from = workspace.generation_dir(base.snapshot.catalog().generation);
            carry_over(&from.join(SPACES).join(&space.name), base, &mut writer)?;
        }
        // Of a change, the vectors of what came are in the file, where there is one.
        if job.changes.is_none_or(|c| c.update && !space.source.is_absent()) {
            unknown = read(job, connection, space, &mut writer)?;
        }
        let (dimensions, vectors) = (writer.dimensions, writer.written.len());
        if vectors == 0 {
            return Err(ImportError::NoVectors {
                space: space.name.clone(),
                path: space.source.file.clone(),
            });
        }
        writer.finish()?;
        let (name, encoder) = (space.name.clone(), space.encoder.clone());
        let missing = items.saturating_sub(vectors);
        let space = Space { name, encoder, dimensions, vectors, missing, unknown };
        fs::write_atomic(&target.join(SPACE_MANIFEST), &serde_json::to_vec_pretty(&space)?)?;
        spaces.push(space);
    }
    Ok(spaces)
}

/// Reads the vectors of a space; gives the number of those whose item is not here.
fn read(
    job: &mut Job<'_>,
    connection: &Connection,
    space: &DatasetSpace,
    writer: &mut Writer,
) -> Result<u64, ImportError> {
    let mut items = Items::by_id(job.dataset, connection)?;
    let file = space.source.file.as_path();
    let (mut unknown, mut done) = (0, 0);
    let mut take = |job: &mut Job<'_>, line: u64, id: &str, vector: Result<Vec<f64>, String>| {
        done += 1;
        job.tick(Phase::Interactions, done, None)?;
        let bad = |column: Option<&str>, reason: String| {
            let column = column.map(str::to_owned);
            BadRow { line, column, reason, raw: json!({ "id": id }) }
        };
        let bad = match (id, vector) {
            ("", _) => bad(None, "the row has no id".into()),
            (_, Err(reason)) => bad(Some(&space.vector), reason),
            (id, Ok(vector)) => match items.find(id)? {
                None => {
                    unknown += 1;
                    return Ok(());
                }
                Some(item) => match writer.put(item, &vector) {
                    Ok(None) => return Ok(()),
                    Ok(Some(reason)) => bad(Some(&space.vector), reason),
                    Err(error) => return Err(error.into()),
                },
            },
        };
        Ok::<_, ImportError>(job.rejects.add(file, bad)?)
    };
    if space.source.postgres.is_none() && is_npy(file) {
        let mut matrix = Matrix::open(file)?;
        let (source, column) = ids(job, space)?;
        let (mut line, rows) = (0, matrix.rows);
        each_id(&source, column.as_deref(), &mut |id| {
            line += 1;
            if line <= rows {
                take(job, line, &id, Ok(matrix.next(file)?))?;
            }
            Ok(())
        })?;
        if line != rows {
            return Err(ImportError::OtherRows { path: file.to_owned(), rows, ids: line, at: source.file });
        }
    } else {
        let table = Table::open(&space.source)?;
        table.read(&[&space.id, &space.vector], &mut |row| match row {
            Ok(record) => {
                let id =
                    record.cells.first().filter(|v| !v.is_null()).map(Value::to_string).unwrap_or_default();
                take(job, record.line, id.trim(), numbers(record.cells.get(1)))
            }
            Err(bad) => Ok(job.rejects.add(file, bad)?),
        })?;
    }
    Ok(unknown)
}

/// Where the ids of a matrix's rows are, in their order: a file of them, or the items' table.
fn ids(job: &Job<'_>, space: &DatasetSpace) -> Result<(TableSource, Option<String>), ImportError> {
    match &space.ids {
        Some(file) => Ok((TableSource::of(file), None)),
        None if job.changes.is_some() => Err(ImportError::NoIds(space.name.clone())),
        None => {
            let id = job.dataset.fields.iter().find(|f| f.field.role == Role::Id);
            Ok((job.dataset.items.source.clone(), id.map(|f| f.column.clone())))
        }
    }
}

/// Hands over every id; those of rows that cannot be read are empty.
fn each_id(
    source: &TableSource,
    column: Option<&str>,
    work: &mut dyn FnMut(String) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    let table = Table::open(source)?;
    let columns = table.columns().to_vec();
    let column = match (column, columns.as_slice()) {
        (Some(column), _) => column.to_owned(),
        // A list without a header: what looks like one is the first id.
        (None, [only]) if only != "id" => {
            work(only.clone())?;
            only.clone()
        }
        (None, _) => "id".to_owned(),
    };
    table.read(&[&column], &mut |row| {
        let cell = row.ok().and_then(|r| r.cells.into_iter().next()).filter(|v| !v.is_null());
        work(cell.map_or_else(String::new, |v| v.to_string().trim().to_owned()))
    })
}

/// A list of numbers, or the text of one: `[0.1, 0.2]`.
fn numbers(cell: Option<&Value>) -> Result<Vec<f64>, String> {
    let no_vector = || "the vector is no list of numbers".to_owned();
    let parsed;
    let list = match cell {
        Some(Value::List(list)) => list,
        Some(Value::Text(text)) => {
            parsed = serde_json::from_str::<Vec<Value>>(text).map_err(|_| no_vector())?;
            &parsed
        }
        _ => return Err(no_vector()),
    };
    list.iter().map(|v| v.as_f64().ok_or_else(no_vector)).collect()
}

struct Writer {
    file: File,
    path: std::path::PathBuf,
    items: u64,
    /// 0 until the first vector.
    dimensions: usize,
    written: RoaringBitmap,
    /// Those that a change may write again.
    carried: RoaringBitmap,
}

impl Writer {
    fn new(folder: &Path, items: u64) -> Result<Self, ImportError> {
        let path = folder.join(SPACE_MATRIX);
        let failed = |e: io::IntoInnerError<_>| failed(&path, e.into_error());
        let file = fs::writer(&path)?.into_inner().map_err(failed)?;
        let (written, carried) = (RoaringBitmap::new(), RoaringBitmap::new());
        Ok(Self { file, path, items, dimensions: 0, written, carried })
    }

    /// Writes the vector of an item; what is wrong with it, if it is not taken.
    fn put(&mut self, item: Ordinal, vector: &[f64]) -> Result<Option<String>, FileError> {
        if self.dimensions == 0 && !vector.is_empty() {
            if vector.len() > MOST_DIMENSIONS {
                return Ok(Some(format!("the vector has {} numbers, more than any", vector.len())));
            }
            self.dimensions = vector.len();
            let size = self.items * self.width();
            self.file.set_len(size).map_err(|e| failed(&self.path, e))?;
        }
        if vector.len() != self.dimensions || vector.is_empty() {
            let (has, others) = (vector.len(), self.dimensions);
            return Ok(Some(format!("the vector has {has} numbers and those before it {others}")));
        }
        let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        if !length.is_finite() {
            return Ok(Some("the vector holds NaN or an infinite number".to_owned()));
        }
        let bytes: Vec<u8> = vector.iter().flat_map(|x| ((x / length) as f32).to_le_bytes()).collect();
        if length < f64::from(f32::MIN_POSITIVE) {
            return Ok(Some("the vector is all zeros and points nowhere".to_owned()));
        }
        if self.written.contains(item) && !self.carried.remove(item) {
            return Ok(Some("an earlier row has a vector of the same item".to_owned()));
        }
        self.write(item, &bytes)?;
        Ok(None)
    }

    fn write(&mut self, item: Ordinal, bytes: &[u8]) -> Result<(), FileError> {
        let at = SeekFrom::Start(u64::from(item) * self.width());
        let done = self.file.seek(at).and_then(|_| self.file.write_all(bytes));
        done.map_err(|e| failed(&self.path, e))?;
        self.written.insert(item);
        Ok(())
    }

    fn width(&self) -> u64 {
        (self.dimensions * size_of::<f32>()) as u64
    }

    fn finish(self) -> Result<(), FileError> {
        self.file.sync_all().map_err(|e| failed(&self.path, e))
    }
}

fn failed(path: &Path, source: io::Error) -> FileError {
    FileError { action: "write", path: path.to_owned(), source }
}

/// Takes over the vectors of the items that stay, each to where its item is now.
fn carry_over(from: &Path, base: &Base, writer: &mut Writer) -> Result<(), ImportError> {
    let manifest = from.join(SPACE_MANIFEST);
    if !fs::exists(&manifest) {
        return Ok(());
    }
    let space: Space = serde_json::from_str(&fs::read_to_string(&manifest)?)?;
    let path = from.join(SPACE_MATRIX);
    let mut old = fs::open(&path)?;
    writer.dimensions = space.dimensions;
    let size = writer.items * writer.width();
    writer.file.set_len(size).map_err(|e| failed(&writer.path, e))?;
    let mut row = vec![0; space.dimensions * size_of::<f32>()];
    for place in &base.places {
        let read = old.read_exact(&mut row);
        read.map_err(|source| FileError { action: "read", path: path.clone(), source })?;
        if *place != GONE && row.iter().any(|b| *b != 0) {
            writer.write(*place, &row)?;
            writer.carried.insert(*place);
        }
    }
    Ok(())
}
