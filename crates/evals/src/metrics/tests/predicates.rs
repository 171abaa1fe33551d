use proptest::prelude::*;
use segue_catalog::{
    Catalog, Condition, Field, FieldStatistics, FieldType, Operator, Predicate, Role, Row, Value,
};

use crate::metrics::predicates::{meanings, same};

fn read(json: &str) -> Predicate {
    serde_json::from_str(json).unwrap()
}

/// Fields with one value and with several, of each type.
pub(super) fn catalog() -> Catalog {
    let field = |name: &str, role, ty, multi| Field { ty, multi, ..Field::new(name, role) };
    let fields = vec![
        field("id", Role::Id, FieldType::Text, false),
        field("title", Role::Title, FieldType::Text, false),
        field("n", Role::Number, FieldType::Integer, false),
        field("r", Role::Number, FieldType::Real, false),
        field("d", Role::Date, FieldType::Date, false),
        field("g", Role::Category, FieldType::Text, true),
        field("ns", Role::Number, FieldType::Integer, true),
    ];
    Catalog {
        name: "things".to_owned(),
        noun: "thing".to_owned(),
        generation: 1,
        statistics: fields.iter().map(|_| FieldStatistics::default()).collect(),
        fields,
        items: 0,
        users: 0,
        interactions: 0,
        attribution: String::new(),
    }
}

#[test]
fn what_means_the_same_is_the_same() {
    let catalog = catalog();
    let pairs = [
        // With and without the catalogue.
        (
            true,
            r#"{"not": {"field": "g", "op": "in", "value": ["a", "b"]}}"#,
            r#"{"all": [{"not": {"field": "g", "op": "eq", "value": "B"}}, {"field": "g", "op": "ne", "value": "a"}]}"#,
        ),
        (
            true,
            r#"{"field": "g", "op": "in", "value": ["a", "b"]}"#,
            r#"{"field": "g", "op": "in", "value": ["B", "a", "a"]}"#,
        ),
        (
            true,
            r#"{"field": "g", "op": "in", "value": ["a"]}"#,
            r#"{"field": "g", "op": "eq", "value": "Á"}"#,
        ),
        (
            true,
            r#"{"any": [{"field": "g", "op": "eq", "value": "a"}, {"field": "g", "op": "in", "value": ["b"]}]}"#,
            r#"{"field": "g", "op": "in", "value": ["a", "b"]}"#,
        ),
        (
            true,
            r#"{"field": "n", "op": "between", "value": [3, 3.0]}"#,
            r#"{"field": "n", "op": "eq", "value": 3}"#,
        ),
        (
            true,
            r#"{"all": [{"all": [{"field": "n", "op": "lt", "value": 3}]}, {"field": "n", "op": "lt", "value": 3.0}]}"#,
            r#"{"field": "n", "op": "lt", "value": 3}"#,
        ),
        (
            true,
            r#"{"not": {"not": {"field": "n", "op": "gt", "value": 1}}}"#,
            r#"{"field": "n", "op": "gt", "value": 1}"#,
        ),
        (
            true,
            r#"{"not": {"any": [{"field": "n", "op": "eq", "value": 1}, {"field": "g", "op": "eq", "value": "a"}]}}"#,
            r#"{"all": [{"field": "g", "op": "ne", "value": "a"}, {"field": "n", "op": "ne", "value": 1}]}"#,
        ),
        (
            true,
            r#"{"not": {"field": "n", "op": "is_null", "value": true}}"#,
            r#"{"field": "n", "op": "is_null", "value": false}"#,
        ),
        (
            true,
            r#"{"field": "title", "op": "matches", "value": "old Mill"}"#,
            r#"{"field": "title", "op": "matches", "value": "mill, old"}"#,
        ),
        // With the catalogue only.
        (
            false,
            r#"{"field": "n", "op": "between", "value": [1990, 1999]}"#,
            r#"{"all": [{"field": "n", "op": "le", "value": 1999}, {"field": "n", "op": "ge", "value": 1990}]}"#,
        ),
        (
            false,
            r#"{"field": "n", "op": "lt", "value": 2000}"#,
            r#"{"field": "n", "op": "le", "value": 1999}"#,
        ),
        (
            false,
            r#"{"not": {"field": "r", "op": "lt", "value": 0.5}}"#,
            r#"{"field": "r", "op": "ge", "value": 0.5}"#,
        ),
        (
            false,
            r#"{"field": "n", "op": "eq", "value": "1999"}"#,
            r#"{"field": "n", "op": "eq", "value": 1999}"#,
        ),
        (
            false,
            r#"{"field": "d", "op": "between", "value": ["1990", "1999"]}"#,
            r#"{"all": [{"field": "d", "op": "ge", "value": "1990-01-01"}, {"field": "d", "op": "lt", "value": 2000}]}"#,
        ),
        (
            false,
            r#"{"field": "d", "op": "eq", "value": 1999}"#,
            r#"{"field": "d", "op": "eq", "value": "1999"}"#,
        ),
    ];
    for (without, a, b) in pairs {
        assert!(same(&read(a), &read(b), Some(&catalog)), "{a}\n{b}");
        assert_eq!(same(&read(a), &read(b), None), without, "{a}\n{b}");
    }
}

