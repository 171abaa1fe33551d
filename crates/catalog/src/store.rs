use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::{StoreError, Workspace, migration};

/// What generations a workspace has, in `catalog.db`. Reading one is a [`Snapshot`](crate::Snapshot)'s matter;
/// this lists them and writes what is known of them. Whoever writes holds [`Workspace::lock_for_writing`].
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Connection,
}

/// How far a generation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GenerationState {
    /// Its rows are there; its indexes are not, or not all.
    Imported,
    /// It can be searched.
    Indexed,
}

/// One generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// Its number.
    pub number: u32,
    /// How far it has come.
    pub state: GenerationState,
    /// When it was imported, ISO 8601.
    pub created: String,
    /// SHA-256 of its rows and the description of its fields: equal hashes make equal indexes.
    pub content_hash: String,
    /// How many items it holds.
    pub items: u64,
}

/// A writer waits this long for another connection's checkpoint or commit.
const BUSY_MS: u32 = 5_000;

impl Store {
    /// Opens the catalogue of a workspace in which something has been imported, to write. One of an older version is
    /// brought to this one.
    pub fn open(workspace: &Workspace) -> Result<Self, StoreError> {
        Self::connect(workspace, OpenFlags::SQLITE_OPEN_READ_WRITE)
    }

    /// Opens it to read only: nothing is changed, also not its version, and it works where nothing can be written.
    pub fn read(workspace: &Workspace) -> Result<Self, StoreError> {
        Self::read_file(&workspace.catalog_db())
    }

    /// The same of a database file that is not, or not yet, in a workspace.
    pub(crate) fn read_file(path: &Path) -> Result<Self, StoreError> {
        let at = |source| StoreError::Sqlite { path: path.to_owned(), source };
        let connection = crate::sqlite::open_read_only(path).map_err(at)?;
        migration::check(&connection, path)?;
        connection.execute_batch(&format!("PRAGMA busy_timeout = {BUSY_MS}")).map_err(at)?;
        Ok(Self { path: path.to_owned(), connection })
    }

    /// Opens the catalogue, creating it if need be.
    pub(crate) fn create(workspace: &Workspace) -> Result<Self, StoreError> {
        Self::connect(workspace, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)
    }

    fn connect(workspace: &Workspace, flags: OpenFlags) -> Result<Self, StoreError> {
        let path = workspace.catalog_db();
        let at = |source| StoreError::Sqlite { path: path.clone(), source };
        let mut connection =
            Connection::open_with_flags(&path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(at)?;
        connection.execute_batch(&format!("PRAGMA busy_timeout = {BUSY_MS}")).map_err(at)?;
        let version = migration::check(&connection, &path)?;
        if version < migration::WORKSPACE_VERSION {
            migration::migrate(workspace, &mut connection, version)?;
        }
        Ok(Self { path, connection })
    }

    /// The version of the workspace.
    pub fn version(&self) -> Result<i64, StoreError> {
        crate::sqlite::user_version(&self.connection).map_err(|e| self.at(e))
    }

    /// The number of the next generation: higher than any that there is, or was.
    pub(crate) fn next_number(&self, current: Option<u32>) -> Result<u32, StoreError> {
        let sql = "SELECT MAX((SELECT value FROM meta WHERE key = 'highest_generation'),
                   (SELECT COALESCE(MAX(n), 0) FROM generations))";
        let highest: u32 = self.connection.query_row(sql, [], |r| r.get(0)).map_err(|e| self.at(e))?;
        Ok(highest.max(current.unwrap_or(0)).saturating_add(1))
    }

    /// What a generation was made of, as JSON: the [`Dataset`](crate::Dataset) and, under `files`, each
    /// [`SourceFile`](crate::SourceFile).
    pub fn source_of(&self, generation: u32) -> Result<Option<serde_json::Value>, StoreError> {
        let sql = "SELECT source FROM generations WHERE n = ?1";
        let found: Option<String> =
            self.connection.query_row(sql, [generation], |r| r.get(0)).optional().map_err(|e| self.at(e))?;
        Ok(found.and_then(|json| serde_json::from_str(&json).ok()))
    }

