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
fn a_server_takes_the_place_of_a_file_and_no_password_is_in_it() {
    let with = |table: &str| error(&GOOD.replace("file = \"books.csv\"", table));
    expect!["`books.toml` line 3: `items` is in a `file` or on a `postgres` server, and neither is given; give one"].assert_eq(&with(""));
    expect![
        "`books.toml` line 3: `items` is in a `file` or on a `postgres` server, and both is given; give one"
    ]
    .assert_eq(&with("file = \"books.csv\"\npostgres = \"DATABASE_URL\""));
    expect!["`books.toml` line 3: `items` needs a `query` or a `table` of its server, and one of them"]
        .assert_eq(&with("postgres = \"DATABASE_URL\""));
    expect!["`books.toml` line 4: a password is no part of a file that others read; put the connection string into an environment variable and name that here"].assert_eq(&with("postgres = \"postgres://me:hunter2@localhost/shop\"\ntable = \"books\""));
    expect!["`books.toml` line 4: `postgres` is the name of an environment variable that holds a connection string, in capitals, or a connection string without a password, `postgres://USER@HOST:PORT/DATABASE`"].assert_eq(&with("postgres = \"database url\"\ntable = \"books\""));
    let source = |said: &str| {
        let text =
            GOOD.replace("file = \"books.csv\"", &format!("postgres = \"{said}\"\nquery = \"SELECT 1\""));
        Dataset::parse(&text, Path::new("books.toml")).unwrap().items.source.file
    };
    assert_eq!(source("DATABASE_URL"), Path::new("DATABASE_URL.items"));
    assert_eq!(source("postgres://me@localhost/shop"), Path::new("shop.items"));
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
