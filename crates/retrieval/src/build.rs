//! Builds the indexes of a generation beside the one that serves, and switches when all of it is on the disk.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use segue_catalog::{
    Catalog, GenerationSettings, ImportError, Ordinal, Row, Snapshot, Store, Workspace, write_lookups,
};
use segue_models::Embedder;
use segue_world::{World, fs};
use serde::{Deserialize, Serialize};

use crate::embedding_text::embedding_text;
use crate::lexical::LexicalWriter;
use crate::vector_cache::{TextKey, VectorCache, text_key};
use crate::vectors::VectorWriter;
use crate::{IndexError, TEXT_SPACE};

/// Rows read at a time.
const ROWS: u32 = 1024;
/// Texts embedded between two writes to the cache: what a kill can cost.
const TEXTS: usize = 512;
/// Texts that are held while they are embedded.
const HELD: usize = 32 * TEXTS;

/// How far an index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexProgress {
    /// `values`, `words` or `embeddings`.
    pub stage: &'static str,
    /// Items done in this stage.
    pub done: u64,
    /// Items to do; 0 if that is not known.
    pub total: u64,
}

/// What an index did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexReport {
    /// The generation that now serves.
    pub generation: u32,
    /// Items in it.
    pub items: u64,
    /// Different texts embedded now; the others were embedded before.
    pub embedded: u64,
    /// The embedding model; `None` if there are no embeddings.
    pub model: Option<String>,
    /// Milliseconds for look-up tables and the lexical index.
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
    let folder = workspace.generation_dir(newest.number);
    if !fs::exists(&folder) && fs::exists(&aside(&folder)) {
        fs::rename(&aside(&folder), &folder)?;
    }
    let snapshot = Snapshot::of(workspace, newest.number)?;
    let part = folder.with_extension("part");
    fs::remove_dir_all(&part)?;
    fs::create_dir_all(&part)?;

    let started = world.elapsed();
    progress(IndexProgress { stage: "values", done: 0, total: 0 });
    write_lookups(workspace, newest.number, cancelled).map_err(|e| match e {
        ImportError::Cancelled => IndexError::Cancelled,
        other => IndexError::Lookups(other),
    })?;
    let mut cache = match embedder {
        Some(embedder) => {
            Some((embedder, VectorCache::open(&workspace.cache_dir(), embedder.fingerprint())?))
        }
        None => None,
    };
    let mut writer = LexicalWriter::create(&part.join("bm25"), snapshot.catalog())?;
    let mut texts = Texts::default();
    each_row(&snapshot, &mut |row, catalog| {
        writer.push(row)?;
        if let Some((embedder, cache)) = &cache {
            texts.add(&embedding_text(row, catalog), cache, embedder.dimensions())?;
        }
        let done = u64::from(row.ordinal) + 1;
        if done.is_multiple_of(1000) {
            progress(IndexProgress { stage: "words", done, total: catalog.items });
        }
        if cancelled() { Err(IndexError::Cancelled) } else { Ok(()) }
    })?;
    writer.finish()?;
    let lexical_done = world.elapsed();
    let embedded = texts.missing.len() as u64;
    if let Some((embedder, cache)) = &mut cache {
        embed(&snapshot, &texts, *embedder, cache, progress, cancelled)?;
        write_matrix(&texts, *embedder, cache, &part.join("vectors").join(TEXT_SPACE))?;
    }
    let report = IndexReport {
        generation: newest.number,
        items: newest.items,
        embedded,
        model: embedder.map(|e| e.name().to_owned()),
        lexical_ms: (lexical_done - started).as_secs_f64() * 1000.0,
        embedding_ms: (world.elapsed() - lexical_done).as_secs_f64() * 1000.0,
    };
    fs::write_atomic(&part.join("meta.json"), &serde_json::to_vec_pretty(&report).unwrap_or_default())?;
    fs::link(&workspace.rows_db(newest.number), &part.join("rows.db"))?;
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
    if let Some((_, cache)) = &mut cache {
        cache.keep_only(&texts.keys)?;
    }
    Ok(report)
}

/// Where the old indexes of a generation are while the new ones take their place.
fn aside(folder: &Path) -> PathBuf {
    folder.with_extension("old")
}

/// The generation that served before stays, so that its readers can end; others as `workspace.toml` says.
fn forget_others(
    workspace: &Workspace,
    store: &mut Store,
    in_use: [Option<u32>; 2],
) -> Result<(), IndexError> {
    let mut in_use: Vec<u32> = in_use.into_iter().flatten().collect();
    in_use.dedup();
    let keep = GenerationSettings::read(workspace)?.kept(&store.generations()?, &in_use);
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

/// What is to be embedded: the key of each item's text, and those of texts that the cache does not have.
#[derive(Default)]
struct Texts {
    keys: Vec<TextKey>,
    missing: BTreeSet<TextKey>,
}

impl Texts {
    fn add(&mut self, text: &str, cache: &VectorCache, dimensions: usize) -> Result<(), IndexError> {
        let key = text_key(text);
        if !self.missing.contains(&key) && !cache.has(&key, dimensions)? {
            self.missing.insert(key);
        }
        self.keys.push(key);
        Ok(())
    }
}

/// Embeds what the cache does not have. Of as many texts as may be held, the longest go together with the longest.
fn embed(
    snapshot: &Snapshot,
    texts: &Texts,
    embedder: &dyn Embedder,
    cache: &mut VectorCache,
    progress: &mut dyn FnMut(IndexProgress),
    cancelled: &dyn Fn() -> bool,
) -> Result<(), IndexError> {
    let total = texts.missing.len() as u64;
    let mut left = texts.missing.clone();
    let mut held: Vec<String> = Vec::new();
    let mut flush = |held: &mut Vec<String>, left: usize| {
        held.sort_unstable_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
        let mut done = total - (left + held.len()) as u64;
        for chunk in held.chunks(TEXTS) {
            if cancelled() {
                return Err(IndexError::Cancelled);
            }
            progress(IndexProgress { stage: "embeddings", done, total });
            let chunk: Vec<&str> = chunk.iter().map(String::as_str).collect();
            cache.put(&chunk, &embedder.embed(&chunk)?)?;
            done += chunk.len() as u64;
        }
        progress(IndexProgress { stage: "embeddings", done, total });
        held.clear();
        Ok(())
    };
    if left.is_empty() {
        return Ok(());
    }
    each_row(snapshot, &mut |row, catalog| {
        if texts.keys.get(row.ordinal as usize).is_some_and(|key| left.remove(key)) {
            held.push(embedding_text(row, catalog));
        }
        if held.len() >= HELD { flush(&mut held, left.len()) } else { Ok(()) }
    })?;
    flush(&mut held, 0)
}

fn write_matrix(
    texts: &Texts,
    embedder: &dyn Embedder,
    cache: &VectorCache,
    target: &Path,
) -> Result<(), IndexError> {
    let dimensions = embedder.dimensions();
    let mut writer = VectorWriter::create(target, embedder.name(), embedder.fingerprint(), dimensions)?;
    for key in &texts.keys {
        writer.push(&cache.get(key, dimensions)?.ok_or(IndexError::Forgotten)?)?;
    }
    writer.finish()
}