    /// What SQLite finds wrong with a database file; nothing if all is well. Reads all of it.
    pub fn faults_of_file(path: &Path) -> Result<Vec<String>, StoreError> {
        let checked = crate::sqlite::open_read_only(path).and_then(|connection| {
            let mut statement = connection.prepare("PRAGMA quick_check(5)")?;
            statement.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<Vec<String>>>()
        });
        let lines = checked.map_err(|source| StoreError::Sqlite { path: path.to_owned(), source })?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }

    /// The generations there are, oldest first.
    pub fn generations(&self) -> Result<Vec<Generation>, StoreError> {
        generations(&self.connection).map_err(|e| self.at(e))
    }

    /// The generation that was imported last.
    pub fn newest(&self) -> Result<Option<Generation>, StoreError> {
        Ok(self.generations()?.pop())
    }

    /// The data set that the newest generation was imported from, as JSON.
    pub fn newest_source(&self) -> Result<Option<String>, StoreError> {
        let sql = "SELECT source FROM generations ORDER BY n DESC LIMIT 1";
        self.connection.query_row(sql, [], |r| r.get(0)).optional().map_err(|e| self.at(e))
    }

    /// Notes that all indexes of a generation are there.
    pub fn mark_indexed(&self, generation: u32) -> Result<(), StoreError> {
        let sql = "UPDATE generations SET state = 'indexed' WHERE n = ?1";
        match self.connection.execute(sql, params![generation]).map_err(|e| self.at(e))? {
            0 => Err(StoreError::NoGeneration { path: self.path.clone(), generation }),
            _ => Ok(()),
        }
    }

    /// Forgets every generation but these. Gives back the numbers of those forgotten; their folders are the caller's to remove.
    pub fn keep_only(&mut self, keep: &[u32]) -> Result<Vec<u32>, StoreError> {
        let path = self.path.clone();
        let at = |source| StoreError::Sqlite { path: path.clone(), source };
        let transaction = self.connection.transaction().map_err(at)?;
        let removed = drop_others(&transaction, keep).map_err(at)?;
        transaction.commit().map_err(at)?;
        Ok(removed)
    }

    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    fn at(&self, source: rusqlite::Error) -> StoreError {
        StoreError::Sqlite { path: self.path.clone(), source }
    }
}

/// The generations that a connection sees, oldest first.
pub(crate) fn generations(connection: &Connection) -> rusqlite::Result<Vec<Generation>> {
    let sql = "SELECT n, state, created, content_hash, items FROM generations ORDER BY n";
    let read = |row: &rusqlite::Row<'_>| {
        let state: String = row.get(1)?;
        Ok(Generation {
            number: row.get(0)?,
            state: if state == "indexed" { GenerationState::Indexed } else { GenerationState::Imported },
            created: row.get(2)?,
            content_hash: row.get(3)?,
            items: row.get::<_, i64>(4)?.max(0) as u64,
        })
    };
    connection.prepare(sql)?.query_map([], read)?.collect()
}

/// Forgets every generation but these.
pub(crate) fn drop_others(connection: &Connection, keep: &[u32]) -> rusqlite::Result<Vec<u32>> {
    let mut numbers = connection.prepare("SELECT n FROM generations ORDER BY n")?;
    let numbers: Vec<u32> = numbers.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
    let highest = numbers.last().copied().unwrap_or(0);
    connection.execute(
        "UPDATE meta SET value = MAX(value, ?1) WHERE key = 'highest_generation'",
        params![highest],
    )?;
    let others: Vec<u32> = numbers.into_iter().filter(|n| !keep.contains(n)).collect();
    for n in &others {
        connection.execute("DELETE FROM generations WHERE n = ?1", params![n])?;
    }
    Ok(others)
}
