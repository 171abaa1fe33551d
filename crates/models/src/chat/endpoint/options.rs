use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::chat::{ChatError, ChatErrorKind, Secrets};

/// The address of OpenAI's own service.
pub const OPENAI_BASE_URL: &str = "https://api.openai.com/v1";

/// Where a model is and how patient to be with it.
#[derive(Clone)]
pub struct EndpointOptions {
    /// Address that `/chat/completions` is added to; it usually ends in `/v1`.
    pub base_url: String,
    /// Sent as a bearer token.
    pub key: Option<SecretString>,
    /// The model, as the server names it.
    pub model: String,
    /// Further headers. Their values are never shown.
    pub headers: BTreeMap<String, String>,
    /// Address of a proxy. Nothing is taken from the environment here.
    pub proxy: Option<String>,
    /// Hosts that need none, separated by commas, as in `NO_PROXY`.
    pub no_proxy: Option<String>,
    /// Wait for a connection.
    pub connect_timeout: Duration,
    /// Wait for the first token, from the request. Only where replies are streamed.
    pub first_token_timeout: Duration,
    /// Wait for each further token. Only where replies are streamed.
    pub stall_timeout: Duration,
    /// Wait for everything, with all retries.
    pub total_timeout: Duration,
    /// How often a failed request is made again.
    pub max_retries: u32,
    /// The wait before a retry is drawn from 0 to this, doubled each time.
    pub backoff: Duration,
    /// The longest wait before a retry. A server that asks for more is not asked again.
    pub max_backoff: Duration,
    /// Bytes that a reply may have: its text and calls where it is streamed, and its whole body where it is not.
    pub max_reply_bytes: usize,
    /// Whether to take replies in pieces. It finds a dead server earlier.
    pub stream: bool,
    /// Tokens of request and reply together, if known.
    pub context_window: Option<u32>,
}

impl EndpointOptions {
    /// A model at an address, without a key and with patience for a slow machine.
    pub fn new(base_url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            key: None,
            model: model.into(),
            headers: BTreeMap::new(),
            proxy: None,
            no_proxy: None,
            connect_timeout: Duration::from_secs(5),
            first_token_timeout: Duration::from_mins(1),
            stall_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_mins(5),
            max_retries: 2,
            backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(20),
            max_reply_bytes: 1 << 20,
            stream: true,
            context_window: None,
        }
    }

    /// What must not be shown or stored wherever it turns up: the key, and headers that are named like one. Others
    /// (`x-title: Segue`) hold words that may well occur in a conversation.
    pub fn secrets(&self) -> Secrets {
        let headers = self.headers.iter().filter(|(name, _)| {
            let name = name.to_ascii_lowercase();
            ["auth", "key", "token", "secret", "password", "cookie"].iter().any(|part| name.contains(part))
        });
        let values = headers.map(|(_, value)| SecretString::from(value.as_str()));
        Secrets::new(self.key.iter().cloned().chain(values).collect())
    }

    /// The address without a slash at its end.
    ///
    /// # Errors
    /// `BadOptions` if it is no address, or has a password or a query in it: those would be shown and stored.
    pub(super) fn address(&self) -> Result<String, ChatError> {
        let address = self.base_url.trim().trim_end_matches('/');
        let url = reqwest::Url::parse(address).map_err(|e| bad(&format!("`base_url` is no address: {e}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad("`base_url` must begin with http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err(bad("`base_url` must have no password and no query; use `key_env` or `headers`"));
        }
        Ok(address.to_owned())
    }

    /// The headers of each request, marked as secret.
    ///
    /// # Errors
    /// `BadOptions` if a name or a value cannot be a header; the value is not shown.
    pub(super) fn header_map(&self) -> Result<HeaderMap, ChatError> {
        let mut map = HeaderMap::new();
        if let Some(key) = &self.key {
            let value = secret_header(&format!("Bearer {}", key.expose_secret()))
                .ok_or_else(|| bad("the key has characters that a key cannot have"))?;
            map.insert(AUTHORIZATION, value);
        }
        for (name, value) in &self.headers {
            let header = HeaderName::try_from(name.as_str())
                .map_err(|_| bad(&format!("`{name}` cannot be the name of a header")))?;
            let value = secret_header(value)
                .ok_or_else(|| bad(&format!("the header `{name}` has characters that it cannot have")))?;
            map.insert(header, value);
        }
        Ok(map)
    }

    /// The connection. The library's own would read proxies from the environment and follow redirects, which
    /// would carry the key to another host.
    pub(super) fn http_client(&self) -> Result<reqwest::Client, ChatError> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(self.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("segue/", env!("CARGO_PKG_VERSION")))
            .no_proxy();
        if let Some(proxy) = &self.proxy {
            let proxy = reqwest::Proxy::all(proxy).map_err(|_| bad("`proxy` is no address"))?;
            let but = self.no_proxy.as_deref().and_then(reqwest::NoProxy::from_string);
            builder = builder.proxy(proxy.no_proxy(but));
        }
        builder.build().map_err(|e| bad(&format!("no connection can be made: {e}")))
    }
}

fn secret_header(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn bad(detail: &str) -> ChatError {
    ChatError::new(ChatErrorKind::BadOptions, detail)
}

impl fmt::Debug for EndpointOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointOptions")
            .field("base_url", &self.base_url)
            .field("model", &self.model)
            .field("key", &self.key.as_ref().map(|_| "[redacted]"))
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_hold_secrets_or_are_none_are_refused() {
        for (address, fine) in [
            ("http://127.0.0.1:8080/v1/", true),
            ("https://example.org", true),
            ("ftp://example.org", false),
            ("example.org/v1", false),
            ("https://me:secret@example.org/v1", false),
            ("https://example.org/v1?key=secret", false),
            ("", false),
        ] {
            let found = EndpointOptions::new(address, "m").address();
            assert_eq!(found.is_ok(), fine, "{address}");
            assert!(!format!("{found:?}").contains("secret"));
        }
    }

    #[test]
    fn no_secret_is_shown() {
        let mut options = EndpointOptions::new("http://localhost/v1", "m");
        options.key = Some("sk-hush-hush".into());
        options.headers.insert("x-key".to_owned(), "hush-too".to_owned());
        options.headers.insert("x-title".to_owned(), "Segue".to_owned());
        assert_eq!(options.secrets().without("sk-hush-hush hush-too Segue"), "[redacted] [redacted] Segue");
        let headers = options.header_map().unwrap();
        for shown in [format!("{options:?}"), format!("{headers:?}")] {
            assert!(!shown.contains("hush"), "{shown}");
        }
        options.key = Some("sk-\nhush".into());
        let error = options.header_map().unwrap_err().to_string();
        assert!(error.contains("the key has characters") && !error.contains("hush"), "{error}");
    }
}
