//! Calls of functions, compared as the Berkeley Function-Calling Leaderboard compares them (Patil et al., ICML 2025;
//! `ast_checker.py` of `bfcl-eval`, for Python functions): types as the function declares them, values among the possible
//! answers, text without case, blanks and `,./-_*^`.
//!
//! An answer is a list of calls, each function to parameter to the values that are right; the empty text among them says that the
//! parameter may be left out.

use serde_json::{Map, Value as Json};

use super::planning::Call;

/// The types of Python that the checker tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nothing,
    Text,
    Whole,
    Real,
    Truth,
    List,
    Dict,
}

/// True if the calls are those of an answer, in any order. `functions` are the function descriptions of the case, as its file
/// has them.
pub fn matches(functions: &[Json], calls: &[Call], answer: &[Json]) -> bool {
    if calls.len() != answer.len() {
        return false;
    }
    let mut left: Vec<&Call> = calls.iter().collect();
    // The first call that fits is taken, as the checker does.
    answer.iter().all(|expected| {
        let Some((name, possible)) = expected.as_object().and_then(|o| o.iter().next()) else { return false };
        let Some(function) = functions.iter().find(|f| f.get("name").is_some_and(|n| n == name)) else {
            return false;
        };
        let Some(possible) = possible.as_object() else { return false };
        let at = left.iter().position(|call| call.tool == *name && fits(function, call, possible));
        at.map(|at| left.remove(at)).is_some()
    })
}

fn fits(function: &Json, call: &Call, possible: &Map<String, Json>) -> bool {
    let none = Map::new();
    let args = call.args.as_object().unwrap_or(&none);
    let declared = function.pointer("/parameters/properties").and_then(Json::as_object).unwrap_or(&none);
    let required = function.pointer("/parameters/required").and_then(Json::as_array);
    let missing = |name: &Json| name.as_str().is_none_or(|name| !args.contains_key(name));
    if required.is_some_and(|names| names.iter().any(missing)) {
        return false;
    }
    let right = |(name, value): (&String, &Json)| {
        let (Some(schema), Some(Json::Array(possible))) = (declared.get(name), possible.get(name)) else {
            return false;
        };
        is_right(value, schema, possible)
    };
    let may_be_absent = |(name, values): (&String, &Json)| {
        args.contains_key(name) || values.as_array().is_some_and(|v| v.iter().any(|v| v == ""))
    };
    args.iter().all(right) && possible.iter().all(may_be_absent)
}

fn is_right(value: &Json, schema: &Json, possible: &[Json]) -> bool {
    let of = |schema: &Json| schema.get("type").and_then(Json::as_str).and_then(declared_kind);
    let Some(expected) = of(schema) else { return false };
    let nested = match schema.get("type").and_then(Json::as_str) {
        Some("array" | "tuple") => match schema.get("items").and_then(of) {
            Some(kind) => Some(kind),
            None => return false,
        },
        _ => None,
    };
    // Whole numbers pass for real ones.
    let widened = value.as_f64().filter(|_| expected == Kind::Real && kind(value) == Kind::Whole);
    let widened = widened.map(Json::from);
    let value = widened.as_ref().unwrap_or(value);
    let Some(is_variable) = typed(value, possible, expected, nested) else { return false };
    match (expected, nested, value) {
        (Kind::Dict, _, Json::Object(o)) if !is_variable => is_dict(o, possible),
        (Kind::List, Some(Kind::Dict), Json::Array(list)) if !is_variable => is_list_of_dicts(list, possible),
        (Kind::Text, _, Json::String(text)) if !is_variable => {
            let text = standard(text);
            possible.iter().filter_map(Json::as_str).any(|p| standard(p) == text)
        }
        (Kind::List, _, Json::Array(list)) if !is_variable => {
            let list: Vec<Json> = list.iter().map(standardised).collect();
            possible.iter().any(|p| equal_lists(&list, &standardised_list(p)))
        }
        _ => possible.iter().any(|p| equal(p, value)),
    }
}

/// Whether a value is of the declared type (`Some(false)`), or of the type that the answer has instead (`Some(true)`: a
/// variable, say). `None`: of neither.
fn typed(value: &Json, possible: &[Json], expected: Kind, nested: Option<Kind>) -> Option<bool> {
    let answered = possible.iter().find(|p| **p != "").map(kind);
    let is_variable = answered.is_some_and(|a| a != expected);
    if kind(value) == expected {
        let Some(nested) = nested else { return Some(is_variable) };
        let all = |p: &Json| match p {
            Json::Array(of) => {
                value.as_array().into_iter().flatten().all(|v| typed(v, of, nested, None).is_some())
            }
            _ => true,
        };
        return possible.iter().any(all).then_some(is_variable);
    }
    (answered == Some(kind(value))).then_some(true)
}

