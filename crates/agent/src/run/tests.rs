use std::sync::LazyLock;

use proptest::prelude::*;
use segue_catalog::{ConditionCount, Diagnosis, Operator, Relaxation};
use serde_json::json;

use super::*;
use crate::Asked;
use crate::testing::{Fake, filter, order, plan, registry, set_of, snapshot, step};

fn specs() -> Vec<ToolSpec> {
    static SPECS: LazyLock<Vec<ToolSpec>> = LazyLock::new(|| {
        let (_folder, snapshot) = snapshot();
        let fuse = Fake::simple("fuse", ToolRole::Fuse, |context, _| Ok(set_of(context, "fuse", &[])));
        registry(vec![filter(), order(), fuse]).specs(snapshot.catalog())
    });
    SPECS.clone()
}

fn genre(value: &str) -> Predicate {
    Predicate::field("genre", Operator::Eq, value)
}

/// "A" is insisted on, "B" and "C" are wishes.
fn constraints() -> Constraints {
    let asked = |value: &str, hard| Asked::new(genre(value), value, 1, hard);
    Constraints {
        conditions: vec![asked("A", true), asked("B", false), asked("C", false)],
        ..Constraints::default()
    }
}

fn found(call: &ToolCall, count: u64) -> CallAnswer {
    let outcome = CallOutcome::Set { handle: call.handle.clone(), count, top: Vec::new(), diagnosis: None };
    CallAnswer { outcome, ..CallAnswer::failed(call, ToolError::internal(""), 1.0) }
}

/// An empty set whose diagnosis counts one item without each of the conditions.
fn empty(call: &ToolCall) -> CallAnswer {
    let parts = match serde_json::from_value(call.args["where"].clone()).unwrap() {
        Predicate::All { all } => all,
        one => vec![one],
    };
    let relaxations =
        (0..parts.len()).map(|condition| Relaxation { condition, instead: None, count: 1 }).collect();
    let conditions = parts.into_iter().map(|condition| ConditionCount { condition, count: 1 }).collect();
    let diagnosis = Some(Diagnosis { conditions, conflict: Vec::new(), relaxations });
    let outcome = CallOutcome::Set { handle: call.handle.clone(), count: 0, top: Vec::new(), diagnosis };
    CallAnswer { outcome, ..found(call, 0) }
}

/// Runs to the end; `answer` says what comes of each call, `feed` in which order and with what in between.
fn finish(
    mut run: Run,
    answer: impl Fn(&ToolCall) -> CallAnswer,
    mut between: impl FnMut(Run, &mut Vec<ToolCall>) -> Run,
) -> (Outcome, Plan, Vec<CallAnswer>) {
    let mut under_way = Vec::new();
    loop {
        match run.next(Duration::ZERO) {
            Next::CallTools(calls) => under_way.extend(calls),
            Next::Wait => {
                let call = under_way.remove(0);
                run.feed(answer(&call));
                run = between(run, &mut under_way);
            }
            Next::Done(outcome) => return (outcome, run.plan(), run.calls().cloned().collect()),
        }
    }
}

fn filtered(values: &[&str]) -> Step {
    let all = values.iter().map(|v| genre(v)).collect();
    step("s1", "keep", json!({"where": Predicate::All { all }}), None)
}

fn wishes_given_up(steps: Vec<Step>, repairs: u32) -> (Stop, Vec<String>, Vec<String>) {
    let budget = Budget { repairs, ..Budget::default() };
    let run = Run::new(&plan(steps), &specs(), &constraints(), 4, budget);
    let until_one = |call: &ToolCall| {
        let parts = call.args["where"]["all"].as_array().map_or(0, Vec::len);
        if call.tool == "keep" && parts > 1 { empty(call) } else { found(call, 3) }
    };
    let (outcome, plan, _) = finish(run, until_one, |run, _| run);
    let steps = plan.steps.iter().map(|s| format!("{} {} within {:?}", s.id, s.args, s.within));
    (outcome.stop, outcome.relaxed.iter().map(|r| r.condition.to_string()).collect(), steps.collect())
}

#[test]
fn an_empty_filter_gives_up_wishes_one_at_a_time_and_never_what_is_insisted_on() {
    let ordered = step("s2", "order", json!({}), Some("s1"));
    let (stop, relaxed, steps) = wishes_given_up(vec![filtered(&["A", "B", "C"]), ordered.clone()], 3);
    assert_eq!((stop, relaxed), (Stop::Passed, vec!["genre = B".to_owned(), "genre = C".to_owned()]));
    assert_eq!(
        steps,
        [
            r#"s1 {"where":{"all":[{"field":"genre","op":"eq","value":"A"},{"field":"genre","op":"eq","value":"B"},{"field":"genre","op":"eq","value":"C"}]}} within None"#,
            r#"s1r {"where":{"all":[{"field":"genre","op":"eq","value":"A"},{"field":"genre","op":"eq","value":"C"}]}} within None"#,
            r#"s1rr {"where":{"all":[{"field":"genre","op":"eq","value":"A"}]}} within None"#,
            r#"s2 {} within Some("s1rr")"#,
        ]
    );
    // Only the budget's share of repairs is made.
    let (_, relaxed, _) = wishes_given_up(vec![filtered(&["A", "B", "C"]), ordered], 1);
    assert_eq!(relaxed, ["genre = B"]);
    let (stop, relaxed, steps) = wishes_given_up(vec![filtered(&["A", "D"])], 3);
    assert_eq!((stop, relaxed, steps.len()), (Stop::Empty, vec![], 1));
}

