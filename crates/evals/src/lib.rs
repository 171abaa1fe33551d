//! What proves: whether a change made the agent better, by how much, at which cost, and where.
//!
//! Everything here ends in [`CaseResult`]s: one a case, variant and repeat, each a handful of [`Measure`]s. Statistics,
//! comparisons, gates, ablations and reports read nothing else.

pub mod ablation;
pub mod adapters;
mod case;
pub mod metrics;
pub mod scenario;
pub mod simulator;
pub mod statistics;
pub mod suite;

pub use case::{CaseResult, CaseUsage, Interval, Measure};
