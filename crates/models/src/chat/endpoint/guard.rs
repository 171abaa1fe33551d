//! Watches the bytes of a reply on their way in, so that no server can fill the memory or stop the reader.
//!
//! The client library reads a whole body however large it is, queues the events of a stream as fast as they come,
//! waits for ever for the end of a line, and reads on to the end when a byte is not UTF-8.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use crate::chat::{ChatError, ChatErrorKind, Wait};

/// What went wrong on the way in. The client library flattens errors inside a body to text, so the kind
/// travels beside it.
#[derive(Debug, Clone, Default)]
pub(super) struct Account(Arc<Mutex<Option<ChatError>>>);

impl Account {
    /// Writes an error down and gives a token for it that the library may flatten.
    pub(super) fn settle(&self, error: ChatError) -> Box<dyn Error + Send + Sync> {
        let token = error.name().into();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        token
    }

    /// The error that was written down.
    pub(super) fn take(&self) -> Option<ChatError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What a connection that failed means.
pub(super) fn connection_error(error: reqwest::Error) -> ChatError {
    let kind = match (error.is_connect(), error.is_timeout()) {
        (true, true) => ChatErrorKind::Timeout { which: Wait::Connect },
        (true, false) => ChatErrorKind::Unreachable,
        _ if error.is_body() || error.is_decode() => ChatErrorKind::Cut,
        _ => ChatErrorKind::Unreachable,
    };
    // The address is left out: it is known, and long.
    let error = error.without_url();
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        words = format!("{words}: {inner}");
        source = inner.source();
    }
    ChatError::quoted(kind, &words)
}

/// The watch over one body.
#[derive(Debug)]
pub(super) struct Guard {
    account: Account,
    /// Bytes of the whole body.
    pub(super) max_bytes: usize,
    /// Bytes of one line; in a stream, an event is one or a few.
    pub(super) max_line: usize,
    bytes: usize,
    line: usize,
    /// The beginning of a character whose rest has not come yet.
    begun: Vec<u8>,
}

impl Guard {
    pub(super) fn new(account: Account, max_bytes: usize, max_line: usize) -> Self {
        Self { account, max_bytes, max_line, bytes: 0, line: 0, begun: Vec::new() }
    }

    /// Lets a chunk through, or ends the body.
    pub(super) fn pass<B: AsRef<[u8]>>(
        &mut self,
        chunk: reqwest::Result<B>,
    ) -> Result<B, Box<dyn Error + Send + Sync>> {
        let checked = chunk.map_err(connection_error).and_then(|chunk| self.check(chunk));
        checked.map_err(|error| self.account.settle(error))
    }

    fn check<B: AsRef<[u8]>>(&mut self, chunk: B) -> Result<B, ChatError> {
        let bytes = chunk.as_ref();
        self.bytes = self.bytes.saturating_add(bytes.len());
        self.line = match bytes.iter().rposition(|b| *b == b'\n') {
            Some(at) => bytes.len() - at,
            None => self.line.saturating_add(bytes.len()),
        };
        if self.bytes > self.max_bytes || self.line > self.max_line {
            let limit = self.max_bytes.min(self.max_line);
            return Err(ChatError::new(ChatErrorKind::TooLarge, format!("over {limit} bytes on the wire")));
        }
        if self.is_utf8_with(bytes) {
            Ok(chunk)
        } else {
            Err(ChatError::new(ChatErrorKind::Garbled, "it is not valid UTF-8"))
        }
    }

    /// Whether the text so far is valid, but for a character that has only begun.
    fn is_utf8_with(&mut self, bytes: &[u8]) -> bool {
        let joined;
        let bytes = if self.begun.is_empty() {
            bytes
        } else {
            joined = [self.begun.as_slice(), bytes].concat();
            &joined
        };
        match std::str::from_utf8(bytes) {
            Ok(_) => {
                self.begun = Vec::new();
                true
            }
            Err(error) if error.error_len().is_none() => {
                self.begun = bytes.get(error.valid_up_to()..).unwrap_or_default().to_vec();
                true
            }
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(chunks: &[&[u8]]) -> &'static str {
        let account = Account::default();
        let mut guard = Guard::new(account.clone(), 100, 20);
        for chunk in chunks {
            if guard.pass(Ok(*chunk)).is_err() {
                return account.take().map_or("lost", |error| error.name());
            }
        }
        "fine"
    }

    #[test]
    fn what_would_fill_the_memory_is_stopped() {
        assert_eq!(outcome(&[b"data: 1\n\n", b"data: 2\n\n"]), "fine");
        assert_eq!(outcome(&[b"0123456789".as_slice(); 3]), "too_large");
        assert_eq!(outcome(&[b"012345678\n".as_slice(); 10]), "fine");
        assert_eq!(outcome(&[b"012345678\n".as_slice(); 11]), "too_large");
    }

    #[test]
    fn characters_may_be_split_between_chunks_but_not_broken() {
        assert_eq!(outcome(&["é".as_bytes()]), "fine");
        assert_eq!(outcome(&[b"a\xc3", b"\xa9b"]), "fine");
        assert_eq!(outcome(&[b"\xf0\x9f", b"\x98", b"\x80"]), "fine");
        assert_eq!(outcome(&[b"a\xc3", b"b"]), "garbled");
        assert_eq!(outcome(&[b"\xff"]), "garbled");
    }
}
