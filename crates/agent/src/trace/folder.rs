//! The traces of a workspace: how they are named, which are kept, and what is to be seen of each.

use std::io::{BufRead, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use segue_models::Secrets;
use segue_world::{FileError, Timestamp, World, fs};
use serde::{Deserialize, Serialize};

use super::line::Head;
use super::record::Recorder;
use super::{Trace, TraceError};
use crate::{TurnReport, Usage};

/// How many traces are kept; the oldest go first.
const KEPT: usize = 500;
/// How many bytes they may have together.
const BYTES_KEPT: u64 = 512 << 20;
/// A time to the second, as names begin with it.
const SECONDS: &str = "%Y%m%dT%H%M%S";
/// Bytes that are read at once from the end of a trace, to find its last line.
const TAIL: u64 = 1 << 16;

/// The folder of a workspace's traces: the 500 newest, or fewer where they have more than 512 MiB together.
#[derive(Debug, Clone)]
pub struct TraceFolder {
    path: PathBuf,
}

/// How far the turn of a trace came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TraceState {
    /// To its end.
    Whole,
    /// It is under way.
    UnderWay,
    /// It was cut: the process ended, or nobody was there to approve a call.
    Cut,
    /// The trace is damaged, or of another version.
    Unreadable,
}

/// A trace in a list of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraceSummary {
    /// `SESSION-TURN`.
    pub id: String,
    /// The file.
    pub path: PathBuf,
    /// When the turn began.
    pub began: Option<Timestamp>,
    /// What the user wrote.
    pub request: String,
    /// How far it came.
    pub state: TraceState,
    /// Which planner made the plan.
    pub planner: Option<String>,
    /// The model that planned.
    pub model: Option<String>,
    /// What it cost.
    pub usage: Option<Usage>,
}

impl TraceFolder {
    /// The traces in this folder, whether or not it is there yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Begins the trace of a turn, and removes those that are too old or too many.
    pub(super) fn begin(
        &self,
        head: &Head,
        world: &Arc<dyn World>,
        secrets: Secrets,
    ) -> Result<Recorder, FileError> {
        fs::create_dir_all(&self.path)?;
        self.prune()?;
        let time = written(world.now());
        // A clock that went back does not make the newest trace an older one.
        let newest = self.files()?.last().and_then(|path| time_of(path));
        let time = newest.filter(|newest| *newest > time).and_then(|newest| after(&newest)).unwrap_or(time);
        let name = format!("{time}-{}-{}.jsonl", head.session, head.turn);
        Recorder::begin(self.path.join(name), world.clone(), secrets)
    }

    /// Every trace, the newest first.
    pub fn list(&self) -> Result<Vec<TraceSummary>, TraceError> {
        Ok(self.files()?.iter().rev().map(|path| summary(path)).collect())
    }

    /// The trace of this file, or the newest of this turn (`SESSION-TURN`); without a name the newest of all.
    pub fn find(&self, name: Option<&str>) -> Result<Trace, TraceError> {
        if let Some(path) = name.map(Path::new).filter(|path| fs::exists(path) && !fs::is_dir(path)) {
            return Trace::read(path);
        }
        let files = self.files()?;
        let found = match name {
            Some(id) => files.iter().rev().find(|path| id_of(path).as_deref() == Some(id)),
            None => files.last(),
        };
        match found {
            Some(path) => Trace::read(path),
            None => {
                Err(TraceError::Missing { id: name.unwrap_or("last").to_owned(), folder: self.path.clone() })
            }
        }
    }

    /// The newest trace of the session whose turn was cut and is the newest one of the session.
    pub fn cut(&self, session: &str) -> Result<Option<Trace>, TraceError> {
        let files = self.files()?;
        let of_session = |path: &&PathBuf| {
            id_of(path).is_some_and(|id| id.rsplit_once('-').is_some_and(|(name, _)| name == session))
        };
        let Some(newest) = files.iter().rev().find(of_session) else { return Ok(None) };
        if summary(newest).state != TraceState::Cut {
            return Ok(None);
        }
        Trace::read(newest).map(Some)
    }

    /// Removes the trace of a turn that was cut and is now whole on another.
    pub fn remove(&self, trace: &Trace) -> Result<(), TraceError> {
        Ok(fs::remove_file(&trace.path)?)
    }

