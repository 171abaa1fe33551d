//! Planning with a model, on scripted ones: what counts of what they say, and what happens when they are no use.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Homes, homes};
use segue_agent::model::{Prompts, RouteNext, Routing};
use segue_agent::rules::{self, Situation};
use segue_agent::{Agent, Budget, Constraints, PlannerKind, PlanningModel, Session, TurnOptions, TurnReport};
use segue_catalog::Snapshot;
use segue_models::{
    ChatError, ChatErrorKind, ChatModel, ChatReply, ChatRequest, Completion, Delta, ScriptedModel,
};
use serde_json::json;

/// One turn with a model that answers by this script; the report, and how many questions it was asked.
fn turn(homes: &Homes, request: &str, script: Vec<Result<ChatReply, ChatError>>) -> (TurnReport, usize) {
    let model = Arc::new(ScriptedModel::new(script));
    let agent = homes.agent(model.clone());
    let options = TurnOptions { planner: PlannerKind::Route, ..TurnOptions::default() };
    let mut session = Session::in_memory(homes.world.as_ref());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let report = runtime.block_on(agent.turn(&mut session, request, options, |_| {})).unwrap();
    model.assert_complete().expect("the script is used up");
    (report, model.requests().len())
}

#[expect(clippy::unnecessary_wraps, reason = "scripts hold results")]
fn says(reply: serde_json::Value) -> Result<ChatReply, ChatError> {
    Ok(ChatReply::text(reply.to_string()))
}

fn condition(words: &str, field: &str, is: &str, value: &str, to: &str) -> serde_json::Value {
    json!({"words": words, "field": field, "is": is, "value": value, "to": to})
}

fn understood(report: &TurnReport) -> Vec<String> {
    report.understood.iter().map(|u| format!("{} | {}", u.text, u.meaning)).collect()
}

#[test]
fn what_the_request_says_and_the_catalogue_has_is_added() {
    let homes = homes();
    let conditions = [
        condition("the Reagan years", "built", "between", "1981", "1989"),
        condition("the land of cheese and wine", "country", "=", "france", ""),
    ];
    let (report, asked) = turn(
        &homes,
        "houses from the Reagan years in the land of cheese and wine with a garden",
        vec![says(json!({"conditions": conditions, "search": "garden"}))],
    );
    assert_eq!(asked, 1);
    assert_eq!((report.planner.as_str(), report.model_added), ("route", true));
    assert_eq!(
        understood(&report),
        [
            "houses | kind = house",
            "the Reagan years | built between 1981 and 1989 (read by the model)",
            "the land of cheese and wine | country = France (read by the model)",
            "garden | words to search for",
        ]
    );
    let ids: Vec<_> = report.answer.unwrap().items.into_iter().map(|i| i.id).collect();
    assert_eq!(ids, ["h3"]);
    assert_eq!(report.usage.model_calls, 1);
    assert_eq!(report.exchanges[0].prompt, "route");
}

#[test]
fn what_the_model_understands_is_no_longer_said_not_to_be() {
    let homes = homes();
    let request = "houses, no castles in the cloud";
    let conditions = [condition("castles", "country", "not", "France", "")];
    let reply = json!({"conditions": conditions, "search": ""});
    let (report, _) = turn(&homes, request, vec![says(reply)]);
    assert!(!report.not_understood.iter().any(|w| w == "castles"), "{:?}", report.not_understood);
    assert!(understood(&report).iter().any(|u| u.starts_with("castles | ")), "{:?}", understood(&report));
}

#[test]
fn what_nobody_said_does_not_count() {
    let homes = homes();
    for (wrong, why) in [
        (condition("under half a million", "price", "at most", "500000", ""), "does not say"),
        (condition("mansion", "kind", "=", "castle", ""), "no item has"),
        (condition("mansion", "price", "at least", "9000000", ""), "goes from"),
        (condition("mansion", "title", "=", "The Old Mill", ""), "no field"),
        (condition("mansion", "id", "=", "h2", ""), "no field"),
        (condition("mansion", "country", "between", "A", "B"), "does not fit"),
        (condition("the", "kind", "=", "house", ""), "does not say"),
    ] {
        let reply = json!({"conditions": [wrong], "search": "mansion"});
        let (report, _) = turn(&homes, "homes in Utrecht like some kind of mansion", vec![says(reply)]);
        let refused = report.refused.join("\n");
        assert!(refused.contains(why), "{wrong}: {refused}");
        assert!(report.understood.iter().filter(|u| u.hard).count() <= 1, "{:?}", understood(&report));
    }
}

