//! A small generated catalogue, indexed, and calls as the agent makes them.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use segue_agent::{Cancellation, ErrorKind, Registry, SetScope, ToolContext, ToolError, ToolOutput};
use segue_catalog::{CallRecord, CandidateSet, Dataset, Handle, Ordinal, Scored, Workspace, import};
use segue_models::{Embedder, HashEmbedder};
use segue_retrieval::{Engine, build_index};
use segue_world::{FixedWorld, Timestamp, fs};
use serde_json::{Value as Json, json};

use crate::builtin;

/// How many recipes there are.
pub(crate) const ITEMS: u32 = 120;

const MAP: &str = r#"
name = "recipes"
noun = "recipe"
items = { file = "recipes.jsonl" }
fields = [
  { name = "id", role = "id" },
  { name = "title", role = "title" },
  { name = "cuisine", role = "category", synonyms = { "wok" = "Chinese" } },
  { name = "tags", role = "category", separator = ";" },
  { name = "minutes", role = "number", type = "integer", unit = "minutes" },
  { name = "rating", role = "number", quality = true, description = "Mean of the cooks' stars, 1 to 5." },
  { name = "added", role = "date" },
  { name = "about", role = "text" },
  { name = "photo", role = "image" },
]
"#;

const CUISINES: [&str; 4] = ["Chinese", "French", "Indian", "Peruvian"];
const DISHES: [&str; 6] = ["Soup", "Stew", "Salad", "Pie", "Curry", "Noodles"];
const STYLES: [&str; 5] = ["Lentil", "Pumpkin", "Mushroom", "Aubergine", "Sésame"];
const WORDS: [&str; 8] =
    ["smoky and slow", "bright", "quick to make", "for cold nights", "with herbs", "rich", "light", "crisp"];

/// The catalogue, a registry of all tools over it, and the folder it is in.
pub(crate) struct Kitchen {
    pub(crate) engine: Engine,
    pub(crate) registry: Registry,
    runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

/// Indexed once for all tests, with embeddings.
pub(crate) fn kitchen() -> &'static Kitchen {
    static KITCHEN: OnceLock<Kitchen> = OnceLock::new();
    KITCHEN.get_or_init(|| Kitchen::new(Some(Arc::new(HashEmbedder::new(32)))))
}

impl Kitchen {
    pub(crate) fn new(embedder: Option<Arc<dyn Embedder>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("recipes.jsonl");
        fs::write_atomic(&file, rows().as_bytes()).unwrap();
        let dataset = Dataset::parse(MAP, Path::new("dataset.toml")).unwrap().with_files(&[file]).unwrap();
        let workspace = Workspace::at(folder.path().join("workspace"));
        let world = FixedWorld::new(Timestamp::UNIX_EPOCH);
        let report = import(&workspace, &dataset, &world, &mut |_| {}, &|| false).unwrap();
        assert!(report.rejected.is_empty(), "{report:?}");
        build_index(&workspace, embedder.as_deref(), &world, &mut |_| {}, &|| false).unwrap();
        let engine = Engine::open(&workspace, embedder).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { registry: builtin(engine.clone()), engine, runtime, _folder: folder }
    }

    /// What a call is given: three shown items, `s1` a ranked set, `s2` another, `s3` a filter.
    pub(crate) fn context(&self, within: Option<&[Ordinal]>) -> ToolContext {
        let mut sets = SetScope::default();
        sets.insert(&ranked("1", &[3, 1, 2, 50]));
        sets.insert(&ranked("2", &[2, 60, 3]));
        sets.insert(&filtered("3", &[1, 60, 61]));
        ToolContext {
            world: Arc::new(FixedWorld::new(Timestamp::UNIX_EPOCH)),
            snapshot: self.engine.snapshot().clone(),
            step: "s9".to_owned(),
            handle: Handle("c9".to_owned()),
            within: within.map(|items| filtered("8", items)),
            sets,
            shown: vec!["r005".to_owned(), "r010".to_owned(), "r015".to_owned()],
            cancellation: Cancellation::default(),
        }
    }

    pub(crate) fn call(
        &self,
        tool: &str,
        args: Json,
        context: &ToolContext,
    ) -> Result<(Json, ToolOutput), ToolError> {
        self.runtime.block_on(self.registry.get(tool)?.invoke(context, args))
    }

