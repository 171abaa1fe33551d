//! A model whose exchanges are kept: what it was asked before it is not asked again. A run can so be measured anew, after a change
//! that leaves a request as it was, without the model; and without any model where everything was asked before.

use std::path::Path;
use std::sync::Arc;

use segue_models::{Cassette, ChatError, ChatErrorKind, ChatModel, ChatRequest, Completion, Delta, Secrets};
use segue_world::fs;

use super::AdapterError;

/// A model beside the file of what it said.
pub(super) struct Kept {
    name: String,
    before: Option<Cassette>,
    now: Cassette,
}

impl Kept {
    /// With the exchanges of this file, which grows by those that are new.
    pub(super) fn new(model: Arc<dyn ChatModel>, path: &Path) -> Result<Self, AdapterError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let unusable =
            |e: ChatError| AdapterError::Needs(format!("{e}; remove the file to ask the model anew"));
        let before = fs::exists(path).then(|| Cassette::replay(path)).transpose().map_err(unusable)?;
        let (name, secrets): (String, Secrets) = (model.name().to_owned(), model.secrets());
        Ok(Self { name, before, now: Cassette::record(Box::new(model), path, secrets) })
    }
}

impl ChatModel for Kept {
    fn name(&self) -> &str {
        &self.name
    }

    fn complete<'a>(
        &'a self,
        request: &'a ChatRequest,
        on_delta: &'a mut (dyn FnMut(Delta) + Send),
    ) -> Completion<'a> {
        Box::pin(async move {
            if let Some(before) = &self.before {
                match before.complete(request, on_delta).await {
                    Err(error) if *error.kind() == ChatErrorKind::NoRecording => {}
                    // What failed may do better now.
                    Err(error) if error.is_retryable() => {}
                    known => return known,
                }
            }
            self.now.complete(request, on_delta).await
        })
    }
}
