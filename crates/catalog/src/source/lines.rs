//! The physical lines of a text file, with a bound on their length.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use segue_world::{FileError, fs};

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
#[derive(Debug)]
pub(super) struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    number: u64,
    returned: VecDeque<Line>,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let reader = fs::open(path)?;
        Ok(Self { path: path.to_owned(), reader, number: 0, returned: VecDeque::new() })
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
        if self.number == 1 && bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
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
            .map_err(|source| FileError { action: "read", path: self.path.clone(), source }.into())
    }
}

/// The first bytes of a file.
pub(super) fn head(path: &Path, len: u64) -> Result<Vec<u8>, SourceError> {
    let mut bytes = Vec::new();
    let read = fs::open(path)?.take(len).read_to_end(&mut bytes);
    read.map_err(|source| FileError { action: "read", path: path.to_owned(), source })?;
    Ok(bytes)
}
