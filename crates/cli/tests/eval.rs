//! `segue eval` as a person and as a program use it.
#![expect(clippy::expect_used, reason = "a test")]

use std::path::Path;
use std::process::Command;

use segue_world::fs;
use serde_json::{Value as Json, json};

const SCENARIO: &str = "# Homes

```catalog name=homes
id,title,city,price
h1,Canal house,Utrecht,450000
h2,Garden flat,Utrecht,290000
h3,Sea view,Zandvoort,610000
```

## Utrecht

```user
homes in Utrecht
```

```expect
items are in any order h1, h2
```

## Zandvoort

```user
homes in Zandvoort
```

```expect
items are h3
```
";

/// Exit code, standard output, standard error.
fn segue(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_segue")).current_dir(folder).args(args).output().expect("segue");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("an exit code"), text(&output.stdout), text(&output.stderr))
}

fn json(folder: &Path, args: &[&str]) -> (i32, Json) {
    let (code, out, _) = segue(folder, &[args, &["--json"]].concat());
    (code, serde_json::from_str(&out).expect("a document"))
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write_atomic(&folder.join(name), text.as_bytes()).expect("the file");
}

#[test]
fn exit_codes_say_how_it_went() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    write(at, "README.md", "not a scenario");
    write(at, "a.md", SCENARIO);
    let (code, out, _) = segue(at, &["eval", "."]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("ok      a / Utrecht") && out.contains("2 passed; 2 assertions"), "{out}");

    write(at, "b.md", &SCENARIO.replace("items are h3", "items are h1"));
    let (code, out, _) = segue(at, &["eval", ".", "--junit", "junit.xml"]);
    assert_eq!(code, 3, "{out}");
    assert!(
        out.contains("b.md:27: items are h1\n      place 1 is not `h1`: 1 item: #1 h3 Sea view"),
        "{out}"
    );
    let xml = fs::read_to_string(&at.join("junit.xml")).expect("the report");
    assert!(xml.contains("tests=\"4\" failures=\"1\""), "{xml}");
    assert_eq!(segue(at, &["eval", ".", "--filter", "utrecht"]).0, 0);

    write(at, "c.md", &SCENARIO.replace("items are h3", "itmes are h3"));
    let (code, out, _) = segue(at, &["eval", "c.md"]);
    assert_eq!(code, 1, "{out}");
    assert!(
        out.contains("c.md:27:1: cannot be run\n      `itmes` is not known here; did you mean `items`?"),
        "{out}"
    );

    for args in [&["eval"][..], &["eval", "none.md"], &["eval", "a.toml"], &["eval", "a.md", "--filter", "x"]]
    {
        let (code, document) = json(at, args);
        assert!(document["error"]["remedy"].is_string(), "{args:?}: {document}");
        assert!(code == 1 || code == 2, "{args:?}: {code}");
    }
    assert_eq!(segue(at, &["eval"]).0, 2);
}

#[test]
fn a_program_reads_the_shape_of_all_evals() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    write(at, "a.md", &SCENARIO.replace("items are h3", "items are h1"));
    let (code, document) = json(at, &["eval", "a.md"]);
    assert_eq!(code, 3);
    let metrics = &document["variants"][0]["metrics"];
    assert_eq!(metrics["passed"], json!({"value": 0.5, "low": 0.5, "high": 0.5, "n": 2}));
    assert_eq!(document["gate"], json!({"passed": false}));
    assert_eq!(document["comparisons"], json!([]));
    assert_eq!(document["scenarios"][1]["failures"][0]["line"], json!(27));
    let fingerprint = document["fingerprint"].clone();
    assert_eq!(json(at, &["eval", "a.md"]).1["fingerprint"], fingerprint, "the same again");
    write(at, "a.md", SCENARIO);
    assert_ne!(json(at, &["eval", "a.md"]).1["fingerprint"], fingerprint);
}

