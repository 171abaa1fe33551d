//! What an owner sees of the state of a workspace: status, doctor, backup and restore.
#![expect(clippy::expect_used, reason = "a test")]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use segue_world::{RealWorld, World, fs};
use serde_json::{Value as Json, json};
use support::{
    command, failure, import, many_homes, ok, outcome, put, put_homes, segue, serve, served, workspace,
};

const HOMES: &str = "h1,Canal house,Utrecht,5\nh2,Garden flat,Utrecht,3\nh3,Sea view,Zandvoort,4\n";

fn kinds(list: &Json) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|one| one["kind"].as_str().expect("a kind")).collect()
}

#[test]
fn status_tells_what_is_stale_and_what_an_index_would_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    put_homes(at, HOMES);
    import(at);
    // Imported and never indexed: nothing to search, and no rate is known yet.
    let status = ok(at, &["status"]);
    assert_eq!(
        (&status["items"], &status["generation"], kinds(&status["stale"])),
        (&json!(3), &Json::Null, vec!["not_indexed"])
    );
    assert_eq!((&status["index"]["rows"], &status["index"]["seconds"]), (&json!(3), &Json::Null));

    ok(at, &["index", "--no-embeddings"]);
    let status = ok(at, &["status"]);
    assert_eq!((&status["stale"], &status["index"]), (&json!([]), &Json::Null), "{status}");
    for size in ["catalog", "total", "disk_free"] {
        assert!(status["sizes"][size].as_u64().expect("bytes") > 1000, "{size}: {status}");
    }
    assert_eq!(status["sizes"]["generations"][0][0], json!(1));
    let rates: Json =
        serde_json::from_slice(&fs::read(&workspace(at).join("rates.json")).expect("rates")).expect("JSON");
    assert!(rates["rows_per_second"].as_f64().expect("a rate") > 0.0);

    // Touched without a change is not stale; another value of the same length is.
    put_homes(at, HOMES);
    assert_eq!(ok(at, &["status"])["stale"], json!([]));
    put_homes(at, &HOMES.replace("Sea view", "Sea-view"));
    assert_eq!(kinds(&ok(at, &["status"])["stale"]), ["source"]);
    let map = fs::read_to_string(&at.join("homes.dataset.toml")).expect("the mapping");
    put(at, "homes.dataset.toml", &format!("{map}\n# edited\n"));
    assert_eq!(kinds(&ok(at, &["status"])["stale"]), ["mapping", "source"]);
    fs::remove_file(&at.join("homes.csv")).expect("removed");
    let stale = &ok(at, &["status"])["stale"];
    assert!(stale[1]["message"].as_str().expect("a message").contains("not there any more"), "{stale}");
    assert!(stale[1]["at"].as_str().expect("a path").ends_with("homes.csv"), "{stale}");

    put_homes(at, HOMES);
    import(at);
    assert_eq!(kinds(&ok(at, &["status"])["stale"]), ["not_indexed"]);
    ok(at, &["index", "--no-embeddings"]);
    ok(at, &["generations", "rollback"]);
    assert_eq!(kinds(&ok(at, &["status"])["stale"]), ["rolled_back"]);
    let text = command(at).arg("status").output().expect("segue");
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(
        text.contains("generation 2 is newer than the one that serves: segue generations rollback 2"),
        "{text}"
    );
}

/// Findings of a kind with their severity; and the exit code.
fn doctor(folder: &std::path::Path, more: &[&str]) -> (i32, Json) {
    segue(folder, &[&["doctor"], more].concat())
}

fn found<'a>(report: &'a Json, kind: &str) -> Vec<&'a Json> {
    let findings = report["findings"].as_array().expect("findings");
    findings.iter().filter(|f| f["kind"] == kind).collect()
}

