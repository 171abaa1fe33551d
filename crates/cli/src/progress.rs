//! Progress of long work, on standard error.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on a terminal; elsewhere a line every tenth of the way, so that a log stays readable.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    label: String,
    total: u64,
    tenth: u64,
    on_terminal: bool,
}

impl Progress {
    /// Starts a stage. `total` 0 means that the length is not known.
    pub(crate) fn start(label: &str, total: u64) -> Self {
        use std::io::IsTerminal;
        let on_terminal = std::io::stderr().is_terminal();
        let target = if on_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target((total > 0).then_some(total), target);
        let template = match total {
            0 => "{msg} {spinner} {human_pos}",
            _ => "{msg} {bar:30} {human_pos}/{human_len} {eta}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(label.to_owned());
        if on_terminal {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        let progress = Self { bar, label: label.to_owned(), total, tenth: 0, on_terminal };
        progress.plain(label);
        progress
    }

    /// Where the stage stands.
    pub(crate) fn at(&mut self, done: u64) {
        self.bar.set_position(done);
        let tenth = if self.total == 0 { 0 } else { done * 10 / self.total };
        if tenth > self.tenth && tenth < 10 {
            self.tenth = tenth;
            self.plain(&format!("{} {}%", self.label, tenth * 10));
        }
    }

    /// Ends the stage with a line that stays.
    pub(crate) fn finish(self, summary: &str) {
        self.bar.finish_and_clear();
        crate::output::remark(summary);
    }

    /// True if this stage is still called so and has this length.
    pub(crate) fn is(&self, label: &str, total: u64) -> bool {
        self.label == label && self.total == total
    }

    fn plain(&self, line: &str) {
        if !self.on_terminal {
            crate::output::remark(line);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
