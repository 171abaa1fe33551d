//! CSV and TSV with a line of column names (RFC 4180).
//!
//! The parser is `csv-core`, fed a line at a time, so that the lines of a record are at hand: a record
//! that goes over several lines and never closes its quotation mark costs only its first line; reading
//! goes on with the second.

use std::path::{Path, PathBuf};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use serde_json::{Value as Json, json};

use super::encoding::Undecodable;
use super::lines::{Line, Lines};
use super::text;
use super::{BadRow, Record, SourceError, Visit};
use crate::Value;
use crate::dataset::TableSource;

/// The longest record, in bytes: a quotation mark that is open for longer was never meant.
const MAX_RECORD: usize = 256 << 10;

#[derive(Debug)]
pub(crate) struct Delimited {
    path: PathBuf,
    lines: Lines,
    parser: Parser,
    undecodable: Undecodable,
    columns: Vec<String>,
}

impl Delimited {
    pub(super) fn open(source: &TableSource, delimiter: char) -> Result<Self, SourceError> {
        let path = source.file.as_path();
        let wrong = |reason: String| SourceError::Format { path: path.to_owned(), reason };
        let delimiter = u8::try_from(delimiter)
            .map_err(|_| wrong(format!("`{delimiter}` cannot separate columns; use one ASCII character")))?;
        let text::Text { bytes, from } = text::open(source)?;
        let undecodable = Undecodable::new(source, from);
        let mut lines = Lines::of(path, bytes);
        let mut parser = Parser::new(delimiter);
        let mut columns = match parser.next(&mut lines)? {
            Some(Ok(header)) => (0..header.len())
                .map(|i| match undecodable.fault(header.field(i)) {
                    None => Ok(String::from_utf8_lossy(header.field(i)).trim().to_owned()),
                    Some(fault) => Err(wrong(format!("the name of column {} {fault}", i + 1))),
                })
                .collect::<Result<Vec<_>, _>>()?,
            Some(Err(bad)) => return Err(wrong(format!("its line of column names: {}", bad.reason))),
            None => return Err(SourceError::Empty(path.to_owned())),
        };
        if columns.iter().any(|c| c.contains('\0')) {
            return Err(wrong(
                "it holds NUL bytes where column names should be; it is no text file, or is UTF-16 without a mark: then add `encoding = \"utf-16le\"`".into(),
            ));
        }
        for (i, column) in columns.iter_mut().enumerate().filter(|(_, c)| c.is_empty()) {
            *column = format!("column_{}", i + 1);
        }
        Ok(Self { path: path.to_owned(), lines, parser, undecodable, columns })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    pub(super) fn read<E: From<SourceError>>(
        mut self,
        wanted: &[usize],
        visit: &mut Visit<'_, E>,
    ) -> Result<(), E> {
        while let Some(found) = self.parser.next(&mut self.lines)? {
            visit(found.and_then(|raw| record(raw, &self.columns, wanted, &self.undecodable)))?;
        }
        Ok(())
    }
}

fn record(
    raw: RawRecord<'_>,
    columns: &[String],
    wanted: &[usize],
    undecodable: &Undecodable,
) -> Result<Record, BadRow> {
    let (has, should) = (raw.len(), columns.len());
    if has != should {
        return Err(raw.bad(None, format!("the row has {has} columns and the header {should}")));
    }
    let mut cells = Vec::with_capacity(wanted.len());
    for &i in wanted {
        let field = raw.field(i);
        let fault = match std::str::from_utf8(field) {
            Ok(text) if text.contains('\0') => "holds a NUL byte".to_owned(),
            Ok(text) => match undecodable.fault_of(text) {
                None => {
                    cells.push(Value::Text(text.to_owned()));
                    continue;
                }
                Some(fault) => fault,
            },
            Err(_) => undecodable.not_utf_8(field),
        };
        return Err(raw.bad(columns.get(i).cloned(), format!("the text {fault}")));
    }
    Ok(Record { line: raw.line, cells })
}

#[derive(Debug)]
struct Parser {
    delimiter: u8,
    reader: Reader,
    output: Vec<u8>,
    ends: Vec<usize>,
}

/// A record between its parser and its cells.
struct RawRecord<'a> {
    line: u64,
    output: &'a [u8],
    ends: &'a [usize],
    raw: Vec<Line>,
}

