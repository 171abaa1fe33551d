use std::io::Write;
use std::path::Path;

use rusqlite::Connection;
use segue_world::{FixedWorld, Timestamp, fs};

use super::*;
use crate::{Dataset, Store, Workspace, import};

const MAP: &str = r#"
name = "books"
items = { file = "books.csv" }
fields = [{ name = "id", role = "id" }, { name = "title", role = "title" }]
"#;

/// A folder with a workspace `w` in it, of one generation that serves.
fn shelf() -> (tempfile::TempDir, Workspace) {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| fs::write_atomic(&folder.path().join(name), text.as_bytes()).unwrap();
    put("books.csv", "id,title\na,Alpha\nb,Beta\n");
    let workspace = Workspace::at(folder.path().join("w"));
    let dataset = Dataset::parse(MAP, &folder.path().join("books.toml")).unwrap();
    import(&workspace, &dataset, &world(), &mut |_| {}, &|| false).unwrap();
    let index = workspace.generation_dir(1).join("bm25");
    fs::create_dir_all(&index).unwrap();
    put("w/generations/0001/bm25/meta.json", "{}");
    Store::open(&workspace).unwrap().mark_indexed(1).unwrap();
    workspace.set_current(1).unwrap();
    fs::create_dir_all(&workspace.traces_dir()).unwrap();
    put("w/traces/one.jsonl", "{}\n");
    (folder, workspace)
}

fn world() -> FixedWorld {
    FixedWorld::new(Timestamp::UNIX_EPOCH)
}

fn make(workspace: &Workspace, file: &Path, without: &[BackupPart]) -> Result<BackedUp, BackupError> {
    let options = BackupOptions { without: without.to_vec(), force: false };
    backup(workspace, file, &options, &world(), &mut |_| {}, &|| false)
}

fn back(file: &Path, workspace: &Workspace, force: bool) -> Result<Restored, BackupError> {
    restore(file, workspace, force, &mut |_| {}, &|| false)
}

#[test]
fn what_is_backed_up_comes_back() {
    let (folder, workspace) = shelf();
    let at = |name: &str| folder.path().join(name);
    fs::write_atomic(&workspace.root().join("key"), b"sk-secret").unwrap();
    let settings = b"[models.a]\nmodel = \"a\"\nkey_file = \"key\"\n";
    fs::write_atomic(&workspace.settings(), settings).unwrap();
    for (name, without) in [("b.tar.zst", &[][..]), ("b.tar.gz", &[BackupPart::Traces]), ("b.tar", &[])] {
        let made = make(&workspace, &at(name), without).unwrap();
        assert_eq!((made.serving, made.left_out.as_slice()), (Some(1), &["key".to_owned()][..]));
        let other = Workspace::at(at(&format!("from-{name}")));
        let restored = back(&at(name), &other, false).unwrap();
        assert_eq!((restored.serving, restored.replaced), (Some(1), None));
        let snapshot = crate::Snapshot::of(&other, 1).unwrap();
        assert_eq!(snapshot.catalog().items, 2);
        assert_eq!(fs::read(&other.settings()).unwrap(), settings);
        assert_eq!(fs::exists(&other.traces_dir()), without.is_empty());
        assert!(!fs::exists(&other.root().join("key")));
        assert!(matches!(make(&workspace, &at(name), without), Err(BackupError::Exists(_))));
    }
    assert!(matches!(make(&workspace, &at("w/b.tar"), &[]), Err(BackupError::Inside(_))));
    assert!(matches!(make(&workspace, &at("b.zip"), &[]), Err(BackupError::Name(_))));
}

#[test]
fn a_workspace_is_replaced_only_when_that_is_meant_and_is_put_aside() {
    let (folder, workspace) = shelf();
    let archive = folder.path().join("b.tar.zst");
    make(&workspace, &archive, &[]).unwrap();
    fs::write_atomic(&workspace.root().join("mine"), b"x").unwrap();
    assert!(matches!(back(&archive, &workspace, false), Err(BackupError::Occupied(_))));
    let held = workspace.lock_for_writing().unwrap();
    let busy = back(&archive, &workspace, true).unwrap_err();
    assert!(matches!(busy, BackupError::Workspace(WorkspaceError::Busy { .. })), "{busy}");
    assert!(busy.to_string().contains(&format!("process {}", std::process::id())), "{busy}");
    drop(held);
    let aside = back(&archive, &workspace, true).unwrap().replaced.unwrap();
    assert!(fs::exists(&aside.join("mine")) && !fs::exists(&workspace.root().join("mine")));
    let again = back(&archive, &workspace, true).unwrap().replaced.unwrap();
    assert_ne!(aside, again);
    // A writer can go on in it at once.
    drop(workspace.lock_for_writing().unwrap());
}

