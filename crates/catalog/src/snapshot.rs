use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, params};
use segue_world::{FileError, fs};
use serde::{Deserialize, Serialize};

use crate::lexicon::LexiconIndex;
use crate::view::Absent;
use crate::{Catalog, FieldType, Ordinal, Row, Steering, Value, Workspace};

/// A catalogue file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite refused.
    #[error("the catalogue `{path}` cannot be used: {source}")]
    Sqlite {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// There is no such generation in the file.
    #[error("there is no generation {generation} in `{path}`; run `segue import`, then `segue index`")]
    NoGeneration {
        /// The database file.
        path: PathBuf,
        /// What was looked for.
        generation: u32,
    },
    /// The tables of the generation are laid out otherwise than this version reads them.
    #[error(
        "generation {generation} in `{path}` was imported by another version of Segue; run `segue import` again, then \
         `segue index`"
    )]
    Layout {
        /// The database file.
        path: PathBuf,
        /// Which one.
        generation: u32,
    },
    /// The workspace was written by a later version of Segue.
    #[error(
        "the workspace of `{path}` has version {found} and this `segue` knows versions up to {known}; use a newer `segue`"
    )]
    TooNew {
        /// The database file.
        path: PathBuf,
        /// The workspace's version.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// The workspace was written by an earlier version of Segue.
    #[error(
        "the workspace of `{path}` has version {found}, of an earlier `segue`; `segue doctor --fix` brings it up to date, and so does the next import"
    )]
    Older {
        /// The database file.
        path: PathBuf,
        /// The workspace's version.
        found: i64,
    },
    /// The file is not the one that was opened.
    #[error(
        "generation {generation} is not in `{path}` any more: it was removed, or the workspace was replaced; start again"
    )]
    Replaced {
        /// The database file.
        path: PathBuf,
        /// Which one.
        generation: u32,
    },
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The description of a generation does not parse.
    #[error("the description of generation {generation} in `{path}` is damaged: {source}")]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// Which one.
        generation: u32,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Counts the ways in which tables have been laid out. To be raised with any change that older readers or older
/// tables do not survive.
const LAYOUT: u32 = 2;

#[derive(Serialize, Deserialize)]
struct Described<C> {
    #[serde(default)]
    layout: u32,
    #[serde(flatten)]
    catalog: C,
}

/// One generation of a catalogue, read-only: what is written later does not change it.
///
/// Tables of `generations/000N/rows.db`, a file that is not written any more once it serves:
/// - `segue_items(ordinal INTEGER PRIMARY KEY, hash TEXT, <one column a field>)`: a multi-valued field is a JSON
///   array, a date its first instant in ISO 8601, a boolean 0 or 1;
/// - `segue_values(field, folded, ordinal)`: one row for each value of each [`Role::Category`](crate::Role) field
///   (`field` is the field's index), clustered for look-up by value;
/// - `segue_lexicon(field, folded, value, count, squashed)`: each different value of a title or category field, with the number
///   of items and, where it has punctuation, its letters and digits alone;
/// - `segue_users(user TEXT PRIMARY KEY, attributes JSON)`, `segue_interactions(user, ordinal, value, time)`;
/// - `segue_catalog(description)`: the [`Catalog`] as JSON.
///
/// An import writes items, users and interactions; [`write_lookups`](crate::write_lookups) adds values and lexicon when the
/// generation is indexed.
///
/// Connections are pooled: readers do not wait for each other.
///
/// What the owner hides or leaves out is not in a [steered](Self::steered) snapshot, whatever asks it: there is no field,
/// value, item or count of it.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(crate) shared: Arc<Shared>,
    /// Items that are left out, if any are.
    pub(crate) absent: Option<Arc<Absent>>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    path: PathBuf,
    pub(crate) catalog: Catalog,
    /// The description as it stands in the file, by which the file is known again.
    pub(crate) description: String,
    /// The place in the tables of each field of the catalogue.
    pub(crate) stored: Vec<usize>,
    pub(crate) steering: Steering,
    idle: Mutex<Vec<Connection>>,
    /// Loaded when first wanted.
    lexicon: OnceLock<LexiconIndex>,
    /// What was left out last: the same items are left out turn after turn.
    pub(crate) latest: Mutex<Option<Arc<Absent>>>,
}

