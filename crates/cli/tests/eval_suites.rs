//! `segue eval SUITE` as a person has it: killed and taken up again, compared with a baseline, held to its gate.
#![expect(clippy::expect_used, reason = "a test")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use segue_world::fs;
use serde_json::{Value as Json, json};

const SUITE: &str = r#"
name = "mine"
metrics = ["ndcg@10", "recall@10"]
[data]
adapter = "beir"
path = "small"
embeddings = false
[[variants]]
name = "words"
retriever = "bm25"
[[variants]]
name = "titles"
retriever = "bm25"
fields = { title = 1.0 }
[[gate]]
metric = "ndcg@10"
variant = "words"
allowed_drop = 0.01
"#;

/// A folder with a suite `mine.toml` and its data.
fn place() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../evals/data/small");
    for name in ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"] {
        let to = folder.path().join("small").join(name);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::write_atomic(&to, &fs::read(&from.join(name)).expect("the data")).expect("a copy");
    }
    fs::write_atomic(&folder.path().join("mine.toml"), SUITE.as_bytes()).expect("the suite");
    folder
}

fn segue(at: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
    command.current_dir(at).args(args).arg("--json").env("XDG_CACHE_HOME", at.join("cache"));
    command
}

fn run(at: &Path, args: &[&str]) -> (i32, Json, String) {
    let output = segue(at, args).output().expect("segue");
    let document = serde_json::from_slice(&output.stdout).unwrap_or(Json::Null);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().expect("an exit code"), document, told)
}

/// The file of results of the only run there was.
fn cases(at: &Path) -> Option<PathBuf> {
    let runs = fs::list(&at.join(".segue/outputs/evals/mine")).ok()?;
    let file = runs.first()?.join("cases.jsonl");
    fs::exists(&file).then_some(file)
}

