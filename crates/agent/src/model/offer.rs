//! Tools as a model is offered them: by their role, each with the few arguments that code cannot fill in itself.
//!
//! Names, summaries and the shapes of arguments come from the tools' own descriptions; nothing here knows a tool. What
//! depends on other steps (`within`), on the conversation (`k`) or on the catalogue (predicates, ids) is left to code.

use segue_catalog::Catalog;
use segue_models::ToolDefinition;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::brief;
use super::support::COMPARISONS;
use crate::plan::hoist;
use crate::{ToolRole, ToolSpec};

/// Conditions that a model may put on one search.
pub(super) const MOST_CONDITIONS: usize = 4;
/// References that one call may hold.
const MOST_REFERENCES: usize = 4;

/// The argument in which conditions are put.
pub(super) const CONDITIONS: &str = "conditions";

/// A tool as it stands in a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Offer {
    pub(super) tool: String,
    pub(super) summary: String,
    /// Its arguments, as a model writes them.
    pub(super) arguments: String,
}

/// The tools in the order of the registry.
pub(super) fn offers(specs: &[ToolSpec], catalog: &Catalog) -> Vec<Offer> {
    let offer = |spec: &ToolSpec| Offer {
        tool: spec.name.clone(),
        summary: spec.summary.clone(),
        arguments: properties(spec, catalog).keys().map(String::as_str).collect::<Vec<_>>().join(", "),
    };
    offered(specs, catalog).map(offer).collect()
}

/// The tools for a server's own tool calling.
pub(super) fn definitions(specs: &[ToolSpec], catalog: &Catalog) -> Vec<ToolDefinition> {
    let within = json!({
        "type": ["string", "null"],
        "description": "an earlier result to look in, such as c2; null for everything that fits",
    });
    let define = |spec: &ToolSpec| {
        let mut properties = properties(spec, catalog);
        if spec.role != ToolRole::LookUp {
            properties.insert("within".to_owned(), within.clone());
        }
        let mut parameters = object(properties);
        if let (Some(own), Json::Object(parameters)) = (spec.schema.get("$defs"), &mut parameters)
            && core(spec.role).is_none()
        {
            parameters.insert("$defs".to_owned(), strict(own));
        }
        let description = match spec.role {
            // Its own words tell how to write predicates, which a model here does not.
            ToolRole::Filter => format!("{}. Give every condition that was asked for.", spec.summary),
            _ => spec.description.clone(),
        };
        ToolDefinition { name: spec.name.clone(), description, parameters }
    };
    offered(specs, catalog).map(define).collect()
}

/// The schema of a whole plan: at most `most` steps.
pub(super) fn plan_schema(specs: &[ToolSpec], catalog: &Catalog, most: usize) -> Json {
    let mut definitions = Map::new();
    let mut step = |spec: &ToolSpec| {
        let mut all = Map::from_iter([("tool".to_owned(), json!({"type": "string", "enum": [spec.name]}))]);
        all.extend(properties(spec, catalog));
        let mut shape = object(all);
        if let (Some(own), Json::Object(shape)) = (spec.schema.get("$defs"), &mut shape)
            && core(spec.role).is_none()
        {
            shape.insert("$defs".to_owned(), strict(own));
        }
        hoist(&mut shape, &spec.name, &mut definitions);
        shape
    };
    let shapes: Vec<_> = offered(specs, catalog).map(&mut step).collect();
    let mut schema = json!({
        "type": "object", "additionalProperties": false, "required": ["steps"],
        "properties": {"steps": {"type": "array", "items": {"anyOf": shapes}, "maxItems": most}},
    });
    if let (false, Json::Object(schema)) = (definitions.is_empty(), &mut schema) {
        schema.insert("$defs".to_owned(), Json::Object(definitions));
    }
    schema
}

/// The tools that a model can be asked to call: a filter only where the catalogue has fields to filter by, for a field is one of
/// those there are and a schema cannot offer none.
fn offered<'a>(specs: &'a [ToolSpec], catalog: &Catalog) -> impl Iterator<Item = &'a ToolSpec> {
    let has_fields = !brief::fields(catalog).is_empty();
    specs.iter().filter(move |spec| has_fields || spec.role != ToolRole::Filter)
}

/// What of a tool's arguments a model is asked for; `None` for all of them.
fn core(role: ToolRole) -> Option<&'static [&'static str]> {
    Some(match role {
        ToolRole::Filter => &[CONDITIONS],
        ToolRole::Lexical | ToolRole::Dense => &["query"],
        ToolRole::Similar => &["like"],
        ToolRole::Personal | ToolRole::Diversify => &[],
        ToolRole::Fuse => &["sets"],
        ToolRole::Algebra => &["op", "sets"],
        ToolRole::Order => &["by", "direction"],
        ToolRole::LookUp => &["items"],
        ToolRole::Sql | ToolRole::SemanticId | ToolRole::Deliver | ToolRole::Other => return None,
    })
}

/// The arguments that a model is asked for, each with its schema.
fn properties(spec: &ToolSpec, catalog: &Catalog) -> Map<String, Json> {
    let own = spec.schema.get("properties").and_then(Json::as_object);
    let Some(names) = core(spec.role) else {
        let strict = strict(&spec.schema);
        let mut all = strict.get("properties").and_then(Json::as_object).cloned().unwrap_or_default();
        // Only the last ranking step cuts, and code knows which that is.
        all.shift_remove("k");
        return all;
    };
    let text = || json!({"type": "string"});
    let texts = || json!({"type": "array", "items": text(), "maxItems": MOST_REFERENCES});
    let shape = |name: &str| match name {
        CONDITIONS => json!({"type": "array", "items": condition(catalog), "maxItems": MOST_CONDITIONS}),
        "like" | "items" | "sets" => texts(),
        "direction" => json!({"type": "string", "enum": ["ascending", "descending"]}),
        _ => own.and_then(|o| o.get(name)).map_or_else(text, strict),
    };
    names.iter().map(|name| ((*name).to_owned(), shape(name))).collect()
}