#[test]
fn doctor_finds_what_is_wrong_and_puts_right_what_is_safe() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let (code, report) = doctor(at, &[]);
    assert_eq!((code, found(&report, "missing").len()), (3, 1), "{report}");

    serve(at, HOMES);
    serve(at, &HOMES.replace("Garden", "Roof"));
    ok(at, &["ask", "in Utrecht"]);
    let (code, report) = doctor(at, &[]);
    assert_eq!((code, &report["errors"]), (0, &json!(0)), "{report}");
    // The shelf is empty, and no Python is there to fill it.
    assert_eq!((found(&report, "model").len(), found(&report, "python").len()), (2, 1), "{report}");

    // Each of these is found, with a remedy, and the sound workspace comes back by --fix or by undoing.
    let ws = workspace(at);
    let check = |kind: &str, fixable: bool, code: i32| {
        let (got, report) = doctor(at, &["--offline"]);
        let findings = found(&report, kind);
        assert!(got == code && !findings.is_empty(), "{kind}: {report}");
        assert!(findings.iter().all(|f| f["remedy"].is_string()), "{kind}: {report}");
        if fixable {
            let (got, report) = doctor(at, &["--offline", "--fix"]);
            assert!(
                got == 0 && found(&report, kind).iter().all(|f| f["fixed"].is_string()),
                "{kind}: {report}"
            );
            let (_, report) = doctor(at, &["--offline"]);
            assert!(found(&report, kind).is_empty(), "{kind}: {report}");
        }
    };
    for leftover in ["import.part", "generations/0003.part", "generations/0009", "generations/0002.old"] {
        fs::create_dir_all(&ws.join(leftover)).expect("a folder");
        put(&ws.join(leftover), "part", "half");
        check("leftover", true, 0);
        assert!(!fs::exists(&ws.join(leftover)), "{leftover}");
    }
    put(&ws, "CURRENT.77.part", "2");
    check("leftover", true, 0);
    fs::create_dir_all(&at.join(".segue.restore.part/generations")).expect("a folder");
    check("leftover", true, 0);

    put(&ws, "CURRENT", "9\n");
    check("serving", true, 3);
    put(&ws, "CURRENT", "two\n");
    check("serving", true, 3);
    fs::rename(&ws.join("generations/0002"), &ws.join("generations/0002.old")).expect("a rename");
    check("aside", true, 3);
    assert_eq!(served(at), 3);

    // A byte of the lexical index.
    let index = ws.join("generations/0002/bm25");
    let files = fs::list(&index).expect("files");
    let store = files.iter().find(|f| f.extension().is_some_and(|e| e == "store")).expect("a file");
    let whole = fs::read(store).expect("bytes");
    let mut damaged = whole.clone();
    *damaged.first_mut().expect("a byte") ^= 1;
    fs::write_atomic(store, &damaged).expect("written");
    check("indexes", false, 3);
    fs::write_atomic(store, &whole).expect("written");
    let rows = ws.join("generations/0002/rows.db");
    let whole = fs::read(&rows).expect("bytes");
    let mut damaged = whole.clone();
    let (from, to) = (damaged.len() / 2, damaged.len() - 1);
    damaged[from..to].fill(0xff);
    fs::write_atomic(&rows, &damaged).expect("written");
    check("indexes", false, 3);
    fs::write_atomic(&rows, &whole).expect("written");
    // Of a generation that does not serve it is a warning.
    fs::rename(&ws.join("generations/0001"), &at.join("aside")).expect("a rename");
    check("indexes", false, 0);
    fs::rename(&at.join("aside"), &ws.join("generations/0001")).expect("a rename");

    for (name, text, kind) in [
        ("workspace.toml", "[generations]\nkeep = -1\n", "settings"),
        ("workspace.toml", "[roles]\nplan = \"nobody\"\n", "role"),
        ("prompts/route.prompt.md", "no front matter", "prompt"),
        ("prompts/mine.prompt.md", "---\nname: mine\n---\n{% if %}", "prompt"),
    ] {
        fs::create_dir_all(&ws.join("prompts")).expect("a folder");
        put(&ws, name, text);
        check(kind, false, 3);
        fs::remove_file(&ws.join(name)).expect("removed");
    }
    put(at, "homes.dataset.toml", "name = 1");
    check("dataset", false, 0);

    let db = rusqlite::Connection::open(ws.join("catalog.db")).expect("the catalogue");
    db.execute("UPDATE generations SET created = '2999-01-01T00:00:00Z' WHERE n = 2", []).expect("an update");
    check("clock", false, 0);

    fs::create_dir_all(&ws.join("cache")).expect("a folder");
    put(
        &ws,
        "cache/embeddings.db",
        "this is no database, and longer than its header would be: ................................",
    );
    check("cache", true, 3);
    let sessions = fs::read(&ws.join("sessions.db")).expect("sessions");
    put(&ws, "sessions.db", &"no database ".repeat(50));
    check("sessions", false, 3);
    fs::write_atomic(&ws.join("sessions.db"), &sessions).expect("written");

    // Whoever writes is named, and what he has not finished is left alone.
    fs::create_dir_all(&ws.join("import.part")).expect("a folder");
    let held = segue_catalog::Workspace::at(&ws).lock_for_writing().expect("the lock");
    let (code, report) = doctor(at, &["--offline", "--fix"]);
    assert_eq!((code, found(&report, "leftover").len()), (0, 0), "{report}");
    let busy = found(&report, "busy")[0]["message"].as_str().expect("a message");
    assert!(busy.contains(&format!("process {}", std::process::id())), "{busy}");
    drop(held);

    // Pages of the catalogue.
    drop(db);
    let path = ws.join("catalog.db");
    let mut bytes = fs::read(&path).expect("bytes");
    let from = bytes.len() / 2;
    bytes[from..].fill(0xff);
    fs::write_atomic(&path, &bytes).expect("written");
    check("catalog", false, 3);
}

