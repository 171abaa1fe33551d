//! A model behind an OpenAI-compatible server.

mod assembly;
mod backoff;
mod calls;
mod guard;
mod lenient;
mod listing;
mod options;
mod refusal;
mod transport;
mod wire;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_openai::Client;
use async_openai::config::Config;
use async_openai::error::OpenAIError;
use async_openai::types::stream::StreamResponse;
use futures_util::StreamExt;
use reqwest::header::HeaderMap;
use secrecy::SecretString;
use segue_world::World;
use serde_json::Value as Json;
use tokio::time::{Instant, sleep, timeout};

use assembly::Assembly;
use guard::{Account, connection_error};
pub use listing::ListingError;
pub use options::{EndpointOptions, OPENAI_BASE_URL};
use transport::Transport;
use wire::{Dialect, WireRequest};

use super::{ChatError, ChatErrorKind, ChatModel, ChatReply, ChatRequest, Completion, Delta, Secrets, Wait};

/// After a reply has said that it ended only the usage can follow; it is not waited for longer than this.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A model behind an OpenAI-compatible server.
pub struct Endpoint {
    options: EndpointOptions,
    world: Arc<dyn World>,
    client: Client<Address>,
    http: reqwest::Client,
    secrets: Secrets,
    dialect: Mutex<Dialect>,
}

impl Endpoint {
    /// Checks the options; nothing is sent.
    ///
    /// # Errors
    /// `BadOptions`, saying which.
    pub fn new(options: EndpointOptions, world: Arc<dyn World>) -> Result<Self, ChatError> {
        let make = || {
            let address = Address {
                base_url: options.address()?,
                headers: options.header_map()?,
                // The header is made once and for all above; the library needs this only for realtime connections.
                key: SecretString::from(""),
            };
            let http = options.http_client()?;
            Ok((Client::build(http.clone(), address), http))
        };
        let (client, http) = make().map_err(|error: ChatError| error.of(&options.model))?;
        let secrets = options.secrets();
        Ok(Self { options, world, client, http, secrets, dialect: Mutex::default() })
    }

    /// The options it was made with.
    pub fn options(&self) -> &EndpointOptions {
        &self.options
    }

    async fn attempts(
        &self,
        request: &ChatRequest,
        on_delta: &mut (dyn FnMut(Delta) + Send),
    ) -> Result<ChatReply, ChatError> {
        let started = Instant::now();
        let mut attempt = 0;
        loop {
            let mut has_told = false;
            let mut tell = |delta| {
                has_told = true;
                on_delta(delta);
            };
            let error = match self.in_a_dialect(request, &mut tell).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            if attempt >= self.options.max_retries || !error.is_retryable() {
                return Err(error);
            }
            // What would end after the total time-out is not begun; the error at hand says more than that would.
            let wait = backoff::wait_before_retry(&self.options, &*self.world, attempt, &error)
                .filter(|wait| started.elapsed().saturating_add(*wait) < self.options.total_timeout);
            let Some(wait) = wait else { return Err(error) };
            sleep(wait).await;
            if has_told {
                on_delta(Delta::Restart);
            }
            attempt += 1;
        }
    }

    /// Asks in the dialect learnt so far, and in another if the refusal points to one.
    async fn in_a_dialect(
        &self,
        request: &ChatRequest,
        on_delta: &mut (dyn FnMut(Delta) + Send),
    ) -> Result<ChatReply, ChatError> {
        loop {
            let dialect = *self.dialect.lock().unwrap_or_else(PoisonError::into_inner);
            let error = match self.attempt(request, dialect, on_delta).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            let Some(next) = dialect.after(&error) else { return Err(error) };
            *self.dialect.lock().unwrap_or_else(PoisonError::into_inner) = next;
        }
    }

