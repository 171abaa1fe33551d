use serde_json::{Map, Value as Json, json};

use super::Plan;
use crate::ToolSpec;

const DEFINITIONS: &str = "#/$defs/";

impl Plan {
    /// The JSON Schema (2020-12) of plans over these tools: a step's arguments follow the schema of its tool.
    /// Definitions of a tool's schema move to the root, under names of their own.
    pub fn schema(specs: &[ToolSpec]) -> Json {
        let mut definitions = Map::new();
        let steps: Vec<_> = specs.iter().map(|spec| step(spec, &mut definitions)).collect();
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Plan",
            "description": "tool calls, each after those it depends on; the answer is made from the last",
            "type": "object",
            "properties": {"steps": {"type": "array", "items": {"anyOf": steps}}},
            "required": ["steps"],
            "additionalProperties": false,
            "$defs": definitions,
        })
    }
}

fn step(spec: &ToolSpec, definitions: &mut Map<String, Json>) -> Json {
    let mut args = spec.schema.clone();
    hoist(&mut args, &spec.name, definitions);
    json!({
        "type": "object",
        "description": spec.summary,
        "properties": {
            "id": {"type": "string", "description": "a name for this step: s1, s2, …"},
            "tool": {"const": spec.name},
            "args": args,
            "within": {
                "type": ["string", "null"],
                "description": "the step or set outside which nothing may be returned",
            },
        },
        "required": ["id", "tool", "args"],
        "additionalProperties": false,
    })
}

/// Moves the definitions of a tool's schema out of it, under names of their own.
pub(crate) fn hoist(schema: &mut Json, tool: &str, definitions: &mut Map<String, Json>) {
    point_to(schema, tool);
    if let Json::Object(schema) = schema {
        schema.remove("$schema");
        if let Some(Json::Object(own)) = schema.remove("$defs") {
            definitions.extend(own.into_iter().map(|(name, d)| (format!("{tool}.{name}"), d)));
        }
    }
}

/// Points every reference to a definition at where the definition of this tool moves.
fn point_to(schema: &mut Json, tool: &str) {
    match schema {
        Json::Object(parts) => {
            for (key, part) in parts {
                match part {
                    Json::String(target) if key == "$ref" => {
                        if let Some(name) = target.strip_prefix(DEFINITIONS) {
                            *target = format!("{DEFINITIONS}{tool}.{name}");
                        }
                    }
                    part => point_to(part, tool),
                }
            }
        }
        Json::Array(parts) => parts.iter_mut().for_each(|part| point_to(part, tool)),
        _ => {}
    }
}
