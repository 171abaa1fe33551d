//! The version of a workspace, and how an older one becomes one of this version.
//!
//! The version is `PRAGMA user_version` of `catalog.db`:
//!
//! | version | what is different |
//! |---|---|
//! | 0 | written before versions were counted: the rows of all generations are in `catalog.db` (tables `items_N`, `values_N`, …), and so are their descriptions (column `catalog` of `generations`) |
//! | 1 | a database for each generation, `generations/000N/rows.db`; `meta(key, value)` in `catalog.db` has the highest number that a generation ever had, as no number is given twice |
//!
//! An older workspace is brought to this version by the first command that writes, or by `segue doctor --fix`: each generation's
//! rows are copied to where they belong, then one transaction ends the old version. Killed at any time it begins again, and
//! until it is through nothing is lost. A newer one is refused by every command: what is in it may mean something else.
//! `sessions.db` and traces say their own versions.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use segue_world::fs;
use serde::Deserialize;

use crate::import::tables;
use crate::snapshot::quote;
use crate::sqlite::{open_read_only, user_version};
use crate::{Catalog, Snapshot, StoreError, Workspace};

/// The version that this program writes.
pub const WORKSPACE_VERSION: i64 = 1;

/// The layout of tables that version 0 had last. Those before it were refused by its own readers already.
const LAST_LAYOUT_OF_0: u32 = 1;

/// The version of an open catalogue; one that is newer than this program is an error.
pub(crate) fn check(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let found =
        user_version(connection).map_err(|source| StoreError::Sqlite { path: path.to_owned(), source })?;
    if found > WORKSPACE_VERSION {
        return Err(StoreError::TooNew { path: path.to_owned(), found, known: WORKSPACE_VERSION });
    }
    Ok(found)
}

/// That the generations of a workspace can be read; one without a catalogue has none.
pub(crate) fn check_readable(workspace: &Workspace) -> Result<(), StoreError> {
    let path = workspace.catalog_db();
    if !fs::exists(&path) {
        return Ok(());
    }
    let connection =
        open_read_only(&path).map_err(|source| StoreError::Sqlite { path: path.clone(), source })?;
    let found = check(&connection, &path)?;
    let has_rows_here = || column_exists(&connection, "catalog");
    if found == 0 && has_rows_here().map_err(|source| StoreError::Sqlite { path: path.clone(), source })? {
        return Err(StoreError::Older { path, found });
    }
    Ok(())
}

/// Brings an open catalogue, also an empty file, from its version to this one. Whoever does that holds the writers' lock.
pub(crate) fn migrate(
    workspace: &Workspace,
    connection: &mut Connection,
    found: i64,
) -> Result<(), StoreError> {
    let path = workspace.catalog_db();
    let at = |source| StoreError::Sqlite { path: path.clone(), source };
    let moved = if found == 0 { give_rows_a_file_each(workspace, connection)? } else { Vec::new() };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(at)?;
    end_version_0(&transaction, &moved).map_err(at)?;
    transaction.pragma_update(None, "user_version", WORKSPACE_VERSION).map_err(at)?;
    transaction.commit().map_err(at)?;
    if !moved.is_empty() {
        // What the rows took is given back where that is possible now. Writers need no log any more.
        let _ = connection.execute_batch("VACUUM");
        let _ = connection.query_row("PRAGMA journal_mode = delete", [], |_| Ok(()));
    }
    Ok(())
}

fn column_exists(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM pragma_table_info('generations') WHERE name = ?1";
    Ok(connection.query_row(sql, [name], |_| Ok(())).optional()?.is_some())
}

