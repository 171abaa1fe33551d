//! Servers that misbehave in every way seen in the wild: each must end in the right error, in time, without filling
//! the memory.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test says what is wrong by failing")]
#![expect(clippy::indexing_slicing, reason = "a test says what is wrong by failing")]
#![expect(clippy::disallowed_methods, reason = "it measures how long the client takes")]

#[path = "chat_faults/server.rs"]
mod server;

use std::sync::Arc;
use std::time::{Duration, Instant};

use segue_models::{
    ChatError, ChatErrorKind, ChatModel, ChatReply, ChatRequest, Delta, Endpoint, EndpointOptions,
};
use segue_models::{Finish, Message, Wait};
use segue_world::{FixedWorld, Timestamp, World};
use server::{Act, END, EVENTS, Server, answer, events, json, text};

/// Short, so that the tests are; long enough for a busy machine.
const PATIENCE: Duration = Duration::from_millis(300);
/// No call may take longer than its time-outs allow, and some for the machine.
const AT_MOST: Duration = Duration::from_secs(5);

fn options(base_url: &str) -> EndpointOptions {
    let mut options = EndpointOptions::new(base_url, "m");
    options.key = Some("sk-hush-hush".into());
    options.connect_timeout = PATIENCE;
    options.first_token_timeout = PATIENCE;
    options.stall_timeout = PATIENCE;
    options.total_timeout = 3 * PATIENCE;
    options.max_retries = 0;
    options.backoff = Duration::from_millis(1);
    options
}

fn request() -> ChatRequest {
    ChatRequest::new(vec![Message::user("what is on tonight?")], 16)
}

async fn ask(options: EndpointOptions) -> (Result<ChatReply, ChatError>, Vec<Delta>) {
    let world: Arc<dyn World> = Arc::new(FixedWorld::new(Timestamp::UNIX_EPOCH));
    let endpoint = Endpoint::new(options, world).expect("the options are fine");
    let mut deltas = Vec::new();
    let started = Instant::now();
    let outcome = endpoint.complete(&request(), &mut |delta| deltas.push(delta)).await;
    assert!(started.elapsed() < AT_MOST, "it took {:?}", started.elapsed());
    if let Err(error) = &outcome {
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hush"), "{shown}");
        assert!(error.detail().chars().count() <= 300, "{shown}");
        assert!(!shown.contains(char::is_control), "{shown}");
    }
    (outcome, deltas)
}

/// The error of a server that does one thing, with and without streaming.
async fn errors(act: Act) -> [ChatErrorKind; 2] {
    [error(act.clone(), true).await, error(act, false).await]
}

async fn error(act: Act, stream: bool) -> ChatErrorKind {
    let server = Server::start(vec![act]).await;
    let mut options = options(&server.base_url);
    options.stream = stream;
    ask(options).await.0.expect_err("it misbehaves").kind().clone()
}

fn late(which: Wait) -> ChatErrorKind {
    ChatErrorKind::Timeout { which }
}

