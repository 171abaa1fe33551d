use schemars::JsonSchema;
use segue_agent::{Tool, ToolContext, ToolError, ToolOutput, ToolRole, ToolSpec};
use segue_catalog::{Catalog, Ordinal, Row};
use segue_retrieval::Engine;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::references::{check_within, id_of, items};
use crate::spec::{example, object, spec, usual_title};

/// Reads whole rows.
pub(crate) struct LookUp {
    engine: Engine,
}

impl LookUp {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object of arguments")]
pub(crate) struct Args {
    items: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Resolved {
    items: Vec<String>,
    #[serde(skip)]
    asked: Vec<(String, Ordinal)>,
}

impl Tool for LookUp {
    const NAME: &'static str = "look_up";
    type Args = Args;
    type Resolved = Resolved;

    fn describe(&self, catalog: &Catalog) -> ToolSpec {
        let schema = json!({
            "type": "array", "items": {"type": "string"},
            "description": "#2 for the second one shown, or an exact title",
        });
        let mut examples = vec![example("what about the first one?", json!({"items": ["#1"]}))];
        if let Some(title) = usual_title(catalog) {
            examples.push(example(format!("tell me about {title}"), json!({"items": [title]})));
        }
        let names: Vec<_> = catalog.fields.iter().map(|f| f.name.as_str()).collect();
        spec(
            Self::NAME,
            ToolRole::LookUp,
            format!("reads all that is known of some {}", catalog.name),
            format!(
                "Use it to answer questions about one {}. Returns its row ({}). A title that several have gives all of \
                 them; one that none has gives the nearest titles.",
                catalog.noun,
                names.join(", ")
            ),
            object(1, vec![("items", schema)]),
            examples,
        )
    }

    fn resolve(&self, context: &ToolContext, args: Args) -> Result<Resolved, ToolError> {
        let named = items(&self.engine, context, "items", &args.items)?;
        check_within(context, "items", &named)?;
        let ids: Result<Vec<_>, _> = named.iter().map(|n| id_of(context, n.ordinal)).collect();
        Ok(Resolved { items: ids?, asked: named.into_iter().map(|n| (n.asked, n.ordinal)).collect() })
    }

    async fn call(&self, context: &ToolContext, args: Resolved) -> Result<ToolOutput, ToolError> {
        let ordinals: Vec<_> = args.asked.iter().map(|(_, ordinal)| *ordinal).collect();
        let rows = context.snapshot.rows(&ordinals).map_err(ToolError::internal)?;
        let catalog = context.snapshot.catalog();
        let told = args.asked.iter().zip(&rows).map(|((asked, _), row)| fact(catalog, asked, row));
        Ok(ToolOutput::Facts(json!({"items": told.collect::<Vec<_>>()})))
    }
}

/// A row under the names of its fields, with the hash that makes it evidence.
fn fact(catalog: &Catalog, asked: &str, row: &Row) -> Json {
    let fields: Map<String, Json> = catalog
        .fields
        .iter()
        .zip(&row.values)
        .map(|(field, value)| (field.name.clone(), json!(value)))
        .collect();
    json!({
        "asked": asked,
        "id": row.id(catalog),
        "title": row.title(catalog),
        "hash": row.hash,
        "fields": fields,
    })
}
