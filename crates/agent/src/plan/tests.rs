use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::testing::{filter, order, plan, registry, snapshot, step};

fn specs() -> Vec<ToolSpec> {
    static SPECS: LazyLock<Vec<ToolSpec>> = LazyLock::new(|| {
        let (_folder, snapshot) = snapshot();
        registry(vec![filter(), order()]).specs(snapshot.catalog())
    });
    SPECS.clone()
}

fn errors(steps: Vec<Step>) -> Vec<String> {
    plan(steps).validate(&specs(), &["c1"]).iter().map(ToString::to_string).collect()
}

#[test]
fn each_error_says_what_would_be_right() {
    let cases: [(Vec<Step>, &[&str]); 8] = [
        (vec![step("s1", "keep", json!({}), Some("c1")), step("s2", "order", json!({}), Some("s1"))], &[]),
        (vec![step("", "keep", json!({}), None)], &["a step has no `id`; name it, as in `s1`"]),
        (
            vec![step("s1", "keep", json!({}), None), step("s1", "keep", json!({}), None)],
            &["two steps are named `s1`; give each its own `id`"],
        ),
        (
            vec![step("c1", "keep", json!([]), None)],
            &[
                "`c1` is the name of a candidate set already; name the step otherwise",
                "the `args` of step `c1` are not an object; write them as `{\"name\": value}`",
            ],
        ),
        (
            vec![step("s1", "ordr", json!({}), None)],
            &["step `s1` calls `ordr`, and there is no such tool; nearest: `order`, `keep`"],
        ),
        (
            vec![step("s1", "keep", json!({"sets": ["s1"]}), None)],
            &["step `s1` depends on itself; name an earlier step"],
        ),
        (
            vec![step("s1", "keep", json!({}), Some("s2")), step("s2", "keep", json!({}), Some("s1"))],
            &["step `s1` depends on `s2`, which comes later; put `s2` first"],
        ),
        (
            vec![step("s1", "keep", json!({}), None), step("s2", "keep", json!({"sets": "s7"}), Some("c2"))],
            &[
                "step `s2` depends on `c2`, which is neither an earlier step nor a known set; nearest: `c1`, `s1`",
                "step `s2` depends on `s7`, which is neither an earlier step nor a known set; nearest: `s1`, `c1`",
            ],
        ),
    ];
    for (steps, expected) in cases {
        assert_eq!(errors(steps), expected);
    }
}

#[test]
fn the_schema_follows_the_tools() {
    let mut specs = specs();
    specs.truncate(1);
    specs[0].schema = json!({
        "$schema": "x", "type": "object", "properties": {"where": {"$ref": "#/$defs/Predicate"}},
        "$defs": {"Predicate": {"anyOf": [{"$ref": "#/$defs/Predicate"}]}},
    });
    let schema = Plan::schema(&specs);
    let args = schema.pointer("/properties/steps/items/anyOf/0/properties/args").unwrap();
    let moved = json!({"$ref": "#/$defs/keep.Predicate"});
    assert_eq!(*args, json!({"type": "object", "properties": {"where": moved}}));
    assert_eq!(schema["$defs"], json!({"keep.Predicate": {"anyOf": [moved]}}));
}

/// Plans whose every step depends on any of the steps before it.
fn any_plan() -> impl Strategy<Value = Plan> {
    let step = (
        any::<prop::sample::Index>(),
        prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        any::<bool>(),
    );
    prop::collection::vec(step, 1..9).prop_map(|drawn| {
        let name = |i: usize| format!("s{}", i + 1);
        let steps = drawn.into_iter().enumerate().map(|(at, (within, sets, alone))| {
            let earlier = |i: prop::sample::Index| name(i.index(at.max(1)));
            let free = at == 0 || alone;
            let sets: Vec<_> = if at == 0 { Vec::new() } else { sets.into_iter().map(earlier).collect() };
            Step {
                id: name(at),
                tool: if at % 2 == 0 { "keep" } else { "order" }.to_owned(),
                args: json!({"sets": sets}),
                within: (!free).then(|| earlier(within)),
            }
        });
        Plan { steps: steps.collect() }
    })
}

proptest! {
    #[test]
    fn waves_hold_every_step_once_and_after_what_it_needs(plan in any_plan()) {
        let specs = specs();
        prop_assert_eq!(plan.validate(&specs, &[]), []);
        let waves = plan.waves(&specs);
        let mut order: Vec<usize> = waves.concat();
        let wave_of = |step: usize| waves.iter().position(|w| w.contains(&step));
        for (step, needs) in plan.dependencies(&specs).into_iter().enumerate() {
            // In the first wave that it can be in.
            prop_assert_eq!(wave_of(step), needs.into_iter().map(|n| wave_of(n).map(|w| w + 1)).max().unwrap_or(Some(0)));
        }
        order.sort_unstable();
        prop_assert_eq!(order, (0..plan.steps.len()).collect::<Vec<_>>());
    }

    #[test]
    fn a_plan_in_any_other_order_is_refused(plan in any_plan(), at in any::<prop::sample::Index>()) {
        let specs = specs();
        let mut moved = plan.clone();
        let step = moved.steps.remove(at.index(plan.steps.len()));
        let needed = moved.steps.iter().any(|s| s.references(&specs[0].set_args).any(|n| n == step.id));
        moved.steps.push(step);
        prop_assert_eq!(moved.validate(&specs, &[]).is_empty(), !needed);
    }
}
