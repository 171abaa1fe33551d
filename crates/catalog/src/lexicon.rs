mod index;

use rusqlite::Row as SqlRow;

use crate::text::{fold, squash, words};
use crate::{Field, Role, Snapshot, StoreError};
pub(crate) use index::LexiconIndex;

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
            "SELECT field, value, folded, count FROM {} WHERE folded = ?1 AND {} ORDER BY count DESC, field",
            self.table("lexicon"),
            self.named_fields()
        );
        let folded = fold(text);
        let found =
            self.with_connection(|c| c.prepare_cached(&sql)?.query_map([folded], read_entry)?.collect())?;
        Ok(self.seen(found))
    }

    /// The values that equal this text in letters and digits: "guns n roses" gives "Guns N' Roses", "B.I.G" gives
    /// "B.I.G.". Most frequent first; those that [`lexicon_exact`](Self::lexicon_exact) finds are among them.
    pub fn lexicon_squashed(&self, text: &str) -> Result<Vec<LexiconEntry>, StoreError> {
        let sql = format!(
            "SELECT field, value, folded, count FROM {0} WHERE folded = ?1 AND {1}
             UNION SELECT field, value, folded, count FROM {0} WHERE squashed = ?2 ORDER BY count DESC, field",
            self.table("lexicon"),
            self.named_fields()
        );
        let (folded, squashed) = (fold(text), squash(text));
        let found = self.with_connection(|c| {
            c.prepare_cached(&sql)?.query_map([folded, squashed], read_entry)?.collect()
        })?;
        Ok(self.seen(found))
    }

    /// The values that are versions of this text: it, and an addition after a dash, a colon or in brackets, as "Bohemian Rhapsody
    /// - Remastered 2011" is one of "Bohemian Rhapsody". Most frequent first.
    pub fn lexicon_versions(&self, text: &str) -> Result<Vec<LexiconEntry>, StoreError> {
        let sql = format!(
            "SELECT field, value, folded, count FROM {0} WHERE {1} AND folded BETWEEN ?1 || ' (' AND ?1 || ' (~'
             UNION SELECT field, value, folded, count FROM {0} WHERE {1} AND folded BETWEEN ?1 || ' - ' AND ?1 || ' - ~'
             UNION SELECT field, value, folded, count FROM {0} WHERE {1} AND folded BETWEEN ?1 || ': ' AND ?1 || ': ~'
             ORDER BY count DESC, field, folded",
            self.table("lexicon"),
            self.named_fields()
        );
        let folded = fold(text);
        let found =
            self.with_connection(|c| c.prepare_cached(&sql)?.query_map([folded], read_entry)?.collect())?;
        Ok(self.seen(found))
    }

    /// The values that contain all these words, most frequent first: "kubrick" gives "Stanley Kubrick".
    pub fn lexicon_with_words(&self, text: &str, limit: usize) -> Result<Vec<LexiconEntry>, StoreError> {
        let index = self.lexicon_index()?;
        let words: Vec<_> = words(text).collect();
        Ok(index.with_words(&words, limit).into_iter().filter_map(|e| self.still_there(e.clone())).collect())
    }

    /// The values nearest to a text that may be misspelt, of one field or of all, best first, each with a
    /// similarity from 0 to 1. A word of a value counts a little less than the whole value.
    pub fn lexicon_nearest(
        &self,
        text: &str,
        field: Option<usize>,
        limit: usize,
    ) -> Result<Vec<(LexiconEntry, f64)>, StoreError> {
        let index = self.lexicon_index()?;
        let found = index.nearest(&fold(text), field, limit);
        let there =
            |(entry, similarity): (&LexiconEntry, f64)| Some((self.still_there(entry.clone())?, similarity));
        Ok(found.into_iter().filter_map(there).collect())
    }

    /// The condition that a row is of a field that has names; with it a look-up goes by the primary key.
    fn named_fields(&self) -> String {
        let stored = self.catalog().fields.iter().zip(&self.shared.stored);
        let named =
            |(f, i): (&Field, &usize)| matches!(f.role, Role::Title | Role::Category).then(|| i.to_string());
        let fields: Vec<_> = stored.filter_map(named).collect();
        format!("field IN ({})", fields.join(", "))
    }

    /// Loads the lexicon so that the first look-up need not.
    pub fn warm_lexicon(&self) -> Result<(), StoreError> {
        self.lexicon_index().map(|_| ())
    }

    /// The values that are this text after an article or a style of address: "Lauryn Hill" is one of "Ms. Lauryn Hill".
    /// Most frequent first.
    pub fn lexicon_styled(&self, text: &str) -> Result<Vec<LexiconEntry>, StoreError> {
        const STYLES: [&str; 8] = ["the", "mr", "ms", "mrs", "dr", "sir", "dj", "mc"];
        let spelt = squash(text);
        let styled: Vec<_> = STYLES.iter().map(|style| format!("{style}{spelt}")).collect();
        let sql = format!(
            "SELECT field, value, folded, count FROM {} WHERE squashed IN (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) AND {}
             ORDER BY count DESC, field, folded",
            self.table("lexicon"),
            self.named_fields()
        );
        let found = self.with_connection(|c| {
            c.prepare_cached(&sql)?.query_map(rusqlite::params_from_iter(styled), read_entry)?.collect()
        })?;
        Ok(self.seen(found))
    }

    /// Entries as they are stored become those that this snapshot shows, most frequent first.
    fn seen(&self, stored: Vec<LexiconEntry>) -> Vec<LexiconEntry> {
        let shown = |entry| self.still_there(self.renumbered(entry)?);
        let mut shown: Vec<_> = stored.into_iter().filter_map(shown).collect();
        shown.sort_by_key(|entry| std::cmp::Reverse(entry.count));
        shown
    }

    /// The entry with its field's place among those that are shown; `None` if the field is not.
    fn renumbered(&self, entry: LexiconEntry) -> Option<LexiconEntry> {
        let field = self.shared.stored.iter().position(|stored| *stored == entry.field)?;
        Some(LexiconEntry { field, ..entry })
    }

    fn lexicon_index(&self) -> Result<&LexiconIndex, StoreError> {
        if let Some(index) = self.lexicon_cell().get() {
            return Ok(index);
        }
        let sql = format!("SELECT field, value, folded, count FROM {}", self.table("lexicon"));
        let entries: Vec<_> =
            self.with_connection(|c| c.prepare(&sql)?.query_map([], read_entry)?.collect())?;
        let shown = entries.into_iter().filter_map(|entry| self.renumbered(entry)).collect();
        Ok(self.lexicon_cell().get_or_init(|| LexiconIndex::new(shown)))
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