impl Snapshot {
    /// Opens one generation of a workspace.
    pub fn of(workspace: &Workspace, generation: u32) -> Result<Self, StoreError> {
        crate::migration::check_readable(workspace)?;
        Self::open(&workspace.rows_db(generation), generation)
    }

    /// Opens a generation's database file.
    pub fn open(path: &Path, generation: u32) -> Result<Self, StoreError> {
        let at = |source| StoreError::Sqlite { path: path.to_owned(), source };
        if !fs::exists(path) {
            return Err(StoreError::NoGeneration { path: path.to_owned(), generation });
        }
        let connection = connect(path).map_err(at)?;
        let json: Option<String> = connection
            .query_row("SELECT description FROM segue_catalog", [], |r| r.get(0))
            .optional()
            .map_err(at)?;
        let json = json.ok_or_else(|| StoreError::NoGeneration { path: path.to_owned(), generation })?;
        let described: Described<Catalog> = serde_json::from_str(&json)
            .map_err(|source| StoreError::Damaged { path: path.to_owned(), generation, source })?;
        if described.layout != LAYOUT {
            return Err(StoreError::Layout { path: path.to_owned(), generation });
        }
        let catalog = Catalog { generation, ..described.catalog };
        let stored = (0..catalog.fields.len()).collect();
        let snapshot = Self::over(path.to_owned(), catalog, json, stored, Steering::default());
        snapshot.idle().push(connection);
        Ok(snapshot)
    }

    pub(crate) fn over(
        path: PathBuf,
        catalog: Catalog,
        description: String,
        stored: Vec<usize>,
        steering: Steering,
    ) -> Self {
        let (idle, lexicon, latest) = Default::default();
        let shared = Shared { path, catalog, description, stored, steering, idle, lexicon, latest };
        Self { shared: Arc::new(shared), absent: None }
    }

    /// The description of a generation as its file keeps it: the catalogue, and how its tables are laid out. The generation's
    /// number is not in it, so that the same rows make the same file.
    pub fn describe(catalog: &Catalog) -> Result<String, serde_json::Error> {
        let catalog = Catalog { generation: 0, ..catalog.clone() };
        serde_json::to_string(&Described { layout: LAYOUT, catalog })
    }