    async fn attempt(
        &self,
        request: &ChatRequest,
        dialect: Dialect,
        on_delta: &mut (dyn FnMut(Delta) + Send),
    ) -> Result<ChatReply, ChatError> {
        let account = Account::default();
        let transport = Transport {
            http: self.http.clone(),
            world: Arc::clone(&self.world),
            secrets: self.secrets.clone(),
            account: account.clone(),
            stream: self.options.stream,
            max_reply_bytes: self.options.max_reply_bytes,
            is_wordy: self.options.stream || request.logprobs.is_some(),
        };
        let client = self.client.clone().with_http_service(transport);
        let wire = WireRequest::new(&self.options.model, request, self.options.stream, dialect);
        let mut assembly = Assembly::new(self.options.max_reply_bytes, &self.secrets);
        let told = |error| account.take().unwrap_or_else(|| library_error(error));
        if self.options.stream {
            self.read_stream(client, wire, &mut assembly, on_delta, &told).await?;
        } else {
            let body: Json = client.chat().create_byot(wire).await.map_err(told)?;
            assembly.take(&body, on_delta)?;
        }
        assembly.finish(request)
    }

    async fn read_stream(
        &self,
        client: Client<Address>,
        wire: WireRequest<'_>,
        assembly: &mut Assembly<'_>,
        on_delta: &mut (dyn FnMut(Delta) + Send),
        told: &(dyn Fn(OpenAIError) -> ChatError + Sync),
    ) -> Result<(), ChatError> {
        let started = Instant::now();
        let late = |which| ChatError::new(ChatErrorKind::Timeout { which }, "");
        let patience = self.options.first_token_timeout;
        let mut events: StreamResponse<Json> = timeout(patience, client.chat().create_stream_byot(wire))
            .await
            .map_err(|_| late(Wait::FirstToken))?
            .map_err(told)?;
        loop {
            let (which, wait) = match (assembly.has_ended(), assembly.has_begun()) {
                (true, _) => (Wait::Stall, LAST_WORDS.min(self.options.stall_timeout)),
                (false, true) => (Wait::Stall, self.options.stall_timeout),
                (false, false) => (Wait::FirstToken, patience.saturating_sub(started.elapsed())),
            };
            match timeout(wait, events.next()).await {
                Ok(Some(Ok(event))) => assembly.take(&event, on_delta)?,
                // A reply that has ended is whole, whatever happens to the connection afterwards.
                Ok(None | Some(Err(_))) | Err(_) if assembly.has_ended() => return Ok(()),
                Ok(None) => return Ok(()),
                Ok(Some(Err(error))) => return Err(told(error)),
                Err(_) => return Err(late(which)),
            }
        }
    }
}

impl ChatModel for Endpoint {
    fn name(&self) -> &str {
        &self.options.model
    }

    fn context_window(&self) -> Option<u32> {
        self.options.context_window
    }

    fn secrets(&self) -> Secrets {
        self.secrets.clone()
    }

    fn complete<'a>(
        &'a self,
        request: &'a ChatRequest,
        on_delta: &'a mut (dyn FnMut(Delta) + Send),
    ) -> Completion<'a> {
        Box::pin(async move {
            let total = ChatErrorKind::Timeout { which: Wait::Total };
            let answered = async {
                request.check()?;
                timeout(self.options.total_timeout, self.attempts(request, on_delta))
                    .await
                    .unwrap_or_else(|_| Err(ChatError::new(total, "")))
            };
            answered.await.map_err(|error| error.of(&self.options.model))
        })
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("options", &self.options).finish_non_exhaustive()
    }
}

/// An error of the library's own making: what the transport finds is on its account.
fn library_error(error: OpenAIError) -> ChatError {
    let garbled = |words: &str| ChatError::quoted(ChatErrorKind::Garbled, words);
    match error {
        OpenAIError::JSONDeserialize(error, _) if error.is_eof() => {
            ChatError::quoted(ChatErrorKind::Cut, &error.to_string())
        }
        // Without its second part, which is the whole body.
        OpenAIError::JSONDeserialize(error, _) => garbled(&format!("it is not JSON: {error}")),
        OpenAIError::Reqwest(error) => connection_error(error),
        OpenAIError::StreamError(error) => garbled(&error.to_string()),
        _ => garbled("the client library failed"),
    }
}

/// Where requests go. The library's own would take the address and the key from the environment, and panic
/// on a key that cannot be a header.
#[derive(Debug, Clone)]
struct Address {
    base_url: String,
    headers: HeaderMap,
    key: SecretString,
}

impl Config for Address {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        &self.base_url
    }

    fn api_key(&self) -> &SecretString {
        &self.key
    }
}
