use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use segue_catalog::CandidateSet;
use segue_models::{ChatRequest, Secrets};
use segue_world::{Timestamp, World};

use super::line::{Head, Line};
use super::play::{Answered, Played, Player, Purpose};
use super::record::Recorder;
use super::{Divergence, Trace, TraceFolder};
use crate::model::{Exchange, Prompt};
use crate::{Agent, CallAnswer, Cancellation, ToolCall, TurnReport};

/// What goes along with a turn: a trace that is written of it, a trace that is played to it, both, or neither. Clones
/// are of one tape, and a tape is for one turn.
#[derive(Debug, Clone, Default)]
pub struct Tape(Option<Arc<Deck>>);

#[derive(Debug, Default)]
struct Deck {
    folder: Option<TraceFolder>,
    recorder: OnceLock<Recorder>,
    problem: Mutex<Option<String>>,
    player: Option<Player>,
    now: Option<Timestamp>,
}

impl Tape {
    /// Writes a trace of the turn to this folder.
    pub fn recording(folder: TraceFolder) -> Self {
        Self(Some(Arc::new(Deck { folder: Some(folder), ..Deck::default() })))
    }

    /// Takes up a turn that was cut: what is on its trace is not asked and not called again, and a trace of the whole is
    /// written to this folder. Where the catalogue, a tool, the model or a prompt is another by now, searches are made
    /// again.
    pub fn resuming(trace: &Trace, agent: &Agent, folder: TraceFolder) -> Self {
        let is_same = trace.head.depends.changes(agent.depends()).is_empty();
        let (purpose, snapshot) = (Purpose::Resume { is_same }, agent.snapshot().clone());
        let player = Player::new(trace, purpose, None, snapshot, Cancellation::default());
        let now = Some(trace.head.now);
        Self(Some(Arc::new(Deck { folder: Some(folder), player: Some(player), now, ..Deck::default() })))
    }

    pub(super) fn playing(player: Player) -> Self {
        Self(Some(Arc::new(Deck { player: Some(player), ..Deck::default() })))
    }

    /// The file that is written, once the turn has begun.
    pub fn path(&self) -> Option<PathBuf> {
        self.recorder().map(|r| r.path.clone())
    }

    /// Why there is no trace, or not a whole one, where one was wanted.
    pub fn problem(&self) -> Option<String> {
        let deck = self.0.as_deref()?;
        let of_folder = deck.problem.lock().unwrap_or_else(PoisonError::into_inner).clone();
        of_folder.or_else(|| deck.recorder.get().and_then(Recorder::problem))
    }

    /// When the turn began that is done again.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        self.0.as_deref().and_then(|deck| deck.now)
    }

    /// What the whole turn took that is replayed.
    pub(crate) fn ms(&self) -> Option<f64> {
        let player = self.player()?;
        player.ms.filter(|_| !matches!(player.purpose, Purpose::Resume { .. }))
    }

    /// Begins the trace.
    pub(crate) fn begin(
        &self,
        world: &Arc<dyn World>,
        secrets: impl FnOnce() -> Secrets,
        head: impl FnOnce() -> Head,
    ) {
        let Some(deck) = self.0.as_deref() else { return };
        let Some(folder) = &deck.folder else { return };
        let head = head();
        match folder.begin(&head, world, secrets()) {
            Ok(recorder) => {
                recorder.write(&Line::Head(Box::new(head)));
                let _ = deck.recorder.set(recorder);
            }
            Err(error) => {
                *deck.problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
            }
        }
    }

    /// What a question was answered with that is on the trace, and its cost.
    pub(crate) fn exchange(&self, prompt: &Prompt, request: &ChatRequest) -> Option<Answered> {
        let answered = self.player()?.exchange(prompt, request)?;
        self.exchanged(&answered.exchange, answered.cost, answered.kind.as_deref());
        Some(answered)
    }

    /// Records a question and what came of it.
    pub(crate) fn exchanged(&self, exchange: &Exchange, cost: f64, error_kind: Option<&str>) {
        if let Some(recorder) = self.recorder() {
            recorder.exchange(exchange, cost, error_kind);
        }
    }

    /// What a call was answered that is on the trace.
    pub(crate) fn call(&self, call: &ToolCall) -> Option<Played> {
        self.player()?.call(call)
    }

    /// Hears that an answer from the trace is given back.
    pub(crate) fn given(&self, played: &Played) {
        if let Some(player) = self.player() {
            player.given(played);
        }
    }

    /// Records that a call is begun.
    pub(crate) fn begun(&self, call: &ToolCall, writes: bool, waited: Duration) {
        if let Some(recorder) = self.recorder() {
            recorder.call(call, writes, waited);
        }
    }

    /// Records what came of a call; where tools run again, holds it against what came of it then.
    pub(crate) fn answered(&self, answer: &mut CallAnswer, set: Option<&CandidateSet>) {
        if let Some(player) = self.player().filter(|p| p.purpose == Purpose::LiveTools) {
            player.answered(answer, set);
        }
        if let Some(recorder) = self.recorder() {
            recorder.answer(answer, set);
        }
    }

    /// Records that the turn was stopped.
    pub(crate) fn cancelled(&self) {
        if let Some(recorder) = self.recorder() {
            recorder.cancelled();
        }
    }

    /// Records that nobody was there to approve a call.
    pub(crate) fn suspended(&self, step: &str) {
        if let Some(recorder) = self.recorder() {
            recorder.suspended(step);
        }
    }

    /// Ends the trace.
    pub(crate) fn finish(&self, report: &TurnReport) {
        if let Some(recorder) = self.recorder() {
            recorder.report(report);
        }
    }

    pub(super) fn divergence(&self) -> Option<Divergence> {
        self.player().and_then(Player::divergence)
    }

    fn recorder(&self) -> Option<&Recorder> {
        self.0.as_deref().and_then(|deck| deck.recorder.get())
    }

    fn player(&self) -> Option<&Player> {
        self.0.as_deref().and_then(|deck| deck.player.as_ref())
    }
}