    /// Fields, statistics and sizes.
    pub fn catalog(&self) -> &Catalog {
        self.absent.as_ref().map_or(&self.shared.catalog, |absent| &absent.catalog)
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// The name of one of its tables: `table("items")` is `segue_items`.
    pub fn table(&self, kind: &str) -> String {
        format!("segue_{kind}")
    }

    /// Runs something on a read-only connection with the function `fold(text)` defined. Connections are
    /// reused, and opened when all are busy.
    pub fn with_connection<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let at = |source| StoreError::Sqlite { path: self.shared.path.clone(), source };
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                let connection = connect(&self.shared.path).map_err(|e| self.unless_replaced(e))?;
                self.check(&connection)?;
                connection
            }
        };
        // One transaction, so that the file is locked once and not by each of many small statements.
        let result = connection
            .unchecked_transaction()
            .and_then(|transaction| {
                let done = work(&transaction)?;
                transaction.commit()?;
                Ok(done)
            })
            .map_err(at);
        self.idle().push(connection);
        result
    }

    /// That a connection, opened by the file's name, leads to the file that was opened first: a backup may have been restored
    /// in its place, or the generation removed.
    pub fn check(&self, connection: &Connection) -> Result<(), StoreError> {
        let sql = "SELECT description FROM segue_catalog";
        let found: String =
            connection.query_row(sql, [], |r| r.get(0)).map_err(|e| self.unless_replaced(e))?;
        if found == self.shared.description { Ok(()) } else { Err(self.replaced()) }
    }

    fn unless_replaced(&self, source: rusqlite::Error) -> StoreError {
        let path = &self.shared.path;
        if fs::exists(path) { StoreError::Sqlite { path: path.clone(), source } } else { self.replaced() }
    }

    fn replaced(&self) -> StoreError {
        StoreError::Replaced { path: self.shared.path.clone(), generation: self.catalog().generation }
    }

    /// The ordinal of the item with this id.
    pub fn ordinal(&self, id: &str) -> Result<Option<Ordinal>, StoreError> {
        let Some(field) = self.catalog().with_role(crate::Role::Id) else { return Ok(None) };
        let sql = format!("SELECT ordinal FROM {} WHERE {} = ?1", self.table("items"), quote(&field.name));
        let found: Option<Ordinal> =
            self.with_connection(|c| c.prepare_cached(&sql)?.query_row([id], |r| r.get(0)).optional())?;
        Ok(found.filter(|item| self.has(*item)))
    }

    /// One item; `None` past the end.
    pub fn row(&self, ordinal: Ordinal) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(&[ordinal])?.into_iter().next())
    }

    /// Several items, in the order asked; those that are not there are left out.
    pub fn rows(&self, ordinals: &[Ordinal]) -> Result<Vec<Row>, StoreError> {
        let catalog = self.catalog();
        let columns: Vec<_> = catalog.fields.iter().map(|f| quote(&f.name)).collect();
        let sql =
            format!("SELECT hash, {} FROM {} WHERE ordinal = ?1", columns.join(", "), self.table("items"));
        self.with_connection(|c| {
            let mut statement = c.prepare_cached(&sql)?;
            let mut rows = Vec::with_capacity(ordinals.len());
            for &ordinal in ordinals.iter().filter(|o| self.has(**o)) {
                let row = statement
                    .query_row(params![ordinal], |r| {
                        let values = catalog
                            .fields
                            .iter()
                            .enumerate()
                            .map(|(i, field)| Ok(read_value(r.get_ref(i + 1)?, field.multi, field.ty)));
                        let values = values.collect::<rusqlite::Result<_>>()?;
                        Ok(Row { ordinal, hash: r.get(0)?, values })
                    })
                    .optional()?;
                rows.extend(row);
            }
            Ok(rows)
        })
    }

    pub(crate) fn lexicon_cell(&self) -> &OnceLock<LexiconIndex> {
        &self.shared.lexicon
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.shared.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A read-only connection on which `fold(text)` is defined.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = crate::sqlite::open_read_only(path)?;
    connection.set_prepared_statement_cache_capacity(128);
    // A statement keeps its plan whatever is bound to it; SQLite would plan some anew for every value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch("PRAGMA query_only = on; PRAGMA mmap_size = 268435456;")?;
    define_fold(&connection)?;
    Ok(connection)
}

/// Defines the function `fold(text)`.
pub(crate) fn define_fold(connection: &Connection) -> rusqlite::Result<()> {
    use rusqlite::functions::FunctionFlags;
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("fold", 1, flags, |context| {
        Ok(context.get_raw(0).as_str_or_null()?.map(crate::text::fold))
    })
}

/// A column's name in double quotes.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(crate) fn read_value(stored: rusqlite::types::ValueRef<'_>, multi: bool, ty: FieldType) -> Value {
    use rusqlite::types::ValueRef;
    match stored {
        ValueRef::Integer(i) if ty == FieldType::Boolean => Value::Bool(i != 0),
        ValueRef::Integer(i) => Value::Integer(i),
        ValueRef::Real(r) => Value::Real(r),
        ValueRef::Text(t) => {
            let text = String::from_utf8_lossy(t);
            let list = if multi { serde_json::from_str(&text).ok() } else { None };
            list.map_or_else(|| Value::Text(text.into_owned()), Value::List)
        }
        ValueRef::Null | ValueRef::Blob(_) => Value::Null,
    }
}
