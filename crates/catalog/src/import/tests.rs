use std::cell::Cell;
use std::path::Path;

use segue_world::FixedWorld;

use super::*;
use crate::{GenerationState, Snapshot, Value};

const MAP: &str = r#"
name = "books"
[items]
file = "books.csv"
[[fields]]
name = "id"
role = "id"
[[fields]]
name = "title"
role = "title"
[[fields]]
name = "tags"
role = "category"
separator = ";"
[[fields]]
name = "pages"
role = "number"
type = "integer"
[[fields]]
name = "printed"
role = "date"
"#;

const ROWS: &str = "id,title,tags,pages,printed
b,Beta,Green;red,300,1999
a,Alpha,red,100,1999-05-02
c,Gamma,,x,2001
c,Gamma,,200,2001-03
b,Beta again,blue,,
";

struct Shelf {
    folder: tempfile::TempDir,
}

impl Shelf {
    fn new(rows: &str) -> Self {
        let shelf = Self { folder: tempfile::tempdir().unwrap() };
        shelf.put("books.csv", rows);
        shelf
    }

    fn put(&self, name: &str, content: &str) {
        fs::write_atomic(&self.folder.path().join(name), content.as_bytes()).unwrap();
    }

    fn workspace(&self) -> Workspace {
        Workspace::at(self.folder.path().join("workspace"))
    }

    fn import(&self, map: &str) -> Result<ImportReport, ImportError> {
        let dataset = Dataset::parse(map, &self.folder.path().join("books.toml")).unwrap();
        let world = FixedWorld::new(segue_world::Timestamp::UNIX_EPOCH);
        import(&self.workspace(), &dataset, &world, &mut |_| {}, &|| false)
    }

    fn snapshot(&self, generation: u32) -> Snapshot {
        write_lookups(&self.workspace(), generation, &|| false).unwrap();
        Snapshot::of(&self.workspace(), generation).unwrap()
    }

    /// Ids and titles of a generation, in order.
    fn titles(&self, generation: u32) -> Vec<String> {
        let snapshot = self.snapshot(generation);
        let ordinals: Vec<_> = (0..snapshot.catalog().items as u32).collect();
        let rows = snapshot.rows(&ordinals).unwrap();
        rows.iter().map(|r| format!("{} {}", r.id(snapshot.catalog()), r.title(snapshot.catalog()))).collect()
    }
}

fn list(values: &[&str]) -> Value {
    Value::List(values.iter().map(|&v| v.into()).collect())
}

/// A generation of another version is told from a damaged one, and importing again is the remedy.
#[test]
fn a_generation_laid_out_otherwise_is_refused_with_the_remedy() {
    let shelf = Shelf::new(ROWS);
    shelf.import(MAP).unwrap();
    let path = shelf.workspace().rows_db(1);
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute("UPDATE segue_catalog SET description = json_remove(description, '$.layout')", []).unwrap();
    let error = Snapshot::open(&path, 1).unwrap_err();
    assert!(error.to_string().contains("run `segue import` again"), "{error}");
    assert_eq!(shelf.import(MAP).unwrap().generation, 2);
    assert_eq!(shelf.snapshot(2).catalog().items, 3);
}

#[test]
fn rows_statistics_and_lexicon_are_as_the_file_says() {
    let shelf = Shelf::new(ROWS);
    let report = shelf.import(MAP).unwrap();
    assert_eq!((report.generation, report.items, report.rows), (1, 3, 5));
    let reasons: Vec<_> = report.rejected[0].first.iter().map(|r| (r.line, r.reason.as_str())).collect();
    let repeated = "an earlier row has the id `b`; set `duplicates` to `first` or `merge` if that is meant";
    assert_eq!(reasons, [(4, "`x` is not a whole number"), (6, repeated)]);
    let kept = fs::read_to_string(&report.rejected[0].kept).unwrap();
    assert_eq!(kept.lines().count(), 2);

    let snapshot = shelf.snapshot(1);
    let row = snapshot.row(1).unwrap().unwrap();
    let values =
        vec!["b".into(), "Beta".into(), list(&["Green", "red"]), Value::Integer(300), "1999-01-01".into()];
    assert_eq!(row.hash, crate::Row::hash_of(&values));
    assert_eq!(row.values, values);
    assert_eq!(shelf.titles(1), ["a Alpha", "b Beta", "c Gamma"]);

    let statistics = |name: &str| snapshot.catalog().statistics_of(name).unwrap().clone();
    let tops: Vec<_> = statistics("tags").top.iter().map(|t| (t.value.to_string(), t.count)).collect();
    assert_eq!(tops, [("red".to_owned(), 2), ("Green".to_owned(), 1)]);
    let pages = statistics("pages");
    assert_eq!((pages.known, pages.nulls, pages.distinct, pages.range()), (3, 0, 3, Some((100.0, 300.0))));
    assert_eq!(pages.quantile(0.5), Some(200.0));
    assert_eq!(statistics("printed").dates, Some(("1999-01-01".into(), "2001-03-01".into())));

    let exact = snapshot.lexicon_exact("GREEN").unwrap();
    assert_eq!(
        exact.iter().map(|e| (e.field, e.value.as_str(), e.count)).collect::<Vec<_>>(),
        [(2, "Green", 1)]
    );
    let near = snapshot.lexicon_nearest("gren", Some(2), 3).unwrap();
    assert_eq!(near.first().map(|(e, _)| e.value.as_str()), Some("Green"));
    assert_eq!(snapshot.lexicon_with_words("alpha", 3).unwrap()[0].field, 1);
}

