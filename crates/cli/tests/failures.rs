//! What goes wrong under the owner's hands: each a clear error, a remedy, and nothing lost.
#![cfg(unix)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test, which does to files what no command does"
)]

mod support;

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use segue_catalog::Workspace;
use segue_world::fs;
use serde_json::{Value as Json, json};
use support::{
    command, failed, failure, import, many_homes, ok, outcome, put_homes, segue, serve, served, workspace,
};

const HOMES: &str = "h1,Canal house,Utrecht,5\nh2,Garden flat,Utrecht,3\nh3,Sea view,Zandvoort,4\n";
/// Nobody, on every Unix.
const NOBODY: u32 = 65_534;

/// A file system of its own in a folder, taken away at the end.
struct Mount(PathBuf);

impl Mount {
    fn new(folder: &Path, args: &[&str]) -> Option<Self> {
        fs::create_dir_all(folder).expect("a folder");
        let mounted = Command::new("mount").args(args).arg(folder).output();
        mounted.is_ok_and(|m| m.status.success()).then(|| Self(folder.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

/// What can be done in a workspace that cannot be written, by this way of running `segue`.
fn reads_what_it_cannot_write(run: &dyn Fn(&[&str]) -> (i32, Json, String), session: &str) {
    let ok = |args: &[&str]| {
        let (code, document, remarks) = run(args);
        assert_eq!(code, 0, "{args:?}: {document} {remarks}");
        (document, remarks)
    };
    assert_eq!(ok(&["status"]).0["items"], json!(3));
    assert_eq!(ok(&["generations"]).0["serving"], json!(1));
    let (turn, remarks) = ok(&["ask", "in Utrecht, at least 4 rooms"]);
    assert_eq!(turn["answer"]["items"][0]["id"], json!("h1"), "{turn}");
    assert!(remarks.contains("this conversation is not kept"), "{remarks}");
    // An earlier conversation can be gone on with.
    let (turn, _) = ok(&["ask", "at least 4 rooms", "--session", session]);
    assert_eq!((&turn["turn"], &turn["answer"]["items"][0]["id"]), (&json!(2), &json!("h1")), "{turn}");
    let sql = "{\"sql\": \"SELECT id FROM items WHERE rooms > 4\"}";
    assert_eq!(ok(&["tool", "call", "sql_filter", sql]).0["count"], json!(1));
    let (report, _) = ok(&["doctor", "--offline"]);
    assert!(report.to_string().contains("read_only"), "{report}");
    for args in [
        &["import", "homes.csv"] as &[&str],
        &["index", "--no-embeddings"],
        &["generations", "rollback", "1"],
    ] {
        let (code, document, _) = run(args);
        let said = failed(args, (code, document));
        assert!(said.contains("--workspace"), "{args:?}: {said}");
    }
}

#[test]
fn a_workspace_of_somebody_else_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    serve(at, HOMES);
    let session = ok(at, &["ask", "in Utrecht"])["session"].as_str().expect("a session").to_owned();
    let is_root = chown(at, None, None).is_ok()
        && Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n");
    let binary = at.join("segue");
    std::fs::copy(env!("CARGO_BIN_EXE_segue"), &binary).expect("the binary");
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    };
    let run = |args: &[&str]| {
        let mut command = Command::new(&binary);
        command.current_dir(at).env("SEGUE_MODELS", "/nonexistent").env_remove("OPENAI_BASE_URL");
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        let output = command.args(args).arg("--json").output().expect("segue");
        let document = serde_json::from_slice(&output.stdout).unwrap_or(Json::Null);
        (output.status.code().unwrap_or(-1), document, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    // The owner's own rights are taken away where nobody else can be tried.
    let folders: Vec<PathBuf> =
        ["", ".segue", ".segue/generations", ".segue/generations/0001", ".segue/traces"]
            .map(|f| at.join(f))
            .into();
    let usual = if is_root { 0o755 } else { 0o555 };
    folders.iter().for_each(|f| mode(f, usual));
    if !is_root {
        for file in [".lock", "catalog.db", "sessions.db"] {
            mode(&workspace(at).join(file), 0o444);
        }
    }
    reads_what_it_cannot_write(&run, &session);
    folders.iter().for_each(|f| mode(f, 0o755));
}

#[test]
fn a_workspace_on_a_read_only_disk_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    serve(at, HOMES);
    let session = ok(at, &["ask", "in Utrecht"])["session"].as_str().expect("a session").to_owned();
    let ws = workspace(at);
    let bound = Mount::new(&ws, &["--bind", ws.to_str().expect("a path")]);
    let is_read_only =
        || Command::new("mount").args(["-o", "remount,ro,bind"]).arg(&ws).status().is_ok_and(|s| s.success());
    let Some(_bound) = bound.filter(|_| is_read_only()) else {
        println!("skipped: nothing can be mounted here");
        return;
    };
    let run = |args: &[&str]| {
        let output = command(at).args(args).arg("--json").output().expect("segue");
        let document = serde_json::from_slice(&output.stdout).unwrap_or(Json::Null);
        (output.status.code().unwrap_or(-1), document, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    reads_what_it_cannot_write(&run, &session);
    ok(at, &["backup", "b.tar.zst"]);
}

/// While one writes, every other writer says who it is and changes nothing; readers and backups go on.
#[test]
fn a_second_writer_is_told_who_writes() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    serve(at, HOMES);
    serve(at, HOMES);
    ok(at, &["backup", "b.tar"]);
    let held = Workspace::at(workspace(at)).lock_for_writing().expect("the lock");
    for args in [
        &["import", "homes.csv", "--map", "homes.dataset.toml"] as &[&str],
        &["index", "--no-embeddings"],
        &["restore", "b.tar", "--force"],
        &["generations", "rollback"],
        &["generations", "prune"],
        &["generations", "keep", "3"],
    ] {
        let said = failure(at, args);
        assert!(
            said.contains(&format!("process {}", std::process::id())) && said.contains("wait"),
            "{args:?}: {said}"
        );
    }
    ok(at, &["ask", "in Utrecht"]);
    ok(at, &["status"]);
    ok(at, &["backup", "c.tar"]);
    drop(held);
    ok(at, &["restore", "c.tar", "--force"]);
    assert_eq!(served(at), 3);
}

/// An import and an index at work, and whoever comes then.
#[test]
fn two_commands_at_once_do_not_mix() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    serve(at, HOMES);
    ok(at, &["backup", "b.tar"]);
    many_homes(at, 0, 60_000);
    for (first, second) in [
        (
            &["import", "homes.csv", "--map", "homes.dataset.toml"] as &[&str],
            &["index", "--no-embeddings"] as &[&str],
        ),
        (&["index", "--no-embeddings"], &["restore", "b.tar", "--force"]),
        (&["index", "--no-embeddings"], &["import", "homes.csv", "--map", "homes.dataset.toml"]),
    ] {
        let mut child = command(at)
            .args(first)
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("segue");
        let holder = format!("process {}", child.id());
        while Workspace::at(workspace(at)).holder().as_ref() != Some(&holder)
            && child.try_wait().expect("the child").is_none()
        {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let (code, document) = segue(at, second);
        if child.try_wait().expect("the child").is_none() {
            let said = failed(second, (code, document));
            assert!(said.contains(&holder), "{said}");
        }
        assert!(child.wait().expect("the end").success(), "{first:?}");
    }
    assert_eq!(served(at), 60_000);
}

fn fill(folder: &Path, leave: u64) -> PathBuf {
    let path = folder.join("filler");
    let free = fs::free_space(folder).expect("free space").saturating_sub(leave);
    std::fs::write(&path, vec![1; free as usize]).expect("a full disk");
    path
}

/// On a disk that is full, every command that writes says so; what served serves, and with room again all goes on.
#[test]
fn a_full_disk_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().join("disk");
    let Some(_disk) = Mount::new(&at, &["-t", "tmpfs", "-o", "size=64m", "tmpfs"]) else {
        println!("skipped: no small disk can be mounted here");
        return;
    };
    let at = at.as_path();
    many_homes(at, 0, 20_000);
    import(at);
    ok(at, &["index", "--no-embeddings"]);
    let outside = folder.path().join("b.tar.zst");
    let outside = outside.to_str().expect("a path");
    ok(at, &["backup", outside]);
    many_homes(at, 0, 25_000);
    for leave in [0, 100_000, 1_000_000] {
        let filler = fill(at, leave);
        let said = failure(at, &["import", "homes.csv", "--map", "homes.dataset.toml"]);
        assert!(said.contains("room") || said.contains("disk"), "{leave}: {said}");
        let said = failure(at, &["backup", "inside.tar"]);
        assert!(said.contains("room") || said.contains("disk"), "{leave}: {said}");
        let said = failure(at, &["restore", outside, "--force"]);
        assert!(said.contains("room") || said.contains("disk"), "{leave}: {said}");
        assert!(
            !fs::exists(&at.join("inside.tar")) && !fs::exists(&at.join(".segue.restore.part")),
            "{leave}"
        );
        assert_eq!(ok(at, &["status"])["items"], json!(20_000));
        let (code, turn) = segue(at, &["ask", "in City 5, at least 4 rooms"]);
        match code {
            0 => assert!(!turn["answer"]["items"].as_array().expect("items").is_empty(), "{turn}"),
            _ => {
                let said = failed(&["ask"], (code, turn));
                assert!(said.contains("room") || said.contains("disk"), "{leave}: {said}");
            }
        }
        fs::remove_file(&filler).expect("room again");
        assert_eq!(served(at), 20_000, "{leave}");
    }
    import(at);
    for leave in [0, 100_000] {
        let filler = fill(at, leave);
        let said = failure(at, &["index", "--no-embeddings"]);
        assert!(said.contains("room") || said.contains("disk"), "{leave}: {said}");
        fs::remove_file(&filler).expect("room again");
        assert_eq!(served(at), 20_000, "{leave}");
    }
    ok(at, &["index", "--no-embeddings"]);
    assert_eq!(served(at), 25_000);
    let (code, report) = segue(at, &["doctor", "--offline"]);
    assert_eq!((code, &report["errors"]), (0, &json!(0)), "{report}");
}

/// The same where a quota on the size of files is what stops it.
#[test]
fn a_limit_on_the_size_of_files_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    serve(at, HOMES);
    many_homes(at, 0, 20_000);
    // Blocks of 512 bytes; without the trap the system would end the process.
    let limited = |blocks: u32, args: &[&str]| {
        let binary = env!("CARGO_BIN_EXE_segue");
        let mut shell = command(at);
        let envs: Vec<_> = shell.get_envs().map(|(k, v)| (k.to_owned(), v.map(ToOwned::to_owned))).collect();
        shell = Command::new("sh");
        shell.current_dir(at).args([
            "-c",
            &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\""),
            binary,
        ]);
        for (name, value) in envs {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        outcome(&mut shell, args)
    };
    for blocks in [1, 300, 1500] {
        let args = &["import", "homes.csv", "--map", "homes.dataset.toml"];
        let said = failed(args, limited(blocks, args));
        assert!(said.contains("room") || said.contains("disk"), "{blocks}: {said}");
        assert_eq!(served(at), 3, "{blocks}");
    }
    import(at);
    for blocks in [1, 300] {
        let args = &["index", "--no-embeddings"];
        let said = failed(args, limited(blocks, args));
        assert!(said.contains("room") || said.contains("disk"), "{blocks}: {said}");
        assert_eq!(served(at), 3, "{blocks}");
    }
    ok(at, &["index", "--no-embeddings"]);
    assert_eq!(served(at), 20_000);
}

/// The real model, in a copy of the shelf, changed while an index that it made serves.
#[test]
fn a_model_file_that_changed_is_not_used() {
    let world = segue_world::RealWorld::new();
    let env = |name: &str| segue_world::World::env(&world, name);
    let shelf = env("SEGUE_MODELS")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env("HOME")?).join(".cache/segue/models")));
    let Some(shelf) = shelf.filter(|s| {
        fs::exists(&s.join("all-minilm-l6-v2/receipt.json"))
            && fs::exists(&s.join("onnxruntime/receipt.json"))
    }) else {
        println!("skipped: the embedding model is not on the shelf");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    for name in ["all-minilm-l6-v2", "onnxruntime"] {
        let to = at.join("shelf").join(name);
        fs::create_dir_all(&to).expect("a folder");
        // With their times, by which the shelf knows them.
        let copied =
            Command::new("cp").arg("-p").args(fs::list(&shelf.join(name)).expect("files")).arg(&to).status();
        assert!(copied.expect("cp").success());
    }
    put_homes(at, HOMES);
    import(at);
    assert_eq!(ok(at, &["index"])["embedded"], json!(3));
    let by_meaning = &["tool", "call", "embedding_search", "{\"query\": \"a place by the beach\"}"];
    assert_eq!(ok(at, by_meaning)["items"][0]["id"], json!("h3"));

    let weights = at.join("shelf/all-minilm-l6-v2/model.safetensors");
    let whole = std::fs::read(&weights).expect("weights");
    let mut changed = whole.clone();
    *changed.last_mut().expect("a byte") ^= 1;
    std::fs::write(&weights, &changed).expect("a change");
    // Searching by words goes on; by meaning nothing is found with the wrong model.
    assert_eq!(ok(at, &["ask", "in Utrecht, at least 4 rooms"])["answer"]["items"][0]["id"], json!("h1"));
    let (code, said) = segue(at, by_meaning);
    assert!(code == 1 && said.to_string().contains("segue models pull all-minilm-l6-v2"), "{said}");
    put_homes(at, &HOMES.replace("Sea view", "By the sea"));
    import(at);
    // Nothing can be fetched here, and the remedy says which file is wanted, by its SHA-256.
    let (code, said) = segue(at, &["index"]);
    assert!(
        code == 1
            && said.to_string().contains("53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
        "{said}"
    );
    assert_eq!(served(at), 3);
    let (code, report) = segue(at, &["doctor", "--offline"]);
    assert!(
        code == 3 && report.to_string().contains("`model.safetensors` is not what the manifest says"),
        "{report}"
    );
    std::fs::write(&weights, &whole).expect("the old weights");
    assert_eq!(ok(at, &["index"])["embedded"], json!(1));
    assert_eq!(ok(at, by_meaning)["items"][0]["id"], json!("h3"));
    assert_eq!(segue(at, &["doctor", "--offline"]).0, 0);
}