#[test]
fn when_the_budget_is_used_up_the_best_so_far_is_kept() {
    let steps = vec![filtered(&["A"]), step("s2", "order", json!({}), Some("s1"))];
    let kinds = |budget, spent| {
        let mut run = Run::new(&plan(steps.clone()), &specs(), &constraints(), 0, budget);
        if let Next::CallTools(calls) = run.next(Duration::ZERO) {
            for call in &calls {
                run.feed(found(call, 2));
            }
        }
        let Next::Done(outcome) = run.next(spent) else { panic!("there is nothing left to call") };
        (outcome.stop, outcome.step, run.calls().map(|c| c.error().map(|e| e.kind)).collect::<Vec<_>>())
    };
    let expected = (Stop::Budget, Some("s1".to_owned()), vec![None, Some(ErrorKind::Budget)]);
    assert_eq!(kinds(Budget { calls: 1, ..Budget::default() }, Duration::ZERO), expected);
    assert_eq!(kinds(Budget::default(), Duration::from_secs(61)), expected);
}

#[test]
fn a_circle_is_answered_too() {
    let steps = vec![step("s1", "order", json!({}), Some("s2")), step("s2", "order", json!({}), Some("s1"))];
    let run = Run::new(&plan(steps), &specs(), &constraints(), 0, Budget::default());
    let (outcome, _, calls) = finish(run, |call| found(call, 1), |run, _| run);
    assert_eq!((outcome.stop, calls.len()), (Stop::Failed, 2));
}

/// Plans over filters, orders and fusions, and what comes of each step.
fn any_run() -> impl Strategy<Value = (Run, Vec<u8>)> {
    let sets = prop::collection::vec(any::<prop::sample::Index>(), 1..3);
    let drawn = prop::collection::vec((0..3_u8, any::<prop::sample::Index>(), sets), 1..8);
    (drawn, prop::collection::vec(0..4_u8, 24)).prop_map(|(drawn, fates)| {
        let name = |i: usize| format!("s{}", i + 1);
        let steps = drawn.into_iter().enumerate().map(|(at, (tool, within, sets))| {
            let earlier = |i: prop::sample::Index| if at == 0 { "c1".to_owned() } else { name(i.index(at)) };
            match tool {
                0 => Step {
                    id: name(at),
                    within: (at % 2 == 1).then(|| earlier(within)),
                    ..filtered(&["A", "B", "C"])
                },
                1 => step(&name(at), "order", json!({}), Some(&earlier(within))),
                _ => {
                    let sets: Vec<_> = sets.into_iter().map(earlier).collect();
                    step(&name(at), "fuse", json!({"sets": sets}), None)
                }
            }
        });
        let plan = plan(steps.collect());
        (Run::new(&plan, &specs(), &constraints(), 1, Budget::default()), fates)
    })
}

fn by_fate(fates: &[u8]) -> impl Fn(&ToolCall) -> CallAnswer {
    move |call| {
        let number: usize = call.handle.0.bytes().map(usize::from).sum();
        match fates[number % fates.len()] {
            0 => CallAnswer::failed(call, ToolError::internal("fate"), 1.0),
            1 if call.tool == "keep" => empty(call),
            other => found(call, u64::from(other)),
        }
    }
}

proptest! {
    #[test]
    fn a_run_that_is_written_out_and_read_back_at_every_step_ends_the_same((run, fates) in any_run()) {
        let through = finish(run.clone(), by_fate(&fates), |run, _| run);
        let resumed = finish(run, by_fate(&fates), |run, under_way| {
            // Calls under way are lost with the process, and asked for again.
            under_way.clear();
            serde_json::from_str(&serde_json::to_string(&run).unwrap()).unwrap()
        });
        prop_assert_eq!(&through, &resumed);
        prop_assert_eq!(through.1.steps.len(), through.2.len(), "every call is answered");
    }

    #[test]
    fn how_a_run_ends_does_not_depend_on_which_call_is_faster((run, fates) in any_run(), turn in 0..8_usize) {
        let first_come = finish(run.clone(), by_fate(&fates), |run, _| run);
        let shuffled = finish(run, by_fate(&fates), |run, under_way| {
            let n = under_way.len().max(1);
            under_way.rotate_left(turn % n);
            run
        });
        prop_assert_eq!(first_come, shuffled);
    }
}
