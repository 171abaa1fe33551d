use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior, params};
use segue_world::World;
use serde_json::{Value as Json, json};

use super::{Session, SessionSummary, StoredTurn};

/// How long a write waits for another process that is writing.
const BUSY: Duration = Duration::from_secs(5);

/// Sessions that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// SQLite refused.
    #[error("the sessions in `{path}` cannot be used: {source}")]
    Sqlite {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file was written by a later version.
    #[error(
        "the sessions in `{path}` have format {found} and this version knows {known}; use a newer `segue`"
    )]
    TooNew {
        /// The database file.
        path: PathBuf,
        /// The file's format.
        found: i64,
        /// The newest format known here.
        known: i64,
    },
    /// There is no session of this name.
    #[error("there is no session `{id}` in `{path}`{}", remedy(.nearest.as_deref()))]
    Missing {
        /// The database file.
        path: PathBuf,
        /// What was looked for.
        id: String,
        /// The name nearest to it.
        nearest: Option<String>,
    },
    /// Another process has written this turn.
    #[error(
        "another process has added turn {turn} to the session `{id}`; resume the session to see it, and ask again"
    )]
    Conflict {
        /// The session.
        id: String,
        /// The turn that both made.
        turn: u32,
    },
    /// A stored turn does not parse.
    #[error(
        "turn {turn} of the session `{id}` in `{path}` is damaged: {source}; export or delete the session"
    )]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// The session.
        id: String,
        /// Which turn.
        turn: u32,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

fn remedy(nearest: Option<&str>) -> String {
    nearest.map_or_else(|| "; there is none yet".to_owned(), |id| format!("; did you mean `{id}`"))
}

/// Every conversation of a workspace, in `sessions.db`.
///
/// A turn is one transaction with `synchronous = FULL` on a write-ahead log: once [`record`](Self::record) has
/// come back, the turn survives the process and the power. `(session, turn)` is the key, so two processes that
/// talk on one session at once cannot write the same turn: the second is told.
#[derive(Debug)]
pub struct SessionStore {
    path: PathBuf,
    world: Arc<dyn World>,
    connection: Mutex<Connection>,
}

const FORMAT: i64 = 1;
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, began TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS turns (
        session TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
        turn INTEGER NOT NULL,
        time TEXT NOT NULL,
        request TEXT NOT NULL,
        data TEXT NOT NULL,
        PRIMARY KEY (session, turn)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS turns_time ON turns(time);
";

impl SessionError {
    /// True if the file or its folder cannot be written, and may well be readable.
    pub fn is_read_only(&self) -> bool {
        let code = match self {
            Self::Sqlite { source, .. } => source.sqlite_error_code(),
            _ => None,
        };
        matches!(code, Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen))
    }
}

impl SessionStore {
    /// Opens the sessions in this file, creating it if need be.
    pub fn open(path: &Path, world: Arc<dyn World>) -> Result<Self, SessionError> {
        let at = |source| SessionError::Sqlite { path: path.to_owned(), source };
        let mut connection = Connection::open(path).map_err(at)?;
        connection.busy_timeout(BUSY).map_err(at)?;
        let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";
        connection.execute_batch(pragmas).map_err(at)?;
        let found = format(&connection).map_err(at)?;
        if found > FORMAT {
            return Err(SessionError::TooNew { path: path.to_owned(), found, known: FORMAT });
        }
        if found < FORMAT {
            create(&mut connection).map_err(at)?;
        }
        Ok(Self { path: path.to_owned(), world, connection: Mutex::new(connection) })
    }

    /// Opens a copy of the sessions in this file in memory, for a workspace that cannot be written: earlier conversations
    /// can be gone on with, and what is said now is kept until the process ends.
    pub fn open_copy(path: &Path, world: Arc<dyn World>) -> Result<Self, SessionError> {
        let at = |source| SessionError::Sqlite { path: path.to_owned(), source };
        let mut connection = Connection::open_in_memory().map_err(at)?;
        if segue_world::fs::exists(path) {
            let source = segue_catalog::open_read_only(path).map_err(at)?;
            let copy = rusqlite::backup::Backup::new(&source, &mut connection).map_err(at)?;
            copy.run_to_completion(4096, Duration::ZERO, None).map_err(at)?;
        }
        connection.execute_batch("PRAGMA foreign_keys = ON;").map_err(at)?;
        let found = format(&connection).map_err(at)?;
        if found > FORMAT {
            return Err(SessionError::TooNew { path: path.to_owned(), found, known: FORMAT });
        }
        if found < FORMAT {
            create(&mut connection).map_err(at)?;
        }
        Ok(Self { path: path.to_owned(), world, connection: Mutex::new(connection) })
    }

    /// Begins a conversation. Nothing is written before its first turn.
    pub fn create(self: &Arc<Self>) -> Session {
        Session::begin(self.world.as_ref(), Some(self.clone()))
    }

    /// Goes on with a conversation where its last turn left it.
    pub fn resume(self: &Arc<Self>, id: &str) -> Result<Session, SessionError> {
        let turns = self.read(id)?;
        let mut session = Session { id: id.to_owned(), ..self.create() };
        for turn in turns {
            session.advance(turn);
        }
        Ok(session)
    }

    /// Goes on with the conversation that changed last; `None` if there is none.
    pub fn resume_last(self: &Arc<Self>) -> Result<Option<Session>, SessionError> {
        let sql = "SELECT session FROM turns ORDER BY time DESC, session, turn DESC LIMIT 1";
        let id = self.with(|c| c.query_row(sql, [], |r| r.get::<_, String>(0)).optional())?;
        id.map(|id| self.resume(&id)).transpose()
    }

