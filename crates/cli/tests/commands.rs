//! The commands as a person or a program calls them, from a file to an answer, and when things are wrong.
#![expect(clippy::expect_used, reason = "a test")]

use std::path::Path;
use std::process::Command;

use serde_json::{Value as Json, json};

const HOMES: &str = "id,title,city,rooms,price\n\
    h1,Canal house,Utrecht,5,450000\n\
    h2,Garden flat,Utrecht,3,290000\n\
    h3,Sea view,Zandvoort,4,610000\n\
    h1,Canal house again,Utrecht,5,450000\n";

/// Runs `segue` in a folder; gives the exit code and the document on standard output.
fn segue(folder: &Path, args: &[&str]) -> (i32, Json) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
    let output = command.current_dir(folder).args(args).arg("--json").output().expect("segue");
    let document = serde_json::from_slice(&output.stdout).unwrap_or(Json::Null);
    (output.status.code().expect("an exit code"), document)
}

#[test]
fn from_a_file_to_an_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    segue_world::fs::write_atomic(&at.join("homes.csv"), HOMES.as_bytes()).expect("the file");

    let (code, report) = segue(at, &["import", "homes.csv"]);
    assert_eq!((code, &report["import"]["items"]), (0, &json!(3)));
    assert_eq!(
        report["import"]["repeats"],
        json!(1),
        "one row repeats an id, and the inferred mapping merges it"
    );
    assert!(at.join("homes.dataset.toml").is_file(), "the mapping that was inferred is there for editing");
    let (code, report) = segue(at, &["ask", "homes"]);
    assert_eq!((code, report["error"]["remedy"].as_str()), (1, Some("run `segue index`")));

    assert_eq!(segue(at, &["index", "--no-embeddings"]).0, 0);
    let (code, status) = segue(at, &["status"]);
    assert_eq!((code, &status["items"], &status["embeddings"]), (0, &json!(3), &json!(false)));

    let condition = json!({"where": {"field": "rooms", "op": "ge", "value": 4}}).to_string();
    let (code, answer) = segue(at, &["tool", "call", "sql_filter", &condition]);
    assert_eq!((code, &answer["count"]), (0, &json!(2)));

    let (code, turn) = segue(at, &["ask", "in Utrecht, at least 4 rooms"]);
    assert_eq!(code, 0);
    let ids: Vec<_> = turn["answer"]["items"].as_array().expect("items").iter().map(|i| &i["id"]).collect();
    assert_eq!(ids, [&json!("h1")], "{turn}");
    assert_eq!(turn["planner"], json!("rules"));

    // A plan that was only shown gives the same when it is run.
    let (_, plan) = segue(at, &["ask", "in Utrecht, at least 4 rooms", "--plan-only"]);
    segue_world::fs::write_atomic(&at.join("plan.json"), plan.to_string().as_bytes()).expect("the plan");
    let (code, run) = segue(at, &["run", "plan.json"]);
    assert_eq!((code, &run["items"][0]["id"]), (0, &json!("h1")));

    // Indexing again what already serves leaves it serving.
    assert_eq!(segue(at, &["index", "--no-embeddings"]).0, 0);
    assert_eq!(segue(at, &["status"]).0, 0);
}

#[test]
fn what_is_wrong_is_said_with_its_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    for (args, code, kind) in [
        (&["ask", "anything"] as &[&str], 1, "workspace"),
        (&["index"], 1, "workspace"),
        (&["import", "nothing.csv"], 1, "file"),
        (&["import"], 2, "usage"),
        (&["dance"], 2, "usage"),
    ] {
        let (got, report) = segue(folder.path(), args);
        assert_eq!((got, report["error"]["kind"].as_str()), (code, Some(kind)), "{args:?}: {report}");
        assert!(report["error"]["remedy"].is_string(), "{args:?}: {report}");
    }
}
