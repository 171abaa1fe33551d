//! A request as it goes out.

use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::chat::{ChatError, ChatErrorKind, ChatRequest, Message, ToolChoice};

/// What servers that call themselves compatible do not agree on. Learnt from their refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Dialect {
    /// The limit is named `max_completion_tokens`.
    pub(super) long_limit_name: bool,
    /// `stream_options` is not known, so that no usage is told.
    pub(super) no_stream_options: bool,
}

impl Dialect {
    /// The dialect to try after this refusal, if it points to one. Nothing that changes the meaning of a request
    /// is ever left out.
    pub(super) fn after(self, error: &ChatError) -> Option<Self> {
        if *error.kind() != ChatErrorKind::BadRequest {
            return None;
        }
        let mut next = self;
        next.long_limit_name |= error.detail().contains("max_completion_tokens");
        next.no_stream_options |= error.detail().contains("stream_options");
        (next != self).then_some(next)
    }
}

#[derive(Debug, Serialize)]
pub(super) struct WireRequest<'a> {
    model: &'a str,
    messages: Vec<Json>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u8>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<Json>,
}

fn is_empty(stop: &&[String]) -> bool {
    stop.is_empty()
}

impl<'a> WireRequest<'a> {
    pub(super) fn new(model: &'a str, request: &'a ChatRequest, stream: bool, dialect: Dialect) -> Self {
        let limit = Some(request.max_tokens);
        Self {
            model,
            messages: request.messages.iter().map(message).collect(),
            tools: request.tools.iter().map(|tool| json!({ "type": "function", "function": tool })).collect(),
            tool_choice: choice(request),
            response_format: request.format.as_ref().map(|format| {
                json!({
                    "type": "json_schema",
                    "json_schema": { "name": format.name, "strict": true, "schema": format.schema },
                })
            }),
            max_tokens: limit.filter(|_| !dialect.long_limit_name),
            max_completion_tokens: limit.filter(|_| dialect.long_limit_name),
            temperature: request.temperature,
            seed: request.seed,
            stop: &request.stop,
            logprobs: request.logprobs.map(|_| true),
            top_logprobs: request.logprobs.filter(|n| *n > 0),
            stream,
            stream_options: (stream && !dialect.no_stream_options).then(|| json!({ "include_usage": true })),
        }
    }
}

/// `auto` is what servers do anyway, and some refuse the word.
fn choice(request: &ChatRequest) -> Option<Json> {
    match &request.tool_choice {
        _ if request.tools.is_empty() => None,
        ToolChoice::Auto => None,
        ToolChoice::None => Some(json!("none")),
        ToolChoice::Required => Some(json!("required")),
        ToolChoice::Named(name) => Some(json!({ "type": "function", "function": { "name": name } })),
    }
}

fn message(message: &Message) -> Json {
    let role = message.role.name();
    let calls: Vec<Json> = message
        .tool_calls
        .iter()
        .map(|call| {
            json!({
                "id": call.id,
                "type": "function",
                "function": { "name": call.name, "arguments": call.arguments },
            })
        })
        .collect();
    match &message.tool_call_id {
        Some(id) => json!({ "role": role, "content": message.content, "tool_call_id": id }),
        None if calls.is_empty() => json!({ "role": role, "content": message.content }),
        None if message.content.is_empty() => json!({ "role": role, "content": null, "tool_calls": calls }),
        None => json!({ "role": role, "content": message.content, "tool_calls": calls }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{JsonSchemaFormat, ToolCallRequest, ToolDefinition};

    #[test]
    fn a_request_has_the_shape_of_the_wire() {
        let call = ToolCallRequest { id: "1".into(), name: "near".into(), arguments: "{}".into() };
        let messages =
            vec![Message::user("hi"), Message::calls("", vec![call]), Message::tool("1", "3 homes")];
        let mut request = ChatRequest::new(messages, 16);
        request.tools = vec![ToolDefinition {
            name: "near".into(),
            description: "by distance".into(),
            parameters: json!({ "type": "object" }),
        }];
        request.tool_choice = ToolChoice::Named("near".into());
        request.format = Some(JsonSchemaFormat { name: "plan".into(), schema: json!({ "type": "object" }) });
        request.logprobs = Some(2);
        let sent = serde_json::to_value(WireRequest::new("m", &request, true, Dialect::default())).unwrap();
        assert_eq!(
            sent,
            json!({
                "model": "m",
                "messages": [
                    { "role": "user", "content": "hi" },
                    { "role": "assistant", "content": null, "tool_calls": [
                        { "id": "1", "type": "function", "function": { "name": "near", "arguments": "{}" } },
                    ] },
                    { "role": "tool", "content": "3 homes", "tool_call_id": "1" },
                ],
                "tools": [{ "type": "function", "function": {
                    "name": "near", "description": "by distance", "parameters": { "type": "object" },
                } }],
                "tool_choice": { "type": "function", "function": { "name": "near" } },
                "response_format": { "type": "json_schema", "json_schema": {
                    "name": "plan", "strict": true, "schema": { "type": "object" },
                } },
                "max_tokens": 16,
                "logprobs": true,
                "top_logprobs": 2,
                "stream": true,
                "stream_options": { "include_usage": true },
            })
        );
    }

    #[test]
    fn a_refusal_may_teach_a_dialect_once() {
        let refusal = ChatError::new(
            ChatErrorKind::BadRequest,
            "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
        );
        let learnt = Dialect::default().after(&refusal).unwrap();
        assert_eq!(learnt, Dialect { long_limit_name: true, no_stream_options: false });
        assert_eq!(learnt.after(&refusal), None);
        assert_eq!(
            Dialect::default().after(&ChatError::new(ChatErrorKind::Server { status: 500 }, "x")),
            None
        );
        let request = ChatRequest::new(vec![Message::user("hi")], 16);
        let sent = serde_json::to_value(WireRequest::new("m", &request, false, learnt)).unwrap();
        assert_eq!(sent["max_completion_tokens"], 16);
        assert_eq!(sent.get("max_tokens"), None);
        assert_eq!(sent.get("stream_options"), None);
    }
}
