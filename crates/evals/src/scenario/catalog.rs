//! The catalogue of a scenario: built from rows in a folder of its own, or the workspace at hand.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use segue_catalog::{Dataset, Workspace, import, infer};
use segue_models::{Embedder, SentenceEmbedder, SentenceOptions, Shelf};
use segue_retrieval::{Engine, build_index};
use segue_world::{World, fs};

use super::parse::{CatalogBlocks, CatalogSource};

/// What scenarios find around them.
#[derive(Debug)]
pub(super) struct Surroundings {
    pub(super) world: Arc<dyn World>,
    /// The workspace that `catalog workspace` means.
    pub(super) workspace: Option<Workspace>,
    /// The folder of data sets that are not in the repository.
    pub(super) data: PathBuf,
    pub(super) shelf: Option<Shelf>,
    /// Opened when it is first wanted; the outer `None` of a shelf that does not have it.
    pub(super) embedder: OnceLock<Result<Option<Arc<dyn Embedder>>, String>>,
}

impl Surroundings {
    /// The embedder, if all that it needs is on the shelf. Nothing is fetched.
    fn embedder(&self) -> Result<Option<Arc<dyn Embedder>>, String> {
        let open = || {
            let options = SentenceOptions::default();
            let Some(shelf) = self.shelf.as_ref().filter(|s| SentenceEmbedder::is_there(s, &options)) else {
                return Ok(None);
            };
            let opened = SentenceEmbedder::open(shelf, &options, &mut |_| ()).map_err(|e| e.to_string())?;
            Ok(Some(Arc::new(opened) as Arc<dyn Embedder>))
        };
        self.embedder.get_or_init(open).clone()
    }
}

/// A catalogue that is open for questions, and the folder that goes with it.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) engine: Engine,
    /// Where a workspace keeps prompts of its own.
    pub(super) prompts: Option<PathBuf>,
    _folder: Option<tempfile::TempDir>,
}

/// Why there is no catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoCatalog {
    /// What it is made of is not on this machine.
    Absent(String),
    /// It is wrong.
    Wrong(String),
}

impl NoCatalog {
    fn wrong(error: impl std::fmt::Display) -> Self {
        Self::Wrong(error.to_string())
    }
}

