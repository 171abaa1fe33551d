use std::sync::Arc;

use segue_catalog::{Catalog, Snapshot, StoreError};
use segue_world::World;

use crate::session::SessionError;
use crate::{Budget, Cancellation, Execution, Plan, PlanError, Registry, Session, ToolSpec, TurnEvent, TurnReport};

/// What answers: tools over one generation of one catalogue, and a planner that chooses among them.
#[derive(Debug)]
pub struct Agent {
    world: Arc<dyn World>,
    snapshot: Snapshot,
    registry: Registry,
    specs: Vec<ToolSpec>,
    fingerprint: String,
}

/// How a turn is to be done.
#[derive(Debug, Clone, Default)]
pub struct TurnOptions {
    /// Stop once there is a plan.
    pub plan_only: bool,
    /// On whose behalf, as the catalogue's users are named.
    pub user: Option<String>,
    /// How many items to show unless the request says; [`DEFAULT_ITEMS`] if not given.
    pub k: Option<usize>,
    /// What the turn may use.
    pub budget: Budget,
    /// Raise it to end the turn with what there is.
    pub cancellation: Cancellation,
}

/// How many items are shown where nobody says.
pub const DEFAULT_ITEMS: usize = 5;

/// A turn that could not be done.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The catalogue cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The session cannot be read or written.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The plan cannot be executed.
    #[error("the plan cannot be executed: {}", list(.0))]
    Plan(Vec<PlanError>),
    /// The tools cannot do what a plan needs.
    #[error("{0}")]
    Planner(String),
}

fn list(errors: &[PlanError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Agent {
    /// An agent with these tools over this snapshot. Tools are described once, here.
    pub fn new(world: Arc<dyn World>, snapshot: Snapshot, registry: Registry) -> Self {
        let specs = registry.specs(snapshot.catalog());
        Self { world, snapshot, registry, specs, fingerprint: String::new() }
    }

    /// The descriptions of the tools.
    pub fn specs(&self) -> &[ToolSpec] {
        &self.specs
    }

    /// The catalogue that is searched.
    pub fn catalog(&self) -> &Catalog {
        self.snapshot.catalog()
    }

    /// Changes with anything that could change an answer: the catalogue, the tools, the planner.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Reads a request, plans, runs the plan and answers; `events` hears of each part as it happens. The turn is
    /// on the disk before any of the reply is told.
    pub async fn turn(
        &self,
        session: &mut Session,
        request: &str,
        options: TurnOptions,
        events: impl Fn(TurnEvent) + Send + Sync,
    ) -> Result<TurnReport, AgentError> {
        let _ = (&self.world, &self.registry, session, request, options, events);
        Err(AgentError::Planner("there is no planner yet".to_owned()))
    }

    /// Runs a plan outside any conversation and gives the first `limit` items of its last set.
    pub async fn execute(&self, plan: &Plan, limit: usize) -> Result<Execution, AgentError> {
        let _ = (plan, limit);
        Err(AgentError::Planner("there is no executor yet".to_owned()))
    }
}
