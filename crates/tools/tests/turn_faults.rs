//! Whole turns against servers that misbehave: each ends in time, with the right answer, and says what happened.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

mod common;
#[path = "../../models/tests/chat_faults/server.rs"]
mod server;

use std::sync::Arc;
use std::time::Duration;

use common::{Homes, homes};
use segue_agent::{Budget, PlannerKind, Session, TurnOptions, TurnReport};
use segue_models::{Endpoint, EndpointOptions};
use serde_json::json;
use server::{Act, END, EVENTS, Server, answer, events, text};
use tokio::task::JoinSet;

/// Every planner that asks a model.
const PLANNERS: [PlannerKind; 3] = [PlannerKind::Route, PlannerKind::Plan, PlannerKind::Native];
/// Something that the rules leave to a model, and can answer without one.
const REQUEST: &str = "homes in Utrecht with an orchard";
const RIGHT: &str = "h2";
/// What a turn may take. A model gets three quarters of it.
const TIME: Duration = Duration::from_secs(3);
/// What else a busy machine may need.
const SLACK: Duration = Duration::from_secs(5);
const KEY: &str = "sk-hush-hush";

/// A server, and how its misbehaviour is told.
struct Fault {
    name: &'static str,
    act: Act,
    says: &'static str,
}

fn fault(name: &'static str, act: Act, says: &'static str) -> Fault {
    Fault { name, act, says }
}