#[test]
fn what_means_something_else_is_not() {
    let catalog = catalog();
    let pairs = [
        (r#"{"field": "n", "op": "lt", "value": 3}"#, r#"{"field": "n", "op": "le", "value": 3}"#),
        (r#"{"field": "n", "op": "eq", "value": 3}"#, r#"{"field": "r", "op": "eq", "value": 3}"#),
        // Of several values, one may be below and another above.
        (
            r#"{"field": "ns", "op": "between", "value": [1, 3]}"#,
            r#"{"all": [{"field": "ns", "op": "ge", "value": 1}, {"field": "ns", "op": "le", "value": 3}]}"#,
        ),
        (r#"{"not": {"field": "ns", "op": "lt", "value": 3}}"#, r#"{"field": "ns", "op": "ge", "value": 3}"#),
        (
            r#"{"not": {"field": "g", "op": "in", "value": ["a", "b"]}}"#,
            r#"{"not": {"field": "g", "op": "eq", "value": "a"}}"#,
        ),
        (
            r#"{"field": "g", "op": "in", "value": ["a", "b"]}"#,
            r#"{"all": [{"field": "g", "op": "eq", "value": "a"}, {"field": "g", "op": "eq", "value": "b"}]}"#,
        ),
        (r#"{"field": "r", "op": "lt", "value": 2}"#, r#"{"field": "r", "op": "le", "value": 1}"#),
        (r#"{"all": []}"#, r#"{"any": []}"#),
    ];
    for (a, b) in pairs {
        assert!(!same(&read(a), &read(b), Some(&catalog)), "{a}\n{b}");
        assert!(!same(&read(a), &read(b), None), "{a}\n{b}");
    }
}

#[test]
fn conditions_are_counted_once_each() {
    let list = [
        read(
            r#"{"all": [{"field": "n", "op": "lt", "value": 3}, {"all": [{"field": "g", "op": "eq", "value": "a"}]}]}"#,
        ),
        read(r#"{"field": "n", "op": "lt", "value": 3}"#),
        read(r#"{"all": []}"#),
    ];
    assert_eq!(meanings(&list, None).len(), 2);
    assert_eq!(meanings(&[], None).len(), 0);
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0_i64..4).prop_map(Value::Integer),
        (0_i64..6).prop_map(|n| Value::Real(n as f64 / 2.0)),
        prop::sample::select(vec!["a", "A", "b", "1", "2"]).prop_map(Value::from),
    ]
}

fn condition() -> impl Strategy<Value = Predicate> {
    use Operator::{Between, Eq, Ge, Gt, In, IsNull, Le, Lt, Ne};
    let op = prop::sample::select(vec![Eq, Ne, Lt, Le, Gt, Ge, Between, In, IsNull]);
    let field = prop::sample::select(vec!["n", "r", "g", "ns", "d"]);
    let date = prop::sample::select(vec!["1999", "2000", "1999-12", "1999-12-31"]).prop_map(Value::from);
    (field, op, value(), value(), date.clone(), date, any::<bool>()).prop_map(
        |(field, op, a, b, from, to, truth)| {
            let number = |v: Value| v.as_f64().map_or(Value::Integer(1), |_| v);
            let (a, b) = match field {
                "d" => (from, to),
                "g" => (Value::from(a.to_string()), Value::from(b.to_string())),
                _ => (number(a), number(b)),
            };
            let value = match op {
                Between | In => Value::List(vec![a, b]),
                IsNull => Value::Bool(truth),
                _ => a,
            };
            Predicate::Field(Condition { field: field.to_owned(), op, value })
        },
    )
}

fn predicate() -> impl Strategy<Value = Predicate> {
    condition().prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|all| Predicate::All { all }),
            prop::collection::vec(inner.clone(), 0..3).prop_map(|any| Predicate::Any { any }),
            inner.prop_map(Predicate::negate),
        ]
    })
}

/// Writes it otherwise without changing what it means.
fn rewritten(predicate: &Predicate, negated: bool) -> Predicate {
    let each = |parts: &[Predicate]| parts.iter().rev().map(|p| rewritten(p, negated)).collect::<Vec<_>>();
    match predicate {
        Predicate::All { all } if negated => Predicate::Any { any: each(all) },
        Predicate::Any { any } if negated => Predicate::All { all: vec![Predicate::All { all: each(any) }] },
        Predicate::All { all } => Predicate::All { all: each(all).into_iter().chain(each(all)).collect() },
        Predicate::Any { any } => Predicate::Any { any: each(any) },
        Predicate::Not { not } => rewritten(not, !negated),
        Predicate::Field(c) if negated && c.op == Operator::Ne => {
            Predicate::field(&c.field, Operator::In, Value::List(vec![c.value.clone()]))
        }
        Predicate::Field(c) if negated => Predicate::Field(c.clone()).negate(),
        Predicate::Field(c) => Predicate::Field(c.clone()),
    }
}

fn row() -> impl Strategy<Value = Row> {
    let number = || prop_oneof![Just(Value::Null), (0_i64..4).prop_map(Value::Integer)];
    let real = prop_oneof![Just(Value::Null), (0_i64..6).prop_map(|n| Value::Real(n as f64 / 2.0))];
    let text = prop::sample::select(vec!["a", "b", "1", "2"]).prop_map(Value::from);
    let date = prop_oneof![
        Just(Value::Null),
        prop::sample::select(vec!["1998-12-31", "1999-01-01", "1999-12-31", "2000-01-01", "2000-06-01"])
            .prop_map(Value::from)
    ];
    let several = prop::collection::vec((0_i64..4).prop_map(Value::Integer), 0..3).prop_map(Value::List);
    (number(), real, date, prop::collection::vec(text, 0..3).prop_map(Value::List), several).prop_map(
        |(n, r, d, g, ns)| Row {
            ordinal: 0,
            hash: String::new(),
            values: vec![Value::from("id"), Value::from("title"), n, r, d, g, ns],
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, max_global_rejects: 1_000_000, ..ProptestConfig::default() })]

    #[test]
    fn the_same_however_it_is_written(p in predicate()) {
        prop_assert!(same(&p, &rewritten(&p, false), None));
        prop_assert!(same(&p.clone().negate(), &rewritten(&p, true), Some(&catalog())));
    }

    /// Never called the same, if there is a row that one selects and the other does not.
    #[test]
    fn the_same_selects_the_same(
        a in condition(), b in condition(), c in condition(), negate: (bool, bool, bool, bool),
        rows in prop::collection::vec(row(), 30),
    ) {
        let not = |p: Predicate, is: bool| if is { p.negate() } else { p };
        let (a, b, c) = (not(a, negate.0), not(b, negate.1), not(c, negate.2));
        let catalog = catalog();
        let candidates = [a.clone(), b.clone(), c.clone(), a.clone().and(b.clone()), a.clone().and(c.clone()), b.clone().and(c.clone()),
            not(Predicate::Any { any: vec![a, b.clone()] }, negate.3), not(Predicate::Any { any: vec![b, c] }, negate.3)];
        for (at, p) in candidates.iter().enumerate() {
            for q in candidates.iter().skip(at + 1).filter(|q| same(p, q, Some(&catalog))) {
                for row in &rows {
                    prop_assert_eq!(p.matches(row, &catalog), q.matches(row, &catalog), "{} | {} | {:?}", p, q, row);
                }
            }
        }
    }
}
