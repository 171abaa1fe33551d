//! Files become a generation of the catalogue, whole or not at all.
//!
//! An import states the whole catalogue. It reads the items into a sorter (bounded memory), then writes a new generation's
//! rows in the order of their ids into a database of its own, beside the others, which is renamed when it is whole. Killed at
//! any time, it leaves what was there before, and scratch files, which the next import removes. What readers see changes only
//! when the generation is indexed and `CURRENT` points to it.

mod changes;
mod codec;
mod convert;
mod encode;
mod gather;
mod interactions;
mod items;
mod link;
mod lookups;
mod numbers;
mod rejects;
mod sorter;
mod spaces;
pub(crate) mod tables;
mod tally;
mod top;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use segue_world::{FileError, World, fs};
use serde::Serialize;

use crate::dataset::Dataset;
use crate::generations::GenerationSettings;
use crate::source::SourceError;
use crate::sources::{SourceFile, files_of};
use crate::store::{Store, drop_others, generations};
use crate::{Catalog, Field, Snapshot, StoreError, Workspace, WorkspaceError};
pub use changes::{Changed, Changes};
pub use lookups::write_lookups;
pub use rejects::{Rejected, RejectedRows};
pub use spaces::{SPACE_MANIFEST, SPACE_MATRIX, SPACES, Space};

use changes::{Base, Merged};
pub(crate) use convert::distinct;
use interactions::Social;
use items::{ReadItems, Rows};

/// Bytes that one sorter may hold before it goes to disk. At most three are in use at once.
const BUDGET: usize = 128 << 20;

/// After how many rows progress is told and cancellation is looked at.
const STRIDE: u64 = 2048;

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Rows done in this phase.
    pub done: u64,
    /// Rows to do, where that is known.
    pub total: Option<u64>,
}

/// What an import does, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Reading the items' file.
    Reading,
    /// Writing items.
    Writing,
    /// Counting values, for the statistics.
    Counting,
    /// Reading and writing users and interactions.
    Interactions,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImportReport {
    /// The new generation. It is not served before it is indexed.
    pub generation: u32,
    /// Items in it.
    pub items: u64,
    /// Rows of the items' file that were read.
    pub rows: u64,
    /// Rows that repeated an id and were merged or left out, as the data set says.
    pub repeats: u64,
    /// How it differs from the generation before, if there is one with the same fields.
    pub changes: Option<Changed>,
    /// Users in it.
    pub users: u64,
    /// Interactions in it.
    pub interactions: u64,
    /// Interactions with items that this catalogue does not have, or has no more.
    pub unmatched: u64,
    /// Keys of the linked data set: matched, and all.
    pub linked: Option<(u64, u64)>,
    /// The spaces of vectors.
    pub spaces: Vec<Space>,
    /// Optional files that were not there.
    pub absent: Vec<PathBuf>,
    /// Rows that were not taken.
    pub rejected: Vec<RejectedRows>,
    /// SHA-256 of the rows and of the description of the fields.
    pub content_hash: String,
    /// How long it took, in milliseconds.
    pub ms: f64,
}

/// An import that changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The workspace cannot be written.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// A file cannot be read as a table.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The catalogue cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no row.
    #[error("`{0}` has column names and no row; an import needs at least one item")]
    NoRows(PathBuf),
    /// No row could be taken.
    #[error(
        "none of the {count} rows of `{file}` can be taken; the first, line {line}: {reason}; all are in `{kept}`"
    )]
    AllRejected {
        /// The file.
        file: PathBuf,
        /// How many rows.
        count: u64,
        /// The first row's line.
        line: u64,
        /// Its reason.
        reason: String,
        /// Where they are kept.
        kept: PathBuf,
    },
    /// There are more items than an ordinal can count.
    #[error("there are more than {} items; split the data set", u32::MAX)]
    TooMany,
    /// There is nothing that could be changed.
    #[error(
        "there is no catalogue in `{0}` to change yet; import the whole first, without `--update` and `--delete`"
    )]
    NothingToChange(PathBuf),
    /// Everything would be deleted.
    #[error("every item would be deleted; nothing was changed: remove the workspace if that is meant")]
    NothingLeft,
    /// The fields are not those of the catalogue that is to be changed.
    #[error("the field `{0}` is not as it is in the catalogue; import the whole again, without `--update`")]
    OtherFields(String),
    /// An id to delete cannot be read.
    #[error("`{path}` line {line}: {reason}; nothing was changed")]
    BadId {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// No vector of a space could be taken.
    #[error(
        "`{path}` has no vector of an item of this catalogue that can be taken for the space `{space}`; look at its ids, and at the rejected rows"
    )]
    NoVectors {
        /// The space.
        space: String,
        /// Its file.
        path: PathBuf,
    },
    /// A matrix has not as many rows as there are ids.
    #[error("`{path}` has {rows} rows, and `{}` names {ids} items; each row is the vector of one", at.display())]
    OtherRows {
        /// The matrix.
        path: PathBuf,
        /// Its rows.
        rows: u64,
        /// The ids.
        ids: u64,
        /// Where they are.
        at: PathBuf,
    },
    /// Changes do not say which items a matrix is of.
    #[error(
        "the matrix of the space `{0}` follows the order of the items' file, and this is a change of some; add `ids`, or import the whole"
    )]
    NoIds(String),
    /// A value cannot be written as JSON.
    #[error("the description of the catalogue cannot be written: {0}")]
    Json(#[from] serde_json::Error),
    /// The user stopped it.
    #[error("the import was stopped and nothing was changed; start it again when you like")]
    Cancelled,
    /// SQLite refused; becomes [`ImportError::Store`] with the path before it leaves this module.
    #[error("SQLite: {0}")]
    Sql(rusqlite::Error),
}

