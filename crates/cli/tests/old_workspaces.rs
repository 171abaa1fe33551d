//! Workspaces of other versions.
#![expect(clippy::expect_used, reason = "a test")]

mod support;

use std::path::Path;

use rusqlite::Connection;
use segue_catalog::WORKSPACE_VERSION;
use segue_world::fs;
use serde_json::json;
use support::{failure, import, ok, put, put_homes, segue, served, workspace};

/// The catalogue of two homes as it was written before workspaces had versions: one table of generations, whose `source` does
/// not know the files.
const BEFORE_VERSIONS: &str = r#"
CREATE TABLE generations (n INTEGER PRIMARY KEY, state TEXT NOT NULL, created TEXT NOT NULL, content_hash TEXT NOT NULL,
  items INTEGER NOT NULL, source TEXT NOT NULL, catalog TEXT NOT NULL);
CREATE TABLE items_4 (ordinal INTEGER PRIMARY KEY, hash TEXT NOT NULL, "id" TEXT, "title" TEXT, "city" TEXT, "rooms" INTEGER);
CREATE TABLE values_4 (field INTEGER NOT NULL, folded TEXT NOT NULL, ordinal INTEGER NOT NULL,
  PRIMARY KEY (field, folded, ordinal)) WITHOUT ROWID;
CREATE TABLE lexicon_4 (field INTEGER NOT NULL, folded TEXT NOT NULL, value TEXT NOT NULL, count INTEGER NOT NULL,
  squashed TEXT, PRIMARY KEY (field, folded)) WITHOUT ROWID;
CREATE TABLE users_4 (user TEXT PRIMARY KEY, attributes TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE interactions_4 (user TEXT NOT NULL, ordinal INTEGER NOT NULL, value REAL, time INTEGER);
CREATE UNIQUE INDEX "items_4_id" ON items_4 ("id");
CREATE INDEX "items_4_rooms" ON items_4 ("rooms");
CREATE INDEX lexicon_4_squashed ON lexicon_4 (squashed) WHERE squashed IS NOT NULL;
INSERT INTO items_4 VALUES (0, '8f89f6f3a2db3323', 'h1', 'Canal house', 'Utrecht', 5),
  (1, '10a0495ac6c78eb8', 'h2', 'Garden flat', 'Utrecht', 3);
INSERT INTO values_4 VALUES (2, 'utrecht', 0), (2, 'utrecht', 1);
INSERT INTO lexicon_4 VALUES (1, 'canal house', 'Canal house', 1, NULL), (1, 'garden flat', 'Garden flat', 1, NULL),
  (2, 'utrecht', 'Utrecht', 2, NULL);
INSERT INTO generations VALUES (4, 'imported', '2026-01-31T12:00:00Z', '524cede5', 2,
  '{"name":"homes","noun":"home","attribution":"","items":{"source":{"file":"homes.csv","table":null,"query":null,"delimiter":null},"missing":[],"duplicates":"reject"},"fields":[],"users":null,"interactions":null}',
  '{"layout":1,"name":"homes","noun":"home","generation":4,"fields":[{"name":"id","role":"id","type":"text","multi":false,"boost":0.0,"embed":false,"quality":false,"yields":false},{"name":"title","role":"title","type":"text","multi":false,"boost":2.0,"embed":true,"quality":false,"yields":false},{"name":"city","role":"category","type":"text","multi":false,"boost":1.0,"embed":true,"quality":false,"yields":false},{"name":"rooms","role":"number","type":"integer","multi":false,"boost":0.0,"embed":false,"quality":false,"yields":false}],"statistics":[{"known":2,"nulls":0,"distinct":2,"top":[],"quantiles":[],"examples":["h1","h2"]},{"known":2,"nulls":0,"distinct":2,"top":[{"value":"Canal house","count":1}],"quantiles":[],"examples":["Canal house"]},{"known":2,"nulls":0,"distinct":1,"top":[{"value":"Utrecht","count":2}],"quantiles":[],"examples":["Utrecht"]},{"known":2,"nulls":0,"distinct":2,"top":[],"quantiles":[{"p":0.0,"value":3.0},{"p":1.0,"value":5.0}],"examples":[5,3]}],"items":2,"users":0,"interactions":0}');
"#;

fn version(folder: &Path) -> i64 {
    let db = Connection::open(workspace(folder).join("catalog.db")).expect("the catalogue");
    db.query_row("PRAGMA user_version", [], |r| r.get(0)).expect("a version")
}

/// A workspace of before versions that serves. Its lexical index is of today: of the same rows, those were the same.
fn old(folder: &Path) -> Connection {
    let ws = workspace(folder);
    fs::create_dir_all(&ws).expect("a folder");
    let path = ws.join("catalog.db");
    let fill = |db: &Connection| {
        db.execute_batch("PRAGMA journal_mode = wal").expect("a log");
        db.execute_batch(BEFORE_VERSIONS).expect("the tables");
    };
    fill(&Connection::open(&path).expect("a catalogue"));
    ok(folder, &["index", "--no-embeddings"]);
    for name in ["catalog.db", "generations/0004/rows.db", "rates.json"] {
        fs::remove_file(&ws.join(name)).expect("removed");
    }
    let db = Connection::open(&path).expect("a catalogue");
    fill(&db);
    db.execute("UPDATE generations SET state = 'indexed'", []).expect("an update");
    db
}

#[test]
fn an_older_workspace_is_migrated_by_the_first_writer() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    drop(old(at));
    let content = || fs::read(&workspace(at).join("catalog.db")).expect("the catalogue");
    let before = content();
    // Readers say what to do and leave it as it is.
    for args in [
        &["status"] as &[&str],
        &["ask", "in Utrecht"],
        &["tool", "call", "sql_filter", "{}"],
        &["generations", "compare", "4", "4"],
    ] {
        let said = failure(at, args);
        assert!(said.contains("has version 0") && said.contains("segue doctor --fix"), "{args:?}: {said}");
    }
    assert_eq!(ok(at, &["generations"])["serving"], json!(4));
    // A backup of it can be made and restored.
    ok(at, &["backup", "old.tar"]);
    ok(at, &["restore", "old.tar", "--to", "again"]);
    let (code, report) = segue(at, &["doctor", "--offline", "--fix", "--workspace", "again"]);
    assert_eq!((code, &ok(at, &["status", "--workspace", "again"])["items"]), (0, &json!(2)), "{report}");
    assert_eq!((version(at), content()), (0, before));

    // The first that writes brings it up to date, also after it was killed at that, and nothing is lost.
    put(&workspace(at), "generations/0004/rows.db.part", "half a database");
    put_homes(at, "h1,Canal house,Utrecht,6\n");
    assert_eq!(import(at)["import"]["generation"], json!(5));
    assert_eq!((version(at), served(at)), (WORKSPACE_VERSION, 2));
    assert_eq!(ok(at, &["ask", "in Utrecht, at least 4 rooms"])["answer"]["items"][0]["id"], json!("h1"));
    ok(at, &["index", "--no-embeddings"]);
    assert_eq!(served(at), 1);
    let compared = ok(at, &["generations", "compare", "4", "5"]);
    assert_eq!(compared["items"]["first_changed"][0]["fields"], json!([["rooms", 5, 6]]), "{compared}");
    ok(at, &["generations", "rollback", "4"]);
    assert_eq!(served(at), 2);
    let tables: i64 = Connection::open(workspace(at).join("catalog.db"))
        .and_then(|db| {
            db.query_row("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'items%'", [], |r| r.get(0))
        })
        .expect("a count");
    assert_eq!(tables, 0);
}

