//! The planners that see a whole request, on scripted models: what counts of what they say, and what happens when they
//! are no use.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test")]

mod common;
#[path = "planners/homes.rs"]
mod homes;
#[path = "planners/native.rs"]
mod native;
#[path = "planners/plan.rs"]
mod plan;