pub(crate) fn sql<T>(result: rusqlite::Result<T>) -> Result<T, ImportError> {
    result.map_err(ImportError::Sql)
}

/// What all phases share.
pub(crate) struct Job<'a> {
    dataset: &'a Dataset,
    changes: Option<&'a Changes>,
    scratch: PathBuf,
    budget: usize,
    rejects: rejects::Rejects,
    progress: &'a mut dyn FnMut(Progress),
    cancelled: &'a dyn Fn() -> bool,
}

impl Job<'_> {
    /// Called after each row: tells progress and stops if the user wants it.
    fn tick(&mut self, phase: Phase, done: u64, total: Option<u64>) -> Result<(), ImportError> {
        if done.is_multiple_of(STRIDE) { self.look(phase, done, total) } else { Ok(()) }
    }

    /// Tells progress and stops if the user wants it.
    fn look(&mut self, phase: Phase, done: u64, total: Option<u64>) -> Result<(), ImportError> {
        if (self.cancelled)() {
            return Err(ImportError::Cancelled);
        }
        (self.progress)(Progress { phase, done, total });
        Ok(())
    }
}

/// Imports a data set as a new generation of the workspace's catalogue.
///
/// `progress` is called every few thousand rows, and so is `cancelled`; once that gives true the import
/// ends with [`ImportError::Cancelled`]. Nobody else may import or index meanwhile.
pub fn import(
    workspace: &Workspace,
    dataset: &Dataset,
    world: &dyn World,
    progress: &mut dyn FnMut(Progress),
    cancelled: &dyn Fn() -> bool,
) -> Result<ImportReport, ImportError> {
    import_with(workspace, dataset, None, world, progress, cancelled)
}

/// Imports changes: a new generation with the items of the last, some added, replaced or deleted. The data set's file of items
/// holds those that are added or replaced; of users and interactions, those of the last generation stay.
pub fn import_changes(
    workspace: &Workspace,
    dataset: &Dataset,
    changes: &Changes,
    world: &dyn World,
    progress: &mut dyn FnMut(Progress),
    cancelled: &dyn Fn() -> bool,
) -> Result<ImportReport, ImportError> {
    import_with(workspace, dataset, Some(changes), world, progress, cancelled)
}

fn import_with(
    workspace: &Workspace,
    dataset: &Dataset,
    changes: Option<&Changes>,
    world: &dyn World,
    progress: &mut dyn FnMut(Progress),
    cancelled: &dyn Fn() -> bool,
) -> Result<ImportReport, ImportError> {
    let dataset = &dataset.clone().with_environment(world);
    let _lock = workspace.lock_for_writing()?;
    let scratch = workspace.root().join("import.part");
    fs::remove_dir_all(&scratch)?;
    let rejects = rejects::Rejects::new(workspace.rejects_dir());
    let mut job = Job { dataset, changes, scratch, budget: BUDGET, rejects, progress, cancelled };
    let result = run(&mut job, workspace, world);
    fs::remove_dir_all(&job.scratch)?;
    // What was rejected is kept also when the import fails: it is the reason as often as not.
    let rejected = job.rejects.finish(dataset.sources().map(|s| s.file.as_path()))?;
    let written = match result {
        Err(ImportError::Sql(source)) => {
            return Err(StoreError::Sqlite { path: job.scratch.join(ROWS), source }.into());
        }
        Err(ImportError::NoRows(file)) => return Err(nothing_taken(file, rejected)),
        other => other?,
    };
    Ok(ImportReport { rejected, ..written })
}

fn nothing_taken(file: PathBuf, rejected: Vec<RejectedRows>) -> ImportError {
    let of_file = rejected.into_iter().find(|r| r.file == file);
    match of_file.and_then(|r| Some((r.first.first()?.clone(), r))) {
        None => ImportError::NoRows(file),
        Some((first, rows)) => ImportError::AllRejected {
            file,
            count: rows.count,
            line: first.line,
            reason: first.column.map_or(first.reason.clone(), |c| format!("`{c}`: {}", first.reason)),
            kept: rows.kept,
        },
    }
}