    /// The files, the oldest first.
    fn files(&self) -> Result<Vec<PathBuf>, FileError> {
        if !fs::is_dir(&self.path) {
            return Ok(Vec::new());
        }
        let mut files = fs::list(&self.path)?;
        files.retain(|path| path.extension().is_some_and(|e| e == "jsonl"));
        Ok(files)
    }

    fn prune(&self) -> Result<(), FileError> {
        let mut bytes = 0;
        for (at, path) in self.files()?.iter().rev().enumerate() {
            bytes += fs::metadata(path).map_or(0, |found| found.len);
            // One more is about to come.
            if at + 1 >= KEPT || bytes > BYTES_KEPT {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

/// `SESSION-TURN`, from a name `TIME-SESSION-TURN.jsonl`.
fn id_of(path: &Path) -> Option<String> {
    let name = path.file_stem()?.to_str()?;
    name.split_once('-').map(|(_, id)| id.to_owned())
}

/// `TIME`, from a name `TIME-SESSION-TURN.jsonl`.
fn time_of(path: &Path) -> Option<String> {
    Some(path.file_stem()?.to_str()?.split_once('-')?.0.to_owned())
}

/// The next microsecond, in the same writing.
fn after(time: &str) -> Option<String> {
    let (seconds, fraction) = time.strip_suffix('Z')?.split_at_checked(15)?;
    let second =
        jiff::civil::DateTime::strptime(SECONDS, seconds).ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    let micros = fraction.parse::<i64>().ok()?.checked_add(1)?;
    let next = second.timestamp().checked_add(jiff::SignedDuration::from_micros(micros)).ok()?;
    Some(written(next))
}

/// A time to the microsecond, in an alphabet in which names sort as times do.
fn written(time: Timestamp) -> String {
    time.strftime(&format!("{SECONDS}%6fZ")).to_string()
}

/// What the first and the last line say.
fn summary(path: &Path) -> TraceSummary {
    let ends = ends(path);
    let head = ends.as_ref().and_then(|(first, _)| serde_json::from_str::<super::Line>(first).ok());
    let mut summary = TraceSummary {
        id: id_of(path).unwrap_or_default(),
        path: path.to_owned(),
        began: None,
        request: String::new(),
        state: TraceState::Unreadable,
        planner: None,
        model: None,
        usage: None,
    };
    let Some(super::Line::Head(head)) = head else { return summary };
    summary.began = Some(head.began());
    summary.request.clone_from(&head.request);
    summary.state = TraceState::Cut;
    let last = ends.as_ref().and_then(|(_, last)| serde_json::from_str::<super::Line>(last).ok());
    if let Some(super::Line::Report { report }) = last {
        let TurnReport { planner, model, usage, .. } = *report;
        summary.state = TraceState::Whole;
        (summary.planner, summary.model, summary.usage) = (Some(planner), model, Some(usage));
    } else if fs::try_lock(path).is_ok_and(|lock| lock.is_none()) {
        summary.state = TraceState::UnderWay;
    }
    summary
}

/// The first line of a file and the last that is whole.
fn ends(path: &Path) -> Option<(String, String)> {
    let mut file = fs::open(path).ok()?;
    let mut first = String::new();
    file.read_line(&mut first).ok()?;
    let end = file.seek(SeekFrom::End(0)).ok()?;
    let (mut from, mut tail) = (end, Vec::new());
    loop {
        let body = tail.strip_suffix(b"\n").unwrap_or(&tail);
        let broken = body.iter().rposition(|byte| *byte == b'\n');
        if let (Some(at), true) = (broken, !tail.is_empty()) {
            let last = String::from_utf8_lossy(body.get(at + 1..)?).into_owned();
            return Some((first, last));
        }
        if from == 0 {
            return Some((first.clone(), first));
        }
        let begin = from.saturating_sub(TAIL.max(tail.len() as u64));
        file.seek(SeekFrom::Start(begin)).ok()?;
        let mut piece = vec![0; (from - begin) as usize];
        file.read_exact(&mut piece).ok()?;
        piece.extend(tail);
        (from, tail) = (begin, piece);
    }
}
