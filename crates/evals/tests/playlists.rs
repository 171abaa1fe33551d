//! Conversational playlists, from files to figures: a search and the agent in three small conversations.
#![expect(clippy::unwrap_used, reason = "a test")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use segue_evals::CaseResult;
use segue_evals::adapters::{self, Surroundings};
use segue_evals::metrics::metric;
use segue_evals::statistics::{Options, figure};
use segue_evals::suite::{Fingerprint, ResultStore, RunEnd, RunOptions, Suite, run};
use segue_world::{RealWorld, World, fs};
use serde_json::{Value as Json, json};

const SUITE: &str = r#"
name = "playlists"
metrics = ["hit@1", "recall@100"]
[data]
adapter = "cpcd"
path = "."
split = "all"
embeddings = false
[[variants]]
name = "words"
retriever = "bm25"
query = "current"
[[variants]]
name = "makers"
retriever = "bm25"
query = "current_and_makers"
[[variants]]
name = "rules"
planner = "rules"
"#;

fn track(id: &str, title: &str, artist: &str) -> Json {
    json!({
        "track_id": id, "track_titles": title, "track_artists": [artist], "track_release_titles": "Songs",
        "track_cluster_ids": format!("of {id}"),
    })
}

fn lines(lines: &[Json]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

struct Place {
    folder: tempfile::TempDir,
    world: Arc<dyn World>,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap(), world: Arc::new(RealWorld::new()) };
        let tracks = [
            track("a1", "River", "Alba"),
            track("a2", "Stone", "Alba"),
            track("a3", "Meadow", "Alba"),
            track("b1", "Night Train", "Boro"),
            track("b2", "Ferry", "Boro"),
            track("c1", "Lamp", "Cato"),
            track("c2", "Harbour", "Cato"),
        ];
        let turn = |said: &str, liked: &[&str], disliked: &[&str]| json!({ "user_query": said, "liked_results": liked, "disliked_results": disliked });
        let dialogues = [
            json!({
                "id": "one", "goal_playlist": ["a1", "a2", "b2"],
                "turns": [turn("something by Alba", &["a1"], &["a3"]), turn("thanks", &[], &[]), turn("add Boro", &[], &["b1"])],
            }),
            json!({ "id": "two", "goal_playlist": ["c1"], "turns": [turn("Lamp", &["c1"], &[]), turn("done", &[], &[])] }),
        ];
        place.write("tracks.jsonl", &lines(&tracks));
        place.write("dialogues.jsonl", &lines(&dialogues));
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write_atomic(&self.path(name), text.as_bytes()).unwrap();
    }

    fn surroundings(&self) -> Surroundings {
        common::surroundings(self.folder.path(), &self.world)
    }

    fn suite(&self, text: &str) -> Suite {
        Suite::parse(text, &self.path("playlists.toml")).unwrap()
    }

    async fn run(&self) -> Vec<CaseResult> {
        let suite = Arc::new(self.suite(SUITE));
        let task = adapters::open(&suite, &self.surroundings(), &mut |_| ()).unwrap();
        let fingerprint = Fingerprint::of(&suite, task.as_ref());
        let mut store =
            ResultStore::open(&self.path("evals"), &suite.name, &fingerprint, self.world.now(), true)
                .unwrap();
        let options = RunOptions::default();
        let end = run(&suite, &task, &mut store, &self.world, &options, &mut |_| ()).await.unwrap();
        assert_eq!(end, RunEnd::Complete);
        store.into_results()
    }
}

#[tokio::test]
async fn figures_are_those_worked_out_by_hand() {
    let results = Place::new().run().await;
    assert_eq!(results.len(), 3 * 4, "the turn after which nothing is left to find is no case");
    assert!(results.iter().all(|r| r.error.is_none()));
    let of_variant = |name: &str, of: &str| {
        let its: Vec<CaseResult> = results.iter().filter(|r| r.variant == name).cloned().collect();
        let estimate = figure(&its, metric(of).unwrap(), &Options::default());
        assert_eq!(estimate.n, 4);
        estimate.value
    };
    let close =
        |value: f64, by_hand: f64| assert!((value - by_hand).abs() < 1e-12, "{value} is not {by_hand}");
    // Words alone: the first turn finds the three of Alba (a1, a2 of three), the second nothing, the third both of Boro
    // (b2 of a2 and b2); the other conversation its only track.
    close(of_variant("words", "recall@100"), f64::midpoint(((2.0 / 3.0) + 0.0 + 0.5) / 3.0, 1.0));
    // With the makers of what was liked: after a1, all of Alba is found at every turn.
    close(of_variant("makers", "recall@100"), f64::midpoint(((2.0 / 3.0) + 0.5 + 1.0) / 3.0, 1.0));
}

#[tokio::test]
async fn the_agent_goes_on_from_what_was_kept_and_never_shows_it_again() {
    let place = Place::new();
    let suite = place.suite(SUITE);
    let task = adapters::open(&suite, &place.surroundings(), &mut |_| ()).unwrap();
    let rules = suite.variants.iter().find(|v| v.name == "rules").unwrap();
    let mut rankings: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for case in task.cases().map(Result::unwrap) {
        let answered = task.answer(rules, &case).await.unwrap();
        let ranking = answered.detail["ranking"].as_array().unwrap().clone();
        rankings.insert(case.id, ranking.iter().map(|item| item[0].as_str().unwrap().to_owned()).collect());
    }
    // Thanks for a1 and not for a3: the other one by Alba comes first.
    let after = &rankings["one:1"];
    assert_eq!(after[0], "a2");
    // What is asked for next stands first and is not held against what was asked for before, whose wishes remain.
    let next = &rankings["one:2"];
    assert!(matches!(next[0].as_str(), "b1" | "b2") && matches!(next[1].as_str(), "b1" | "b2"), "{next:?}");
    assert_eq!(next[2], "a2");
    for shown in [after, next] {
        assert!(!shown.contains(&"a1".to_owned()) && !shown.contains(&"a3".to_owned()), "{shown:?}");
    }
}

#[test]
fn what_cannot_be_run_says_why() {
    let place = Place::new();
    let error =
        |suite: &Suite| adapters::open(suite, &place.surroundings(), &mut |_| ()).unwrap_err().to_string();
    let absent = error(&place.suite(&SUITE.replace("path = \".\"", "path = \"not/here\"")));
    assert!(absent.contains("`not/here`") && absent.contains("SEGUE_DATA"), "{absent}");
    let split = error(&place.suite(&SUITE.replace("\"all\"", "\"test\"")));
    assert!(split.contains("`test`") && split.contains("split = \"all\""), "{split}");
    place.write("dialogues.jsonl", "{\"id\": \"one\", \"turns\": [], \"goal_playlist\": []}\n{\"id\": 2}\n");
    let line = error(&place.suite(SUITE));
    assert!(line.contains("dialogues.jsonl") && line.contains("line 2"), "{line}");
    let parse = |text: &str| Suite::parse(text, Path::new("p.toml")).unwrap_err().to_string();
    let none = parse(&SUITE.replace("query = \"current\"\n", ""));
    assert!(none.contains("`words`") && none.contains("needs a `query`"), "{none}");
    let wrong = parse(&SUITE.replace("\"current_and_makers\"", "\"current_and_maker\""));
    assert!(wrong.contains("did you mean `current_and_makers`?"), "{wrong}");
    let agent = parse(&format!("{SUITE}query = \"current\"\n"));
    assert!(agent.contains("`query` is only for"), "{agent}");
}
