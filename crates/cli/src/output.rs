//! Standard output and standard error: the only place that writes to them.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use nu_ansi_term::{Color as Ansi, Style};
use serde::Serialize;
use serde_json::json;

use crate::args::Color;
use crate::failure::Failure;

/// Where a command prints. Results go to standard output, everything else to standard error. A reader that
/// goes away (`segue … | head`) ends the printing, not the job.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    styles: Styles,
    gone: bool,
}

/// The few styles that there are; all plain when colour is off.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Styles {
    /// Titles and the prompt.
    pub(crate) strong: Style,
    /// What explains rather than answers.
    pub(crate) dim: Style,
    /// Names of tools, fields and handles.
    pub(crate) name: Style,
    /// What succeeded.
    pub(crate) good: Style,
    /// What deserves attention.
    pub(crate) warn: Style,
    /// What failed.
    pub(crate) bad: Style,
}

impl Styles {
    /// True if anything is coloured.
    pub(crate) fn is_coloured(self) -> bool {
        !self.strong.is_plain()
    }

    fn coloured() -> Self {
        Self {
            strong: Style::new().bold(),
            dim: Style::new().dimmed(),
            name: Style::new().fg(Ansi::Cyan),
            good: Style::new().fg(Ansi::Green),
            warn: Style::new().fg(Ansi::Yellow),
            bad: Style::new().fg(Ansi::Red).bold(),
        }
    }
}

impl Output {
    /// Prints text or JSON, with colour if it is wanted and can be seen.
    pub(crate) fn new(json: bool, color: Color) -> Self {
        let wanted = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let world = segue_world::RealWorld::new();
                let refused = segue_world::World::env(&world, "NO_COLOR").is_some_and(|v| !v.is_empty());
                io::stdout().is_terminal() && !refused
            }
        };
        let styles = if wanted && !json { Styles::coloured() } else { Styles::default() };
        Self { json, styles, gone: false }
    }

    /// True if a program reads.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// The styles in use.
    pub(crate) fn styles(&self) -> Styles {
        self.styles
    }

    /// True if a person sits at both ends.
    pub(crate) fn is_interactive(&self) -> bool {
        !self.json && io::stdin().is_terminal() && io::stdout().is_terminal()
    }

    /// One line of the result. Text from outside goes through [`tame`] first: it is data and must not steer a
    /// terminal.
    pub(crate) fn line(&mut self, text: impl Display) {
        self.write(&format!("{text}\n"));
    }

    /// One JSON document (or one line of JSON Lines) of the result.
    pub(crate) fn json(&mut self, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(text) => self.write(&format!("{text}\n")),
            Err(error) => self.note(format!("the result cannot be written as JSON: {error}")),
        }
    }

    /// A remark beside the result, on standard error.
    #[expect(clippy::unused_self, reason = "whoever prints holds the output")]
    pub(crate) fn note(&mut self, text: impl Display) {
        remark(text);
    }

    /// Reports what went wrong and gives the exit code.
    pub(crate) fn failure(&mut self, failure: &Failure) -> ExitCode {
        if self.json {
            self.json(&json!({ "error": failure }));
        } else {
            self.note(format!("{} {failure}", self.styles.bad.paint("error:")));
            if let Some(remedy) = &failure.remedy {
                self.note(format!("{} {remedy}", self.styles.good.paint("remedy:")));
            }
        }
        ExitCode::from(failure.exit_code())
    }

    fn write(&mut self, text: &str) {
        if self.gone {
            return;
        }
        let mut stdout = io::stdout().lock();
        self.gone = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_err();
    }
}

/// A line on standard error. If it is closed there is nobody to tell.
pub(crate) fn remark(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Text from outside without anything that steers a terminal: control characters, and those that change the direction
/// of the text around them, become `�`.
pub(crate) fn tame(text: &str) -> String {
    let steers = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if steers(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Help, version, or what is wrong with the command line.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    let wants_json = std::env::args_os().any(|a| a == "--json");
    if error.use_stderr() && wants_json {
        let text = error.render().to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let failure = Failure::usage(message).remedy("see `segue --help`");
        return Output::new(true, Color::Never).failure(&failure);
    }
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}

#[cfg(test)]
mod tests {
    #[test]
    fn escape_sequences_do_not_reach_the_terminal() {
        assert_eq!(super::tame("a\u{1b}[31mb\nc"), "a\u{fffd}[31mb\u{fffd}c");
        assert_eq!(super::tame("a\u{202e}b"), "a\u{fffd}b");
    }
}
