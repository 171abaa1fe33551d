//! A `SELECT` that somebody else wrote, run where it can do no harm.
//!
//! Every statement gets a connection of its own on which nothing can be written. It sees one view, `items` (also
//! under the catalogue's name), restricted to the pool and to the catalogue's fields. What it reads is checked when it is
//! compiled ([`guard`]), what it costs while it runs, and both are written down in a [`Certificate`].

mod guard;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use roaring::RoaringBitmap;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, Statement};
use segue_catalog::{Catalog, Ordinal, Role, Snapshot, StoreError, Suggestion, Value};
use serde::{Deserialize, Serialize};

use crate::leaf::quote;

/// The view that statements read.
pub(crate) const VIEW: &str = "items";
/// The table that holds the pool; statements cannot read it.
const POOL: &str = "segue_pool";
/// Virtual-machine instructions between two looks at the fuel.
const STEP: i32 = 1000;

/// What a statement may use.
#[derive(Clone)]
pub struct SqlLimits {
    /// Instructions of SQLite's virtual machine, to the nearest thousand.
    pub fuel: u64,
    /// Rows; further ones are not read, and the answer says so.
    pub rows: usize,
    /// Bytes of text and blobs in all rows together; beyond it no further row is read, and the answer says so.
    pub bytes: usize,
    /// Asked every thousand instructions; the statement ends once it gives true (a deadline, a cancelled turn).
    pub interrupted: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
}

impl Default for SqlLimits {
    fn default() -> Self {
        Self { fuel: 50_000_000, rows: 100_000, bytes: 32 << 20, interrupted: None }
    }
}

impl fmt::Debug for SqlLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlLimits")
            .field("fuel", &self.fuel)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

/// What a statement gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SqlAnswer {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, at most [`SqlLimits::rows`].
    pub rows: Vec<Vec<Value>>,
    /// The items that the rows name in the id column, each once, in the rows' order; `None` if there is no such column.
    pub items: Option<Vec<Ordinal>>,
    /// What it touched.
    pub certificate: Certificate,
}

/// What a statement touched, taken down while it was compiled and while it ran.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Tables and views that it names.
    pub tables: BTreeSet<String>,
    /// Columns that it reads.
    pub columns: BTreeSet<String>,
    /// Functions that it calls.
    pub functions: BTreeSet<String>,
    /// Instructions used, to the nearest thousand.
    pub fuel: u64,
    /// Rows given.
    pub rows: u64,
    /// True if there were more rows than the limits allow.
    pub capped: bool,
    /// How many items it could see.
    pub pool: u64,
}

/// A statement that was not run to its end. The message is fit for whoever wrote the statement.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// It is not one `SELECT`.
    #[error("only one SELECT statement is allowed; {0}")]
    NotASelect(String),
    /// It asks for something that is not allowed.
    #[error("not allowed: {0}; read the view `items` with plain SELECT")]
    Refused(String),
    /// It names a column that is not there.
    #[error("there is no column `{column}`{}", did_you_mean(nearest))]
    UnknownColumn {
        /// What it names.
        column: String,
        /// Columns that there are.
        nearest: Vec<Suggestion>,
    },
    /// It does not compile, or fails while it runs.
    #[error("the statement is wrong: {0}")]
    Invalid(String),
    /// It used up its fuel.
    #[error("the statement needs more than {0} instructions; make it simpler or narrow it with WHERE")]
    OutOfFuel(u64),
    /// It was stopped.
    #[error("the statement was stopped")]
    Interrupted,
    /// The catalogue cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn did_you_mean(nearest: &[Suggestion]) -> String {
    let names: Vec<_> = nearest.iter().map(|n| format!("`{}`", n.value)).collect();
    if names.is_empty() { String::new() } else { format!("; there are {}", names.join(", ")) }
}

/// Runs one statement over the pool.
pub(crate) fn run(
    snapshot: &Snapshot,
    sql: &str,
    within: Option<&RoaringBitmap>,
    limits: &SqlLimits,
) -> Result<SqlAnswer, SqlError> {
    let catalog = snapshot.catalog();
    let store = |source| StoreError::Sqlite { path: snapshot.path().to_owned(), source };
    let table = snapshot.table("items");
    let mut connection = open(snapshot, within).map_err(store)?;
    snapshot.check(&connection)?;
    let seen = guard::close(&mut connection, catalog, &table).map_err(store)?;
    let fuel = Arc::new(AtomicU64::new(0));
    meter(&mut connection, &fuel, limits).map_err(store)?;

    let answered = guard::single(&connection, sql, &table).and_then(|mut statement| {
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let (rows, capped) = read(&mut statement, limits)?;
        Ok((columns, rows, capped))
    });
    let used = fuel.load(Ordering::Relaxed);
    let (columns, rows, capped) = answered.map_err(|e| explained(e, &seen, catalog, used, limits))?;
    let id = catalog.with_role(Role::Id).and_then(|f| columns.iter().position(|c| *c == f.name));
    let items = match id {
        Some(id) => Some(named_items(snapshot, &rows, id, within)?),
        None => None,
    };
    let seen = seen.take();
    let certificate = Certificate {
        tables: seen.tables,
        columns: seen.columns,
        functions: seen.functions,
        fuel: used,
        rows: rows.len() as u64,
        capped,
        pool: within.map_or(catalog.items, RoaringBitmap::len),
    };
    Ok(SqlAnswer { columns, rows, items, certificate })
}

