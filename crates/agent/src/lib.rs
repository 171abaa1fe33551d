//! What decides: the tool contract, the plan, the run and its driver, memory, evidence and answers.
//!
//! This crate knows tools by their contract ([`Tool`], [`ToolSpec`]) and never by what they are made of:
//! planners choose them by the [`ToolRole`] in their description.

mod constraints;
mod plan;
mod reading;
mod tool;

pub use constraints::{Asked, Constraints, OrderBy};
pub use plan::{Plan, Step, StepRef};
pub use reading::{Intent, Reading, ShownItem, Understood};
pub use tool::{
    Cancellation, CostHint, Effect, ErasedTool, ErrorKind, Registry, SetScope, Tool, ToolContext, ToolError,
    ToolExample, ToolOutput, ToolRole, ToolSpec,
};
