//! Changed again and again, a catalogue has the rows and indexes that it would have if it were imported anew, byte by byte.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests say what must be there")]

#[path = "common/dice.rs"]
mod dice;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use dice::Dice;
use segue_catalog::{Changes, Dataset, Store, Workspace, import, import_changes};
use segue_models::HashEmbedder;
use segue_retrieval::build_index;
use segue_world::{FixedWorld, fs};

const DATASET: &str = r#"
name = "things"
[items]
file = "things.csv"
[[fields]]
name = "id"
role = "id"
[[fields]]
name = "title"
role = "title"
[[fields]]
name = "story"
role = "text"
[[fields]]
name = "tags"
role = "category"
separator = "|"
[[fields]]
name = "year"
role = "number"
type = "integer"
[interactions]
file = "seen.csv"
user = "user"
item = "item"
"#;

const HEADER: &str = "id,title,story,tags,year\n";

/// In memory where there is such a place: nine hundred builds wait for the disk otherwise.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if fs::is_dir(memory) { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn world() -> FixedWorld {
    FixedWorld::new("2026-01-31T12:00:00Z".parse().unwrap())
}

/// The files of a catalogue, and what was last written of it.
struct Owner {
    folder: tempfile::TempDir,
    rows: BTreeMap<String, String>,
}

impl Owner {
    fn new(dice: &mut Dice) -> Self {
        let mut owner = Self { folder: folder(), rows: BTreeMap::new() };
        for _ in 0..20 + dice.below(20) {
            owner.edit(dice.below(60), dice);
        }
        let items: Vec<&String> = owner.rows.keys().collect();
        let seen: String =
            (0..40).map(|i| format!("u{},{}\n", i % 7, items[dice.below(items.len())])).collect();
        owner.put("seen.csv", &format!("user,item\n{seen}"));
        owner
    }

    fn put(&self, name: &str, content: &str) {
        fs::write_atomic(&self.folder.path().join(name), content.as_bytes()).unwrap();
    }

    fn dataset(&self, file: &str) -> Dataset {
        let text = DATASET.replace("things.csv", file);
        Dataset::parse(&text, &self.folder.path().join("dataset.toml")).unwrap()
    }

    /// A new line for the item of this number.
    fn edit(&mut self, i: usize, dice: &mut Dice) -> String {
        let mut text = |n: usize| (0..n).map(|_| dice.pick(dice::WORDS)).collect::<Vec<_>>().join(" ");
        let (title, story) = (text(2), text(7));
        let tags: Vec<_> = (0..dice.below(3)).map(|_| dice.pick(dice::TAGS)).collect();
        let line = format!("t{i:03},{title} {i},{story},{},{}\n", tags.join("|"), 1990 + dice.below(30));
        self.rows.insert(format!("t{i:03}"), line.clone());
        line
    }

    /// The whole catalogue imported and indexed in a folder of its own.
    fn build(&self, name: &str, order: &mut Dice) -> Workspace {
        let mut lines: Vec<&str> = self.rows.values().map(String::as_str).collect();
        for i in (1..lines.len()).rev() {
            lines.swap(i, order.below(i + 1));
        }
        self.put("things.csv", &format!("{HEADER}{}", lines.concat()));
        let workspace = Workspace::at(self.folder.path().join(name));
        import(&workspace, &self.dataset("things.csv"), &world(), &mut |_| {}, &|| false).unwrap();
        index(&workspace);
        workspace
    }
}

fn index(workspace: &Workspace) {
    build_index(workspace, Some(&HashEmbedder::new(16)), &world(), &mut |_| {}, &|| false).unwrap();
}

/// Every file of the serving generation. Tantivy names its segments at random: names go, contents stay.
fn files(workspace: &Workspace) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let root = workspace.generation_dir(workspace.current().unwrap());
    collect(&root, &root, &mut found);
    found
}

