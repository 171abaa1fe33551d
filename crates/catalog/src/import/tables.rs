//! The tables of a generation, as documented at [`Snapshot`](crate::Snapshot).

use rusqlite::Connection;

use crate::snapshot::quote;
use crate::{Field, FieldType, Role};

/// Creates the tables that an import fills.
pub(crate) fn create(connection: &Connection, fields: &[Field]) -> rusqlite::Result<()> {
    let columns: Vec<_> = fields.iter().map(|f| format!("{} {}", quote(&f.name), column_type(f))).collect();
    connection.execute_batch(&format!(
        "CREATE TABLE segue_catalog (description TEXT NOT NULL);
         CREATE TABLE segue_items (ordinal INTEGER PRIMARY KEY, hash TEXT NOT NULL, {});
         CREATE TABLE segue_users (user TEXT PRIMARY KEY, attributes TEXT NOT NULL) WITHOUT ROWID;
         CREATE TABLE segue_interactions (user TEXT NOT NULL, ordinal INTEGER NOT NULL, value REAL, time INTEGER);",
        columns.join(", ")
    ))
}

/// Creates the look-up tables.
pub(crate) fn create_lookups(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE segue_values (field INTEGER NOT NULL, folded TEXT NOT NULL, ordinal INTEGER NOT NULL,
           PRIMARY KEY (field, folded, ordinal)) WITHOUT ROWID;
         CREATE TABLE segue_lexicon (field INTEGER NOT NULL, folded TEXT NOT NULL, value TEXT NOT NULL,
           count INTEGER NOT NULL, squashed TEXT, PRIMARY KEY (field, folded)) WITHOUT ROWID;",
    )
}

/// Indexes the id, every number and date (a filter then reads only the index), names by their letters, and interactions
/// by user, in the order of time, and by item.
pub(crate) fn index(connection: &Connection, fields: &[Field]) -> rusqlite::Result<()> {
    for field in fields {
        let unique = match field.role {
            Role::Id => "UNIQUE ",
            Role::Number | Role::Date | Role::Latitude | Role::Longitude if !field.multi => "",
            _ => continue,
        };
        let (name, column) = (quote(&format!("segue_items_{}", field.name)), quote(&field.name));
        connection.execute_batch(&format!("CREATE {unique}INDEX {name} ON segue_items ({column})"))?;
    }
    connection.execute_batch(
        "CREATE INDEX segue_lexicon_squashed ON segue_lexicon (squashed) WHERE squashed IS NOT NULL;
         CREATE INDEX segue_interactions_user ON segue_interactions (user, time);
         CREATE INDEX segue_interactions_item ON segue_interactions (ordinal);",
    )
}

fn column_type(field: &Field) -> &'static str {
    match field.ty {
        _ if field.multi => "TEXT",
        FieldType::Text | FieldType::Date => "TEXT",
        FieldType::Integer | FieldType::Boolean => "INTEGER",
        FieldType::Real => "REAL",
    }
}
