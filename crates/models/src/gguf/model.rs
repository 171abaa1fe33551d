use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use super::file::GgufFile;
use super::prompt::Template;
use super::schema::SchemaCompiler;
use super::session::Session;
use super::tokenizer::GgufTokenizer;
use super::{GgufError, Prompt, Qwen2};

/// How to open a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GgufOptions {
    /// The most tokens of a prompt and what follows; no more than the model was trained on. Memory grows with what
    /// is used of it.
    pub context: usize,
    /// Where random numbers begin, for requests that do not say.
    pub seed: u64,
}

impl Default for GgufOptions {
    /// 8,192 tokens, seed 0.
    fn default() -> Self {
        Self { context: 8192, seed: 0 }
    }
}

/// A chat model in this process, out of a GGUF file of the Qwen2 family.
///
/// Beside text it gives what an endpoint does not: attention, hidden states, probabilities of given texts, and
/// through [`GgufModel::network`] passes over embeddings.
pub struct GgufModel {
    name: String,
    pub(crate) options: GgufOptions,
    pub(crate) network: Qwen2,
    pub(crate) tokenizer: Arc<GgufTokenizer>,
    pub(crate) schemas: SchemaCompiler,
    template: Template,
    session: Mutex<Session>,
}

impl fmt::Debug for GgufModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GgufModel")
            .field("name", &self.name)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl GgufModel {
    /// Loads the model at `path`; takes seconds, and about as much memory as the file has bytes.
    pub fn open(path: &Path, options: GgufOptions) -> Result<Self, GgufError> {
        let mut file = GgufFile::open(path)?;
        let tokenizer = Arc::new(GgufTokenizer::load(&file)?);
        let network = Qwen2::load(&mut file, options.context)?;
        let stem = || path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self {
            name: file.find_text("general.name").map_or_else(stem, str::to_owned),
            options,
            template: Template::read(&file, &tokenizer)?,
            schemas: SchemaCompiler::new(tokenizer.clone()),
            session: Mutex::new(Session::new(network.cache(None))),
            network,
            tokenizer,
        })
    }

    /// What the file says it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The most tokens of a prompt and what follows.
    pub fn context(&self) -> usize {
        self.network.context()
    }

    /// Its tokenizer.
    pub fn tokenizer(&self) -> &GgufTokenizer {
        &self.tokenizer
    }

    /// Its network, for passes of one's own.
    pub fn network(&self) -> &Qwen2 {
        &self.network
    }

    /// The tokens of a prompt, as the model reads them.
    pub fn tokens(&self, prompt: &Prompt) -> Result<Vec<u32>, GgufError> {
        self.template.tokens(prompt, &self.tokenizer)
    }

    /// What the model is told where nobody tells it anything.
    pub(crate) fn default_task(&self) -> &'static str {
        self.template.default_task()
    }

    /// An error if nothing could come after this prompt.
    pub(crate) fn check_room(&self, prompt: &[u32]) -> Result<(), GgufError> {
        self.network.check(prompt)?;
        match prompt.len() < self.context() {
            true => Ok(()),
            false => Err(GgufError::Context { tokens: prompt.len(), context: self.context() }),
        }
    }

    /// What was run before; nothing, if whoever ran it died over it.
    pub(crate) fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(|poisoned| {
            let mut session = poisoned.into_inner();
            session.clear();
            self.session.clear_poison();
            session
        })
    }
}
