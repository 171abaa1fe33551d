//! What must hold of every request, whichever model it goes to. Servers differ in what they do with a call
//! that was never answered; most of it is silent, so it is found here.

use std::collections::BTreeSet;

use super::{ChatError, ChatErrorKind, ChatRequest, Message, Role, ToolChoice};

const MAX_LOGPROBS: u8 = 20;

impl ChatRequest {
    /// Checks that each tool call is answered once and before anybody else speaks, that no answer lacks its call,
    /// and that the limits are set.
    ///
    /// # Errors
    /// `InvalidRequest`, naming the message.
    pub fn check(&self) -> Result<(), ChatError> {
        self.faults().map_err(|detail| ChatError::new(ChatErrorKind::InvalidRequest, detail))
    }

    fn faults(&self) -> Result<(), String> {
        if self.messages.is_empty() {
            return Err("there is no message".to_owned());
        }
        if self.max_tokens == 0 {
            return Err("`max_tokens` is 0".to_owned());
        }
        if self.temperature.is_some_and(|t| !t.is_finite() || t < 0.0) {
            return Err("`temperature` is not a number from 0 up".to_owned());
        }
        if self.logprobs.is_some_and(|n| n > MAX_LOGPROBS) {
            return Err(format!("`logprobs` is over {MAX_LOGPROBS}"));
        }
        tools(self)?;
        conversation(&self.messages)
    }
}

fn tools(request: &ChatRequest) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for tool in &request.tools {
        if !names.insert(tool.name.as_str()) {
            return Err(format!("the tool `{}` is listed twice", tool.name));
        }
    }
    match &request.tool_choice {
        ToolChoice::Required if names.is_empty() => Err("a tool is required and none is listed".to_owned()),
        ToolChoice::Named(name) if !names.contains(name.as_str()) => {
            Err(format!("the tool `{name}` is required and not listed"))
        }
        _ => Ok(()),
    }
}

fn conversation(messages: &[Message]) -> Result<(), String> {
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for (i, message) in messages.iter().enumerate() {
        let fault = |what: &str| Err(format!("message {i} ({}) {what}", message.role.name()));
        match (message.role, message.tool_call_id.as_deref()) {
            (Role::Tool, None) => return fault("does not say which call it answers"),
            (Role::Tool, Some(id)) if !open.remove(id) => {
                return fault(&format!("answers the call `{id}`, which is not open"));
            }
            (Role::Tool, Some(_)) => {}
            (_, Some(_)) => return fault("answers a call and is no tool message"),
            (_, None) => {
                if let Some(id) = open.first() {
                    return fault(&format!("comes before the answer to the call `{id}`"));
                }
            }
        }
        if message.role != Role::Assistant && !message.tool_calls.is_empty() {
            return fault("has tool calls");
        }
        for call in &message.tool_calls {
            if call.id.is_empty() || !open.insert(&call.id) {
                return fault(&format!("has a call whose id `{}` is empty or not its own", call.id));
            }
        }
    }
    match open.first() {
        Some(id) => Err(format!("the call `{id}` has no answer")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::{ToolCallRequest, ToolDefinition};

    fn call(id: &str) -> ToolCallRequest {
        ToolCallRequest { id: id.to_owned(), name: "look_up".to_owned(), arguments: "{}".to_owned() }
    }

    fn fault(messages: Vec<Message>) -> Option<String> {
        ChatRequest::new(messages, 10).check().err().map(|e| e.detail().to_owned())
    }

    #[test]
    fn every_call_must_be_answered_at_once() {
        let asked = || Message::calls("", vec![call("a"), call("b")]);
        let answered = vec![
            Message::user("hi"),
            asked(),
            Message::tool("b", "2"),
            Message::tool("a", "1"),
            Message::assistant("done"),
        ];
        assert_eq!(fault(answered), None);
        for (messages, expected) in [
            (vec![], "there is no message"),
            (vec![asked(), Message::tool("a", "1")], "the call `b` has no answer"),
            (vec![asked(), Message::user("hm")], "message 1 (user) comes before the answer to the call `a`"),
            (vec![Message::tool("x", "1")], "message 0 (tool) answers the call `x`, which is not open"),
            (
                vec![asked(), Message::tool("a", "1"), Message::tool("a", "1")],
                "message 2 (tool) answers the call `a`, which is not open",
            ),
            (
                vec![Message::calls("", vec![call("a"), call("a")])],
                "message 0 (assistant) has a call whose id `a` is empty or not its own",
            ),
            (vec![Message { role: Role::User, ..asked() }], "message 0 (user) has tool calls"),
            (
                vec![Message { tool_call_id: None, ..Message::tool("a", "1") }],
                "message 0 (tool) does not say which call it answers",
            ),
        ] {
            assert_eq!(fault(messages).as_deref(), Some(expected));
        }
    }

    #[test]
    fn limits_and_choices_must_make_sense() {
        let request = |change: &dyn Fn(&mut ChatRequest)| {
            let mut request = ChatRequest::new(vec![Message::user("hi")], 10);
            change(&mut request);
            request.check().err().map(|e| e.detail().to_owned())
        };
        let tool = || ToolDefinition {
            name: "look_up".to_owned(),
            description: String::new(),
            parameters: json!({ "type": "object" }),
        };
        assert_eq!(request(&|r| r.max_tokens = 0).as_deref(), Some("`max_tokens` is 0"));
        assert!(request(&|r| r.temperature = Some(f32::NAN)).is_some());
        assert!(request(&|r| r.logprobs = Some(21)).is_some());
        assert!(request(&|r| r.tool_choice = ToolChoice::Required).is_some());
        assert!(request(&|r| r.tools = vec![tool(), tool()]).is_some());
        assert!(
            request(&|r| {
                r.tools = vec![tool()];
                r.tool_choice = ToolChoice::Named("other".to_owned());
            })
            .is_some()
        );
        assert_eq!(request(&|r| r.tools = vec![tool()]), None);
    }
}