impl Parser {
    fn new(delimiter: u8) -> Self {
        let reader = ReaderBuilder::new().delimiter(delimiter).build();
        Self { delimiter, reader, output: vec![0; 4096], ends: vec![0; 64] }
    }

    /// The next record, or the line that is in the way of one.
    fn next(&mut self, lines: &mut Lines) -> Result<Option<Result<RawRecord<'_>, BadRow>>, SourceError> {
        let mut raw: Vec<Line> = Vec::new();
        let (mut written, mut ended, mut size) = (0, 0, 0);
        loop {
            let Some(line) = lines.next()? else {
                return Ok(if raw.is_empty() { None } else { self.unclosed(lines, raw) });
            };
            if raw.is_empty()
                && !line.cut
                && line.bytes.iter().all(|b| *b != self.delimiter && b.is_ascii_whitespace())
            {
                continue;
            }
            size += line.bytes.len() + 1;
            let (too_long, number) = (size > MAX_RECORD, line.number);
            raw.push(line);
            if too_long && raw.len() == 1 {
                let reason = format!("the line is longer than {} KiB", MAX_RECORD >> 10);
                self.reader.reset();
                return Ok(Some(Err(BadRow { line: number, column: None, reason, raw: raw_text(&raw) })));
            }
            if too_long {
                return Ok(self.unclosed(lines, raw));
            }
            let Some(last) = raw.last() else { continue };
            if self.feed(&last.bytes, &mut written, &mut ended) {
                let line = raw.first().map_or(0, |l| l.number);
                let output = self.output.get(..written).unwrap_or_default();
                let ends = self.ends.get(..ended).unwrap_or_default();
                return Ok(Some(Ok(RawRecord { line, output, ends, raw })));
            }
        }
    }

    /// Gives a line to the parser; true if it completes a record.
    fn feed(&mut self, line: &[u8], written: &mut usize, ended: &mut usize) -> bool {
        for mut input in [line, b"\n"] {
            while !input.is_empty() {
                let output = self.output.get_mut(*written..).unwrap_or_default();
                let ends = self.ends.get_mut(*ended..).unwrap_or_default();
                let (result, read, wrote, end) = self.reader.read_record(input, output, ends);
                input = input.get(read..).unwrap_or_default();
                *written += wrote;
                *ended += end;
                match result {
                    ReadRecordResult::OutputFull => self.output.resize(self.output.len() * 2, 0),
                    ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                    ReadRecordResult::Record => return true,
                    ReadRecordResult::InputEmpty | ReadRecordResult::End => {}
                }
            }
        }
        false
    }

    /// Gives up the first of these lines and takes the others back.
    fn unclosed(&mut self, lines: &mut Lines, raw: Vec<Line>) -> Option<Result<RawRecord<'static>, BadRow>> {
        self.reader.reset();
        let mut raw = raw.into_iter();
        let first = raw.next()?;
        lines.put_back(raw);
        let reason = "a quotation mark is opened and never closed".to_owned();
        Some(Err(BadRow { line: first.number, column: None, reason, raw: raw_text(&[first]) }))
    }
}

impl RawRecord<'_> {
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn field(&self, i: usize) -> &[u8] {
        let start = i.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(i).copied().unwrap_or(start);
        self.output.get(start..end).unwrap_or_default()
    }

    fn bad(&self, column: Option<String>, reason: String) -> BadRow {
        BadRow { line: self.line, column, reason, raw: raw_text(&self.raw) }
    }
}

fn raw_text(lines: &[Line]) -> Json {
    let text: Vec<_> = lines.iter().map(|l| String::from_utf8_lossy(&l.bytes)).collect();
    json!(text.join("\n"))
}