/// A server that gives every connection to a closure; it ends with the test.
fn server(answer: impl Fn(std::net::TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/v1", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(stream);
        }
    });
    address
}

fn answering(status: &str, body: &'static str) -> String {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    server(move |mut stream| {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
    })
}

#[test]
fn doctor_asks_endpoints_in_bounded_time_and_shows_no_key() {
    const KEY: &str = "sk-very-secret-key";
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    serve(at, HOMES);
    let held: std::sync::Mutex<Vec<std::net::TcpStream>> = std::sync::Mutex::default();
    let silent = server(move |stream| held.lock().expect("a list").push(stream));
    let good = answering("200 OK", r#"{"data": [{"id": "small"}, {"id": "large"}]}"#);
    let refusing = answering("401 Unauthorized", r#"{"error": "sk-very-secret-key is wrong"}"#);
    let without = answering("404 Not Found", "{}");
    let gone =
        TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port that is free again");
    let settings = format!(
        "[models.good]\nbase_url = \"{good}\"\nmodel = \"small\"\nkey_env = \"A_KEY\"\n\
         [models.other]\nbase_url = \"{good}\"\nmodel = \"huge\"\n\
         [models.silent]\nbase_url = \"{silent}\"\nmodel = \"small\"\nkey_env = \"A_KEY\"\n\
         [models.refusing]\nbase_url = \"{refusing}\"\nmodel = \"small\"\nkey_env = \"A_KEY\"\n\
         [models.without]\nbase_url = \"{without}\"\nmodel = \"small\"\n\
         [models.gone]\nbase_url = \"http://{gone}/v1\"\nmodel = \"small\"\n\
         [models.keyless]\nbase_url = \"{good}\"\nmodel = \"small\"\nkey_env = \"NO_SUCH_KEY\"\n\
         [models.weights]\nkind = \"gguf\"\nmodel = \"none.gguf\"\n"
    );
    put(&workspace(at), "workspace.toml", &settings);
    let world = RealWorld::new();
    let output = command(at).env("A_KEY", KEY).args(["doctor", "--json"]).output().expect("segue");
    assert!(world.elapsed() < Duration::from_secs(90), "a silent endpoint holds it up");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!text.contains(KEY), "{text}");
    let report: Json = serde_json::from_slice(&output.stdout).expect("a document");
    let said: Vec<(&str, &str)> = found(&report, "endpoint")
        .iter()
        .map(|f| (f["severity"].as_str().expect("one"), f["message"].as_str().expect("one")))
        .collect();
    let has = |severity: &str, part: &str| said.iter().any(|(s, m)| *s == severity && m.contains(part));
    assert!(has("warning", "`other`: the server lists no `huge`"), "{said:?}");
    assert!(has("warning", "`silent`: it does not answer: no answer within"), "{said:?}");
    assert!(has("warning", "`gone`: it does not answer"), "{said:?}");
    assert!(has("error", "`refusing`: it refuses the key (status 401)"), "{said:?}");
    assert!(has("note", "`without`: it does not list its models: status 404"), "{said:?}");
    assert!(!said.iter().any(|(_, m)| m.contains("`good`")), "{said:?}");
    let models = serde_json::to_string(&found(&report, "model")).expect("text");
    assert!(
        models.contains("NO_SUCH_KEY") && models.contains("the weights of `weights` are not there"),
        "{models}"
    );
    assert_eq!(output.status.code(), Some(3));
    // Offline nobody is asked.
    let (_, report) = outcome(command(at).env("A_KEY", KEY), &["doctor", "--offline"]);
    assert!(found(&report, "endpoint").is_empty(), "{report}");
}

/// A file of the shelf that was changed, also by somebody who keeps its size and its time.
#[test]
fn doctor_finds_a_model_file_that_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    serve(at, HOMES);
    fs::create_dir_all(&at.join("shelf")).expect("a folder");
    fs::create_dir_all(&at.join("origin")).expect("a folder");
    put(&at.join("origin"), "words.txt", "twelve bytes");
    // sha256sum of "twelve bytes".
    let sha = "d4ce2c527afe674c7a086bd74e256019e3d5dcdb31eeb6eaadef5ada8c4383b9";
    let manifest = format!(
        "[[resource]]\nname = \"words\"\nkind = \"data\"\nabout = \"words\"\nlicence = \"MIT\"\n[[resource.source]]\npath = \"../origin\"\nfiles = [{{ name = \"words.txt\", bytes = 12, sha256 = \"{sha}\" }}]\n"
    );
    put(&at.join("shelf"), "models.toml", &manifest);
    ok(at, &["models", "pull", "words"]);
    let (code, report) = doctor(at, &["--offline"]);
    assert_eq!((code, &report["errors"]), (0, &json!(0)), "{report}");
    let file = at.join("shelf/words/words.txt");
    let time = fs::metadata(&file).expect("metadata").modified.expect("a time");
    put(&at.join("shelf/words"), "words.txt", "twelve bites");
    std::fs::File::options()
        .write(true)
        .open(&file)
        .and_then(|f| f.set_modified(time))
        .expect("the old time");
    let (code, report) = doctor(at, &["--offline"]);
    let message = found(&report, "model").iter().map(|f| f["message"].to_string()).collect::<String>();
    assert!(code == 3 && message.contains("`words.txt` is not what the manifest says"), "{report}");
    let (code, report) = doctor(at, &["--offline", "--fix"]);
    assert_eq!(code, 0, "{report}");
    ok(at, &["models", "pull", "words"]);
    assert_eq!(fs::read_to_string(&file).expect("words"), "twelve bytes");
    assert_eq!(doctor(at, &["--offline"]).0, 0);
}

