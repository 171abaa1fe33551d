//! The rows that were not taken, kept for their owner to mend.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use segue_world::{FileError, fs};
use serde::Serialize;
use serde_json::json;

use crate::source::BadRow;

/// How many rejects of a file the report names.
const SHOWN: usize = 5;

/// The rejected rows of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RejectedRows {
    /// The file they stand in.
    pub file: PathBuf,
    /// How many.
    pub count: u64,
    /// Where they are kept, one JSON object a line: file, line, column, reason, row.
    pub kept: PathBuf,
    /// The first of them.
    pub first: Vec<Rejected>,
}

/// A rejected row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// The line of a text file or the row of a query, from 1.
    pub line: u64,
    /// The column, if one is at fault.
    pub column: Option<String>,
    /// What is wrong.
    pub reason: String,
}

/// Collects rejected rows, by file.
#[derive(Debug)]
pub(super) struct Rejects {
    folder: PathBuf,
    files: BTreeMap<PathBuf, Kept>,
}

#[derive(Debug)]
struct Kept {
    part: PathBuf,
    writer: BufWriter<File>,
    rows: RejectedRows,
}

impl Rejects {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, files: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, file: &Path, row: BadRow) -> Result<(), FileError> {
        if !self.files.contains_key(file) {
            let kept = self.open(file)?;
            self.files.insert(file.to_owned(), kept);
        }
        let Some(kept) = self.files.get_mut(file) else { return Ok(()) };
        let BadRow { line, column, reason, raw } = row;
        let object = json!({"file": file, "line": line, "column": column, "reason": reason, "row": raw});
        writeln!(kept.writer, "{object}").map_err(|source| failed(&kept.part, source))?;
        kept.rows.count += 1;
        if kept.rows.first.len() < SHOWN {
            kept.rows.first.push(Rejected { line, column, reason });
        }
        Ok(())
    }

    /// Puts the files in the place of those of an earlier import, and removes the earlier ones of files of
    /// which nothing is rejected any more.
    pub(super) fn finish<'a>(
        self,
        read: impl Iterator<Item = &'a Path>,
    ) -> Result<Vec<RejectedRows>, FileError> {
        for file in read.filter(|f| !self.files.contains_key(*f)) {
            fs::remove_file(&self.folder.join(name(file)))?;
        }
        let mut all = Vec::with_capacity(self.files.len());
        for mut kept in self.files.into_values() {
            kept.writer.flush().map_err(|source| failed(&kept.part, source))?;
            fs::rename(&kept.part, &kept.rows.kept)?;
            all.push(kept.rows);
        }
        Ok(all)
    }

    fn open(&self, file: &Path) -> Result<Kept, FileError> {
        fs::create_dir_all(&self.folder)?;
        let kept = self.folder.join(name(file));
        let part = self.folder.join(format!("{}.part", name(file)));
        let writer = fs::writer(&part)?;
        let rows = RejectedRows { file: file.to_owned(), count: 0, kept, first: Vec::new() };
        Ok(Kept { part, writer, rows })
    }
}

fn name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    format!("{name}.jsonl")
}

fn failed(path: &Path, source: std::io::Error) -> FileError {
    FileError { action: "write", path: path.to_owned(), source }
}