#[test]
fn doctor_migrates_an_older_workspace_when_it_is_told_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    drop(old(at));
    let (code, report) = segue(at, &["doctor", "--offline"]);
    assert_eq!((code, &report["findings"][0]["kind"], version(at)), (3, &json!("version"), 0), "{report}");
    let (code, report) = segue(at, &["doctor", "--offline", "--fix"]);
    assert_eq!((code, version(at), served(at)), (0, WORKSPACE_VERSION, 2), "{report}");
    let (code, report) = segue(at, &["doctor", "--offline"]);
    assert_eq!((code, &report["errors"]), (0, &json!(0)), "{report}");
}

/// Every command refuses what a later version wrote, says so, and changes nothing.
#[test]
fn a_newer_workspace_is_refused_by_every_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    support::serve(at, "h1,Canal house,Utrecht,5\n");
    ok(at, &["backup", "b.tar"]);
    let newer = WORKSPACE_VERSION + 98;
    let db = Connection::open(workspace(at).join("catalog.db")).expect("the catalogue");
    db.pragma_update(None, "user_version", newer).expect("a version");
    drop(db);
    put(at, "plan.json", "{\"steps\": []}");
    let content = || fs::read(&workspace(at).join("catalog.db")).expect("the catalogue");
    let before = content();
    for args in [
        &["status"] as &[&str],
        &["ask", "in Utrecht"],
        &["run", "plan.json"],
        &["tool", "list"],
        &["tool", "call", "sql_filter", "{}"],
        &["bench", "--quick"],
        &["import", "homes.csv"],
        &["index", "--no-embeddings"],
        &["generations"],
        &["generations", "compare", "1", "1"],
        &["generations", "rollback", "1"],
        &["generations", "prune", "--keep", "0"],
        &["backup", "c.tar"],
    ] {
        let said = failure(at, args);
        let expected = format!("has version {newer}");
        assert!(said.contains(&expected) && said.ends_with("use a newer `segue`"), "{args:?}: {said}");
    }
    let (code, report) = segue(at, &["doctor", "--offline", "--fix"]);
    assert!(code == 3 && report.to_string().contains("use a newer `segue`"), "{report}");
    assert_eq!(content(), before);
    assert!(!fs::exists(&at.join("c.tar")));
}