#[test]
fn a_workspace_goes_into_a_file_and_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    serve(at, HOMES);
    let turn = ok(at, &["ask", "in Utrecht"]);
    let session = turn["session"].as_str().expect("a session").to_owned();
    let made = ok(at, &["backup", "b.tar.zst"]);
    assert_eq!((&made["serving"], &made["left_out"]), (&json!(1), &json!([])));
    assert!(failure(at, &["backup", "b.tar.zst"]).contains("--force"));
    ok(at, &["backup", "b.tar.zst", "--force"]);
    ok(at, &["backup", "less.tar.gz", "--without", "sessions,traces,cache"]);

    serve(at, &format!("{HOMES}h4,New,Delft,2\n"));
    assert_eq!(served(at), 4);
    assert!(failure(at, &["restore", "b.tar.zst"]).contains("--force"));
    ok(at, &["restore", "b.tar.zst", "--to", "elsewhere"]);
    let restored = ok(at, &["restore", "b.tar.zst", "--force"]);
    assert_eq!(served(at), 3);
    let aside = restored["replaced"].as_str().expect("a folder");
    assert!(fs::exists(&std::path::Path::new(aside).join("catalog.db")), "{restored}");
    // The conversation goes on, and so do imports.
    let next = ok(at, &["ask", "at least 4 rooms", "--session", &session]);
    assert_eq!((&next["turn"], &next["answer"]["items"][0]["id"]), (&json!(2), &json!("h1")));
    assert_eq!(import(at)["import"]["generation"], json!(2));

    ok(at, &["restore", "less.tar.gz", "--to", "less"]);
    for (name, is_there) in [("catalog.db", true), ("sessions.db", false), ("traces", false)] {
        assert_eq!(fs::exists(&at.join("less").join(name)), is_there, "{name}");
    }
    let (code, report) = segue(at, &["doctor", "--offline", "--workspace", "elsewhere"]);
    assert_eq!((code, &report["errors"]), (0, &json!(0)), "{report}");
    assert!(failure(at, &["backup", ".segue/b.tar"]).contains("inside"));
    assert!(failure(at, &["restore", "homes.csv", "--to", "x"]).contains("no whole backup"));
}