#[test]
fn repeated_rows_are_merged_or_passed_over_as_the_data_set_says() {
    let with = |how: &str| {
        let shelf = Shelf::new(ROWS);
        let map =
            MAP.replace("file = \"books.csv\"", &format!("file = \"books.csv\"\nduplicates = \"{how}\""));
        let report = shelf.import(&map).unwrap();
        let row = shelf.snapshot(1).row(1).unwrap().unwrap();
        (report.repeats, report.rejected[0].count, row.values[1..4].to_vec())
    };
    let beta = |tags| vec!["Beta".into(), tags, Value::Integer(300)];
    assert_eq!(with("first"), (1, 1, beta(list(&["Green", "red"]))));
    assert_eq!(with("merge"), (1, 1, beta(list(&["Green", "red", "blue"]))));
}

#[test]
fn a_new_generation_keeps_the_one_that_is_served_and_drops_the_others() {
    let shelf = Shelf::new("id,title,tags,pages,printed\na,One,,,\n");
    let mut versions = Vec::new();
    for (n, title) in [(1, "One"), (2, "Two"), (3, "Three")] {
        shelf.put("books.csv", &format!("id,title,tags,pages,printed\na,{title},,,\n"));
        versions.push(shelf.import(MAP).unwrap().content_hash);
        if n == 1 {
            shelf.workspace().set_current(1).unwrap();
            Store::open(&shelf.workspace()).unwrap().mark_indexed(1).unwrap();
        }
    }
    assert_ne!(versions[0], versions[1]);
    let store = Store::open(&shelf.workspace()).unwrap();
    let states: Vec<_> = store.generations().unwrap().into_iter().map(|g| (g.number, g.state)).collect();
    assert_eq!(states, [(1, GenerationState::Indexed), (3, GenerationState::Imported)]);
    assert_eq!((shelf.titles(1), shelf.titles(3)), (vec!["a One".into()], vec!["a Three".into()]));
    assert!(matches!(store.mark_indexed(2), Err(StoreError::NoGeneration { generation: 2, .. })));
}

#[test]
fn a_stopped_or_failed_import_changes_nothing() {
    let rows: String = (0..5_000).map(|i| format!("{i:05},T{i},red,1,2000\n")).collect();
    let shelf = Shelf::new(&format!("id,title,tags,pages,printed\n{rows}"));
    let before = shelf.import(MAP).unwrap();
    let dataset = Dataset::parse(MAP, &shelf.folder.path().join("books.toml")).unwrap();
    let world = FixedWorld::new(segue_world::Timestamp::UNIX_EPOCH);
    // Stopped at each look at the flag in turn, until one import runs through.
    for stop_at in 1..50 {
        let looks = Cell::new(0);
        let cancelled = || {
            looks.set(looks.get() + 1);
            looks.get() == stop_at
        };
        match import(&shelf.workspace(), &dataset, &world, &mut |_| {}, &cancelled) {
            Err(ImportError::Cancelled) => {
                let newest = Store::open(&shelf.workspace()).unwrap().newest().unwrap().unwrap();
                assert_eq!((newest.number, newest.items), (1, before.items));
                assert!(!fs::exists(&shelf.workspace().root().join("import.part")));
            }
            other => {
                assert_eq!(other.unwrap().generation, 2);
                assert!(stop_at > 3);
                return;
            }
        }
    }
    panic!("no import ran through");
}

