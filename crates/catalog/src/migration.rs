//! The version of a workspace, and how an older one becomes one of this version.
//!
//! The version is `PRAGMA user_version` of `catalog.db`:
//!
//! | version | what is different |
//! |---|---|
//! | 0 | written before versions were counted: the table `generations` alone |
//! | 1 | `meta(key, value)`, with the highest number that a generation ever had: no number is given twice |
//!
//! An older workspace is read as it is, and brought to this version by the first command that writes (or by `segue doctor
//! --fix`), in one transaction. A newer one is refused by every command: what is in it may mean something else.
//! `sessions.db`, traces and the tables of each generation say their own versions.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::StoreError;
use crate::sqlite::user_version;

/// The version that this program writes.
pub const WORKSPACE_VERSION: i64 = 1;

/// What makes each version of the one before it.
const STEPS: [&str; WORKSPACE_VERSION as usize] = ["
    CREATE TABLE IF NOT EXISTS generations (
      n INTEGER PRIMARY KEY, state TEXT NOT NULL, created TEXT NOT NULL, content_hash TEXT NOT NULL,
      items INTEGER NOT NULL, source TEXT NOT NULL, catalog TEXT NOT NULL);
    CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO meta SELECT 'highest_generation', COALESCE(MAX(n), 0) FROM generations;"];

/// The version of an open catalogue; one that is newer than this program is an error.
pub(crate) fn check(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let found =
        user_version(connection).map_err(|source| StoreError::Sqlite { path: path.to_owned(), source })?;
    if found > WORKSPACE_VERSION {
        return Err(StoreError::TooNew { path: path.to_owned(), found, known: WORKSPACE_VERSION });
    }
    Ok(found)
}

/// Brings an open catalogue, also an empty file, to this version.
pub(crate) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    // Immediate, so that of two processes one waits for the other and then finds nothing left to do.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = user_version(&transaction)?;
    for step in STEPS.iter().skip(found.max(0) as usize) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", WORKSPACE_VERSION.max(found))?;
    transaction.commit()
}
