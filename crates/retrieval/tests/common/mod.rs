//! A small catalogue with gaps, accents and several values a field, made from a seed and imported as any other.

pub(crate) mod dice;

use std::path::Path;

use segue_catalog::{Dataset, Workspace, import};
use segue_models::Embedder;
use segue_retrieval::build_index;
use segue_world::{FixedWorld, fs};

pub(crate) use dice::{Dice, TAGS, WORDS};

pub(crate) const ITEMS: usize = 150;

const DATASET: &str = r#"
name = "things"
noun = "thing"
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
multi = true
separator = "|"
[[fields]]
name = "year"
role = "number"
type = "integer"
[[fields]]
name = "rating"
role = "number"
[[fields]]
name = "made"
role = "date"
"#;

/// A workspace in this folder, imported and indexed.
pub(crate) fn workspace(folder: &Path, embedder: Option<&dyn Embedder>) -> Workspace {
    let mut dice = Dice(7);
    let mut csv = String::from("id,title,story,tags,year,rating,made\n");
    for i in 0..ITEMS {
        let mut text = |n: usize| (0..n).map(|_| dice.pick(WORDS)).collect::<Vec<_>>().join(" ");
        let (title, story) = (text(2), text(9));
        let tags: Vec<_> = (0..dice.below(4)).map(|_| dice.pick(TAGS)).collect();
        let year = if dice.below(6) == 0 { String::new() } else { (1990 + dice.below(20)).to_string() };
        let rating =
            if dice.below(6) == 0 { String::new() } else { format!("{}.{}", dice.below(9), dice.below(10)) };
        let made = match dice.below(4) {
            0 => String::new(),
            _ => format!("{}-{:02}-{:02}", 1990 + dice.below(20), 1 + dice.below(12), 1 + dice.below(28)),
        };
        csv.push_str(&format!("t{i:04},{title} {i},{story},{},{year},{rating},{made}\n", tags.join("|")));
    }
    fs::write_atomic(&folder.join("things.csv"), csv.as_bytes()).unwrap();
    let dataset = Dataset::parse(DATASET, &folder.join("dataset.toml")).unwrap();
    let world = FixedWorld::new("2026-01-31T12:00:00Z".parse().unwrap());
    let workspace = Workspace::at(folder.join("ws"));
    import(&workspace, &dataset, &world, &mut |_| {}, &|| false).unwrap();
    build_index(&workspace, embedder, &world, &mut |_| {}, &|| false).unwrap();
    workspace
}
