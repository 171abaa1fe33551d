//! Conversational playlists as in CPCD (Chaganty et al., "Beyond Single Items: Exploring User Preferences in Item Sets with the
//! Conversational Playlist Curation Dataset", SIGIR 2023): `dialogues.jsonl` and `tracks.jsonl`.
//!
//! A conversation is a cluster and each of its turns a case; the tracks are the catalogue, all of them, and a case's answer is
//! a ranking of it, scored by the official protocol ([`protocol`]). What is searched for at a turn is a variant's `query`
//! ([`queries`]); an agent is told the conversation turn by turn, with what was liked and disliked in between.

mod protocol;
mod queries;
mod sessions;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use futures_util::future::BoxFuture;
use segue_catalog::Dataset;
use segue_world::fs;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use self::protocol::{Protocol, Scored};
use self::sessions::Sessions;
use super::beir::lines;
use super::library::library;
use super::systems::{Found, Systems};
use super::{AdapterError, Preparing, Surroundings, digest_of};
use crate::metrics::{Family, Metric};
use crate::suite::{Answered, Case, CaseError, Suite, Task, Variant};

/// The one split there is.
const SPLIT: &str = "all";
/// How many items of a ranking are kept in a result's details.
const SHOWN: usize = 10;

/// What is searched is title, artists and album as one, as in the published baselines; over three fields apart, a word of a
/// title is weighed by a length of its own.
const DATASET: &str = r#"
name = "tracks"
noun = "track"
attribution = "Conversational Playlist Curation Dataset, CC BY 4.0"
items = { file = "tracks.jsonl" }
[[fields]]
name = "id"
role = "id"
[[fields]]
name = "title"
role = "title"
boost = 0.0
aliases = ["music", "tune", "name", "called", "titled", "song", "songs"]
[[fields]]
name = "artist"
role = "category"
multi = true
boost = 0.0
aliases = ["by", "band", "singer", "musician", "performed by", "sung by", "artists"]
[[fields]]
name = "album"
role = "category"
boost = 0.0
aliases = ["record", "on the album", "from the album"]
[[fields]]
name = "contents"
role = "text"
embed = false
"#;

/// One conversation.
#[derive(Debug, Clone, Deserialize)]
struct Dialogue {
    id: String,
    turns: Vec<Turn>,
    /// What the user ended with: ids of tracks.
    goal_playlist: Vec<String>,
}

/// What was said and shown at one turn.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Turn {
    user_query: String,
    /// What the person in the system's place searched for.
    search_queries: Vec<String>,
    /// Ids of the tracks among those shown that the user wanted.
    liked_results: Vec<String>,
    /// Ids of those that the user did not want.
    disliked_results: Vec<String>,
}

/// One track.
#[derive(Debug, Clone, Deserialize)]
struct Track {
    #[serde(rename = "track_id")]
    id: String,
    #[serde(rename = "track_titles")]
    title: String,
    #[serde(rename = "track_artists")]
    artists: Vec<String>,
    #[serde(rename = "track_release_titles", default)]
    album: Option<String>,
    /// Tracks of one cluster are versions of one song, and one stands for another.
    #[serde(rename = "track_cluster_ids")]
    cluster: String,
}

impl Track {
    /// Title, artists and album as one text.
    fn contents(&self) -> String {
        let album = self.album.as_deref().unwrap_or_default();
        format!("{} {} {album}", self.title, self.artists.join(" ")).trim_end().to_owned()
    }
}

/// Tracks by id.
type Tracks = BTreeMap<String, Track>;

/// Conversations that are ready to run.
#[derive(Debug)]
pub(super) struct Cpcd {
    dialogues: Vec<Dialogue>,
    tracks: Tracks,
    protocol: Protocol,
    metrics: Vec<Metric>,
    systems: Systems,
    sessions: Sessions,
    depends: Vec<(String, String)>,
}

pub(super) fn open(
    suite: &Suite,
    folder: &Path,
    surroundings: &Surroundings,
    progress: &mut dyn FnMut(Preparing),
) -> Result<Cpcd, AdapterError> {
    check(suite)?;
    let files = (folder.join("dialogues.jsonl"), folder.join("tracks.jsonl"));
    let dialogues = lines(&files.0)?.collect::<Result<Vec<Dialogue>, _>>()?;
    let mut tracks = Tracks::new();
    for track in lines::<Track>(&files.1)? {
        let track = track?;
        tracks.insert(track.id.clone(), track);
    }
    let protocol = Protocol::of(&dialogues, &tracks, suite.data.limit);
    let source = digest_of(&files.1)?;
    let make = |root: &Path| prepare(&tracks, root);
    let library = library("cpcd", &source, &make, &suite.data, surroundings, progress)?;
    let systems = Systems::new(suite, library.engine, surroundings)?;
    let mut depends = systems.depends()?;
    depends.push(("catalogue".to_owned(), library.content));
    depends.push(("conversations".to_owned(), digest_of(&files.0)?));
    if let Some(embedder) = library.embedder {
        depends.push(("embeddings".to_owned(), embedder));
    }
    let sessions = Sessions::new(suite.repeats == 1);
    Ok(Cpcd { dialogues, tracks, protocol, metrics: suite.metrics.clone(), systems, sessions, depends })
}

