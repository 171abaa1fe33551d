//! A trace, read back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use segue_world::{FileError, fs};
use serde::Deserialize;

use super::exact;
use super::line::{FORMAT, Head, Line, REPORT};
use crate::{Session, SessionStore, TurnReport};

/// A trace that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no such trace.
    #[error("there is no trace `{id}` in `{folder}`; `segue replay --list` shows those there are")]
    Missing {
        /// What was looked for.
        id: String,
        /// Where.
        folder: PathBuf,
    },
    /// A line is not what it should be.
    #[error("`{path}`, line {line}: {reason}; the trace is damaged: record the turn again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// The file was written by a later version.
    #[error("`{path}` has format {found} and this version knows {known}; use a newer `segue`", known = FORMAT)]
    TooNew {
        /// The file.
        path: PathBuf,
        /// The file's format.
        found: u32,
    },
    /// The turn came to no end.
    #[error(
        "`{path}` ends at line {line} without a report, because its turn was cut; go on with it: segue ask --resume \
         {session}"
    )]
    Cut {
        /// The file.
        path: PathBuf,
        /// The last line.
        line: usize,
        /// The conversation.
        session: String,
    },
    /// A report cannot be written as JSON.
    #[error("the report cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The conversation is not where it was when the turn began.
    #[error("the session `{session}` has gone on since turn {turn} was cut; ask again")]
    GoneOn {
        /// The conversation.
        session: String,
        /// The turn.
        turn: u32,
    },
}

/// What is on a trace.
#[derive(Debug, Clone)]
pub struct Trace {
    /// The file.
    pub path: PathBuf,
    /// The first line.
    pub head: Head,
    /// Those between the first and the report.
    pub lines: Vec<Line>,
    /// The report; `None` if the turn was cut.
    pub report: Option<Box<TurnReport>>,
    /// The report as it was given out.
    pub(super) text: String,
}

impl Trace {
    /// Reads a trace. What a killed process has half written at its end is left out.
    pub fn read(path: &Path) -> Result<Self, TraceError> {
        Self::parse(&fs::read_to_string(path)?, path)
    }

    /// Reads the text of a trace; `path` is where it is from.
    pub fn parse(text: &str, path: &Path) -> Result<Self, TraceError> {
        let damaged =
            |line: usize, reason: String| TraceError::Damaged { path: path.to_owned(), line, reason };
        let whole = text.rfind('\n').and_then(|end| text.get(..end)).unwrap_or_default();
        let mut lines = (1..).zip(whole.split('\n'));
        let head = match lines.next().map(|(_, first)| first) {
            None | Some("") => return Err(damaged(1, "there is no whole line".to_owned())),
            Some(first) => head(first).map_err(|reason| damaged(1, reason))?,
        };
        let head = match head {
            Ok(head) => *head,
            Err(found) => return Err(TraceError::TooNew { path: path.to_owned(), found }),
        };
        let mut trace =
            Self { path: path.to_owned(), head, lines: Vec::new(), report: None, text: String::new() };
        for (number, line) in lines {
            if trace.report.is_some() {
                return Err(damaged(number, "a line stands after the report".to_owned()));
            }
            match exact::parse(line).and_then(serde_json::from_value) {
                Ok(Line::Head(_)) => return Err(damaged(number, "a second head".to_owned())),
                Ok(Line::Report { report }) => {
                    let text = line.strip_prefix(REPORT).and_then(|rest| rest.strip_suffix('}'));
                    text.unwrap_or_default().clone_into(&mut trace.text);
                    trace.report = Some(report);
                }
                Ok(line) => trace.lines.push(line),
                Err(error) => return Err(damaged(number, error.to_string())),
            }
        }
        Ok(trace)
    }

    /// The turn by which it is listed: `SESSION-TURN`.
    pub fn id(&self) -> String {
        format!("{}-{}", self.head.session, self.head.turn)
    }

    /// The report, or the error that says that there is none.
    pub fn whole(&self) -> Result<&TurnReport, TraceError> {
        self.report.as_deref().ok_or_else(|| TraceError::Cut {
            path: self.path.clone(),
            line: self.lines.len() + 1,
            session: self.head.session.clone(),
        })
    }

    /// The conversation as it was before the turn, to take the turn up again: that of the store, if it has not gone on.
    pub fn session(&self, store: &Arc<SessionStore>) -> Result<Session, TraceError> {
        let gone_on = || TraceError::GoneOn { session: self.head.session.clone(), turn: self.head.turn };
        let before = self.head.turn.checked_sub(1).ok_or_else(gone_on)?;
        let stored = store.resume(&self.head.session).ok();
        match stored {
            Some(session) if session.turns == before => Ok(session),
            None if before == 0 => Ok(Session { store: Some(store.clone()), ..self.head.before.clone() }),
            _ => Err(gone_on()),
        }
    }
}

/// The first line; the inner error is a format that is not known here.
fn head(line: &str) -> Result<Result<Box<Head>, u32>, String> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let document = exact::parse(line).map_err(|e| e.to_string())?;
    let format: Format =
        serde_json::from_value(document.clone()).map_err(|_| "this is no trace of a turn".to_owned())?;
    if format.format > FORMAT {
        return Ok(Err(format.format));
    }
    match serde_json::from_value(document) {
        Ok(Line::Head(head)) => Ok(Ok(head)),
        Ok(_) => Err("the first line is not the head".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
