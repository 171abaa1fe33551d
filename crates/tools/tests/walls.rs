//! The walls of the house: which crate may import which. Cargo already refuses cycles; this refuses every edge that is
//! not in the table, and every crate that is not.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

use std::collections::BTreeSet;
use std::path::Path;

use segue_world::fs;

/// A crate and those of ours that it may import. A new room is added here, with its walls.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("world", &[]),
    ("catalog", &["world"]),
    ("models", &["world"]),
    ("retrieval", &["world", "catalog", "models"]),
    ("learning", &["world", "catalog", "models", "retrieval"]),
    ("agent", &["world", "catalog", "models"]),
    ("charts", &["world", "catalog", "models", "retrieval", "agent"]),
    ("metadata", &["world", "catalog", "models", "retrieval", "agent"]),
    ("tools", &["world", "catalog", "models", "retrieval", "learning", "agent", "charts", "metadata"]),
    (
        "evals",
        &["world", "catalog", "models", "retrieval", "learning", "agent", "charts", "metadata", "tools"],
    ),
    (
        "server",
        &["world", "catalog", "models", "retrieval", "learning", "agent", "charts", "metadata", "tools"],
    ),
    (
        "cli",
        &[
            "world",
            "catalog",
            "models",
            "retrieval",
            "learning",
            "agent",
            "charts",
            "metadata",
            "tools",
            "evals",
            "server",
        ],
    ),
];

const SECTIONS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// What is wrong with a manifest: edges that the table does not have, and versions that the root does not declare.
fn faults(room: &str, manifest: &str) -> Vec<String> {
    let manifest: toml::Table = manifest.parse().unwrap();
    let mut faults = Vec::new();
    let name = manifest["package"]["name"].as_str().unwrap_or_default();
    if name != format!("segue-{room}") {
        faults.push(format!("`crates/{room}` is named `{name}`"));
    }
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == room) else {
        faults.push(format!("`{room}` is not in the table of the house"));
        return faults;
    };
    let targets =
        manifest.get("target").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::values);
    let tables = std::iter::once(&manifest).chain(targets.filter_map(toml::Value::as_table));
    for (section, dependencies) in
        tables.flat_map(|t| SECTIONS.map(|s| (s, t.get(s).and_then(toml::Value::as_table))))
    {
        for (dependency, line) in dependencies.into_iter().flatten() {
            if line.get("workspace") != Some(&toml::Value::Boolean(true)) {
                faults.push(format!("`{room}` declares `{dependency}` by itself; declare it in the root"));
            }
            let ours = dependency.strip_prefix("segue-");
            // Tests may stand on anything below the crate that is tested, and so may use no more than it.
            if ours.is_some_and(|ours| !allowed.contains(&ours)) {
                faults.push(format!("`{room}` imports `{dependency}` ({section})"));
            }
        }
    }
    faults
}

#[test]
fn every_crate_keeps_within_its_walls() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = BTreeSet::new();
    let mut all = Vec::new();
    for room in fs::list(crates).unwrap() {
        let manifest = room.join("Cargo.toml");
        if fs::exists(&manifest) {
            let name = room.file_name().unwrap().to_string_lossy().into_owned();
            all.extend(faults(&name, &fs::read_to_string(&manifest).unwrap()));
            found.insert(name);
        }
    }
    assert!(found.contains("world") && found.contains("cli"), "the crates were not found: {found:?}");
    assert_eq!(all, Vec::<String>::new());
}

#[test]
fn a_hole_in_a_wall_is_seen() {
    let manifest = |dependency: &str| {
        format!("[package]\nname = \"segue-agent\"\n[dependencies]\n{dependency}\n[dev-dependencies]\n")
    };
    for (dependency, expected) in [
        ("segue-catalog.workspace = true", vec![]),
        ("segue-retrieval.workspace = true", vec!["`agent` imports `segue-retrieval` (dependencies)"]),
        ("segue-nowhere.workspace = true", vec!["`agent` imports `segue-nowhere` (dependencies)"]),
        ("serde = \"1\"", vec!["`agent` declares `serde` by itself; declare it in the root"]),
    ] {
        assert_eq!(faults("agent", &manifest(dependency)), expected);
    }
    assert_eq!(
        faults("cellar", "[package]\nname = \"segue-cellar\""),
        ["`cellar` is not in the table of the house"]
    );
}

#[test]
fn the_table_has_no_way_round() {
    for (i, (room, allowed)) in MAY_IMPORT.iter().enumerate() {
        let before: Vec<_> = MAY_IMPORT.iter().take(i).map(|(name, _)| *name).collect();
        assert!(allowed.iter().all(|a| before.contains(a)), "`{room}` imports a room that comes after it");
    }
}