fn faults() -> Vec<Fault> {
    let busy = |header: &str| {
        let head = format!("Content-Type: application/json\r\n{header}");
        Act::Send(answer("429 Too Many Requests", &head, br#"{"error":{"message":"slow down"}}"#))
    };
    let html =
        |status| answer(status, "Content-Type: text/html\r\n", b"<html><body>Bad gateway</body></html>");
    let half_a_call = r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"bm25_search","arguments":"{\"qu"}}]}}]}"#;
    let words: String = (0..200).map(|n| format!("{n} ")).collect();
    let event = |piece: &str| format!("data: {}\n\n", text(piece)).into_bytes();
    let invalid =
        [EVENTS.as_bytes(), b"data: {\"choices\":[{\"delta\":{\"content\":\"\xff\xfe\"}}]}\n\n"].concat();
    let echo = format!(r#"{{"error":{{"message":"wrong key: {KEY}"}}}}"#);
    vec![
        fault("it closes without a word", Act::Close, "cannot be reached"),
        fault(
            "it hangs before the first token",
            Act::SendAndHang(Vec::new()),
            "longer than this turn has time for",
        ),
        fault(
            "it stalls in the middle",
            Act::SendAndHang(events(&[&text("{\"conditions\"")])),
            "longer than this turn has time for",
        ),
        fault("it cuts the stream inside a call", Act::Send(events(&[half_a_call])), "cut off"),
        fault("it is busy", busy(""), "too many requests"),
        fault("it is busy and says for how long", busy("Retry-After: 9\r\n"), "it asks to wait 9 s"),
        fault("it fails with a page", Act::Send(html("500 Oops")), "the server failed (status 500)"),
        fault("it sends a page", Act::Send(html("200 OK")), "makes no sense"),
        fault(
            "it sends a picture",
            Act::Send(answer("200 OK", "Content-Type: image/png\r\n", b"\x89PNG")),
            "makes no sense",
        ),
        fault("its bytes are no text", Act::SendAndHang(invalid), "makes no sense"),
        fault("it sends 10 MB", Act::SendMany(EVENTS.into(), event(&words), 20 << 10), "too large"),
        fault("it has no choices", Act::Send(server::json("200 OK", r#"{"choices":[]}"#)), "is empty"),
        fault(
            "it repeats itself without end",
            Act::SendMany(EVENTS.into(), event("I am sorry. "), 100_000),
            "repeats itself",
        ),
        fault("it shows the key", Act::Send(server::json("401 Unauthorized", &echo)), "key is not accepted"),
        fault(
            "its model calls a tool that there is not",
            says(json!({"tool_calls": [{"id": "a", "function": {"name": "teleport", "arguments": "{}"}}]})),
            "cannot be used",
        ),
        fault(
            "its model answers in wrong types",
            says(json!({"content": json!({"conditions": 7, "search": ["orchard"]}).to_string()})),
            "cannot be used",
        ),
        fault(
            "its types are wrong",
            says(json!({"content": {"a": 1}, "tool_calls": "none"})),
            "cannot be used",
        ),
    ]
}

/// A whole reply of this message.
fn says(message: serde_json::Value) -> Act {
    let body = json!({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]});
    Act::Send(server::json("200 OK", &body.to_string()))
}

/// Patient, as it is by default: what ends a turn in time is its budget.
fn options(base_url: &str) -> EndpointOptions {
    let mut options = EndpointOptions::new(base_url, "m");
    options.key = Some(KEY.into());
    options.backoff = Duration::from_millis(1);
    options.total_timeout = TIME;
    options
}

async fn turn(homes: &Homes, planner: PlannerKind, base_url: &str) -> TurnReport {
    let endpoint = Endpoint::new(options(base_url), homes.world.clone()).unwrap();
    let agent = homes.agent(Arc::new(endpoint));
    let mut session = Session::in_memory(homes.world.as_ref());
    let budget = Budget { time: TIME, ..Budget::default() };
    let options = TurnOptions { planner, budget, ..TurnOptions::default() };
    let began = homes.world.elapsed();
    let report = agent.turn(&mut session, REQUEST, options, |_| {}).await.unwrap();
    let took = homes.world.elapsed().saturating_sub(began);
    assert!(took < TIME + SLACK, "it took {took:?}");
    report
}

/// The turn has the right answer of the rules, and says why it is theirs.
fn is_an_answer_of_the_rules(report: &TurnReport, planner: PlannerKind, name: &str, says: &str) {
    let context = format!("{}, {name}: {report:?}", planner.name());
    assert_eq!(report.planner, "rules", "{context}");
    // One that calls nothing that can be read has called nothing.
    let why = report.fallback.as_deref().unwrap_or_default();
    let says = if planner == PlannerKind::Native && !why.contains(says) { "it called no tool" } else { says };
    assert!(why.contains(says), "{context}");
    let answer = report.answer.as_ref().unwrap();
    assert_eq!(answer.items[0].id, RIGHT, "{context}");
    let sentence = "Planned by `rules`, without a language model: ";
    assert!(answer.text.contains(sentence) && answer.text.contains(says), "{context}");
    assert!(!serde_json::to_string(report).unwrap().contains("hush"), "{context}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_turn_ends_with_the_right_answer_and_says_what_happened() {
    let homes = Arc::new(homes());
    let mut turns = JoinSet::new();
    for planner in PLANNERS {
        for Fault { name, act, says } in faults() {
            let homes = homes.clone();
            turns.spawn(async move {
                let server = Server::start(vec![act]).await;
                let report = turn(&homes, planner, &server.base_url).await;
                assert!(!server.requests().is_empty(), "{name}: nobody asked");
                is_an_answer_of_the_rules(&report, planner, name, says);
            });
        }
    }
    turns.join_all().await;
}

#[tokio::test]
async fn nobody_is_there() {
    let homes = homes();
    // A port below those that tests beside this one are given, on which nobody listens.
    let free = "127.0.0.1:1";
    for planner in PLANNERS {
        let report = turn(&homes, planner, &format!("http://{free}/v1")).await;
        is_an_answer_of_the_rules(&report, planner, "nobody is there", "cannot be reached");
    }
}

/// What passes is waited for, and the model plans after all.
#[tokio::test]
async fn a_server_that_recovers_is_asked_again() {
    let homes = homes();
    let busy = Act::Send(answer("429 Too Many Requests", "Retry-After: 0\r\n", b""));
    let reply = json!({"1": {"is": "topic", "plain": "orchard"}}).to_string();
    let good = Act::Send(events(&[&text(&reply), END]));
    let server = Server::start(vec![busy, Act::Close, good]).await;
    let report = turn(&homes, PlannerKind::Route, &server.base_url).await;
    assert_eq!((report.planner.as_str(), report.fallback.as_deref()), ("route", None));
    assert_eq!((server.requests().len(), report.answer.unwrap().items[0].id.as_str()), (3, RIGHT));
}