#[tokio::test]
async fn a_good_server_is_understood() {
    let whole = r#"{"model":"m-1","created":1.5,"choices":[{"message":{"content":"a film"},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":5,"completion_tokens":2}}"#;
    let usage = r#"{"model":"m-1","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2}}"#;
    let (first, second) = (text("a fi"), text("lm"));
    let pieces = [first.as_str(), &second, END, usage, "[DONE]"];
    for (act, stream) in [
        (Act::Send(json("200 OK", whole)), false),
        (Act::Send(events(&pieces)), true),
        // It does not stream, though asked to.
        (Act::Send(json("200 OK", whole)), true),
        // It does not close after the end.
        (Act::SendAndHang(events(&pieces)), true),
    ] {
        let server = Server::start(vec![act]).await;
        let mut options = options(&server.base_url);
        options.stream = stream;
        let (reply, deltas) = ask(options).await;
        let reply = reply.unwrap();
        assert_eq!((reply.content.as_str(), reply.finish), ("a film", Finish::Stop));
        assert_eq!((reply.usage.input_tokens, reply.usage.output_tokens), (5, 2));
        assert_eq!(reply.model, "m-1");
        assert!(!deltas.is_empty());
        let sent = &server.requests()[0].to_lowercase();
        assert!(sent.starts_with("post /v1/chat/completions "), "{sent}");
        assert!(sent.contains("authorization: bearer sk-hush-hush"), "{sent}");
        assert!(sent.contains(&format!(r#""stream":{stream}"#)), "{sent}");
    }
}

#[tokio::test]
async fn nobody_there() {
    // A port that was just free, and nobody took since.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = ask(options(&format!("http://{free}/v1"))).await.0;
    assert_eq!(*outcome.unwrap_err().kind(), ChatErrorKind::Unreachable);
    assert_eq!(errors(Act::Close).await, [ChatErrorKind::Unreachable, ChatErrorKind::Unreachable]);
}

#[tokio::test]
async fn silence() {
    let silent = || Act::SendAndHang(Vec::new());
    assert_eq!(errors(silent()).await, [late(Wait::FirstToken), late(Wait::Total)]);
    // Heads, comments and empty pieces are no token.
    let role = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#;
    assert_eq!(error(Act::SendAndHang(events(&[role])), true).await, late(Wait::FirstToken));
    let comments = Act::SendMany(EVENTS.into(), b": still thinking\n\n".to_vec(), 1000);
    assert_eq!(error(comments, true).await, ChatErrorKind::Empty);
}

#[tokio::test]
async fn a_stream_that_stalls() {
    assert_eq!(error(Act::SendAndHang(events(&[&text("a fi")])), true).await, late(Wait::Stall));
    // Each piece comes in time, and there is no end to them.
    let server = Server::start(vec![Act::SendAndHang(events(&[&text("a")]))]).await;
    let mut options = options(&server.base_url);
    options.max_retries = 1000;
    options.stall_timeout = Duration::from_millis(50);
    let (outcome, deltas) = ask(options).await;
    let kind = outcome.unwrap_err().kind().clone();
    assert!(matches!(kind, ChatErrorKind::Timeout { which: Wait::Stall | Wait::Total }), "{kind:?}");
    // What was told before each retry is declared void.
    assert_eq!(deltas[..3], [Delta::Text("a".to_owned()), Delta::Restart, Delta::Text("a".to_owned())]);
}

#[tokio::test]
async fn a_stream_that_is_cut() {
    let call = r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"near","arguments":"{\"k"}}]}}]}"#;
    assert_eq!(error(Act::Send(events(&[call])), true).await, ChatErrorKind::Cut);
    assert_eq!(error(Act::Send(events(&[&text("a fi")])), true).await, ChatErrorKind::Cut);
    // In the middle of an event, and of a body that says how long it is.
    let half = [events(&[&text("a")]), b"data: {\"choi".to_vec()].concat();
    assert_eq!(error(Act::Send(half), true).await, ChatErrorKind::Cut);
    let half =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{\"choices\":"
            .to_vec();
    assert_eq!(errors(Act::Send(half)).await, [ChatErrorKind::Cut, ChatErrorKind::Cut]);
    assert_eq!(error(Act::Send(json("200 OK", "{\"choices\":")), false).await, ChatErrorKind::Cut);
}

