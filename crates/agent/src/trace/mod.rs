//! The record of a turn, complete enough that the turn can be done again without its model and without its tools.
//!
//! A trace is a file of JSON Lines, written as things happen and flushed line by line, so that a process that is killed
//! leaves what it had learnt. Each line says in `line` what it is:
//!
//! | line | what it holds |
//! |---|---|
//! | `head` | first: all that the turn depends on: format, session, turn, request, options, date, model, fingerprint with the hashes it was made of, and the session `before` the turn (constraints, shown items, handles, the last report that showed items) |
//! | `exchange` | a question to a model, what came of it, and what it cost |
//! | `call` | a tool call that was begun, as planned; `writes` if it changes something |
//! | `set` | a candidate set, whole: `items` are ordinals of the generation, best first, `scores` theirs, `parents` handles of sets on earlier lines |
//! | `answer` | what came of the call of that `step`; its set, if it gave one, stands on an earlier line |
//! | `cancelled` | the user stopped the turn here |
//! | `suspended` | nobody was there to approve the call of that `step`; the turn ended without a reply |
//! | `report` | last: the [`TurnReport`](crate::TurnReport), byte for byte as it was given out |
//!
//! `at` counts milliseconds from the turn's beginning. A trace without a report is of a turn that was cut. Secrets of
//! the model's endpoint are written as `[redacted]`.
//!
//! Everything in a turn that asks a model or calls a tool does it in one of two places (`Agent::ask` and the executor),
//! and both turn to the [`Tape`] first. So the same turn can be recorded, replayed from a trace, and, when it was cut,
//! taken up again: what is on the trace is taken from there, the rest is done.

mod difference;
mod exact;
mod folder;
mod line;
mod otel;
mod play;
mod read;
mod record;
mod replay;
mod tape;
mod world;

pub use difference::Divergence;
pub use folder::{TraceFolder, TraceState, TraceSummary};
pub use line::{AnswerLine, CallLine, Depends, ExchangeLine, Head, Line, SetLine};
pub use otel::SpanOptions;
pub(crate) use play::{Answered, Played};
pub use read::{Trace, TraceError};
pub use replay::{Replay, ReplayTools};
pub use tape::Tape;

#[cfg(test)]
mod tests;