#[test]
fn a_conversation_becomes_a_scenario() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    write(
        at,
        "homes.csv",
        "id,title,city,price\nh1,Canal house,Utrecht,450000\nh2,Garden flat,Utrecht,290000\nh3,Sea view,Zandvoort,610000\n",
    );
    assert_eq!(segue(at, &["import", "homes.csv"]).0, 0);
    assert_eq!(segue(at, &["index", "--no-embeddings"]).0, 0);
    let (_, first) = json(at, &["ask", "homes in Utrecht"]);
    let session = first["session"].as_str().expect("a session");
    assert_eq!(json(at, &["ask", "--session", session, "under 400000"]).0, 0);
    let (code, document) = json(at, &["eval", "capture", "-o", "captured.md"]);
    assert_eq!((code, &document["passed"], &document["turns"]), (0, &json!(true), &json!(2)), "{document}");
    let text = fs::read_to_string(&at.join("captured.md")).expect("the scenario");
    assert!(text.contains("items all price < 400000") && text.contains("holds city = Utrecht"), "{text}");
    assert_eq!(segue(at, &["eval", "captured.md"]).0, 0);

    // It is not written over, goes to standard output without a file, and is skipped where there is no such catalogue.
    assert_eq!(segue(at, &["eval", "capture", "-o", "captured.md"]).0, 2);
    assert_eq!(segue(at, &["eval", "capture", "-o", "captured.md", "--force"]).0, 0);
    let (_, out, _) = segue(at, &["eval", "capture"]);
    assert_eq!(out, text);
    let (code, document) = json(at, &["eval", "captured.md", "--workspace", "elsewhere"]);
    assert_eq!((code, &document["scenarios"][0]["status"]), (0, &json!("skipped")), "{document}");
}

const SUITE: &str = r#"
name = "mine"
metrics = ["ndcg@10"]
[data]
adapter = "beir"
path = "../small"
embeddings = false
[[variants]]
name = "words"
retriever = "bm25"
[[gate]]
metric = "ndcg@10"
allowed_drop = 0.01
"#;

/// Scenarios and a suite with its baseline, held by `segue eval` alone.
#[test]
fn the_default_gate_needs_no_argument() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../evals/data/small");
    for name in ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"] {
        let to = at.join("evals/small").join(name);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::write_atomic(&to, &fs::read(&data.join(name)).expect("the data")).expect("a copy");
    }
    for name in ["scenarios", "suites", "baselines", "below"] {
        fs::create_dir_all(&at.join("evals").join(name)).expect("a folder");
    }
    let run = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_segue"))
            .current_dir(at.join("evals/below"))
            .args(args)
            .env("XDG_CACHE_HOME", at.join("cache"))
            .output()
            .expect("segue");
        let code = output.status.code().expect("an exit code");
        (code, String::from_utf8_lossy(&output.stdout).into_owned())
    };
    write(at, "evals/scenarios/a.md", SCENARIO);
    write(at, "evals/suites/mine.toml", SUITE);
    assert_eq!(run(&["eval", "mine", "--save-baseline", "../baselines/mine.jsonl"]).0, 0);
    let (code, out) = run(&["eval"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("holds  scenarios  2 of 2 hold") && out.contains("holds  mine"), "{out}");
    let (code, out) = run(&["eval", "--filter", "utrecht", "--json"]);
    assert!(code == 2 && out.contains("`--filter` is for suites or scenarios that are named"), "{out}");

    // What is worse is named, in each part; what is one document for a program.
    write(at, "evals/scenarios/a.md", &SCENARIO.replace("items are h3", "items are h1"));
    let worse = "planner = \"rules\"\nwithout = [\"bm25_search\"]";
    write(at, "evals/suites/mine.toml", &SUITE.replacen("retriever = \"bm25\"", worse, 1));
    let (code, out) = run(&["eval"]);
    assert_eq!(code, 3, "{out}");
    let summary = out.split("the default gate").nth(1).expect("a summary");
    assert!(summary.contains("a / Zandvoort: line 27: items are h1"), "{out}");
    assert!(summary.contains("ndcg@10 of words: -0."), "{out}");
    let (code, out) = run(&["eval", "--json"]);
    let document: Json = serde_json::from_str(&out).expect("one document");
    assert_eq!((code, &document["gate"]["passed"]), (3, &json!(false)));
    assert_eq!(document["gate"]["parts"][0]["verdict"], json!("fails"));
    assert_eq!(document["suites"][0]["suite"], json!("mine"));
    assert_eq!(document["scenarios"]["scenarios"][1]["status"], json!("failed"));

    // What cannot be run is no pass, and hides nothing of the rest.
    write(at, "evals/baselines/gone.jsonl", "{}");
    let (code, out) = run(&["eval"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("not run  gone") && out.contains("FAILS    mine"), "{out}");
}
