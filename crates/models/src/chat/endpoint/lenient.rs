//! Reading what servers send, which is rarely what the specification says: numbers as floats, contents as
//! lists of parts, arguments as objects, kinds and ids left out. What is missing is empty; what is strange is
//! left out; nothing here fails.

use serde_json::Value as Json;

use crate::chat::clean::clean;
use crate::chat::{Finish, TokenLogprob, Usage};

/// A number of any kind as a count.
fn count(value: &Json) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().filter(|n| *n >= 0.0).map(|n| n as u64))
}

/// A text: a string, or a list of parts with `text` in them.
pub(super) fn text(value: Option<&Json>) -> String {
    match value {
        Some(Json::String(text)) => text.clone(),
        Some(Json::Array(parts)) => {
            parts.iter().filter_map(|part| part.as_str().or_else(|| part.get("text")?.as_str())).collect()
        }
        _ => String::new(),
    }
}

/// The arguments of a call: JSON in a string, or the JSON itself.
pub(super) fn arguments(value: Option<&Json>) -> String {
    match value {
        Some(Json::String(text)) => text.clone(),
        Some(Json::Null) | None => String::new(),
        Some(json) => json.to_string(),
    }
}

/// Why the reply ended; `None` while it goes on.
pub(super) fn finish(value: Option<&Json>) -> Option<Finish> {
    Some(match value?.as_str()? {
        "" => return None,
        "stop" | "eos" | "end_turn" | "stop_sequence" | "completed" => Finish::Stop,
        "length" | "max_tokens" | "max_output_tokens" => Finish::Length,
        "tool_calls" | "tool_use" | "function_call" => Finish::ToolCalls,
        "content_filter" | "safety" | "refusal" => Finish::ContentFilter,
        other => Finish::Other(clean(other, 40)),
    })
}

/// The tokens used, if the server says so.
pub(super) fn usage(value: Option<&Json>) -> Option<Usage> {
    let usage = value?;
    let named = |names: [&str; 2]| names.iter().find_map(|name| count(usage.get(name)?));
    let input_tokens = named(["prompt_tokens", "input_tokens"])?;
    let cached = usage.pointer("/prompt_tokens_details/cached_tokens").and_then(count);
    Some(Usage {
        input_tokens,
        output_tokens: named(["completion_tokens", "output_tokens"]).unwrap_or(0),
        cached_tokens: cached.unwrap_or(0),
        estimated: false,
    })
}

/// The log-probabilities of a choice, if it has them.
pub(super) fn logprobs(value: Option<&Json>) -> Option<Vec<TokenLogprob>> {
    let one = |entry: &Json| {
        Some((entry.get("token")?.as_str()?.to_owned(), entry.get("logprob").and_then(Json::as_f64)?))
    };
    let tokens = value?.get("content")?.as_array()?.iter().filter_map(|entry| {
        let (token, logprob) = one(entry)?;
        let top = entry.get("top_logprobs").and_then(Json::as_array);
        Some(TokenLogprob { token, logprob, top: top.into_iter().flatten().filter_map(one).collect() })
    });
    Some(tokens.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn strange_values_are_read_for_what_they_mean() {
        assert_eq!(text(Some(&json!([{ "type": "text", "text": "a" }, "b", { "type": "image" }]))), "ab");
        assert_eq!(text(Some(&json!(null))), "");
        assert_eq!(arguments(Some(&json!({ "k": 3 }))), r#"{"k":3}"#);
        assert_eq!(finish(Some(&json!("tool_use"))), Some(Finish::ToolCalls));
        assert_eq!(finish(Some(&json!("tired\u{7}"))), Some(Finish::Other("tired".to_owned())));
        assert_eq!(finish(Some(&json!(null))), None);
        assert_eq!(
            usage(Some(&json!({ "prompt_tokens": 7.0, "prompt_tokens_details": { "cached_tokens": 3 } }))),
            Some(Usage { input_tokens: 7, cached_tokens: 3, ..Usage::default() })
        );
        assert_eq!(usage(Some(&json!(null))), None);
        assert_eq!(
            logprobs(Some(&json!({ "content": [
                { "token": "a", "logprob": -1, "top_logprobs": [{ "token": "b", "logprob": -2.5 }] },
                { "token": "odd" },
            ] }))),
            Some(vec![TokenLogprob { token: "a".into(), logprob: -1.0, top: vec![("b".into(), -2.5)] }])
        );
    }
}
