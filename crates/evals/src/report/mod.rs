//! Reports: what a run came to, for people and for other programs.
//!
//! [`html`] makes one page that needs nothing else: no network, no other file. Estimates, comparisons and plots are in its
//! markup; its cases are a table to sort, filter and open, with two variants or two runs side by side. [`junit`] is what CI
//! systems read. [`figures`] writes numbers and verdicts in words, for the page and for the terminal alike.
//!
//! All that a page shows may come from a catalogue, a user or a model, and is data: the template engine escapes it, the JSON in
//! the page cannot end its element, the script writes text and never markup, and a content security policy lets nothing run
//! but that one script, and nothing be fetched.

mod cases;
mod compared;
pub mod figures;
mod html;
mod junit;
mod plots;
mod summary;

use segue_world::Timestamp;

use crate::CaseResult;
use crate::suite::{Assessment, Baseline, Suite};

pub use html::{ReportError, html};
pub use junit::{JunitError, junit};

/// A run and what it came to.
#[derive(Debug, Clone, Copy)]
pub struct Reported<'a> {
    /// The suite.
    pub suite: &'a Suite,
    /// What the results come to, against [`Self::against`] if there is such.
    pub assessment: &'a Assessment,
    /// The results. Their details are shown where they have them.
    pub results: &'a [CaseResult],
    /// When it was run.
    pub began: Timestamp,
    /// What it is compared with: a baseline, or another run with all its details.
    pub against: Option<&'a Baseline>,
}