/// A read-only connection with the view over the pool and nothing else of its own.
fn open(snapshot: &Snapshot, within: Option<&RoaringBitmap>) -> rusqlite::Result<Connection> {
    let mut connection = segue_catalog::open_read_only(snapshot.path())?;
    connection.execute_batch("PRAGMA temp_store = memory; PRAGMA mmap_size = 268435456;")?;
    let kind =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("fold", 1, kind, |context| {
        Ok(context.get_raw(0).as_str_or_null()?.map(segue_catalog::text::fold))
    })?;
    let mut condition = String::new();
    if let Some(pool) = within {
        let transaction = connection.transaction()?;
        transaction.execute_batch(&format!("CREATE TEMP TABLE {POOL} (ordinal INTEGER PRIMARY KEY)"))?;
        {
            let mut insert = transaction.prepare(&format!("INSERT INTO {POOL} VALUES (?1)"))?;
            for ordinal in pool {
                insert.execute([ordinal])?;
            }
        }
        transaction.commit()?;
        condition = format!(" WHERE ordinal IN (SELECT ordinal FROM temp.{POOL})");
    }
    let catalog = snapshot.catalog();
    let columns: Vec<_> = catalog.fields.iter().map(|f| quote(&f.name)).collect();
    for view in guard::views(catalog) {
        connection.execute_batch(&format!(
            "CREATE TEMP VIEW {} AS SELECT {} FROM main.{}{condition}",
            quote(view),
            columns.join(", "),
            snapshot.table("items")
        ))?;
    }
    Ok(connection)
}

/// Counts instructions, and ends the statement when there are too many or when it is to stop.
fn meter(connection: &mut Connection, fuel: &Arc<AtomicU64>, limits: &SqlLimits) -> rusqlite::Result<()> {
    let (fuel, most, interrupted) = (fuel.clone(), limits.fuel, limits.interrupted.clone());
    connection.progress_handler(
        STEP,
        Some(move || {
            let used = fuel.fetch_add(STEP as u64, Ordering::Relaxed) + STEP as u64;
            used > most || interrupted.as_ref().is_some_and(|stop| stop())
        }),
    )
}

fn read(statement: &mut Statement<'_>, limits: &SqlLimits) -> Result<(Vec<Vec<Value>>, bool), SqlError> {
    let width = statement.column_count();
    let mut rows = Vec::new();
    let mut bytes = 0;
    let mut cursor = statement.query([]).map_err(guard::failed)?;
    while let Some(row) = cursor.next().map_err(guard::failed)? {
        if rows.len() >= limits.rows || bytes > limits.bytes {
            return Ok((rows, true));
        }
        let mut values = Vec::with_capacity(width);
        for column in 0..width {
            values.push(match row.get_ref(column).map_err(guard::failed)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(i) => Value::Integer(i),
                ValueRef::Real(r) => Value::Real(r),
                ValueRef::Text(text) => {
                    bytes += text.len();
                    Value::Text(String::from_utf8_lossy(text).into_owned())
                }
                ValueRef::Blob(blob) => {
                    bytes += blob.len();
                    Value::Text(format!("<{} bytes>", blob.len()))
                }
            });
        }
        rows.push(values);
    }
    Ok((rows, false))
}

/// The items that rows name. An id can be written into a statement as well as read from the view, so each is looked up
/// and must be in the pool.
fn named_items(
    snapshot: &Snapshot,
    rows: &[Vec<Value>],
    id: usize,
    within: Option<&RoaringBitmap>,
) -> Result<Vec<Ordinal>, StoreError> {
    let mut found = Vec::new();
    let mut seen = RoaringBitmap::new();
    for name in rows.iter().filter_map(|r| r.get(id)?.as_str()) {
        if let Some(ordinal) = snapshot.ordinal(name)?
            && within.is_none_or(|pool| pool.contains(ordinal))
            && seen.insert(ordinal)
        {
            found.push(ordinal);
        }
    }
    Ok(found)
}

/// The error in words that help: what was refused, which columns there are, what ran out.
fn explained(
    error: SqlError,
    seen: &guard::Seen,
    catalog: &Catalog,
    used: u64,
    limits: &SqlLimits,
) -> SqlError {
    let SqlError::Invalid(message) = error else { return error };
    if message == guard::INTERRUPTED {
        return if used > limits.fuel { SqlError::OutOfFuel(limits.fuel) } else { SqlError::Interrupted };
    }
    if let Some(what) = seen.refused() {
        return SqlError::Refused(what);
    }
    if let Some((_, column)) = message.split_once("no such column: ") {
        let column = column.split(' ').next().unwrap_or(column).trim_matches('"').to_owned();
        let mut names: Vec<&str> = catalog.fields.iter().map(|f| f.name.as_str()).collect();
        let bare = column.rsplit('.').next().unwrap_or(&column);
        names.sort_by_key(|n| (strsim::damerau_levenshtein(n, bare), *n));
        let nearest = names.iter().take(5).map(|n| Suggestion { value: (*n).to_owned(), count: 0 });
        return SqlError::UnknownColumn { nearest: nearest.collect(), column };
    }
    SqlError::Invalid(message)
}

/// True for the error of a statement that the progress handler ended.
pub(crate) fn is_interrupt(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
}