fn is_dict(value: &Map<String, Json>, possible: &[Json]) -> bool {
    let is = |p: &Map<String, Json>| {
        let right = |(key, value): (&String, &Json)| {
            let value = standardised(value);
            p.get(key).is_some_and(|p| standardised_list(p).iter().any(|p| equal(p, &value)))
        };
        let absent = |(key, values): (&String, &Json)| {
            value.contains_key(key) || values.as_array().is_some_and(|v| v.iter().any(|v| v == ""))
        };
        value.iter().all(right) && p.iter().all(absent)
    };
    possible.iter().filter_map(Json::as_object).any(is)
}

fn is_list_of_dicts(list: &[Json], possible: &[Json]) -> bool {
    let is = |p: &Json| match p {
        Json::Array(p) => {
            let pair = |(value, p): (&Json, &Json)| {
                value.as_object().is_some_and(|v| is_dict(v, std::slice::from_ref(p)))
            };
            p.len() == list.len() && list.iter().zip(p).all(pair)
        }
        Json::String(p) => p.is_empty() && list.is_empty(),
        _ => false,
    };
    possible.iter().any(is)
}

fn declared_kind(name: &str) -> Option<Kind> {
    Some(match name {
        "string" | "any" => Kind::Text,
        "integer" => Kind::Whole,
        "float" => Kind::Real,
        "boolean" => Kind::Truth,
        "array" | "tuple" => Kind::List,
        "dict" => Kind::Dict,
        _ => return None,
    })
}

fn kind(value: &Json) -> Kind {
    match value {
        Json::Null => Kind::Nothing,
        Json::Bool(_) => Kind::Truth,
        Json::Number(n) if n.is_f64() => Kind::Real,
        Json::Number(_) => Kind::Whole,
        Json::String(_) => Kind::Text,
        Json::Array(_) => Kind::List,
        Json::Object(_) => Kind::Dict,
    }
}

/// As the checker writes texts before it compares them.
fn standard(text: &str) -> String {
    let kept = text.chars().filter(|c| !" ,./-_*^".contains(*c)).collect::<String>();
    kept.to_lowercase().replace('\'', "\"")
}

fn standardised(value: &Json) -> Json {
    value.as_str().map_or_else(|| value.clone(), |text| Json::String(standard(text)))
}

/// A possible answer as a list; a text is the list of its characters, as Python has it.
fn standardised_list(value: &Json) -> Vec<Json> {
    match value {
        Json::Array(list) => list.iter().map(standardised).collect(),
        Json::String(text) => text.chars().map(|c| Json::String(standard(&c.to_string()))).collect(),
        _ => Vec::new(),
    }
}

fn equal_lists(a: &[Json], b: &[Json]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
}

/// Equality as Python has it: 1 is 1.0.
fn equal(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(x), Json::Number(y)) => x == y || x.as_f64() == y.as_f64(),
        (Json::Array(x), Json::Array(y)) => equal_lists(x, y),
        (Json::Object(x), Json::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(k, v)| y.get(k).is_some_and(|w| equal(v, w)))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(args: Json) -> bool {
        let functions = [
            json!({"name": "area", "parameters": {"type": "dict", "required": ["base"], "properties": {
                "base": {"type": "float"}, "unit": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}},
                "box": {"type": "dict"}, "n": {"type": "integer"}
            }}}),
        ];
        let answer = [json!({"area": {
            "base": [10, 10.5], "unit": ["sq. units", ""], "tags": [["a", "B c"], ""], "box": [{"w": [1, ""], "h": ["Tall"]}, ""],
            "n": [3, ""]
        }})];
        matches(&functions, &[Call { tool: "area".to_owned(), args }], &answer)
    }

    #[test]
    fn types_and_values_are_those_of_the_answer() {
        assert!(holds(json!({"base": 10})));
        assert!(holds(json!({"base": 10.0, "unit": "Sq Units", "tags": ["A", "b-c"], "n": 3})));
        assert!(holds(json!({"base": 10.5, "box": {"h": "tall"}})));
        assert!(!holds(json!({"base": "10"})));
        assert!(!holds(json!({"base": 11})));
        assert!(!holds(json!({})));
        assert!(!holds(json!({"base": 10, "n": 3.0})));
        assert!(!holds(json!({"base": 10, "tags": ["B c", "a"]})));
        assert!(!holds(json!({"base": 10, "box": {"w": 1}})));
        assert!(!holds(json!({"base": 10, "colour": "red"})));
    }

    #[test]
    fn several_calls_match_in_any_order() {
        let functions = [
            json!({"name": "f", "parameters": {"properties": {"x": {"type": "integer"}}, "required": ["x"]}}),
        ];
        let call = |x: i32| Call { tool: "f".to_owned(), args: json!({"x": x}) };
        let answer = [json!({"f": {"x": [1]}}), json!({"f": {"x": [2]}})];
        assert!(matches(&functions, &[call(2), call(1)], &answer));
        assert!(!matches(&functions, &[call(1)], &answer));
        assert!(!matches(&functions, &[call(1), call(1)], &answer));
        assert!(!matches(&functions, &[call(1), call(2), call(1)], &answer));
    }
}
