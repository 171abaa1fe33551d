//! A reply put together from what the server sends, in one piece or many. No waiting and no network here.

use serde_json::Value as Json;

use super::calls::PartialCalls;
use super::{lenient, refusal};
use crate::chat::repetition::{RepetitionGuard, stuck};
use crate::chat::{
    ChatError, ChatErrorKind, ChatReply, ChatRequest, Delta, Finish, Secrets, TokenLogprob, Usage,
};

/// Characters that a token has, roughly, in the languages that models read most.
const CHARACTERS_PER_TOKEN: u64 = 4;

/// The reply so far.
#[derive(Debug)]
pub(super) struct Assembly<'a> {
    secrets: &'a Secrets,
    /// Bytes of text and calls that there may be.
    max_bytes: usize,
    bytes: usize,
    has_choice: bool,
    has_begun: bool,
    content: String,
    refusal: String,
    calls: PartialCalls,
    finish: Option<Finish>,
    usage: Option<Usage>,
    model: String,
    logprobs: Option<Vec<TokenLogprob>>,
    text_guard: RepetitionGuard,
    call_guard: RepetitionGuard,
}

impl<'a> Assembly<'a> {
    pub(super) fn new(max_bytes: usize, secrets: &'a Secrets) -> Self {
        Self {
            secrets,
            max_bytes,
            bytes: 0,
            has_choice: false,
            has_begun: false,
            content: String::new(),
            refusal: String::new(),
            calls: PartialCalls::default(),
            finish: None,
            usage: None,
            model: String::new(),
            logprobs: None,
            text_guard: RepetitionGuard::default(),
            call_guard: RepetitionGuard::default(),
        }
    }

    /// True once the model has said anything.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// True once the server has said why the reply ended; only the usage can follow.
    pub(super) fn has_ended(&self) -> bool {
        self.finish.is_some()
    }

    /// Takes one event of a stream, or the body of a whole reply.
    ///
    /// # Errors
    /// What the server says in it; `Garbled`, `TooLarge`, `Repetition`.
    pub(super) fn take(
        &mut self,
        event: &Json,
        on_delta: &mut (dyn FnMut(Delta) + Send),
    ) -> Result<(), ChatError> {
        if !event.is_object() {
            return Err(garbled("an event is no JSON object"));
        }
        if event.get("error").is_some_and(|e| !e.is_null()) {
            return Err(refusal::error_in(event, 200, None, self.secrets));
        }
        if let Some(usage) = lenient::usage(event.get("usage")) {
            self.usage = Some(usage);
        }
        if self.model.is_empty() {
            self.model = file_name(lenient::text(event.get("model")));
            self.count(self.model.len())?;
        }
        let choices = event.get("choices").and_then(Json::as_array);
        let first = choices.and_then(|c| c.iter().find(|c| c.get("index").is_none_or(is_zero)));
        first.map_or(Ok(()), |choice| self.take_choice(choice, on_delta))
    }

    fn take_choice(
        &mut self,
        choice: &Json,
        on_delta: &mut (dyn FnMut(Delta) + Send),
    ) -> Result<(), ChatError> {
        self.has_choice = true;
        // Servers that do not stream when asked to send the whole message instead of pieces.
        let said = ["delta", "message"].iter().find_map(|key| choice.get(key).filter(|m| m.is_object()));
        if let Some(said) = said {
            self.take_said(said, on_delta)?;
        }
        if let Some(mut more) = lenient::logprobs(choice.get("logprobs")) {
            self.logprobs.get_or_insert_default().append(&mut more);
        }
        self.finish = lenient::finish(choice.get("finish_reason")).or(self.finish.take());
        Ok(())
    }

