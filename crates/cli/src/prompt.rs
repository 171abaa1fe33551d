//! Where a conversation's lines come from: an editor with history on a terminal, else standard input.

use std::borrow::Cow;
use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;

use reedline::{
    DefaultHinter, FileBackedHistory, Prompt, PromptEditMode, PromptHistorySearch, Reedline, Signal,
};

use segue_agent::{Approval, Consent};

use crate::failure::Failure;
use crate::output::{remark, tame};

const HISTORY_LINES: usize = 1000;

/// Who allows the calls that change something: everybody, the person at the terminal, or nobody.
pub(crate) fn approval(everything: bool) -> Approval {
    Arc::new(move |call| {
        if everything {
            return Consent::Given;
        }
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Consent::Nobody;
        }
        remark(format!("`{}` changes something: {}", tame(&call.tool), tame(&call.args.to_string())));
        remark("make this call? [y/N]");
        let mut line = String::new();
        match io::stdin().lock().read_line(&mut line) {
            Ok(_) if matches!(line.trim(), "y" | "Y" | "yes") => Consent::Given,
            Ok(_) => Consent::Refused,
            Err(_) => Consent::Nobody,
        }
    })
}

/// What a person did at the prompt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Typed something.
    Text(String),
    /// Pressed Ctrl-C: gave up this line.
    Interrupted,
    /// Pressed Ctrl-D, or the input ended.
    End,
}

/// A source of lines.
pub(crate) enum Lines {
    /// A person at a terminal.
    Editor(Box<Reedline>),
    /// A pipe or a file.
    Input,
}

impl Lines {
    /// An editor whose history is kept in a file of the workspace.
    pub(crate) fn editor(history: PathBuf, color: bool) -> Result<Self, Failure> {
        let history = FileBackedHistory::with_file(HISTORY_LINES, history)
            .map_err(|e| Failure::new("history", format!("cannot keep the history of the prompt: {e}")))?;
        let hinter = DefaultHinter::default().with_style(nu_ansi_term::Style::new().dimmed());
        let editor = Reedline::create()
            .with_history(Box::new(history))
            .with_history_exclusion_prefix(Some(" ".to_owned()))
            .with_hinter(Box::new(hinter))
            .with_ansi_colors(color);
        Ok(Self::Editor(Box::new(editor)))
    }

    /// The next line.
    pub(crate) fn next(&mut self) -> Result<Line, Failure> {
        let failed = |e: io::Error| Failure::new("input", format!("cannot read the next line: {e}"));
        match self {
            Self::Editor(editor) => match editor.read_line(&Segue).map_err(failed)? {
                Signal::Success(text) => Ok(Line::Text(text)),
                Signal::CtrlD => Ok(Line::End),
                _ => Ok(Line::Interrupted),
            },
            Self::Input => {
                let mut bytes = Vec::new();
                let read = io::stdin().lock().read_until(b'\n', &mut bytes).map_err(failed)?;
                match read {
                    0 => Ok(Line::End),
                    _ => Ok(Line::Text(String::from_utf8_lossy(&bytes).trim_end().to_owned())),
                }
            }
        }
    }
}

struct Segue;

impl Prompt for Segue {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        "you".into()
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        "> ".into()
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        "   … ".into()
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        format!("(search: {}) ", search.term).into()
    }
}
