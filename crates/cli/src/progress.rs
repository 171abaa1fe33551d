//! Progress of long work, on standard error.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::remark;

/// The stages of a job, one after the other: a bar on a terminal; elsewhere a line a stage and one every tenth of
/// the way, so that a log stays readable.
#[derive(Debug, Default)]
pub(crate) struct Stages {
    current: Option<Stage>,
}

#[derive(Debug)]
struct Stage {
    bar: ProgressBar,
    label: String,
    tenth: u64,
}

impl Stages {
    /// Where the job stands: a stage of another label begins it. A total of 0 is one that is not known.
    pub(crate) fn at(&mut self, label: &str, done: u64, total: u64) {
        if self.current.as_ref().is_none_or(|s| s.label != label) {
            self.end();
            self.current = Some(Stage::start(label, total));
        }
        if let Some(stage) = &mut self.current {
            stage.at(done, total);
        }
    }

    /// Ends the stage that is under way.
    pub(crate) fn end(&mut self) {
        if let Some(stage) = self.current.take() {
            stage.bar.finish_and_clear();
        }
    }

    /// A line that stays, above the bar.
    pub(crate) fn note(&mut self, text: &str) {
        match &self.current {
            Some(stage) => stage.bar.suspend(|| remark(text)),
            None => remark(text),
        }
    }
}

impl Drop for Stages {
    fn drop(&mut self) {
        self.end();
    }
}

impl Stage {
    fn start(label: &str, total: u64) -> Self {
        let bar = ProgressBar::with_draw_target(
            (total > 0).then_some(total),
            if on_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
        );
        let template = match total {
            0 => "{msg} {spinner} {human_pos}",
            _ => "{msg} {bar:30} {human_pos}/{human_len}, {eta} left",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(label.to_owned());
        if on_terminal() {
            bar.enable_steady_tick(Duration::from_millis(120));
        } else {
            remark(label);
        }
        Self { bar, label: label.to_owned(), tenth: 0 }
    }

    fn at(&mut self, done: u64, total: u64) {
        self.bar.set_position(done);
        let tenth = (done * 10).checked_div(total).unwrap_or_default();
        if tenth > self.tenth && tenth < 10 {
            self.tenth = tenth;
            if !on_terminal() {
                remark(format!("{} {}%", self.label, tenth * 10));
            }
        }
    }
}

fn on_terminal() -> bool {
    std::io::stderr().is_terminal()
}
