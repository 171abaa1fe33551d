//! What a server means when it says no. Everything it says is untrusted.

use std::time::Duration;

use serde_json::Value as Json;

use crate::chat::{ChatError, ChatErrorKind, Secrets};

/// A refusal: an HTTP status other than success, or an error inside a reply.
#[derive(Debug)]
pub(super) struct Refusal<'a> {
    /// The HTTP status.
    pub(super) status: u16,
    /// What the server asks to wait.
    pub(super) retry_after: Option<Duration>,
    /// The beginning of the body.
    pub(super) body: &'a [u8],
}

impl Refusal<'_> {
    /// The error it stands for; `secrets` are taken out of the server's words.
    pub(super) fn to_error(&self, secrets: &Secrets) -> ChatError {
        match serde_json::from_slice::<Json>(self.body) {
            Ok(json) => error_in(&json, self.status, self.retry_after, secrets),
            Err(_) => {
                let text = String::from_utf8_lossy(self.body);
                let words = if text.trim_start().starts_with('<') { "it sent a web page" } else { &text };
                ChatError::quoted(
                    kind(self.status, self.retry_after, "", words, None),
                    &secrets.without(words),
                )
            }
        }
    }
}

/// The error in a JSON body: `{"error": {"message", "type", "code"}}` and the variants in use: the error as text,
/// the message beside it, the code as a number.
pub(super) fn error_in(
    body: &Json,
    status: u16,
    retry_after: Option<Duration>,
    secrets: &Secrets,
) -> ChatError {
    let error = body.get("error").filter(|e| !e.is_null()).unwrap_or(body);
    let words = error
        .as_str()
        .or_else(|| ["message", "detail", "error"].iter().find_map(|key| error.get(key)?.as_str()))
        .or_else(|| body.get("message")?.as_str())
        .map_or_else(|| error.to_string(), str::to_owned);
    let code = error.get("code").and_then(Json::as_u64).and_then(|c| u16::try_from(c).ok());
    // An error inside a reply comes with status 200; its code then says more.
    let status = code.filter(|c| status == 200 && (400..600).contains(c)).unwrap_or(status);
    let labels: Vec<&str> = ["type", "code"].iter().filter_map(|key| error.get(key)?.as_str()).collect();
    let limit = error.get("n_ctx").and_then(Json::as_u64).and_then(|n| u32::try_from(n).ok());
    ChatError::quoted(kind(status, retry_after, &labels.join(" "), &words, limit), &secrets.without(&words))
}

fn kind(
    status: u16,
    retry_after: Option<Duration>,
    labels: &str,
    words: &str,
    limit: Option<u32>,
) -> ChatErrorKind {
    let words = words.to_lowercase();
    let says = |any: &[&str]| any.iter().any(|one| words.contains(one) || labels.contains(one));
    let too_long = says(&TOO_LONG);
    match status {
        401 | 403 => ChatErrorKind::Unauthorised,
        402 => ChatErrorKind::QuotaExhausted,
        429 if says(&NO_CREDIT) => ChatErrorKind::QuotaExhausted,
        429 => ChatErrorKind::RateLimited { retry_after },
        200 if says(&["rate_limit"]) => ChatErrorKind::RateLimited { retry_after },
        200 | 400..600 if too_long => {
            ChatErrorKind::ContextTooLong { limit: limit.or_else(|| number_after_phrase(&words)) }
        }
        300..400 | 404 | 405 => ChatErrorKind::NotFound,
        408 | 409 | 425 => ChatErrorKind::Server { status },
        400..500 => ChatErrorKind::BadRequest,
        _ => ChatErrorKind::Server { status },
    }
}

/// How the usual servers say that a request does not fit.
const TOO_LONG: [&str; 9] = [
    "context_length_exceeded",
    "exceed_context_size",
    "maximum context length",
    "context size",
    "context length",
    "context window",
    "prompt is too long",
    "input is too long",
    "too many tokens",
];

const NO_CREDIT: [&str; 3] = ["insufficient_quota", "exceeded your current quota", "billing"];

/// The number after words such as `maximum context length is`.
fn number_after_phrase(words: &str) -> Option<u32> {
    let phrase = ["context length", "context size", "context window"];
    let rest = phrase.iter().find_map(|p| words.split_once(p))?.1;
    let rest = rest.get(rest.find(|c: char| c.is_ascii_digit())?..)?;
    let digits: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
    digits.replace(',', "").parse().ok().filter(|n| *n >= 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> ChatError {
        Refusal { status, retry_after: None, body: body.as_bytes() }
            .to_error(&Secrets::new(vec!["sk-hush-hush".into()]))
    }

    #[test]
    fn refusals_are_told_apart() {
        use ChatErrorKind as Kind;
        for (status, body, expected) in [
            (401, "", Kind::Unauthorised),
            (404, r#"{"error":"model 'x' not found"}"#, Kind::NotFound),
            (302, "", Kind::NotFound),
            (429, r#"{"error":{"message":"slow down","code":429}}"#, Kind::RateLimited { retry_after: None }),
            (
                429,
                r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#,
                Kind::QuotaExhausted,
            ),
            (
                400,
                r#"{"error":{"message":"This model's maximum context length is 8,192 tokens, not 9000"}}"#,
                Kind::ContextTooLong { limit: Some(8192) },
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"too big","type":"exceed_context_size_error","n_ctx":2048}}"#,
                Kind::ContextTooLong { limit: Some(2048) },
            ),
            (400, r#"{"error":{"message":"no such field","code":null}}"#, Kind::BadRequest),
            (500, "<html>oops</html>", Kind::Server { status: 500 }),
            (200, r#"{"error":{"message":"overloaded","code":503}}"#, Kind::Server { status: 503 }),
            (200, r#"{"error":{"message":"oops"}}"#, Kind::Server { status: 200 }),
        ] {
            assert_eq!(*read(status, body).kind(), expected, "{status} {body}");
        }
    }

    #[test]
    fn words_are_kept_short_and_without_the_key() {
        let error =
            read(401, r#"{"error":{"message":"Incorrect API key provided: sk-hush-hush.\u001b[31m"}}"#);
        assert_eq!(error.detail(), "Incorrect API key provided: [redacted]. [31m");
        assert_eq!(read(500, "<!doctype html><p>sk-hush-hush").detail(), "it sent a web page");
        assert_eq!(read(500, &"x".repeat(5000)).detail().chars().count(), 300);
        assert_eq!(
            read(422, r#"{"detail":[{"loc":["body"]}]}"#).detail(),
            r#"{"detail":[{"loc":["body"]}]}"#
        );
        assert_eq!(read(500, "\u{0}").detail(), "");
    }
}
