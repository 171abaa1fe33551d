//! Prompts: Markdown templates with front matter, in `prompts/` of the project and, to override, of a workspace.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use segue_world::{FileError, fs};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The prompts that are built in, by name.
const BUILT_IN: &[(&str, &str)] = &[
    ("call", include_str!("../../../../prompts/call.prompt.md")),
    ("native", include_str!("../../../../prompts/native.prompt.md")),
    ("plan", include_str!("../../../../prompts/plan.prompt.md")),
    ("record", include_str!("../../../../prompts/record.prompt.md")),
    ("route", include_str!("../../../../prompts/route.prompt.md")),
    ("write", include_str!("../../../../prompts/write.prompt.md")),
];

/// A template and what identifies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// Its name: `route` for `route.prompt.md`.
    pub name: String,
    /// The first 16 hexadecimal digits of the SHA-256 of the whole file.
    pub hash: String,
    /// The template, without the front matter.
    template: String,
    /// The file it was read from; `None` if it is built in.
    source: Option<PathBuf>,
}

/// A prompt that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no such prompt.
    #[error("there is no prompt `{name}`; there are: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The front matter is missing or open.
    #[error("`{0}` does not begin with front matter; put it between two lines `---`")]
    FrontMatter(String),
    /// The template does not fit its inputs.
    #[error("the prompt `{name}` cannot be rendered: {reason}; its inputs are in the front matter")]
    Template {
        /// The prompt, and its file if it has one.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

/// The prompts at hand: those of a folder, and for the others those that are built in.
#[derive(Debug, Clone, Default)]
pub struct Prompts {
    by_name: BTreeMap<String, Prompt>,
}

impl Prompts {
    /// Those that are built in, overridden by the files `NAME.prompt.md` of `folder`, if there is such a folder.
    pub fn load(folder: Option<&Path>) -> Result<Self, PromptError> {
        let mut by_name = BTreeMap::new();
        for (name, text) in BUILT_IN {
            by_name.insert((*name).to_owned(), Prompt::parse(name, text, None)?);
        }
        if let Some(folder) = folder.filter(|f| fs::exists(f)) {
            for path in fs::list(folder)? {
                let file = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
                if let Some(name) = file.strip_suffix(".prompt.md") {
                    let text = fs::read_to_string(&path)?;
                    by_name.insert(name.to_owned(), Prompt::parse(name, &text, Some(path.clone()))?);
                }
            }
        }
        Ok(Self { by_name })
    }

    /// All of them, by name.
    pub fn all(&self) -> impl Iterator<Item = &Prompt> {
        self.by_name.values()
    }

    /// The prompt of this name.
    pub fn get(&self, name: &str) -> Result<&Prompt, PromptError> {
        self.by_name.get(name).ok_or_else(|| PromptError::Unknown {
            name: name.to_owned(),
            known: self.by_name.keys().cloned().collect::<Vec<_>>().join(", "),
        })
    }
}

impl Prompt {
    /// Reads a prompt: front matter between two lines `---`, then the template. `source` is its file, for messages.
    pub fn parse(name: &str, text: &str, source: Option<PathBuf>) -> Result<Self, PromptError> {
        let shown = source.as_ref().map_or_else(|| name.to_owned(), |s| s.display().to_string());
        let body = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
        let Some((_, template)) = body else { return Err(PromptError::FrontMatter(shown)) };
        let digest = Sha256::digest(text.as_bytes());
        let hash = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { name: name.to_owned(), hash, template: template.to_owned(), source })
    }

    /// Whether the text is a template; what inputs it wants shows when it is rendered.
    pub fn syntax(&self) -> Result<(), PromptError> {
        let environment = Environment::new();
        let parsed = environment.template_from_str(&self.template);
        parsed.map(drop).map_err(|error| self.unusable(&error))
    }

    fn unusable(&self, error: &minijinja::Error) -> PromptError {
        PromptError::Template {
            name: self.source.as_ref().map_or_else(|| self.name.clone(), |s| s.display().to_string()),
            reason: error.to_string(),
        }
    }

    /// The text with its inputs filled in. An input that is missing is an error, not a gap.
    pub fn render(&self, inputs: impl Serialize) -> Result<String, PromptError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let inputs = minijinja::Value::from(Serde(inputs));
        environment.render_str(&self.template, inputs).map_err(|error| self.unusable(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_overrides_and_a_missing_input_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("route.prompt.md");
        fs::write_atomic(&path, b"---\nname: route\n---\nA {{ noun }}.").unwrap();
        let prompts = Prompts::load(Some(folder.path())).unwrap();
        let prompt = prompts.get("route").unwrap();
        assert_eq!(prompt.render(serde_json::json!({"noun": "film"})).unwrap(), "A film.");
        let missing = prompt.render(serde_json::json!({})).unwrap_err();
        assert!(missing.to_string().contains("route.prompt.md"), "{missing}");
        assert_ne!(prompt.hash, Prompts::load(None).unwrap().get("route").unwrap().hash);
        fs::write_atomic(&path, b"no front matter").unwrap();
        assert!(matches!(Prompts::load(Some(folder.path())), Err(PromptError::FrontMatter(_))));
    }
}
