use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{ChatError, ChatErrorKind, ChatModel, ChatReply, ChatRequest, Completion, Delta};

/// A model that says what it was told to, for tests. It must be used up exactly, keeps what it was asked, and refuses
/// a request that breaks the rules of conversations.
#[derive(Debug)]
pub struct ScriptedModel {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    script: VecDeque<Result<ChatReply, ChatError>>,
    requests: Vec<ChatRequest>,
}

impl ScriptedModel {
    /// A model that gives these, in order.
    pub fn new(script: Vec<Result<ChatReply, ChatError>>) -> Self {
        Self { state: Mutex::new(State { script: script.into(), requests: Vec::new() }) }
    }

    /// What it was asked, in order.
    pub fn requests(&self) -> Vec<ChatRequest> {
        self.state().requests.clone()
    }

    /// Checks that nothing of the script is left.
    ///
    /// # Errors
    /// `NotScripted`, saying how much is.
    pub fn assert_complete(&self) -> Result<(), ChatError> {
        match self.state().script.len() {
            0 => Ok(()),
            left => Err(not_scripted(&format!("{left} replies were never asked for"))),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, request: &ChatRequest) -> Result<ChatReply, ChatError> {
        let mut state = self.state();
        state.requests.push(request.clone());
        request.check()?;
        let asked = state.requests.len();
        let next = state.script.pop_front();
        next.unwrap_or_else(|| Err(not_scripted(&format!("request {asked} is one too many"))))?
            .fit_for(request)
    }
}

impl ChatModel for ScriptedModel {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn complete<'a>(
        &'a self,
        request: &'a ChatRequest,
        on_delta: &'a mut (dyn FnMut(Delta) + Send),
    ) -> Completion<'a> {
        Box::pin(async move {
            let reply = self.next(request).map_err(|error| error.of(self.name()))?;
            reply.tell(on_delta);
            Ok(reply)
        })
    }
}

fn not_scripted(detail: &str) -> ChatError {
    ChatError::new(ChatErrorKind::NotScripted, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Message;

    #[tokio::test]
    async fn a_script_is_used_up_exactly() {
        let model = ScriptedModel::new(vec![
            Ok(ChatReply::text("one")),
            Err(ChatError::new(ChatErrorKind::Cut, "the wire")),
        ]);
        let request = ChatRequest::new(vec![Message::user("hi")], 5);
        let mut heard = Vec::new();
        let reply = model.complete(&request, &mut |delta| heard.push(delta)).await.unwrap();
        assert_eq!((reply.content.as_str(), heard), ("one", vec![Delta::Text("one".to_owned())]));
        assert!(model.assert_complete().unwrap_err().to_string().contains("1 replies were never asked for"));
        assert_eq!(model.complete(&request, &mut |_| ()).await.unwrap_err().name(), "cut");
        model.assert_complete().unwrap();
        assert_eq!(model.complete(&request, &mut |_| ()).await.unwrap_err().name(), "not_scripted");
        assert_eq!(model.requests(), vec![request; 3]);
    }

    #[tokio::test]
    async fn a_request_that_breaks_the_rules_is_refused() {
        let model = ScriptedModel::new(vec![Ok(ChatReply::text("one"))]);
        let request = ChatRequest::new(vec![Message::tool("a", "an answer to nothing")], 5);
        assert_eq!(model.complete(&request, &mut |_| ()).await.unwrap_err().name(), "invalid_request");
        assert!(model.assert_complete().is_err());
    }
}
