use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Message;

/// What a model is asked, whoever it is.
///
/// `max_tokens` has no default: a small model that loses its way writes until something stops it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatRequest {
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// What the model may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolDefinition>,
    /// Whether it should. A hint: many servers do not honour it.
    #[serde(default)]
    pub tool_choice: ToolChoice,
    /// The shape that the reply must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<JsonSchemaFormat>,
    /// Tokens that the reply may have; at least one.
    pub max_tokens: u32,
    /// 0 for the likeliest token each time; `None` leaves it to the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// For servers that can repeat themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Texts that end the reply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// Log-probabilities of each token and of so many alternatives, at most 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<u8>,
}

impl ChatRequest {
    /// A plain question: no tools, no format, the server's own temperature.
    pub fn new(messages: Vec<Message>, max_tokens: u32) -> Self {
        Self {
            messages,
            tools: Vec::new(),
            tool_choice: ToolChoice::Auto,
            format: None,
            max_tokens,
            temperature: None,
            seed: None,
            stop: Vec::new(),
            logprobs: None,
        }
    }

    /// True if a reply that stops half-way is of no use: half a JSON document, half a call.
    pub(crate) fn needs_whole_reply(&self) -> bool {
        self.format.is_some() || !self.tools.is_empty()
    }
}

/// A tool, as it is described to a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolDefinition {
    /// Its name.
    pub name: String,
    /// What it does and when to use it.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: Json,
}

/// Whether a model should call a tool.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// As it sees fit.
    #[default]
    Auto,
    /// No.
    None,
    /// At least one.
    Required,
    /// This one.
    Named(String),
}

/// A reply that must be JSON of a given shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JsonSchemaFormat {
    /// A short name, for the server's own messages.
    pub name: String,
    /// The schema, strict: every key required, no additional properties. Keep it small; large bounds make
    /// grammars that servers give up on.
    pub schema: Json,
}
