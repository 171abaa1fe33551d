use expect_test::expect;

use super::*;
use crate::Unit;

const GOOD: &str = r#"
name = "books"
[items]
file = "books.csv"
[[fields]]
name = "isbn"
role = "id"
[[fields]]
name = "title"
role = "title"
[[fields]]
name = "pages"
role = "number"
"#;

fn error(text: &str) -> String {
    match Dataset::parse(text, Path::new("books.toml")) {
        Ok(dataset) => format!("{dataset:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn wrong_data_sets_say_where_and_what() {
    let with = |from: &str, to: &str| error(&GOOD.replace(from, to));
    expect!["`books.toml` line 7: there is no key `rolle` here; did you mean `role`?; the keys are name, role, column, type, multi, separator, suffixes, labels, language, unit, source_unit, scale, decimal, clock, dates, description, aliases, high, low, synonyms, boost, embed, quality, yields"]
        .assert_eq(&with("role = \"id\"", "rolle = \"id\""));
    expect!["`books.toml` line 12: `Pages!` cannot name a field; use lower-case letters, digits and underscores, a letter first"]
        .assert_eq(&with("\"pages\"", "\"Pages!\""));
    expect!["`books.toml` line 12: there are two fields `title`; rename one"]
        .assert_eq(&with("\"pages\"", "\"title\""));
    expect!["`books.toml` line 3: 0 fields have the role `id` and exactly one must: the column that tells items apart"]
        .assert_eq(&with("role = \"id\"", "role = \"category\""));
    expect!["`books.toml` line 12: `pages`: minutes do not convert to kilometres; give `scale` instead of `source_unit`"]
        .assert_eq(&with("role = \"number\"", "role = \"number\"\nunit = \"km\"\nsource_unit = \"min\""));
    expect!["`books.toml` line 12: the type of `pages` does not go with its role; leave `type` out"]
        .assert_eq(&with("role = \"number\"", "role = \"number\"\ntype = \"text\""));
    expect!["`books.toml` line 12: `hash` is a column that the catalogue keeps for itself; call the field otherwise"]
        .assert_eq(&with("\"pages\"", "\"hash\""));
}

#[test]
fn adjectives_follow_from_the_unit_unless_they_are_given() {
    let read = |more: &str| {
        let text = format!("{GOOD}{more}");
        let dataset = Dataset::parse(&text, Path::new("books.toml")).unwrap();
        let field = dataset.fields.into_iter().next_back().unwrap().field;
        (field.unit, field.high, field.low)
    };
    let owned = |words: &[&str]| words.iter().map(|&w| w.to_owned()).collect::<Vec<_>>();
    assert_eq!(read(""), (None, vec![], vec![]));
    let minutes = Some(Unit::parse("minutes"));
    assert_eq!(
        read("unit = \"min\""),
        (minutes.clone(), owned(&["long", "lengthy"]), owned(&["short", "brief"]))
    );
    assert_eq!(read("unit = \"min\"\nhigh = [\"big\"]"), (minutes, owned(&["big"]), vec![]));
}

#[test]
fn files_given_replace_their_namesakes_and_a_single_one_the_items() {
    let dataset = || Dataset::parse(GOOD, Path::new("sets/books.toml")).unwrap();
    let items = |files: &[&str]| {
        let files: Vec<_> = files.iter().map(PathBuf::from).collect();
        dataset().with_files(&files).map(|d| d.items.source.file).map_err(|e| e.to_string())
    };
    assert_eq!(items(&[]), Ok("sets/books.csv".into()));
    assert_eq!(items(&["there/books.csv"]), Ok("there/books.csv".into()));
    assert_eq!(items(&["other.csv"]), Ok("other.csv".into()));
    let known = "`b.csv` is none of the files of the data set `books`; they are `books.csv`";
    assert_eq!(items(&["books.csv", "b.csv"]), Err(known.to_owned()));
}