    /// Every conversation, the one that changed last first.
    pub fn list(&self) -> Result<Vec<SessionSummary>, SessionError> {
        let sql = "SELECT s.id, s.began, MAX(t.time), COUNT(*), \
                   (SELECT request FROM turns f WHERE f.session = s.id ORDER BY turn LIMIT 1) \
                   FROM sessions s JOIN turns t ON t.session = s.id GROUP BY s.id ORDER BY 3 DESC, 1";
        self.with(|c| {
            let mut statement = c.prepare(sql)?;
            let rows = statement.query_map([], |r| {
                Ok(SessionSummary {
                    id: r.get(0)?,
                    began: timestamp(r, 1)?,
                    changed: timestamp(r, 2)?,
                    turns: r.get(3)?,
                    title: r.get(4)?,
                })
            })?;
            rows.collect()
        })
    }

    /// Removes a conversation and all its turns.
    pub fn delete(&self, id: &str) -> Result<(), SessionError> {
        match self.with(|c| c.execute("DELETE FROM sessions WHERE id = ?1", [id]))? {
            0 => Err(self.missing(id)?),
            _ => Ok(()),
        }
    }

    /// A conversation as JSON: `{"session", "turns": [{"constraints", "shown", "handles", "report"}]}`.
    pub fn export(&self, id: &str) -> Result<Json, SessionError> {
        Ok(json!({ "session": id, "turns": self.read(id)? }))
    }

    /// The turns of a conversation, oldest first.
    pub fn read(&self, id: &str) -> Result<Vec<StoredTurn>, SessionError> {
        let sql = "SELECT turn, data FROM turns WHERE session = ?1 ORDER BY turn";
        let rows: Vec<(u32, String)> = self.with(|c| {
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map([id], |r| Ok((r.get(0)?, r.get(1)?)))?;
            rows.collect()
        })?;
        if rows.is_empty() {
            return Err(self.missing(id)?);
        }
        let parse = |(turn, data): (u32, String)| {
            serde_json::from_str(&data).map_err(|source| SessionError::Damaged {
                path: self.path.clone(),
                id: id.to_owned(),
                turn,
                source,
            })
        };
        rows.into_iter().map(parse).collect()
    }

    /// Writes a turn, and waits until it is on the disk.
    pub(crate) fn record(&self, id: &str, turn: &StoredTurn) -> Result<(), SessionError> {
        let number = turn.report.turn;
        let conflict = || SessionError::Conflict { id: id.to_owned(), turn: number };
        let data = serde_json::to_string(turn).map_err(|source| SessionError::Damaged {
            path: self.path.clone(),
            id: id.to_owned(),
            turn: number,
            source,
        })?;
        // All of one width, so that they sort as texts.
        let now = format!("{:.9}", self.world.now());
        let written = {
            let mut connection = self.lock();
            write(&mut connection, id, number, &now, &turn.report.request, &data)
        };
        match written {
            Ok(true) => Ok(()),
            Ok(false) => Err(conflict()),
            Err(e) if e.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => Err(conflict()),
            Err(source) => Err(SessionError::Sqlite { path: self.path.clone(), source }),
        }
    }

    fn missing(&self, id: &str) -> Result<SessionError, SessionError> {
        let ids = self.list()?.into_iter().map(|s| s.id);
        let nearest = ids.min_by_key(|known| strsim::damerau_levenshtein(known, id));
        Ok(SessionError::Missing { path: self.path.clone(), id: id.to_owned(), nearest })
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, SessionError> {
        work(&self.lock()).map_err(|source| SessionError::Sqlite { path: self.path.clone(), source })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn format(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |r| r.get(0))
}

fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    // Immediate, so that of two processes that open a new file at once one waits for the other.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

/// Writes a turn if it is the next one; false if the session has gone on, or has been deleted.
fn write(
    connection: &mut Connection,
    id: &str,
    turn: u32,
    now: &str,
    request: &str,
    data: &str,
) -> rusqlite::Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let sql = "SELECT COALESCE(MAX(turn), 0) FROM turns WHERE session = ?1";
    let last: u32 = transaction.prepare_cached(sql)?.query_row([id], |r| r.get(0))?;
    if last.checked_add(1) != Some(turn) {
        return Ok(false);
    }
    let sql = "SELECT MAX(time) FROM turns";
    let last: Option<String> = transaction.prepare_cached(sql)?.query_row([], |r| r.get(0))?;
    let now = after(last.as_deref(), now);
    let sql = "INSERT INTO sessions (id, began) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING";
    transaction.prepare_cached(sql)?.execute([id, &now])?;
    let sql = "INSERT INTO turns (session, turn, time, request, data) VALUES (?1, ?2, ?3, ?4, ?5)";
    transaction.prepare_cached(sql)?.execute(params![id, turn, now, request, data])?;
    transaction.commit()?;
    Ok(true)
}

/// The time of a turn: now, unless the clock went back. Then it is the next microsecond after the last turn, as that one is not
/// to be the last for as long as the clock is behind.
fn after(last: Option<&str>, now: &str) -> String {
    let parsed = |text: &str| text.parse::<jiff::Timestamp>().ok();
    let (last, time) = (last.and_then(parsed), parsed(now));
    let next = last.filter(|last| time.is_some_and(|time| time <= *last));
    let next = next.and_then(|last| last.checked_add(jiff::SignedDuration::from_micros(1)).ok());
    next.map_or_else(|| now.to_owned(), |next| format!("{next:.9}"))
}

fn timestamp(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<jiff::Timestamp> {
    let text: String = row.get(column)?;
    text.parse().map_err(|e| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(e))
    })
}
