use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{ChatError, ChatReply, ChatRequest, Delta, Secrets};

/// What [`ChatModel::complete`] gives back: boxed, so that models can stand behind `dyn`.
pub type Completion<'a> = Pin<Box<dyn Future<Output = Result<ChatReply, ChatError>> + Send + 'a>>;

/// A model that holds a conversation.
pub trait ChatModel: Send + Sync {
    /// The name to show and to store.
    fn name(&self) -> &str;

    /// Tokens of request and reply together, if that is known without asking.
    fn context_window(&self) -> Option<u32> {
        None
    }

    /// What it must not be quoted with: its key. Whoever stores exchanges leaves these out.
    fn secrets(&self) -> Secrets {
        Secrets::default()
    }

    /// Answers. Pieces are told to `on_delta` as they come in, if the model streams, and in one piece otherwise.
    /// Dropping the future cancels the call.
    fn complete<'a>(
        &'a self,
        request: &'a ChatRequest,
        on_delta: &'a mut (dyn FnMut(Delta) + Send),
    ) -> Completion<'a>;
}

impl<M: ChatModel + ?Sized> ChatModel for Arc<M> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn context_window(&self) -> Option<u32> {
        (**self).context_window()
    }

    fn secrets(&self) -> Secrets {
        (**self).secrets()
    }

    fn complete<'a>(
        &'a self,
        request: &'a ChatRequest,
        on_delta: &'a mut (dyn FnMut(Delta) + Send),
    ) -> Completion<'a> {
        (**self).complete(request, on_delta)
    }
}
