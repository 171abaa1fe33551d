//! The shape that a reply with calls must have, made of the functions' own schemas.

use segue_models::ToolDefinition;
use serde_json::{Map, Value as Json, json};

use super::residue::Residue;

/// Letters of a text that is not among what was said.
const LONGEST: u32 = 80;

/// One call, or a list of `least` to `most`, each of one of the functions; without the parameters that are settled or not spoken of.
pub(super) fn calls(offered: &[(&ToolDefinition, &Residue)], most: u32, least: u32) -> Json {
    let mut each: Vec<Json> = offered.iter().map(|(f, r)| call(f, r, most <= 1)).collect();
    let one = match each.len() {
        1 => each.swap_remove(0),
        _ => json!({ "anyOf": each }),
    };
    if most <= 1 {
        return one;
    }
    json!({
        "type": "object", "additionalProperties": false, "required": ["calls"],
        "properties": { "calls": { "type": "array", "items": one, "minItems": least, "maxItems": most } }
    })
}

/// The parameters of a function with their schemas, in the function's order.
pub(super) fn parameters(function: &ToolDefinition) -> impl Iterator<Item = (&String, &Json)> {
    function.parameters.get("properties").and_then(Json::as_object).into_iter().flatten()
}

/// True if a call without this parameter is none.
pub(super) fn is_required(function: &ToolDefinition, parameter: &str) -> bool {
    let required = function.parameters.get("required").and_then(Json::as_array);
    required.is_some_and(|names| names.iter().any(|n| n == parameter))
}

fn call(function: &ToolDefinition, residue: &Residue, is_single: bool) -> Json {
    let asked = |name: &&String| !residue.settled.contains_key(*name) && !residue.unspoken.contains(*name);
    let properties: Map<String, Json> = parameters(function)
        .filter(|(name, _)| asked(name))
        .map(|(name, schema)| (name.clone(), bounded(name, schema, residue, is_single)))
        .collect();
    let of = |given: &[&String]| {
        let is_given = |name: &&String| !residue.rivals.contains(name) || given.contains(name);
        let properties: Map<String, Json> = properties
            .iter()
            .filter(|(name, _)| is_given(name))
            .map(|(name, schema)| (name.clone(), schema.clone()))
            .collect();
        let is_due = |name: &&String| is_required(function, name) || given.contains(name);
        let required: Vec<&String> = properties.keys().filter(is_due).collect();
        json!({
            "type": "object", "additionalProperties": false, "required": required, "properties": properties,
        })
    };
    let mut each: Vec<Json> = choices(&residue.rivals, residue.room).iter().map(|given| of(given)).collect();
    let arguments = match each.len() {
        1 => each.swap_remove(0),
        _ => json!({ "anyOf": each }),
    };
    json!({
        "type": "object", "additionalProperties": false, "required": ["name", "arguments"],
        "properties": { "name": { "enum": [function.name] }, "arguments": arguments }
    })
}

/// All choices of at most `room` of these, the larger first; of very many, of one alone.
fn choices(of: &[String], room: usize) -> Vec<Vec<&String>> {
    const MANY: usize = 5;
    let mut all: Vec<Vec<&String>> = vec![Vec::new()];
    for one in of {
        let more: Vec<Vec<&String>> = all
            .iter()
            .filter(|chosen| chosen.len() < if of.len() > MANY { 1 } else { room })
            .map(|chosen| chosen.iter().copied().chain([one]).collect())
            .collect();
        all.extend(more);
    }
    all.sort_by_key(|chosen| std::cmp::Reverse(chosen.len()));
    all
}

/// A schema that holds a free text to what was said, or at least to a length: small models do not end what nothing ends.
fn bounded(name: &str, schema: &Json, residue: &Residue, is_single: bool) -> Json {
    let mut schema = bare(schema);
    let Some(object) = schema.as_object_mut() else { return schema };
    if let Some(candidates) = residue.candidates.get(name) {
        object.insert("enum".to_owned(), candidates.clone());
    } else if is_single && object.get("type").is_some_and(|t| t == "string") && !object.contains_key("enum") {
        object.insert("maxLength".to_owned(), LONGEST.into());
    }
    schema
}

/// A schema with what bounds a value and nothing else: descriptions stand beside the conversation, and grammars grow with
/// patterns and lengths.
fn bare(schema: &Json) -> Json {
    let Json::Object(schema) = schema else { return json!({}) };
    let mut kept = Map::new();
    for (key, value) in schema {
        let value = match key.as_str() {
            "type" | "enum" | "required" | "minItems" => value.clone(),
            "items" => bare(value),
            "anyOf" => value.as_array().into_iter().flatten().map(bare).collect(),
            "properties" => {
                let each = value.as_object().into_iter().flatten();
                each.map(|(name, schema)| (name.clone(), bare(schema))).collect::<Map<_, _>>().into()
            }
            _ => continue,
        };
        kept.insert(key.clone(), value);
    }
    if kept.get("properties").and_then(Json::as_object).is_some_and(|p| !p.is_empty()) {
        kept.insert("additionalProperties".to_owned(), false.into());
    }
    Json::Object(kept)
}
