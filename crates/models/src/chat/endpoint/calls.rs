//! Tool calls as they arrive in pieces.

use serde_json::Value as Json;

use super::lenient;
use crate::chat::{Delta, ToolCallRequest};

/// More calls in one reply than this are no plan.
const MAX_CALLS: usize = 128;

#[derive(Debug, Default)]
struct PartialCall {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

/// The calls of one reply so far.
#[derive(Debug, Default)]
pub(super) struct PartialCalls(Vec<PartialCall>);

impl PartialCalls {
    /// Takes one piece and says what is new in it. `None` if there are too many calls.
    ///
    /// Pieces belong together by `index`; only the first has an id and a name. Servers that leave `index` out, or
    /// give every call the same, begin each call with a new id and a name.
    pub(super) fn take(&mut self, piece: &Json) -> Option<Delta> {
        let function = piece.get("function").unwrap_or(piece);
        let index = piece.get("index").and_then(Json::as_u64);
        let id = lenient::text(piece.get("id"));
        let name = lenient::text(function.get("name"));
        let arguments = lenient::arguments(function.get("arguments"));

        let same_index = match index {
            Some(_) => self.0.iter().rposition(|call| call.index == index),
            None => self.0.len().checked_sub(1).filter(|_| name.is_empty()),
        };
        let begins_another =
            |call: &PartialCall| !name.is_empty() && !call.name.is_empty() && !id.is_empty() && call.id != id;
        let at = match same_index.filter(|at| self.0.get(*at).is_some_and(|call| !begins_another(call))) {
            Some(at) => at,
            None if self.0.len() >= MAX_CALLS => return None,
            None => {
                self.0.push(PartialCall { index, ..PartialCall::default() });
                self.0.len() - 1
            }
        };
        let call = self.0.get_mut(at)?;
        let is_new = call.name.is_empty();
        if call.id.is_empty() {
            call.id = id;
        }
        if is_new {
            call.name.clone_from(&name);
        }
        call.arguments.push_str(&arguments);
        Some(Delta::ToolCall { index: at, name: if is_new { name } else { String::new() }, arguments })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The calls, each with an id of its own and with arguments that are at least an empty object. `None` if one
    /// has no name.
    pub(super) fn finish(self) -> Option<Vec<ToolCallRequest>> {
        let mut calls: Vec<ToolCallRequest> = Vec::new();
        for (n, part) in self.0.into_iter().enumerate() {
            if part.name.is_empty() {
                return None;
            }
            let taken = part.id.is_empty() || calls.iter().any(|call| call.id == part.id);
            let id = if taken { format!("call_{n}") } else { part.id };
            let arguments = if part.arguments.trim().is_empty() { "{}".to_owned() } else { part.arguments };
            calls.push(ToolCallRequest { id, name: part.name, arguments });
        }
        Some(calls)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(pieces: &[Json]) -> Option<Vec<(String, String, String)>> {
        let mut calls = PartialCalls::default();
        for piece in pieces {
            calls.take(piece)?;
        }
        Some(calls.finish()?.into_iter().map(|c| (c.id, c.name, c.arguments)).collect())
    }

    #[expect(clippy::unnecessary_wraps, reason = "it stands beside what is one")]
    fn expected(calls: &[(&str, &str, &str)]) -> Option<Vec<(String, String, String)>> {
        Some(calls.iter().map(|(i, n, a)| ((*i).to_owned(), (*n).to_owned(), (*a).to_owned())).collect())
    }

    #[test]
    fn pieces_merge_by_index() {
        assert_eq!(
            merged(&[
                json!({ "index": 0, "id": "a", "type": "function", "function": { "name": "near", "arguments": "" } }),
                json!({ "index": 1, "id": "b", "function": { "name": "fuse", "arguments": "{\"k\"" } }),
                json!({ "index": 0, "function": { "arguments": "{}" } }),
                json!({ "index": 1, "function": { "arguments": ":3}" } }),
            ]),
            expected(&[("a", "near", "{}"), ("b", "fuse", "{\"k\":3}")])
        );
    }

    #[test]
    fn servers_without_index_or_with_one_for_all_are_understood() {
        assert_eq!(
            merged(&[
                json!({ "id": "a", "function": { "name": "near", "arguments": { "k": 1 } } }),
                json!({ "function": { "name": "fuse" } }),
            ]),
            expected(&[("a", "near", "{\"k\":1}"), ("call_1", "fuse", "{}")])
        );
        assert_eq!(
            merged(&[
                json!({ "index": 0, "id": "a", "function": { "name": "near", "arguments": "{}" } }),
                json!({ "index": 0, "id": "b", "function": { "name": "near", "arguments": "{}" } }),
            ]),
            expected(&[("a", "near", "{}"), ("b", "near", "{}")])
        );
        // The id and the name in every piece.
        assert_eq!(
            merged(&[
                json!({ "index": 0, "id": "a", "function": { "name": "near", "arguments": "{" } }),
                json!({ "index": 0, "id": "a", "function": { "name": "near", "arguments": "}" } }),
            ]),
            expected(&[("a", "near", "{}")])
        );
    }

    #[test]
    fn a_call_without_a_name_is_none() {
        assert_eq!(merged(&[json!({ "index": 0, "function": { "arguments": "{}" } })]), None);
    }

    #[test]
    fn calls_without_end_are_refused() {
        let pieces: Vec<_> =
            (0..1000).map(|n| json!({ "index": n, "function": { "name": "near" } })).collect();
        assert_eq!(merged(&pieces), None);
    }
}
