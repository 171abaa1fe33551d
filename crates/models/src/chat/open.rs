use std::sync::Arc;

use super::{ChatError, ChatModel, Endpoint, ModelSource, ResolvedModel, Weights};
use crate::Shelf;

/// True if this build can run models in this process (feature `gguf`).
pub const IN_PROCESS: bool = cfg!(feature = "gguf");

/// A model that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It would run in this process.
    #[error(
        "the model `{name}` runs in this process, and this build cannot; build one that can with \
         `cargo build --release --features gguf`, or use a model behind a server"
    )]
    NotInThisBuild {
        /// Its name.
        name: String,
    },
    /// The shelf has no such weights yet.
    #[error("the weights of the model `{name}` are not on the shelf; run `segue models pull {weights}`")]
    NotOnShelf {
        /// Its name.
        name: String,
        /// The name of its weights.
        weights: String,
    },
    /// The shelf knows no such weights.
    #[error(
        "the shelf knows no chat model `{weights}`, which the model `{name}` is to run; `segue models list` shows what \
         there is, and the path of a file ends in `.gguf`"
    )]
    Unknown {
        /// Its name.
        name: String,
        /// The name of its weights.
        weights: String,
    },
    /// Its options make no sense.
    #[error(transparent)]
    Options(#[from] ChatError),
}

impl ResolvedModel {
    /// The model, wherever it runs. Nothing is sent, and weights are read only when it is first asked.
    pub fn open(self, shelf: &Shelf) -> Result<Arc<dyn ChatModel>, OpenError> {
        match self.source {
            ModelSource::OpenAi(options) => Ok(Arc::new(Endpoint::new(options, shelf.world().clone())?)),
            ModelSource::Gguf { .. } if !IN_PROCESS => Err(OpenError::NotInThisBuild { name: self.name }),
            ModelSource::Gguf { weights, context_window } => {
                let file = match weights {
                    Weights::File(file) => file,
                    Weights::Shelf(weights) => match shelf.get(&weights) {
                        Some(files) => files.only(),
                        None if shelf.list().iter().any(|r| r.name == weights && r.is_chat_model()) => {
                            return Err(OpenError::NotOnShelf { name: self.name, weights });
                        }
                        None => return Err(OpenError::Unknown { name: self.name, weights }),
                    },
                };
                in_process(self.name, file, context_window)
            }
        }
    }
}

#[cfg(feature = "gguf")]
#[expect(clippy::unnecessary_wraps, reason = "a build without the feature cannot")]
fn in_process(
    name: String,
    file: std::path::PathBuf,
    context_window: Option<u32>,
) -> Result<Arc<dyn ChatModel>, OpenError> {
    use crate::gguf::{GgufChat, GgufOptions};

    let mut options = GgufOptions::default();
    if let Some(tokens) = context_window {
        options.context = tokens as usize;
    }
    Ok(Arc::new(GgufChat::new(name, file, options)))
}

#[cfg(not(feature = "gguf"))]
fn in_process(name: String, _: std::path::PathBuf, _: Option<u32>) -> Result<Arc<dyn ChatModel>, OpenError> {
    Err(OpenError::NotInThisBuild { name })
}

#[cfg(test)]
mod tests {
    use segue_world::{FixedWorld, Timestamp};

    use super::*;

    fn refusal(weights: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let world = FixedWorld::new(Timestamp::UNIX_EPOCH);
        let world = world.with_env("SEGUE_MODELS", &folder.path().to_string_lossy());
        let shelf = Shelf::new(Arc::new(world)).unwrap();
        let source = ModelSource::Gguf { weights: Weights::Shelf(weights.to_owned()), context_window: None };
        let model = ResolvedModel { name: "small".to_owned(), source, prices: None };
        model.open(&shelf).err().unwrap().to_string()
    }

    #[test]
    fn what_is_missing_is_named_with_its_remedy() {
        let known = refusal("qwen2.5-coder-0.5b");
        let unknown = refusal("all-minilm-l6-v2");
        if IN_PROCESS {
            assert!(known.ends_with("; run `segue models pull qwen2.5-coder-0.5b`"), "{known}");
            assert!(unknown.contains("knows no chat model `all-minilm-l6-v2`"), "{unknown}");
        } else {
            assert!(known.contains("`cargo build --release --features gguf`"), "{known}");
            assert_eq!(known, unknown);
        }
    }
}