fn run(job: &mut Job<'_>, workspace: &Workspace, world: &dyn World) -> Result<ImportReport, ImportError> {
    let started = world.elapsed();
    let fields: Vec<Field> = job.dataset.fields.iter().map(|f| f.field.clone()).collect();
    let base = Base::open(workspace, &fields, job.changes)?;
    let read = match job.changes {
        Some(changes) if !changes.update => ReadItems::none(job)?,
        _ => items::read(job)?,
    };
    let rows = read.rows;
    fs::create_dir_all(&job.scratch)?;
    let path = job.scratch.join(ROWS);
    let mut connection = sql(fresh(&path))?;
    sql(connection.execute_batch("BEGIN"))?;
    sql(tables::create(&connection, &fields))?;
    let written = items::write(job, &mut connection, Merged::new(Rows::new(read), base))?;
    if written.items == 0 {
        return Err(ImportError::NothingLeft);
    }
    let social = match written.base.as_ref().filter(|_| job.changes.is_some()) {
        Some(base) => Social::carried(base, job.dataset.users.is_some(), &connection)?,
        None => interactions::write(job, &connection)?,
    };
    let spaces = spaces::write(job, &connection, written.base.as_ref(), workspace, written.items)?;
    let catalog = Catalog {
        name: job.dataset.name.clone(),
        noun: job.dataset.noun.clone(),
        generation: 0,
        fields,
        statistics: written.statistics,
        items: written.items,
        users: social.users,
        interactions: social.interactions,
        attribution: job.dataset.attribution.clone(),
    };
    let description = Snapshot::describe(&catalog)?;
    sql(connection.execute("INSERT INTO segue_catalog VALUES (?1)", [description]))?;
    sql(connection.execute_batch("COMMIT"))?;
    sql(connection.close().map_err(|(_, e)| e))?;
    fs::sync(&path)?;
    if (job.cancelled)() {
        return Err(ImportError::Cancelled);
    }
    let n = enter(workspace, job, &written.content_hash, written.items, world)?;
    Ok(ImportReport {
        generation: n,
        items: written.items,
        rows,
        repeats: written.repeats,
        changes: written.base.map(|b| b.changed),
        users: social.users,
        interactions: social.interactions,
        unmatched: social.unmatched,
        linked: social.linked,
        spaces,
        absent: social.absent,
        rejected: Vec::new(),
        content_hash: written.content_hash,
        ms: (world.elapsed() - started).as_secs_f64() * 1000.0,
    })
}

/// The name of a generation's database while it is written, and after.
const ROWS: &str = "rows.db";

/// A new database file, which nobody else sees before it is whole: it needs no journal.
fn fresh(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch(
        "PRAGMA journal_mode = off; PRAGMA synchronous = off; PRAGMA locking_mode = exclusive; PRAGMA cache_size = -32768",
    )?;
    Ok(connection)
}

/// What the column `source` of `generations` holds.
#[derive(Serialize)]
struct MadeOf<'a> {
    #[serde(flatten)]
    dataset: &'a Dataset,
    files: Vec<SourceFile>,
}

/// Gives the written rows a number and makes them a generation of the workspace. Of the others those stay that
/// [`GenerationSettings`] keep.
fn enter(
    workspace: &Workspace,
    job: &Job<'_>,
    content_hash: &str,
    items: u64,
    world: &dyn World,
) -> Result<u32, ImportError> {
    let mut store = Store::create(workspace)?;
    let current = workspace.current().ok();
    let n = store.next_number(current)?;
    let settings = GenerationSettings::read(workspace)?;
    let source = match (job.changes, store.newest_source()?) {
        // Changes are of what was imported as a whole.
        (Some(_), Some(source)) => source,
        _ => serde_json::to_string(&MadeOf { dataset: job.dataset, files: files_of(job.dataset) })?,
    };
    let folder = workspace.generation_dir(n);
    // What lies there is of an import that was killed between here and its entry in the list.
    fs::remove_dir_all(&folder)?;
    fs::create_dir_all(&folder)?;
    fs::rename(&job.scratch.join(ROWS), &workspace.rows_db(n))?;
    if fs::exists(&job.scratch.join(SPACES)) {
        fs::rename(&job.scratch.join(SPACES), &folder.join(SPACES))?;
    }
    let path = workspace.catalog_db();
    let at = |source| StoreError::Sqlite { path: path.clone(), source };
    let transaction = store.connection().transaction().map_err(at)?;
    let insert = "INSERT INTO generations (n, state, created, content_hash, items, source)
                  VALUES (?1, 'imported', ?2, ?3, ?4, ?5)";
    let values = params![n, world.now().to_string(), content_hash, items as i64, source];
    transaction.execute(insert, values).map_err(at)?;
    let in_use: Vec<u32> = current.into_iter().collect();
    let keep = settings.kept(&generations(&transaction).map_err(at)?, &in_use);
    let dropped = drop_others(&transaction, &keep).map_err(at)?;
    transaction.commit().map_err(at)?;
    for n in dropped {
        fs::remove_dir_all(&workspace.generation_dir(n))?;
    }
    Ok(n)
}

#[cfg(test)]
mod tests;