    fn take_said(&mut self, said: &Json, on_delta: &mut (dyn FnMut(Delta) + Send)) -> Result<(), ChatError> {
        // Thoughts are not part of the reply, but show that it is coming.
        let thought = ["reasoning_content", "reasoning"].iter().any(|key| is_text(said.get(key)));
        self.has_begun |= thought;

        let text = lenient::text(said.get("content"));
        if !text.is_empty() {
            self.count(text.len())?;
            self.content.push_str(&text);
            if self.text_guard.is_stuck_after(&text) {
                return Err(stuck(&text));
            }
            on_delta(Delta::Text(text));
        }
        let refused = lenient::text(said.get("refusal"));
        self.count(refused.len())?;
        self.refusal.push_str(&refused);

        let pieces = said.get("tool_calls").and_then(Json::as_array);
        for piece in pieces.into_iter().flatten() {
            let id = piece.get("id").and_then(Json::as_str).map_or(0, str::len);
            let Some(delta) = self.calls.take(piece) else {
                return Err(ChatError::new(ChatErrorKind::TooLarge, "too many tool calls"));
            };
            self.has_begun = true;
            if let Delta::ToolCall { name, arguments, .. } = &delta {
                self.count(id + name.len() + arguments.len())?;
                if self.call_guard.is_stuck_after(arguments) {
                    return Err(stuck(arguments));
                }
            }
            on_delta(delta);
        }
        Ok(())
    }

    fn count(&mut self, bytes: usize) -> Result<(), ChatError> {
        self.has_begun |= bytes > 0 && self.has_choice;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.max_bytes {
            return Err(ChatError::new(ChatErrorKind::TooLarge, format!("over {} bytes", self.max_bytes)));
        }
        Ok(())
    }

    /// The reply, now that nothing more comes.
    ///
    /// # Errors
    /// `Empty` if there was none, `Cut` if it does not say that it ended, `Garbled` for a call without a name.
    pub(super) fn finish(self, request: &ChatRequest) -> Result<ChatReply, ChatError> {
        if !self.has_choice {
            return Err(ChatError::new(ChatErrorKind::Empty, "it has no choices"));
        }
        let Some(finish) = self.finish else {
            let inside = if self.calls.is_empty() { "the text" } else { "a tool call" };
            return Err(ChatError::new(ChatErrorKind::Cut, format!("it ended inside {inside}")));
        };
        let tool_calls = self.calls.finish().ok_or_else(|| garbled("a tool call has no name"))?;
        let refused = self.content.is_empty() && tool_calls.is_empty() && !self.refusal.is_empty();
        let finish = match finish {
            Finish::Stop if !tool_calls.is_empty() => Finish::ToolCalls,
            Finish::Stop if refused => Finish::ContentFilter,
            finish => finish,
        };
        let content = if refused { self.refusal } else { self.content };
        let usage = self.usage.unwrap_or_else(|| estimate(request, self.bytes));
        ChatReply { content, tool_calls, finish, usage, model: self.model, logprobs: self.logprobs }
            .fit_for(request)
    }
}

fn is_zero(index: &Json) -> bool {
    index.as_f64().is_none_or(|n| n == 0.0)
}

fn is_text(value: Option<&Json>) -> bool {
    value.and_then(Json::as_str).is_some_and(|text| !text.is_empty())
}

fn garbled(detail: &str) -> ChatError {
    ChatError::new(ChatErrorKind::Garbled, detail)
}

/// Tokens by the length of the text, so that a budget holds with servers that do not count.
fn estimate(request: &ChatRequest, reply_bytes: usize) -> Usage {
    let input: usize = request
        .messages
        .iter()
        .map(|m| m.content.len() + m.tool_calls.iter().map(|c| c.arguments.len()).sum::<usize>())
        .chain(request.tools.iter().map(|tool| tool.description.len() + tool.parameters.to_string().len()))
        .sum();
    let tokens = |bytes: usize| (bytes as u64).div_ceil(CHARACTERS_PER_TOKEN);
    Usage {
        input_tokens: tokens(input),
        output_tokens: tokens(reply_bytes),
        cached_tokens: 0,
        estimated: true,
    }
}

/// A server of local files may name a model by its path. Whose folders it is in is nobody's business: replies are kept in traces
/// and recordings.
fn file_name(name: String) -> String {
    let is_path = name.starts_with('/') || name.chars().nth(1) == Some(':');
    match name.rsplit(['/', '\\']).next() {
        Some(file) if is_path => file.to_owned(),
        _ => name,
    }
}

#[cfg(test)]
mod tests;