/// What the suite asks that cannot be had here.
fn check(suite: &Suite) -> Result<(), AdapterError> {
    if let Some(metric) = suite.metrics.iter().find(|m| m.info.family != Family::Ranking) {
        let message = format!("`{metric}` cannot be measured on playlists: it is not of rankings");
        return Err(AdapterError::Unfit(message));
    }
    if suite.data.split != SPLIT {
        let message = format!(
            "there is no split `{}` of these conversations; write `split = \"{SPLIT}\"`",
            suite.data.split
        );
        return Err(AdapterError::Unfit(message));
    }
    Ok(())
}

impl Task for Cpcd {
    fn count(&self) -> usize {
        self.protocol.cases().len()
    }

    fn cases(&self) -> Box<dyn Iterator<Item = Result<Case, AdapterError>> + Send + '_> {
        let case = |case: &Scored| {
            let dialogue = self.dialogues.get(case.dialogue)?;
            let turn = dialogue.turns.get(case.turn)?;
            let (id, cluster) = (case.id.clone(), dialogue.id.clone());
            Some(Ok(Case { id, cluster, request: turn.user_query.clone() }))
        };
        Box::new(self.protocol.cases().iter().filter_map(case))
    }

    fn depends(&self) -> Vec<(String, String)> {
        self.depends.clone()
    }

    fn finish(&self) -> Result<(), AdapterError> {
        self.systems.finish()
    }

    fn tools(&self, variant: &Variant) -> Vec<String> {
        self.systems.tools(variant)
    }

    fn item(&self, id: &str) -> Result<Vec<(String, String)>, CaseError> {
        self.systems.item(id)
    }

    fn answer<'a>(
        &'a self,
        variant: &'a Variant,
        case: &'a Case,
    ) -> BoxFuture<'a, Result<Answered, CaseError>> {
        Box::pin(async move {
            let unknown = || CaseError(format!("there is no turn `{}`", case.id));
            let scored = self.protocol.case(&case.id).ok_or_else(unknown)?;
            let dialogue = self.dialogues.get(scored.dialogue).ok_or_else(unknown)?;
            let (found, searched) = match variant.query {
                Some(query) => {
                    let words = queries::words(query, dialogue, scored.turn, &self.tracks);
                    (self.systems.find(variant, &words).await?, Some(words))
                }
                None => {
                    let told =
                        self.sessions.turn(&self.systems, variant, dialogue, scored.turn, &self.tracks);
                    (told.await?, None)
                }
            };
            let ids: Vec<&str> = self.systems.ids(&found.items).collect();
            let metrics = self.protocol.measure(scored, &ids, &self.metrics);
            let detail = self.detail(scored, case, &found, &ids, searched);
            let fallback = found.fallback();
            Ok(Answered {
                metrics,
                usage: found.usage,
                tools: found.tools,
                fallback,
                shown: Vec::new(),
                detail,
            })
        })
    }
}

impl Cpcd {
    /// What a person needs to see of a turn.
    fn detail(
        &self,
        scored: &Scored,
        case: &Case,
        found: &Found,
        ids: &[&str],
        searched: Option<String>,
    ) -> Json {
        let named = |id: &str| {
            self.tracks.get(id).map(|t| format!("{} — {}", t.title, t.artists.join(", "))).unwrap_or_default()
        };
        let gold: Vec<Json> =
            self.protocol.places(scored, ids).map(|(id, place)| json!([id, named(id), place])).collect();
        let ranking: Vec<Json> = ids.iter().take(SHOWN).map(|id| json!([id, named(id)])).collect();
        let mut detail =
            json!({ "request": case.request, "ranking": ranking, "found": ids.len(), "gold": gold });
        if let Some(detail) = detail.as_object_mut() {
            if let Some(words) = searched {
                detail.insert("query".to_owned(), json!(words));
            }
            if let Some(turn) = &found.turn {
                detail.insert("plan".to_owned(), json!(turn.plan));
                detail.insert("understood".to_owned(), json!(turn.understood));
                detail.insert("not_understood".to_owned(), json!(turn.not_understood));
                detail.insert("refused".to_owned(), json!(turn.refused));
                detail.insert("fallback".to_owned(), json!(turn.fallback));
            }
        }
        detail
    }
}

/// The tracks with all their text as one field, beside the workspace that is made of them.
fn prepare(tracks: &Tracks, root: &Path) -> Result<Dataset, AdapterError> {
    let target = root.join("tracks.jsonl");
    let mut file = fs::writer(&target)?;
    let failed = |e: std::io::Error| AdapterError::Needs(format!("cannot write `{}`: {e}", target.display()));
    for (id, track) in tracks {
        let Track { title, artists, album, .. } = track;
        let line = json!({ "id": id, "title": title, "artist": artists, "album": album, "contents": track.contents() });
        writeln!(file, "{line}").map_err(failed)?;
    }
    file.flush().map_err(failed)?;
    drop(file);
    Ok(Dataset::parse(DATASET, &root.join("dataset.toml"))?)
}

#[cfg(test)]
mod tests;
