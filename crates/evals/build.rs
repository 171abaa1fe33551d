//! Hashes the sources that results of a suite depend on, a crate at a time: a run is only taken up again, and only compared
//! without a word, where none of them changed. Tests do not count, nor does what reads results.
#![expect(clippy::disallowed_methods, reason = "a build script runs outside any world")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use sha2::{Digest, Sha256};

/// Part, and the folders and files it is made of.
const PARTS: &[(&str, &[&str])] = &[
    ("catalog", &["../catalog/src"]),
    ("models", &["../models/src"]),
    ("retrieval", &["../retrieval/src"]),
    ("agent", &["../agent/src", "../../prompts"]),
    ("tools", &["../tools/src"]),
    ("evals", &["src"]),
];

/// Rooms of this crate that results do not depend on. A new one counts until it stands here.
const READERS: &[&str] = &["ablation", "lib", "pool", "report", "scenario", "statistics", "suite"];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut table = String::from("&[\n");
    for (name, places) in PARTS {
        let mut files = Vec::new();
        for place in *places {
            let place = root.join(place);
            println!("cargo::rerun-if-changed={}", place.display());
            gather(&place, &mut files)?;
        }
        files.sort();
        let mut hash = Sha256::new();
        for file in files {
            // Paths within the repository, so that a checkout elsewhere has the same hash.
            let path = file.strip_prefix(&root).unwrap_or(&file).to_string_lossy().replace('\\', "/");
            hash.update(path.as_bytes());
            hash.update([0]);
            hash.update(fs::read(&file)?);
            hash.update([0]);
        }
        let hex = hash.finalize().iter().take(8).fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let _ = writeln!(table, "    ({name:?}, {hex:?}),");
    }
    table.push(']');
    fs::write(Path::new(&env::var("OUT_DIR").unwrap_or_default()).join("code_parts.rs"), table)
}

fn gather(place: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if place.is_file() {
        files.push(place.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(place)? {
        let path = entry?.path();
        let stem = path.file_stem().unwrap_or_default();
        // What reads results, and what reads a suite: what that comes to is a part of its own.
        let reads = place.ends_with("evals/src") && READERS.iter().any(|n| stem == *n);
        let is_test = ["tests", "testing"].iter().any(|n| stem == *n);
        if !is_test && !reads {
            gather(&path, files)?;
        }
    }
    Ok(())
}
