//! What proves: whether a change made the agent better, by how much, at which cost, and where.
//!
//! Everything here ends in [`CaseResult`]s: one a case, variant and repeat, each a handful of [`Measure`]s. Statistics,
//! comparisons, gates, ablations and reports read nothing else.

mod case;
pub mod scenario;

pub use case::{CaseResult, CaseUsage, Interval, Measure};
