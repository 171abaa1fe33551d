//! A JSON array as JSON Lines: each of its elements on a line of its own, so that it is read in bounded memory.

use std::io::{BufRead, Error, ErrorKind, Read, Result};

/// Reads the array that `inner` holds.
#[derive(Debug)]
pub(super) struct Elements<R> {
    inner: R,
    /// Brackets and braces that are open.
    depth: u32,
    is_text: bool,
    is_escaped: bool,
    is_over: bool,
}

impl<R> Elements<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, depth: 0, is_text: false, is_escaped: false, is_over: false }
    }

    /// The byte that stands for this one; `None` for what is between elements.
    fn turn(&mut self, byte: u8) -> Result<Option<u8>> {
        if self.is_text {
            (self.is_text, self.is_escaped) = match byte {
                _ if self.is_escaped => (true, false),
                b'\\' => (true, true),
                b'"' => (false, false),
                _ => (true, false),
            };
            return Ok(Some(byte));
        }
        let is_space = byte.is_ascii_whitespace();
        match (self.depth, byte) {
            (0, b'[') if !self.is_over => self.depth = 1,
            (0, _) if is_space => {}
            (0, _) => return Err(Error::new(ErrorKind::InvalidData, "something stands beside the array")),
            (1, b',') => return Ok(Some(b'\n')),
            (1, b']') => (self.depth, self.is_over) = (0, true),
            (1, _) if is_space => {}
            (_, _) if is_space => return Ok(Some(b' ')),
            _ => {
                match byte {
                    b'"' => self.is_text = true,
                    b'[' | b'{' => self.depth = self.depth.saturating_add(1),
                    b']' | b'}' => self.depth -= 1,
                    _ => {}
                }
                return Ok(Some(byte));
            }
        }
        Ok(None)
    }
}

impl<R: BufRead> Read for Elements<R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let mut written = 0;
        while written == 0 && !out.is_empty() {
            let available = self.inner.fill_buf()?;
            let some = available.get(..out.len().min(available.len())).unwrap_or_default().to_vec();
            if some.is_empty() {
                if self.depth > 0 || self.is_text {
                    return Err(Error::new(ErrorKind::UnexpectedEof, "the array is not closed"));
                }
                break;
            }
            self.inner.consume(some.len());
            for byte in some {
                if let (Some(turned), Some(place)) = (self.turn(byte)?, out.get_mut(written)) {
                    *place = turned;
                    written += 1;
                }
            }
        }
        Ok(written)
    }
}
