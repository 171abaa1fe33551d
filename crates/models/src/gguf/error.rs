use std::path::PathBuf;

use segue_world::FileError;

/// Why a GGUF model cannot be opened or run.
#[derive(Debug, thiserror::Error)]
pub enum GgufError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is no GGUF file, or not one of a model that can be run.
    #[error("`{path}` cannot be used: {reason}; use the GGUF file of a Qwen2 or Qwen2.5 model")]
    Model {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The tokenizer failed on a text.
    #[error("the tokenizer failed: {0}")]
    Tokenizer(String),
    /// There is nothing to run, or a token that the model does not have.
    #[error("the prompt cannot be run: {0}")]
    Prompt(String),
    /// The prompt leaves no room for a token after it.
    #[error(
        "the prompt has {tokens} tokens and the context {context}; shorten it or open the model with more"
    )]
    Context {
        /// Tokens of the prompt.
        tokens: usize,
        /// Tokens that fit.
        context: usize,
    },
    /// The model has no such layer, or the cache belongs to another depth.
    #[error("layer {layer} was asked for and layers 0 to {last} run")]
    Layer {
        /// The layer asked for.
        layer: usize,
        /// The last one that runs.
        last: usize,
    },
    /// The JSON Schema cannot be enforced.
    #[error("the JSON Schema cannot be enforced: {0}")]
    Schema(String),
    /// A computation failed.
    #[error("the model failed: {0}")]
    Compute(#[from] candle_core::Error),
}
