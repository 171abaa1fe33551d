//! The physical lines of a text file, with a bound on their length.

use std::collections::VecDeque;
use std::fmt;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use super::text::{self, Bytes};
use super::{MAX_LINE, SourceError};

/// A line with its number, without its line feed.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) bytes: Vec<u8>,
    /// True if the line was longer than [`MAX_LINE`] and only its beginning is here.
    pub(super) cut: bool,
}

/// Reads lines and takes back those that were read too far.
pub(super) struct Lines {
    path: PathBuf,
    reader: Bytes,
    number: u64,
    returned: VecDeque<Line>,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("path", &self.path)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl Lines {
    /// The lines of what is read from a file.
    pub(super) fn of(path: &Path, reader: Bytes) -> Self {
        Self { path: path.to_owned(), reader, number: 0, returned: VecDeque::new() }
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Line>, SourceError> {
        if let Some(line) = self.returned.pop_front() {
            return Ok(Some(line));
        }
        let mut bytes = Vec::with_capacity(256);
        let mut read = self.read_until(&mut bytes)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let mut cut = false;
        while bytes.last() != Some(&b'\n') && read > 0 && bytes.len() >= MAX_LINE {
            // Too long: the beginning is kept, the rest is read and forgotten.
            cut = true;
            let mut rest = Vec::new();
            read = self.read_until(&mut rest)?;
            if rest.last() == Some(&b'\n') {
                break;
            }
        }
        while matches!(bytes.last(), Some(b'\n' | b'\r')) {
            bytes.pop();
        }
        Ok(Some(Line { number: self.number, bytes, cut }))
    }

    /// Takes lines back: they are the next to be read.
    pub(super) fn put_back(&mut self, lines: impl DoubleEndedIterator<Item = Line>) {
        for line in lines.rev() {
            self.returned.push_front(line);
        }
    }

    fn read_until(&mut self, bytes: &mut Vec<u8>) -> Result<usize, SourceError> {
        (&mut self.reader)
            .take(MAX_LINE as u64)
            .read_until(b'\n', bytes)
            .map_err(|e| text::cannot_read(&self.path, e))
    }
}