#[test]
fn two_imports_at_once_are_refused() {
    let shelf = Shelf::new(ROWS);
    let held = shelf.workspace().lock_for_writing().unwrap();
    let error = shelf.import(MAP).unwrap_err();
    assert!(matches!(error, ImportError::Workspace(WorkspaceError::Busy { .. })), "{error}");
    drop(held);
    shelf.import(MAP).unwrap();
}

#[test]
fn nothing_to_import_is_an_error_with_its_reason() {
    let message = |rows: &str| {
        let shelf = Shelf::new(rows);
        let error = shelf.import(MAP).unwrap_err().to_string();
        assert!(!shelf.workspace().is_there());
        error.replace(&format!("{}/", shelf.folder.path().display()), "")
    };
    let header = "id,title,tags,pages,printed\n";
    assert_eq!(message(header), "`books.csv` has column names and no row; an import needs at least one item");
    assert_eq!(
        message(&format!("{header}a,A,,many,\n")),
        "none of the 1 rows of `books.csv` can be taken; the first, line 2: `pages`: `many` is not a whole number; \
         all are in `workspace/rejects/books.csv.jsonl`"
    );
}

#[test]
fn interactions_are_linked_by_what_both_catalogues_know() {
    let map = format!(
        "{MAP}{}",
        r#"
[users]
file = "users.csv"
user = "who"
attributes = { age = "years" }
[interactions]
file = "ratings.csv"
user = "who"
item = "what"
value = "stars"
time = "when"
[interactions.link]
file = "theirs.csv"
id = "key"
match = [{ column = "name", field = "title" }, { column = "size", field = "pages", tolerance = 1 }]
"#
    );
    let shelf = Shelf::new("id,title,tags,pages,printed\na,The Alpha,,100,\nb,Beta,,300,\n");
    shelf.put("users.csv", "who,years\nu1,30\n");
    shelf.put("theirs.csv", "key,name,size\n7,\"Alpha, The\",101\n8,Beta,305\n");
    shelf.put(
        "ratings.csv",
        "who,what,stars,when\nu1,7,4,881250949\nu2,7,5,2000-01-01\nu1,8,1,1\nu1,7,many,1\n",
    );
    let report = shelf.import(&map).unwrap();
    let counts = (report.users, report.interactions, report.unmatched, report.linked);
    assert_eq!(counts, (2, 2, 1, Some((1, 2))));
    assert_eq!(report.rejected[0].first[0].reason, "the value is not a number");
    let read = |sql: &str| -> Vec<String> {
        let snapshot = shelf.snapshot(1);
        snapshot.with_connection(|c| c.prepare(sql)?.query_map([], |r| r.get(0))?.collect()).unwrap()
    };
    assert_eq!(
        read(
            "SELECT user || ' ' || ordinal || ' ' || value || ' ' || time FROM segue_interactions ORDER BY user"
        ),
        ["u1 0 4.0 881250949", "u2 0 5.0 946684800"]
    );
    assert_eq!(
        read("SELECT user || attributes FROM segue_users ORDER BY user"),
        ["u1{\"age\":\"30\"}", "u2{}"]
    );
    let absent = shelf.import(&map.replace("ratings.csv", "none.csv")).unwrap_err().to_string();
    assert!(absent.contains("there is no file"), "{absent}");
    let optional =
        map.replace("time = \"when\"", "time = \"when\"\noptional = true").replace("ratings.csv", "none.csv");
    assert_eq!(shelf.import(&optional).unwrap().absent, [shelf.folder.path().join("none.csv")]);
}

/// The committed descriptions of the sample data read the sample data.
#[test]
fn the_music_is_read_by_its_data_set() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let world = segue_world::RealWorld::new();
    let data = world.env("SEGUE_DATA").map_or_else(|| root.join("../shared/data"), Into::into);
    let file = data.join("music/spotify_songs.csv");
    if !fs::exists(&file) {
        println!("skipped: there is no `{}`", file.display());
        return;
    }
    let dataset =
        Dataset::read(&root.join("evals/datasets/music.toml")).unwrap().with_files(&[file]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let report = import(&Workspace::at(folder.path()), &dataset, &world, &mut |_| {}, &|| false).unwrap();
    assert_eq!(
        (report.items, report.rows, report.repeats, report.rejected.len()),
        (28_356, 32_833, 4_477, 0)
    );
}

#[test]
fn the_films_data_set_fits_together() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../evals/datasets");
    let films = Dataset::read(&root.join("films.toml")).unwrap();
    assert_eq!(films.fields.iter().filter(|f| f.field.quality).count(), 1);
}
