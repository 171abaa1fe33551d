//! Reads a predicate out of JSON with errors that say where and what, which an untagged enum cannot.

use segue_agent::ToolError;
use segue_catalog::{Condition, Operator, Predicate, Value};
use serde_json::{Map, Value as Json};

use crate::ranking::nearest_names;

/// Deeper than this, nobody meant it.
const DEPTH: usize = 24;

const OPERATORS: [Operator; 13] = [
    Operator::Eq,
    Operator::Ne,
    Operator::Lt,
    Operator::Le,
    Operator::Gt,
    Operator::Ge,
    Operator::Between,
    Operator::In,
    Operator::Contains,
    Operator::StartsWith,
    Operator::Matches,
    Operator::IsNull,
    Operator::WithinKm,
];

/// What operators are called elsewhere, for the hint that names ours.
const ELSEWHERE: [(&str, Operator); 13] = [
    ("=", Operator::Eq),
    ("==", Operator::Eq),
    ("equals", Operator::Eq),
    ("!=", Operator::Ne),
    ("<>", Operator::Ne),
    ("<", Operator::Lt),
    ("<=", Operator::Le),
    ("lte", Operator::Le),
    (">", Operator::Gt),
    (">=", Operator::Ge),
    ("gte", Operator::Ge),
    ("like", Operator::Contains),
    ("range", Operator::Between),
];

/// The predicate that this JSON states; `at` is its place in the arguments, for the error.
pub(crate) fn parse_predicate(json: &Json, at: &str) -> Result<Predicate, ToolError> {
    parse(json, at, 0)
}

fn parse(json: &Json, at: &str, depth: usize) -> Result<Predicate, ToolError> {
    if depth > DEPTH {
        return Err(ToolError::invalid(
            at,
            format!("`{at}` is nested more than {DEPTH} deep; make it flatter"),
        ));
    }
    let Json::Object(object) = json else {
        let message = format!(
            "`{at}` is {} and should be a condition {{\"field\", \"op\", \"value\"}} or {{\"all\": […]}}, \
             {{\"any\": […]}}, {{\"not\": …}}",
            kind_of(json)
        );
        return Err(ToolError::invalid(at, message));
    };
    for key in ["all", "any", "not"] {
        let Some(inner) = object.get(key) else { continue };
        if let Some(other) = object.keys().find(|k| *k != key) {
            let message = format!("`{at}` has `{key}` and `{other}` side by side; put both into one `all`");
            return Err(ToolError::invalid(at, message));
        }
        let place = format!("{at}.{key}");
        return Ok(match key {
            "all" => Predicate::All { all: parts(inner, &place, depth)? },
            "any" => Predicate::Any { any: parts(inner, &place, depth)? },
            _ => Predicate::Not { not: Box::new(parse(inner, &place, depth + 1)?) },
        });
    }
    condition(object, at).map(Predicate::Field)
}

fn parts(json: &Json, at: &str, depth: usize) -> Result<Vec<Predicate>, ToolError> {
    let Json::Array(parts) = json else {
        let message = format!("`{at}` is {} and should be a list of conditions", kind_of(json));
        return Err(ToolError::invalid(at, message));
    };
    parts.iter().enumerate().map(|(i, part)| parse(part, &format!("{at}[{i}]"), depth + 1)).collect()
}

fn condition(object: &Map<String, Json>, at: &str) -> Result<Condition, ToolError> {
    if let Some(other) = object.keys().find(|k| !["field", "op", "value"].contains(&k.as_str())) {
        let nearest = nearest_names(other, ["field", "op", "value", "all", "any", "not"].into_iter());
        let message =
            format!("`{at}` has no part `{other}`; a condition is {{\"field\", \"op\", \"value\"}}");
        return Err(ToolError::invalid(at, message).with_nearest(nearest));
    }
    let text = |key: &str| match object.get(key) {
        Some(Json::String(text)) => Ok(text.clone()),
        Some(other) => {
            Err(ToolError::invalid(at, format!("`{at}.{key}` is {} and should be a text", kind_of(other))))
        }
        None => Err(ToolError::invalid(at, format!("`{at}` lacks `{key}`; write field, op and value"))),
    };
    let (field, op) = (text("field")?, text("op")?);
    let op = operator(&op, at)?;
    let Some(value) = object.get("value") else {
        return Err(ToolError::invalid(at, format!("`{at}` lacks `value`; write field, op and value")));
    };
    let value = serde_json::from_value::<Value>(value.clone()).map_err(|_| {
        let message =
            format!("`{at}.value` holds an object; write a text, a number, true, false or a list of them");
        ToolError::invalid(at, message)
    })?;
    Ok(Condition { field, op, value })
}

fn operator(name: &str, at: &str) -> Result<Operator, ToolError> {
    if let Some(op) = OPERATORS.into_iter().find(|op| op.name() == name) {
        return Ok(op);
    }
    let lower = name.trim().to_lowercase();
    let known = ELSEWHERE.into_iter().find(|(other, _)| *other == lower).map(|(_, op)| op);
    let nearest = match known {
        Some(op) => nearest_names(op.name(), std::iter::once(op.name())),
        None => nearest_names(&lower, OPERATORS.into_iter().map(Operator::name)),
    };
    Err(ToolError::invalid(at, format!("`{at}.op` is `{name}`, which is no operator")).with_nearest(nearest))
}

/// What a JSON value is, in words.
fn kind_of(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}