/// A condition, as [`Proposal`](super::support::Proposal) takes it.
fn condition(catalog: &Catalog) -> Json {
    let fields: Vec<_> = brief::fields(catalog).into_iter().map(|f| f.name).collect();
    let text = json!({"type": "string"});
    object(Map::from_iter([
        ("words".to_owned(), text.clone()),
        ("field".to_owned(), json!({"type": "string", "enum": fields})),
        ("is".to_owned(), json!({"type": "string", "enum": COMPARISONS})),
        ("value".to_owned(), text.clone()),
        ("to".to_owned(), text),
    ]))
}

/// A closed object all of whose properties must be there.
fn object(properties: Map<String, Json>) -> Json {
    let required: Vec<_> = properties.keys().cloned().collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// A schema as strict modes want it: `anyOf` and `enum` only, no formats or defaults, objects closed and every key
/// required; what could be left out may be null instead.
pub(super) fn strict(schema: &Json) -> Json {
    match schema {
        Json::Object(parts) => {
            let mut out = Map::new();
            for (key, part) in parts {
                let (key, part) = match key.as_str() {
                    "default" | "format" | "$schema" | "title" => continue,
                    "oneOf" => ("anyOf", strict(part)),
                    "const" => ("enum", json!([part])),
                    "properties" | "$defs" => (key.as_str(), each(part, strict)),
                    "enum" | "required" => (key.as_str(), part.clone()),
                    other => (other, strict(part)),
                };
                out.insert(key.to_owned(), part);
            }
            let required = out.get("required").and_then(Json::as_array).cloned().unwrap_or_default();
            if let Some(Json::Object(properties)) = out.get_mut("properties") {
                for (name, part) in properties.iter_mut() {
                    if !required.iter().any(|r| r.as_str() == Some(name)) && !takes_null(part) {
                        *part = json!({"anyOf": [part.take(), {"type": "null"}]});
                    }
                }
                let all: Vec<_> = properties.keys().cloned().collect();
                out.insert("required".to_owned(), json!(all));
                out.insert("additionalProperties".to_owned(), json!(false));
            }
            Json::Object(out)
        }
        Json::Array(parts) => Json::Array(parts.iter().map(strict).collect()),
        other => other.clone(),
    }
}

fn each(schemas: &Json, f: impl Fn(&Json) -> Json) -> Json {
    let named = schemas.as_object().into_iter().flatten().map(|(name, schema)| (name.clone(), f(schema)));
    Json::Object(named.collect())
}

fn takes_null(schema: &Json) -> bool {
    let is_null = |ty: &Json| ty.as_str() == Some("null");
    let ty = schema.get("type");
    ty.is_some_and(|ty| is_null(ty) || ty.as_array().is_some_and(|all| all.iter().any(is_null)))
        || schema.get("anyOf").and_then(Json::as_array).is_some_and(|any| any.iter().any(takes_null))
}

#[cfg(test)]
mod tests {
    use super::*;
    use segue_catalog::Role;

    use crate::testing::catalog;

    #[test]
    fn a_catalogue_without_fields_has_no_filter_to_offer() {
        let spec = |name: &str, role| ToolSpec {
            name: name.to_owned(),
            role,
            summary: String::new(),
            description: String::new(),
            schema: json!({"type": "object", "properties": {}}),
            set_args: Vec::new(),
            effect: crate::Effect::Reads,
            parallel_safe: true,
            cost: crate::CostHint::Cheap,
            timeout_ms: 1000,
            examples: Vec::new(),
        };
        let specs = [spec("sql_filter", ToolRole::Filter), spec("other", ToolRole::Lexical)];
        let mut catalog = catalog();
        let names =
            |catalog: &Catalog| offers(&specs, catalog).into_iter().map(|o| o.tool).collect::<Vec<_>>();
        assert_eq!(names(&catalog), ["sql_filter", "other"]);
        catalog.fields.retain(|field| matches!(field.role, Role::Id | Role::Title));
        assert_eq!((names(&catalog), definitions(&specs, &catalog).len()), (vec!["other".to_owned()], 1));
        assert!(!plan_schema(&specs, &catalog, 3).to_string().contains("sql_filter"));
    }

    #[test]
    fn a_strict_schema_has_every_key_and_nothing_that_strict_modes_refuse() {
        let loose = json!({
            "$schema": "x", "title": "Args", "type": "object", "required": ["a"],
            "properties": {
                "a": {"oneOf": [{"const": 1}, {"type": "string", "format": "date"}]},
                "format": {"type": "integer", "default": 3},
                "c": {"type": ["string", "null"]},
                "d": {"$ref": "#/$defs/D"},
            },
            "$defs": {"D": {"type": "object", "properties": {"x": {"type": "number"}}}},
        });
        let expected = json!({
            "type": "object", "required": ["a", "format", "c", "d"],
            "properties": {
                "a": {"anyOf": [{"enum": [1]}, {"type": "string"}]},
                "format": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                "c": {"type": ["string", "null"]},
                "d": {"anyOf": [{"$ref": "#/$defs/D"}, {"type": "null"}]},
            },
            "$defs": {"D": {
                "type": "object", "properties": {"x": {"anyOf": [{"type": "number"}, {"type": "null"}]}},
                "required": ["x"], "additionalProperties": false,
            }},
            "additionalProperties": false,
        });
        assert_eq!(strict(&loose), expected);
        assert_eq!(strict(&expected), expected, "twice is once");
    }
}
