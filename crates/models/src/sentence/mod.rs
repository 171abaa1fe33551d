//! Sentence embeddings by a BERT model on ONNX Runtime, driven by `fastembed`.
//!
//! One session uses one thread. More threads in a session hardly make it faster; more sessions side by side do, so
//! there is a pool of them, filled as they are needed: a question wakes one, an index build all.

mod batches;
mod runtime;
mod settings;

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;

use fastembed::{InitOptionsUserDefined, Pooling, TextEmbedding, TokenizerFiles, UserDefinedEmbeddingModel};
use ort::environment::Environment;
use segue_world::fs;
use serde::Deserialize;
use serde_json::json;

use crate::onnx::{Encoder, OnnxError, encoder_of, weights_of};
use crate::{EmbedError, Embedder, Prefix, Progress, ResourceFiles, Shelf, ShelfError};

use batches::batches;
pub use settings::{EmbeddingSettings, EmbeddingSettingsError};

const RUNTIME: &str = "onnxruntime";

/// How to run a sentence embedder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentenceOptions {
    /// The resource on the shelf.
    pub model: String,
    /// How many sessions of one thread each may run side by side.
    pub threads: NonZeroUsize,
    /// The most tokens of a text; the rest is cut off.
    pub max_tokens: usize,
}

impl SentenceOptions {
    /// This model, the rest as usual.
    pub fn with_model(model: impl Into<String>) -> Self {
        Self { model: model.into(), ..Self::default() }
    }
}

impl Default for SentenceOptions {
    /// all-MiniLM-L6-v2 as it was published, with 256 tokens, on all cores.
    fn default() -> Self {
        Self {
            model: "all-minilm-l6-v2".to_owned(),
            threads: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            max_tokens: 256,
        }
    }
}

/// Why an embedder cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A resource is not to be had.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// The graph cannot be written.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// The library cannot be loaded.
    #[error(
        "cannot load ONNX Runtime from `{path}`: {reason}; set `ORT_DYLIB_PATH` to an ONNX Runtime library of 1.24 or later, or unset it"
    )]
    Runtime {
        /// Which file.
        path: PathBuf,
        /// What happened.
        reason: String,
    },
    /// The model cannot be run.
    #[error(transparent)]
    Embed(#[from] EmbedError),
}

/// An [`Embedder`] with a model from the shelf.
pub struct SentenceEmbedder {
    name: String,
    fingerprint: String,
    max_tokens: usize,
    prefix: Prefix,
    encoder: Encoder,
    model: ResourceFiles,
    environment: Environment,
    sessions: Vec<Mutex<Option<TextEmbedding>>>,
}

impl fmt::Debug for SentenceEmbedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentenceEmbedder")
            .field("fingerprint", &self.fingerprint)
            .field("sessions", &self.sessions.len())
            .finish_non_exhaustive()
    }
}

