use rusqlite::Row as SqlRow;

use crate::{Snapshot, StoreError};

/// A value that occurs in the catalogue: a title, or a value of a category field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LexiconEntry {
    /// The index of the field in the catalogue.
    pub field: usize,
    /// The value as it is spelt most often.
    pub value: String,
    /// The value folded.
    pub folded: String,
    /// How many items have it.
    pub count: u64,
}

impl Snapshot {
    /// The values that equal this text after folding, in every title and category field; most frequent first.
    pub fn lexicon_exact(&self, text: &str) -> Result<Vec<LexiconEntry>, StoreError> {
        let sql = format!(
            "SELECT field, value, folded, count FROM {} WHERE folded = ?1 ORDER BY count DESC, field",
            self.table("lexicon")
        );
        let folded = crate::text::fold(text);
        self.with_connection(|c| c.prepare_cached(&sql)?.query_map([folded], read_entry)?.collect())
    }
}

fn read_entry(row: &SqlRow<'_>) -> rusqlite::Result<LexiconEntry> {
    Ok(LexiconEntry {
        field: row.get::<_, u32>(0)? as usize,
        value: row.get(1)?,
        folded: row.get(2)?,
        count: row.get::<_, i64>(3)?.max(0) as u64,
    })
}