#[tokio::test]
async fn a_server_that_is_busy() {
    let busy = |header: &str| {
        let head = format!("Content-Type: application/json\r\n{header}");
        Act::Send(answer("429 Too Many Requests", &head, br#"{"error":{"message":"slow down","code":429}}"#))
    };
    let limited =
        |seconds: Option<u64>| ChatErrorKind::RateLimited { retry_after: seconds.map(Duration::from_secs) };
    assert_eq!(error(busy(""), true).await, limited(None));
    assert_eq!(error(busy("Retry-After: 7\r\n"), false).await, limited(Some(7)));
    let date = "Retry-After: Thu, 01 Jan 1970 00:00:09 GMT\r\n";
    assert_eq!(error(busy(date), true).await, limited(Some(9)));

    // It is asked again when it says, and then answers.
    let server =
        Server::start(vec![busy("Retry-After: 0\r\n"), busy(""), Act::Send(events(&[&text("a film"), END]))])
            .await;
    let mut patient = options(&server.base_url);
    patient.max_retries = 2;
    assert_eq!(ask(patient).await.0.unwrap().content, "a film");
    assert_eq!(server.requests().len(), 3);

    // Not if it asks to wait longer than the call may take.
    let server = Server::start(vec![busy("Retry-After: 5\r\n")]).await;
    let mut patient = options(&server.base_url);
    patient.max_retries = 2;
    let started = Instant::now();
    assert_eq!(*ask(patient).await.0.unwrap_err().kind(), limited(Some(5)));
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn only_what_may_pass_is_tried_again() {
    for (act, requests) in [
        (Act::Send(answer("500 Internal Server Error", "Content-Type: text/html\r\n", b"<html>\x1b[2J")), 3),
        (Act::Close, 3),
        (Act::Send(json("401 Unauthorized", r#"{"error":{"message":"wrong key: sk-hush-hush"}}"#)), 1),
        (Act::Send(json("400 Bad Request", r#"{"error":"no"}"#)), 1),
        (Act::Send(answer("302 Found", "Location: http://127.0.0.1:1/\r\n", b"")), 1),
    ] {
        let server = Server::start(vec![act.clone()]).await;
        let mut options = options(&server.base_url);
        options.max_retries = 2;
        assert!(ask(options).await.0.is_err());
        assert_eq!(server.requests().len(), requests, "{act:?}");
    }
}

#[tokio::test]
async fn a_dialect_is_learnt_without_a_retry() {
    let refusal =
        r#"{"error":{"message":"Use 'max_completion_tokens' instead.","code":"unsupported_parameter"}}"#;
    let fine = || Act::Send(events(&[&text("a film"), END]));
    let server = Server::start(vec![Act::Send(json("400 Bad Request", refusal)), fine(), fine()]).await;
    let world: Arc<dyn World> = Arc::new(FixedWorld::new(Timestamp::UNIX_EPOCH));
    let endpoint = Endpoint::new(options(&server.base_url), world).unwrap();
    for _ in 0..2 {
        endpoint.complete(&request(), &mut |_| ()).await.unwrap();
    }
    let said: Vec<bool> =
        server.requests().iter().map(|r| r.contains("\"max_completion_tokens\":16")).collect();
    assert_eq!(said, [false, true, true]);
}

#[tokio::test]
async fn what_is_no_reply() {
    let server_error = ChatErrorKind::Server { status: 500 };
    let page = b"<html><body>Bad gateway</body></html>";
    let html = "Content-Type: text/html\r\n";
    let both = |kind: ChatErrorKind| [kind.clone(), kind];
    assert_eq!(errors(Act::Send(answer("500 Oops", html, page))).await, both(server_error));
    assert_eq!(errors(Act::Send(answer("200 OK", html, page))).await, both(ChatErrorKind::Garbled));
    assert_eq!(
        errors(Act::Send(answer("200 OK", "Content-Type: image/png\r\n", page))).await,
        both(ChatErrorKind::Garbled)
    );
    assert_eq!(errors(Act::Send(json("200 OK", "hello"))).await, both(ChatErrorKind::Garbled));
    assert_eq!(errors(Act::Send(json("200 OK", "[]"))).await, both(ChatErrorKind::Garbled));
    assert_eq!(errors(Act::Send(json("200 OK", r#"{"choices":[]}"#))).await, both(ChatErrorKind::Empty));
    assert_eq!(errors(Act::Send(json("200 OK", "{}"))).await, both(ChatErrorKind::Empty));
    assert_eq!(error(Act::Send(events(&["[DONE]"])), true).await, ChatErrorKind::Empty);
    assert_eq!(error(Act::Send(events(&["{oops"])), true).await, ChatErrorKind::Garbled);
    let inside = r#"{"error":{"message":"no memory","code":503}}"#;
    assert_eq!(
        error(Act::Send(events(&[&text("a"), inside])), true).await,
        ChatErrorKind::Server { status: 503 }
    );
    let too_long =
        r#"{"error":{"code":400,"message":"the request exceeds the available context size","n_ctx":512}}"#;
    let expected = ChatErrorKind::ContextTooLong { limit: Some(512) };
    assert_eq!(errors(Act::Send(json("400 Bad Request", too_long))).await, both(expected));
}

#[tokio::test]
async fn bytes_that_are_no_text() {
    let event = b"data: {\"choices\":[{\"delta\":{\"content\":\"\xff\xfe\"}}]}\n\n";
    // It does not close: the error must come at once, not at the end.
    let stream = [EVENTS.as_bytes(), event].concat();
    assert_eq!(error(Act::SendAndHang(stream), true).await, ChatErrorKind::Garbled);
    let body = answer(
        "200 OK",
        "Content-Type: application/json\r\n",
        b"{\"choices\":[{\"message\":{\"content\":\"\xff\"}}]}",
    );
    assert_eq!(errors(Act::Send(body)).await, [ChatErrorKind::Garbled, ChatErrorKind::Garbled]);
}

#[tokio::test]
async fn ten_megabytes() {
    const TIMES: usize = 10 << 10;
    let words: String = (0..200).map(|n| format!("{n} ")).collect();
    let event = format!("data: {}\n\n", text(&words)).into_bytes();
    let kilobyte = vec![b'x'; 1 << 10];
    let json_head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{\"x\":\"";
    for (act, stream) in [
        // Honest events, one event without an end, comments without an end, a body without an end.
        (Act::SendMany(EVENTS.into(), event, TIMES * 2), true),
        (Act::SendMany(format!("{EVENTS}data: ").into_bytes(), kilobyte.clone(), TIMES), true),
        (Act::SendMany(EVENTS.into(), [b":", kilobyte.as_slice(), b"\n"].concat(), TIMES * 2), true),
        (Act::SendMany(json_head.into(), kilobyte.clone(), TIMES), false),
        (Act::SendMany(json_head.into(), kilobyte.clone(), TIMES * 2), true),
    ] {
        let server = Server::start(vec![act]).await;
        let mut options = options(&server.base_url);
        options.stream = stream;
        options.first_token_timeout = AT_MOST;
        options.total_timeout = AT_MOST;
        assert_eq!(*ask(options).await.0.unwrap_err().kind(), ChatErrorKind::TooLarge);
    }
    // A refusal of any length is still a refusal.
    let head = "HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\n";
    let endless = Act::SendMany(head.into(), kilobyte, TIMES);
    assert_eq!(
        errors(endless).await,
        [ChatErrorKind::Server { status: 500 }, ChatErrorKind::Server { status: 500 }]
    );
}

#[tokio::test]
async fn endless_repetition() {
    let event = format!("data: {}\n\n", text("I am sorry. ")).into_bytes();
    assert_eq!(error(Act::SendMany(EVENTS.into(), event, 100_000), true).await, ChatErrorKind::Repetition);
    let said = "the sea ".repeat(100);
    let whole = format!(r#"{{"choices":[{{"message":{{"content":"{said}"}},"finish_reason":"length"}}]}}"#);
    assert_eq!(error(Act::Send(json("200 OK", &whole)), false).await, ChatErrorKind::Repetition);
}

#[tokio::test]
async fn a_dropped_call_lets_go_of_the_server() {
    let server =
        Server::start(vec![Act::SendMany(EVENTS.into(), format!("data: {}\n\n", text("a")).into(), 1)]).await;
    let world: Arc<dyn World> = Arc::new(FixedWorld::new(Timestamp::UNIX_EPOCH));
    let mut patient = options(&server.base_url);
    patient.total_timeout = Duration::from_mins(1);
    patient.max_retries = 100;
    patient.backoff = Duration::from_millis(100);
    let endpoint = Endpoint::new(patient, world).unwrap();
    let asked = request();
    let mut ignore = |_| ();
    let call = endpoint.complete(&asked, &mut ignore);
    assert!(tokio::time::timeout(PATIENCE, call).await.is_err());
    let then = server.requests().len();
    tokio::time::sleep(PATIENCE).await;
    assert_eq!(server.requests().len(), then);
}