/// Starts `segue`, kills it as `kill -9` does after so long; true if it was still at work.
fn killed(command: &mut Command, args: &[&str], wait: Duration) -> bool {
    let child = command.args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = child.expect("segue");
    std::thread::sleep(wait);
    let at_work = child.try_wait().expect("the child").is_none();
    child.kill().expect("a kill");
    child.wait().expect("the end");
    at_work
}

/// Killed at any moment, a backup leaves no file that looks like one, and a restore the old workspace or the new one.
#[test]
fn a_killed_backup_or_restore_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    many_homes(at, 0, 30_000);
    import(at);
    ok(at, &["index", "--no-embeddings"]);
    ok(at, &["backup", "old.tar.zst"]);
    serve(at, HOMES);
    let world = RealWorld::new();
    let timed = |args: &[&str]| {
        let began = world.elapsed();
        ok(at, args);
        world.elapsed().saturating_sub(began)
    };
    let (backup, restore) = (
        timed(&["backup", "cut.tar.zst", "--force"]),
        timed(&["restore", "old.tar.zst", "--to", "timed", "--force"]),
    );
    fs::remove_file(&at.join("cut.tar.zst")).expect("removed");
    let mut at_work = 0;
    for step in 1..=12 {
        at_work +=
            usize::from(killed(&mut command(at), &["backup", "cut.tar.zst", "--force"], backup * step / 12));
        if fs::exists(&at.join("cut.tar.zst")) {
            ok(at, &["restore", "cut.tar.zst", "--to", "cut", "--force"]);
            fs::remove_file(&at.join("cut.tar.zst")).expect("removed");
        }
        assert_eq!(served(at), 3);
    }
    let mut seen = [0; 2];
    for step in 1..=12 {
        at_work += usize::from(killed(
            &mut command(at),
            &["restore", "old.tar.zst", "--force"],
            restore * step / 12,
        ));
        let which = match served(at) {
            3 => 0,
            30_000 => 1,
            other => panic!("{other} items"),
        };
        seen[which] += 1;
        if which == 1 {
            serve(at, HOMES);
        }
    }
    assert!(at_work >= 6, "only {at_work} of 24 were still at work: the table is too small for this machine");
    assert!(seen[0] > 0, "{seen:?}");
    let (code, _) = doctor(at, &["--offline", "--fix"]);
    assert_eq!((code, served(at)), (0, 3));
    assert!(!fs::exists(&at.join(".segue.restore.part")));
}

/// Backups that are made while imports and indexes come and go are each of one moment.
#[test]
fn a_backup_beside_builds_is_of_one_moment() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    many_homes(at, 0, 5_000);
    import(at);
    ok(at, &["index", "--no-embeddings"]);
    std::thread::scope(|scope| {
        let builds = scope.spawn(|| {
            for n in 1..=6 {
                many_homes(at, 0, 5_000 + n * 1000);
                import(at);
                ok(at, &["index", "--no-embeddings"]);
            }
        });
        let mut made = 0;
        while !builds.is_finished() || made == 0 {
            made += 1;
            let (file, to) = (format!("{made}.tar"), format!("copy-{made}"));
            ok(at, &["backup", &file]);
            ok(at, &["restore", &file, "--to", &to]);
            let (code, report) = segue(at, &["doctor", "--offline", "--workspace", &to]);
            assert_eq!((code, &report["errors"]), (0, &json!(0)), "{report}");
            let condition = "{\"where\": {\"field\": \"rooms\", \"op\": \"ge\", \"value\": 0}}";
            let found = ok(at, &["tool", "call", "sql_filter", condition, "--workspace", &to]);
            assert_eq!(found["count"].as_u64().expect("a count") % 1000, 0);
        }
        assert!(made > 1, "only {made} backup was made");
    });
}
