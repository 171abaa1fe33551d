//! What the tests of the command line share: the real binary in a folder of its own.
#![allow(dead_code, reason = "each test program uses some of it")]
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

use segue_world::fs;
use serde_json::Value as Json;

/// `segue` in a folder, with an empty model shelf and nothing of the user's environment.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
    command.current_dir(folder).env("SEGUE_MODELS", folder.join("shelf")).env("HF_HUB_OFFLINE", "1");
    command.env("SEGUE_PYTHON", folder.join("no-python"));
    for name in ["OPENAI_BASE_URL", "OPENAI_API_KEY", "ORT_DYLIB_PATH", "SEGUE_WORKSPACE"] {
        command.env_remove(name);
    }
    command
}

/// Runs a command; gives the exit code and the document on standard output.
pub(crate) fn outcome(command: &mut Command, args: &[&str]) -> (i32, Json) {
    let output = command.args(args).arg("--json").output().expect("segue");
    let document = serde_json::from_slice(&output.stdout).unwrap_or(Json::Null);
    (output.status.code().unwrap_or(-1), document)
}

/// Runs `segue` in a folder.
pub(crate) fn segue(folder: &Path, args: &[&str]) -> (i32, Json) {
    outcome(&mut command(folder), args)
}

/// The same where it must succeed.
pub(crate) fn ok(folder: &Path, args: &[&str]) -> Json {
    let (code, document) = segue(folder, args);
    assert_eq!(code, 0, "{args:?}: {document}");
    document
}

/// The same where it must fail; gives message and remedy together.
pub(crate) fn failure(folder: &Path, args: &[&str]) -> String {
    failed(args, segue(folder, args))
}

/// That an outcome is an error with a remedy; gives both.
pub(crate) fn failed(args: &[&str], (code, document): (i32, Json)) -> String {
    let error = &document["error"];
    let said = |part: &str| error[part].as_str().unwrap_or_default().to_owned();
    assert_eq!(code, 1, "{args:?}: {document}");
    assert!(!said("message").is_empty() && !said("remedy").is_empty(), "{args:?}: {document}");
    format!("{}; {}", said("message"), said("remedy"))
}

/// Writes a file of a test's folder.
pub(crate) fn put(folder: &Path, name: &str, text: &str) {
    fs::write_atomic(&folder.join(name), text.as_bytes()).expect("a file");
}

/// Rows of homes in `homes.csv`.
pub(crate) fn put_homes(folder: &Path, rows: &str) {
    put(folder, "homes.csv", &format!("id,title,city,rooms\n{rows}"));
}

/// So many homes, the first of this number.
pub(crate) fn many_homes(folder: &Path, from: usize, count: usize) {
    let row = |n| format!("h{n},House number {n} by the water,City {},{}\n", n % 700, n % 9);
    put_homes(folder, &(from..from + count).map(row).collect::<String>());
}

/// Imports `homes.csv`.
pub(crate) fn import(folder: &Path) -> Json {
    match fs::exists(&folder.join("homes.dataset.toml")) {
        true => ok(folder, &["import", "homes.csv", "--map", "homes.dataset.toml"]),
        false => ok(folder, &["import", "homes.csv"]),
    }
}

/// Imports rows and indexes them.
pub(crate) fn serve(folder: &Path, rows: &str) {
    put_homes(folder, rows);
    import(folder);
    ok(folder, &["index", "--no-embeddings"]);
}

/// How many items the serving generation has, by asking it.
pub(crate) fn served(folder: &Path) -> u64 {
    let condition = "{\"where\": {\"field\": \"rooms\", \"op\": \"ge\", \"value\": 0}}";
    ok(folder, &["tool", "call", "sql_filter", condition])["count"].as_u64().expect("a count")
}

/// The workspace of a test's folder.
pub(crate) fn workspace(folder: &Path) -> PathBuf {
    folder.join(".segue")
}
