use std::sync::Arc;

use segue_models::{ChatError, ChatErrorKind, ChatModel, ChatRequest, Completion, Delta};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::play::{Player, Purpose};
use super::world::TraceWorld;
use super::{Divergence, Tape, Trace, TraceError, exact};
use crate::model::Prompts;
use crate::{Agent, AgentError, Cancellation, PlanningModel, Session, TurnOptions};

/// Where the answers of tools come from in a replay. Those of the model always come from the trace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReplayTools {
    /// From the trace.
    #[default]
    Recorded,
    /// From the tools themselves, but for those that change something.
    Live,
}

/// What a replay showed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// The first thing that was not as recorded; `None` if every step was, and the report came out byte for byte.
    pub divergence: Option<Divergence>,
    /// What the turn depends on that is otherwise now, one line each.
    pub changes: Vec<String>,
}

impl Replay {
    /// True if everything was as recorded.
    pub fn is_same(&self) -> bool {
        self.divergence.is_none()
    }
}

/// Where two reports part: what the fingerprint stands for comes before the fingerprint, and that before bytes that mean
/// the same.
fn of_reports(expected: &str, got: &str) -> Option<Divergence> {
    if expected == got {
        return None;
    }
    let document = |text| exact::parse(text).unwrap_or_default();
    let (then, now) = (document(expected), document(got));
    let without = |report: &Json| {
        let mut report = report.clone();
        report.as_object_mut().map(|fields| fields.remove("fingerprint"));
        report
    };
    Divergence::between("report", &without(&then), &without(&now))
        .or_else(|| Divergence::between("report", &then, &now))
        .or_else(|| Divergence::between("report", &expected.into(), &got.into()))
}

impl Agent {
    /// Does the turn of a trace again, without its model, and compares what comes out. The agent lends its tools, its
    /// snapshot and its world's environment; `prompts` are those that a model would be asked with now.
    ///
    /// # Errors
    /// [`TraceError::Cut`] if the trace has no report to compare with.
    pub async fn replay(
        &self,
        trace: &Trace,
        prompts: &Prompts,
        tools: ReplayTools,
    ) -> Result<Replay, AgentError> {
        trace.whole()?;
        let head = &trace.head;
        let world = TraceWorld::at(head.now, self.world().clone());
        let mut agent = Self::new(Arc::new(world.clone()), self.snapshot().clone(), self.registry().clone());
        if let Some(name) = &head.model {
            let model = Arc::new(Absent(name.clone()));
            agent = agent.with_model(PlanningModel {
                model,
                prompts: prompts.clone(),
                prices: None,
                logprobs: head.logprobs,
            });
        }
        if let Some(name) = &head.writer {
            let model = Arc::new(Absent(name.clone()));
            let prompts = prompts.clone();
            agent = agent.with_writer(PlanningModel { model, prompts, prices: None, logprobs: false });
        }
        let purpose = match tools {
            ReplayTools::Recorded => Purpose::Replay,
            ReplayTools::Live => Purpose::LiveTools,
        };
        let cancellation = Cancellation::default();
        let player = Player::new(trace, purpose, Some(world), self.snapshot().clone(), cancellation.clone());
        let mut session = Session { sets: player.earlier(&head.sets), ..head.before.clone() };
        let options = TurnOptions { cancellation, tape: Tape::playing(player), ..head.options.clone() };
        let tape = options.tape.clone();
        let report = agent.turn(&mut session, &head.request, options, |_| {}).await?;
        let text = serde_json::to_string(&report).map_err(TraceError::from)?;
        let divergence = tape.divergence().or_else(|| of_reports(&trace.text, &text));
        Ok(Replay { divergence, changes: head.depends.changes(agent.depends()) })
    }
}

/// The model of a trace: its name. What it said is on the trace, and nothing else is to be had of it.
struct Absent(String);

impl ChatModel for Absent {
    fn name(&self) -> &str {
        &self.0
    }

    fn complete<'a>(&'a self, _: &'a ChatRequest, _: &'a mut (dyn FnMut(Delta) + Send)) -> Completion<'a> {
        Box::pin(async { Err(ChatError::new(ChatErrorKind::NoRecording, "a replay asks no model")) })
    }
}