/// Cut anywhere, or with any byte changed, an archive is refused and the workspace is as it was.
#[test]
fn a_damaged_archive_is_refused() {
    let (folder, workspace) = shelf();
    for name in ["b.tar.zst", "b.tar.gz", "b.tar"] {
        let archive = folder.path().join(name);
        make(&workspace, &archive, &[]).unwrap();
        let bytes = fs::read(&archive).unwrap();
        let damaged = folder.path().join("damaged");
        let refused = |content: &[u8], what: &str| {
            fs::write_atomic(&damaged, content).unwrap();
            let other = Workspace::at(folder.path().join("other"));
            match back(&damaged, &other, false) {
                Err(
                    BackupError::Archive { .. } | BackupError::NoRoom { .. } | BackupError::TooNew { .. },
                ) => {}
                // Bytes that mean nothing: the padding of a header, the time that gzip notes.
                Ok(_) if what == "a byte" => fs::remove_dir_all(other.root()).unwrap(),
                got => panic!("{name}: {what}: {got:?}"),
            }
            assert!(!fs::exists(other.root()) && !fs::exists(&other.restore_dir()), "{name}: {what}");
        };
        for cut in (0..bytes.len().saturating_sub(1024)).step_by(bytes.len() / 23) {
            refused(&bytes[..cut], "cut");
        }
        for at in (0..bytes.len()).step_by(bytes.len() / 61) {
            let mut wrong = bytes.clone();
            wrong[at] ^= 0x10;
            refused(&wrong, "a byte");
        }
    }
    assert!(workspace.current().is_ok());
}

/// Names and kinds that would write elsewhere.
#[test]
fn nothing_is_written_outside_of_the_folder() {
    let (folder, workspace) = shelf();
    let archive = folder.path().join("b.tar");
    make(&workspace, &archive, &[]).unwrap();
    let good = fs::read(&archive).unwrap();
    let outside = folder.path().join("outside");
    let hostile = |kind: tar::EntryType, name: &str, link: Option<&str>, then: Option<&str>| {
        let mut builder = tar::Builder::new(Vec::new());
        for name in std::iter::once(name).chain(then) {
            let is_first = then.is_none() || Some(name) != then;
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(if is_first { kind } else { tar::EntryType::Regular });
            header.set_mode(0o777);
            header.set_size(if is_first && kind != tar::EntryType::Regular { 0 } else { 4 });
            // The library refuses such names when it writes; the bytes are set by hand.
            let raw = header.as_mut_bytes();
            raw[..100].fill(0);
            raw[..name.len()].copy_from_slice(name.as_bytes());
            if let (Some(link), true) = (link, is_first) {
                raw[157..157 + link.len()].copy_from_slice(link.as_bytes());
            }
            header.set_cksum();
            let size = header.size().unwrap() as usize;
            builder.append(&header, &b"evil"[..size]).unwrap();
        }
        let mut bytes = builder.into_inner().unwrap();
        bytes.truncate(bytes.len() - 1024);
        bytes.extend_from_slice(&good);
        bytes
    };
    let target = outside.to_str().unwrap();
    let (regular, link, hard) = (tar::EntryType::Regular, tar::EntryType::Symlink, tar::EntryType::Link);
    for (kind, name, link, then) in [
        (regular, "../outside", None, None),
        (regular, "traces/../../outside", None, None),
        (regular, target, None, None),
        (regular, "a\\..\\outside", None, None),
        (regular, "c:outside", None, None),
        (regular, ".lock", None, None),
        (link, "door", Some(".."), Some("door/outside")),
        (link, "catalog.db", Some("../outside"), None),
        (hard, "door", Some("../outside"), None),
        (tar::EntryType::Fifo, "pipe", None, None),
        (tar::EntryType::Directory, "../outside", None, None),
        (regular, "traces/one.jsonl", None, None),
        (regular, "unnamed", None, None),
    ] {
        let evil = folder.path().join("evil.tar");
        fs::write_atomic(&evil, &hostile(kind, name, link, then)).unwrap();
        let other = Workspace::at(folder.path().join("other"));
        let error = back(&evil, &other, false).unwrap_err();
        assert!(!fs::exists(other.root()) && !fs::exists(&outside), "{name}: {error}");
    }
}

