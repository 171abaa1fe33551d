//! A small catalogue of homes over all built-in tools.

use std::sync::Arc;

use segue_agent::model::Prompts;
use segue_agent::{Agent, PlanningModel};
use segue_catalog::{Dataset, Workspace, import};
use segue_models::ChatModel;
use segue_retrieval::{Engine, build_index};
use segue_world::{RealWorld, World, fs};

const MAP: &str = r#"
name = "homes"
noun = "home"
[items]
file = "homes.csv"
[[fields]]
name = "id"
role = "id"
[[fields]]
name = "title"
role = "title"
[[fields]]
name = "kind"
role = "category"
[[fields]]
name = "city"
role = "category"
aliases = ["in"]
[[fields]]
name = "seller"
role = "category"
[[fields]]
name = "price"
role = "number"
unit = "eur"
high = ["expensive"]
low = ["cheap"]
[[fields]]
name = "built"
role = "number"
type = "integer"
unit = "year"
high = ["new"]
low = ["old"]
[[fields]]
name = "text"
role = "text"
"#;

/// An index, and the folder that it lives in.
pub(crate) struct Small {
    pub(crate) engine: Engine,
    pub(crate) world: Arc<dyn World>,
    _folder: tempfile::TempDir,
}

impl Small {
    /// The homes in these rows: `id,title,kind,city,seller,price,built,text`.
    pub(crate) fn new(rows: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let csv = format!("id,title,kind,city,seller,price,built,text\n{rows}");
        fs::write_atomic(&folder.path().join("homes.csv"), csv.as_bytes()).unwrap();
        let map = folder.path().join("homes.toml");
        fs::write_atomic(&map, MAP.as_bytes()).unwrap();
        let workspace = Workspace::at(folder.path().join("workspace"));
        let world: Arc<dyn World> = Arc::new(RealWorld::new());
        import(&workspace, &Dataset::read(&map).unwrap(), world.as_ref(), &mut |_| {}, &|| false).unwrap();
        build_index(&workspace, None, world.as_ref(), &mut |_| {}, &|| false).unwrap();
        Self { engine: Engine::open(&workspace, None).unwrap(), world, _folder: folder }
    }

    /// An agent over it.
    pub(crate) fn agent(&self) -> Agent {
        let tools = segue_tools::builtin(self.engine.clone());
        Agent::new(self.world.clone(), self.engine.snapshot().clone(), tools)
    }
}

/// A model with the prompts that are built in.
pub(crate) fn asked(model: Arc<dyn ChatModel>) -> PlanningModel {
    PlanningModel { model, prompts: Prompts::load(None).unwrap(), prices: None, logprobs: false }
}
