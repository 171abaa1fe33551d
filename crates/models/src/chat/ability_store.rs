use std::path::PathBuf;

use segue_world::{FileError, Timestamp, fs};
use serde::{Deserialize, Serialize};

use super::{Abilities, ChatError, ChatModel, probe};

/// What models can do, remembered in a file so that each is asked once.
///
/// A file that is damaged, or of another version of Segue, is as good as none: the model is asked again.
#[derive(Debug)]
pub struct AbilityStore {
    path: PathBuf,
}

/// Raised when the questions change, so that old answers are not taken for new ones.
const VERSION: u32 = 1;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Document {
    version: u32,
    models: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    base_url: String,
    model: String,
    probed: Timestamp,
    abilities: Abilities,
}

impl AbilityStore {
    /// The store in this file, which need not be there yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// What is remembered of a model.
    pub fn get(&self, base_url: &str, model: &str) -> Option<Abilities> {
        let entries = self.read().models;
        entries.into_iter().find(|e| e.base_url == base_url && e.model == model).map(|e| e.abilities)
    }

    /// Remembers what a model can do, in place of what was known before.
    pub fn remember(
        &self,
        base_url: &str,
        model: &str,
        abilities: Abilities,
        now: Timestamp,
    ) -> Result<(), FileError> {
        let mut models = self.read().models;
        models.retain(|e| e.base_url != base_url || e.model != model);
        models.push(Entry { base_url: base_url.to_owned(), model: model.to_owned(), probed: now, abilities });
        models.sort_by(|a, b| (&a.base_url, &a.model).cmp(&(&b.base_url, &b.model)));
        let document = Document { version: VERSION, models };
        fs::write_atomic(&self.path, &serde_json::to_vec_pretty(&document).unwrap_or_default())
    }

    /// What is remembered, or else what the model answers. That it cannot be written down is no reason to fail: it
    /// will be asked again next time.
    pub async fn get_or_probe(
        &self,
        base_url: &str,
        model: &dyn ChatModel,
        now: Timestamp,
    ) -> Result<Abilities, ChatError> {
        if let Some(known) = self.get(base_url, model.name()) {
            return Ok(known);
        }
        let abilities = probe(model).await?;
        let _ = self.remember(base_url, model.name(), abilities, now);
        Ok(abilities)
    }

    fn read(&self) -> Document {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        let document = serde_json::from_str::<Document>(&text).unwrap_or_default();
        if document.version == VERSION { document } else { Document::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{ChatReply, ScriptedModel};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[tokio::test]
    async fn a_model_is_asked_once_an_address() {
        let folder = tempfile::tempdir().unwrap();
        let store = AbilityStore::at(folder.path().join("abilities.json"));
        let four = || vec![Ok(ChatReply::text("yes")); 4];
        let model = ScriptedModel::new(four());
        for _ in 0..2 {
            assert_eq!(store.get_or_probe("http://a", &model, NOW).await, Ok(Abilities::default()));
        }
        model.assert_complete().unwrap();
        assert_eq!(store.get("http://b", "scripted"), None);

        // A damaged file is as good as none.
        fs::write_atomic(&folder.path().join("abilities.json"), b"{\"version\":1,\"mod").unwrap();
        let model = ScriptedModel::new(four());
        store.get_or_probe("http://a", &model, NOW).await.unwrap();
        model.assert_complete().unwrap();
        assert!(store.get("http://a", "scripted").is_some());
    }

    #[test]
    fn what_is_known_of_a_model_is_replaced_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let store = AbilityStore::at(folder.path().join("abilities.json"));
        let abilities = |context| Abilities { context: Some(context), ..Abilities::default() };
        for (model, context) in [("a", 1), ("b", 2), ("a", 3)] {
            store.remember("http://x", model, abilities(context), NOW).unwrap();
        }
        assert_eq!(store.get("http://x", "a"), Some(abilities(3)));
        assert_eq!(store.get("http://x", "b"), Some(abilities(2)));
    }
}
