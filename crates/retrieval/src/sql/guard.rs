//! What a statement may do: read the view, call harmless functions, nothing else.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, Statement};
use segue_catalog::Catalog;

use super::{POOL, SqlError, VIEW, is_interrupt};

/// The message of a statement that was ended.
pub(crate) const INTERRUPTED: &str = "interrupted";

/// Functions that read nothing but their arguments and cannot be made to fill the memory.
const FUNCTIONS: &[&str] = &[
    "abs",
    "avg",
    "ceil",
    "ceiling",
    "coalesce",
    "concat",
    "concat_ws",
    "count",
    "cume_dist",
    "date",
    "datetime",
    "dense_rank",
    "exp",
    "first_value",
    "floor",
    "fold",
    "group_concat",
    "glob",
    "hex",
    "ifnull",
    "iif",
    "instr",
    "json_array_length",
    "json_each",
    "json_extract",
    "julianday",
    "lag",
    "last_value",
    "lead",
    "length",
    "like",
    "ln",
    "log",
    "log10",
    "log2",
    "lower",
    "ltrim",
    "max",
    "median",
    "min",
    "mod",
    "nth_value",
    "ntile",
    "nullif",
    "percent_rank",
    "pow",
    "power",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "sign",
    "sqrt",
    "strftime",
    "string_agg",
    "substr",
    "substring",
    "sum",
    "time",
    "total",
    "trim",
    "trunc",
    "typeof",
    "unicode",
    "unixepoch",
    "upper",
    "->",
    "->>",
];

/// Table-valued functions over the arrays of multi-valued fields.
const TABLE_FUNCTIONS: &[&str] = &["json_each"];

const MOST_BYTES: i32 = 1_000_000;

/// The names under which statements find the items.
pub(crate) fn views(catalog: &Catalog) -> impl Iterator<Item = &str> {
    let plain = !catalog.name.is_empty()
        && catalog.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !catalog.name.starts_with("sqlite")
        && !catalog.name.eq_ignore_ascii_case(VIEW)
        && !catalog.name.eq_ignore_ascii_case(POOL);
    std::iter::once(VIEW).chain(plain.then_some(catalog.name.as_str()))
}

/// What a statement named while it was compiled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) tables: BTreeSet<String>,
    pub(crate) columns: BTreeSet<String>,
    pub(crate) functions: BTreeSet<String>,
    refused: Option<String>,
}

/// Shared with the authorizer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Names>>);

impl Seen {
    pub(crate) fn take(&self) -> Names {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The first thing that was refused.
    pub(crate) fn refused(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).refused.clone()
    }
}

/// Closes the connection to everything but reading the views. Nothing can open it again.
pub(crate) fn close(connection: &mut Connection, catalog: &Catalog, table: &str) -> rusqlite::Result<Seen> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.execute_batch("PRAGMA query_only = on; PRAGMA cell_size_check = on;")?;
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_LENGTH, MOST_BYTES),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 20_000),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 20),
        (Limit::SQLITE_LIMIT_VDBE_OP, 100_000),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200),
        (Limit::SQLITE_LIMIT_COLUMN, 200),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        connection.set_limit(limit, most)?;
    }
    let seen = Seen::default();
    let rules = Rules {
        views: views(catalog).map(str::to_owned).collect(),
        behind: [table.to_owned(), POOL.to_owned()],
        seen: seen.clone(),
    };
    connection.authorizer(Some(move |context: AuthContext<'_>| rules.judge(&context)))?;
    Ok(seen)
}

struct Rules {
    views: Vec<String>,
    /// What the views read, and only they may.
    behind: [String; 2],
    seen: Seen,
}

impl Rules {
    fn judge(&self, context: &AuthContext<'_>) -> Authorization {
        let mut seen = self.seen.0.lock().unwrap_or_else(PoisonError::into_inner);
        let refusal = match context.action {
            AuthAction::Select | AuthAction::Recursive => None,
            AuthAction::Read { table_name, column_name } => {
                let is_view = self.views.iter().any(|v| v.eq_ignore_ascii_case(table_name));
                let through_view = context.accessor.is_some_and(|a| self.views.iter().any(|v| v == a))
                    && self.behind.iter().any(|t| t == table_name);
                let is_function = TABLE_FUNCTIONS.contains(&table_name);
                if is_view {
                    seen.tables.insert(table_name.to_lowercase());
                    if !column_name.is_empty() {
                        seen.columns.insert(column_name.to_lowercase());
                    }
                }
                (!is_view && !through_view && !is_function).then(|| format!("reading `{table_name}`"))
            }
            AuthAction::Function { function_name } => {
                let name = function_name.to_lowercase();
                let known = FUNCTIONS.contains(&name.as_str());
                let refusal = (!known).then(|| format!("the function `{name}`"));
                seen.functions.insert(name);
                refusal
            }
            ref other => Some(format!("{other:?}").split([' ', '{']).next().unwrap_or_default().to_owned()),
        };
        match refusal {
            None => Authorization::Allow,
            Some(what) => {
                seen.refused.get_or_insert(what);
                Authorization::Deny
            }
        }
    }
}

/// Compiles one statement that only reads.
///
/// SQLite tells the authorizer through which view a table is read, but it gives the name of a common table expression
/// or of an alias in the same place, and both may be called `items`. What lies behind the views must therefore not be
/// named at all. Names in SQL know no escapes, so looking for them in the text finds each, however it is quoted.
pub(crate) fn single<'c>(
    connection: &'c Connection,
    sql: &str,
    table: &str,
) -> Result<Statement<'c>, SqlError> {
    let lower = sql.to_ascii_lowercase();
    if let Some(name) = [table, POOL].into_iter().find(|name| lower.contains(&name.to_ascii_lowercase())) {
        return Err(SqlError::Refused(format!("naming `{name}`")));
    }
    if sql.contains('\0') {
        return Err(SqlError::NotASelect("it contains a NUL".to_owned()));
    }
    let mut batch = rusqlite::Batch::new(connection, sql);
    let first = batch.next().map_err(failed)?;
    let Some(statement) = first else {
        return Err(SqlError::NotASelect("this is empty".to_owned()));
    };
    match batch.next() {
        Ok(None) => {}
        Ok(Some(_)) | Err(_) => return Err(SqlError::NotASelect("this is more than one".to_owned())),
    }
    if !statement.readonly() || statement.column_count() == 0 || statement.is_explain() != 0 {
        return Err(SqlError::NotASelect("this is another kind".to_owned()));
    }
    Ok(statement)
}

/// The error of a statement, in SQLite's words but without the database's.
pub(crate) fn failed(error: rusqlite::Error) -> SqlError {
    if is_interrupt(&error) {
        return SqlError::Invalid(INTERRUPTED.to_owned());
    }
    SqlError::Invalid(match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message,
        rusqlite::Error::SqlInputError { msg, .. } => msg,
        other => other.to_string(),
    })
}
