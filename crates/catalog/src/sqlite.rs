//! How database files are opened for reading, also where nothing may be written.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use segue_world::fs;

/// A read-only connection.
///
/// A database with a write-ahead log is read through a `-shm` file beside it. Where that cannot be made (a read-only
/// folder or disk) and there is no log with anything in it, the file alone is the whole database, and it is read as one
/// that does not change: <https://sqlite.org/wal.html#read_only_databases>.
pub fn open_read_only(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    match touch(&connection) {
        Ok(()) => Ok(connection),
        Err(error) if is_unwritable(&error) && !has_log(path) => {
            let Some(uri) = immutable(path) else { return Err(error) };
            let connection = Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?;
            touch(&connection)?;
            Ok(connection)
        }
        Err(error) => Err(error),
    }
}

/// The first read is the one that fails.
fn touch(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

fn is_unwritable(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    fs::metadata(Path::new(&log)).is_ok_and(|log| log.len > 0)
}

fn immutable(path: &Path) -> Option<String> {
    let plain = |c: char| match c {
        '%' => "%25".to_owned(),
        '?' => "%3f".to_owned(),
        '#' => "%23".to_owned(),
        c => c.to_string(),
    };
    Some(format!("file:{}?immutable=1", path.to_str()?.chars().map(plain).collect::<String>()))
}

/// The version that a database file says it has.
pub(crate) fn user_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |r| r.get(0))
}
