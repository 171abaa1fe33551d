//! How a tool tells what it is: descriptions and JSON Schemas with the catalogue's own names and figures.
//!
//! Schemas keep to what strict modes accept: no `oneOf`, no `format`, no default, objects closed. What may be left
//! out may also be null, so that a mode that wants every key present can have it.

use segue_agent::{CostHint, Effect, ToolExample, ToolRole, ToolSpec};
use segue_catalog::{Catalog, Field, FieldStatistics, FieldType, Role};
use serde_json::{Map, Value as Json, json};

/// A category with at most so many values is listed whole.
pub(crate) const LISTED: usize = 24;
/// How many values stand for those of a larger category.
const EXAMPLES: usize = 3;

/// A description with what most tools have in common: they read, may run side by side, and are quick.
pub(crate) fn spec(
    name: &str,
    role: ToolRole,
    summary: String,
    description: String,
    schema: Json,
    examples: Vec<ToolExample>,
) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        role,
        summary,
        description,
        schema,
        set_args: Vec::new(),
        effect: Effect::Reads,
        parallel_safe: true,
        cost: CostHint::Cheap,
        timeout_ms: 10_000,
        examples,
    }
}

/// The example of a call.
pub(crate) fn example(request: impl Into<String>, args: Json) -> ToolExample {
    ToolExample { request: request.into(), args }
}

/// A closed object with these properties, of which the first `required` must be there.
pub(crate) fn object(required: usize, properties: Vec<(&str, Json)>) -> Json {
    let names: Vec<_> = properties.iter().take(required).map(|(name, _)| *name).collect();
    let properties: Map<_, _> =
        properties.iter().map(|(n, schema)| ((*n).to_owned(), schema.clone())).collect();
    json!({"type": "object", "properties": properties, "required": names, "additionalProperties": false})
}

/// How many items to keep.
pub(crate) fn k() -> Json {
    json!({"type": ["integer", "null"], "description": "keep the best so many; only in the last step, else leave out"})
}

/// References to sets.
pub(crate) fn sets() -> Json {
    json!({"type": "array", "items": {"type": "string"}, "description": "earlier steps or sets: s1, c2"})
}

/// One of these names, or null.
pub(crate) fn optional_name(names: &[&str], description: &str) -> Json {
    let names: Vec<Json> = names.iter().map(|n| json!(n)).chain([Json::Null]).collect();
    json!({"type": ["string", "null"], "enum": names, "description": description})
}

/// The fields that pass, with their statistics.
pub(crate) fn fields<'a>(
    catalog: &'a Catalog,
    wanted: impl Fn(&Field) -> bool + 'a,
) -> impl Iterator<Item = (&'a Field, &'a FieldStatistics)> + 'a {
    catalog.fields.iter().zip(&catalog.statistics).filter(move |(field, _)| wanted(field))
}

/// Every value of a small category, most frequent first.
pub(crate) fn listed_values(field: &Field, statistics: &FieldStatistics) -> Option<Vec<String>> {
    let all = statistics.distinct > 0 && statistics.distinct as usize == statistics.top.len();
    let small = field.role == Role::Category && field.ty == FieldType::Text && statistics.top.len() <= LISTED;
    (all && small).then(|| statistics.top.iter().map(|v| v.value.to_string()).collect())
}

/// What a field holds, in a few words: its unit and range, or some of its values.
pub(crate) fn field_note(field: &Field, statistics: &FieldStatistics) -> String {
    let mut parts: Vec<String> = Vec::new();
    if !field.description.is_empty() {
        parts.push(field.description.trim_end_matches('.').to_owned());
    }
    parts.extend(field.unit.as_ref().map(|unit| unit.name().to_owned()));
    if let Some((low, high)) = statistics.range().filter(|_| field.ty.is_number()) {
        parts.push(format!("{} to {}", rounded(low), rounded(high)));
        if let (Some(low), Some(high)) = (statistics.quantile(0.25), statistics.quantile(0.75)) {
            parts.push(format!("half of them {} to {}", rounded(low), rounded(high)));
        }
    } else if let Some((first, last)) = &statistics.dates {
        parts.push(format!("{first} to {last}"));
    } else if field.role == Role::Category && listed_values(field, statistics).is_none() {
        let some: Vec<_> = statistics.top.iter().take(EXAMPLES).map(|v| v.value.to_string()).collect();
        parts.push(format!("{} values, such as {}", statistics.distinct, some.join("; ")));
    }
    if parts.is_empty() { field.name.clone() } else { format!("{}: {}", field.name, parts.join(", ")) }
}

/// A number as a person would write it: three decimals at most.
pub(crate) fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// The most frequent value of the category that has the fewest: a word that surely occurs.
pub(crate) fn usual_value(catalog: &Catalog) -> Option<(&Field, String)> {
    let categories = fields(catalog, |f| f.role == Role::Category && f.ty == FieldType::Text);
    let most = categories.filter(|(_, s)| s.distinct > 1).min_by_key(|(_, s)| s.distinct)?;
    Some((most.0, most.1.top.first()?.value.to_string()))
}

/// A number with its median, the one of quality last.
pub(crate) fn usual_number(catalog: &Catalog) -> Option<(&Field, f64)> {
    let numbers = fields(catalog, |f| f.ty.is_number() && f.role == Role::Number);
    let first =
        numbers.filter_map(|(f, s)| Some((f, rounded(s.quantile(0.5)?)))).min_by_key(|(f, _)| f.quality)?;
    Some(first)
}

/// A title that is in the catalogue.
pub(crate) fn usual_title(catalog: &Catalog) -> Option<String> {
    let title = catalog.title_field()?;
    let examples = &catalog.statistics_of(&title.name)?.examples;
    examples.first().map(ToString::to_string)
}

/// A number in JSON, whole if it is.
pub(crate) fn number(value: f64) -> Json {
    if value.fract() == 0.0 { json!(value as i64) } else { json!(value) }
}