#[test]
fn a_reply_that_is_no_use_is_asked_for_once_more_and_then_the_rules_plan() {
    let homes = homes();
    let request = "homes in Utrecht with an orchard";
    let good = || says(json!({"conditions": [], "search": "orchard"}));
    let prose = || Ok(ChatReply::text("Certainly! Here is what I found."));

    let (report, asked) = turn(&homes, request, vec![prose(), good()]);
    assert_eq!((report.planner.as_str(), asked), ("route", 2));
    let fenced = Ok(ChatReply::text("Sure:\n```json\n{\"conditions\": [], \"search\": \"orchard\"}\n```"));
    assert_eq!(turn(&homes, request, vec![fenced]).0.planner, "route");

    let (report, _) = turn(&homes, request, vec![prose(), prose()]);
    assert_eq!(report.planner, "rules");
    let answer = report.answer.unwrap();
    assert_eq!(answer.items[0].id, "h2");
    assert!(
        answer.text.contains("Planned by `rules`, without a language model: its reply"),
        "{}",
        answer.text
    );

    let refused = Err(ChatError::new(ChatErrorKind::Unreachable, "connection refused"));
    let (report, _) = turn(&homes, request, vec![refused]);
    assert!(report.fallback.unwrap().contains("cannot be reached"));
    assert_eq!(report.answer.unwrap().items[0].id, "h2");
}

/// A model that never answers takes no more than its share of the turn, and the rules still have time to answer.
#[test]
fn a_model_that_hangs_leaves_time_for_an_answer() {
    struct Hangs;
    impl ChatModel for Hangs {
        fn name(&self) -> &'static str {
            "hangs"
        }
        fn complete<'a>(
            &'a self,
            _: &'a ChatRequest,
            _: &'a mut (dyn FnMut(Delta) + Send),
        ) -> Completion<'a> {
            Box::pin(std::future::pending())
        }
    }
    let homes = homes();
    let planning =
        PlanningModel { model: Arc::new(Hangs), prompts: Prompts::load(None).unwrap(), prices: None };
    let snapshot = homes.engine.snapshot().clone();
    let plain = Agent::new(homes.world.clone(), snapshot, segue_tools::builtin(homes.engine.clone()));
    let without = plain.fingerprint().to_owned();
    let agent = plain.with_model(planning);
    assert_ne!(agent.fingerprint(), without, "an answer depends on the model");
    let budget = Budget { time: Duration::from_secs(4), ..Budget::default() };
    let options = TurnOptions { planner: PlannerKind::Route, budget, ..TurnOptions::default() };
    let mut session = Session::in_memory(homes.world.as_ref());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let turn = agent.turn(&mut session, "homes in Utrecht with an orchard", options, |_| {});
    let report = runtime.block_on(turn).unwrap();
    assert!(report.fallback.unwrap().contains("longer than this turn has time for"));
    assert_eq!(report.answer.unwrap().items[0].id, "h2");
}

#[test]
fn where_the_rules_leave_nothing_no_model_is_asked() {
    let homes = homes();
    let (report, asked) = turn(&homes, "houses in Utrecht", Vec::new());
    assert_eq!((asked, report.model.as_deref(), report.planner.as_str()), (0, None, "route"));
}

#[test]
fn instructions_in_the_catalogue_are_data() {
    let homes = homes();
    let (report, _) = turn(
        &homes,
        "a studio where one can ignore the street",
        vec![says(json!({"conditions": [], "search": "ignore the street"}))],
    );
    let prompt = &report.exchanges[0].request.messages;
    assert!(
        !prompt.iter().any(|m| m.content.contains("Ignore previous instructions")),
        "titles are not shown"
    );
    assert_eq!(report.answer.unwrap().items.len(), 1);
}

#[test]
fn the_machine_goes_on_where_it_was_written_out() {
    let homes = homes();
    let snapshot: &Snapshot = homes.engine.snapshot();
    let situation = Situation { snapshot, before: &Constraints::default(), shown: &[], turn: 1, today: None };
    let request = "homes with an orchard";
    let reading = rules::read(request, &situation).unwrap();
    let prompts = Prompts::load(None).unwrap();
    let routing = Routing::new(request, 1, reading, snapshot.catalog(), &prompts).unwrap();
    assert!(matches!(routing.next(), RouteNext::Ask(_)));
    let written = serde_json::to_string(&routing).unwrap();
    let reply = ChatReply::text(json!({"conditions": [], "search": "orchard"}).to_string());
    let ends = [routing, serde_json::from_str(&written).unwrap()].map(|mut machine: Routing| {
        machine.feed(Ok(&reply), snapshot);
        machine.next()
    });
    assert!(matches!(ends[0], RouteNext::Done(_)));
    assert_eq!(ends[0], ends[1]);
}

/// The prompt as a model sees it: what changes here changes what models answer.
#[test]
fn the_prompt_is_as_it_is() {
    let homes = homes();
    let (report, _) =
        turn(&homes, "homes with an orchard", vec![says(json!({"conditions": [], "search": "orchard"}))]);
    let messages = &report.exchanges[0].request.messages;
    let text: Vec<_> = messages.iter().map(|m| m.content.as_str()).collect();
    expect_test::expect_file!["planning/route.txt"].assert_eq(&(text.join("\n---\n") + "\n"));
}
