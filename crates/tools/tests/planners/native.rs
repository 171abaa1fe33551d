use std::sync::Arc;

use segue_agent::model::{Ground, Native, NativeNext, Prompts};
use segue_agent::rules::{self, Situation};
use segue_agent::{CallAnswer, CallOutcome, Consent, Constraints, PlannerKind, Stop};
use segue_catalog::Handle;
use segue_models::{ChatError, ChatErrorKind, ChatReply, Role, ToolCallRequest};
use serde_json::{Value as Json, json};

use crate::homes::{Homes, condition, says};

fn homes() -> Homes {
    Homes::new(PlannerKind::Native)
}

/// A reply of calls.
#[expect(clippy::unnecessary_wraps, reason = "scripts hold results")]
fn calls(calls: &[(&str, Json)]) -> Result<ChatReply, ChatError> {
    let call = |(n, (name, arguments)): (usize, &(&str, Json))| ToolCallRequest {
        id: format!("{name}-{n}"),
        name: (*name).to_owned(),
        arguments: match arguments {
            Json::String(text) => text.clone(),
            json => json.to_string(),
        },
    };
    Ok(ChatReply::calls(calls.iter().enumerate().map(call).collect()))
}

#[test]
fn a_model_calls_step_by_step_and_sees_what_came_of_it() {
    let mut homes = homes();
    let reagan = json!({"conditions": [condition("the Reagan years", "built", "between", "1981", "1989")]});
    let turn = homes.turn(
        "houses from the Reagan years with a garden",
        vec![
            calls(&[("sql_filter", reagan)]),
            calls(&[("bm25_search", json!({"query": "garden", "within": "c2"}))]),
            says("DONE"),
        ],
    );
    assert_eq!(
        turn.steps(),
        [
            r#"s1 sql_filter {"where":{"field":"kind","op":"eq","value":"house"}}"#,
            r#"s2 sql_filter {"where":{"all":[{"field":"kind","op":"eq","value":"house"},{"field":"built","op":"between","value":[1981,1989]}]}}"#,
            r#"s3 bm25_search {"query":"garden"} in s2"#,
        ]
    );
    assert!(turn.told(0)[1].ends_with("Looked in: c1: 3 homes"), "{:?}", turn.told(0));
    assert_eq!(turn.told(1), ["c2: 2 homes. First: c2#1 Rue des Lilas 7; c2#2 Garden Lodge"]);
    assert_eq!(turn.ids().len(), 2);
    assert_eq!((turn.report.planner.as_str(), turn.report.model_added), ("native", true));
    assert!(
        turn.text().contains("2 of 5 homes satisfy “houses” (kind = house) and “the Reagan years”"),
        "{}",
        turn.text()
    );
    // The conversation only grows.
    for pair in turn.asked.windows(2) {
        assert!(pair[1].messages.starts_with(&pair[0].messages));
        assert_eq!(pair[0].tools, pair[1].tools);
    }
    let ids = ["h1", "h2", "h3", "h4", "h5"];
    let said = |m: &segue_models::Message| {
        ids.iter().any(|id| m.content.split(|c: char| !c.is_alphanumeric()).any(|w| w == *id))
    };
    assert!(!turn.asked.iter().flat_map(|r| &r.messages).any(said), "no id is told");
}

#[test]
fn calls_side_by_side_are_one_ranking_in_the_end() {
    let mut homes = homes();
    let turn = homes.turn(
        "houses with a quiet orchard",
        vec![
            calls(&[
                ("bm25_search", json!({"query": "quiet"})),
                ("bm25_search", json!({"query": "orchard"})),
            ]),
            says("Here they are."),
        ],
    );
    assert_eq!(
        turn.steps()[1..],
        [
            r#"s2 bm25_search {"query":"quiet"} in s1"#,
            r#"s3 bm25_search {"query":"orchard"} in s1"#,
            r#"s4 fuse {"sets":["s2","s3"]} in s1"#,
        ]
    );
    assert_eq!(turn.ids().len(), 2);
    assert_eq!(turn.told(1).len(), 2, "each call has its answer");
}

