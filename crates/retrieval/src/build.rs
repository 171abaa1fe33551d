//! Builds the indexes of a generation beside the one that serves, and switches when all of it is on the disk.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use segue_catalog::{Catalog, Ordinal, Row, Snapshot, Store, Workspace};
use segue_models::Embedder;
use segue_world::{World, fs};
use serde::Serialize;

use crate::embedding_text::embedding_text;
use crate::lexical::LexicalWriter;
use crate::vector_cache::VectorCache;
use crate::vectors::VectorWriter;
use crate::{IndexError, TEXT_SPACE};

/// Rows read at a time.
const ROWS: u32 = 1024;
/// Texts embedded between two writes to the cache: what a kill can cost.
const TEXTS: usize = 512;

/// How far an index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexProgress {
    /// `words` or `embeddings`.
    pub stage: &'static str,
    /// Items done in this stage.
    pub done: u64,
    /// Items to do.
    pub total: u64,
}

/// What an index did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IndexReport {
    /// The generation that now serves.
    pub generation: u32,
    /// Items in it.
    pub items: u64,
    /// Different texts embedded now; the others were embedded before.
    pub embedded: u64,
    /// The embedding model; `None` if there are no embeddings.
    pub model: Option<String>,
    /// Milliseconds for the lexical index.
    pub lexical_ms: f64,
    /// Milliseconds for the embeddings.
    pub embedding_ms: f64,
}

/// Indexes the generation that was imported last and makes it the one that serves. Without an embedder there is no
/// search by meaning. Stopped or killed at any point, the old generation serves on, and what was embedded is kept.
pub fn build_index(
    workspace: &Workspace,
    embedder: Option<&dyn Embedder>,
    world: &dyn World,
    progress: &mut dyn FnMut(IndexProgress),
    cancelled: &dyn Fn() -> bool,
) -> Result<IndexReport, IndexError> {
    let _lock = workspace.lock_for_writing()?;
    if !workspace.is_there() {
        return Err(segue_catalog::WorkspaceError::Missing(workspace.root().to_owned()).into());
    }
    let mut store = Store::open(workspace)?;
    let Some(newest) = store.newest()? else {
        return Err(segue_catalog::WorkspaceError::Missing(workspace.root().to_owned()).into());
    };
    let snapshot = Snapshot::open(&workspace.catalog_db(), newest.number)?;
    let folder = workspace.generation_dir(newest.number);
    if !fs::exists(&folder) && fs::exists(&aside(&folder)) {
        fs::rename(&aside(&folder), &folder)?;
    }
    let part = folder.with_extension("part");
    fs::remove_dir_all(&part)?;
    fs::create_dir_all(&part)?;

    let started = world.elapsed();
    let texts = {
        let mut writer = LexicalWriter::create(&part.join("bm25"), snapshot.catalog())?;
        let wants_texts = embedder.is_some();
        let mut texts = Vec::new();
        each_row(&snapshot, &mut |row, catalog| {
            writer.push(row)?;
            if wants_texts {
                texts.push(embedding_text(row, catalog));
            }
            let done = u64::from(row.ordinal) + 1;
            if done.is_multiple_of(1000) {
                progress(IndexProgress { stage: "words", done, total: catalog.items });
            }
            if cancelled() { Err(IndexError::Cancelled) } else { Ok(()) }
        })?;
        writer.finish()?;
        texts
    };
    let lexical_done = world.elapsed();
    let embedded = match embedder {
        Some(embedder) => {
            let target = part.join("vectors").join(TEXT_SPACE);
            let cache = VectorCache::open(&workspace.cache_dir(), embedder.fingerprint())?;
            embed(&texts, embedder, cache, &target, progress, cancelled)?
        }
        None => 0,
    };
    let report = IndexReport {
        generation: newest.number,
        items: newest.items,
        embedded,
        model: embedder.map(|e| e.name().to_owned()),
        lexical_ms: (lexical_done - started).as_secs_f64() * 1000.0,
        embedding_ms: (world.elapsed() - lexical_done).as_secs_f64() * 1000.0,
    };
    fs::write_atomic(&part.join("meta.json"), &serde_json::to_vec_pretty(&report).unwrap_or_default())?;
    // A generation may be indexed again while it serves: its old indexes step aside and come back if this ends here.
    let aside = aside(&folder);
    fs::remove_dir_all(&aside)?;
    if fs::exists(&folder) {
        fs::rename(&folder, &aside)?;
    }
    fs::rename(&part, &folder)?;
    fs::remove_dir_all(&aside)?;
    store.mark_indexed(newest.number)?;
    let before = workspace.current().ok();
    workspace.set_current(newest.number)?;
    forget_others(workspace, &mut store, [before, Some(newest.number)])?;
    Ok(report)
}

/// Where the old indexes of a generation are while the new ones take their place.
fn aside(folder: &Path) -> PathBuf {
    folder.with_extension("old")
}

/// The generation that served before stays, so that its readers can end; those before it go.
fn forget_others(workspace: &Workspace, store: &mut Store, keep: [Option<u32>; 2]) -> Result<(), IndexError> {
    let keep: Vec<u32> = keep.into_iter().flatten().collect();
    for removed in store.keep_only(&keep)? {
        fs::remove_dir_all(&workspace.generation_dir(removed))?;
    }
    Ok(())
}

fn each_row(
    snapshot: &Snapshot,
    work: &mut dyn FnMut(&Row, &Catalog) -> Result<(), IndexError>,
) -> Result<(), IndexError> {
    let catalog = snapshot.catalog();
    let items = Ordinal::try_from(catalog.items).unwrap_or(Ordinal::MAX);
    let mut from = 0;
    while from < items {
        let ordinals: Vec<Ordinal> = (from..items.min(from.saturating_add(ROWS))).collect();
        for row in snapshot.rows(&ordinals)? {
            work(&row, catalog)?;
        }
        from = from.saturating_add(ROWS);
    }
    Ok(())
}

/// Embeds what the cache does not have, longest texts together with longest, and writes the matrix.
fn embed(
    texts: &[String],
    embedder: &dyn Embedder,
    mut cache: VectorCache,
    target: &Path,
    progress: &mut dyn FnMut(IndexProgress),
    cancelled: &dyn Fn() -> bool,
) -> Result<u64, IndexError> {
    let dimensions = embedder.dimensions();
    let mut missing: BTreeSet<(usize, &str)> = BTreeSet::new();
    for text in texts {
        if cache.get(text, dimensions)?.is_none() {
            missing.insert((text.len(), text));
        }
    }
    let missing: Vec<&str> = missing.into_iter().map(|(_, text)| text).collect();
    let total = missing.len() as u64;
    let mut done = 0;
    for chunk in missing.chunks(TEXTS) {
        if cancelled() {
            return Err(IndexError::Cancelled);
        }
        progress(IndexProgress { stage: "embeddings", done, total });
        cache.put(chunk, &embedder.embed(chunk)?)?;
        done += chunk.len() as u64;
    }
    progress(IndexProgress { stage: "embeddings", done, total });
    let mut writer = VectorWriter::create(target, embedder.name(), embedder.fingerprint(), dimensions)?;
    for text in texts {
        writer.push(&cache.get(text, dimensions)?.ok_or(IndexError::Forgotten)?)?;
    }
    writer.finish()?;
    Ok(total)
}
