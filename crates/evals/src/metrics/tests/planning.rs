use segue_agent::{Plan, Step};
use segue_catalog::Predicate;
use serde_json::json;

use crate::Measure;
use crate::metrics::planning::*;

fn read(json: serde_json::Value) -> Vec<Predicate> {
    serde_json::from_value(json).unwrap()
}

#[test]
fn arguments_are_counted_by_condition() {
    let asked = read(json!([
        {"field": "genre", "op": "eq", "value": "Drama"}, {"field": "runtime", "op": "lt", "value": 120},
        {"not": {"field": "country", "op": "in", "value": ["France", "Spain"]}}]));
    let held = read(json!([{"all": [
        {"field": "genre", "op": "in", "value": ["drama"]}, {"field": "runtime", "op": "le", "value": 120},
        {"field": "country", "op": "ne", "value": "Spain"}, {"field": "year", "op": "ge", "value": 1990}]}]));
    // Genre, and one of the two countries; the bound and the year were not asked for.
    assert_eq!(arguments(&asked, &held, None), Measure::share(2, 4));
    assert_eq!(unasked_arguments(&asked, &held, None), Measure::share(2, 4));
    assert_eq!(arguments(&asked, &asked, None), Measure::share(4, 4));
    assert_eq!(arguments(&[], &held, None).weight, 0.0);
    assert_eq!(unasked_arguments(&asked, &[], None).weight, 0.0);
}

#[test]
fn tools_are_a_set() {
    let of = |expected: &[&str], actual: &[&str]| {
        let ToolSet { precision, recall, f1 } = tool_set(expected, actual);
        (precision.value, recall.value, f1.value)
    };
    assert_eq!(of(&["a", "b"], &["b", "c", "d", "b"]), (1.0 / 3.0, 0.5, 0.4));
    assert_eq!(of(&["a"], &["a"]), (1.0, 1.0, 1.0));
    assert_eq!(of(&["a"], &[]), (0.0, 0.0, 0.0));
    assert_eq!(of(&[], &[]), (1.0, 1.0, 1.0));
    assert_eq!(of(&[], &["a"]), (0.0, 1.0, 0.0));
}

#[test]
fn order_is_that_of_the_calls_that_both_have() {
    let tau = |expected: &[&str], actual: &[&str]| order_tau(expected, actual);
    assert_eq!(tau(&["a", "b", "c"], &["a", "x", "b", "c"]), Measure::one(1.0));
    assert_eq!(tau(&["a", "b", "c"], &["c", "b", "a"]), Measure::one(-1.0));
    assert_eq!(tau(&["a", "b", "c"], &["b", "a", "c"]), Measure::one(1.0 / 3.0));
    // The second call of a tool is that of the other's second.
    assert_eq!(tau(&["a", "b", "a"], &["a", "a", "b"]), Measure::one(1.0 / 3.0));
    assert_eq!(tau(&["a", "b"], &["a", "c"]).weight, 0.0);
    assert_eq!(order_exact(&["a", "b"], &["a", "b"]).value, 1.0);
    assert_eq!(order_exact(&["a", "b"], &["b", "a"]).value, 0.0);
}

#[test]
fn calls_are_right_with_all_their_arguments() {
    let call = |tool: &str, args| Call { tool: tool.to_owned(), args };
    let condition = |v: f64| json!({"where": {"all": [{"field": "year", "op": "between", "value": [v, v]}]}});
    let expected = [
        call("filter", json!({"where": {"field": "year", "op": "eq", "value": 1999}})),
        call("search", json!({"query": "Heat", "k": 10})),
    ];
    let accuracy = |actual: &[Call]| call_accuracy(&expected, actual, None);
    let right = [
        call("search", json!({"k": 10.0, "query": "heat", "within": null})),
        call("filter", condition(1999.0)),
    ];
    assert_eq!(accuracy(&right), Measure::share(2, 2));
    assert_eq!(accuracy(&[right[0].clone(), call("filter", condition(1998.0))]), Measure::share(1, 3));
    // The same call twice is one too many.
    assert_eq!(accuracy(&[right[0].clone(), right[0].clone(), right[1].clone()]), Measure::share(2, 3));
    assert_eq!(accuracy(&[]), Measure::share(0, 2));
    assert_eq!(call_accuracy(&[], &[], None), Measure::share(1, 1));
    assert!(!equal(&json!({"a": 1}), &json!({"a": "1"}), None));
    assert!(equal(&json!(null), &json!({}), None) && !equal(&json!([1, 2]), &json!([2, 1]), None));
}

#[test]
fn a_plan_is_valid_if_nothing_of_it_is_wrong() {
    let step = |id: &str| Step { id: id.to_owned(), tool: "none".to_owned(), args: json!({}), within: None };
    assert_eq!(plan_validity(&Plan::default(), &[], &[], &[]).value, 1.0);
    assert_eq!(plan_validity(&Plan { steps: vec![step("s1")] }, &[], &[], &[]).value, 0.0);
}