#[test]
fn every_wrong_call_is_answered() {
    let mut homes = homes();
    let wrong = [
        ("bm25", json!({"query": "garden"})),
        ("bm25_search", json!("{\"query\": ")),
        ("bm25_search", json!({"words": "garden"})),
        ("bm25_search", json!({"query": "garden", "within": "c9"})),
    ];
    let more = [
        ("similar_items", json!({"like": ["#7"]})),
        ("order_by", json!({"by": "beauty", "direction": "descending", "within": null})),
        ("fuse", json!({"sets": ["c1", "c4"]})),
        ("sql_filter", json!({"conditions": [condition("in Holland", "country", "=", "Holland", "")]})),
        ("bm25_search", json!({"query": "garden"})),
    ];
    let good = || calls(&[("bm25_search", json!({"query": "garden"}))]);
    let request = "houses in Holland with a garden";
    let first = homes.turn(request, vec![calls(&wrong), good(), says("DONE")]);
    let second = homes.turn(request, vec![calls(&more), good(), says("DONE")]);
    let told = [first.told(1), second.told(1)].concat();
    for (told, part) in told.iter().zip([
        "there is no tool `bm25`; nearest: `bm25_search`",
        "the arguments are no JSON object",
        "`query` is missing",
        "there is no result `c9`; there are: c1",
        "`#7` is not shown; there are #1 to #3",
        "`beauty` is not a field",
        "there is no result `c1`; there are: c3",
        "country = Holland: ",
        "not called: at most 4 calls at a time",
    ]) {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!((told.len(), first.ids().len(), second.ids().len()), (9, 3, 3));
    let turn = homes.turn(request, vec![calls(&wrong), calls(&more)]);
    assert_eq!(turn.report.planner, "rules", "two replies in a row were of no use");
}

#[test]
fn the_same_call_is_not_made_twice() {
    let mut homes = homes();
    let search = || calls(&[("bm25_search", json!({"query": "garden"}))]);
    let turn = homes.turn("houses with a garden", vec![search(), search(), search()]);
    assert!(
        turn.told(2)[0].starts_with("this call was made before and is not made again. It gave: c2: 3 homes"),
        "{:?}",
        turn.told(2)
    );
    assert_eq!(turn.report.plan.steps.len(), 2);
    assert_eq!((turn.report.planner.as_str(), turn.ids().len()), ("native", 3));
}

#[test]
fn calls_written_into_the_text_count() {
    let mut homes = homes();
    let written =
        "I will search.\n```json\n{\"name\": \"bm25_search\", \"arguments\": {\"query\": \"orchard\"}}\n```";
    let turn = homes.turn("homes with an orchard", vec![says(written), says("DONE")]);
    assert_eq!(turn.steps(), [r#"s1 bm25_search {"query":"orchard"}"#]);
    assert_eq!(
        turn.told(1),
        ["bm25_search: c1: 1 home. First: c1#1 The Old Mill\nCall another tool, or write DONE."]
    );
    assert!(turn.asked[1].messages.iter().all(|m| m.role != Role::Tool));
}

#[test]
fn every_item_satisfies_what_holds_however_the_model_got_there() {
    let mut homes = homes();
    homes.turn(
        "homes with a garden",
        vec![calls(&[("bm25_search", json!({"query": "garden"}))]), says("DONE")],
    );
    // A condition after the search, and a look within a set without it.
    let tulips = json!({"conditions": [condition("the tulip country", "country", "=", "Netherlands", "")], "within": "c2"});
    let turn = homes.turn(
        "only those in the tulip country",
        vec![
            calls(&[("bm25_search", json!({"query": "garden"}))]),
            calls(&[("sql_filter", tulips)]),
            says("DONE"),
        ],
    );
    assert_eq!(
        turn.steps()[1..],
        [
            r#"s2 sql_filter {"where":{"field":"country","op":"eq","value":"Netherlands"}}"#,
            r#"s3 combine {"op":"intersection","sets":["s1","s2"]} in s2"#,
        ],
    );
    assert_eq!(turn.ids().len(), 2);
    assert_eq!(turn.report.answer.as_ref().unwrap().removed_items, 0);
}

#[test]
fn what_has_no_order_is_ranked_by_the_rules() {
    let mut homes = homes();
    let tulips = json!({"conditions": [condition("the tulip country", "country", "=", "Netherlands", "")]});
    let turn = homes.turn(
        "homes with a garden in the tulip country",
        vec![calls(&[("sql_filter", tulips)]), says("DONE")],
    );
    assert!(turn.steps()[1].starts_with("s2 bm25_search"), "{:?}", turn.steps());
    assert!(turn.report.calls.iter().filter(|c| c.is_ok()).count() >= 2);
    assert!(turn.ids().iter().all(|id| ["h2", "h5", "h1"].contains(id)), "{:?}", turn.ids());
}

#[test]
fn a_model_that_fails_or_calls_nothing_leaves_the_turn_to_the_rules() {
    let mut homes = homes();
    let turn = homes.turn("houses with an orchard", vec![says("Hello!"), says("How can I help?")]);
    assert_eq!((turn.report.planner.as_str(), turn.ids()[0]), ("rules", "h2"));
    assert!(turn.text().contains("without a language model: it called no tool"), "{}", turn.text());
    let lost = || Err(ChatError::new(ChatErrorKind::Unreachable, "connection refused"));
    let search = calls(&[("bm25_search", json!({"query": "orchard"}))]);
    let turn = homes.turn("houses with an orchard", vec![search, lost()]);
    assert_eq!((turn.report.planner.as_str(), turn.ids()[0]), ("rules", "h2"));
    assert!(turn.report.fallback.is_some());
}

#[test]
fn a_budget_ends_the_conversation_with_the_best_so_far() {
    let mut homes = homes();
    homes.options.budget.tokens = Some(500);
    let costly = calls(&[("bm25_search", json!({"query": "garden"}))]).map(|mut reply| {
        reply.usage.input_tokens = 600;
        reply
    });
    let turn = homes.turn("houses with a garden", vec![costly]);
    assert_eq!((turn.report.planner.as_str(), turn.ids().len()), ("native", 3));
    assert_eq!(turn.report.answer.as_ref().unwrap().stop, Stop::Budget);

    homes.options.budget = segue_agent::Budget { calls: 1, ..segue_agent::Budget::default() };
    let search = calls(&[("bm25_search", json!({"query": "garden"}))]);
    let turn = homes.turn("houses with a garden", vec![search]);
    assert_eq!(turn.report.answer.as_ref().unwrap().stop, Stop::Budget);
    assert!(turn.report.calls.iter().all(|c| c.step == "s1" || !c.is_ok()));
}

#[test]
fn where_nothing_fits_no_model_is_asked() {
    let mut homes = homes();
    let turn = homes.turn("studios in Utrecht", Vec::new());
    assert_eq!((turn.asked.len(), turn.report.model.as_deref()), (0, None));
    assert_eq!(turn.report.answer.as_ref().unwrap().stop, Stop::Empty);
}

#[test]
fn a_plan_alone_is_asked_for_in_one_reply() {
    let mut homes = homes();
    homes.options.plan_only = true;
    let turn = homes.turn("houses with a garden", vec![says(json!({"steps": []}))]);
    assert_eq!((turn.report.planner.as_str(), turn.report.calls.len()), ("plan", 0));
}

#[test]
fn what_nobody_said_does_not_count() {
    let mut homes = homes();
    let unasked = json!({"conditions": [condition("cheap", "price", "at most", "300000", "")]});
    let turn = homes.turn(
        "houses with a garden",
        vec![
            calls(&[
                ("sql_filter", unasked),
                ("bm25_search", json!({"query": "castle"})),
                ("similar_items", json!({"like": ["h2"]})),
            ]),
            says("DONE"),
        ],
    );
    let told = turn.told(1);
    assert!(
        told[0].contains("not taken: price at most 300000: the request does not say “cheap”"),
        "{told:?}"
    );
    assert!(told[1].contains("not taken: search castle: the request does not say it"), "{told:?}");
    assert!(told[2].contains("not taken: h2: the request does not name it"), "{told:?}");
    assert_eq!(turn.report.refused.len(), 3);
    assert_eq!(turn.steps()[1], r#"s2 bm25_search {"query":"garden"} in s1"#);
    assert!(turn.steps().iter().all(|s| !s.contains("price") && !s.contains("h2")), "{:?}", turn.steps());
}

/// What is known need not be said again, and is no offence if it is, however badly.
#[test]
fn what_holds_already_is_not_taken_twice() {
    let mut homes = homes();
    let again = json!({"conditions": [condition("kind", "kind", "at least", "house", "")]});
    let turn = homes.turn(
        "houses with an orchard",
        vec![
            calls(&[("sql_filter", again)]),
            calls(&[("bm25_search", json!({"query": "orchard"}))]),
            says("DONE"),
        ],
    );
    assert_eq!(turn.told(1), ["all of that holds already, for every call: go on"]);
    assert_eq!((turn.report.refused.len(), turn.ids()), (0, vec!["h2"]));
}

#[test]
fn the_machine_goes_on_where_it_was_written_out() {
    let homes = homes();
    let agent = homes.agent();
    let snapshot = homes.snapshot();
    let ground = Ground { snapshot, specs: agent.specs(), shown: &[], user: None, check: &|_| Ok(()) };
    let situation = Situation {
        snapshot,
        before: &Constraints::default(),
        shown: &[],
        turn: 1,
        today: None,
        language: segue_agent::Language::English,
    };
    let request = "houses with an orchard";
    let reading = rules::read(request, &situation).unwrap();
    let tools = (snapshot.catalog(), agent.specs());
    let mut native = Native::new(request, 1, reading, &[], tools, &Prompts::load(None).unwrap()).unwrap();
    let answer = |step: &str, handle: &str, count| CallAnswer {
        step: step.to_owned(),
        tool: String::new(),
        args: json!({}),
        outcome: CallOutcome::Set {
            handle: Handle(handle.to_owned()),
            count,
            top: Vec::new(),
            diagnosis: None,
        },
        ms: 0.0,
        notes: Vec::new(),
    };
    let written_out = |native: Native| -> Native {
        serde_json::from_str(&serde_json::to_string(&native).unwrap()).unwrap()
    };
    native = written_out(native);
    assert!(matches!(native.next(), NativeNext::Call(_)));
    native.called([answer("s1", "c1", 3)].iter(), &ground);
    native = written_out(native);
    let NativeNext::Ask(asked) = native.next() else { panic!("{native:?}") };
    native.feed(&calls(&[("bm25_search", json!({"query": "orchard"}))]).unwrap(), &ground);
    native = written_out(native);
    native.called([answer("s2", "c2", 1)].iter(), &ground);
    native = written_out(native);
    let NativeNext::Ask(again) = native.next() else { panic!("{native:?}") };
    assert!(again.messages.starts_with(&asked.messages));
    native.feed(&ChatReply::text("DONE"), &ground);
    let NativeNext::Done(done) = written_out(native).next() else { panic!("not done") };
    assert_eq!(done.step.as_deref(), Some("s2"));
}

/// A tool that changes something, and remembers that it did.
mod writing {
    use std::sync::atomic::{AtomicU32, Ordering};

    use schemars::JsonSchema;
    use segue_agent::{
        CostHint, Effect, Registry, Tool, ToolContext, ToolError, ToolOutput, ToolRole, ToolSpec,
    };
    use segue_catalog::Catalog;
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    pub(super) static WRITTEN: AtomicU32 = AtomicU32::new(0);

    pub(super) struct Remember;

    #[derive(Debug, Deserialize, Serialize, JsonSchema)]
    pub(super) struct Args {
        note: String,
    }

    impl Tool for Remember {
        const NAME: &'static str = "remember";
        type Args = Args;
        type Resolved = Args;

        fn describe(&self, _: &Catalog) -> ToolSpec {
            ToolSpec {
                name: Self::NAME.to_owned(),
                role: ToolRole::Other,
                summary: "keeps a note".to_owned(),
                description: "Keeps a note for later.".to_owned(),
                schema: json!({"type": "object", "properties": {"note": {"type": "string"}}, "required": ["note"]}),
                set_args: Vec::new(),
                effect: Effect::Writes,
                parallel_safe: false,
                cost: CostHint::Cheap,
                timeout_ms: 1000,
                examples: Vec::new(),
            }
        }

        fn resolve(&self, _: &ToolContext, args: Args) -> Result<Args, ToolError> {
            Ok(args)
        }

        async fn call(&self, _: &ToolContext, _: Args) -> Result<ToolOutput, ToolError> {
            WRITTEN.fetch_add(1, Ordering::SeqCst);
            Ok(ToolOutput::Facts(json!("kept")))
        }
    }

    pub(super) fn with(tools: Registry) -> Registry {
        tools.with(Remember)
    }
}

#[test]
fn what_changes_something_is_done_only_when_approved() {
    let mut homes = homes();
    homes.extra = writing::with;
    let script = || {
        let note =
            calls(&[("remember", json!({"note": "gardens"})), ("bm25_search", json!({"query": "garden"}))]);
        vec![note, says("DONE")]
    };
    let turn = homes.turn("houses with a garden", script());
    assert!(
        turn.told(1)[0].contains("`remember` changes something and was not approved"),
        "{:?}",
        turn.told(1)
    );
    assert_eq!((turn.ids().len(), writing::WRITTEN.load(std::sync::atomic::Ordering::SeqCst)), (3, 0));
    let agent = homes.agent().with_approval(Arc::new(|call| {
        if call.args == json!({"note": "gardens"}) { Consent::Given } else { Consent::Refused }
    }));
    let turn = homes.turn_with(agent, "houses with a garden", script());
    assert_eq!(turn.told(1)[0], "\"kept\"");
    assert_eq!((turn.ids().len(), writing::WRITTEN.load(std::sync::atomic::Ordering::SeqCst)), (3, 1));
}

/// The task and the tools as a model sees them: what changes here changes what models answer.
#[test]
fn the_prompt_is_as_it_is() {
    let mut homes = homes();
    let turn = homes.turn(
        "houses with an orchard",
        vec![calls(&[("bm25_search", json!({"query": "orchard"}))]), says("DONE")],
    );
    let text: Vec<_> = turn.asked[1].messages.iter().map(|m| m.content.as_str()).collect();
    let tools: Vec<_> = turn.asked[0].tools.iter().map(|t| serde_json::to_string(t).unwrap()).collect();
    expect_test::expect_file!["native.txt"].assert_eq(&format!(
        "{}\n---\n{}\n",
        text.join("\n---\n"),
        tools.join("\n")
    ));
}