impl SentenceEmbedder {
    /// Fetches what is not on the shelf yet and loads the library. The model itself is loaded at the first text,
    /// so that opening costs little where nothing is embedded.
    pub fn open(
        shelf: &Shelf,
        options: &SentenceOptions,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Self, LoadError> {
        let library = match shelf.world().env("ORT_DYLIB_PATH").filter(|path| !path.is_empty()) {
            Some(path) => PathBuf::from(path),
            None => shelf.ensure(RUNTIME, progress)?.only(),
        };
        let model = shelf.ensure(&options.model, progress)?;
        let encoder = encoder_of(&model)?;
        let prefix = shelf.resource(&options.model)?.prefix.clone();
        let weights = model.digests.get(weights_of(&model)).map_or("", String::as_str);
        // The digest tells weights of other precision apart.
        let before = if prefix.passage.is_empty() { "" } else { "/" };
        let fingerprint = format!(
            "{}/fp32/mean/{}/{weights}{before}{}",
            options.model,
            options.max_tokens,
            prefix.passage.trim()
        );
        Ok(Self {
            name: options.model.clone(),
            fingerprint,
            max_tokens: options.max_tokens,
            prefix,
            environment: runtime::environment(&library)?,
            encoder,
            model,
            sessions: (0..options.threads.get()).map(|_| Mutex::new(None)).collect(),
        })
    }

    /// True if all that [`SentenceEmbedder::open`] needs is on the shelf: it will touch no network.
    pub fn is_there(shelf: &Shelf, options: &SentenceOptions) -> bool {
        let own_library = shelf.world().env("ORT_DYLIB_PATH").is_some_and(|path| !path.is_empty());
        shelf.is_there(&options.model) && (own_library || shelf.is_there(RUNTIME))
    }

    fn load(&self) -> Result<TextEmbedding, EmbedError> {
        let failed = |reason: String| EmbedError::Load {
            model: self.name.clone(),
            reason,
            remedy: format!("remove `{}` to have it fetched again", self.model.folder.display()),
        };
        let read = |file: &str| fs::read(&self.model.path(file)).map_err(|e| failed(e.to_string()));
        let tokenizer_file = read("tokenizer.json")?;
        let or = |file: &str, otherwise: String| match self.model.digests.contains_key(file) {
            true => read(file),
            false => Ok(otherwise.into_bytes()),
        };
        // What they state that matters stands in the tokenizer too, for sources that have nothing else.
        let (padding, number) = padding(&tokenizer_file);
        let tokenizer = TokenizerFiles {
            config_file: or("config.json", json!({ "pad_token_id": number }).to_string())?,
            special_tokens_map_file: or("special_tokens_map.json", "{}".to_owned())?,
            tokenizer_config_file: or(
                "tokenizer_config.json",
                json!({ "model_max_length": self.max_tokens, "pad_token": padding }).to_string(),
            )?,
            tokenizer_file,
        };
        let graph = fs::read(&self.encoder.path).map_err(|e| failed(e.to_string()))?;
        let model = UserDefinedEmbeddingModel::new(graph, tokenizer).with_pooling(Pooling::Mean);
        let options = InitOptionsUserDefined::new()
            .with_environment(self.environment.clone())
            .with_intra_threads(1)
            .with_max_length(self.max_tokens);
        TextEmbedding::try_new_from_user_defined(model, options).map_err(|e| failed(e.to_string()))
    }

    /// A session that nobody uses; the first ones first, so that the others need not be loaded.
    fn session(&self, turn: usize) -> Option<MutexGuard<'_, Option<TextEmbedding>>> {
        let free = self.sessions.iter().find_map(|session| match session.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        });
        let next = || self.sessions.get(turn % self.sessions.len().max(1));
        free.or_else(|| Some(next()?.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Embeds batches until none is left; `next` is shared by the workers.
    fn work(
        &self,
        texts: &[&str],
        batches: &[Vec<usize>],
        next: &AtomicUsize,
    ) -> Result<Vec<(usize, Vec<f32>)>, EmbedError> {
        let mut done = Vec::new();
        let Some(mut session) = self.session(next.load(Ordering::Relaxed)) else { return Ok(done) };
        if session.is_none() {
            *session = Some(self.load()?);
        }
        let Some(session) = session.as_mut() else { return Ok(done) };
        while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
            let inputs: Vec<&str> = batch.iter().filter_map(|&at| texts.get(at).copied()).collect();
            let vectors = session.embed(&inputs, Some(inputs.len())).map_err(|e| EmbedError::Run {
                model: self.name.clone(),
                texts: inputs.len(),
                reason: e.to_string(),
            })?;
            self.check(&vectors, inputs.len())?;
            done.extend(batch.iter().copied().zip(vectors));
        }
        Ok(done)
    }

    fn check(&self, vectors: &[Vec<f32>], texts: usize) -> Result<(), EmbedError> {
        let wrong = |reason: String| Err(EmbedError::Result { model: self.name.clone(), reason });
        if vectors.len() != texts {
            return wrong(format!("{} vectors for {texts} texts", vectors.len()));
        }
        match vectors.iter().find(|v| v.len() != self.encoder.dimensions || !v.iter().all(|x| x.is_finite()))
        {
            Some(vector) => wrong(format!("a vector of {} numbers, not all of them finite", vector.len())),
            None => Ok(()),
        }
    }
}

/// The token that fills up short texts, and its number.
fn padding(tokenizer: &[u8]) -> (String, u64) {
    #[derive(Deserialize)]
    struct Tokenizer {
        added_tokens: Vec<Token>,
    }
    #[derive(Deserialize)]
    struct Token {
        id: u64,
        content: String,
    }
    let tokens = serde_json::from_slice::<Tokenizer>(tokenizer).map(|t| t.added_tokens).unwrap_or_default();
    let found =
        tokens.into_iter().find(|t| t.content.trim_matches(['<', '>', '[', ']']).eq_ignore_ascii_case("pad"));
    found.map_or_else(|| ("[PAD]".to_owned(), 0), |t| (t.content, t.id))
}

fn with_prefix(prefix: &str, texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| format!("{prefix}{text}")).collect()
}

impl Embedder for SentenceEmbedder {
    fn name(&self) -> &str {
        &self.name
    }

    fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    fn dimensions(&self) -> usize {
        self.encoder.dimensions
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        if self.prefix.passage.is_empty() {
            return self.embed_as_they_are(texts);
        }
        let texts = with_prefix(&self.prefix.passage, texts);
        self.embed_as_they_are(&texts.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn embed_queries(&self, queries: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let queries = with_prefix(&self.prefix.query, queries);
        self.embed_as_they_are(&queries.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

impl SentenceEmbedder {
    /// Embeds without prefixes.
    fn embed_as_they_are(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let batches = batches(texts, self.max_tokens);
        let next = AtomicUsize::new(0);
        let workers = self.sessions.len().min(batches.len());
        let parts = if workers <= 1 {
            vec![self.work(texts, &batches, &next)]
        } else {
            thread::scope(|scope| {
                let work = || self.work(texts, &batches, &next);
                let handles: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
                let died = |_| EmbedError::Run {
                    model: self.name.clone(),
                    texts: texts.len(),
                    reason: "a worker thread died".to_owned(),
                };
                handles.into_iter().map(|handle| handle.join().unwrap_or_else(|e| Err(died(e)))).collect()
            })
        };
        let mut vectors = vec![Vec::new(); texts.len()];
        for part in parts {
            for (at, vector) in part? {
                if let Some(place) = vectors.get_mut(at) {
                    *place = vector;
                }
            }
        }
        Ok(vectors)
    }
}