    /// The set that a call gives.
    pub(crate) fn set(&self, tool: &str, args: Json, context: &ToolContext) -> Arc<CandidateSet> {
        match self.call(tool, args, context).unwrap().1 {
            ToolOutput::Set { set, .. } => set,
            ToolOutput::Facts(facts) => panic!("facts: {facts}"),
        }
    }

    /// What a call gives, to read: resolved arguments, then the first items with their scores, or the error.
    pub(crate) fn told(&self, tool: &str, args: Json, context: &ToolContext) -> String {
        let (args, output) = match self.call(tool, args, context) {
            Ok(answer) => answer,
            Err(error) => return told_error(&error),
        };
        let mut out = format!("{args}\n");
        match output {
            ToolOutput::Facts(facts) => writeln!(out, "{facts}").unwrap(),
            ToolOutput::Set { set, diagnosis, notes } => {
                let first = set.items().iter().take(6).map(|s| match set.is_ranked() {
                    true => format!("{}:{:.3}", s.item, s.score),
                    false => s.item.to_string(),
                });
                let first: Vec<_> = first.collect();
                writeln!(out, "{} of {}: {}", set.len(), set.handle(), first.join(" ")).unwrap();
                if let Some(d) = diagnosis {
                    let counts: Vec<_> =
                        d.conditions.iter().map(|c| format!("{} ({})", c.condition, c.count)).collect();
                    writeln!(out, "none, as {}", counts.join(", ")).unwrap();
                }
                notes.iter().for_each(|note| writeln!(out, "note: {note}").unwrap());
            }
        }
        out
    }
}

/// A ranked set as an earlier step `s1` would have made it.
pub(crate) fn ranked(n: &str, items: &[Ordinal]) -> Arc<CandidateSet> {
    let scored = (1..).zip(items).map(|(i, item)| Scored { item: *item, score: 1.0 / f64::from(i) });
    let (handle, call) = named(n, "search");
    Arc::new(CandidateSet::ranked(handle, call, scored.collect(), Vec::new()))
}

/// A set that only filters.
pub(crate) fn filtered(n: &str, items: &[Ordinal]) -> Arc<CandidateSet> {
    let (handle, call) = named(n, "filter");
    Arc::new(CandidateSet::filtered(handle, call, items.iter().copied().collect(), Vec::new()))
}

/// An error as a model reads it.
pub(crate) fn told_error(error: &ToolError) -> String {
    let text = if error.kind == ErrorKind::Internal { "internal".to_owned() } else { error.to_string() };
    format!("{} at {}: {text}\n", error.kind.name(), error.at.as_deref().unwrap_or("–"))
}

fn named(n: &str, tool: &str) -> (Handle, CallRecord) {
    let call = CallRecord { step: format!("s{n}"), tool: tool.to_owned(), args: Json::Null };
    (Handle(format!("c{n}")), call)
}

/// One recipe a line. Numbers are chosen so that values repeat, some are missing, and two recipes share a title.
fn rows() -> String {
    let mut out = String::new();
    for i in 0..ITEMS as usize {
        let title = match i {
            119 => "Lentil Soup No 0".to_owned(),
            _ => format!("{} {} No {i}", STYLES[i % 5], DISHES[i % 6]),
        };
        let row = json!({
            "id": format!("r{i:03}"),
            "title": title,
            "cuisine": if i % 11 == 7 { Json::Null } else { json!(CUISINES[(i * i + i / 7) % 4]) },
            "tags": format!("tag {};tag {}", i % 13, 13 + i % 17),
            "minutes": if i % 9 == 4 { Json::Null } else { json!(10 + (i * 7) % 60) },
            "rating": 1.0 + ((i * 13) % 9) as f64 / 2.0,
            "added": format!("{}-{:02}-{:02}", 2001 + i % 20, 1 + i % 12, 1 + i % 28),
            "about": format!("{}, {}", WORDS[i % 8], WORDS[(i / 8) % 8]),
            "photo": format!("photos/{i}.jpg"),
        });
        writeln!(out, "{row}").unwrap();
    }
    out
}
