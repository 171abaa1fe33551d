use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Barrier, mpsc};

use serde_json::json;

use super::*;
use crate::testing::{Fake, plan, pool, registry, set_of, snapshot, step, world};
use crate::{Budget, Constraints, Plan, Stop, ToolRole};

/// Carries out a plan; gives the outcome and one line for each call.
fn carry_out(
    tools: Vec<Fake>,
    plan: &Plan,
    change: impl FnOnce(&mut Surroundings<'_>),
) -> (Stop, Vec<String>) {
    let (_folder, snapshot) = snapshot();
    let (world, registry) = (world(), registry(tools));
    let specs = registry.specs(snapshot.catalog());
    let mut around = Surroundings {
        world: &world,
        snapshot: &snapshot,
        registry: &registry,
        specs: &specs,
        shown: Vec::new(),
        approval: None,
        cancellation: Cancellation::default(),
        tape: Tape::default(),
    };
    change(&mut around);
    let mut run = Run::new(plan, &specs, &Constraints::default(), 0, Budget::default());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut told = 0;
    let outcome = runtime.block_on(async {
        let mut executor = Executor::new(around, &[]);
        let mut events = |event| told += usize::from(matches!(event, TurnEvent::CallAnswered { .. }));
        executor.drive(&mut run, &mut events).await
    });
    assert_eq!(told, plan.steps.len(), "every call is answered once, and told once");
    (outcome.stop, run.calls().map(line).collect())
}

fn line(answer: &CallAnswer) -> String {
    let CallAnswer { step, notes, .. } = answer;
    let outcome = match &answer.outcome {
        CallOutcome::Set { handle, count, .. } => format!("{handle} {count}"),
        CallOutcome::Facts(facts) => facts.to_string(),
        CallOutcome::Failed(error) => format!("{}: {error}", error.kind.name()),
    };
    [vec![format!("{step} {outcome}")], notes.clone()].concat().join(" | ")
}

fn all() -> Fake {
    Fake::simple("all", ToolRole::Lexical, |context, _| {
        let items: Vec<_> = pool(context).iter().map(|r| r.ordinal).collect();
        Ok(set_of(context, "all", &items))
    })
}

fn two_alike(tool: &str) -> Plan {
    plan(vec![step("s1", tool, json!({"n": 1}), None), step("s2", tool, json!({"n": 2}), None)])
}

#[test]
fn an_unknown_tool_is_answered_with_the_nearest() {
    let wanted = plan(vec![step("s1", "al", json!({}), None), step("s2", "all", json!({}), None)]);
    let expected = ["s1 unknown_tool: there is no tool `al`; nearest: `all`", "s2 c2 6"];
    assert_eq!(carry_out(vec![all()], &wanted, |_| {}), (Stop::Passed, expected.map(str::to_owned).to_vec()));
}

#[test]
fn a_panic_is_the_failure_of_one_call() {
    let bad = Fake::simple("bad", ToolRole::Dense, |_, _| panic!("no such index"));
    let wanted = plan(vec![
        step("s1", "bad", json!({}), None),
        step("s2", "all", json!({}), Some("s1")),
        step("s3", "all", json!({}), None),
    ]);
    let expected = [
        "s1 internal: the tool panicked: no such index",
        "s2 skipped: skipped because step `s1`, which it depends on, gave no candidate set",
        "s3 c3 6",
    ];
    assert_eq!(carry_out(vec![all(), bad], &wanted, |_| {}).1, expected);
}

#[test]
fn a_call_that_takes_too_long_is_answered_and_told_to_stop() {
    let (ended, has_ended) = mpsc::channel();
    let slow = Fake::new("slow", ToolRole::Dense, move |context, args| {
        let ended = ended.clone();
        Box::pin(async move {
            context.cancellation.cancelled().await;
            ended.send(()).unwrap();
            Ok((args, set_of(context, "slow", &[1])))
        })
    });
    let slow = slow.with(|spec| spec.timeout_ms = 5);
    let wanted = plan(vec![step("s1", "slow", json!({}), None)]);
    let expected = ["s1 timeout: no answer within 5 ms; narrow the call and try again"];
    assert_eq!(carry_out(vec![slow], &wanted, |_| {}), (Stop::Failed, expected.map(str::to_owned).to_vec()));
    assert_eq!(has_ended.recv(), Ok(()), "the thread that was left behind ends by itself");
}

#[test]
fn independent_steps_run_side_by_side_and_are_named_in_the_order_of_the_plan() {
    let meeting = Arc::new(Barrier::new(2));
    let together = Fake::simple("together", ToolRole::Dense, move |context, _| {
        // Nobody gets past this alone.
        meeting.wait();
        Ok(set_of(context, "together", &[0]))
    });
    assert_eq!(carry_out(vec![together], &two_alike("together"), |_| {}).1, ["s1 c1 1", "s2 c2 1"]);
}

#[test]
fn what_is_not_safe_beside_others_runs_alone() {
    let inside = AtomicU32::new(0);
    let alone = Fake::simple("alone", ToolRole::Dense, move |context, _| {
        let others = inside.fetch_add(1, Ordering::SeqCst);
        std::thread::yield_now();
        inside.fetch_sub(1, Ordering::SeqCst);
        assert_eq!(others, 0);
        Ok(set_of(context, "alone", &[0]))
    });
    let alone = alone.with(|spec| spec.parallel_safe = false);
    assert_eq!(carry_out(vec![alone], &two_alike("alone"), |_| {}).1, ["s1 c1 1", "s2 c2 1"]);
}

#[test]
fn what_changes_something_needs_approval() {
    let write = || {
        let tool = Fake::simple("write", ToolRole::Other, |_, _| Ok(ToolOutput::Facts(json!("written"))));
        tool.with(|spec| spec.effect = Effect::Writes)
    };
    let denied = "s1 denied: `write` changes something and was not approved".to_owned();
    let wanted = plan(vec![step("s1", "write", json!({}), None)]);
    assert_eq!(carry_out(vec![write()], &wanted, |_| {}), (Stop::Failed, vec![denied]));
    let given = |around: &mut Surroundings<'_>| around.approval = Some(Arc::new(|_| Consent::Given));
    assert_eq!(carry_out(vec![write()], &wanted, given), (Stop::Passed, vec!["s1 \"written\"".to_owned()]));
}

#[test]
fn the_same_call_is_made_once() {
    let made = Arc::new(AtomicU32::new(0));
    let counted = made.clone();
    let counting = Fake::simple("count", ToolRole::Dense, move |context, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(set_of(context, "count", &[2, 3]))
    });
    let wanted = plan(vec![
        step("s1", "count", json!({"q": "x"}), None),
        step("s2", "count", json!({"q": "x"}), None),
        step("s3", "all", json!({"sets": ["s1"]}), None),
        step("s4", "all", json!({"sets": ["s2"]}), None),
    ]);
    let expected = [
        "s1 c1 2",
        "s2 c1 2 | the same call as step `s1`: its answer is given again",
        "s3 c3 6",
        "s4 c3 6 | the same call as step `s3`: its answer is given again",
    ];
    assert_eq!(carry_out(vec![counting, all()], &wanted, |_| {}).1, expected);
    assert_eq!(made.load(Ordering::SeqCst), 1);
}

