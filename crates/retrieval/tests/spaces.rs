//! Vectors that come with a data set, from their files to what is found by them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails stops")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use roaring::RoaringBitmap;
use segue_catalog::{Changes, Dataset, ImportReport, Workspace, import, import_changes};
use segue_models::{Embedder, HashEmbedder};
use segue_retrieval::{DenseQuery, Engine, build_index, space_encoders};
use segue_world::{FixedWorld, fs};
use tempfile::TempDir;

const DATASET: &str = r#"
name = "things"
items = { file = "things.csv" }
fields = [{ name = "id", role = "id" }, { name = "title", role = "title" }]
[[spaces]]
name = "image"
"#;

/// In an order that is not that of the ids.
const ITEMS: &str = "id,title\nd,four\na,one\nb,two\nc,three\n";

fn put(folder: &Path, name: &str, content: &[u8]) {
    fs::write_atomic(&folder.join(name), content).unwrap();
}

/// A matrix as NumPy writes it, `numpy.save` of `float32`.
fn npy(rows: &[&[f32]]) -> Vec<u8> {
    let shape = format!("({}, {})", rows.len(), rows[0].len());
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    let header = format!("{header:<117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(rows.iter().flat_map(|r| r.iter()).flat_map(|x| x.to_le_bytes()));
    bytes
}

struct Owner {
    folder: TempDir,
}

impl Owner {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "things.csv", ITEMS.as_bytes());
        Self { folder }
    }

    fn workspace(&self) -> Workspace {
        Workspace::at(self.folder.path().join("workspace"))
    }

    fn world() -> FixedWorld {
        FixedWorld::new("2026-01-31T12:00:00Z".parse().unwrap())
    }

    fn dataset(&self, space: &str) -> Result<Dataset, String> {
        let path = self.folder.path().join("dataset.toml");
        Dataset::parse(&format!("{DATASET}{space}"), &path).map_err(|e| e.to_string())
    }

    fn import(&self, space: &str) -> Result<ImportReport, String> {
        let imported =
            import(&self.workspace(), &self.dataset(space)?, &Self::world(), &mut |_| {}, &|| false);
        imported.map_err(|e| e.to_string().replace(&format!("{}/", self.folder.path().display()), ""))
    }

    fn engine(&self, encoders: Vec<Arc<dyn Embedder>>) -> Engine {
        // Twice: an index that is built again keeps the vectors.
        for _ in 0..2 {
            build_index(&self.workspace(), None, &Self::world(), &mut |_| {}, &|| false).unwrap();
        }
        Engine::with_encoders(&self.workspace(), None, encoders).unwrap()
    }
}

fn ranked(engine: &Engine, vector: &[f32]) -> Vec<(u32, f64)> {
    let found = engine.dense("image", DenseQuery::Vector(vector), None).unwrap();
    found.iter().map(|s| (s.item, (s.score * 1000.0).round() / 1000.0)).collect()
}

#[test]
fn a_matrix_follows_the_order_of_the_items_or_of_a_list() {
    let owner = Owner::new();
    // d, a, b, c: what the items' file says; their ordinals are 3, 0, 1, 2.
    put(owner.folder.path(), "v.npy", &npy(&[&[0.0, 2.0], &[3.0, 0.0], &[1.0, 1.0], &[0.0, -4.0]]));
    let report = owner.import("file = \"v.npy\"").unwrap();
    assert_eq!((report.spaces[0].vectors, report.spaces[0].missing, report.spaces[0].dimensions), (4, 0, 2));
    let engine = owner.engine(Vec::new());
    assert_eq!(ranked(&engine, &[1.0, 0.0]), [(0, 1.0), (1, 0.707), (2, 0.0), (3, 0.0)]);
    let like = engine.similar("image", &[3], None).unwrap();
    assert_eq!(like.iter().map(|s| s.item).collect::<Vec<_>>(), [1, 0, 2]);
    // By a list: c has no vector, x is nobody.
    put(owner.folder.path(), "ids.txt", b"a\nb\nx\nd\n");
    let report = owner.import("file = \"v.npy\"\nids = \"ids.txt\"").unwrap();
    assert_eq!((report.spaces[0].vectors, report.spaces[0].missing, report.spaces[0].unknown), (3, 1, 1));
    let engine = owner.engine(Vec::new());
    assert_eq!(ranked(&engine, &[1.0, 0.0]), [(1, 1.0), (0, 0.0), (3, 0.0)]);
    put(owner.folder.path(), "ids.txt", b"a\nb\n");
    assert_eq!(
        owner.import("file = \"v.npy\"\nids = \"ids.txt\"").unwrap_err(),
        "`v.npy` has 4 rows, and `ids.txt` names 2 items; each row is the vector of one"
    );
}

