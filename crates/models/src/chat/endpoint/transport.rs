//! How a request gets to the server and its answer back: below the client library, through its own hook.
//!
//! The library decodes errors strictly (a number as `code` loses the whole message), retries by a policy of its own
//! and bounds nothing, so all of that is done here: it only ever sees a successful answer of bounded size.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_openai::middleware::HttpRequestFactory;
use futures_util::StreamExt;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Body, Response};
use segue_world::World;
use tower::BoxError;

use super::backoff::retry_after;
use super::guard::{Account, Guard, connection_error};
use super::refusal::Refusal;
use crate::chat::clean::clean;
use crate::chat::{ChatError, ChatErrorKind, Secrets};

/// Bytes of a refusal that are read.
const REFUSAL_BYTES: usize = 1 << 16;
/// Where each token comes with an envelope of its own, the wire may carry so many times the text.
const ENVELOPE: usize = 16;

/// The way there and back for one attempt.
#[derive(Clone)]
pub(super) struct Transport {
    pub(super) http: reqwest::Client,
    pub(super) world: Arc<dyn World>,
    pub(super) secrets: Secrets,
    pub(super) account: Account,
    pub(super) stream: bool,
    /// Bytes of text in a reply.
    pub(super) max_reply_bytes: usize,
    /// Whether each token comes with an envelope.
    pub(super) is_wordy: bool,
}

impl Transport {
    async fn exchange(&self, factory: HttpRequestFactory) -> Result<Response, ChatError> {
        let request = factory.build().await.map_err(|e| {
            ChatError::quoted(ChatErrorKind::BadOptions, &format!("the request cannot be built: {e}"))
        })?;
        let response = self.http.execute(request).await.map_err(connection_error)?;
        if !response.status().is_success() {
            return Err(self.refused(response).await);
        }
        let kind = ContentType::of(&response);
        match kind {
            ContentType::Json if self.stream => self.as_one_event(response).await,
            ContentType::Json | ContentType::Unknown => Ok(self.watched(response)),
            ContentType::Events if self.stream => Ok(self.watched(response)),
            ContentType::Events => Err(unexpected("a stream of events")),
            ContentType::Other(name) => Err(unexpected(&format!("`{name}`"))),
        }
    }

    async fn refused(&self, mut response: Response) -> ChatError {
        let header =
            |name| response.headers().get(name).and_then(|v: &reqwest::header::HeaderValue| v.to_str().ok());
        let retry_after = header(RETRY_AFTER).and_then(|value| retry_after(value, self.world.now()));
        let status = response.status().as_u16();
        // A refusal that cannot be read to its end is still one.
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = REFUSAL_BYTES.saturating_sub(body.len());
            body.extend(chunk.iter().take(room));
            if room <= chunk.len() {
                break;
            }
        }
        Refusal { status, retry_after, body: &body }.to_error(&self.secrets)
    }

    fn guard(&self) -> Guard {
        let times = if self.is_wordy { ENVELOPE } else { 1 };
        let max_bytes = self.max_reply_bytes.saturating_mul(times);
        let max_line = if self.stream { self.max_reply_bytes } else { max_bytes };
        Guard::new(self.account.clone(), max_bytes, max_line)
    }

    fn watched(&self, response: Response) -> Response {
        let mut guard = self.guard();
        answer(Body::wrap_stream(response.bytes_stream().map(move |chunk| guard.pass(chunk))))
    }

    /// A server that does not stream answers with one document; it becomes a stream of one event.
    async fn as_one_event(&self, mut response: Response) -> Result<Response, ChatError> {
        let mut guard = self.guard();
        guard.max_line = guard.max_bytes;
        let mut event = b"data: ".to_vec();
        while let Some(chunk) = response.chunk().await.map_err(connection_error)? {
            let passed = guard.pass(Ok(&chunk)).map_err(|_| self.reason())?;
            // A line break in JSON stands between values, never inside a string.
            event.extend(passed.iter().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { *b }));
        }
        event.extend(b"\n\n");
        Ok(answer(Body::from(event)))
    }

    fn reason(&self) -> ChatError {
        self.account.take().unwrap_or_else(|| ChatError::new(ChatErrorKind::Garbled, ""))
    }
}

impl tower::Service<HttpRequestFactory> for Transport {
    type Response = Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, factory: HttpRequestFactory) -> Self::Future {
        let this = self.clone();
        Box::pin(async move { this.exchange(factory).await.map_err(|error| this.account.settle(error)) })
    }
}

fn answer(body: Body) -> Response {
    Response::from(http::Response::new(body))
}

fn unexpected(what: &str) -> ChatError {
    ChatError::new(ChatErrorKind::Garbled, format!("the server answered with {what}"))
}

/// What a body says it is.
enum ContentType {
    Json,
    Events,
    /// Nothing said, or plain text: decoding will tell.
    Unknown,
    Other(String),
}

impl ContentType {
    fn of(response: &Response) -> Self {
        let Some(header) = response.headers().get(CONTENT_TYPE) else { return Self::Unknown };
        let text = header.to_str().unwrap_or("?").to_ascii_lowercase();
        let name = text.split(';').next().unwrap_or_default().trim();
        match name {
            "text/event-stream" => Self::Events,
            "" | "text/plain" | "application/octet-stream" => Self::Unknown,
            json if json.ends_with("json") => Self::Json,
            other => Self::Other(clean(other, 60)),
        }
    }
}
