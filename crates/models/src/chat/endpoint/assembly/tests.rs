use serde_json::json;

use super::*;
use crate::chat::{JsonSchemaFormat, Message, Secrets, ToolCallRequest};

fn question() -> ChatRequest {
    ChatRequest::new(vec![Message::user("what is on tonight?")], 16)
}

fn assemble(request: &ChatRequest, events: &[Json]) -> Result<(ChatReply, Vec<Delta>), ChatError> {
    let mut deltas = Vec::new();
    let secrets = Secrets::default();
    let mut assembly = Assembly::new(1000, &secrets);
    for event in events {
        assembly.take(event, &mut |delta| deltas.push(delta))?;
    }
    Ok((assembly.finish(request)?, deltas))
}

fn said(delta: Json) -> Json {
    json!({ "model": "m", "choices": [{ "index": 0, "delta": delta }] })
}

fn end(reason: &str) -> Json {
    json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] })
}

fn failure(events: &[Json]) -> &'static str {
    assemble(&question(), events).map_or_else(|error| error.name(), |_| "fine")
}

#[test]
fn a_reply_that_breaks_every_rule_of_the_specification_is_read() {
    let body = json!({
        "id": 7, "created": 1.7e9, "object": null, "model": "m",
        "choices": [{
            "index": 0.0,
            "finish_reason": "tool_use",
            "message": {
                "content": [{ "type": "text", "text": "let me see" }],
                "tool_calls": [{ "id": "a", "function": { "name": "near", "arguments": { "km": 3 } } }],
            },
        }],
    });
    let (reply, deltas) = assemble(&question(), &[body]).unwrap();
    let call =
        ToolCallRequest { id: "a".to_owned(), name: "near".to_owned(), arguments: r#"{"km":3}"#.to_owned() };
    let usage = Usage { input_tokens: 5, output_tokens: 6, cached_tokens: 0, estimated: true };
    assert_eq!(
        reply,
        ChatReply {
            content: "let me see".to_owned(),
            tool_calls: vec![call],
            finish: Finish::ToolCalls,
            usage,
            model: "m".to_owned(),
            logprobs: None,
        }
    );
    assert_eq!(deltas.len(), 2);
}

#[test]
fn pieces_become_one_reply() {
    let usage = json!({ "choices": [], "usage": { "prompt_tokens": 9, "completion_tokens": 2 } });
    let events = [
        said(json!({ "role": "assistant", "content": null })),
        said(json!({ "reasoning_content": "hm" })),
        said(json!({ "content": "a fi" })),
        json!({ "choices": [{ "index": 1, "delta": { "content": "another choice" } }] }),
        said(json!({ "content": "lm" })),
        end("stop"),
        usage,
    ];
    let (reply, deltas) = assemble(&question(), &events).unwrap();
    assert_eq!((reply.content.as_str(), &reply.finish), ("a film", &Finish::Stop));
    assert_eq!(reply.usage, Usage { input_tokens: 9, output_tokens: 2, ..Usage::default() });
    assert_eq!(deltas, [Delta::Text("a fi".to_owned()), Delta::Text("lm".to_owned())]);
}

#[test]
fn a_reply_that_is_none_is_named() {
    let text = || said(json!({ "content": "hello" }));
    let call = || said(json!({ "tool_calls": [{ "index": 0, "id": "a", "function": { "name": "near" } }] }));
    assert_eq!(failure(&[]), "empty");
    assert_eq!(failure(&[json!({ "choices": [] })]), "empty");
    assert_eq!(failure(&[text()]), "cut");
    assert_eq!(failure(&[call()]), "cut");
    assert_eq!(failure(&[json!("hello")]), "garbled");
    assert_eq!(failure(&[text(), json!({ "error": { "message": "no memory", "code": 500 } })]), "server");
    assert_eq!(
        failure(&[said(json!({ "tool_calls": [{ "index": 0, "function": {} }] })), end("tool_calls")]),
        "garbled"
    );
    assert_eq!(failure(&[said(json!({ "content": "word ".repeat(201) }))]), "too_large");
    assert_eq!(failure(&vec![said(json!({ "content": "word " })); 100]), "repetition");
    assert_eq!(failure(&[text(), end("stop")]), "fine");
}

#[test]
fn half_a_reply_is_refused_where_half_is_of_no_use() {
    let events = [said(json!({ "content": "{\"a\":" })), end("length")];
    let (reply, _) = assemble(&question(), &events).unwrap();
    assert_eq!(reply.finish, Finish::Length);
    assert_eq!(reply.whole().unwrap_err().name(), "truncated");
    let mut request = question();
    request.format = Some(JsonSchemaFormat { name: "plan".to_owned(), schema: json!({}) });
    assert_eq!(assemble(&request, &events).unwrap_err().name(), "truncated");
}

#[test]
fn a_refusal_to_answer_is_told_as_such() {
    let (reply, _) = assemble(&question(), &[said(json!({ "refusal": "I cannot" })), end("stop")]).unwrap();
    assert_eq!((reply.content.as_str(), &reply.finish), ("I cannot", &Finish::ContentFilter));
}

#[test]
fn a_reply_has_begun_when_the_model_has_said_something() {
    let begun = |event: Json| {
        let secrets = Secrets::default();
        let mut assembly = Assembly::new(1000, &secrets);
        assembly.take(&event, &mut |_| ()).unwrap();
        assembly.has_begun()
    };
    assert!(!begun(said(json!({ "role": "assistant", "content": "" }))));
    assert!(begun(said(json!({ "content": "a" }))));
    assert!(begun(said(json!({ "reasoning_content": "a" }))));
}

#[test]
fn a_model_named_by_its_path_keeps_its_folders_to_itself() {
    let named = |name: &str| file_name(name.to_owned());
    assert_eq!(named("/home/ann/models/small-q4.gguf"), "small-q4.gguf");
    assert_eq!(named("C:\\models\\small-q4.gguf"), "small-q4.gguf");
    assert_eq!(named("maker/small-1b"), "maker/small-1b");
    assert_eq!(named("/"), "");
}
