//! What an index would have to do.

use std::collections::BTreeSet;

use segue_catalog::{Ordinal, Snapshot, Workspace};
use segue_models::Embedder;
use serde::Serialize;

use crate::IndexError;
use crate::embedding_text::embedding_text;
use crate::vector_cache::{VectorCache, text_key};

/// The most rows that are looked at; of more, this many that lie evenly apart.
const SAMPLE: u64 = 20_000;
/// Rows that are looked at side by side.
const ROWS: usize = 512;

/// The work that an index of one generation would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PendingIndex {
    /// Rows to index by their words.
    pub rows: u64,
    /// Different texts to embed; about so many where `is_exact` is false.
    pub texts: u64,
    /// True if every row was looked at.
    pub is_exact: bool,
}

impl PendingIndex {
    /// Looks which texts of a generation have no vector by this embedder yet. Without one only words are
    /// indexed.
    pub fn of(
        workspace: &Workspace,
        snapshot: &Snapshot,
        embedder: Option<&dyn Embedder>,
    ) -> Result<Self, IndexError> {
        let rows = snapshot.catalog().items;
        let Some(embedder) = embedder else { return Ok(Self { rows, texts: 0, is_exact: true }) };
        let cache = VectorCache::open_to_read(&workspace.cache_dir(), embedder.fingerprint())?;
        let step = rows.div_ceil(SAMPLE).max(1) as usize;
        let all: Vec<Ordinal> = (0..rows as Ordinal).step_by(step).collect();
        let mut missing = BTreeSet::new();
        for some in all.chunks(ROWS) {
            for row in snapshot.rows(some)? {
                let key = text_key(&embedding_text(&row, snapshot.catalog()));
                let is_known = match &cache {
                    Some(cache) => cache.has(&key, embedder.dimensions())?,
                    None => false,
                };
                if !is_known {
                    missing.insert(key);
                }
            }
        }
        let texts = (missing.len() as u64).saturating_mul(step as u64).min(rows);
        Ok(Self { rows, texts, is_exact: step == 1 })
    }
}
