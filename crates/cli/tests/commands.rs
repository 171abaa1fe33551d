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

/// A table large enough that there is time to kill what reads it.
/// A name of the shelf is a model in this process; what is missing for that is said before anything is planned.
#[test]
fn a_model_in_this_process_needs_its_weights_and_a_build_that_can() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    segue_world::fs::write_atomic(&at.join("homes.csv"), HOMES.as_bytes()).expect("the file");
    assert_eq!(segue(at, &["import", "homes.csv"]).0, 0);
    assert_eq!(segue(at, &["index", "--no-embeddings"]).0, 0);
    let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
    command.current_dir(at).env("SEGUE_MODELS", at.join("shelf")).env_remove("OPENAI_BASE_URL");
    let output =
        command.args(["ask", "homes", "--model", "qwen2.5-coder-0.5b", "--json"]).output().expect("segue");
    let report: Json = serde_json::from_slice(&output.stdout).expect("a document");
    let remedy = report["error"]["remedy"].as_str().expect("a remedy");
    let expected = match segue_models::IN_PROCESS {
        true => "segue models pull qwen2.5-coder-0.5b",
        false => "cargo build --release --features gguf",
    };
    assert!(output.status.code() == Some(1) && remedy.contains(expected), "{report}");
}

fn many_homes(path: &Path, from: usize) {
    let mut lines = vec!["id,title,city,rooms,price".to_owned()];
    let row = |i| format!("h{i},House number {i} by the water,City {},{},{}", i % 700, i % 9, i * 10);
    lines.extend((from..from + 60_000).map(row));
    let text = lines.join("\n");
    segue_world::fs::write_atomic(path, text.as_bytes()).expect("the file");
}

/// Starts `segue`, waits for so many milliseconds, kills it as `kill -9` does; true if it was still at work.
fn killed_after(folder: &Path, args: &[&str], ms: u64) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_segue"))
        .current_dir(folder)
        .args(args)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("segue");
    std::thread::sleep(std::time::Duration::from_millis(ms));
    let at_work = child.try_wait().expect("the child").is_none();
    child.kill().expect("a kill");
    child.wait().expect("the end");
    at_work
}

/// Killed at ten moments each, an import and an index leave the old generation serving, and the next run succeeds.
#[test]
fn killed_half_way_nothing_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    many_homes(&at.join("homes.csv"), 0);
    assert_eq!(segue(at, &["import", "homes.csv"]).0, 0);
    assert_eq!(segue(at, &["index", "--no-embeddings"]).0, 0);
    let served = |n: u64| {
        let (code, found) = segue(
            at,
            &[
                "tool",
                "call",
                "sql_filter",
                "{\"where\": {\"field\": \"rooms\", \"op\": \"eq\", \"value\": 3}}",
            ],
        );
        assert_eq!((code, &found["count"]), (0, &json!(n)), "{found}");
    };
    served(6_667);
    many_homes(&at.join("homes.csv"), 30_000);
    let mut at_work = 0;
    for step in 1..=10 {
        at_work +=
            usize::from(killed_after(at, &["import", "homes.csv", "--map", "homes.dataset.toml"], step * 40));
        served(6_667);
    }
    assert_eq!(segue(at, &["import", "homes.csv", "--map", "homes.dataset.toml"]).0, 0);
    served(6_667);
    for step in 1..=10 {
        at_work += usize::from(killed_after(at, &["index", "--no-embeddings"], step * 30));
        assert_eq!(segue(at, &["status"]).0, 0, "after {step}");
    }
    assert!(at_work >= 4, "only {at_work} of 20 were still at work: the table is too small for this machine");
    assert_eq!(segue(at, &["index", "--no-embeddings"]).0, 0);
    let (_, status) = segue(at, &["status"]);
    assert_eq!(status["items"], json!(60_000));
}

/// Of two imports at once one goes on and the other says who has the workspace.
#[test]
fn two_at_once_do_not_mix() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    many_homes(&at.join("homes.csv"), 0);
    let mut first = Command::new(env!("CARGO_BIN_EXE_segue"))
        .current_dir(at)
        .args(["import", "homes.csv", "--json"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("segue");
    let lock = at.join(".segue");
    while !segue_world::fs::exists(&lock) && first.try_wait().expect("the first").is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    std::thread::sleep(std::time::Duration::from_millis(20));
    let (code, report) = segue(at, &["import", "homes.csv"]);
    let still = first.try_wait().expect("the first").is_none();
    assert!(first.wait().expect("the first").success());
    if still {
        assert_eq!(code, 1, "{report}");
        assert!(report["error"]["remedy"].is_string(), "{report}");
    }
    assert_eq!(segue(at, &["index", "--no-embeddings"]).0, 0);
}
