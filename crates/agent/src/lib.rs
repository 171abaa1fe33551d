//! What decides: the tool contract, the plan, the run and its driver, memory, evidence and answers.
//!
//! This crate knows tools by their contract ([`Tool`], [`ToolSpec`]) and never by what they are made of:
//! planners choose them by the [`ToolRole`] in their description.

mod agent;
mod answer;
mod call;
mod clarify;
mod collecting;
mod constraints;
mod conversing;
mod evidence;
mod executor;
mod languages;
pub mod model;
mod plan;
mod planning;
mod reading;
mod report;
pub mod rules;
mod run;
mod session;
mod steering;
#[cfg(test)]
mod testing;
mod tool;
pub mod trace;
mod turn;
mod writing;

pub use agent::Agent;
pub use answer::{Answer, AnswerItem, AnswerKind, Fields, Stop, Support};
pub use call::{CallAnswer, CallOutcome, ToolCall, TopItem};
pub use clarify::{Choice, Meaning, Question};
pub use constraints::{Asked, Constraints, OrderBy};
pub use evidence::{Basis, Claim, ItemBasis, ItemClaim, ItemEvidence, Ledger, grouped};
pub use executor::{Approval, Consent};
pub use languages::{Language, UnknownLanguage};
pub use plan::{Plan, PlanError, Step, StepRef};
pub use planning::{PlannerKind, PlanningModel};
pub use reading::{Described, Earlier, Intent, Reading, ShownItem, Understood};
pub use report::{Execution, ExecutionItem, TurnEvent, TurnReport, Usage};
pub use run::{Budget, Next, Outcome, Relaxed, Run};
pub use session::{Session, SessionError, SessionStore, SessionSummary, StoredTurn};
pub use steering::{Excluded, Steered, SteeringReport, Touched};
pub use tool::{
    Cancellation, CostHint, Effect, ErasedTool, ErrorKind, Registry, SetScope, Tool, ToolContext, ToolError,
    ToolExample, ToolOutput, ToolRole, ToolSpec,
};
pub use turn::{AgentError, DEFAULT_ITEMS, MAX_ITEMS, TurnOptions};
