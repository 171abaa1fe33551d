//! A trace as OpenTelemetry spans, after the semantic conventions for generative AI (1.37): `invoke_agent` for the turn,
//! and under it a `chat` for each question to a model and an `execute_tool` for each call.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use segue_models::{ChatReply, Finish, Message, Role, ToolCallRequest};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use super::Trace;
use super::line::{AnswerLine, CallLine, ExchangeLine, Line};

/// The conventions that the names are from.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.37.0";
/// The name of what makes the spans, and of the agent.
const SCOPE: &str = "segue";
/// Span kinds and the status of a failure, as numbered by the protocol.
const INTERNAL: u8 = 1;
const CLIENT: u8 = 3;
const FAILED: u8 = 2;

/// What is exported of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanOptions {
    /// The name of the service.
    pub service: String,
    /// Whether what was said and the arguments and results of calls are exported too.
    pub content: bool,
}

impl Trace {
    /// The body of an OTLP/HTTP request in JSON. The same trace gives the same ids.
    pub fn to_otlp(&self, options: &SpanOptions) -> Json {
        let version = &self.head.depends.version;
        let spans = Spans::of(self, options.content).all;
        json!({"resourceSpans": [{
            "resource": {"attributes": attributes(vec![
                ("service.name", options.service.as_str().into()),
                ("service.version", version.as_str().into()),
            ])},
            "scopeSpans": [{"scope": {"name": SCOPE, "version": version}, "spans": spans, "schemaUrl": SCHEMA}],
            "schemaUrl": SCHEMA,
        }]})
    }
}

/// An attribute; `null` is left out.
type Attribute = (&'static str, Json);

struct Spans<'a> {
    trace: &'a Trace,
    content: bool,
    id: String,
    root: String,
    all: Vec<Json>,
}

impl<'a> Spans<'a> {
    fn of(trace: &'a Trace, content: bool) -> Self {
        let id = hex(&format!("{} {}", trace.id(), trace.head.began()), 16);
        let root = hex(&format!("{id} 0"), 8);
        let mut spans = Self { trace, content, id, root, all: Vec::new() };
        let mut begun: BTreeMap<&str, &CallLine> = BTreeMap::new();
        let mut last = 0.0_f64;
        for line in &trace.lines {
            match line {
                Line::Exchange(line) => {
                    last = last.max(line.at);
                    spans.chat(line);
                }
                Line::Call(line) => {
                    begun.insert(&line.call.step, line);
                }
                Line::Answer(line) => {
                    last = last.max(line.at);
                    if let Some(call) = begun.remove(line.answer.step.as_str()) {
                        spans.tool(call, line);
                    }
                }
                _ => {}
            }
        }
        spans.turn(last);
        spans
    }

    fn turn(&mut self, last: f64) {
        let (head, report) = (&self.trace.head, self.trace.report.as_deref());
        let mut attributes = vec![
            ("gen_ai.operation.name", "invoke_agent".into()),
            ("gen_ai.agent.name", SCOPE.into()),
            ("gen_ai.conversation.id", head.session.as_str().into()),
            ("gen_ai.request.model", json!(report.and_then(|r| r.model.as_ref()))),
            ("segue.turn", head.turn.into()),
            ("segue.fingerprint", head.fingerprint.as_str().into()),
        ];
        if let Some(report) = report {
            attributes.extend([
                ("gen_ai.usage.input_tokens", report.usage.input_tokens.into()),
                ("gen_ai.usage.output_tokens", report.usage.output_tokens.into()),
                ("segue.planner", report.planner.as_str().into()),
                ("segue.stop", json!(report.answer.as_ref().map(|a| a.stop))),
                ("segue.cost", report.usage.cost.into()),
            ]);
            if self.content {
                let said =
                    |role: &str, text: &str| json!([{"role": role, "parts": [part(text)]}]).to_string();
                attributes.push(("gen_ai.input.messages", said("user", &report.request).into()));
                let answer = report.answer.as_ref().map(|answer| said("assistant", &answer.text));
                attributes.push(("gen_ai.output.messages", json!(answer)));
            }
        }
        let error = if report.is_none() { Some(("cut", "the turn was cut")) } else { None };
        let end = report.map_or(last, |report| report.usage.ms.max(last));
        let root = self.root.clone();
        let span =
            self.span(&root, None, &format!("invoke_agent {SCOPE}"), INTERNAL, (0.0, end), attributes, error);
        self.all.insert(0, span);
    }

    fn chat(&mut self, line: &ExchangeLine) {
        let ExchangeLine { at, exchange, error_kind, .. } = line;
        let (request, reply) = (&exchange.request, exchange.reply.as_ref());
        let model = self.trace.head.model.as_deref().unwrap_or_default();
        let mut attributes = vec![
            ("gen_ai.operation.name", "chat".into()),
            // The protocol that is spoken; who stands behind it is not known.
            ("gen_ai.provider.name", "openai".into()),
            ("gen_ai.conversation.id", self.trace.head.session.as_str().into()),
            ("gen_ai.request.model", model.into()),
            ("gen_ai.request.max_tokens", request.max_tokens.into()),
            ("gen_ai.request.temperature", json!(request.temperature)),
            ("gen_ai.request.seed", json!(request.seed)),
            ("gen_ai.output.type", json!(request.format.as_ref().map(|_| "json"))),
            ("segue.prompt.name", exchange.prompt.as_str().into()),
            ("segue.prompt.hash", exchange.prompt_hash.as_str().into()),
            ("segue.cost", line.cost.into()),
        ];
        if let Some(reply) = reply {
            attributes.extend([
                ("gen_ai.response.model", json!(Some(&reply.model).filter(|m| !m.is_empty()))),
                ("gen_ai.response.finish_reasons", json!([finish(&reply.finish)])),
                ("gen_ai.usage.input_tokens", reply.usage.input_tokens.into()),
                ("gen_ai.usage.output_tokens", reply.usage.output_tokens.into()),
            ]);
        }
        if self.content {
            let asked: Vec<Json> = request.messages.iter().map(message).collect();
            attributes.push(("gen_ai.input.messages", Json::from(asked).to_string().into()));
            attributes.push(("gen_ai.output.messages", json!(reply.map(|r| answered(r).to_string()))));
        }
        let other = "_OTHER";
        let error = exchange.error.as_deref().map(|why| (error_kind.as_deref().unwrap_or(other), why));
        self.add(&format!("chat {model}"), CLIENT, (at - exchange.ms, *at), attributes, error);
    }

