//! Requests as a Qwen2.5 model was trained to read them, tools and calls included, and calls in what it answers. The
//! words are those of the published chat template.

use std::io;

use serde::Serialize;
use serde_json::ser::Formatter;
use serde_json::{Map, Value as Json, json};

use super::{GgufError, GgufModel, Prompt, Speaker, Turn};
use crate::chat::{
    ChatReply, ChatRequest, Delta, Message, Role, ToolCallRequest, ToolChoice, ToolDefinition, calls_in,
};

const TOOLS_BEFORE: &str = "\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n\
    You are provided with function signatures within <tools></tools> XML tags:\n<tools>";
const TOOLS_BEHIND: &str = "\n</tools>\n\nFor each function call, return a json object with function name and \
    arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": \
    <args-json-object>}\n</tool_call>";
/// What a call begins with, and what a model that must call is made to begin with.
const CALL: &str = "<tool_call>\n";
/// Where a call may begin, in whatever form the model writes it.
const CALL_BEGINS: [char; 4] = ['<', '`', '{', '['];

/// A request in the model's own form.
#[derive(Debug, Clone)]
pub(crate) struct Conversation {
    turns: Vec<Turn>,
    /// What the task says of the tools; empty without any.
    tools_text: String,
    /// What may be called.
    callable: Vec<ToolDefinition>,
    schema: Option<Json>,
    expects: Expects,
}

/// What the reply may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expects {
    /// Text, or what the format says.
    Text,
    TextOrCalls,
    /// One call, kept to its schema.
    Call,
}

impl Conversation {
    pub(crate) fn new(request: &ChatRequest) -> Self {
        let all = || request.tools.clone();
        let (expects, callable) = match &request.tool_choice {
            ToolChoice::Named(name) => {
                (Expects::Call, request.tools.iter().filter(|t| t.name == *name).cloned().collect())
            }
            ToolChoice::Required => (Expects::Call, all()),
            ToolChoice::Auto if request.format.is_none() => (Expects::TextOrCalls, all()),
            ToolChoice::Auto | ToolChoice::None => (Expects::Text, Vec::new()),
        };
        let schema = match expects {
            Expects::Call => Some(call_schema(&callable)),
            _ => request.format.as_ref().map(|format| format.schema.clone()),
        };
        Self {
            turns: request.messages.iter().map(turn).collect(),
            // Small models call what they are shown, also where they are told not to.
            tools_text: match request.tool_choice {
                ToolChoice::None => String::new(),
                _ => tools_text(&request.tools),
            },
            expects: if callable.is_empty() { Expects::Text } else { expects },
            callable,
            schema,
        }
    }

    /// The tokens to continue.
    pub(crate) fn prompt(&self, model: &GgufModel) -> Result<Prompt, GgufError> {
        let mut tokens = model.tokens(&Prompt::Chat(self.turns_for(model.default_task())))?;
        if self.expects == Expects::Call {
            tokens.extend(model.tokenizer().encode(CALL)?);
        }
        Ok(Prompt::Tokens(tokens))
    }

    fn turns_for(&self, default_task: &str) -> Vec<Turn> {
        let mut turns = self.turns.clone();
        if self.tools_text.is_empty() {
            return turns;
        }
        match turns.first_mut().filter(|turn| turn.speaker == Speaker::System) {
            Some(task) => task.text.push_str(&self.tools_text),
            None => turns.insert(0, Turn::new(Speaker::System, format!("{default_task}{}", self.tools_text))),
        }
        turns
    }

    /// What the reply must keep to.
    pub(crate) fn schema(&self) -> Option<&Json> {
        self.schema.as_ref()
    }

    /// Text and calls of what the model wrote.
    pub(crate) fn read(&self, text: String) -> (String, Vec<ToolCallRequest>) {
        let calls = calls_in(&text, &self.callable);
        if calls.is_empty() {
            return (text, calls);
        }
        let before = text.find(CALL_BEGINS).and_then(|at| text.get(..at)).unwrap_or_default();
        (before.trim_end().to_owned(), calls)
    }
}

/// Tells a reply as it comes, but for what may turn out to be a call.
#[derive(Debug)]
pub(crate) struct Telling {
    may_call: bool,
    held: String,
}

impl Telling {
    pub(crate) fn new(conversation: &Conversation) -> Self {
        Self { may_call: conversation.expects != Expects::Text, held: String::new() }
    }

