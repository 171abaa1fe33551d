//! The workspace of a data set: imported and indexed by the ordinary code, kept in the cache under the hash of what it was made
//! of, and made again when that changes.

use std::path::Path;
use std::sync::Arc;

use segue_catalog::{Dataset, Phase, Store, Workspace, import};
use segue_models::Embedder;
use segue_retrieval::{Engine, build_index};
use segue_world::fs;

use super::{AdapterError, Preparing, Surroundings};
use crate::suite::{Data, code_parts};

/// What it was made of, beside what was made.
const MADE_OF: &str = "made-of.txt";

/// A workspace that is open.
#[derive(Debug)]
pub(super) struct Library {
    pub(super) engine: Engine,
    /// The hash of its rows and fields.
    pub(super) content: String,
    /// What its vectors were made by.
    pub(super) embedder: Option<String>,
}

/// Opens the workspace `name` of the cache. It is imported anew where `source` (a hash of the files it is made of) or the code
/// that imports and indexes has changed; texts that were embedded before are not embedded again.
pub(super) fn library(
    name: &str,
    source: &str,
    dataset: &dyn Fn(&Path) -> Result<Dataset, AdapterError>,
    data: &Data,
    surroundings: &Surroundings,
    progress: &mut dyn FnMut(Preparing),
) -> Result<Library, AdapterError> {
    let root = surroundings.cache.join(name);
    fs::create_dir_all(&root)?;
    let workspace = Workspace::at(&root);
    let model = data.embedding_model.as_deref();
    let embedder = if data.embeddings { Some((surroundings.embedder)(model)?) } else { None };
    let makers =
        code_parts().into_iter().filter(|(part, _)| part.ends_with("catalog") || part.ends_with("retrieval"));
    let code: String = makers.map(|(part, hash)| format!("{part} {hash}\n")).collect();
    let imported = format!("source {source}\n{code}");
    let indexed = |by: &str| format!("{imported}embeddings {by}\n");
    let before = fs::read_to_string(&root.join(MADE_OF)).unwrap_or_default();
    let wanted = indexed(embedder.as_ref().map_or("none", |e| e.fingerprint()));
    // An index with embeddings serves those who need none.
    let serves = before == wanted || (embedder.is_none() && before.starts_with(&imported));
    if !serves || workspace.current().is_err() {
        let cancelled = || surroundings.cancellation.is_cancelled();
        let world = surroundings.world.as_ref();
        fs::remove_file(&root.join(MADE_OF))?;
        let mut told = |p: segue_catalog::Progress| {
            let stage = match p.phase {
                Phase::Reading => "reading the corpus",
                Phase::Writing => "writing items",
                Phase::Counting => "counting values",
                Phase::Interactions => "reading interactions",
            };
            progress(Preparing { stage, done: p.done, total: p.total.unwrap_or_default() });
        };
        import(&workspace, &dataset(&root)?, world, &mut told, &cancelled)?;
        let mut told = |p: segue_retrieval::IndexProgress| {
            let stage = if p.stage == "words" { "indexing words" } else { "embedding" };
            progress(Preparing { stage, done: p.done, total: p.total });
        };
        let by = embedder.as_deref().map(|e| e as &dyn Embedder);
        build_index(&workspace, by, world, &mut told, &cancelled)?;
        fs::write_atomic(&root.join(MADE_OF), wanted.as_bytes())?;
    }
    let generation = workspace.current()?;
    let kept = Store::open(&workspace)?.generations()?;
    let content =
        kept.into_iter().find(|g| g.number == generation).map(|g| g.content_hash).unwrap_or_default();
    let by = embedder.as_ref().map(|e| e.fingerprint().to_owned());
    Ok(Library {
        engine: Engine::open(&workspace, embedder.map(|e| e as Arc<dyn Embedder>))?,
        content,
        embedder: by,
    })
}
