//! The bytes of a text file as they are read: unpacked where they are packed by gzip (RFC 1952) or in a zip archive, and as UTF-8 where
//! a byte-order mark or the data set says that they are in another encoding.

use std::io::{BufRead, BufReader, Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};

use encoding_rs::Encoding;
use encoding_rs_io::DecodeReaderBytesBuilder;
use flate2::bufread::MultiGzDecoder;
use segue_world::{FileError, fs};

use super::{SourceError, archive};
use crate::dataset::TableSource;

pub(super) type Bytes = Box<dyn BufRead + Send>;

const GZIP: &[u8] = &[0x1f, 0x8b];
pub(super) const ZIP: &[u8] = b"PK\x03\x04";
const UTF_8: &[u8] = &[0xef, 0xbb, 0xbf];
/// How many bytes tell what a file is.
const HEAD: u64 = 4;

/// A text that is open for reading, without its byte-order mark.
pub(super) struct Text {
    pub(super) bytes: Bytes,
    /// What it is decoded from, if that is not UTF-8. What does not decode is U+FFFD.
    pub(super) from: Option<&'static Encoding>,
}

/// A file or what is packed in it.
pub(super) struct Unpacked {
    /// The name, without the ending of what packed it.
    pub(super) name: PathBuf,
    pub(super) is_packed: bool,
    pub(super) is_zip: bool,
    head: Vec<u8>,
    rest: Bytes,
}

pub(super) fn open(source: &TableSource) -> Result<Text, SourceError> {
    let Unpacked { head, rest, .. } = unpack(source)?;
    let said = source.encoding.as_ref().and_then(|label| Encoding::for_label(label.as_bytes()));
    let marked = Encoding::for_bom(&head).map(|(encoding, _)| encoding);
    let from = marked.or(said).filter(|e| *e != encoding_rs::UTF_8);
    let mark = if head.starts_with(UTF_8) { UTF_8.len() } else { 0 };
    let whole = Cursor::new(head.get(mark..).unwrap_or_default().to_vec()).chain(rest);
    let bytes: Bytes = match from {
        None => Box::new(whole),
        Some(_) => {
            let decoder = DecodeReaderBytesBuilder::new().encoding(from).bom_override(true).build(whole);
            Box::new(BufReader::new(decoder))
        }
    };
    Ok(Text { bytes, from })
}

/// The bytes as they stand in the file or are packed in it.
pub(super) fn unpack(source: &TableSource) -> Result<Unpacked, SourceError> {
    let path = &source.file;
    let mut name = path.clone();
    let (mut head, mut rest) = begin(Box::new(fs::open(path)?), path)?;
    let is_zip = head.starts_with(ZIP);
    if is_zip {
        (name, rest) = archive::member(source)?;
        (head, rest) = begin(rest, path)?;
    }
    let is_gzip = head.starts_with(GZIP);
    if is_gzip {
        let packed = Cursor::new(head).chain(rest);
        (head, rest) = begin(Box::new(BufReader::new(MultiGzDecoder::new(packed))), path)?;
    }
    if name.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz")) {
        name.set_extension("");
    }
    Ok(Unpacked { name, is_packed: is_zip || is_gzip, is_zip, head, rest })
}

impl Unpacked {
    /// What is in it, as it stands.
    pub(super) fn into_bytes(self) -> Bytes {
        Box::new(Cursor::new(self.head).chain(self.rest))
    }
}

/// The first bytes of a text.
pub(super) fn head(source: &TableSource, len: u64) -> Result<Vec<u8>, SourceError> {
    read(open(source)?.bytes, &source.file, len)
}

/// The first bytes of a file itself.
pub(super) fn raw_head(path: &Path, len: u64) -> Result<Vec<u8>, SourceError> {
    read(Box::new(fs::open(path)?), path, len)
}

fn read(bytes: Bytes, path: &Path, len: u64) -> Result<Vec<u8>, SourceError> {
    let mut head = Vec::new();
    bytes.take(len).read_to_end(&mut head).map_err(|e| cannot_read(path, e))?;
    Ok(head)
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

/// The first bytes, and the rest.
fn begin(mut bytes: Bytes, path: &Path) -> Result<(Vec<u8>, Bytes), SourceError> {
    let mut head = Vec::with_capacity(HEAD as usize);
    (&mut bytes).take(HEAD).read_to_end(&mut head).map_err(|e| cannot_read(path, e))?;
    Ok((head, bytes))
}