#[test]
fn nothing_comes_back_from_outside_the_pool() {
    let leak = Fake::simple("leak", ToolRole::Dense, |context, _| Ok(set_of(context, "leak", &[0, 1, 2])));
    let few = Fake::simple("few", ToolRole::Dense, |context, _| Ok(set_of(context, "few", &[1])));
    let wanted = plan(vec![step("s1", "few", json!({}), None), step("s2", "leak", json!({}), Some("s1"))]);
    let expected = ["s1 c1 1", "s2 internal: the tool returned 2 items from outside `c1`"];
    assert_eq!(carry_out(vec![leak, few], &wanted, |_| {}).1, expected);
}

#[test]
fn a_set_that_is_not_there_is_named() {
    let wanted = plan(vec![step("s1", "all", json!({}), Some("c9"))]);
    assert_eq!(carry_out(vec![all()], &wanted, |_| {}).1, ["s1 unknown_set: there is no candidate set `c9`"]);
}

#[test]
fn a_fusion_goes_on_without_the_search_that_failed() {
    let bad =
        Fake::simple("bad", ToolRole::Dense, |_, _| Err(ToolError::new(ErrorKind::Unsupported, "no index")));
    let fuse = Fake::simple("fuse", ToolRole::Fuse, |context, args| {
        assert_eq!(*args, json!({"sets": ["s2"], "weights": [0.25]}));
        Ok(set_of(context, "fuse", &[1, 0]))
    });
    let wanted = plan(vec![
        step("s1", "bad", json!({}), None),
        step("s2", "all", json!({}), None),
        step("s3", "fuse", json!({"sets": ["s1", "s2"], "weights": [0.75, 0.25]}), None),
    ]);
    let expected = ["s1 unsupported: no index", "s2 c2 6", "s3 c3 2"].map(str::to_owned).to_vec();
    assert_eq!(carry_out(vec![bad, all(), fuse], &wanted, |_| {}), (Stop::Passed, expected));
}

#[test]
fn a_turn_that_is_cancelled_answers_the_rest_at_once() {
    let flag = Cancellation::default();
    let raise = flag.clone();
    let stuck = Fake::new("stuck", ToolRole::Dense, move |context, args| {
        raise.cancel();
        Box::pin(async move {
            context.cancellation.cancelled().await;
            Ok((args, set_of(context, "stuck", &[0])))
        })
    });
    let wanted = plan(vec![
        step("s1", "all", json!({}), None),
        step("s2", "stuck", json!({}), Some("s1")),
        step("s3", "all", json!({"n": 3}), Some("s2")),
    ]);
    let (stop, calls) = carry_out(vec![all(), stuck], &wanted, |around| around.cancellation = flag);
    assert_eq!((stop, calls[0].as_str()), (Stop::Cancelled, "s1 c1 6"));
    assert_eq!(calls[2], "s3 cancelled: the call was cancelled");
}
