use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use rusqlite::{Connection, params};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::{Catalog, FieldStatistics, Unit, ValueCount};

/// A catalogue of tools with a field of every type, and only what resolution reads of it.
struct Shop {
    _dir: TempDir,
    snapshot: Snapshot,
}

fn shop() -> Shop {
    let field = |name: &str, role| Field::new(name, role);
    let synonyms = BTreeMap::from([("spanners".to_owned(), "Wrench".to_owned())]);
    let fields = vec![
        field("id", Role::Id),
        field("title", Role::Title),
        Field { multi: true, synonyms, aliases: vec!["type".into()], ..field("kind", Role::Category) },
        Field { ty: FieldType::Integer, unit: Some(Unit::parse("g")), ..field("weight", Role::Number) },
        field("price", Role::Number),
        field("since", Role::Date),
        Field { ty: FieldType::Boolean, ..field("in_stock", Role::Category) },
        field("latitude", Role::Latitude),
        field("longitude", Role::Longitude),
        field("about", Role::Text),
        field("photo", Role::Image),
    ];
    let values = [
        (1, "Claw Hammer", 1),
        (1, "1917", 1),
        (2, "Hammer", 12),
        (2, "Wrench", 7),
        (2, "Torque Wrench", 3),
        (2, "Sägeblatt", 2),
    ];
    let kinds = values.iter().filter(|v| v.0 == 2);
    let top = kinds.map(|v| ValueCount { value: v.1.into(), count: v.2 as u64 }).collect();
    let mut statistics = vec![FieldStatistics::default(); fields.len()];
    statistics[2] = FieldStatistics { distinct: 4, top, ..FieldStatistics::default() };
    let catalog = Catalog {
        name: "tools".into(),
        noun: "tool".into(),
        generation: 1,
        fields,
        statistics,
        items: 20,
        users: 0,
        interactions: 0,
        attribution: String::new(),
    };

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rows.db");
    let db = Connection::open(&path).unwrap();
    db.execute_batch(
        "CREATE TABLE segue_catalog (description TEXT);
         CREATE TABLE segue_lexicon (folded TEXT, field INTEGER, value TEXT, count INTEGER, squashed TEXT);",
    )
    .unwrap();
    let json = Snapshot::describe(&catalog).unwrap();
    db.execute("INSERT INTO segue_catalog VALUES (?1)", [json]).unwrap();
    for (field, value, count) in values {
        db.execute(
            "INSERT INTO segue_lexicon VALUES (?1, ?2, ?3, ?4, NULL)",
            params![fold(value), field, value, count],
        )
        .unwrap();
    }
    Shop { snapshot: Snapshot::open(&path, 1).unwrap(), _dir: dir }
}

fn check(conditions: &[(&str, &str, serde_json::Value)], expected: &Expect) {
    use std::fmt::Write as _;
    let shop = shop();
    let mut out = String::new();
    for (field, op, value) in conditions {
        let written: Predicate =
            serde_json::from_value(json!({"field": field, "op": op, "value": value})).unwrap();
        match resolve(&written, &shop.snapshot) {
            Ok(resolved) => writeln!(out, "{}", serde_json::to_string(&resolved).unwrap()).unwrap(),
            Err(e) => {
                let near: Vec<_> = e.nearest.iter().map(|s| format!("{} {}", s.value, s.count)).collect();
                writeln!(out, "{}: {} [{}]", e.field, e.message, near.join(", ")).unwrap();
            }
        }
    }
    expected.assert_eq(&out);
}

