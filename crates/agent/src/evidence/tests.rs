use segue_catalog::Operator;

use super::*;
use crate::testing::snapshot;
use crate::{Asked, CallOutcome, ErrorKind, ToolError};

fn asked(predicate: Predicate, hard: bool) -> Constraints {
    Constraints { conditions: vec![Asked::new(predicate, "so", 1, hard)], ..Constraints::default() }
}

fn examined(ordinal: u32, constraints: &Constraints) -> ItemEvidence {
    let (_folder, snapshot) = snapshot();
    ItemEvidence::examine(
        snapshot.row(ordinal).unwrap().unwrap(),
        Vec::new(),
        constraints,
        snapshot.catalog(),
    )
}

#[test]
fn a_hard_condition_is_tried_on_the_row() {
    let (_folder, snapshot) = snapshot();
    let short = Predicate::field("runtime", Operator::Lt, 100);
    let fits = examined(1, &asked(short.clone(), true));
    assert_eq!(
        fits.support(snapshot.catalog()),
        [Support {
            claim: "runtime < 100".to_owned(),
            field: "runtime".to_owned(),
            value: Value::Integer(88)
        }]
    );
    assert_eq!(examined(0, &asked(short.clone(), true)).violated, ["runtime < 100"]);
    // What is not known satisfies nothing, and a wish violates nothing.
    assert_eq!(examined(5, &asked(short.clone(), true)).violated, ["runtime < 100"]);
    assert_eq!(examined(0, &asked(short, false)).violated, [""; 0]);
    let unwanted = Constraints {
        dislikes: vec![Asked::new("t1".to_owned(), "not that", 1, true)],
        ..Constraints::default()
    };
    assert_eq!(examined(0, &unwanted).violated, ["`t1` must not come back"]);
}

#[test]
fn what_is_said_of_an_item_must_be_in_its_row_or_its_calls() {
    let (_folder, snapshot) = snapshot();
    let mut item = examined(2, &Constraints::default());
    item.contributions =
        vec![Contribution { step: "s2".into(), tool: "t".into(), score: Some(1.0), rank: Some(4) }];
    let values = |text: &str, values: Vec<Value>| ItemClaim {
        text: text.to_owned(),
        basis: ItemBasis::Values { field: "genre".to_owned(), values },
    };
    let place = |rank| ItemClaim {
        text: "no. 4".to_owned(),
        basis: ItemBasis::Place { step: "s2".to_owned(), rank },
    };
    let cases = [
        (values("genre Drama", vec!["Drama".into()]), true),
        (values("genre Drama, Comedy", vec!["Drama".into(), "Comedy".into()]), true),
        (values("genre Horror", vec!["Horror".into()]), false),
        (values("genre Horror", vec!["Drama".into()]), false),
        (values("a masterpiece", vec![]), false),
        (place(4), true),
        (place(5), false),
    ];
    for (claim, expected) in cases {
        assert_eq!(item.supports(&claim, snapshot.catalog()), expected, "{claim:?}");
    }
}

#[test]
fn a_sentence_must_be_borne_out_by_the_ledger() {
    let (_folder, snapshot) = snapshot();
    // 2011, 1999, 1994
    let items = [3, 2, 0].map(|o| examined(o, &Constraints::default()));
    let call = CallAnswer {
        step: "s1".to_owned(),
        tool: "keep".to_owned(),
        args: serde_json::Value::Null,
        outcome: CallOutcome::Set {
            handle: segue_catalog::Handle("c1".to_owned()),
            count: 1200,
            top: Vec::new(),
            diagnosis: None,
        },
        ms: 1.0,
        notes: Vec::new(),
    };
    let failed = CallAnswer {
        step: "s2".to_owned(),
        outcome: CallOutcome::Failed(ToolError::new(ErrorKind::Timeout, "late")),
        ..call.clone()
    };
    let calls = [call, failed];
    let ledger = Ledger { snapshot: &snapshot, calls: &calls, items: &items };
    let counts = |step: &str, n| Basis::Counts { step: step.to_owned(), counts: vec![n] };
    let by_year = |direction| Basis::Order { field: "year".to_owned(), direction };
    let cases = [
        ("1,200 films satisfy it.", counts("s1", 1200), true),
        ("1,201 films satisfy it.", counts("s1", 1200), false),
        ("1,201 films satisfy it.", counts("s1", 1201), false),
        ("1,200 films satisfy it.", counts("s2", 1200), false),
        ("There are 6 films.", Basis::Size(6), true),
        ("There are 7 films.", Basis::Size(7), false),
        ("Newest first.", by_year(Direction::Descending), true),
        ("Oldest first.", by_year(Direction::Ascending), false),
        ("“The Short Walk” is absent.", Basis::Absent("The Short Walk".to_owned()), true),
        ("“Night Bus” is absent.", Basis::Absent("night  BUS".to_owned()), false),
        ("Planned by `rules`.", Basis::Procedure, true),
    ];
    for (text, basis, expected) in cases {
        let claim = Claim { text: text.to_owned(), basis };
        assert_eq!(ledger.supports(&claim).unwrap(), expected, "{claim:?}");
    }
}

#[test]
fn counts_are_grouped() {
    let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (17_472, "17,472"), (1_000_000, "1,000,000")];
    for (number, expected) in cases {
        assert_eq!(grouped(number), expected);
    }
}
