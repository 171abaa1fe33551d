use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::clean::{SERVER_TEXT, clean};

/// Characters of our own detail that are kept: room for a path and a beginning.
const OWN_TEXT: usize = 1_000;

/// A model that did not answer, or not in a way that can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatError {
    kind: ChatErrorKind,
    #[serde(default)]
    model: String,
    #[serde(default)]
    detail: String,
}

/// The kinds of failure. Closed: one table gives each its stable name, whether the same request may work
/// later, what to call it and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatErrorKind {
    /// No connection: refused, no such host, no trust, or closed before any answer.
    Unreachable,
    /// It took too long.
    Timeout {
        /// Which wait.
        which: Wait,
    },
    /// Too many requests.
    RateLimited {
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// Nothing is left of what was paid for.
    QuotaExhausted,
    /// No key, or one that is not accepted.
    Unauthorised,
    /// No such address or model.
    NotFound,
    /// The server does not accept the request.
    BadRequest,
    /// The request and its reply do not fit.
    ContextTooLong {
        /// Tokens that would, if the server says so.
        limit: Option<u32>,
    },
    /// The server failed.
    Server {
        /// Its HTTP status; 200 if it said so inside a reply.
        status: u16,
    },
    /// The reply is not what such a server sends.
    Garbled,
    /// The reply ended before its end.
    Cut,
    /// There is no reply in the reply.
    Empty,
    /// `max_tokens` stopped a reply of which half is of no use.
    Truncated,
    /// The reply is larger than `max_reply_bytes`.
    TooLarge,
    /// The model says the same thing over and over.
    Repetition,
    /// The file of weights is not one that this process can run.
    Weights,
    /// The model in this process failed while it ran.
    Failed,
    /// A request that must not be sent: a tool call without an answer, no limit.
    InvalidRequest,
    /// Options that make no sense.
    BadOptions,
    /// The script has no reply left, or some left over.
    NotScripted,
    /// The cassette does not hold this request.
    NoRecording,
    /// The cassette cannot be read or written.
    Cassette,
}

/// Which wait ended a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// For a connection.
    Connect,
    /// For the first token, from the moment the request was made.
    FirstToken,
    /// For the next token.
    Stall,
    /// For everything, with all retries.
    Total,
}

impl Wait {
    fn name(self) -> &'static str {
        match self {
            Self::Connect => "a connection",
            Self::FirstToken => "the first token",
            Self::Stall => "the next token",
            Self::Total => "the reply",
        }
    }
}

struct Row {
    name: &'static str,
    retryable: bool,
    what: &'static str,
    remedy: &'static str,
}

impl ChatErrorKind {
    #[rustfmt::skip]
    fn row(&self) -> Row {
        let (name, retryable, what, remedy) = match self {
            Self::Unreachable => ("unreachable", true, "the server cannot be reached", "start it, or correct `base_url` or `proxy`"),
            Self::Timeout { which } => ("timeout", *which != Wait::Total, "it took too long", "ask for less, or raise `timeouts` in workspace.toml"),
            Self::RateLimited { .. } => ("rate_limited", true, "too many requests", "wait, or ask the provider for a higher limit"),
            Self::QuotaExhausted => ("quota_exhausted", false, "the quota is used up", "add credit, or use another model"),
            Self::Unauthorised => ("unauthorised", false, "the key is not accepted", "correct `key_env` or `key_file` in workspace.toml, or OPENAI_API_KEY"),
            Self::NotFound => ("not_found", false, "there is no such address or model", "correct `model` and `base_url`, which usually ends in /v1"),
            Self::BadRequest => ("bad_request", false, "the server does not accept the request", "use a model that can do this"),
            Self::ContextTooLong { .. } => ("context_too_long", false, "the request is longer than the model's context", "shorten the conversation, or use a model with a larger context"),
            Self::Server { status } => ("server", !matches!(status, 501 | 505), "the server failed", "try again, or look into the server's log"),
            Self::Garbled => ("garbled", false, "the reply makes no sense", "check that `base_url` is an OpenAI-compatible server"),
            Self::Cut => ("cut", true, "the reply was cut off", "try again, or look into the server's log"),
            Self::Empty => ("empty", true, "the reply is empty", "try again, or use another model"),
            Self::Truncated => ("truncated", false, "the reply did not fit", "raise `max_tokens`, or ask for less"),
            Self::TooLarge => ("too_large", false, "the reply is too large", "ask for less, or raise `max_reply_bytes`"),
            Self::Repetition => ("repetition", false, "the model repeats itself without end", "rephrase, or use a larger model"),
            Self::Weights => ("weights", false, "its weights cannot be used", "fetch them with `segue models pull`, or correct `model` in workspace.toml"),
            Self::Failed => ("failed", false, "the model in this process failed", "use another model, and report this"),
            Self::InvalidRequest => ("invalid_request", false, "the request breaks a rule of conversations", "report this: it is a defect"),
            Self::BadOptions => ("bad_options", false, "the model's options make no sense", "correct workspace.toml"),
            Self::NotScripted => ("not_scripted", false, "the script does not match", "add the reply to the script, or take it out"),
            Self::NoRecording => ("no_recording", false, "there is no recording of this request", "record it again"),
            Self::Cassette => ("cassette", false, "the cassette cannot be used", "correct the file or its path, or record it again"),
        };
        Row { name, retryable, what, remedy }
    }