#[test]
fn what_fits_gets_the_spelling_and_type_of_the_catalogue() {
    check(
        &[
            ("kind", "eq", json!("  HAMMER ")),
            ("kind", "ne", json!("sageblatt")),
            ("kind", "in", json!(["wrench", "Spanners"])),
            ("kind", "contains", json!("ench")),
            ("title", "eq", json!(1917)),
            ("id", "eq", json!("not checked: ids outlive generations")),
            ("weight", "lt", json!("1500")),
            ("weight", "eq", json!(-1)),
            ("price", "between", json!(["1.5", 20])),
            ("since", "ge", json!(1999)),
            ("since", "between", json!(["2001-05", "2001"])),
            ("in_stock", "eq", json!("yes")),
            ("weight", "is_null", json!("false")),
            ("latitude", "within_km", json!([52, "13.4", 10])),
        ],
        &expect![[r#"
            {"field":"kind","op":"eq","value":"Hammer"}
            {"field":"kind","op":"ne","value":"Sägeblatt"}
            {"field":"kind","op":"in","value":["Wrench","Wrench"]}
            {"field":"kind","op":"contains","value":"ench"}
            {"field":"title","op":"eq","value":"1917"}
            {"field":"id","op":"eq","value":"not checked: ids outlive generations"}
            {"field":"weight","op":"lt","value":1500}
            {"field":"weight","op":"eq","value":-1}
            {"field":"price","op":"between","value":[1.5,20]}
            {"field":"since","op":"ge","value":"1999"}
            {"field":"since","op":"between","value":["2001-05","2001"]}
            {"field":"in_stock","op":"eq","value":true}
            {"field":"weight","op":"is_null","value":false}
            {"field":"latitude","op":"within_km","value":[52,13.4,10]}
        "#]],
    );
}

#[test]
fn what_does_not_fit_is_told_with_what_would() {
    check(
        &[
            ("typ", "eq", json!("Hammer")),
            ("photo", "eq", json!("x")),
            ("kind", "eq", json!("hamer")),
            ("kind", "eq", json!("zzz")),
            ("kind", "in", json!(["Hammer", "torqe"])),
            ("title", "eq", json!("claw hamer")),
            ("title", "eq", json!("zzz")),
            ("kind", "lt", json!("Hammer")),
            ("price", "contains", json!("1")),
            ("price", "within_km", json!([1, 2, 3])),
            ("weight", "lt", json!("heavy")),
            ("weight", "lt", json!(null)),
            ("weight", "lt", json!([1])),
            ("price", "between", json!([20, 1])),
            ("price", "between", json!([20])),
            ("price", "between", json!(20)),
            ("since", "between", json!(["2002", "2001-05"])),
            ("since", "lt", json!("last May")),
            ("kind", "in", json!([])),
            ("kind", "in", json!("Hammer")),
            ("kind", "contains", json!(" ")),
            ("in_stock", "eq", json!("maybe")),
            ("weight", "is_null", json!(7)),
            ("latitude", "within_km", json!([95, 13, 10])),
        ],
        &expect![[r#"
            typ: there is no field `typ` [kind 0, title 0, in_stock 0, latitude 0, longitude 0]
            photo: `photo` holds links and has no conditions; use another field [id 0, title 0, kind 0, weight 0, price 0]
            kind: no item has `kind` = `hamer` [Hammer 12]
            kind: no item has `kind` = `zzz` [Hammer 12, Wrench 7, Torque Wrench 3, Sägeblatt 2]
            kind: no item has `kind` = `torqe` [Torque Wrench 3]
            title: no item has `title` = `claw hamer` [Claw Hammer 1]
            title: no item has `title` = `zzz`; use `matches` to search in it []
            kind: `lt` does not fit `kind`, which holds text; use one of `eq`, `ne`, `in`, `contains`, `starts_with`, `matches`, `is_null` []
            price: `contains` does not fit `price`, which holds numbers; use one of `eq`, `ne`, `lt`, `le`, `gt`, `ge`, `between`, `in`, `is_null` []
            price: `within_km` does not fit `price`, which holds numbers; use one of `eq`, `ne`, `lt`, `le`, `gt`, `ge`, `between`, `in`, `is_null` []
            weight: `weight` holds whole numbers and got `heavy`; write a number, in grams []
            weight: `weight` cannot be compared with null; use `is_null` with true or false []
            weight: `lt` on `weight` takes one value and got a list; for several use `in` []
            price: `between` on `price` has 20 above 1; write `[1, 20]` []
            price: `between` on `price` takes `[low, high]` and got 1 values []
            price: `between` on `price` takes `[low, high]` []
            since: `between` on `since` has 2002 above 2001-05; write `[2001-05, 2002]` []
            since: `since` holds dates and got `last May`; write a year, a month or a day, as in `1999`, `1999-03`, `1999-03-31` []
            kind: `in` on `kind` got an empty list; give at least one value []
            kind: `in` on `kind` takes a list of values; for one use `eq` []
            kind: `contains` on `kind` got an empty text; give at least one word []
            in_stock: `in_stock` holds true or false and got `maybe`; write true or false []
            weight: `is_null` on `weight` takes true (no value) or false (has a value) []
            latitude: `within_km` takes `[latitude, longitude, kilometres]` with degrees north (-90 to 90), degrees east (-180 to 180) and a distance that is not negative []
        "#]],
    );
}

fn values() -> impl Strategy<Value = Value> {
    let one = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-5_i64..3000).prop_map(Value::Integer),
        any::<f64>().prop_map(Value::Real),
        proptest::sample::select(vec![
            "Hammer", " wrench", "SPANNERS", "1917", "2001-05", "1e3", "yes", "", "x"
        ])
        .prop_map(Value::from),
    ];
    prop_oneof![2 => one.clone(), 1 => proptest::collection::vec(one, 0..4).prop_map(Value::List)]
}

fn predicates() -> impl Strategy<Value = Predicate> {
    use Operator::{Between, Contains, Eq, Ge, Gt, In, IsNull, Le, Lt, Matches, Ne, StartsWith, WithinKm};
    let fields =
        vec!["id", "title", "kind", "weight", "price", "since", "in_stock", "latitude", "about", "photo"];
    let ops = vec![Eq, Ne, Lt, Le, Gt, Ge, Between, In, Contains, StartsWith, Matches, IsNull, WithinKm];
    let leaf = (proptest::sample::select(fields), proptest::sample::select(ops), values())
        .prop_map(|(field, op, value)| Predicate::field(field, op, value));
    leaf.prop_recursive(2, 4, 2, |part| {
        prop_oneof![
            proptest::collection::vec(part.clone(), 0..2).prop_map(|all| Predicate::All { all }),
            proptest::collection::vec(part.clone(), 0..2).prop_map(|any| Predicate::Any { any }),
            part.prop_map(Predicate::negate),
        ]
    })
}

#[test]
fn resolving_twice_is_resolving_once() {
    let shop = shop();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(2000));
    let resolved = std::cell::Cell::new(0);
    runner
        .run(&predicates(), |predicate| {
            if let Ok(once) = resolve(&predicate, &shop.snapshot) {
                prop_assert_eq!(resolve(&once, &shop.snapshot), Ok(once.clone()));
                resolved.set(resolved.get() + 1);
            }
            Ok(())
        })
        .unwrap();
    assert!(resolved.get() > 200, "only {} of the generated predicates resolve", resolved.get());
}
