use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use segue_world::fs;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::clean::clean;
use super::{ChatError, ChatErrorKind, ChatModel, ChatReply, ChatRequest, Completion, Delta, Secrets};

/// Characters of a request that are shown when it has no recording.
const SHOWN: usize = 100;

/// A model's replies on disk: JSON Lines, one exchange each, found by the hash of the request.
///
/// The same request may be recorded several times; the replies are given back in that order, and the last again
/// once they are used up.
pub struct Cassette {
    path: PathBuf,
    mode: Mode,
}

enum Mode {
    Record { inner: Box<dyn ChatModel>, secrets: Secrets },
    Replay { name: String, recorded: BTreeMap<String, Vec<Outcome>>, played: Mutex<BTreeMap<String, usize>> },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    key: String,
    model: String,
    request: ChatRequest,
    outcome: Outcome,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Reply(ChatReply),
    Error(ChatError),
}

impl Cassette {
    /// Asks `inner` and adds each exchange to the end of the file. A line with one of `secrets` in it is not written
    /// and the call fails; see [`EndpointOptions::secrets`](super::EndpointOptions::secrets).
    pub fn record(inner: Box<dyn ChatModel>, path: impl Into<PathBuf>, secrets: Secrets) -> Self {
        Self { path: path.into(), mode: Mode::Record { inner, secrets } }
    }

    /// Plays what was recorded, without a network.
    ///
    /// # Errors
    /// `Cassette` if the file cannot be read, naming the line.
    pub fn replay(path: impl Into<PathBuf>) -> Result<Self, ChatError> {
        let path = path.into();
        let text = fs::read_to_string(&path).map_err(|e| unusable(&e.to_string()))?;
        let mut name = String::new();
        let mut recorded: BTreeMap<String, Vec<Outcome>> = BTreeMap::new();
        for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let line: Line = serde_json::from_str(line)
                .map_err(|e| unusable(&format!("`{}`, line {}: {e}", path.display(), n + 1)))?;
            // The request is the truth and the key its summary, which an editor of the file may have forgotten.
            recorded.entry(key_of(&line.request)).or_default().push(line.outcome);
            name = line.model;
        }
        Ok(Self { path, mode: Mode::Replay { name, recorded, played: Mutex::default() } })
    }
}

impl ChatModel for Cassette {
    fn name(&self) -> &str {
        match &self.mode {
            Mode::Record { inner, .. } => inner.name(),
            Mode::Replay { name, .. } => name,
        }
    }

    fn context_window(&self) -> Option<u32> {
        match &self.mode {
            Mode::Record { inner, .. } => inner.context_window(),
            Mode::Replay { .. } => None,
        }
    }

    fn complete<'a>(
        &'a self,
        request: &'a ChatRequest,
        on_delta: &'a mut (dyn FnMut(Delta) + Send),
    ) -> Completion<'a> {
        Box::pin(async move {
            match &self.mode {
                Mode::Record { inner, secrets } => {
                    let outcome = match inner.complete(request, on_delta).await {
                        Ok(reply) => Outcome::Reply(reply),
                        Err(error) => Outcome::Error(error),
                    };
                    let line = Line {
                        key: key_of(request),
                        model: inner.name().to_owned(),
                        request: request.clone(),
                        outcome,
                    };
                    write_line(&self.path, &line, secrets)?;
                    line.outcome.into()
                }
                Mode::Replay { recorded, played, .. } => {
                    request.check()?;
                    let reply: Result<ChatReply, ChatError> = match next(recorded, played, &key_of(request)) {
                        Some(outcome) => outcome.clone().into(),
                        None => Err(missing(&self.path, request)),
                    };
                    let reply = reply?;
                    reply.tell(on_delta);
                    Ok(reply)
                }
            }
        })
    }
}

impl From<Outcome> for Result<ChatReply, ChatError> {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Reply(reply) => Ok(reply),
            Outcome::Error(error) => Err(error),
        }
    }
}

fn next<'a>(
    recorded: &'a BTreeMap<String, Vec<Outcome>>,
    played: &Mutex<BTreeMap<String, usize>>,
    key: &str,
) -> Option<&'a Outcome> {
    let outcomes = recorded.get(key)?;
    let mut played = played.lock().unwrap_or_else(PoisonError::into_inner);
    let times = played.entry(key.to_owned()).or_default();
    let outcome = outcomes.get(*times).or(outcomes.last());
    *times += 1;
    outcome
}