    /// The stable name, as in JSON.
    pub fn name(&self) -> &'static str {
        self.row().name
    }

    /// Whether the same request may work later.
    pub fn is_retryable(&self) -> bool {
        self.row().retryable
    }

    /// What whoever runs this can do.
    pub fn remedy(&self) -> &'static str {
        self.row().remedy
    }
}

impl ChatError {
    /// A failure in our own words.
    pub fn new(kind: ChatErrorKind, detail: impl AsRef<str>) -> Self {
        Self { kind, model: String::new(), detail: clean(detail.as_ref(), OWN_TEXT) }
    }

    /// A failure in the server's words, which are cut short and cleaned. The caller has taken secrets out.
    pub(crate) fn quoted(kind: ChatErrorKind, words: &str) -> Self {
        Self { kind, model: String::new(), detail: clean(words, SERVER_TEXT) }
    }

    /// Says which model it was.
    #[must_use]
    pub(crate) fn of(mut self, model: &str) -> Self {
        self.model = clean(model, SERVER_TEXT);
        self
    }

    /// Which kind.
    pub fn kind(&self) -> &ChatErrorKind {
        &self.kind
    }

    /// The stable name of its kind.
    pub fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// What exactly happened, on one line; may be empty.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether the same request may work later.
    pub fn is_retryable(&self) -> bool {
        self.kind.is_retryable()
    }
}

impl fmt::Display for ChatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { what, remedy, .. } = self.kind.row();
        if !self.model.is_empty() {
            write!(f, "model `{}`: ", self.model)?;
        }
        f.write_str(what)?;
        match &self.kind {
            ChatErrorKind::Timeout { which } => write!(f, " (waiting for {})", which.name())?,
            ChatErrorKind::Server { status } if *status != 200 => write!(f, " (status {status})")?,
            ChatErrorKind::RateLimited { retry_after: Some(wait) } => {
                write!(f, " (it asks to wait {} s)", wait.as_secs())?;
            }
            ChatErrorKind::ContextTooLong { limit: Some(limit) } => write!(f, " ({limit} tokens)")?,
            _ => {}
        }
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        write!(f, "; {remedy}")
    }
}

impl std::error::Error for ChatError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_who_what_and_what_to_do() {
        let error = ChatError::quoted(ChatErrorKind::Server { status: 503 }, "over\u{7}loaded").of("small");
        assert_eq!(
            error.to_string(),
            "model `small`: the server failed (status 503): over loaded; try again, or look into the server's log"
        );
        assert!(error.is_retryable());
    }

    #[test]
    fn what_will_not_change_is_not_tried_again() {
        for (kind, retryable) in [
            (ChatErrorKind::Timeout { which: Wait::Stall }, true),
            (ChatErrorKind::Timeout { which: Wait::Total }, false),
            (ChatErrorKind::Server { status: 500 }, true),
            (ChatErrorKind::Server { status: 501 }, false),
            (ChatErrorKind::Unauthorised, false),
            (ChatErrorKind::Cut, true),
        ] {
            assert_eq!(kind.is_retryable(), retryable, "{kind:?}");
        }
    }

    #[test]
    fn an_error_survives_a_trace() {
        let error = ChatError::new(
            ChatErrorKind::RateLimited { retry_after: Some(Duration::from_secs(3)) },
            "slow down",
        );
        let text = serde_json::to_string(&error).unwrap();
        assert_eq!(serde_json::from_str::<ChatError>(&text).unwrap(), error);
    }
}
