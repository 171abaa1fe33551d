//! Which model embeds a workspace: the part `[embedding]` of `workspace.toml`.
//!
//! ```toml
//! [embedding]
//! model = "multilingual-e5-small"    # of the shelf: `segue models list`
//! ```

use std::path::{Path, PathBuf};

use segue_world::{FileError, fs};
use serde::Deserialize;

/// The settings; all of them may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingSettings {
    /// The name of a model on the shelf.
    pub model: Option<String>,
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddingSettingsError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not what it should be.
    #[error("`{path}`, under `[embedding]`: {reason}; correct it")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong there.
        reason: String,
    },
}

impl EmbeddingSettings {
    /// Reads `workspace.toml`; one that is not there sets nothing.
    pub fn read(path: &Path) -> Result<Self, EmbeddingSettingsError> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if error.is_not_found() => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }

    fn parse(text: &str, path: &Path) -> Result<Self, EmbeddingSettingsError> {
        #[derive(Deserialize)]
        struct Document {
            #[serde(default)]
            embedding: EmbeddingSettings,
        }
        let wrong = |e: toml::de::Error| EmbeddingSettingsError::Wrong {
            path: path.to_owned(),
            reason: e.message().trim_end().replace('\n', "; "),
        };
        Ok(toml::from_str::<Document>(text).map_err(wrong)?.embedding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_read_beside_other_settings_and_a_slip_is_told() {
        let parse = |text: &str| EmbeddingSettings::parse(text, Path::new("ws/workspace.toml"));
        let settings = parse("[models.a]\nmodel = \"b\"\n[embedding]\nmodel = \"c\"\n").unwrap();
        assert_eq!(settings.model.as_deref(), Some("c"));
        assert_eq!(parse("").unwrap(), EmbeddingSettings::default());
        let told = parse("[embedding]\nmodle = \"c\"\n").unwrap_err().to_string();
        assert!(
            told.contains("ws/workspace.toml") && told.contains("modle") && told.contains("`model`"),
            "{told}"
        );
    }
}