#[test]
fn items_without_a_vector_are_never_returned_and_bad_vectors_say_why() {
    let owner = Owner::new();
    let rows = [
        r#"{"id": "a", "vector": [1, 0, 0]}"#,
        r#"{"id": "b", "vector": [0, 0, 0]}"#,
        r#"{"id": "c", "vector": [1, 0]}"#,
        r#"{"id": "nobody", "vector": [0, 1, 0]}"#,
        r#"{"id": "d", "vector": [0.6, 0.8, 0]}"#,
        r#"{"id": "d", "vector": [1, 1, 1]}"#,
        r#"{"id": "c", "vector": [1, "x", 0]}"#,
        r#"{"id": null, "vector": [1, 2, 3]}"#,
        "nonsense",
    ];
    put(owner.folder.path(), "v.jsonl", rows.join("\n").as_bytes());
    let report = owner.import("file = \"v.jsonl\"").unwrap();
    let space = &report.spaces[0];
    assert_eq!((space.vectors, space.missing, space.unknown, space.dimensions), (2, 2, 1, 3));
    let rejected = &report.rejected[0];
    let reasons: Vec<_> = rejected.first.iter().map(|r| (r.line, r.reason.as_str())).collect();
    assert_eq!(
        (rejected.count, reasons),
        (
            6,
            vec![
                (2, "the vector is all zeros and points nowhere"),
                (3, "the vector has 2 numbers and those before it 3"),
                (6, "an earlier row has a vector of the same item"),
                (7, "the vector is no list of numbers"),
                (8, "the row has no id"),
            ]
        )
    );
    let engine = owner.engine(Vec::new());
    assert_eq!(ranked(&engine, &[0.0, 0.0, 1.0]), [(0, 0.0), (3, 0.0)]);
    let pool: RoaringBitmap = (1..4).collect();
    let found = engine.dense("image", DenseQuery::Vector(&[1.0, 0.0, 0.0]), Some(&pool)).unwrap();
    assert_eq!(found.iter().map(|s| s.item).collect::<Vec<_>>(), [3]);
    assert_eq!(engine.cosine("image", 0, 1).unwrap(), None);
    assert_eq!(
        engine.similar("image", &[1], None).unwrap_err().to_string(),
        "none of these items has a vector in the space `image`; name others, or another space"
    );
    put(owner.folder.path(), "v.jsonl", br#"{"id": "x", "vector": [1]}"#);
    assert!(
        owner.import("file = \"v.jsonl\"").unwrap_err().starts_with("`v.jsonl` has no vector of an item")
    );
}

#[test]
fn texts_are_searched_where_there_is_an_encoder() {
    let owner = Owner::new();
    let encoder = HashEmbedder::new(8);
    let vectors = encoder.embed(&["one", "two", "three", "four"]).unwrap();
    let line = |(id, v): (&str, &Vec<f32>)| format!("{{\"key\": \"{id}\", \"v\": {v:?}}}\n");
    let lines: String = ["a", "b", "c", "d"].into_iter().zip(&vectors).map(line).collect();
    put(owner.folder.path(), "v.jsonl", lines.as_bytes());
    let space = "file = \"v.jsonl\"\nid = \"key\"\nvector = \"v\"";
    owner.import(space).unwrap();
    let engine = owner.engine(vec![Arc::new(HashEmbedder::new(8))]);
    assert_eq!((engine.spaces(), engine.text_spaces()), (vec!["image"], vec![]));
    assert_eq!(
        engine.dense("image", DenseQuery::Text("two"), None).unwrap_err().to_string(),
        "texts cannot be searched in the space `image`: its vectors were imported without an `encoder`; look for what is similar to an item"
    );
    owner.import(&format!("{space}\nencoder = \"{}\"", encoder.name())).unwrap();
    let engine = owner.engine(vec![Arc::new(HashEmbedder::new(8))]);
    assert_eq!(space_encoders(&owner.workspace()), [encoder.name()]);
    assert_eq!(engine.text_spaces(), ["image"]);
    let found = engine.dense("image", DenseQuery::Text("two"), None).unwrap();
    assert!(found[0].item == 1 && found[0].score > 0.999, "{found:?}");
    let engine = owner.engine(vec![Arc::new(HashEmbedder::new(9))]);
    let told = engine.dense("image", DenseQuery::Text("two"), None).unwrap_err().to_string();
    assert!(engine.text_spaces().is_empty() && told.contains("is not here or makes other vectors"), "{told}");
}

#[test]
fn a_change_keeps_the_vectors_of_what_stays() {
    let owner = Owner::new();
    let lines = "{\"id\": \"a\", \"vector\": [1, 0]}\n{\"id\": \"c\", \"vector\": [0, 1]}\n{\"id\": \"d\", \"vector\": [1, 1]}\n";
    put(owner.folder.path(), "v.jsonl", lines.as_bytes());
    owner.import("file = \"v.jsonl\"").unwrap();
    owner.engine(Vec::new());
    let dataset = owner.dataset("file = \"v.jsonl\"").unwrap();
    let change = |update: bool, delete: &[&str]| {
        let delete: BTreeSet<String> = delete.iter().map(|&d| d.to_owned()).collect();
        let changes = Changes { update, delete };
        import_changes(&owner.workspace(), &dataset, &changes, &Owner::world(), &mut |_| {}, &|| false)
            .unwrap()
    };
    // Without a, the ordinals of b, c and d are 0, 1 and 2.
    let report = change(false, &["a"]);
    assert_eq!((report.spaces[0].vectors, report.spaces[0].missing), (2, 1));
    assert_eq!(ranked(&owner.engine(Vec::new()), &[0.0, 1.0]), [(1, 1.0), (2, 0.707)]);
    put(owner.folder.path(), "things.csv", b"id,title\nbb,new\n");
    put(
        owner.folder.path(),
        "v.jsonl",
        b"{\"id\": \"bb\", \"vector\": [0, 3]}\n{\"id\": \"c\", \"vector\": [1, 0]}\n",
    );
    let report = change(true, &[]);
    assert_eq!((report.items, report.spaces[0].vectors), (4, 3));
    // b 0, bb 1, c 2, d 3.
    assert_eq!(ranked(&owner.engine(Vec::new()), &[0.0, 1.0]), [(1, 1.0), (3, 0.707), (2, 0.0)]);
}

#[test]
fn spaces_have_names_of_their_own() {
    let owner = Owner::new();
    let says = |text: &str| owner.dataset(text).unwrap_err();
    assert!(
        says("file = \"v.npy\"\n[[spaces]]\nname = \"image\"\nfile = \"w.npy\"")
            .contains("there are two spaces `image`")
    );
    assert!(
        says("file = \"v.npy\"\n[[spaces]]\nname = \"text\"\nfile = \"w.npy\"")
            .contains("line 9: `text` cannot name a space")
    );
    assert!(
        says("file = \"v.npy\"\n[[spaces]]\nname = \"../x\"\nfile = \"w.npy\"")
            .contains("cannot name a space")
    );
    assert!(owner.import("file = \"none.npy\"").unwrap_err().contains("there is no file `none.npy`"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A damaged matrix is read or refused.
    #[test]
    fn damage_is_no_panic(at in 0..160_usize, len in 0..20_usize, byte: u8, cut in 0..160_usize) {
        let owner = Owner::new();
        let mut bytes = npy(&[&[0.0, 2.0], &[3.0, 0.0], &[1.0, 1.0], &[0.0, -4.0]]);
        bytes.iter_mut().skip(at).take(len).for_each(|b| *b ^= byte);
        bytes.truncate(bytes.len() - cut.saturating_sub(100));
        put(owner.folder.path(), "v.npy", &bytes);
        if let Ok(report) = owner.import("file = \"v.npy\"") {
            prop_assert!(report.spaces[0].vectors <= 4);
        }
    }
}
