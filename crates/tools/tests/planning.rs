//! Planning with a model, on scripted ones: what counts of what they say, and what happens when they are no use.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Homes, homes};
use segue_agent::model::{Prompts, RouteNext, Routing};
use segue_agent::rules::{self, Situation};
use segue_agent::{
    Agent, Budget, Constraints, Earlier, PlannerKind, PlanningModel, Session, TurnOptions, TurnReport,
};
use segue_catalog::Snapshot;
use segue_models::{
    ChatError, ChatErrorKind, ChatModel, ChatReply, ChatRequest, Completion, Delta, ScriptedModel,
    TokenLogprob,
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

/// What the model says of the phrases, in their order: what each is, and plainly.
fn phrases(said: &[(&str, &str)]) -> serde_json::Value {
    let of =
        |(i, (is, plain)): (usize, &(&str, &str))| ((i + 1).to_string(), json!({"is": is, "plain": plain}));
    serde_json::Value::Object(said.iter().enumerate().map(of).collect())
}

fn understood(report: &TurnReport) -> Vec<String> {
    report.understood.iter().map(|u| format!("{} | {}", u.text, u.meaning)).collect()
}

#[test]
fn what_a_description_means_is_read_in_its_place() {
    let homes = homes();
    let (report, asked) = turn(
        &homes,
        "houses from the Reagan years in the land of cheese and wine with a garden",
        vec![
            says(phrases(&[("time", "1981 to 1989"), ("place", "France")])),
            says(phrases(&[("topic", "garden")])),
        ],
    );
    assert_eq!(asked, 2);
    assert_eq!((report.planner.as_str(), report.model_added), ("route", true));
    assert_eq!(
        understood(&report),
        [
            "houses | kind = house",
            "from the Reagan years | built between 1981 and 1989 (read by the model)",
            "in the land of cheese and wine | country = France (read by the model)",
            "garden | words to search for",
        ]
    );
    let ids: Vec<_> = report.answer.unwrap().items.into_iter().map(|i| i.id).collect();
    assert_eq!(ids, ["h3"]);
    assert_eq!(report.usage.model_calls, 2);
    assert_eq!(report.exchanges[0].prompt, "route");
}

/// Negations and limits around a description hold for what it means.
#[test]
fn what_surrounds_a_description_is_read_by_the_rules() {
    let homes = homes();
    let (report, _) = turn(
        &homes,
        "homes built before the year the Titanic sank, not from the land of tulips",
        vec![says(phrases(&[("time", "1912"), ("place", "Netherlands")]))],
    );
    let understood = understood(&report);
    assert!(understood.iter().any(|u| u.contains("| built < 1912")), "{understood:?}");
    assert!(understood.iter().any(|u| u.contains("| not country = Netherlands")), "{understood:?}");
}

#[test]
fn what_does_not_count_is_refused_and_said() {
    let homes = homes();
    for (is, plain, why) in [
        ("name", "Elvis Presley", "no such value"),
        ("place", "the land of tulips", "repeats the phrase"),
        ("time", "whenever", "no such time"),
        ("place", "", "no name, year or place"),
        (
            "place",
            "Netherlands, and also everything else that there is in all of the world",
            "no name, year or place",
        ),
    ] {
        let (report, _) = turn(&homes, "houses from the land of tulips", vec![says(phrases(&[(is, plain)]))]);
        let refused = report.refused.join("\n");
        assert!(refused.contains(why), "{plain}: {refused}");
        assert!(report.understood.iter().filter(|u| u.hard).count() <= 1, "{:?}", understood(&report));
    }
}

/// A model that tells how sure it is, is believed only as far as that.
#[test]
fn what_the_model_only_guesses_does_not_count() {
    let homes = homes();
    let guess = |logprob: f64| {
        let text = phrases(&[("place", "France")]).to_string();
        let token = |t: &str| TokenLogprob { token: t.to_owned(), logprob, top: Vec::new() };
        let mut reply = ChatReply::text(text.clone());
        let (before, after) = text.split_once("France").unwrap();
        reply.logprobs = Some([before, "France", after].map(token).to_vec());
        vec![Ok(reply)]
    };
    let request = "houses from the land of cheese";
    assert!(turn(&homes, request, guess(-0.1)).0.understood.iter().any(|u| u.meaning.contains("France")));
    let (report, _) = turn(&homes, request, guess(-3.0));
    assert!(report.refused[0].contains("not sure"), "{:?}", report.refused);
}

#[test]
fn a_reply_that_is_no_use_is_asked_for_once_more_and_then_the_rules_plan() {
    let homes = homes();
    let request = "homes in Utrecht with an orchard";
    let good = || says(phrases(&[("topic", "orchard")]));
    let prose = || Ok(ChatReply::text("Certainly! Here is what I found."));

    let (report, asked) = turn(&homes, request, vec![prose(), good()]);
    assert_eq!((report.planner.as_str(), asked), ("route", 2));
    let fenced =
        Ok(ChatReply::text("Sure:\n```json\n{\"1\": {\"is\": \"topic\", \"plain\": \"orchard\"}}\n```"));
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
    let planning = PlanningModel {
        model: Arc::new(Hangs),
        prompts: Prompts::load(None).unwrap(),
        prices: None,
        logprobs: false,
    };
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
    let (report, _) = turn(&homes, "a studio, but a small one", vec![says(phrases(&[("topic", "small")]))]);
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
    let situation = Situation {
        snapshot,
        before: &Constraints::default(),
        shown: &[],
        turn: 1,
        today: None,
        language: segue_agent::Language::English,
    };
    let request = "homes with an orchard";
    let reading = rules::read(request, &situation).unwrap();
    let prompts = Prompts::load(None).unwrap();
    let routing =
        Routing::new(request, &situation, &Earlier::default(), reading, &prompts, /*logprobs*/ false)
            .unwrap();
    assert!(matches!(routing.next(), RouteNext::Ask(_)));
    let written = serde_json::to_string(&routing).unwrap();
    let reply = ChatReply::text(phrases(&[("topic", "orchard")]).to_string());
    let ends = [routing, serde_json::from_str(&written).unwrap()].map(|mut machine: Routing| {
        machine.feed(Ok(&reply), snapshot).unwrap();
        machine.next()
    });
    assert!(matches!(ends[0], RouteNext::Done(_)));
    assert_eq!(ends[0], ends[1]);
}

/// The prompt as a model sees it: what changes here changes what models answer.
#[test]
fn the_prompt_is_as_it_is() {
    let homes = homes();
    let (report, _) = turn(&homes, "homes with an orchard", vec![says(phrases(&[("topic", "orchard")]))]);
    let messages = &report.exchanges[0].request.messages;
    let text: Vec<_> = messages.iter().map(|m| m.content.as_str()).collect();
    expect_test::expect_file!["planning/route.txt"].assert_eq(&(text.join("\n---\n") + "\n"));
}