    fn tool(&mut self, begun: &CallLine, line: &AnswerLine) {
        let answer = &line.answer;
        let mut attributes = vec![
            ("gen_ai.operation.name", "execute_tool".into()),
            ("gen_ai.tool.name", answer.tool.as_str().into()),
            ("gen_ai.tool.call.id", answer.step.as_str().into()),
            ("gen_ai.tool.type", "function".into()),
            ("segue.items", json!(answer.count())),
        ];
        if self.content {
            attributes.push(("gen_ai.tool.call.arguments", answer.args.to_string().into()));
            let result = serde_json::to_string(answer).ok().filter(|_| answer.is_ok());
            attributes.push(("gen_ai.tool.call.result", json!(result)));
        }
        let error = answer.error().map(|error| (error.kind.name(), error.message.as_str()));
        self.add(&format!("execute_tool {}", answer.tool), INTERNAL, (begun.at, line.at), attributes, error);
    }

    fn add(
        &mut self,
        name: &str,
        kind: u8,
        times: (f64, f64),
        attributes: Vec<Attribute>,
        error: Option<(&str, &str)>,
    ) {
        let id = hex(&format!("{} {}", self.id, self.all.len() + 1), 8);
        let span = self.span(&id, Some(&self.root), name, kind, times, attributes, error);
        self.all.push(span);
    }

    /// `times` are milliseconds from the turn's beginning; `error` is its kind and what is said of it.
    fn span(
        &self,
        id: &str,
        parent: Option<&str>,
        name: &str,
        kind: u8,
        times: (f64, f64),
        mut with: Vec<Attribute>,
        error: Option<(&str, &str)>,
    ) -> Json {
        let began = self.trace.head.began().as_nanosecond();
        let nanos = |ms: f64| (began + (ms.max(0.0) * 1e6) as i128).max(0).to_string();
        let mut span = Map::new();
        let mut put = |key: &str, value: Json| span.insert(key.to_owned(), value);
        put("traceId", self.id.as_str().into());
        put("spanId", id.into());
        if let Some(parent) = parent {
            put("parentSpanId", parent.into());
        }
        put("name", name.into());
        put("kind", kind.into());
        put("startTimeUnixNano", nanos(times.0).into());
        put("endTimeUnixNano", nanos(times.1.max(times.0)).into());
        if let Some((kind, what)) = error {
            with.push(("error.type", kind.into()));
            put("status", json!({"code": FAILED, "message": what}));
        }
        put("attributes", attributes(with));
        Json::Object(span)
    }
}

/// Attributes as the protocol writes them: whole numbers as text, since JSON's are not wide enough for all of them.
fn attributes(attributes: Vec<Attribute>) -> Json {
    fn any(value: &Json) -> Json {
        match value {
            Json::Bool(truth) => json!({"boolValue": truth}),
            Json::Number(number) if number.is_f64() => json!({"doubleValue": number}),
            Json::Number(number) => json!({"intValue": number.to_string()}),
            Json::Array(values) => {
                json!({"arrayValue": {"values": values.iter().map(any).collect::<Vec<_>>()}})
            }
            Json::String(text) => json!({"stringValue": text}),
            other => json!({"stringValue": other.to_string()}),
        }
    }
    let known = attributes.iter().filter(|(_, value)| !value.is_null());
    known.map(|(key, of)| json!({"key": key, "value": any(of)})).collect()
}

/// So many bytes of the SHA-256, in hexadecimal digits.
fn hex(text: &str, bytes: usize) -> String {
    Sha256::digest(text).iter().take(bytes).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn part(text: &str) -> Json {
    json!({"type": "text", "content": text})
}

fn calls(calls: &[ToolCallRequest]) -> impl Iterator<Item = Json> {
    let call = |c: &ToolCallRequest| {
        let arguments: Json =
            serde_json::from_str(&c.arguments).unwrap_or_else(|_| c.arguments.as_str().into());
        json!({"type": "tool_call", "id": c.id, "name": c.name, "arguments": arguments})
    };
    calls.iter().map(call)
}

fn message(message: &Message) -> Json {
    let text = (!message.content.is_empty()).then(|| match message.role {
        Role::Tool => {
            json!({"type": "tool_call_response", "id": message.tool_call_id, "response": message.content})
        }
        _ => part(&message.content),
    });
    let parts: Vec<Json> = text.into_iter().chain(calls(&message.tool_calls)).collect();
    json!({"role": message.role.name(), "parts": parts})
}

fn answered(reply: &ChatReply) -> Json {
    let text = (!reply.content.is_empty()).then(|| part(&reply.content));
    let parts: Vec<Json> = text.into_iter().chain(calls(&reply.tool_calls)).collect();
    json!([{"role": "assistant", "parts": parts, "finish_reason": finish(&reply.finish)}])
}

fn finish(finish: &Finish) -> &str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "tool_call",
        Finish::ContentFilter => "content_filter",
        Finish::Other(other) => other,
    }
}
