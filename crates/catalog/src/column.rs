use roaring::RoaringBitmap;
use rusqlite::Row as SqlRow;

use crate::snapshot::{quote, read_value};
use crate::{Ordinal, Snapshot, StoreError, Value};

/// Up to this share of the items, reading them one by one is faster than reading past all of them.
const BY_KEY: u64 = 16;

impl Snapshot {
    /// The values of one field: of these items, or of all; in the order of the ordinals. Nulls are there as nulls; a
    /// field that is not in the catalogue has no values at all.
    pub fn column(
        &self,
        field: &str,
        items: Option<&RoaringBitmap>,
    ) -> Result<Vec<(Ordinal, Value)>, StoreError> {
        let Some(field) = self.catalog().field(field) else { return Ok(Vec::new()) };
        let value = |row: &SqlRow<'_>| Ok((row.get(0)?, read_value(row.get_ref(1)?, field.multi, field.ty)));
        let select = format!("SELECT ordinal, {} FROM {}", quote(&field.name), self.table("items"));
        match items {
            Some(items) if items.len() < self.catalog().items / BY_KEY => {
                self.with_connection(|connection| {
                    let mut statement = connection.prepare_cached(&format!("{select} WHERE ordinal = ?1"))?;
                    items
                        .iter()
                        .filter(|i| self.has(*i))
                        .map(|item| statement.query_row([item], value))
                        .collect()
                })
            }
            // Sorted here rather than by SQLite, which may then read an index of the field and not the whole rows.
            _ => self.with_connection(|connection| {
                let mut statement = connection.prepare_cached(&select)?;
                let mut rows = statement.query([])?;
                let mut found: Vec<(Ordinal, Value)> = Vec::new();
                while let Some(row) = rows.next()? {
                    let item = row.get(0)?;
                    if items.is_none_or(|items| items.contains(item)) && self.has(item) {
                        found.push(value(row)?);
                    }
                }
                found.sort_unstable_by_key(|(item, _)| *item);
                Ok(found)
            }),
        }
    }
}