/// While rows and turns are written all the time, each backup holds one state of each database.
#[test]
fn a_backup_beside_writers_is_one_state() {
    let (folder, workspace) = shelf();
    let path = workspace.sessions_db();
    let db = Connection::open(&path).unwrap();
    db.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE a (n, filler); CREATE TABLE b (n, filler);")
        .unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let stopped = &stop;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut n = 0;
            while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
                n += 1;
                let sql = format!(
                    "BEGIN; INSERT INTO a VALUES ({n}, randomblob(2000)); INSERT INTO b VALUES ({n}, randomblob(2000)); COMMIT;"
                );
                db.execute_batch(&sql).unwrap();
            }
        });
        for round in 0..5 {
            let archive = folder.path().join(format!("{round}.tar.zst"));
            make(&workspace, &archive, &[]).unwrap();
            let other = Workspace::at(folder.path().join(format!("other-{round}")));
            back(&archive, &other, false).unwrap();
            let copy = Connection::open(other.sessions_db()).unwrap();
            let sql = "SELECT (SELECT COUNT(*) FROM a) = (SELECT COUNT(*) FROM b)";
            assert!(copy.query_row(sql, [], |r| r.get::<_, bool>(0)).unwrap());
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn another_generation_that_serves_meanwhile_means_another_attempt() {
    let (folder, workspace) = shelf();
    let archive = folder.path().join("b.tar");
    let mut switched = false;
    let mut progress = |p: BackupProgress| {
        if p.stage == "writing" && !switched {
            switched = true;
            let mut file = fs::writer(&workspace.generation_dir(1).join("bm25/new")).unwrap();
            file.write_all(b"new").unwrap();
        }
    };
    backup(&workspace, &archive, &BackupOptions::default(), &world(), &mut progress, &|| false).unwrap();
    let other = Workspace::at(folder.path().join("other"));
    back(&archive, &other, false).unwrap();
    assert!(fs::exists(&other.generation_dir(1).join("bm25/new")));
}

#[test]
fn an_archive_of_a_later_version_is_refused_by_name() {
    let (folder, workspace) = shelf();
    let archive = folder.path().join("b.tar");
    Connection::open(workspace.catalog_db()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let refused = make(&workspace, &archive, &[]).unwrap_err().to_string();
    assert!(refused.contains("version 99") && refused.contains("use a newer `segue`"), "{refused}");
}

/// Whoever has the old workspace open and opens its file again by name does not get the rows of the new one.
#[test]
fn a_reader_of_a_replaced_workspace_is_told() {
    let (folder, workspace) = shelf();
    let archive = folder.path().join("b.tar");
    make(&workspace, &archive, &[]).unwrap();
    let other = Workspace::at(folder.path().join("other"));
    back(&archive, &other, false).unwrap();
    fs::write_atomic(&folder.path().join("books.csv"), b"id,title\na,Another\n").unwrap();
    let dataset = Dataset::parse(MAP, &folder.path().join("books.toml")).unwrap();
    let theirs = Workspace::at(folder.path().join("theirs"));
    import(&theirs, &dataset, &world(), &mut |_| {}, &|| false).unwrap();
    let reader = crate::Snapshot::of(&other, 1).unwrap();
    // Two connections at once: the second is opened now.
    let both = |reader: &crate::Snapshot| {
        reader
            .with_connection(|_| Ok(reader.with_connection(|c| c.query_row("SELECT 1", [], |_| Ok(())))))
            .unwrap()
    };
    both(&reader).unwrap();
    let again = crate::Snapshot::of(&other, 1).unwrap();
    fs::exchange(other.root(), theirs.root(), &folder.path().join("aside")).unwrap();
    let error = both(&again).unwrap_err();
    assert!(matches!(error, StoreError::Replaced { generation: 1, .. }), "{error}");
    fs::remove_dir_all(other.root()).unwrap();
    let gone = crate::Snapshot::of(&theirs, 1).unwrap();
    fs::remove_dir_all(&theirs.generation_dir(1)).unwrap();
    assert!(matches!(both(&gone).unwrap_err(), StoreError::Replaced { .. }));
}
