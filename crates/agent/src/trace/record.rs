//! Writes a trace while its turn runs.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use segue_catalog::CandidateSet;
use segue_models::Secrets;
use segue_world::{FileError, FileLock, World, fs};
use serde::Serialize;

use super::line::{AnswerLine, CallLine, ExchangeLine, Line, SetLine};
use crate::model::Exchange;
use crate::{CallAnswer, ToolCall, TurnReport};

/// The file of a turn that is under way. Whoever finds it locked knows that its turn is not cut.
pub(super) struct Recorder {
    pub(super) path: PathBuf,
    world: Arc<dyn World>,
    began: Duration,
    secrets: Secrets,
    state: Mutex<State>,
    _lock: Option<FileLock>,
}

struct State {
    file: BufWriter<File>,
    /// The sets that are on the trace.
    sets: BTreeSet<String>,
    is_cancelled: bool,
    problem: Option<FileError>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Recorder {
    /// Creates the file, locked.
    pub(super) fn begin(path: PathBuf, world: Arc<dyn World>, secrets: Secrets) -> Result<Self, FileError> {
        let lock = fs::try_lock(&path)?;
        let file = fs::writer(&path)?;
        let state = State { file, sets: BTreeSet::new(), is_cancelled: false, problem: None };
        let began = world.elapsed();
        Ok(Self { path, world, began, secrets, state: Mutex::new(state), _lock: lock })
    }

    /// Why the trace is not whole, if it is not. A turn does not fail because its trace cannot be written.
    pub(super) fn problem(&self) -> Option<String> {
        self.state().problem.as_ref().map(ToString::to_string)
    }

    pub(super) fn write(&self, line: &Line) {
        self.put(&mut self.state(), line);
    }

    pub(super) fn exchange(&self, exchange: &Exchange, cost: f64, error_kind: Option<&str>) {
        let (exchange, error_kind) = (exchange.clone(), error_kind.map(str::to_owned));
        let line = ExchangeLine { at: self.at(), cost, error_kind, exchange };
        self.write(&Line::Exchange(Box::new(line)));
    }

    pub(super) fn call(&self, call: &ToolCall, writes: bool, waited: Duration) {
        let waited = waited.as_secs_f64() * 1e3;
        self.write(&Line::Call(CallLine { at: self.at(), writes, waited, call: call.clone() }));
    }

    pub(super) fn answer(&self, answer: &CallAnswer, set: Option<&CandidateSet>) {
        let mut state = self.state();
        if let Some(set) = set {
            self.put_set(&mut state, set);
        }
        let answer = answer.clone();
        self.put(&mut state, &Line::Answer(Box::new(AnswerLine { at: self.at(), answer })));
    }

    pub(super) fn cancelled(&self) {
        let mut state = self.state();
        if !std::mem::replace(&mut state.is_cancelled, true) {
            self.put(&mut state, &Line::Cancelled { at: self.at() });
        }
    }

    pub(super) fn suspended(&self, step: &str) {
        self.write(&Line::Suspended { at: self.at(), step: step.to_owned() });
    }

    pub(super) fn report(&self, report: &TurnReport) {
        #[derive(Serialize)]
        #[serde(tag = "line", rename_all = "snake_case")]
        enum Last<'a> {
            Report { report: &'a TurnReport },
        }
        self.put(&mut self.state(), &Last::Report { report });
    }

    fn at(&self) -> f64 {
        self.world.elapsed().saturating_sub(self.began).as_secs_f64() * 1e3
    }

    /// Sets that another was made from stand before it, also those of earlier turns.
    fn put_set(&self, state: &mut State, set: &CandidateSet) {
        if !state.sets.insert(set.handle().0.clone()) {
            return;
        }
        for parent in set.parents() {
            self.put_set(state, parent);
        }
        self.put(state, &Line::Set(SetLine::of(set)));
    }

    fn put(&self, state: &mut State, line: &impl Serialize) {
        if state.problem.is_some() {
            return;
        }
        let failed = |source| FileError { action: "write", path: self.path.clone(), source };
        let mut text = match serde_json::to_string(line) {
            Ok(text) => self.secrets.without(&text),
            Err(error) => {
                state.problem = Some(failed(error.into()));
                return;
            }
        };
        text.push('\n');
        let written = state.file.write_all(text.as_bytes()).and_then(|()| state.file.flush());
        state.problem = written.err().map(failed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
