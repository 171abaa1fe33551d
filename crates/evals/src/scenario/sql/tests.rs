use segue_catalog::{Dataset, Workspace, import};
use segue_retrieval::build_index;
use segue_world::{RealWorld, fs};
use serde_json::json;

use super::*;

const ROWS: &str = "\
id,title,tags,score,made,open,group
a,Alpha,\"Red, Blue\",1,1999-05-01,true,x
b,Béta,Blue,2.5,2000,false,O'Hara
c,Gamma,,,,,
d,Delta one,\"green, Red\",-3,2001-12-31,true,X
";

const MAP: &str = r#"
name = "things"
items = { file = "things.csv" }
fields = [
  { name = "id", role = "id" }, { name = "title", role = "title" },
  { name = "tags", role = "category", separator = "," }, { name = "score", role = "number" },
  { name = "made", role = "date" }, { name = "open", role = "category", type = "boolean" },
  { name = "group", role = "category" },
]
"#;

fn things() -> (tempfile::TempDir, Engine) {
    let folder = tempfile::tempdir().unwrap();
    fs::write_atomic(&folder.path().join("things.csv"), ROWS.as_bytes()).unwrap();
    let dataset = Dataset::parse(MAP, &folder.path().join("things.toml")).unwrap();
    let workspace = Workspace::at(folder.path().join("workspace"));
    let world = RealWorld::new();
    import(&workspace, &dataset, &world, &mut |_| {}, &|| false).unwrap();
    build_index(&workspace, None, &world, &mut |_| {}, &|| false).unwrap();
    let engine = Engine::open(&workspace, None).unwrap();
    (folder, engine)
}

#[test]
fn tokens_make_up_the_text_again() {
    for sql in ["a='it''s' AND \"b c\" >= -1.5 OR x", "'open", "é = 'ü' -- no", ""] {
        assert_eq!(tokens(sql).iter().map(|(_, t)| *t).collect::<String>(), sql);
    }
}

/// What is written here and what the filter does share no code, and say the same of every kind of condition.
#[test]
fn a_written_predicate_selects_what_the_filter_selects() {
    let (_folder, engine) = things();
    let leaf = |field: &str, op: &str, value| json!({"field": field, "op": op, "value": value});
    let mut predicates = Vec::new();
    for op in ["eq", "ne", "lt", "le", "gt", "ge"] {
        let made = leaf("made", op, json!("2000"));
        predicates.extend([leaf("score", op, json!(2.5)), leaf("score", op, json!(-3)), made]);
    }
    for op in ["eq", "ne", "contains", "starts_with"] {
        let title = leaf("title", op, json!("beta"));
        predicates.extend([leaf("tags", op, json!("red")), leaf("group", op, json!("o'hara")), title]);
    }
    predicates.extend([
        leaf("tags", "in", json!(["BLUE", "green"])),
        leaf("group", "in", json!(["x", "y"])),
        leaf("score", "between", json!([-3, 1])),
        leaf("made", "between", json!(["1999", "2000"])),
        leaf("made", "in", json!(["1999", "2001-12"])),
        leaf("open", "eq", json!(true)),
        leaf("tags", "is_null", json!(true)),
        leaf("score", "is_null", json!(false)),
        json!({"all": []}),
        json!({"any": []}),
    ]);
    let negated: Vec<_> = predicates.iter().map(|p| json!({"not": p})).collect();
    predicates.extend(negated);
    predicates.push(json!({"any": [predicates[0], {"all": [predicates[20], {"not": predicates[3]}]}]}));
    let mut some = 0;
    for json in predicates {
        let predicate: Predicate = serde_json::from_value(json).unwrap();
        let sql = written(engine.snapshot().catalog(), &predicate).unwrap();
        let got = satisfying(&engine, &sql, &SqlLimits::default()).unwrap();
        assert_eq!(got, engine.filter(&predicate, None).unwrap(), "{predicate}: {sql}");
        some += usize::from(!got.is_empty() && got.len() < 4);
    }
    assert!(some > 40, "{some}");
    let matches: Predicate = serde_json::from_value(leaf("title", "matches", json!("one"))).unwrap();
    assert_eq!(written(engine.snapshot().catalog(), &matches), None);
}

#[test]
fn a_list_is_compared_by_its_values() {
    let (_folder, engine) = things();
    let ids = |sql: &str| {
        let found = satisfying(&engine, sql, &SqlLimits::default())?;
        let rows = engine.snapshot().rows(&found.iter().collect::<Vec<_>>()).unwrap();
        Ok::<_, String>(rows.iter().map(|r| r.id(engine.snapshot().catalog()).to_owned()).collect::<String>())
    };
    for (sql, expected) in [
        ("tags = 'Red'", "ad"),
        ("tags has 'Red' AND score > 0", "a"),
        ("tags != 'Red'", "b"),
        ("NOT tags = 'Blue'", "d"),
        ("fold(tags) = 'red'", "ad"),
        ("\"TAGS\" like 'gr%' or title = 'tags = ''Red'''", "d"),
        ("tags not like 'b%'", "d"),
        ("tags is null", "c"),
        ("json_array_length(tags) = 2", "ad"),
        ("score = -3", "d"),
    ] {
        assert_eq!(ids(sql).as_deref(), Ok(expected), "{sql}");
    }
    for wrong in ["tags in ('Red')", "tags = title", "length(tags) > 3", "tags", "score) or (1"] {
        assert!(ids(wrong).is_err(), "{wrong}");
    }
}
