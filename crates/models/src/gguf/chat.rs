use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::{Semaphore, mpsc};

use super::conversation::{Conversation, Telling};
use super::sample::Sampling;
use super::{Finish, GenerateRequest, Generated, GgufError, GgufModel, GgufOptions};
use crate::chat::repetition::{RepetitionGuard, stuck};
use crate::chat::{
    self, ChatError, ChatErrorKind, ChatModel, ChatReply, ChatRequest, Completion, Delta, TokenLogprob, Usage,
};

/// A GGUF model that holds conversations.
///
/// Its weights are read when it is first asked, and it answers one request at a time, on a thread of its own; others
/// wait their turn. What a prompt has in common with the one before is not read again. Without a temperature it says
/// the likeliest token each time. A required tool call is kept to the tool's schema as a `format` is.
pub struct GgufChat {
    name: String,
    weights: Arc<LazyWeights>,
    turn: Arc<Semaphore>,
}

/// A file that is read once.
struct LazyWeights {
    file: PathBuf,
    options: GgufOptions,
    model: OnceLock<GgufModel>,
}

/// Raised when it is dropped: nobody waits for the reply any more.
#[derive(Debug, Default)]
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl GgufChat {
    /// The model in `file`, under a name to show. The file is not touched yet.
    pub fn new(name: impl Into<String>, file: impl Into<PathBuf>, options: GgufOptions) -> Self {
        let weights = LazyWeights { file: file.into(), options, model: OnceLock::new() };
        Self { name: name.into(), weights: Arc::new(weights), turn: Arc::new(Semaphore::new(1)) }
    }

    async fn answer(
        &self,
        request: &ChatRequest,
        on_delta: &mut (dyn FnMut(Delta) + Send),
    ) -> Result<ChatReply, ChatError> {
        request.check()?;
        let turn = self.turn.clone().acquire_owned().await.map_err(failed)?;
        let (tell, mut told) = mpsc::unbounded_channel();
        let dropped = Dropped::default();
        let is_dropped = dropped.0.clone();
        let conversation = Conversation::new(request);
        let mut telling = Telling::new(&conversation);
        let (weights, asked) = (self.weights.clone(), request.clone());
        let work = tokio::task::spawn_blocking(move || {
            // Whoever is next waits until this thread is done, also where nobody waits for it.
            let _turn = turn;
            let model = weights.model()?;
            respond(model, conversation, &asked, &|piece| tell.send(piece).is_ok(), &|| {
                is_dropped.load(Ordering::Relaxed)
            })
        });
        while let Some(piece) = told.recv().await {
            telling.take(&piece, on_delta);
        }
        let mut reply = work.await.map_err(failed)??;
        telling.finish(&reply, on_delta);
        reply.model.clone_from(&self.name);
        reply.fit_for(request)
    }
}

impl ChatModel for GgufChat {
    fn name(&self) -> &str {
        &self.name
    }

    fn context_window(&self) -> Option<u32> {
        let loaded = self.weights.model.get().map(GgufModel::context);
        u32::try_from(loaded.unwrap_or(self.weights.options.context)).ok()
    }

    fn complete<'a>(
        &'a self,
        request: &'a ChatRequest,
        on_delta: &'a mut (dyn FnMut(Delta) + Send),
    ) -> Completion<'a> {
        Box::pin(async move { self.answer(request, on_delta).await.map_err(|error| error.of(&self.name)) })
    }
}

impl fmt::Debug for GgufChat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GgufChat")
            .field("name", &self.name)
            .field("file", &self.weights.file)
            .finish_non_exhaustive()
    }
}

impl LazyWeights {
    /// The model, read if it is not yet; only ever asked by one thread at a time.
    fn model(&self) -> Result<&GgufModel, ChatError> {
        if let Some(model) = self.model.get() {
            return Ok(model);
        }
        let model = GgufModel::open(&self.file, self.options)?;
        Ok(self.model.get_or_init(|| model))
    }
}

/// Generates the reply. `tell` takes the text as it comes and says whether anybody listens.
fn respond(
    model: &GgufModel,
    conversation: Conversation,
    request: &ChatRequest,
    tell: &dyn Fn(String) -> bool,
    dropped: &dyn Fn() -> bool,
) -> Result<ChatReply, ChatError> {
    let generate = GenerateRequest {
        prompt: conversation.prompt(model)?,
        max_tokens: request.max_tokens as usize,
        sampling: Sampling {
            temperature: request.temperature.unwrap_or(0.0),
            seed: request.seed,
            ..Sampling::default()
        },
        stop: request.stop.clone(),
        schema: conversation.schema().cloned(),
        alternatives: request.logprobs.unwrap_or(0).into(),
    };
    let (mut guard, over) = (RepetitionGuard::default(), RefCell::new(None));
    let mut on_text = |text: &str| {
        if !text.is_empty() && over.borrow().is_none() {
            if guard.is_stuck_after(text) {
                over.replace(Some(stuck(text)));
            }
            tell(text.to_owned());
        }
    };
    let cancelled = || dropped() || over.borrow().is_some();
    let generated = model.generate(&generate, &mut on_text, &cancelled)?;
    if let Some(error) = over.take() {
        return Err(error);
    }
    let usage = Usage {
        input_tokens: generated.prompt_tokens as u64,
        output_tokens: generated.tokens.len() as u64,
        cached_tokens: generated.cached_tokens as u64,
        estimated: false,
    };
    let logprobs = request.logprobs.map(|_| log_probabilities(model, &generated));
    let (content, tool_calls) = conversation.read(generated.text);
    let finish = match generated.finish {
        Finish::Length => chat::Finish::Length,
        Finish::Stop if !tool_calls.is_empty() => chat::Finish::ToolCalls,
        Finish::Stop | Finish::Cancelled => chat::Finish::Stop,
    };
    Ok(ChatReply { content, tool_calls, finish, usage, model: String::new(), logprobs })
}

fn log_probabilities(model: &GgufModel, generated: &Generated) -> Vec<TokenLogprob> {
    let text = |token: u32| String::from_utf8_lossy(model.tokenizer().bytes(token)).into_owned();
    let tokens = generated.tokens.iter().map(|token| TokenLogprob {
        token: token.text.clone(),
        logprob: token.log_probability.into(),
        top: token.alternatives.iter().map(|&(other, score)| (text(other), score.into())).collect(),
    });
    tokens.collect()
}

fn failed(error: impl fmt::Display) -> ChatError {
    ChatError::new(ChatErrorKind::Failed, error.to_string())
}

impl From<GgufError> for ChatError {
    fn from(error: GgufError) -> Self {
        let weights = |detail: String| Self::new(ChatErrorKind::Weights, detail);
        match error {
            GgufError::File(error) => weights(error.to_string()),
            GgufError::Model { path, reason } => weights(format!("`{}`: {reason}", path.display())),
            GgufError::Context { tokens, context } => Self::new(
                ChatErrorKind::ContextTooLong { limit: u32::try_from(context).ok() },
                format!("the request has {tokens}"),
            ),
            GgufError::Schema(_) | GgufError::Prompt(_) => {
                Self::new(ChatErrorKind::BadRequest, error.to_string())
            }
            GgufError::Tokenizer(_) | GgufError::Layer { .. } | GgufError::Compute(_) => failed(error),
        }
    }
}
