use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use segue_catalog::{CallRecord, CandidateSet, Handle, Snapshot};
use segue_world::World;
use serde_json::Value as Json;

use super::{ErrorKind, ToolError};
use segue_catalog::Suggestion;

/// A flag that stops work: raised by Ctrl-C, by a timeout, or by the run.
#[derive(Debug, Clone, Default)]
pub struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    /// Raises the flag.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True once it is raised.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The candidate sets that a call may name: by handle (`c3`) or by the step that made them (`s2`).
#[derive(Debug, Clone, Default)]
pub struct SetScope {
    by_name: BTreeMap<String, Arc<CandidateSet>>,
}

impl SetScope {
    /// Makes a set known by its handle and by its step.
    pub fn insert(&mut self, set: &Arc<CandidateSet>) {
        self.by_name.insert(set.handle().0.clone(), set.clone());
        self.by_name.insert(set.call().step.clone(), set.clone());
    }

    /// The set of this name, or an error that lists those there are.
    pub fn get(&self, name: &str) -> Result<Arc<CandidateSet>, ToolError> {
        self.by_name.get(name).cloned().ok_or_else(|| {
            let known = self.by_name.keys().map(|k| Suggestion { value: k.clone(), count: 0 });
            ToolError::new(ErrorKind::UnknownSet, format!("there is no candidate set `{name}`"))
                .with_nearest(known.take(8).collect())
        })
    }
}

/// What a call is given besides its arguments.
#[derive(Debug, Clone)]
pub struct ToolContext {
    /// Clock, randomness, environment.
    pub world: Arc<dyn World>,
    /// The catalogue, as of the generation that this run reads.
    pub snapshot: Snapshot,
    /// The step of the plan.
    pub step: String,
    /// The name that the resulting set must bear; given before the call so that parallel steps are named in
    /// the order of the plan.
    pub handle: Handle,
    /// The set outside which nothing may be returned.
    pub within: Option<Arc<CandidateSet>>,
    /// Sets that the arguments may name.
    pub sets: SetScope,
    /// Ids of the items that the user sees, in their order: `#1` is the first.
    pub shown: Vec<String>,
    /// Raised when the work should stop.
    pub cancellation: Cancellation,
}

impl ToolContext {
    /// The record of this call, for the set that it makes.
    pub fn record(&self, tool: &str, args: Json) -> CallRecord {
        CallRecord { step: self.step.clone(), tool: tool.to_owned(), args }
    }

    /// `Err` once the work should stop.
    pub fn check_cancelled(&self) -> Result<(), ToolError> {
        if self.cancellation.is_cancelled() {
            return Err(ToolError::new(ErrorKind::Cancelled, ErrorKind::Cancelled.feedback()));
        }
        Ok(())
    }
}
