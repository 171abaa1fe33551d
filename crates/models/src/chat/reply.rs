use serde::{Deserialize, Serialize};

use super::{ChatError, ChatErrorKind, ChatRequest, Message, ToolCallRequest};

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatReply {
    /// The text; may be empty beside tool calls.
    pub content: String,
    /// What it asks for, through the server's own tool calling. Calls written into the text are found by
    /// [`calls_in`](super::calls_in).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCallRequest>,
    /// Why it stopped.
    pub finish: Finish,
    /// Tokens used.
    pub usage: Usage,
    /// The model that answered, as the server names it.
    pub model: String,
    /// One entry a token of the reply, if they were asked for and the server gives them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<Vec<TokenLogprob>>,
}

impl ChatReply {
    /// A reply of text only, for tests and for models of our own.
    pub fn text(content: impl Into<String>) -> Self {
        Self {
            content: content.into(),
            tool_calls: Vec::new(),
            finish: Finish::Stop,
            usage: Usage::default(),
            model: String::new(),
            logprobs: None,
        }
    }

    /// A reply of tool calls only.
    pub fn calls(tool_calls: Vec<ToolCallRequest>) -> Self {
        Self { tool_calls, finish: Finish::ToolCalls, ..Self::text("") }
    }

    /// The reply as a message, to go on with the conversation.
    pub fn to_message(&self) -> Message {
        Message::calls(self.content.clone(), self.tool_calls.clone())
    }

    /// The reply, unless it was stopped by `max_tokens`.
    ///
    /// # Errors
    /// `Truncated`.
    pub fn whole(self) -> Result<Self, ChatError> {
        match self.finish {
            Finish::Length => Err(ChatError::new(
                ChatErrorKind::Truncated,
                format!("it stopped after {} tokens", self.usage.output_tokens),
            )),
            _ => Ok(self),
        }
    }

    /// Refuses a reply that was stopped half-way where half is of no use (see [`ChatRequest::format`] and
    /// [`ChatRequest::tools`]). Half an answer in prose is left to the caller.
    pub(crate) fn fit_for(self, request: &ChatRequest) -> Result<Self, ChatError> {
        if request.needs_whole_reply() { self.whole() } else { Ok(self) }
    }

    /// Tells it as one piece, for models that do not stream.
    pub(crate) fn tell(&self, on_delta: &mut (dyn FnMut(Delta) + Send)) {
        if !self.content.is_empty() {
            on_delta(Delta::Text(self.content.clone()));
        }
        self.tell_calls(on_delta);
    }

    /// Tells its calls, each as one piece.
    pub(crate) fn tell_calls(&self, on_delta: &mut (dyn FnMut(Delta) + Send)) {
        for (index, call) in self.tool_calls.iter().enumerate() {
            on_delta(Delta::ToolCall { index, name: call.name.clone(), arguments: call.arguments.clone() });
        }
    }
}

/// Why a reply ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model had said everything.
    Stop,
    /// `max_tokens` was reached.
    Length,
    /// It waits for tools.
    ToolCalls,
    /// The provider held it back.
    ContentFilter,
    /// Something else, in the server's words.
    Other(String),
}

/// Tokens of one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Of the request.
    pub input_tokens: u64,
    /// Of the reply.
    pub output_tokens: u64,
    /// Of the request, those that the server had seen before.
    #[serde(default)]
    pub cached_tokens: u64,
    /// True if the server did not say and these are a quarter of the characters, so that budgets hold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
}

/// How likely a token was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenLogprob {
    /// The token's text.
    pub token: String,
    /// Natural logarithm of its probability.
    pub logprob: f64,
    /// The likeliest tokens in its place, with theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub top: Vec<(String, f64)>,
}

/// A piece of a reply, as it comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delta {
    /// More text.
    Text(String),
    /// More of a tool call.
    ToolCall {
        /// Which one of the reply.
        index: usize,
        /// Its name, whole; empty if it came before.
        name: String,
        /// More of its arguments.
        arguments: String,
    },
    /// The connection failed and the request is made again: what was told of this reply is void.
    Restart,
}
