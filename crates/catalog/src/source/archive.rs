//! Zip archives (PKWARE, APPNOTE.TXT): the one table in them, unpacked as it is read; or, where the archive is a workbook, a look at how
//! large its parts become.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use segue_world::fs;
use zip::{CompressionMethod, ZipArchive};

use super::SourceError;
use super::text::{Bytes, cannot_read};
use crate::dataset::TableSource;
use crate::text::nearest_name;

/// How many members an error names.
const NAMED: usize = 12;
/// Bytes of the parts of a workbook that are kept in memory: its texts, styles and so on.
const KEPT: u64 = 256 << 20;
/// Bytes of a sheet, which is read as it is unpacked.
const SHEET: u64 = 4 << 30;
/// Bytes between two tags.
const CELL: usize = super::MAX_LINE;

/// True of an archive that is an Excel workbook.
pub(super) fn is_workbook(path: &Path) -> Result<bool, SourceError> {
    let archive = open(path)?;
    if archive.index_for_name("content.xml").is_some() && archive.index_for_name("mimetype").is_some() {
        return Err(wrong(path, "it is an OpenDocument file; save it as XLSX or CSV"));
    }
    Ok(archive.index_for_name("[Content_Types].xml").is_some())
}

/// The table in an archive that `table` names, or the only one: its name and its bytes.
pub(super) fn member(source: &TableSource) -> Result<(PathBuf, Bytes), SourceError> {
    let path = &source.file;
    let mut archive = open(path)?;
    let mut names = Vec::new();
    for i in 0..archive.len() {
        let entry = archive.by_index_raw(i).map_err(|e| damaged(path, e))?;
        let name = entry.name().map_err(|e| damaged(path, e))?.into_owned();
        let base = base(&name);
        // What macOS adds to archives is in a folder of its own, or hidden.
        if !entry.is_dir() && !name.starts_with("__MACOSX/") && !base.starts_with('.') {
            names.push((i, name));
        }
    }
    let (index, name) = choose(source, names)?;
    let entry = archive.by_index_raw(index).map_err(|e| damaged(path, e))?;
    if entry.encrypted() {
        return Err(wrong(path, &format!("`{name}` in it is encrypted; unpack it first")));
    }
    let (method, size, packed, crc) =
        (entry.compression(), entry.size(), entry.compressed_size(), entry.crc32());
    let Some(start) = entry.data_start() else { return Err(damaged(path, "a member has no place")) };
    drop(entry);
    let mut file = fs::open(path)?;
    file.seek(SeekFrom::Start(start)).map_err(|e| cannot_read(path, e))?;
    let packed = file.take(packed);
    let bytes: Box<dyn Read + Send> = match method {
        CompressionMethod::Stored => Box::new(packed),
        CompressionMethod::Deflated => Box::new(DeflateDecoder::new(packed)),
        other => {
            return Err(wrong(path, &format!("`{name}` in it is packed by {other}; unpack it first")));
        }
    };
    let checked = Checked { inner: bytes, sum: Crc::new(), crc, size };
    Ok((PathBuf::from(name), Box::new(BufReader::with_capacity(1 << 16, checked))))
}

fn choose(source: &TableSource, mut names: Vec<(usize, String)>) -> Result<(usize, String), SourceError> {
    let list = |names: &[(usize, String)]| {
        let more = if names.len() > NAMED { ", …" } else { "" };
        let shown: Vec<_> = names.iter().take(NAMED).map(|(_, name)| format!("`{name}`")).collect();
        format!("{}{more}", shown.join(", "))
    };
    if let Some(wanted) = &source.table {
        let found = names.iter().position(|(_, name)| name == wanted || base(name) == wanted);
        return match found {
            Some(at) => Ok(names.swap_remove(at)),
            None => {
                let nearest = nearest_name(wanted, names.iter().map(|(_, name)| name.as_str()));
                let nearest = nearest.map_or_else(String::new, |n| format!("; did you mean `{n}`?"));
                let all = list(&names);
                Err(wrong(&source.file, &format!("there is no `{wanted}` in it{nearest}; it holds {all}")))
            }
        };
    }
    match (names.pop(), names.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(wrong(&source.file, "it is an archive with no file in it; give another")),
        (Some(last), false) => {
            names.push(last);
            names.sort();
            let reason = format!("there are several files in it; name one with `table`, of {}", list(&names));
            Err(wrong(&source.file, &reason))
        }
    }
}

/// Refuses a workbook that unpacks to more than can be meant: its sizes are counted and not believed.
pub(super) fn check_sizes(path: &Path) -> Result<(), SourceError> {
    let mut archive = open(path)?;
    let mut kept = 0;
    for i in 0..archive.len() {
        let entry = archive.by_index(i).map_err(|e| damaged(path, e))?;
        let name = entry.name().map_err(|e| damaged(path, e))?.into_owned();
        if !Path::new(&name).extension().is_some_and(|e| e == "xml" || e == "rels") {
            continue;
        }
        let is_sheet = name.contains("worksheets/");
        let most = if is_sheet { SHEET } else { KEPT - kept };
        let too_large = || {
            let reason = format!(
                "`{name}` in it unpacks to more than {} MiB; save the table as CSV",
                if is_sheet { SHEET } else { KEPT } >> 20
            );
            wrong(path, &reason)
        };
        if entry.size() > most {
            return Err(too_large());
        }
        let mut bytes = BufReader::with_capacity(1 << 16, entry.take(most + 1));
        let size = longest(&mut bytes).map_err(|e| cannot_read(path, e))?;
        match size {
            Some(size) if size <= most => kept += if is_sheet { 0 } else { size },
            Some(_) => return Err(too_large()),
            None => {
                let reason = format!("`{name}` in it has a text of more than {} MiB", CELL >> 20);
                return Err(wrong(path, &reason));
            }
        }
    }
    Ok(())
}

/// How many bytes there are; `None` if too many of them stand between two tags.
fn longest(bytes: &mut impl BufRead) -> io::Result<Option<u64>> {
    let (mut size, mut run) = (0, 0_usize);
    loop {
        let buffer = bytes.fill_buf()?;
        if buffer.is_empty() {
            return Ok(Some(size));
        }
        match buffer.iter().rposition(|b| *b == b'<') {
            Some(last) => run = buffer.len() - last,
            None => run += buffer.len(),
        }
        if run > CELL {
            return Ok(None);
        }
        let read = buffer.len();
        size += read as u64;
        bytes.consume(read);
    }
}

fn open(path: &Path) -> Result<ZipArchive<BufReader<File>>, SourceError> {
    ZipArchive::new(fs::open(path)?).map_err(|e| damaged(path, e))
}

fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn wrong(path: &Path, reason: &str) -> SourceError {
    SourceError::Format { path: path.to_owned(), reason: reason.to_owned() }
}

fn damaged(path: &Path, reason: impl std::fmt::Display) -> SourceError {
    wrong(path, &format!("it is cut off or damaged ({reason}); fetch it again"))
}

/// A member, whose sum and size must be those of the archive's directory when it ends.
struct Checked {
    inner: Box<dyn Read + Send>,
    sum: Crc,
    crc: u32,
    size: u64,
}

impl Read for Checked {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.sum.update(out.get(..read).unwrap_or_default());
        let is_over = read == 0 && !out.is_empty();
        if is_over && (self.sum.sum() != self.crc || u64::from(self.sum.amount()) != self.size & 0xffff_ffff)
        {
            return Err(io::Error::new(ErrorKind::InvalidData, "its checksum is another"));
        }
        Ok(read)
    }
}