/// Builds the catalogue, or opens it. `path` is the scenario's file.
pub(super) fn build(
    blocks: &CatalogBlocks,
    path: &Path,
    around: &Surroundings,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Built, NoCatalog> {
    if let CatalogSource::Workspace { name } = &blocks.source {
        return open(name.as_deref(), around);
    }
    let embedder = if blocks.embeddings { around.embedder().map_err(NoCatalog::Wrong)? } else { None };
    if blocks.embeddings && embedder.is_none() {
        let model = "the embedding model is not on the shelf; run `segue models pull all-minilm-l6-v2`";
        return Err(NoCatalog::Absent(model.to_owned()));
    }
    let folder = tempfile::tempdir().map_err(NoCatalog::wrong)?;
    let dataset = dataset(blocks, path, folder.path(), around)?;
    let workspace = Workspace::at(folder.path().join("workspace"));
    let world = around.world.as_ref();
    let report = import(&workspace, &dataset, world, &mut |_| {}, cancelled).map_err(NoCatalog::wrong)?;
    if let CatalogSource::Rows { .. } = blocks.source
        && let Some(rejected) = report.rejected.first()
    {
        // In a catalogue that somebody wrote by hand, a row that is left out is a mistake.
        let (line, reason) = rejected.first.first().map_or((0, ""), |r| (r.line as usize, r.reason.as_str()));
        return Err(NoCatalog::Wrong(format!("row in line {}: {reason}", blocks.line + line)));
    }
    let dense = embedder.as_deref();
    build_index(&workspace, dense, world, &mut |_| {}, cancelled).map_err(NoCatalog::wrong)?;
    for (name, text) in [("steering.toml", &blocks.steering), ("synonyms.txt", &blocks.synonyms)] {
        if let Some(text) = text {
            fs::write_atomic(&workspace.root().join(name), text.as_bytes()).map_err(NoCatalog::wrong)?;
        }
    }
    let engine = Engine::open(&workspace, embedder).map_err(NoCatalog::wrong)?;
    Ok(Built { engine, prompts: None, _folder: Some(folder) })
}

fn open(name: Option<&str>, around: &Surroundings) -> Result<Built, NoCatalog> {
    let workspace = around.workspace.as_ref().filter(|w| w.current().is_ok());
    let Some(workspace) = workspace else {
        let wanted = name.map(|n| format!(" of {n}")).unwrap_or_default();
        return Err(NoCatalog::Absent(format!("it needs a workspace{wanted}; give one with --workspace")));
    };
    let embedder = around.embedder().map_err(NoCatalog::Wrong)?;
    let engine = Engine::open(workspace, embedder).map_err(NoCatalog::wrong)?;
    let there = &engine.snapshot().catalog().name;
    if let Some(name) = name.filter(|n| n != there) {
        return Err(NoCatalog::Absent(format!(
            "it needs a workspace of {name}, and `{}` is one of {there}; give one with --workspace",
            workspace.root().display()
        )));
    }
    Ok(Built { engine, prompts: Some(workspace.root().join("prompts")), _folder: None })
}

fn dataset(
    blocks: &CatalogBlocks,
    path: &Path,
    folder: &Path,
    around: &Surroundings,
) -> Result<Dataset, NoCatalog> {
    let (file, map) = match &blocks.source {
        CatalogSource::Rows { name, extension, text } => {
            let file = folder.join(format!("{name}.{extension}"));
            fs::write_atomic(&file, text.as_bytes()).map_err(NoCatalog::wrong)?;
            let dataset = match &blocks.mapping {
                None => {
                    let guessed = infer(&file, None).map_err(NoCatalog::wrong)?;
                    Dataset::parse(&guessed, path)
                }
                Some((line, text)) => Dataset::parse(&in_place(*line, name, extension, text), path),
            };
            return dataset.and_then(|d| d.with_files(&[file])).map_err(NoCatalog::wrong);
        }
        CatalogSource::Data { file, map } => {
            let file = around.data.join(file);
            if !fs::exists(&file) {
                let folder = "SEGUE_DATA names the folder of data sets";
                return Err(NoCatalog::Absent(format!("there is no {}; {folder}", file.display())));
            }
            (file, map)
        }
        CatalogSource::Shelf { resource, map } => {
            let shelf =
                around.shelf.as_ref().ok_or_else(|| NoCatalog::Absent("there is no shelf".to_owned()))?;
            let files = shelf.ensure(resource, &mut |_| ()).map_err(|e| NoCatalog::Absent(e.to_string()))?;
            (files.only(), map)
        }
        CatalogSource::Workspace { .. } => {
            return Err(NoCatalog::Wrong("a workspace is no data set".to_owned()));
        }
    };
    let mut dataset = Dataset::read(map).and_then(|d| d.with_files(&[file])).map_err(NoCatalog::wrong)?;
    // Users and their interactions stand in files of their own, which are not there; no assertion is about them.
    (dataset.users, dataset.interactions) = (None, None);
    Ok(dataset)
}

/// The mapping with what the block need not say, at the same line as in the file, so that errors name it.
fn in_place(line: usize, name: &str, extension: &str, text: &str) -> String {
    // One that does not parse says so when it is read.
    let says = |key: &str| text.parse::<toml::Table>().map_or(true, |t| t.contains_key(key));
    let name_line = if says("name") { String::new() } else { format!("name = \"{name}\"") };
    let items_line =
        if says("items") { String::new() } else { format!("items.file = \"{name}.{extension}\"") };
    // A catalogue's rows come before its mapping, so that there are lines enough.
    let blank = "\n".repeat(line.saturating_sub(3));
    format!("{name_line}\n{items_line}\n{blank}{text}")
}

#[cfg(test)]
mod tests {
    use super::in_place;

    #[test]
    fn a_mapping_keeps_its_lines() {
        let text = in_place(7, "homes", "csv", "noun = \"home\"\n[[fields]]\n");
        assert_eq!(text.lines().nth(6), Some("noun = \"home\""));
        assert!(text.starts_with("name = \"homes\"\nitems.file = \"homes.csv\"\n"));
        let text = in_place(7, "homes", "csv", "name = \"x\"\n[items]\nfile = \"y\"\n");
        assert_eq!(
            (text.lines().nth(6), text.trim_start().starts_with("name = \"x\"")),
            (Some("name = \"x\""), true)
        );
        assert_eq!(in_place(5, "a", "csv", "broken = = 1").lines().nth(4), Some("broken = = 1"));
    }
}
