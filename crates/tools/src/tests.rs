//! The tools through the contract that the agent sees.

mod calls;
mod properties;
mod specs;
mod wrong;
