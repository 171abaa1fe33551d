use schemars::JsonSchema;
use segue_agent::{Tool, ToolContext, ToolError, ToolOutput, ToolRole, ToolSpec};
use segue_catalog::{Catalog, Ordinal};
use segue_retrieval::Engine;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::ranking::{best, check_k, check_space, engine_error, noted, pool, ranked};
use crate::references::{id_of, items};
use crate::spec::{example, k, object, optional_name, spec, usual_title};

/// Ranks by likeness to items.
pub(crate) struct SimilarItems {
    engine: Engine,
}

impl SimilarItems {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object of arguments")]
pub(crate) struct Args {
    like: Vec<String>,
    #[serde(default)]
    space: Option<String>,
    #[serde(default)]
    k: Option<usize>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Resolved {
    like: Vec<String>,
    space: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<usize>,
    #[serde(skip)]
    seeds: Vec<Ordinal>,
    #[serde(skip)]
    notes: Vec<String>,
}

impl Tool for SimilarItems {
    const NAME: &'static str = "similar_items";
    type Args = Args;
    type Resolved = Resolved;

    fn describe(&self, catalog: &Catalog) -> ToolSpec {
        let like = json!({
            "type": "array", "items": {"type": "string"},
            "description": "items to be like: #2 for the second one shown, or an exact title",
        });
        let mut properties = vec![("like", like), ("k", k())];
        if let spaces @ [_, _, ..] = self.engine.spaces().as_slice() {
            properties.push(("space", optional_name(spaces, "in what to be like them; text if left out")));
        }
        let mut examples = vec![example("more like the second one", json!({"like": ["#2"]}))];
        if let Some(title) = usual_title(catalog) {
            examples.push(example(format!("something like {title}"), json!({"like": [title]})));
        }
        spec(
            Self::NAME,
            ToolRole::Similar,
            format!("ranks {} by likeness to others", catalog.name),
            format!(
                "Use it for \"like this one\". Ranks every {} of the pool by its likeness to the mean of those named; \
                 these never come back themselves. Returns all of them unless `k` says how many.",
                catalog.noun
            ),
            object(1, properties),
            examples,
        )
    }

    fn resolve(&self, context: &ToolContext, args: Args) -> Result<Resolved, ToolError> {
        let space = check_space(&self.engine.spaces(), args.space.as_deref())?;
        let named = items(&self.engine, context, "like", &args.like)?;
        let like: Result<Vec<_>, _> = named.iter().map(|n| id_of(context, n.ordinal)).collect();
        let mut notes = Vec::new();
        for asked in &args.like {
            let n = named.iter().filter(|n| n.asked == *asked).count();
            if n > 1 {
                notes.push(format!(
                    "“{asked}” names {n} {}; all of them count",
                    context.snapshot.catalog().name
                ));
            }
        }
        let seeds = named.iter().map(|n| n.ordinal).collect();
        Ok(Resolved { like: like?, space, k: check_k(args.k)?, seeds, notes })
    }

    async fn call(&self, context: &ToolContext, args: Resolved) -> Result<ToolOutput, ToolError> {
        let found = self
            .engine
            .over(&context.snapshot)
            .similar(&args.space, &args.seeds, pool(context))
            .map_err(engine_error)?;
        let set = ranked(context, Self::NAME, &args, best(found, args.k), &[])?;
        Ok(noted(set, args.notes))
    }
}
