//! The two files as they are written: where they are, and how what is wrong in them is told.

use std::ops::Range;
use std::path::{Path, PathBuf};

use segue_world::{FileError, fs};
use serde::Deserialize;
use toml::Spanned;

use crate::text::nearest_name;
use crate::{StoreError, Workspace};

/// A file of the owner's that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SteeringError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not right.
    #[error("`{path}` line {line}: {message}")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong and what would be right.
        message: String,
    },
    /// What it says cannot be held against the catalogue.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A file of the owner's: its text, empty where there is none.
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl File {
    pub(super) fn read(workspace: &Workspace, name: &str) -> Result<Self, FileError> {
        let path = workspace.root().join(name);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.is_not_found() => String::new(),
            other => other?,
        };
        // Editors of some systems begin a file with a byte order mark.
        Ok(Self { text: text.trim_start_matches('\u{feff}').to_owned(), path })
    }

    pub(super) fn wrong(&self, line: usize, message: String) -> SteeringError {
        SteeringError::Wrong { path: self.path.clone(), line, message }
    }

    /// The line, from 1, where a span begins.
    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        1 + self.text.get(..span.start).unwrap_or(&self.text).matches('\n').count()
    }

    /// What a warning calls a place in it.
    pub(super) fn place(&self, line: usize) -> String {
        format!(
            "{} line {line}",
            self.path.file_name().unwrap_or(Path::new("").as_os_str()).to_string_lossy()
        )
    }

    pub(super) fn malformed(&self, error: &toml::de::Error) -> SteeringError {
        let mut message = error.message().trim_end().replace('\n', "; ");
        // serde says: unknown field `hid`, expected one of `hide`, …
        if let Some(rest) = message.strip_prefix("unknown field `") {
            let mut quoted = rest.split('`');
            let unknown = quoted.next().unwrap_or_default().to_owned();
            let known: Vec<_> = quoted.skip(1).step_by(2).collect();
            let nearest = nearest_name(&unknown, known.iter().copied());
            let nearest = nearest.map(|n| format!(", did you mean `{n}`?")).unwrap_or_default();
            message = format!("there is no key `{unknown}` here{nearest}; the keys are {}", known.join(", "));
        }
        self.wrong(self.line(&error.span().unwrap_or(0..0)), message)
    }
}

/// The keys of `steering.toml`, before anything is checked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spec {
    #[serde(default)]
    pub(super) hide: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) rule: Vec<Spanned<RuleSpec>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleSpec {
    pub(super) name: Spanned<String>,
    #[serde(rename = "do")]
    pub(super) does: Spanned<String>,
    pub(super) by: Option<Spanned<f64>>,
    pub(super) at: Option<Spanned<i64>>,
    pub(super) items: Option<Spanned<toml::Value>>,
    pub(super) ids: Option<Vec<Spanned<String>>>,
    pub(super) when: Option<WhenSpec>,
    pub(super) from: Option<Spanned<Day>>,
    pub(super) until: Option<Spanned<Day>>,
    pub(super) because: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhenSpec {
    #[serde(default)]
    pub(super) words: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) fields: Vec<Spanned<String>>,
}

/// A day, with quotes or without.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Day {
    Text(String),
    Date(toml::value::Datetime),
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Date(date) => date.fmt(f),
        }
    }
}
