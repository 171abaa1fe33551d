//! What models say to a suite, in a file beside it that is committed: a run without a model plays it back, and a live one makes it
//! anew.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use segue_agent::PlanningModel;
use segue_agent::model::Prompts;
use segue_models::{Cassette, ChatErrorKind, ChatModel, ChatRequest, Completion, Delta};
use segue_world::fs;

use super::AdapterError;
use crate::suite::CaseError;

/// A recording in use.
#[derive(Debug)]
pub(super) enum Recording {
    /// It answers, and says here what it was asked and does not have.
    Played { path: PathBuf, missed: Arc<Mutex<Option<String>>> },
    /// It is made in `part` until the run is through.
    Made { path: PathBuf, part: PathBuf },
}

impl Recording {
    /// The model that a recording stands for.
    pub(super) fn play(path: &Path) -> Result<(PlanningModel, Self), AdapterError> {
        if !fs::exists(path) {
            let message = format!("there is no recording `{}`; make it with --live", path.display());
            return Err(AdapterError::Needs(message));
        }
        let cassette = Cassette::replay(path).map_err(|e| AdapterError::Needs(e.to_string()))?;
        let missed = Arc::default();
        let model = Arc::new(Played { cassette, missed: Arc::clone(&missed) });
        let prompts = Prompts::load(None).map_err(segue_agent::AgentError::from)?;
        let model = PlanningModel { model, prompts, prices: None, logprobs: true };
        Ok((model, Self::Played { path: path.to_owned(), missed }))
    }

    /// Has what a model says recorded.
    pub(super) fn make(mut model: PlanningModel, path: &Path) -> Result<(PlanningModel, Self), AdapterError> {
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        fs::write_atomic(&part, b"")?;
        let secrets = model.model.secrets();
        model.model = Arc::new(Cassette::record(Box::new(model.model), &part, secrets));
        Ok((model, Self::Made { path: path.to_owned(), part }))
    }

    /// What the results depend on.
    pub(super) fn depends(&self) -> Result<String, AdapterError> {
        match self {
            Self::Played { path, .. } => super::digest_of(path),
            Self::Made { .. } => Ok("live".to_owned()),
        }
    }

    /// An error once something was asked that was not recorded, in this case or in one before: what an agent makes of that is no
    /// result, and which of the cases under way asked it is not known.
    pub(super) fn check(&self) -> Result<(), CaseError> {
        let Self::Played { path, missed } = self else { return Ok(()) };
        match missed.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            None => Ok(()),
            Some(error) => {
                let path = path.display();
                Err(CaseError(format!("`{path}` is of another request; make it anew with --live ({error})")))
            }
        }
    }

    /// Puts what a whole run recorded in its place, unless the model failed, in an order that does not depend on which case was first.
    pub(super) fn finish(&self) -> Result<(), AdapterError> {
        let Self::Made { path, part } = self else { return Ok(()) };
        let text = fs::read_to_string(part)?;
        let mut lines: Vec<&str> = text.lines().collect();
        let failed = lines.iter().filter(|line| line.contains(r#""outcome":{"error""#)).count();
        if failed > 0 {
            let message = format!(
                "{failed} of {} answers of the model are errors; `{}` is left as it was",
                lines.len(),
                path.display()
            );
            return Err(AdapterError::Needs(message));
        }
        // A line begins with the hash of its request.
        lines.sort_by_key(|line| line.split(',').next());
        let text: String = lines.iter().flat_map(|line| [*line, "\n"]).collect();
        fs::write_atomic(path, text.as_bytes())?;
        Ok(fs::remove_file(part)?)
    }
}

struct Played {
    cassette: Cassette,
    missed: Arc<Mutex<Option<String>>>,
}

impl ChatModel for Played {
    fn name(&self) -> &str {
        self.cassette.name()
    }

    fn complete<'a>(
        &'a self,
        request: &'a ChatRequest,
        on_delta: &'a mut (dyn FnMut(Delta) + Send),
    ) -> Completion<'a> {
        Box::pin(async move {
            let reply = self.cassette.complete(request, on_delta).await;
            if let Err(error) = &reply
                && *error.kind() == ChatErrorKind::NoRecording
            {
                let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
                missed.get_or_insert_with(|| error.to_string());
            }
            reply
        })
    }
}