    /// Takes a piece of text.
    pub(crate) fn take(&mut self, piece: &str, on_delta: &mut (dyn FnMut(Delta) + Send)) {
        let is_holding = !self.held.is_empty();
        let begins = if self.may_call { piece.find(CALL_BEGINS) } else { None };
        let (now, later) = match begins {
            _ if is_holding => ("", piece),
            Some(at) => piece.split_at(at),
            None => (piece, ""),
        };
        if !now.is_empty() {
            on_delta(Delta::Text(now.to_owned()));
        }
        self.held.push_str(later);
    }

    /// Tells what was held back: text after all, or the calls of the reply.
    pub(crate) fn finish(self, reply: &ChatReply, on_delta: &mut (dyn FnMut(Delta) + Send)) {
        if reply.tool_calls.is_empty() && !self.held.is_empty() {
            on_delta(Delta::Text(self.held));
        }
        reply.tell_calls(on_delta);
    }
}

fn turn(message: &Message) -> Turn {
    let speaker = match message.role {
        Role::System => Speaker::System,
        Role::User => Speaker::User,
        Role::Assistant => Speaker::Assistant,
        Role::Tool => Speaker::Tool,
    };
    let calls = message.tool_calls.iter().map(|call| {
        let name = spaced(&Json::from(call.name.as_str()));
        let arguments: Json = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!(call.arguments));
        format!("{CALL}{{\"name\": {name}, \"arguments\": {}}}\n</tool_call>", spaced(&arguments))
    });
    let text = Some(message.content.clone()).filter(|text| !text.is_empty());
    Turn::new(speaker, text.into_iter().chain(calls).collect::<Vec<_>>().join("\n"))
}

fn tools_text(tools: &[ToolDefinition]) -> String {
    if tools.is_empty() {
        return String::new();
    }
    let line = |tool: &ToolDefinition| {
        let ToolDefinition { name, description, parameters } = tool;
        let function = json!({"name": name, "description": description, "parameters": parameters});
        format!("\n{}", spaced(&json!({"type": "function", "function": function})))
    };
    let lines: String = tools.iter().map(line).collect();
    format!("{TOOLS_BEFORE}{lines}{TOOLS_BEHIND}")
}

/// The schema of one call of one of these tools. Definitions of their schemas move to its root, under names that keep
/// those of different tools apart.
fn call_schema(tools: &[ToolDefinition]) -> Json {
    let mut definitions = Map::new();
    let mut calls = Vec::new();
    for (number, tool) in tools.iter().enumerate() {
        let mut arguments = tool.parameters.clone();
        let own = arguments.as_object_mut().and_then(|schema| schema.remove("$defs"));
        rename(&mut arguments, number);
        for (name, mut definition) in own.into_iter().filter_map(into_object).flatten() {
            rename(&mut definition, number);
            definitions.insert(format!("{number}.{name}"), definition);
        }
        calls.push(json!({
            "type": "object", "additionalProperties": false, "required": ["name", "arguments"],
            "properties": { "name": { "enum": [tool.name] }, "arguments": arguments },
        }));
    }
    json!({ "anyOf": calls, "$defs": definitions })
}

fn into_object(value: Json) -> Option<Map<String, Json>> {
    if let Json::Object(object) = value { Some(object) } else { None }
}

/// Points the references of a schema to the definitions of its tool.
fn rename(schema: &mut Json, number: usize) {
    match schema {
        Json::Object(object) => {
            for (key, value) in object {
                match value {
                    Json::String(place) if key == "$ref" => {
                        if let Some(name) = place.strip_prefix("#/$defs/") {
                            *place = format!("#/$defs/{number}.{name}");
                        }
                    }
                    other => rename(other, number),
                }
            }
        }
        Json::Array(values) => values.iter_mut().for_each(|value| rename(value, number)),
        _ => {}
    }
}

/// JSON on one line with a space behind commas and colons, as the template writes it.
fn spaced(value: &Json) -> String {
    let mut bytes = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut bytes, Spaced);
    // Nothing can go wrong in memory.
    let _ = value.serialize(&mut writer);
    String::from_utf8_lossy(&bytes).into_owned()
}

struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &str, parameters: Json) -> ToolDefinition {
        ToolDefinition { name: name.to_owned(), description: "Looks.".to_owned(), parameters }
    }

    fn near() -> ToolDefinition {
        tool("near", json!({"type": "object", "properties": {"km": {"type": "number"}}}))
    }

    fn asked(tools: Vec<ToolDefinition>) -> ChatRequest {
        ChatRequest { tools, ..ChatRequest::new(vec![Message::user("what is near?")], 9) }
    }

    /// As the published template renders the same.
    #[test]
    fn tools_and_calls_are_written_as_in_training() {
        let mut request = asked(vec![near()]);
        let call = ToolCallRequest {
            id: "a".to_owned(),
            name: "near".to_owned(),
            arguments: r#"{"km":3,"of":["a","b"]}"#.to_owned(),
        };
        request.messages.push(Message::calls("", vec![call]));
        request.messages.push(Message::tool("a", "nothing"));
        let turns = Conversation::new(&request).turns_for("Be kind.");
        let system = concat!(
            "Be kind.\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n",
            "You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n",
            r#"{"type": "function", "function": {"name": "near", "description": "Looks.", "parameters": "#,
            r#"{"type": "object", "properties": {"km": {"type": "number"}}}}}"#,
            "\n</tools>\n\nFor each function call, return a json object with function name and arguments within ",
            "<tool_call></tool_call> XML tags:\n<tool_call>\n",
            r#"{"name": <function-name>, "arguments": <args-json-object>}"#,
            "\n</tool_call>"
        );
        let call = r#"{"name": "near", "arguments": {"km": 3, "of": ["a", "b"]}}"#;
        let expected = [
            Turn::new(Speaker::System, system),
            Turn::new(Speaker::User, "what is near?"),
            Turn::new(Speaker::Assistant, format!("<tool_call>\n{call}\n</tool_call>")),
            Turn::new(Speaker::Tool, "nothing"),
        ];
        assert_eq!(turns, expected);
        // Nothing is said of tools where none may be called.
        let none = ChatRequest { tool_choice: ToolChoice::None, ..request };
        assert_eq!(Conversation::new(&none).turns_for("Be kind."), expected[1..]);
    }

    #[test]
    fn a_call_keeps_to_the_schema_of_its_tool() {
        let link = json!({"type": "object", "properties": {"of": {"$ref": "#/$defs/x"}}, "$defs": {"x": {}}});
        let mut request = asked(vec![near(), tool("link", link)]);
        request.tool_choice = ToolChoice::Required;
        let schema = Conversation::new(&request).schema().cloned().unwrap();
        assert_eq!(schema["anyOf"].as_array().unwrap().len(), 2);
        assert_eq!(
            schema.pointer("/anyOf/1/properties/arguments/properties/of/$ref").unwrap(),
            "#/$defs/1.x"
        );
        assert_eq!(schema["$defs"], json!({"1.x": {}}));
        request.tool_choice = ToolChoice::Named("near".to_owned());
        let schema = Conversation::new(&request).schema().cloned().unwrap();
        assert_eq!(schema.pointer("/anyOf/0/properties/name/enum").unwrap(), &json!(["near"]));
    }

    /// The deltas and the reply of a text that comes in these pieces.
    fn heard(request: &ChatRequest, pieces: &[&str]) -> (Vec<Delta>, String, usize) {
        let conversation = Conversation::new(request);
        let (mut telling, mut deltas) = (Telling::new(&conversation), Vec::new());
        let (content, tool_calls) = conversation.read(pieces.concat());
        let reply = ChatReply { content, tool_calls, ..ChatReply::text("") };
        pieces.iter().for_each(|piece| telling.take(piece, &mut |delta| deltas.push(delta)));
        telling.finish(&reply, &mut |delta| deltas.push(delta));
        (deltas, reply.content, reply.tool_calls.len())
    }

    #[test]
    fn a_call_is_not_told_as_text() {
        let text = |text: &str| Delta::Text(text.to_owned());
        let request = asked(vec![near()]);
        let pieces =
            ["I look", ":\n<tool", "_call>\n{\"name\": \"near\", ", "\"arguments\": {}}\n</tool_call>"];
        let call = Delta::ToolCall { index: 0, name: "near".to_owned(), arguments: "{}".to_owned() };
        let expected = vec![text("I look"), text(":\n"), call];
        assert_eq!(heard(&request, &pieces), (expected, "I look:".to_owned(), 1));
        // What only looked like one is text after all.
        let (deltas, content, calls) = heard(&request, &["1 ", "< 2", " and so on"]);
        assert_eq!((deltas, calls), (vec![text("1 "), text("< 2 and so on")], 0));
        assert_eq!(content, "1 < 2 and so on");
        // Nothing is held back where nothing can be called, and nothing is a call.
        let request = asked(Vec::new());
        assert_eq!(heard(&request, &["{\"a\"", ": 1}"]).0, [text("{\"a\""), text(": 1}")]);
        let none = ChatRequest { tool_choice: ToolChoice::None, ..asked(vec![near()]) };
        assert_eq!(heard(&none, &pieces).2, 0);
    }
}