/// Writes the rows of each generation of version 0 to its own database; gives the numbers of those that have tables here.
fn give_rows_a_file_each(workspace: &Workspace, connection: &Connection) -> Result<Vec<u32>, StoreError> {
    #[derive(Deserialize)]
    struct Described {
        #[serde(default)]
        layout: u32,
        #[serde(flatten)]
        catalog: Catalog,
    }
    let path = workspace.catalog_db();
    let at = |source| StoreError::Sqlite { path: path.clone(), source };
    if !column_exists(connection, "catalog").map_err(at)? {
        return Ok(Vec::new());
    }
    let all: Vec<(u32, String)> = connection
        .prepare("SELECT n, catalog FROM generations ORDER BY n")
        .and_then(|mut s| s.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect())
        .map_err(at)?;
    for (generation, json) in &all {
        let damaged = |source| StoreError::Damaged { path: path.clone(), generation: *generation, source };
        let Described { layout, catalog } = serde_json::from_str(json).map_err(damaged)?;
        let target = workspace.rows_db(*generation);
        if layout != LAST_LAYOUT_OF_0 || fs::exists(&target) {
            continue;
        }
        let part = target.with_extension("db.part");
        fs::create_dir_all(&workspace.generation_dir(*generation))?;
        fs::remove_file(&part)?;
        let description = Snapshot::describe(&catalog).map_err(damaged)?;
        copy_rows(&path, *generation, &catalog, &description, &part)
            .map_err(|source| StoreError::Sqlite { path: part.clone(), source })?;
        fs::sync(&part)?;
        fs::rename(&part, &target)?;
    }
    Ok(all.into_iter().map(|(n, _)| n).collect())
}

fn copy_rows(
    from: &Path,
    generation: u32,
    catalog: &Catalog,
    description: &str,
    to: &Path,
) -> rusqlite::Result<()> {
    let connection = Connection::open(to)?;
    // Nobody sees the file before it has its name.
    connection
        .execute_batch("PRAGMA journal_mode = off; PRAGMA synchronous = off; PRAGMA cache_size = -65536")?;
    connection.execute("ATTACH ?1 AS old", [from.to_string_lossy()])?;
    connection.execute_batch("BEGIN")?;
    tables::create(&connection, &catalog.fields)?;
    tables::create_lookups(&connection)?;
    let columns: String = catalog.fields.iter().map(|f| format!(", {}", quote(&f.name))).collect();
    // Folding takes off more than it did; what was folded then is folded again.
    crate::snapshot::define_fold(&connection)?;
    for (kind, columns, order) in [
        ("items", format!("ordinal, hash{columns}"), "ordinal"),
        ("values", "field, fold(folded), ordinal".to_owned(), "1, 2, 3"),
        ("lexicon", "field, fold(folded), value, count, squashed".to_owned(), "1, 2"),
        ("users", "user, attributes".to_owned(), "1"),
        ("interactions", "user, ordinal, value, time".to_owned(), "rowid"),
    ] {
        connection.execute_batch(&format!(
            "INSERT OR IGNORE INTO main.segue_{kind} SELECT {columns} FROM old.{kind}_{generation} ORDER BY {order}"
        ))?;
    }
    tables::index(&connection, &catalog.fields)?;
    connection.execute("INSERT INTO segue_catalog VALUES (?1)", [description])?;
    connection.execute_batch("COMMIT; DETACH old")?;
    connection.close().map_err(|(_, e)| e)
}

/// Makes what version 1 has of what version 0 had, if that was anything.
fn end_version_0(connection: &Connection, moved: &[u32]) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE new_generations (
           n INTEGER PRIMARY KEY, state TEXT NOT NULL, created TEXT NOT NULL, content_hash TEXT NOT NULL,
           items INTEGER NOT NULL, source TEXT NOT NULL)",
    )?;
    if column_exists(connection, "n")? {
        connection.execute_batch(
            "INSERT INTO new_generations SELECT n, state, created, content_hash, items, source FROM generations;
             DROP TABLE generations;",
        )?;
    }
    for n in moved {
        for kind in ["items", "values", "lexicon", "users", "interactions"] {
            connection.execute_batch(&format!("DROP TABLE IF EXISTS {kind}_{n}"))?;
        }
    }
    connection.execute_batch(
        "ALTER TABLE new_generations RENAME TO generations;
         CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
         INSERT INTO meta SELECT 'highest_generation', COALESCE(MAX(n), 0) FROM generations;",
    )
}
