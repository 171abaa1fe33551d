use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use segue_catalog::{CallRecord, CandidateSet, Handle, Snapshot};
use segue_world::World;
use serde_json::Value as Json;
use tokio::sync::Notify;

use super::{ErrorKind, ToolError};
use segue_catalog::Suggestion;

/// A flag that stops work: raised by Ctrl-C, by a timeout, or by the run. Clones share the flag.
#[derive(Debug, Clone, Default)]
pub struct Cancellation(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    raised: AtomicBool,
    waiting: Notify,
    parent: Option<Cancellation>,
}

impl Cancellation {
    /// Raises the flag.
    pub fn cancel(&self) {
        self.0.raised.store(true, Ordering::Release);
        self.0.waiting.notify_waiters();
    }

    /// True once it is raised, or the one it is a child of.
    pub fn is_cancelled(&self) -> bool {
        self.0.raised.load(Ordering::Acquire) || self.0.parent.as_ref().is_some_and(Self::is_cancelled)
    }

    /// A flag that is raised with this one, and that can be raised alone: to stop one call and not the rest.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(Arc::new(Flag { parent: Some(self.clone()), ..Flag::default() }))
    }

    /// Comes back once the flag is raised, by whomever.
    pub async fn cancelled(&self) {
        // Registered before the flag is read, or a flag raised in between would never wake us.
        let raised = self.0.waiting.notified();
        if self.is_cancelled() {
            return;
        }
        match &self.0.parent {
            Some(parent) => tokio::select! {
                () = raised => {}
                () = Box::pin(parent.cancelled()) => {}
            },
            None => raised.await,
        }
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

    /// Makes a set known by one more name.
    pub fn insert_as(&mut self, name: &str, set: &Arc<CandidateSet>) {
        self.by_name.insert(name.to_owned(), set.clone());
    }

    /// The names by which sets are known.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
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
