//! The tables of a generation, as documented at [`Snapshot`](crate::Snapshot).

use rusqlite::Connection;

use super::{ImportError, sql};
use crate::snapshot::quote;
use crate::{Field, FieldType, Role};

/// Creates the tables of generation `n`, empty. What a killed import left cannot be there: it was rolled back.
pub(super) fn create(connection: &Connection, n: u32, fields: &[Field]) -> Result<(), ImportError> {
    let columns: Vec<_> = fields.iter().map(|f| format!("{} {}", quote(&f.name), column_type(f))).collect();
    sql(connection.execute_batch(&format!(
        "CREATE TABLE items_{n} (ordinal INTEGER PRIMARY KEY, hash TEXT NOT NULL, {});
         CREATE TABLE values_{n} (field INTEGER NOT NULL, folded TEXT NOT NULL, ordinal INTEGER NOT NULL,
           PRIMARY KEY (field, folded, ordinal)) WITHOUT ROWID;
         CREATE TABLE lexicon_{n} (field INTEGER NOT NULL, folded TEXT NOT NULL, value TEXT NOT NULL,
           count INTEGER NOT NULL, squashed TEXT, PRIMARY KEY (field, folded)) WITHOUT ROWID;
         CREATE TABLE users_{n} (user TEXT PRIMARY KEY, attributes TEXT NOT NULL) WITHOUT ROWID;
         CREATE TABLE interactions_{n} (user TEXT NOT NULL, ordinal INTEGER NOT NULL, value REAL, time INTEGER);",
        columns.join(", ")
    )))
}

/// Indexes the id, every number and date (a filter then reads only the index), and names by their letters.
pub(super) fn index_items(connection: &Connection, n: u32, fields: &[Field]) -> Result<(), ImportError> {
    for field in fields {
        let unique = match field.role {
            Role::Id => "UNIQUE ",
            Role::Number | Role::Date | Role::Latitude | Role::Longitude if !field.multi => "",
            _ => continue,
        };
        let (name, column) = (quote(&format!("items_{n}_{}", field.name)), quote(&field.name));
        sql(connection.execute_batch(&format!("CREATE {unique}INDEX {name} ON items_{n} ({column})")))?;
    }
    sql(connection.execute_batch(&format!(
        "CREATE INDEX lexicon_{n}_squashed ON lexicon_{n} (squashed) WHERE squashed IS NOT NULL"
    )))
}

/// Indexes interactions by user, in the order of time, and by item.
pub(super) fn index_interactions(connection: &Connection, n: u32) -> Result<(), ImportError> {
    sql(connection.execute_batch(&format!(
        "CREATE INDEX interactions_{n}_user ON interactions_{n} (user, time);
         CREATE INDEX interactions_{n}_item ON interactions_{n} (ordinal);"
    )))
}

fn column_type(field: &Field) -> &'static str {
    match field.ty {
        _ if field.multi => "TEXT",
        FieldType::Text | FieldType::Date => "TEXT",
        FieldType::Integer | FieldType::Boolean => "INTEGER",
        FieldType::Real => "REAL",
    }
}
