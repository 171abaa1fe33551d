use segue_models::{ChatReply, ChatRequest};
use serde::{Deserialize, Serialize};

/// One question to a model and what came of it: with these a turn can be done again without the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// The prompt's name.
    pub prompt: String,
    /// The first 16 hexadecimal digits of the SHA-256 of the prompt's text.
    pub prompt_hash: String,
    /// What was asked.
    pub request: ChatRequest,
    /// What was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<ChatReply>,
    /// Why there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Wall-clock milliseconds.
    pub ms: f64,
}