#[test]
fn a_run_that_was_killed_is_taken_up() {
    let folder = place();
    let at = folder.path();
    // Slow enough to be killed on the way; the pace is no part of what results depend on.
    let slow = SUITE.replace("[data]", "rate_limit = 20.0\nconcurrency = 1\n[data]");
    fs::write_atomic(&at.join("mine.toml"), slow.as_bytes()).expect("the suite");
    let mut child =
        segue(at, &["eval", "mine.toml"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("segue");
    let lines = || cases(at).map_or(0, |f| fs::read_to_string(&f).unwrap_or_default().lines().count());
    while lines() < 5 {
        assert!(child.try_wait().expect("a state").is_none(), "it ended before it was killed");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("a kill");
    child.wait().expect("the end");
    let file = cases(at).expect("results");
    let kept = fs::read_to_string(&file).expect("results");
    let whole = kept.rfind('\n').map_or(0, |end| end + 1);
    assert!(lines() < 64, "nothing is left to do");

    fs::write_atomic(&at.join("mine.toml"), SUITE.as_bytes()).expect("the suite");
    let (code, report, told) = run(at, &["eval", "mine.toml"]);
    assert_eq!(code, 0, "{told}");
    let text = fs::read_to_string(&file).expect("results");
    assert!(text.starts_with(&kept[..whole]), "what was done is not done again");
    let mut seen: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).expect("a result"))
        .map(|r| format!("{} {}", r["variant"], r["case"]))
        .collect();
    seen.sort();
    seen.dedup();
    assert_eq!((text.lines().count(), seen.len()), (64, 64));
    let words = &report["variants"][0];
    assert_eq!((&report["suite"], &words["name"]), (&json!("mine"), &json!("words")));
    let ndcg = &words["metrics"]["ndcg@10"];
    assert!(ndcg["low"].as_f64() < ndcg["value"].as_f64() && ndcg["value"].as_f64() < ndcg["high"].as_f64());
    assert_eq!((&ndcg["n"], &report["gate"]["passed"]), (&json!(32), &json!(true)));
    // The whole text finds more than titles do, and the comparison says so.
    let compared = &report["comparisons"][0];
    assert_eq!(
        (&compared["variant"], &compared["verdict"]),
        (&json!("titles"), &json!("worse")),
        "{compared}"
    );
}

#[test]
fn a_regression_against_the_baseline_ends_with_code_3() {
    let folder = place();
    let at = folder.path();
    let (code, _, told) = run(at, &["eval", "mine.toml", "--save-baseline", "base.jsonl"]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("smallest difference that would be found"), "{told}");
    let (code, report, _) = run(at, &["eval", "mine.toml", "--baseline", "base.jsonl"]);
    assert_eq!((code, &report["baseline"]["cases"]), (0, &json!([])), "{report}");

    let worse = SUITE.replacen("bm25\"\n", "bm25\"\nfields = { title = 1.0 }\n", 1);
    fs::write_atomic(&at.join("mine.toml"), worse.as_bytes()).expect("the suite");
    let (code, report, told) = run(at, &["eval", "mine.toml", "--baseline", "base.jsonl"]);
    assert_eq!((code, &report["gate"]["passed"]), (3, &json!(false)), "{report}");
    assert!(told.contains("changed: variant: words"), "{told}");
    assert_eq!(report["baseline"]["changed"][0]["part"], json!("variant: words"));
    let cases = report["baseline"]["cases"].as_array().expect("changes");
    assert!(cases.iter().any(|c| c["direction"] == json!("worse")), "{report}");
}

#[test]
fn what_is_wrong_is_told() {
    let folder = place();
    let at = folder.path();
    fs::create_dir_all(&at.join("evals/suites")).expect("a folder");
    fs::write_atomic(&at.join("evals/suites/small.toml"), SUITE.as_bytes()).expect("a suite");
    let (code, error, _) = run(at, &["eval", "smal"]);
    assert_eq!(code, 2, "{error}");
    assert!(
        error["error"]["message"].as_str().expect("a message").contains("did you mean `small`?"),
        "{error}"
    );
    fs::write_atomic(&at.join("mine.toml"), SUITE.replace("[data]", "metric = 1\n[data]").as_bytes())
        .expect("the suite");
    let (code, error, _) = run(at, &["eval", "mine.toml"]);
    assert_eq!(code, 1, "{error}");
    assert!(
        error["error"]["message"]
            .as_str()
            .expect("a message")
            .contains("line 4: there is no key `metric` here; did you mean `metrics`?"),
        "{error}"
    );
    let (code, schema, _) = run(at, &["eval", "--schema"]);
    assert_eq!((code, &schema["properties"]["metrics"]["type"]), (0, &json!("array")));
}

/// Leaving out what ranks ends no run: its cases fail or are empty, and that is what the ablation says. Its results are kept, too.
#[test]
fn tools_are_left_out_one_by_one() {
    let folder = place();
    let at = folder.path();
    let agent = "[[variants]]\nname = \"agent\"\nplanner = \"rules\"\n[[gate]]";
    fs::write_atomic(&at.join("mine.toml"), SUITE.replace("[[gate]]", agent).as_bytes()).expect("the suite");
    let (code, report, told) = run(at, &["eval", "mine.toml", "--ablate", "each"]);
    assert_eq!(code, 0, "{told}");
    let ablations = report["ablation"]["ablations"].as_array().expect("ablations");
    let of = |tool: &str| ablations.iter().find(|a| a["without"] == json!([tool])).expect("an ablation");
    let words = of("bm25_search");
    assert_eq!((&words["whole"], &words["variant"]), (&json!("agent"), &json!("agent without bm25_search")));
    assert_eq!(
        (&words["quality"][0]["verdict"], &words["quality"][0]["after"]),
        (&json!("worse"), &json!(0.0)),
        "{words}"
    );
    assert_eq!(words["cost"][0]["metric"], json!("latency"));
    let kept = report["ablation"]["kept"].as_array().expect("kept");
    assert!(kept.iter().any(|k| k["because"] == json!("no case calls it")), "{kept:?}");

    let runs = fs::list(&at.join(".segue/outputs/evals/mine-ablation")).expect("runs");
    let file = runs.first().expect("a run").join("cases.jsonl");
    let before = fs::read(&file).expect("results");
    let (_, again, _) = run(at, &["eval", "mine.toml", "--ablate", "each"]);
    assert_eq!(fs::read(&file).expect("results"), before, "nothing is run twice");
    // Times read back from a file may differ in their last digit.
    let told = |report: &Json| {
        let ablations = report["ablation"]["ablations"].as_array().cloned().unwrap_or_default();
        ablations.iter().map(|a| (a["variant"].clone(), a["quality"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(told(&again), told(&report));
    let (code, ..) = run(at, &["eval", "mine.toml", "--ablate", "each", "--forecast"]);
    assert_eq!(code, 2);
}
