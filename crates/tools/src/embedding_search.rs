use schemars::JsonSchema;
use segue_agent::{CostHint, Tool, ToolContext, ToolError, ToolOutput, ToolRole, ToolSpec};
use segue_catalog::Catalog;
use segue_retrieval::{DenseQuery, Engine};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::ranking::{best, check_k, check_query, check_space, engine_error, nearest_names, pool, ranked};
use crate::spec::{example, k, object, optional_name, spec, usual_value};

/// Ranks by the meaning of a query: cosine of sentence embeddings, exact.
pub(crate) struct EmbeddingSearch {
    engine: Engine,
}

impl EmbeddingSearch {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object of arguments")]
pub(crate) struct Args {
    query: String,
    #[serde(default)]
    space: Option<String>,
    #[serde(default)]
    k: Option<usize>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Resolved {
    query: String,
    space: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<usize>,
}

impl Tool for EmbeddingSearch {
    const NAME: &'static str = "embedding_search";
    type Args = Args;
    type Resolved = Resolved;

    fn describe(&self, catalog: &Catalog) -> ToolSpec {
        let query =
            json!({"type": "string", "description": "what is looked for, in a few words or a sentence"});
        let mut properties = vec![("query", query), ("k", k())];
        // A choice of one is no choice: it would only cost words.
        if let spaces @ [_, _, ..] = self.engine.text_spaces().as_slice() {
            properties.push(("space", optional_name(spaces, "what to compare; text if left out")));
        }
        let examples = usual_value(catalog).map(|(_, value)| {
            example(
                format!("something that feels like {value}"),
                json!({"query": format!("a mood of {value}")}),
            )
        });
        let summary = format!("ranks {} by the meaning of a query", catalog.name);
        let description = format!(
            "Use it for moods, themes and paraphrases; its order is a good guess, not a condition. Ranks every {} of \
             the pool by the likeness of its description to the query, so restrict the pool first. Returns all of \
             them unless `k` says how many.",
            catalog.noun
        );
        let schema = object(1, properties);
        let examples = examples.into_iter().collect();
        let spec = spec(Self::NAME, ToolRole::Dense, summary, description, schema, examples);
        ToolSpec { cost: CostHint::Moderate, ..spec }
    }

    fn resolve(&self, _: &ToolContext, args: Args) -> Result<Resolved, ToolError> {
        let spaces = self.engine.text_spaces();
        if let Some(asked) =
            args.space.as_deref().filter(|s| !spaces.contains(s) && self.engine.spaces().contains(s))
        {
            let message = format!(
                "texts cannot be searched in the space `{asked}`, whose vectors were imported without a model for texts; use `similar_items` with it"
            );
            return Err(
                ToolError::invalid("space", message).with_nearest(nearest_names(asked, spaces.into_iter()))
            );
        }
        Ok(Resolved {
            query: check_query(&args.query)?,
            space: check_space(&spaces, args.space.as_deref())?,
            k: check_k(args.k)?,
        })
    }

    async fn call(&self, context: &ToolContext, args: Resolved) -> Result<ToolOutput, ToolError> {
        let found = self.engine.over(&context.snapshot).dense(
            &args.space,
            DenseQuery::Text(&args.query),
            pool(context),
        );
        let items = best(found.map_err(engine_error)?, args.k);
        Ok(ranked(context, Self::NAME, &args, items, &[])?.into())
    }
}
