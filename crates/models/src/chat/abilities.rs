//! What a model can really do. Servers claim much: one accepts tools and never calls them, another takes a schema
//! and ignores it. Four small questions tell.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::{
    ChatError, ChatErrorKind, ChatModel, ChatReply, ChatRequest, JsonSchemaFormat, Message, ToolChoice,
    ToolDefinition, json_in,
};

/// Tokens that an answer may have: enough for the shortest right one, and a bound for those that go astray.
const TOKENS: u32 = 64;

/// What a model can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is the answer to a question of its own")]
pub struct Abilities {
    /// Its reply has the shape that was asked for.
    pub schema: bool,
    /// It calls tools through the server's own tool calling.
    pub native_tools: bool,
    /// It calls one when told to, also where it would not of itself.
    pub tools_required_honoured: bool,
    /// It tells log-probabilities.
    pub logprobs: bool,
    /// Tokens of request and reply together, if known.
    pub context: Option<u32>,
}

/// Asks the model four small questions.
///
/// # Errors
/// When an answer says nothing about the model: the server cannot be reached, the key is wrong, it is overloaded.
pub async fn probe(model: &dyn ChatModel) -> Result<Abilities, ChatError> {
    let mut context = model.context_window();
    let mut ask = async |request: ChatRequest| match model.complete(&request, &mut |_| ()).await {
        Ok(reply) => Ok(Some(reply)),
        Err(error) if says_nothing(error.kind()) => Err(error),
        Err(error) => {
            if let ChatErrorKind::ContextTooLong { limit } = error.kind() {
                context = context.or(*limit);
            }
            Ok(None)
        }
    };
    let schema = ask(in_a_shape()).await?.is_some_and(|reply| has_the_shape(&reply));
    let native_tools = ask(with_a_tool("What is the weather in Oslo?", ToolChoice::Auto)).await?;
    let required = ask(with_a_tool("Say hello.", ToolChoice::Required)).await?;
    let logprobs = ask(with_logprobs()).await?;
    Ok(Abilities {
        schema,
        native_tools: native_tools.is_some_and(|reply| calls_the_tool(&reply)),
        tools_required_honoured: required.is_some_and(|reply| calls_the_tool(&reply)),
        logprobs: logprobs.and_then(|reply| reply.logprobs).is_some_and(|tokens| !tokens.is_empty()),
        context,
    })
}

/// Whether a failure has to do with the moment or the set-up rather than with what was asked.
fn says_nothing(kind: &ChatErrorKind) -> bool {
    match kind {
        ChatErrorKind::Server { status } => !matches!(status, 200 | 500 | 501),
        ChatErrorKind::BadRequest
        | ChatErrorKind::ContextTooLong { .. }
        | ChatErrorKind::Garbled
        | ChatErrorKind::Cut
        | ChatErrorKind::Empty
        | ChatErrorKind::Truncated
        | ChatErrorKind::TooLarge
        | ChatErrorKind::Failed
        | ChatErrorKind::Repetition => false,
        ChatErrorKind::Unreachable
        | ChatErrorKind::Timeout { .. }
        | ChatErrorKind::RateLimited { .. }
        | ChatErrorKind::QuotaExhausted
        | ChatErrorKind::Unauthorised
        | ChatErrorKind::NotFound
        | ChatErrorKind::Weights
        | ChatErrorKind::InvalidRequest
        | ChatErrorKind::BadOptions
        | ChatErrorKind::NotScripted
        | ChatErrorKind::NoRecording
        | ChatErrorKind::Cassette => true,
    }
}

fn question(text: &str) -> ChatRequest {
    let mut request = ChatRequest::new(vec![Message::user(text)], TOKENS);
    request.temperature = Some(0.0);
    request
}

fn in_a_shape() -> ChatRequest {
    let mut request = question("What is two and two? Answer in words.");
    request.format = Some(JsonSchemaFormat {
        name: "probe".to_owned(),
        schema: json!({
            "type": "object",
            "properties": { "kind": { "type": "string", "enum": ["quokka"] }, "sum": { "type": "integer" } },
            "required": ["kind", "sum"],
            "additionalProperties": false,
        }),
    });
    request
}

/// The word in the schema's enumeration is nowhere in the question, so that only a schema that was read yields it.
fn has_the_shape(reply: &ChatReply) -> bool {
    json_in(&reply.content).is_some_and(|json| {
        json.get("kind").and_then(Json::as_str) == Some("quokka") && json.get("sum").is_some_and(Json::is_i64)
    })
}

fn with_a_tool(text: &str, tool_choice: ToolChoice) -> ChatRequest {
    let mut request = question(text);
    request.tools = vec![ToolDefinition {
        name: "weather".to_owned(),
        description: "Tells the weather in a city now.".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": { "city": { "type": "string" } },
            "required": ["city"],
            "additionalProperties": false,
        }),
    }];
    request.tool_choice = tool_choice;
    request
}

fn calls_the_tool(reply: &ChatReply) -> bool {
    reply.tool_calls.iter().any(|call| {
        let arguments = serde_json::from_str::<Json>(&call.arguments);
        call.name == "weather" && arguments.is_ok_and(|a| a.get("city").is_some_and(Json::is_string))
    })
}

fn with_logprobs() -> ChatRequest {
    let mut request = question("Say yes.");
    request.max_tokens = 4;
    request.logprobs = Some(2);
    request
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{ScriptedModel, TokenLogprob, ToolCallRequest};

    fn call() -> ChatReply {
        ChatReply::calls(vec![ToolCallRequest {
            id: "1".to_owned(),
            name: "weather".to_owned(),
            arguments: r#"{"city":"Oslo"}"#.to_owned(),
        }])
    }

    #[tokio::test]
    async fn a_model_that_can_do_everything_is_found_out() {
        let mut likely = ChatReply::text("yes");
        likely.logprobs =
            Some(vec![TokenLogprob { token: "yes".to_owned(), logprob: -0.1, top: Vec::new() }]);
        let shape = ChatReply::text(r#"{"kind":"quokka","sum":4}"#);
        let model = ScriptedModel::new(vec![Ok(shape), Ok(call()), Ok(call()), Ok(likely)]);
        let expected = Abilities {
            schema: true,
            native_tools: true,
            tools_required_honoured: true,
            logprobs: true,
            context: None,
        };
        assert_eq!(probe(&model).await, Ok(expected));
        model.assert_complete().unwrap();
    }

    #[tokio::test]
    async fn claims_are_not_believed() {
        let model = ScriptedModel::new(vec![
            Ok(ChatReply::text(r#"{"sum":4}"#)),
            Ok(ChatReply::text(r#"{"name":"weather","arguments":{"city":"Oslo"}}"#)),
            Err(ChatError::new(ChatErrorKind::BadRequest, "tool_choice")),
            Err(ChatError::new(ChatErrorKind::ContextTooLong { limit: Some(512) }, "")),
        ]);
        assert_eq!(probe(&model).await, Ok(Abilities { context: Some(512), ..Abilities::default() }));
    }

    #[tokio::test]
    async fn a_bad_moment_is_no_inability() {
        let model = ScriptedModel::new(vec![Err(ChatError::new(ChatErrorKind::Unreachable, "refused"))]);
        assert_eq!(probe(&model).await.unwrap_err().name(), "unreachable");
    }
}
