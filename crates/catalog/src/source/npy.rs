//! Matrices of NumPy (`.npy`, NEP 1): a row after the other, of numbers of half, single or double precision.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use segue_world::fs;

use super::{SourceError, text};

/// The longest description that is read, in bytes.
const LONGEST: usize = 64 << 10;

/// A matrix that is open.
#[derive(Debug)]
pub(crate) struct Matrix {
    file: BufReader<File>,
    bytes: Vec<u8>,
    size: usize,
    is_big: bool,
    /// Rows.
    pub(crate) rows: u64,
}

/// True if the file is such a matrix.
pub(crate) fn is_npy(path: &Path) -> bool {
    text::raw_head(path, 6).is_ok_and(|head| head == b"\x93NUMPY")
}

impl Matrix {
    /// Opens a file and reads what it says of itself.
    pub(crate) fn open(path: &Path) -> Result<Self, SourceError> {
        let wrong = |reason: String| SourceError::Format { path: path.to_owned(), reason };
        let mut file = fs::open(path)?;
        let mut take = |n: usize| {
            let mut bytes = vec![0; n];
            file.read_exact(&mut bytes).map_err(|e| text::cannot_read(path, e)).map(|()| bytes)
        };
        let head = take(8)?;
        let length = match head.get(6) {
            Some(1) => take(2)?,
            _ => take(4)?,
        };
        let length = length.iter().rev().fold(0, |n: usize, b| n << 8 | usize::from(*b));
        if length > LONGEST {
            return Err(wrong("its header is longer than any; fetch it again".into()));
        }
        let header = String::from_utf8_lossy(&take(length)?).into_owned();
        let start = head.len() as u64 + if head.get(6) == Some(&1) { 2 } else { 4 } + length as u64;
        let after = |key: &str| header.split_once(&format!("'{key}':")).map(|(_, rest)| rest.trim_start());
        let kind = after("descr").and_then(|rest| rest.trim_start_matches('\'').split('\'').next());
        let (is_big, size) = match kind {
            Some("<f2") => (false, 2),
            Some("<f4" | "|f4" | "=f4") => (false, 4),
            Some("<f8" | "=f8") => (false, 8),
            Some(">f4") => (true, 4),
            Some(">f8") => (true, 8),
            other => {
                let other = other.unwrap_or("nothing that is known");
                return Err(wrong(format!("it holds `{other}`; save it as `float32`")));
            }
        };
        if after("fortran_order").is_none_or(|rest| !rest.starts_with("False")) {
            return Err(wrong("it is stored column by column; save `numpy.ascontiguousarray` of it".into()));
        }
        let shape = after("shape").and_then(|rest| rest.strip_prefix('(')?.split_once(')'));
        let shape: Option<Vec<u64>> = shape.and_then(|(shape, _)| {
            let parts = shape.split(',').map(str::trim).filter(|p| !p.is_empty());
            parts.map(|p| p.parse().ok()).collect()
        });
        let Some([rows, columns]) = shape.as_deref() else {
            return Err(wrong("it is no matrix; its shape must be items × dimensions".into()));
        };
        let (is, rows) = (fs::metadata(path)?.len.saturating_sub(start), *rows);
        let should = rows.checked_mul(*columns).and_then(|n| n.checked_mul(size as u64));
        if should != Some(is) || *columns == 0 {
            let should = should.map_or_else(|| "more than there can be".to_owned(), |n| n.to_string());
            return Err(wrong(format!("it is cut off: {is} bytes of {should}; fetch it again")));
        }
        let columns = usize::try_from(*columns).unwrap_or(0);
        Ok(Self { file, bytes: vec![0; columns * size], size, is_big, rows })
    }

    /// The next row; an error if it cannot be read.
    pub(crate) fn next(&mut self, path: &Path) -> Result<Vec<f64>, SourceError> {
        self.file.read_exact(&mut self.bytes).map_err(|e| text::cannot_read(path, e))?;
        let number = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            if self.is_big {
                bytes.reverse();
            }
            match bytes.as_slice() {
                [a, b] => f64::from(super::parquet::half(u16::from_le_bytes([*a, *b]))),
                [a, b, c, d] => f64::from(f32::from_le_bytes([*a, *b, *c, *d])),
                bytes => bytes.first_chunk::<8>().map_or(f64::NAN, |b| f64::from_le_bytes(*b)),
            }
        };
        Ok(self.bytes.chunks_exact(self.size).map(number).collect())
    }
}
