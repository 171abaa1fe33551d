use segue_agent::{Answer, AnswerItem, AnswerKind, Asked, Constraints, Stop, Support};
use segue_catalog::{Operator, Predicate, Row, Value};

use super::predicates::catalog;
use crate::Measure;
use crate::metrics::claims::{claim_support, hallucinated_items, named_titles};
use crate::metrics::constraints::{earlier_violation, satisfaction, satisfaction_of_each};
use crate::metrics::cost::percentile;

fn row(id: &str, title: &str, n: Option<i64>) -> Row {
    let n = n.map_or(Value::Null, Value::Integer);
    let values =
        vec![Value::from(id), Value::from(title), n, Value::Null, Value::Null, Value::Null, Value::Null];
    Row { ordinal: 0, hash: String::new(), values }
}

fn below(n: i64) -> Predicate {
    Predicate::field("n", Operator::Lt, n)
}

#[test]
fn satisfaction_is_of_pairs_of_item_and_condition() {
    let rows = [row("a", "A", Some(1)), row("b", "B", Some(5)), row("c", "C", None)];
    let (low, high) = (below(3), below(9));
    assert_eq!(satisfaction(&[&low, &high], &rows, &catalog()), Measure::share(3, 6));
    let each = satisfaction_of_each(&[&low, &high], &rows, &catalog());
    assert_eq!(
        each,
        [("n < 3".to_owned(), Measure::share(1, 3)), ("n < 9".to_owned(), Measure::share(2, 3))]
    );
    assert_eq!(satisfaction(&[], &rows, &catalog()).weight, 0.0);
}

#[test]
fn what_was_asked_for_earlier_and_not_taken_back_is_not_to_be_violated() {
    let rows = [row("a", "A", Some(1)), row("b", "B", Some(5))];
    let mut asked = Constraints::default();
    asked.conditions.push(Asked::new(below(3), "below three", 2, true));
    let at = |asked: &Constraints, turn| earlier_violation(asked, turn, &rows, &catalog());
    assert_eq!(at(&asked, 3), Measure::share(1, 2));
    // In its own turn it is not an earlier one.
    assert_eq!(at(&asked, 2).weight, 0.0);
    asked.dislikes.push(Asked::new("a".to_owned(), "not that", 1, true));
    assert_eq!(at(&asked, 3), Measure::share(2, 2));
    asked.conditions[0].retracted = Some(3);
    assert_eq!(at(&asked, 3), Measure::share(1, 2));
    asked.dislikes[0].retracted = Some(3);
    assert_eq!(at(&asked, 3).weight, 0.0);
    asked.conditions[0] = Asked::new(below(3), "if possible", 1, false);
    assert_eq!(at(&asked, 3).weight, 0.0);
}

#[test]
fn claims_are_tried_on_the_row() {
    let item = |id: &str, n: i64| AnswerItem {
        reference: "#1".to_owned(),
        id: id.to_owned(),
        title: "A".to_owned(),
        fields: [("n".to_owned(), n.into())].into_iter().collect(),
        score: None,
        reason: String::new(),
        contributions: Vec::new(),
        evidence: vec![Support {
            claim: "n < 3".to_owned(),
            field: "n".to_owned(),
            value: Value::Integer(n),
        }],
        row_hash: String::new(),
        steering: Vec::new(),
    };
    let answer = |items, removed_claims| Answer {
        kind: AnswerKind::Recommendation,
        text: String::new(),
        stop: Stop::Passed,
        removed_claims,
        written_by: None,
        removed_items: 0,
        matched: None,
        question: None,
        items,
    };
    let read = |id: &str| (id == "a").then(|| row("a", "A", Some(1)));
    let support = |answer: &Answer| claim_support(answer, read, &catalog());
    assert_eq!(support(&answer(vec![item("a", 1)], 0)), Measure::share(3, 3));
    assert_eq!(support(&answer(vec![item("a", 2)], 2)), Measure::share(1, 5));
    assert_eq!(support(&answer(vec![item("gone", 1)], 0)), Measure::share(0, 3));
    assert_eq!(support(&answer(Vec::new(), 0)).weight, 0.0);
}

#[test]
fn what_is_not_there_or_not_shown_is_hallucinated() {
    let shown = [("h", "Heat"), ("x", "Made Up")];
    let measure = hallucinated_items(&shown, &["HEAT", "Blade Runner"], |id| id == "h");
    assert_eq!(measure, Measure::share(2, 4));
    assert_eq!(hallucinated_items(&[], &[], |_| true).weight, 0.0);
}

#[test]
fn titles_are_found_in_words() {
    let catalog = ["Heat", "Blade Runner", "Blade Runner 2049", "The Old Mill", "Old Mill"];
    let named = |answer, request| named_titles(answer, request, catalog);
    assert_eq!(named("Try “Ran” or Blade Runner 2049, in the heat.", ""), ["Ran", "Blade Runner 2049"]);
    // The user's own words are not the answer's claim, and a part of a word is not a title.
    assert_eq!(named("For \"slow burn\" see *Heat*; not XBlade Runner.", "a burn, slow, film"), ["Heat"]);
    assert_eq!(named("The Old Mill, The Old Mill", ""), ["The Old Mill"]);
    assert!(named("2 * 3 = 6", "").is_empty() && named("“", "").is_empty());
}

#[test]
fn percentiles_are_those_of_numpy() {
    // numpy.percentile([4, 1, 3, 2], [0, 50, 95, 100])
    for (q, value) in [(0.0, 1.0), (0.5, 2.5), (0.95, 3.85), (1.0, 4.0)] {
        assert!((percentile(&[4.0, 1.0, 3.0, 2.0], q).unwrap() - value).abs() < 1e-12);
    }
    assert_eq!(percentile(&[], 0.5), None);
}