fn collect(root: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for path in fs::list(folder).unwrap() {
        if fs::is_dir(&path) {
            collect(root, &path, found);
            continue;
        }
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let segment = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let is_random = segment.len() == 32 && segment.bytes().all(|b| b.is_ascii_hexdigit());
        match name.as_str() {
            // How long it took, where a lock was held, and the names of the segments.
            "meta.json" | "bm25/meta.json" | "bm25/.managed.json" => {}
            _ if path.extension().is_some_and(|e| e == "lock") => {}
            _ => {
                let name = if is_random { name.replace(&segment, "SEGMENT") } else { name };
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
}

#[test]
fn two_hundred_sequences_of_edits_leave_what_a_fresh_build_makes() {
    std::thread::scope(|scope| {
        for part in 0..4 {
            scope.spawn(move || sequences_of_edits(part, 50));
        }
    });
}

fn sequences_of_edits(part: u64, sequences: usize) {
    let mut dice = Dice(11 + part);
    for sequence in 0..sequences {
        let mut owner = Owner::new(&mut dice);
        let mut gone = BTreeSet::new();
        let workspace = owner.build("changed", &mut dice);
        for _ in 0..=dice.below(4) {
            let mut changes = Changes::default();
            let mut update = HEADER.to_owned();
            for _ in 0..dice.below(6) {
                let i = dice.below(60);
                // What was seen of an item goes with it, and does not come back with another of its id.
                if gone.contains(&format!("t{i:03}")) {
                    continue;
                }
                let line = owner.edit(i, &mut dice);
                // An id stands once in a file, the last line is meant.
                update =
                    update.lines().filter(|l| !l.starts_with(&line[..5])).map(|l| format!("{l}\n")).collect();
                update.push_str(&line);
                changes.update = true;
            }
            for _ in 0..dice.below(5) {
                let id = format!("t{:03}", dice.below(60));
                if !update.contains(&format!("\n{id},")) && owner.rows.len() > 1 {
                    owner.rows.remove(&id);
                    gone.insert(id.clone());
                    changes.delete.insert(id);
                }
            }
            if dice.below(4) == 0 {
                // The whole again, with the same changes in it.
                owner.build("changed", &mut dice);
                continue;
            }
            owner.put("update.csv", &update);
            let dataset = owner.dataset("update.csv");
            let report =
                import_changes(&workspace, &dataset, &changes, &world(), &mut |_| {}, &|| false).unwrap();
            assert_eq!(report.items, owner.rows.len() as u64);
            if dice.below(3) > 0 {
                index(&workspace);
            }
        }
        index(&workspace);
        let fresh = owner.build("fresh", &mut dice);
        let (changed, fresh) = (files(&workspace), files(&fresh));
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&changed), names(&fresh), "sequence {part}/{sequence}");
        for (name, content) in &changed {
            assert!(*content == fresh[name], "sequence {part}/{sequence}: `{name}` differs");
        }
    }
}

/// What is deleted is in no file that is left, once the generation that had it is forgotten.
#[test]
fn what_is_deleted_leaves_no_trace() {
    let mut dice = Dice(5);
    let mut owner = Owner::new(&mut dice);
    let items = owner.rows.len() as u64;
    let secret = "Xyzzyplugh";
    owner.rows.insert("t777".into(), format!("t777,{secret} Quuxbaz,told by {secret},{secret}|Red,1999\n"));
    let workspace = owner.build("ws", &mut dice);
    let traces = |owner: &Owner| {
        let mut found = Vec::new();
        let mut folders = vec![workspace.root().to_owned()];
        while let Some(folder) = folders.pop() {
            for path in fs::list(&folder).unwrap() {
                if fs::is_dir(&path) {
                    folders.push(path);
                } else if holds(&path, &[secret, &secret.to_lowercase(), "t777", "quuxbaz"]) {
                    found.push(path.strip_prefix(owner.folder.path()).unwrap().to_owned());
                }
            }
        }
        found
    };
    assert!(!traces(&owner).is_empty());
    owner.rows.remove("t777");
    let changes = Changes { update: false, delete: ["t777".to_owned()].into() };
    let dataset = owner.dataset("things.csv");
    let report = import_changes(&workspace, &dataset, &changes, &world(), &mut |_| {}, &|| false).unwrap();
    assert_eq!(report.changes.map(|c| (c.deleted, c.unchanged)), Some((1, items)));
    index(&workspace);
    // The generation that served before stays, to go back to. Without it nothing is left.
    let current = workspace.current().unwrap();
    let mut store = Store::open(&workspace).unwrap();
    for gone in store.keep_only(&[current]).unwrap() {
        fs::remove_dir_all(&workspace.generation_dir(gone)).unwrap();
    }
    assert_eq!(traces(&owner), Vec::<PathBuf>::new());
    // Vectors have no words in them: the cache of embeddings is that of a fresh build too.
    let fresh = owner.build("fresh", &mut dice);
    let cached = |workspace: &Workspace| {
        let cache = rusqlite::Connection::open(workspace.cache_dir().join("embeddings.db")).unwrap();
        let mut all = cache.prepare("SELECT hex(text), hex(vector) FROM vectors ORDER BY text").unwrap();
        let rows = all.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?))).unwrap();
        rows.collect::<Result<Vec<_>, _>>().unwrap()
    };
    assert_eq!(cached(&workspace), cached(&fresh));
    assert_eq!(files(&workspace), files(&fresh));
}

fn holds(path: &Path, words: &[&str]) -> bool {
    let content = fs::read(path).unwrap();
    words.iter().any(|word| content.windows(word.len()).any(|w| w == word.as_bytes()))
}
