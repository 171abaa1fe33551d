//! Values as models write them, resolved against a parameter's schema: its type, its enumeration.

use jiff::civil::Date;
use segue_catalog::text::{fold, squash};
use serde_json::{Map, Number, Value as Json};

use super::{dates, days};

/// How similar a value must be to one of the enumeration to be read as it.
const NEAR: f64 = 0.8;
/// Values of an enumeration that a refusal names.
const NAMED: usize = 12;
/// What models write for a value that there is not.
const NOTHING: [&str; 9] =
    ["", "null", "none", "dontcare", "don't care", "any", "anything", "n/a", "unknown"];

/// The value that is meant; `None` if it says that there is none. The error is for the model to read.
pub(super) fn resolve(value: &Json, schema: &Json, today: Option<Date>) -> Result<Option<Json>, String> {
    if let Some(allowed) = schema.get("enum").and_then(Json::as_array) {
        return enumerated(value, allowed);
    }
    if value.is_null() || value.as_str().is_some_and(|t| NOTHING.contains(&fold(t).as_str())) {
        return Ok(None);
    }
    let kind = schema.get("type").and_then(Json::as_str).unwrap_or_default();
    let resolved = match (kind, value) {
        ("integer", Json::String(text)) => {
            number(text).filter(|n| n.fract() == 0.0).and_then(of_number).map(Json::Number)
        }
        ("number", Json::String(text)) => number(text).and_then(of_number).map(Json::Number),
        // Typed languages tell 1 from 1.0, in lists above all.
        ("number", Json::Number(n)) => n.as_f64().and_then(Number::from_f64).map(Json::Number),
        ("integer", Json::Number(n)) if !n.is_i64() && !n.is_u64() => {
            n.as_f64().filter(|x| x.fract() == 0.0).and_then(of_number).map(Json::Number)
        }
        ("boolean", Json::String(text)) => match fold(text).as_str() {
            "true" | "yes" => Some(Json::Bool(true)),
            "false" | "no" => Some(Json::Bool(false)),
            _ => None,
        },
        ("string", Json::Number(n)) => Some(Json::String(n.to_string())),
        ("string", Json::Bool(b)) => Some(Json::String(b.to_string())),
        ("string", Json::String(text)) if is_date(schema) => {
            let day = today.and_then(|today| days::days(text, today).pop());
            Some(Json::String(day.map_or_else(|| text.trim().to_owned(), |d| d.to_string())))
        }
        ("string", Json::String(text)) => {
            let about = schema.get("description").and_then(Json::as_str).unwrap_or_default();
            let day = dates::as_described(text, about);
            Some(Json::String(day.unwrap_or_else(|| text.trim().to_owned())))
        }
        ("array", Json::Array(values)) => Some(Json::Array(each(values, schema, today)?)),
        ("array", one) => Some(Json::Array(each(std::slice::from_ref(one), schema, today)?)),
        ("object", Json::Object(object)) => Some(Json::Object(members(object, schema, today)?)),
        ("integer" | "number" | "boolean" | "object", other) if !fits(kind, other) => None,
        _ => Some(value.clone()),
    };
    resolved.map(Some).ok_or_else(|| format!("{value} is no {kind}"))
}

/// True of a parameter that holds a day.
pub(super) fn is_date(schema: &Json) -> bool {
    schema.get("format").is_some_and(|f| f == "date")
}

/// The number that a word is: digits, or a name up to twelve.
pub(super) fn number(word: &str) -> Option<f64> {
    const NAMES: [&str; 13] = [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve",
    ];
    let word = word.trim();
    let named = || NAMES.iter().position(|n| word.eq_ignore_ascii_case(n)).map(|n| n as f64);
    word.replace(',', "").parse::<f64>().ok().filter(|n| n.is_finite()).or_else(named)
}

fn enumerated(value: &Json, allowed: &[Json]) -> Result<Option<Json>, String> {
    if let Some(same) = allowed.iter().find(|a| *a == value) {
        return Ok(Some(same.clone()));
    }
    let text = match value {
        Json::Null => return Ok(None),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    let written = |a: &Json| a.as_str().map_or_else(|| a.to_string(), str::to_owned);
    let is_same = |a: &&Json| {
        let a = written(a);
        squash(&a) == squash(&text) || number(&a).is_some_and(|n| number(&text) == Some(n))
    };
    if let Some(same) = allowed.iter().find(is_same) {
        return Ok(Some(same.clone()));
    }
    if NOTHING.contains(&fold(&text).as_str()) {
        return Ok(None);
    }
    let near = |a: &Json| strsim::normalized_damerau_levenshtein(&fold(&written(a)), &fold(&text));
    // Neither "unavailable" nor "size-14" is a slip of "available" or "size-12".
    let essence = |text: &str| {
        let text = fold(text);
        (text.chars().next(), text.chars().filter(char::is_ascii_digit).collect::<String>())
    };
    let alike = allowed.iter().filter(|a| essence(&written(a)) == essence(&text));
    let best = alike.max_by(|a, b| near(a).total_cmp(&near(b))).filter(|a| near(a) >= NEAR);
    best.map(|b| Some(b.clone())).ok_or_else(|| {
        let known: Vec<String> = allowed.iter().take(NAMED).map(written).collect();
        format!("“{text}” is none of its values: {}", known.join(", "))
    })
}

fn each(values: &[Json], schema: &Json, today: Option<Date>) -> Result<Vec<Json>, String> {
    let of = schema.get("items").unwrap_or(&Json::Null);
    values.iter().filter_map(|v| resolve(v, of, today).transpose()).collect()
}

fn members(
    object: &Map<String, Json>,
    schema: &Json,
    today: Option<Date>,
) -> Result<Map<String, Json>, String> {
    let mut resolved = Map::new();
    for (name, value) in object {
        let of = schema.get("properties").and_then(|p| p.get(name)).unwrap_or(&Json::Null);
        if let Some(value) = resolve(value, of, today).map_err(|why| format!("`{name}`: {why}"))? {
            resolved.insert(name.clone(), value);
        }
    }
    Ok(resolved)
}

/// Whole numbers as whole numbers.
pub(super) fn of_number(n: f64) -> Option<Number> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if n.fract() == 0.0 && n.abs() < EXACT { Some(Number::from(n as i64)) } else { Number::from_f64(n) }
}

fn fits(kind: &str, value: &Json) -> bool {
    match kind {
        "integer" | "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        _ => value.is_object(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_not_turned_into_others() {
        let choices = json!({"type": "string", "enum": ["available", "size-12", "vegetarian"]});
        let integer = json!({"type": "integer"});
        for (value, schema, expected) in [
            (json!("vegitarian"), &choices, Some(json!("vegetarian"))),
            (json!("unavailable"), &choices, None),
            (json!("size-14"), &choices, None),
            (json!("2.5"), &integer, None),
            (json!("two"), &integer, Some(json!(2))),
        ] {
            assert_eq!(resolve(&value, schema, None).ok().flatten(), expected, "{value}");
        }
    }
}
