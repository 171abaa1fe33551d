use std::collections::VecDeque;

use segue_catalog::{Direction, Operator, Predicate};
use serde_json::json;

use super::*;
use crate::testing::{Fake, filter, order, plan, registry, set_of, snapshot, snapshot_of, step, world};
use crate::{Approval, Asked, Intent, OrderBy, SessionStore, Stop, ToolRole, Understood};
use segue_world::World;

fn agent(extra: Vec<Fake>) -> (tempfile::TempDir, Agent) {
    let (folder, snapshot) = snapshot();
    let mut tools = vec![filter(), order()];
    tools.extend(extra);
    (folder, Agent::new(world(), snapshot, registry(tools)))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn reading(constraints: Constraints, intent: Intent) -> Reading {
    Reading {
        understood: Vec::new(),
        not_understood: Vec::new(),
        described: Vec::new(),
        constraints,
        intent,
        absent: Vec::new(),
        left: Vec::new(),
        open: Vec::new(),
        question: None,
    }
}

fn search(conditions: &[(&str, Predicate, bool)]) -> Reading {
    let asked = |(text, what, hard): &(&str, Predicate, bool)| Asked::new(what.clone(), text, 1, *hard);
    let newest = OrderBy { field: "year".to_owned(), direction: Direction::Descending };
    let constraints = Constraints {
        conditions: conditions.iter().map(asked).collect(),
        orders: vec![Asked::new(newest, "newest", 1, false)],
        ..Constraints::default()
    };
    reading(constraints, Intent::Search)
}

fn long() -> Predicate {
    Predicate::field("runtime", Operator::Ge, 90)
}

fn genre(value: &str) -> Predicate {
    Predicate::field("genre", Operator::Eq, value)
}

fn respond(agent: &Agent, session: &mut Session, reading: Reading) -> (TurnReport, Vec<TurnEvent>) {
    let mut events = Vec::new();
    let options = TurnOptions::default();
    let mut tell = |event| events.push(event);
    let report = runtime()
        .block_on(agent.respond(
            session,
            "so",
            Planned::by_rules(reading),
            &options,
            Duration::ZERO,
            &mut tell,
        ))
        .unwrap();
    (report, events)
}

fn text(report: &TurnReport) -> &str {
    &report.answer.as_ref().unwrap().text
}

#[test]
fn an_answer_says_how_many_fit_how_they_are_ordered_and_why_each_is_there() {
    let (_folder, agent) = agent(Vec::new());
    let mut session = Session::in_memory(world().as_ref());
    let mut asked =
        search(&[("an hour and a half", long(), true), ("no horror", genre("Horror").negate(), true)]);
    asked.absent = vec!["The Short Walk".to_owned()];
    asked.not_understood = vec!["fluffy".to_owned()];
    let (report, events) = respond(&agent, &mut session, asked);
    let answer = report.answer.as_ref().unwrap();
    assert_eq!(
        answer.text,
        "3 of 6 films satisfy “an hour and a half” (runtime ≥ 90) and “no horror” (not genre = Horror). \
         Ordered by `year`, highest first. “The Short Walk” is not in the catalogue; nothing was put in its place. \
         Not understood: “fluffy”. Planned by `rules`, without a language model."
    );
    assert_eq!(
        (answer.stop, answer.matched, answer.removed_claims, answer.removed_items),
        (Stop::Passed, Some(3), 0, 0)
    );
    let lines: Vec<_> =
        answer.items.iter().map(|i| [&i.reference, &i.id, &i.reason].map(String::as_str)).collect();
    assert_eq!(
        lines,
        [
            ["#1", "t4", "runtime 117 minutes · genre Thriller · year 2011"],
            ["#2", "t3", "runtime 95 minutes · genre Comedy, Drama · year 1999"],
            ["#3", "t1", "runtime 150 minutes · genre Drama · year 1994"],
        ]
    );
    let first = serde_json::to_value(&answer.items[0]).unwrap();
    assert_eq!(
        first,
        json!({
            "ref": "#1", "id": "t4", "title": "Red Harbour",
            "fields": {"id": "t4", "title": "Red Harbour", "genre": ["Thriller"], "year": 2011, "runtime": 117, "score": 7.9},
            "score": 2011.0,
            "reason": "runtime 117 minutes · genre Thriller · year 2011",
            "contributions": [
                {"step": "s2", "tool": "order", "score": 2011.0, "rank": 1},
                {"step": "s1", "tool": "keep", "score": null, "rank": null},
            ],
            "evidence": [
                {"claim": "runtime ≥ 90", "field": "runtime", "value": 117},
                {"claim": "not genre = Horror", "field": "genre", "value": ["Thriller"]},
                {"claim": "year 2011", "field": "year", "value": 2011},
            ],
            "row_hash": "0000000000000003",
        })
    );
    let kinds: Vec<_> = events.iter().map(|e| serde_json::to_value(e).unwrap()["event"].clone()).collect();
    assert_eq!(
        json!(kinds),
        json!([
            "understood",
            "planned",
            "call_started",
            "call_answered",
            "call_started",
            "call_answered",
            "text",
            "text",
            "text",
            "text",
            "text",
            "item",
            "item",
            "item",
            "done"
        ])
    );
    assert_eq!((session.turns, session.shown.len(), session.handles), (1, 3, 2));
}

#[test]
fn nothing_found_is_explained_and_ways_out_are_offered() {
    let (_folder, agent) = agent(Vec::new());
    let mut session = Session::in_memory(world().as_ref());
    let asked = search(&[("long", long(), true), ("horror", genre("Horror"), true)]);
    let (report, _) = respond(&agent, &mut session, asked);
    assert_eq!(
        text(&report),
        "No film satisfies “long” (runtime ≥ 90) and “horror” (genre = Horror). Each alone: “long” (runtime ≥ 90) 3, \
         “horror” (genre = Horror) 1. No film has “long” (runtime ≥ 90) and “horror” (genre = Horror) at once. \
         What would help: without “horror” (genre = Horror) (3); without “long” (runtime ≥ 90) (1). \
         Planned by `rules`, without a language model."
    );
    assert_eq!(report.answer.unwrap().stop, Stop::Empty);
}

#[test]
fn an_item_that_violates_a_condition_is_removed_and_counted() {
    let (_folder, snapshot) = snapshot();
    let careless =
        Fake::simple("keep", ToolRole::Filter, |context, _| Ok(set_of(context, "keep", &[1, 3, 0])));
    let agent = Agent::new(world(), snapshot, registry(vec![careless]));
    let mut session = Session::in_memory(world().as_ref());
    let (report, _) = respond(&agent, &mut session, search(&[("long", long(), true)]));
    let answer = report.answer.unwrap();
    let ids: Vec<_> = answer.items.iter().map(|i| i.id.as_str()).collect();
    assert_eq!((ids, answer.removed_items), (vec!["t4", "t1"], 1));
}

#[test]
fn a_sentence_that_does_not_hold_is_removed_and_counted() {
    let (_folder, snapshot) = snapshot();
    let careless =
        Fake::simple("order", ToolRole::Order, |context, _| Ok(set_of(context, "order", &[0, 3, 1])));
    let agent = Agent::new(world(), snapshot, registry(vec![careless]));
    let mut session = Session::in_memory(world().as_ref());
    let (report, _) = respond(&agent, &mut session, search(&[]));
    let answer = report.answer.unwrap();
    assert_eq!(
        (answer.text.as_str(), answer.removed_claims),
        ("Planned by `rules`, without a language model.", 1)
    );
}

#[test]
fn counting_describing_explaining_and_starting_anew() {
    let (_folder, agent) = agent(Vec::new());
    let mut session = Session::in_memory(world().as_ref());
    let asked = search(&[("long", long(), true)]);
    respond(&agent, &mut session, asked.clone());
    let mut told = Vec::new();
    let again = |intent| reading(asked.constraints.clone(), intent);
    for intent in [
        Intent::Count,
        Intent::Describe(vec!["t3".to_owned(), "t2".to_owned()]),
        Intent::Why("t4".to_owned()),
        Intent::Why("t5".to_owned()),
        Intent::Reset,
    ] {
        let (report, _) = respond(&agent, &mut session, again(intent));
        let answer = report.answer.unwrap();
        let items: Vec<_> = answer.items.iter().map(|i| format!("\n{} {}", i.reference, i.reason)).collect();
        let words = answer.text.replace(" Planned by `rules`, without a language model.", "");
        told.push(format!("{}{}", words, items.concat()));
    }
    assert_eq!(
        told,
        [
            "3 of 6 films satisfy “long” (runtime ≥ 90).",
            "What the catalogue knows of Paper Moons and Night Bus:\
             \n#2 genre Comedy, Drama · year 1999 · runtime 95 minutes · score 7.4\
             \n#4 genre Horror, Thriller · year 2003 · runtime 88 minutes · score 5.9",
            "Red Harbour was #1 in turn 1, for “so”. \
             What its row shows: runtime ≥ 90 (its runtime is 117); year 2011 (its year is 2011). \
             Where the searches put it: no. 1 by `order` (score 2011.0000).\
             \n#1 runtime 117 minutes · year 2011",
            "That item was not recommended in this conversation, so there is nothing to explain.",
            "What was asked so far is forgotten.",
        ]
    );
    assert_eq!((session.turns, session.shown.len()), (6, 0));
}

#[test]
fn a_turn_is_on_the_disk_before_any_of_the_reply_is_told() {
    let (folder, agent) = agent(Vec::new());
    let path = folder.path().join("sessions.db");
    let store = Arc::new(SessionStore::open(&path, world()).unwrap());
    let mut session = store.create();
    let id = session.id.clone();
    let mut stored = VecDeque::new();
    let mut tell = |event| match event {
        TurnEvent::Text { .. } | TurnEvent::Item { .. } => {
            stored.push_back(store.read(&id).map(|t| t.len()).ok());
        }
        _ => {}
    };
    let options = TurnOptions::default();
    let asked = search(&[("long", long(), true)]);
    let report = runtime().block_on(agent.respond(
        &mut session,
        "so",
        Planned::by_rules(asked),
        &options,
        Duration::ZERO,
        &mut tell,
    ));
    assert_eq!(stored, [Some(1); 6]);
    assert_eq!(store.resume(&id).unwrap().last.map(|r| *r), report.ok());
}

#[test]
fn a_plan_by_itself_changes_nothing() {
    let (_folder, agent) = agent(Vec::new());
    let mut session = Session::in_memory(world().as_ref());
    let options = TurnOptions { plan_only: true, ..TurnOptions::default() };
    let asked = search(&[("long", long(), true)]);
    let report = runtime()
        .block_on(agent.respond(
            &mut session,
            "so",
            Planned::by_rules(asked),
            &options,
            Duration::ZERO,
            &mut |_| {},
        ))
        .unwrap();
    assert_eq!((report.plan.steps.len(), report.answer, session.turns), (2, None, 0));
}

#[test]
fn a_cancelled_turn_is_kept_and_the_session_goes_on() {
    let (_folder, agent) = agent(Vec::new());
    let mut session = Session::in_memory(world().as_ref());
    let options = TurnOptions::default();
    options.cancellation.cancel();
    let asked = search(&[("long", long(), true)]);
    let report = runtime()
        .block_on(agent.respond(
            &mut session,
            "so",
            Planned::by_rules(asked.clone()),
            &options,
            Duration::ZERO,
            &mut |_| {},
        ))
        .unwrap();
    assert_eq!((report.answer.as_ref().unwrap().stop, session.turns), (Stop::Cancelled, 1));
    assert_eq!(
        text(&report),
        "The turn was stopped before anything was found. Planned by `rules`, without a language model."
    );
    let (report, _) = respond(&agent, &mut session, asked);
    assert_eq!((report.turn, report.answer.unwrap().items.len()), (2, 3));
}

#[test]
fn a_report_is_the_documented_json() {
    let (_folder, agent) = agent(Vec::new());
    let mut session = Session::in_memory(world().as_ref());
    let mut asked = search(&[("long", long(), true)]);
    let meaning = "at least 90 minutes".to_owned();
    asked.understood =
        vec![Understood { text: "long".to_owned(), predicate: Some(long()), meaning, hard: true }];
    let (report, _) = respond(&agent, &mut session, asked);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!((&json["planner"], &json["model"], &json["turn"]), (&json!("rules"), &json!(null), &json!(1)));
    let (session, fingerprint) = (json["session"].as_str().unwrap(), json["fingerprint"].as_str().unwrap());
    assert_eq!((session.len(), fingerprint.len()), (8, 16));
    assert_eq!(json["understood"][0]["predicate"], json!({"field": "runtime", "op": "ge", "value": 90}));
    assert_eq!(json["plan"]["steps"][0]["within"], json!(null));
    let call = &json["calls"][0];
    let told = ["step", "tool", "ok", "handle", "count", "error"].map(|key| call[key].clone());
    assert_eq!(json!(told), json!(["s1", "keep", true, "c1", 3, null]));
    assert!(call["ms"].is_number() && json["usage"]["ms"].is_number());
    assert_eq!(json["answer"]["kind"], json!("recommendation"));
    assert_eq!(serde_json::from_value::<TurnReport>(json).unwrap(), report);
}

#[test]
fn a_plan_is_carried_out_without_a_conversation() {
    let (_folder, agent) = agent(Vec::new());
    let run = |steps| runtime().block_on(agent.execute(&plan(steps), 1));
    let execution = run(vec![
        step("s1", "keep", json!({"where": long()}), None),
        step("s2", "order", json!({"by": "year", "direction": "ascending"}), Some("s1")),
    ]);
    let execution = serde_json::to_value(execution.unwrap()).unwrap();
    assert_eq!((&execution["handle"], &execution["count"]), (&json!("c2"), &json!(3)));
    assert_eq!(execution["items"][0]["id"], json!("t1"));
    assert_eq!(run(Vec::new()).unwrap_err().to_string(), AgentError::EmptyPlan.to_string());
    assert_eq!(
        run(vec![step("s1", "kep", json!({}), None)]).unwrap_err().to_string(),
        "the plan cannot be carried out: step `s1` calls `kep`, and there is no such tool; nearest: `keep`, `order`"
    );
}

#[test]
fn a_turn_that_nobody_can_approve_ends_without_a_reply() {
    let (_folder, snapshot) = snapshot();
    let writes = filter().with(|spec| spec.effect = crate::Effect::Writes);
    let nobody: Approval = Arc::new(|_| crate::Consent::Nobody);
    let agent = Agent::new(world(), snapshot, registry(vec![writes, order()])).with_approval(nobody);
    let mut session = Session::in_memory(world().as_ref());
    let asked = Planned::by_rules(search(&[("long", long(), true)]));
    let options = TurnOptions::default();
    let mut ignore = |_| {};
    let turn = agent.respond(&mut session, "so", asked, &options, Duration::ZERO, &mut ignore);
    let error = runtime().block_on(turn).unwrap_err().to_string();
    assert!(error.starts_with("nobody is here to approve step `s1`, a call of `keep`"), "{error}");
    assert!(error.ends_with(&format!("segue ask --resume {}", session.id)), "{error}");
    assert_eq!(session.turns, 0);
}

/// Prints what a turn costs besides its tools: `cargo test --release -- --ignored --nocapture a_turn_costs`.
#[test]
#[ignore = "a measurement"]
fn a_turn_costs() {
    const ITEMS: u32 = 17_472;
    let (folder, snapshot) = snapshot_of(ITEMS as usize);
    let everything: Vec<u32> = (0..ITEMS).collect();
    let ranked = |name, role| {
        let items = everything.clone();
        Fake::simple(name, role, move |context, _| Ok(set_of(context, name, &items)))
    };
    let fuse = Fake::simple("fuse", ToolRole::Fuse, |context, args| {
        let names = args["sets"].as_array().unwrap().iter().map(|n| n.as_str().unwrap());
        let parents: Vec<_> = names.map(|n| context.sets.get(n).unwrap()).collect();
        let items = parents[0].items().to_vec();
        let record = context.record("fuse", args.clone());
        Ok(CandidateSet::ranked(context.handle.clone(), record, items, parents).into())
    });
    let tools = vec![ranked("words", ToolRole::Lexical), ranked("meaning", ToolRole::Dense), fuse];
    let world: Arc<dyn World> = Arc::new(segue_world::RealWorld::new());
    let agent = Agent::new(world.clone(), snapshot, registry(tools));
    let store = Arc::new(SessionStore::open(&folder.path().join("sessions.db"), world.clone()).unwrap());
    let (runtime, options) = (runtime(), TurnOptions::default());
    for kept in [false, true] {
        let mut session = if kept { store.create() } else { Session::in_memory(world.as_ref()) };
        let mut spent = Vec::new();
        for _ in 0..101 {
            let query = Asked::new("space crew".to_owned(), "space crew", 1, false);
            let constraints = Constraints { queries: vec![query], ..Constraints::default() };
            let reading = reading(constraints, Intent::Search);
            let began = world.elapsed();
            let mut ignore = |_| {};
            let turn =
                agent.respond(&mut session, "so", Planned::by_rules(reading), &options, began, &mut ignore);
            let report = runtime.block_on(turn).unwrap();
            let all = world.elapsed().saturating_sub(began).as_secs_f64() * 1e3;
            let tools: f64 = report.calls.iter().map(|c| c.ms).sum();
            spent.push([all, tools, all - tools]);
        }
        for (what, i) in [("turn", 0), ("its calls, summed", 1), ("the rest", 2)] {
            let mut ms: Vec<f64> = spent.iter().map(|s| s[i]).collect();
            ms.sort_by(f64::total_cmp);
            println!("kept on disk: {kept}; {what}: p50 {:.2} ms, p95 {:.2} ms", ms[50], ms[95]);
        }
    }
}
