//! Which models there are and which does what: the parts `[models]` and `[roles]` of `workspace.toml`.
//!
//! ```toml
//! [models.small]
//! base_url = "http://127.0.0.1:8080/v1"
//! model = "qwen2.5-coder-1.5b"
//! context = 8192
//! timeouts = { first_token = 120, total = 600 }   # seconds
//!
//! [models.large]
//! base_url = "https://api.example.org/v1"
//! model = "large-3"
//! key_env = "EXAMPLE_KEY"          # or key_file, beside workspace.toml
//! price_in = 0.15                  # per million tokens
//! price_out = 0.60
//!
//! [models.local]
//! kind = "gguf"                    # in this process (feature `gguf`)
//! model = "qwen2.5-coder-0.5b"     # on the shelf, or a file: "weights/own.gguf"
//!
//! [roles]
//! plan = "small"
//! judge = "large"
//! ```

mod resolve;

use std::collections::BTreeMap;
use std::path::PathBuf;

use segue_world::{FileError, fs};
use serde::{Deserialize, Serialize};

use super::{EndpointOptions, Usage};
use crate::Shelf;

/// The models and roles of a workspace.
#[derive(Debug, Default)]
pub struct ModelsConfig {
    document: Document,
    path: PathBuf,
    /// The chat models that the shelf may hold.
    on_shelf: Vec<String>,
}

/// What a model is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskRole {
    /// Decides which searches to run.
    Plan,
    /// Judges what came of it.
    Judge,
    /// Words the answer.
    Write,
    /// Makes deliverables and data.
    Generate,
}

impl TaskRole {
    /// The name in `[roles]`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Judge => "judge",
            Self::Write => "write",
            Self::Generate => "generate",
        }
    }
}

/// A model with everything that is needed to open it.
#[derive(Debug, Clone)]
pub struct ResolvedModel {
    /// Its name in `workspace.toml`, or the server's name for it.
    pub name: String,
    /// Where it is.
    pub source: ModelSource,
    /// What it costs, if that is known.
    pub prices: Option<Prices>,
}

/// Where a model is.
#[derive(Debug, Clone)]
pub enum ModelSource {
    /// Behind an OpenAI-compatible server.
    OpenAi(EndpointOptions),
    /// Weights, run in this process.
    Gguf {
        /// Where they are.
        weights: Weights,
        /// Tokens of request and reply together, if limited.
        context_window: Option<u32>,
    },
}

/// Where weights are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weights {
    /// On the shelf, by this name.
    Shelf(String),
    /// In this file.
    File(PathBuf),
}

/// Money for a million tokens, in whatever currency the provider bills.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prices {
    /// Of requests.
    pub input: f64,
    /// Of replies.
    pub output: f64,
}

impl Prices {
    /// What an exchange costs. Cached tokens are counted in full, so that a budget errs on the safe side.
    pub fn cost(&self, usage: &Usage) -> f64 {
        (usage.input_tokens as f64 * self.input + usage.output_tokens as f64 * self.output) / 1e6
    }
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not what it should be.
    #[error("`{path}`, line {line}: {reason}; correct it")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A model's settings contradict each other or name something that is not there.
    #[error("the model `{model}` in `{path}`: {reason}")]
    Model {
        /// Its name.
        model: String,
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// There is no such model.
    #[error(
        "there is no model `{name}` in `{path}` or on the shelf (there are: {known}), and neither OPENAI_BASE_URL nor \
         OPENAI_API_KEY is set to look for it elsewhere"
    )]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The file.
        path: PathBuf,
        /// Those that there are.
        known: String,
    },
}

/// Other parts of the file belong to others.
#[derive(Debug, Default, Deserialize)]
struct Document {
    #[serde(default)]
    models: BTreeMap<String, Entry>,
    #[serde(default)]
    roles: Roles,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Roles {
    plan: Option<String>,
    judge: Option<String>,
    write: Option<String>,
    generate: Option<String>,
}

impl Roles {
    fn of(&self, role: TaskRole) -> Option<&str> {
        match role {
            TaskRole::Plan => self.plan.as_deref(),
            TaskRole::Judge => self.judge.as_deref(),
            TaskRole::Write => self.write.as_deref(),
            TaskRole::Generate => self.generate.as_deref(),
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Openai,
    Gguf,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    model: String,
    #[serde(default)]
    kind: Kind,
    base_url: Option<String>,
    key_env: Option<String>,
    key_file: Option<PathBuf>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    proxy: Option<String>,
    #[serde(default)]
    timeouts: Timeouts,
    max_retries: Option<u32>,
    max_reply_bytes: Option<usize>,
    stream: Option<bool>,
    context: Option<u32>,
    price_in: Option<f64>,
    price_out: Option<f64>,
}

/// Headers and a proxy may hold secrets.
impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("model", &self.model).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Seconds.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Timeouts {
    connect: Option<f64>,
    first_token: Option<f64>,
    stall: Option<f64>,
    total: Option<f64>,
}

impl ModelsConfig {
    /// Reads `workspace.toml`; one that is not there has no models.
    pub fn read(path: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        let path = path.into();
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if error.is_not_found() => Ok(Self { path, ..Self::default() }),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the text of `workspace.toml`; `path` is where it is from, and key files are looked for beside it.
    pub fn parse(text: &str, path: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        let path = path.into();
        match toml::from_str::<Document>(text) {
            Ok(document) => Ok(Self { document, path, on_shelf: Vec::new() }),
            Err(error) => {
                let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
                let line = before.matches('\n').count() + 1;
                Err(ConfigError::Syntax { path, line, reason: without_values(error.message()) })
            }
        }
    }

    /// Lets the chat models of this shelf be called by their names.
    #[must_use]
    pub fn with_shelf(mut self, shelf: &Shelf) -> Self {
        let chat = shelf.list().iter().filter(|resource| resource.is_chat_model());
        self.on_shelf = chat.map(|resource| resource.name.clone()).collect();
        self
    }

    /// True if `[roles]` names a model for this.
    pub fn assigns(&self, role: TaskRole) -> bool {
        self.document.roles.of(role).is_some()
    }

    /// The names of the models, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.document.models.keys().map(String::as_str)
    }
}

/// The parser quotes what it found, which may be a key in the wrong place; what stands between double quotes is
/// left out. Names stand between backticks.
fn without_values(message: &str) -> String {
    let quoted = |(i, part): (usize, &str)| if i % 2 == 0 { part.to_owned() } else { "\"…\"".to_owned() };
    message.split('"').enumerate().map(quoted).collect()
}

#[cfg(test)]
mod tests;