fn write_line(path: &Path, line: &Line, secrets: &Secrets) -> Result<(), ChatError> {
    let mut text = serde_json::to_string(line).map_err(|e| unusable(&e.to_string()))?;
    if secrets.are_in(&text) {
        return Err(unusable("the exchange contains a key or the value of a header, and is not written"));
    }
    text.push('\n');
    fs::append(path, text.as_bytes()).map_err(|e| unusable(&e.to_string()))
}

/// The SHA-256 of the request as JSON with sorted keys: what stays the same when a field of a schema moves.
fn key_of(request: &ChatRequest) -> String {
    let canonical = serde_json::to_value(request).map(|json| sorted(json).to_string()).unwrap_or_default();
    Sha256::digest(canonical).iter().fold(String::new(), |mut key, byte| {
        let _ = write!(key, "{byte:02x}");
        key
    })
}

fn sorted(json: Json) -> Json {
    match json {
        Json::Object(object) => {
            let entries: BTreeMap<String, Json> = object.into_iter().map(|(k, v)| (k, sorted(v))).collect();
            Json::Object(entries.into_iter().collect())
        }
        Json::Array(values) => Json::Array(values.into_iter().map(sorted).collect()),
        other => other,
    }
}

fn missing(path: &Path, request: &ChatRequest) -> ChatError {
    let last = request.messages.last().map_or("", |message| message.content.as_str());
    let detail =
        format!("`{}` does not hold the request that ends with: {}", path.display(), clean(last, SHOWN));
    ChatError::new(ChatErrorKind::NoRecording, detail)
}

fn unusable(detail: &str) -> ChatError {
    ChatError::new(ChatErrorKind::Cassette, detail)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::{Message, ScriptedModel, ToolDefinition};

    fn ask(text: &str) -> ChatRequest {
        ChatRequest::new(vec![Message::user(text)], 5)
    }

    async fn answer(model: &Cassette, request: &ChatRequest) -> Result<String, ChatError> {
        model.complete(request, &mut |_| ()).await.map(|reply| reply.content)
    }

    #[tokio::test]
    async fn what_was_recorded_is_replayed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        let script = ScriptedModel::new(vec![
            Ok(ChatReply::text("one")),
            Ok(ChatReply::text("two")),
            Err(ChatError::new(ChatErrorKind::Cut, "the wire")),
        ]);
        let recording = Cassette::record(Box::new(script), &path, Secrets::default());
        for text in ["hi", "hi", "bye"] {
            let _ = answer(&recording, &ask(text)).await;
        }
        let replay = Cassette::replay(&path).unwrap();
        assert_eq!(replay.name(), "scripted");
        for expected in ["one", "two", "two"] {
            assert_eq!(answer(&replay, &ask("hi")).await.unwrap(), expected);
        }
        assert_eq!(answer(&replay, &ask("bye")).await.unwrap_err().detail(), "the wire");
        let error = answer(&replay, &ask(&"unheard of ".repeat(50))).await.unwrap_err();
        assert_eq!(error.name(), "no_recording");
        let text = error.to_string();
        assert!(
            text.contains("a.jsonl") && text.contains("unheard of unheard") && text.len() < 400,
            "{text}"
        );
    }

    #[tokio::test]
    async fn a_key_is_never_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        for secret in ["sk-hush-hush", "sk-\"hush\\"] {
            let script = ScriptedModel::new(vec![Ok(ChatReply::text(format!("your key is {secret}.")))]);
            let recording = Cassette::record(Box::new(script), &path, Secrets::new(vec![secret.into()]));
            let error = answer(&recording, &ask("what is my key?")).await.unwrap_err();
            assert_eq!(error.name(), "cassette");
            assert!(!error.to_string().contains("hush"));
        }
        assert!(!fs::exists(&path));
    }

    #[test]
    fn a_damaged_cassette_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        fs::write_atomic(&path, b"\n{\"key\":").unwrap();
        let error = Cassette::replay(&path).err().unwrap().to_string();
        assert!(error.contains("a.jsonl`, line 2"), "{error}");
        assert_eq!(Cassette::replay(folder.path().join("none")).err().unwrap().name(), "cassette");
    }

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let with = |parameters: Json| {
            let mut request = ask("hi");
            request.tools =
                vec![ToolDefinition { name: "t".to_owned(), description: String::new(), parameters }];
            key_of(&request)
        };
        assert_eq!(
            with(json!({ "a": 1, "b": [{ "c": 1, "d": 2 }] })),
            with(json!({ "b": [{ "d": 2, "c": 1 }], "a": 1 }))
        );
        assert_ne!(with(json!({ "a": [1, 2] })), with(json!({ "a": [2, 1] })));
    }
}
