use schemars::JsonSchema;
use segue_agent::{Tool, ToolContext, ToolError, ToolOutput, ToolRole, ToolSpec};
use segue_catalog::{Catalog, Field};
use segue_retrieval::{Engine, LexicalQuery, MatchMode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::ranking::{best, check_k, check_query, engine_error, nearest_names, noted, pool, ranked};
use crate::spec::{example, fields, k, object, optional_name, spec, usual_title, usual_value};

/// Ranks by the words of a query: BM25 over the searchable fields.
pub(crate) struct Bm25Search {
    engine: Engine,
}

impl Bm25Search {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object of arguments")]
pub(crate) struct Args {
    query: String,
    #[serde(default)]
    fields: Option<Vec<FieldArg>>,
    #[serde(default, rename = "match")]
    mode: Option<Match>,
    #[serde(default)]
    k: Option<usize>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldArg {
    field: String,
    #[serde(default)]
    boost: Option<f32>,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Match {
    Any,
    All,
}

#[derive(Debug, Serialize)]
pub(crate) struct Resolved {
    query: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<Boosted>,
    #[serde(rename = "match")]
    mode: Match,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<usize>,
}

#[derive(Debug, Serialize)]
struct Boosted {
    field: String,
    boost: f32,
}

impl Tool for Bm25Search {
    const NAME: &'static str = "bm25_search";
    type Args = Args;
    type Resolved = Resolved;

    fn describe(&self, catalog: &Catalog) -> ToolSpec {
        let searchable: Vec<_> =
            fields(catalog, Field::is_searchable).map(|(f, _)| f.name.as_str()).collect();
        let field = object(
            1,
            vec![
                ("field", json!({"type": "string", "enum": searchable})),
                (
                    "boost",
                    json!({"type": ["number", "null"], "description": "weight; the field's own if left out"}),
                ),
            ],
        );
        let schema = object(
            1,
            vec![
                (
                    "query",
                    json!({"type": "string", "description": "words; \"in quotes\" they must stand together"}),
                ),
                (
                    "fields",
                    json!({"type": ["array", "null"], "items": field, "description": "all if left out"}),
                ),
                (
                    "match",
                    optional_name(&["any", "all"], "how many of the words must occur; any if left out"),
                ),
                ("k", k()),
            ],
        );
        let mut examples = Vec::new();
        if let Some((_, value)) = usual_value(catalog) {
            examples.push(example(format!("something with {value}"), json!({"query": value})));
        }
        if let (Some(title), Some(field)) = (usual_title(catalog), catalog.title_field()) {
            let args =
                json!({"query": format!("\"{title}\""), "fields": [{"field": field.name}], "match": "all"});
            examples.push(example(format!("called {title}"), args));
        }
        spec(
            Self::NAME,
            ToolRole::Lexical,
            format!("ranks {} by the words of a query", catalog.name),
            format!(
                "Use it for names and rare words. Ranks every {} that has the words by BM25 over {}; words are \
                 compared by their stems and without accents. Returns all that match unless `k` says how many.",
                catalog.noun,
                searchable.join(", ")
            ),
            schema,
            examples,
        )
    }

    fn resolve(&self, context: &ToolContext, args: Args) -> Result<Resolved, ToolError> {
        let catalog = context.snapshot.catalog();
        let fields: Result<Vec<_>, _> =
            args.fields.unwrap_or_default().into_iter().map(|f| boosted(catalog, f)).collect();
        Ok(Resolved {
            query: check_query(&args.query)?,
            fields: fields?,
            mode: args.mode.unwrap_or(Match::Any),
            k: check_k(args.k)?,
        })
    }

    async fn call(&self, context: &ToolContext, args: Resolved) -> Result<ToolOutput, ToolError> {
        let query = LexicalQuery {
            text: args.query.clone(),
            fields: args.fields.iter().map(|f| (f.field.clone(), f.boost)).collect(),
            mode: match args.mode {
                Match::Any => MatchMode::Any,
                Match::All => MatchMode::All,
            },
        };
        let found =
            self.engine.over(&context.snapshot).lexical(&query, pool(context)).map_err(engine_error)?;
        let mut notes = match found.is_empty() {
            true => vec![format!("no {} has the words of “{}”", context.snapshot.catalog().noun, args.query)],
            false => Vec::new(),
        };
        let synonyms = &context.snapshot.steering().synonyms;
        notes.extend(synonyms.of_query(&args.query).iter().map(ToString::to_string));
        let set = ranked(context, Self::NAME, &args, best(found, args.k), &[])?;
        Ok(noted(set, notes))
    }
}

fn boosted(catalog: &Catalog, asked: FieldArg) -> Result<Boosted, ToolError> {
    let FieldArg { field: name, boost } = asked;
    let Some(field) = catalog.field(&name).filter(|f| f.is_searchable()) else {
        let why = if catalog.field(&name).is_some() { "is not searched by words" } else { "is not a field" };
        let nearest =
            nearest_names(&name, fields(catalog, Field::is_searchable).map(|(f, _)| f.name.as_str()));
        return Err(
            ToolError::invalid("fields", format!("`{name}` {why}; use another")).with_nearest(nearest)
        );
    };
    let boost = boost.unwrap_or(field.boost);
    if !boost.is_finite() || boost <= 0.0 {
        let message = format!("the boost of `{name}` is {boost} and should be above 0");
        return Err(ToolError::invalid("fields", message));
    }
    Ok(Boosted { field: name, boost })
}
