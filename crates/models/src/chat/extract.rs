//! JSON that a model wrote into its text, among words, in fences, between tags.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use super::{ToolCallRequest, ToolDefinition};

/// The JSON object in a text: the first in a code fence, or else the first anywhere. An object with something in it
/// goes before an empty one. `None` if there is none, or only one that was cut off.
pub fn json_in(text: &str) -> Option<Json> {
    let text = without_thoughts(text);
    let fenced = fences(text).flat_map(objects_in);
    let all: Vec<_> = fenced.chain(objects_in(text)).map(Json::Object).collect();
    let best = all.iter().position(|object| object.as_object().is_some_and(|o| !o.is_empty())).unwrap_or(0);
    all.into_iter().nth(best)
}

/// The tool calls in a text, for models that write them instead of making them: `{"name", "arguments"}` bare, in
/// lists, in fences or between `<tool_call>` tags; `parameters` for `arguments`; a wrapping `function`. Only the names
/// of `tools` count, so that an example in passing is no call.
pub fn calls_in(content: &str, tools: &[ToolDefinition]) -> Vec<ToolCallRequest> {
    let objects = objects_in(without_thoughts(content));
    let calls = objects.into_iter().filter_map(|object| {
        let inner = object.get("function").and_then(Json::as_object).unwrap_or(&object);
        let name = inner.get("name").or_else(|| object.get("function"))?.as_str()?;
        let arguments = inner.get("arguments").or_else(|| inner.get("parameters"))?;
        let arguments = match arguments {
            Json::Object(_) => arguments.to_string(),
            Json::String(text) if serde_json::from_str::<Map<String, Json>>(text).is_ok() => text.clone(),
            _ => return None,
        };
        tools.iter().any(|tool| tool.name == name).then(|| (name.to_owned(), arguments))
    });
    calls
        .enumerate()
        .map(|(n, (name, arguments))| ToolCallRequest { id: id_of(content, n), name, arguments })
        .collect()
}

/// An id that is the same for the same text, and hardly ever for another in one conversation.
fn id_of(content: &str, n: usize) -> String {
    let digest = Sha256::new().chain_update(content).chain_update(n.to_le_bytes()).finalize();
    digest.iter().take(6).fold("call_".to_owned(), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}

/// What follows the model's thoughts, if it wrote them first.
fn without_thoughts(text: &str) -> &str {
    match text.trim_start().strip_prefix("<think>") {
        Some(thoughts) => thoughts.split_once("</think>").map_or("", |(_, rest)| rest),
        None => text,
    }
}

/// What stands between code fences; a fence that is not closed ends with the text.
fn fences(text: &str) -> impl Iterator<Item = &str> {
    text.split("```").skip(1).step_by(2)
}

/// The JSON objects that stand side by side in a text, in order. Those inside others are not listed, nor those
/// inside one that is broken: half a plan would pass for a whole one. Reads each byte once or twice.
fn objects_in(text: &str) -> Vec<Map<String, Json>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..) {
        let Some(start) = rest.iter().position(|b| *b == b'{') else { break };
        at += start;
        let Some(rest) = bytes.get(at..) else { break };
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<Map<String, Json>>();
        match values.next() {
            Some(Ok(object)) => {
                found.push(object);
                at += values.byte_offset().max(1);
            }
            // Cut off: what follows is inside of it.
            Some(Err(error)) if error.is_eof() => break,
            // Go on where it broke: what came before is inside of it.
            Some(Err(error)) => at += offset_of(rest, error.line(), error.column()).max(1),
            None => break,
        }
    }
    found
}

/// The byte at which the parser stopped; lines and columns are counted from 1.
fn offset_of(bytes: &[u8], line: usize, column: usize) -> usize {
    let breaks = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1);
    let line_start = std::iter::once(0).chain(breaks).nth(line.saturating_sub(1)).unwrap_or(0);
    line_start + column.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_found_wherever_it_is_written() {
        for (text, expected) in [
            (r#"{"a":1}"#, Some(json!({ "a": 1 }))),
            (r#"Sure! {"a": {"b": "}"}} Anything else?"#, Some(json!({ "a": { "b": "}" } }))),
            ("Use {} or {this}:\n```json\n{\"a\": 1}\n```\nbye", Some(json!({ "a": 1 }))),
            ("first {\"b\":2}, then\n```\n{\"a\": 1}", Some(json!({ "a": 1 }))),
            (r#"{{"a":1}}"#, Some(json!({ "a": 1 }))),
            (r#"<think>{"no":1}</think>{"a":1}"#, Some(json!({ "a": 1 }))),
            ("{}", Some(json!({}))),
            (r#"{"plan": {"steps": [1]"#, None),
            (r#"{"plan": {"steps": [1]}, oops}"#, None),
            ("{\"a\": 1,\n é}\n{\"b\": 2}", Some(json!({ "b": 2 }))),
            ("no JSON, [1, 2]", None),
            ("", None),
        ] {
            assert_eq!(json_in(text), expected, "{text}");
        }
    }

    #[test]
    fn calls_are_found_however_they_are_written() {
        let tools = ["near", "fuse"].map(|name| ToolDefinition {
            name: name.to_owned(),
            description: String::new(),
            parameters: json!({}),
        });
        let found = |text: &str| -> Vec<String> {
            calls_in(text, &tools).into_iter().map(|c| format!("{} {}", c.name, c.arguments)).collect()
        };
        let near = r#"near {"km":3}"#;
        for text in [
            r#"{"name":"near","arguments":{"km":3}}"#,
            "I will look.\n```json\n{\"name\": \"near\", \"arguments\": {\"km\": 3}}\n```",
            "<tool_call>\n{\"name\": \"near\", \"arguments\": {\"km\": 3}}",
            r#"{"type":"function","function":{"name":"near","arguments":"{\"km\":3}"}}"#,
            r#"{"function":"near","parameters":{"km":3}}"#,
            r#"{"name":"unknown","arguments":{}} {"name":"near","arguments":{"km":3}}"#,
        ] {
            assert_eq!(found(text), [near], "{text}");
        }
        let two = r#"[{"name":"near","arguments":{"km":3}}, {"name":"fuse","arguments":{}}]"#;
        assert_eq!(found(two), [near, "fuse {}"]);
        let calls = calls_in(two, &tools);
        assert_ne!(calls[0].id, calls[1].id);
        assert_eq!(calls, calls_in(two, &tools));
        for text in [
            r#"{"name":"near"}"#,
            r#"{"name":"near","arguments":[1]}"#,
            "near(3)",
            r#"{"name":"near","argum"#,
        ] {
            assert!(found(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn long_nonsense_takes_no_time() {
        for text in [
            "{".repeat(1 << 20),
            "{\"a\":[".repeat(1 << 17),
            "{\"a\":1,\"".repeat(1 << 17),
            "{\n".repeat(1 << 18),
        ] {
            assert_eq!(json_in(&text), None);
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in any::<String>()) {
            let _ = json_in(&text);
            let _ = calls_in(&text, &[]);
        }

        #[test]
        fn no_nearly_json_is_too_strange(text in r#"[{}\[\]":,\\a1é\n`]{0,60}"#) {
            let _ = json_in(&text);
            let _ = calls_in(&text, &[]);
        }

        #[test]
        fn an_object_is_found_among_words(before in "[^{`<]{0,30}", after in any::<String>(), n in any::<i64>()) {
            let after = after.replace('`', "");
            prop_assert_eq!(json_in(&format!("{before}{{\"n\":{n}}}{after}")), Some(json!({ "n": n })));
        }
    }
}
