//! Where two things that should be the same part.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Characters that are shown of each side.
const SHOWN: usize = 60;
/// Of them, those before the place where the two part.
const BEFORE: usize = 20;

/// The first thing in a replay that is not as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divergence {
    /// Where: `exchange 1`, `step s2`, `report`.
    pub at: String,
    /// The tool, where it is a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// What differs: a path in the JSON of the request, the call or the report; `item 3` of a set.
    pub what: String,
    /// What the trace has.
    pub expected: String,
    /// What there is now.
    pub got: String,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, tool, what, expected, got } = self;
        let tool = tool.as_ref().map(|tool| format!(" (`{tool}`)")).unwrap_or_default();
        write!(f, "{at}{tool}, {what}: recorded {expected}, now {got}")
    }
}

impl Divergence {
    /// Something with a name of its own.
    pub(super) fn new(at: &str, what: &str, expected: impl fmt::Display, got: impl fmt::Display) -> Self {
        let (what, expected, got) = (what.to_owned(), expected.to_string(), got.to_string());
        Self { at: at.to_owned(), tool: None, what, expected, got }
    }

    /// The first place where two documents part; `None` if they are the same.
    pub(super) fn between(at: &str, expected: &Json, got: &Json) -> Option<Self> {
        let mut path = String::new();
        let (expected, got) = first(expected, got, &mut path)?;
        let what = if path.is_empty() { "the whole".to_owned() } else { path };
        Some(Self { at: at.to_owned(), tool: None, what, expected, got })
    }

    pub(super) fn of(self, tool: &str) -> Self {
        Self { tool: Some(tool.to_owned()), ..self }
    }
}

fn first(expected: &Json, got: &Json, path: &mut String) -> Option<(String, String)> {
    let length = path.len();
    let mut deeper = |key: &str, expected: Option<&Json>, got: Option<&Json>| {
        path.push_str(key);
        let found = match (expected, got) {
            (Some(expected), Some(got)) => first(expected, got, path),
            (expected, got) => Some((side(expected, 0), side(got, 0))),
        };
        if found.is_none() {
            path.truncate(length);
        }
        found
    };
    match (expected, got) {
        (Json::Object(a), Json::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            let dot = if length == 0 { "" } else { "." };
            for key in keys {
                let found = deeper(&format!("{dot}{key}"), a.get(key), b.get(key));
                if found.is_some() {
                    return found;
                }
            }
            None
        }
        (Json::Array(a), Json::Array(b)) => {
            (0..a.len().max(b.len())).find_map(|i| deeper(&format!("[{i}]"), a.get(i), b.get(i)))
        }
        (a, b) if a == b => None,
        (Json::String(a), Json::String(b)) => {
            let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
            Some((side(Some(expected), same), side(Some(got), same)))
        }
        _ => Some((side(Some(expected), 0), side(Some(got), 0))),
    }
}

/// A value in short; a long text from a little before the place where it parts from the other.
fn side(value: Option<&Json>, parted: usize) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let text = match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    let skipped = if text.chars().count() > SHOWN { parted.saturating_sub(BEFORE) } else { 0 };
    let mut short: String = text.chars().skip(skipped).take(SHOWN).collect();
    if text.chars().count() > skipped + SHOWN {
        short.push('…');
    }
    let quote = if value.is_string() { "“" } else { "" };
    let end = if value.is_string() { "”" } else { "" };
    format!("{quote}{}{short}{end}", if skipped > 0 { "…" } else { "" })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_place_is_named_in_short() {
        let between = |a: Json, b: Json| Divergence::between("step s1", &a, &b).map(|d| d.to_string());
        assert_eq!(between(json!({"a": [1, {"b": 2}]}), json!({"a": [1, {"b": 2}]})), None);
        assert_eq!(
            between(json!({"a": [1, {"b": 2.5}], "c": 1}), json!({"a": [1, {"b": 3}], "c": 2})).as_deref(),
            Some("step s1, a[1].b: recorded 2.5, now 3")
        );
        assert_eq!(
            between(json!({"a": [1]}), json!({"a": [1, 2]})).as_deref(),
            Some("step s1, a[1]: recorded nothing, now 2")
        );
        let long = "the same words again and again ".repeat(9);
        let found = between(json!(format!("{long}end")), json!(format!("{long}and more"))).unwrap();
        assert_eq!(
            found.clone(),
            "step s1, the whole: recorded “…rds again and again end”, now “…rds again and again and more”"
        );
    }
}
