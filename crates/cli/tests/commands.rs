//! The commands as a person or a program calls them, from a file to an answer, and when things are wrong.
#![expect(clippy::expect_used, reason = "a test")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use segue_world::World;
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
fn the_owner_steers_without_import_or_index() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    segue_world::fs::write_atomic(&at.join("homes.csv"), HOMES.as_bytes()).expect("the file");
    assert_eq!(segue(at, &["import", "homes.csv"]).0, 0);
    assert_eq!(segue(at, &["index", "--no-embeddings"]).0, 0);
    let steer = |rules: &str| {
        segue_world::fs::write_atomic(&at.join(".segue/steering.toml"), rules.as_bytes()).expect("the rules");
    };
    let ids = |args: &[&str]| -> Vec<String> {
        let (code, turn) = segue(at, args);
        assert_eq!(code, 0, "{turn}");
        let items = turn["answer"]["items"].as_array().expect("items");
        items.iter().map(|i| i["id"].as_str().expect("an id").to_owned()).collect()
    };
    steer("hide = [\"price\"]\n[[rule]]\nname = \"sold\"\ndo = \"exclude\"\nids = [\"h1\", \"h9\"]\n");
    assert_eq!(ids(&["ask", "in Utrecht"]), ["h2"]);
    assert_eq!(ids(&["ask", "in Utrecht", "--without-steering"]).len(), 2);
    let (code, told) = segue(at, &["steering"]);
    assert_eq!(
        (code, &told["rules"][0]["items"], &told["rules"][0]["holds_today"]),
        (0, &json!(1), &json!(true))
    );
    assert!(told["warnings"][0].as_str().is_some_and(|w| w.contains("`h9`")), "{told}");
    for args in [
        &["status"] as &[&str],
        &["ask", "everything about Garden flat"],
        &["ask", "everything about Garden flat", "--without-steering"],
        &["ask", "the most expensive", "--explain"],
        &["tool", "call", "look_up", "{\"items\": [\"h2\"]}"],
        &["tool", "call", "sql_filter", "{\"sql\": \"SELECT id FROM items WHERE price > 1\"}"],
        &["tool", "show", "sql_filter"],
    ] {
        let told = segue(at, args).1.to_string();
        assert!(!told.contains("290000") && !told.contains("610000"), "{args:?}: {told}");
    }
    steer("hide = [\"prize\"]");
    for args in [&["ask", "homes"] as &[&str], &["status"], &["steering"], &["tool", "list"]] {
        let (code, report) = segue(at, args);
        let message = report["error"]["message"].as_str().unwrap_or_default();
        assert!(
            code == 1 && message.contains("steering.toml` line 1") && message.contains("`price`"),
            "{report}"
        );
    }
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

/// Starts `segue`, waits for so long, kills it as `kill -9` does; true if it was still at work.
fn killed_after(folder: &Path, args: &[&str], wait: Duration) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_segue"))
        .current_dir(folder)
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("segue");
    std::thread::sleep(wait);
    let at_work = child.try_wait().expect("the child").is_none();
    child.kill().expect("a kill");
    child.wait().expect("the end");
    at_work
}

/// Twenty moments between nothing and so long, in no order.
fn moments(span: Duration) -> impl Iterator<Item = Duration> {
    let mut state = 17_u64;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        span.mul_f64((state >> 40) as f64 / f64::from(1 << 24))
    })
    .take(20)
}

/// Killed at twenty random moments each, an import, an import of changes and an index leave the old generation serving, and the
/// next run leaves what one that was never killed does.
#[test]
fn killed_half_way_nothing_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    many_homes(&at.join("homes.csv"), 0);
    let world = segue_world::RealWorld::new();
    let timed = |args: &[&str]| {
        let began = world.elapsed();
        assert_eq!(segue(at, args).0, 0, "{args:?}");
        world.elapsed().saturating_sub(began)
    };
    let whole: &[&str] = &["import", "homes.csv", "--map", "homes.dataset.toml"];
    let changes: &[&str] = &["import", "changes.csv", "--update", "--delete", "gone.txt"];
    let index: &[&str] = &["index", "--no-embeddings"];
    assert_eq!(segue(at, &["import", "homes.csv"]).0, 0);
    timed(index);
    let count = |n: u64| {
        let condition = "{\"where\": {\"field\": \"rooms\", \"op\": \"eq\", \"value\": 3}}";
        let (code, found) = segue(at, &["tool", "call", "sql_filter", condition]);
        assert_eq!((code, &found["count"]), (0, &json!(n)), "{found}");
    };
    count(6_667);
    many_homes(&at.join("homes.csv"), 30_000);
    let header = "id,title,city,rooms,price\n";
    let changed: String = (30_000..31_000).map(|i| format!("h{i},House {i},City 1,3,5\n")).collect();
    segue_world::fs::write_atomic(&at.join("changes.csv"), format!("{header}{changed}").as_bytes())
        .expect("a file");
    segue_world::fs::write_atomic(&at.join("gone.txt"), b"id\nh40000\nh40001\n").expect("a file");
    let mut at_work = 0;
    for args in [whole, changes, index] {
        for moment in moments(timed(args)) {
            at_work += usize::from(killed_after(at, args, moment));
            // An index that was done before the kill came serves what it was to serve.
            if args != index {
                count(6_667);
            }
            assert_eq!(segue(at, &["status"]).0, 0, "killed after {moment:?}");
        }
        timed(args);
    }
    assert!(
        at_work >= 20,
        "only {at_work} of 60 were still at work: the table is too small for this machine"
    );
    // As imported at once: with each change twice, nothing is there twice.
    let (code, report) = segue(at, &["import", "changes.csv", "--update", "--delete", "gone.txt"]);
    let expected = json!({"added": 0, "changed": 0, "unchanged": 59_998, "deleted": 0, "unknown": 2});
    assert_eq!((code, &report["import"]["changes"]), (0, &expected));
    let (_, status) = segue(at, &["status"]);
    assert_eq!(status["items"], json!(59_998));
    let leftovers: Vec<_> = segue_world::fs::list(&at.join(".segue/generations"))
        .expect("the generations")
        .into_iter()
        .filter(|path| path.extension().is_some())
        .collect();
    assert_eq!(leftovers, Vec::<std::path::PathBuf>::new());
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
        .stdout(Stdio::null())
        .stderr(Stdio::null())
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
