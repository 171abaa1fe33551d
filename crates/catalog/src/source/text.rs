//! The bytes of a text file as they are read: unpacked where they are packed by gzip (RFC 1952), and as UTF-8 where a byte-order
//! mark says that they are UTF-16.

use std::io::{BufRead, BufReader, Cursor, ErrorKind, Read};
use std::path::Path;

use encoding_rs_io::DecodeReaderBytes;
use flate2::bufread::MultiGzDecoder;
use segue_world::{FileError, fs};

use super::SourceError;

pub(super) type Bytes = Box<dyn BufRead + Send>;

const GZIP: &[u8] = &[0x1f, 0x8b];
const UTF_16: [&[u8]; 2] = [&[0xff, 0xfe], &[0xfe, 0xff]];
const UTF_8: &[u8] = &[0xef, 0xbb, 0xbf];

/// Opens a file for reading; byte-order marks are left out.
pub(super) fn open(path: &Path) -> Result<Bytes, SourceError> {
    let (mut head, mut rest) = begin(Box::new(fs::open(path)?), path)?;
    if head.starts_with(GZIP) {
        let packed = Cursor::new(head).chain(rest);
        (head, rest) = begin(Box::new(BufReader::new(MultiGzDecoder::new(packed))), path)?;
    }
    if head == UTF_8 {
        return Ok(rest);
    }
    let is_utf_16 = UTF_16.iter().any(|mark| head.starts_with(mark));
    let whole = Cursor::new(head).chain(rest);
    Ok(match is_utf_16 {
        true => Box::new(BufReader::new(DecodeReaderBytes::new(whole))),
        false => Box::new(whole),
    })
}

/// The first bytes of what a file holds.
pub(super) fn head(path: &Path, len: u64) -> Result<Vec<u8>, SourceError> {
    let mut bytes = Vec::new();
    open(path)?.take(len).read_to_end(&mut bytes).map_err(|e| cannot_read(path, e))?;
    Ok(bytes)
}

/// True if the file itself is packed.
pub(super) fn is_packed(path: &Path) -> Result<bool, SourceError> {
    Ok(begin(Box::new(fs::open(path)?), path)?.0.starts_with(GZIP))
}

/// What a failed read says.
pub(super) fn cannot_read(path: &Path, source: std::io::Error) -> SourceError {
    match source.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput => {
            let reason = format!("it is cut off or damaged ({source}); fetch it again");
            SourceError::Format { path: path.to_owned(), reason }
        }
        _ => FileError { action: "read", path: path.to_owned(), source }.into(),
    }
}

/// The first three bytes, and the rest.
fn begin(mut bytes: Bytes, path: &Path) -> Result<(Vec<u8>, Bytes), SourceError> {
    let mut head = Vec::with_capacity(UTF_8.len());
    (&mut bytes).take(UTF_8.len() as u64).read_to_end(&mut head).map_err(|e| cannot_read(path, e))?;
    Ok((head, bytes))
}
