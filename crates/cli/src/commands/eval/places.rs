//! Where suites, their data and their workspaces are, and what they are opened with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use segue_agent::Cancellation;
use segue_evals::adapters::{AdapterError, Surroundings};
use segue_models::{Embedder, SentenceEmbedder, SentenceOptions, TaskRole};
use segue_world::fs;

use crate::commands::models::FetchView;
use crate::failure::Failure;
use crate::house::House;

pub(super) fn surroundings(
    house: &House,
    cancellation: &Cancellation,
    live: bool,
) -> Result<Surroundings, Failure> {
    let shelf = house.shelf()?;
    let root = project_root();
    let data = house.world().env("SEGUE_DATA").filter(|d| !d.is_empty()).map(PathBuf::from);
    // Relative to the root of the workspace of crates, where the project's own commands run.
    let data = data.map_or_else(|| root.join("../shared/data"), |data| root.join(data));
    let on_shelf = shelf.clone();
    let embedder = move |model: Option<&str>| {
        let mut view = FetchView::default();
        let options = model.map_or_else(SentenceOptions::default, SentenceOptions::with_model);
        let opened = SentenceEmbedder::open(&on_shelf, &options, &mut |p| view.show(&p));
        let embedder: Arc<dyn Embedder> = Arc::new(opened.map_err(|e| AdapterError::Needs(e.to_string()))?);
        Ok(embedder)
    };
    let models = house.clone();
    let chat = move |name: &str| {
        let opened =
            models.model_for(TaskRole::Plan, Some(name)).map_err(|e| AdapterError::Needs(e.to_string()))?;
        opened.ok_or_else(|| AdapterError::Needs(format!("there is no model `{name}`")))
    };
    Ok(Surroundings {
        world: house.world().clone(),
        data,
        cache: cache_folder(house),
        shelf,
        embedder: Arc::new(embedder),
        chat: Arc::new(chat),
        live,
        cancellation: cancellation.clone(),
    })
}

/// Where workspaces of data sets are kept: what is in it can be made again.
fn cache_folder(house: &House) -> PathBuf {
    let set = |name| house.world().env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .or_else(|| set("LOCALAPPDATA"))
        .unwrap_or_else(|| house.workspace().root().join("cache"));
    cache.join("segue/evals")
}

/// The folder that has `evals/suites`: this one or the nearest above; this one if none has.
fn project_root() -> PathBuf {
    let ups = (0..16).map(|n| std::iter::repeat_n("..", n).collect::<PathBuf>());
    ups.into_iter().find(|up| fs::is_dir(&up.join("evals/suites"))).unwrap_or_default()
}

pub(super) fn evals_folder() -> PathBuf {
    project_root().join("evals")
}

fn suites_folder() -> PathBuf {
    evals_folder().join("suites")
}

pub(super) fn find(name: &str) -> Result<PathBuf, Failure> {
    let path = Path::new(name);
    if path.extension().is_some_and(|e| e == "toml") && fs::exists(path) {
        return Ok(path.to_owned());
    }
    let folder = suites_folder();
    let named = folder.join(format!("{name}.toml"));
    let is_plain = path.components().count() == 1;
    if is_plain && fs::exists(&named) {
        return Ok(named);
    }
    let known = known(&folder);
    let nearest = segue_catalog::text::nearest_name(name, known.iter().map(String::as_str));
    let nearest = nearest.map_or_else(String::new, |n| format!(" (did you mean `{n}`?)"));
    Err(Failure::usage(format!("there is no suite `{name}`{nearest}"))
        .at(folder.display().to_string())
        .remedy(format!("name a file that ends in `.toml`, or one of: {}", known.join(", "))))
}

fn known(folder: &Path) -> Vec<String> {
    let files = fs::list(folder).unwrap_or_default();
    let suites = files.iter().filter(|f| f.extension().is_some_and(|e| e == "toml"));
    suites.filter_map(|f| Some(f.file_stem()?.to_string_lossy().into_owned())).collect()
}
