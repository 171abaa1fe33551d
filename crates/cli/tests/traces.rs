//! Traces as a person has them: written by `ask`, listed, replayed; and a turn that is killed and taken up again.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use segue_models::{Abilities, AbilityStore};
use segue_world::{RealWorld, World, fs};
use serde_json::{Value as Json, json};

const HOMES: &str = "id,title,city,rooms,price,built\n\
    h1,Canal house,Utrecht,5,450000,1890\n\
    h2,Garden flat,Utrecht,3,290000,1984\n\
    h3,Sea view,Zandvoort,4,610000,1983\n\
    h4,Tower,Utrecht,2,150000,1999\n";

/// The key that must not be found in any trace.
const KEY: &str = "sk-do-not-write-this";

fn segue(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
    command.current_dir(folder).args(args).arg("--json");
    command.env("OPENAI_API_KEY", KEY).env("NO_PROXY", "127.0.0.1").envs(env.iter().copied());
    command
}

/// Runs it to its end; the exit code and the document on standard output.
fn run(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> (i32, Json) {
    let output = segue(folder, args, env).output().expect("segue");
    let document = serde_json::from_slice(&output.stdout).unwrap_or(Json::Null);
    (output.status.code().expect("an exit code"), document)
}

fn homes() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write_atomic(&folder.path().join("homes.csv"), HOMES.as_bytes()).expect("the file");
    assert_eq!(run(folder.path(), &["import", "homes.csv", "--index"], &[]).0, 0);
    folder
}

/// A request, and the connection that waits for its answer.
struct Asked {
    body: String,
    stream: TcpStream,
}

impl Asked {
    fn answer(mut self, body: &str) {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
        // Whoever asked may be gone.
        let _ = write!(self.stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
    }

    fn says(self, words: &str) {
        let usage = json!({"prompt_tokens": 700, "completion_tokens": 20});
        let choice =
            json!({"index": 0, "message": {"role": "assistant", "content": words}, "finish_reason": "stop"});
        self.answer(&json!({"model": "small-1", "choices": [choice], "usage": usage}).to_string());
    }
}

/// Remembers what the model can do, so that it is not asked that first.
fn remember(at: &Path, base_url: &str) {
    let store = AbilityStore::at(at.join(".segue/abilities.json"));
    let abilities = Abilities { schema: true, ..Abilities::default() };
    store.remember(base_url, "small", abilities, RealWorld::new().now()).expect("the abilities");
}

/// A server that lets the test answer each request.
fn server() -> (String, Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let (tell, asked) = channel();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
            loop {
                let text = String::from_utf8_lossy(&bytes);
                if let Some((head, body)) = text.split_once("\r\n\r\n") {
                    let head = head.to_ascii_lowercase();
                    let length = head.split("content-length:").nth(1).and_then(|l| l.lines().next());
                    if body.len() >= length.and_then(|l| l.trim().parse().ok()).unwrap_or(0) {
                        break;
                    }
                }
                match stream.read(&mut piece) {
                    Ok(n) if n > 0 => bytes.extend_from_slice(&piece[..n]),
                    _ => break,
                }
            }
            let body = String::from_utf8_lossy(&bytes).into_owned();
            if tell.send(Asked { body, stream }).is_err() {
                return;
            }
        }
    });
    (address, asked)
}

const REQUEST: &str = "homes from the Reagan years";

fn traces(folder: &Path) -> Vec<String> {
    let files = fs::list(&folder.join(".segue/traces")).unwrap_or_default();
    files.iter().map(|path| fs::read_to_string(path).expect("a trace")).collect()
}

#[test]
fn a_turn_that_was_killed_is_taken_up_without_asking_again() {
    let folder = homes();
    let at = folder.path();
    let (address, asked) = server();
    remember(at, &address);
    let env = [("OPENAI_BASE_URL", address.as_str())];
    let mut child = segue(at, &["ask", REQUEST, "--model", "small"], &env)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("segue");
    // The first answer is no use (and holds the key), so that a second question follows; during it the process is killed.
    asked.recv().expect("a question").says(&format!("I was called with {KEY}"));
    let second = asked.recv().expect("a second question");
    child.kill().expect("a kill");
    child.wait().expect("the end");

    let (code, list) = run(at, &["replay", "--list"], &[]);
    assert_eq!((code, &list["traces"][0]["state"]), (0, &json!("cut")), "{list}");
    let id = list["traces"][0]["id"].as_str().expect("an id");
    let session = id.trim_end_matches("-1");
    let (code, error) = run(at, &["replay"], &[]);
    let remedy = error["error"]["remedy"].as_str().expect("a remedy");
    assert_eq!((code, remedy), (1, format!("go on with it: segue ask --resume {session}").as_str()));

    let going_on =
        segue(at, &["ask", "--resume", session], &env).stdout(Stdio::piped()).spawn().expect("segue");
    let again = asked.recv().expect("the question that was not answered");
    let body = |asked: &Asked| asked.body.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    let without_key = body(&second).map(|body| body.replace(KEY, "[redacted]"));
    assert_eq!(body(&again), without_key, "the first is not asked again, and the second is the same");
    let said = r#"{"1": {"is": "topic", "plain": "Reagan"}}"#;
    again.says(said);
    let output = going_on.wait_with_output().expect("the end");
    let report: Json = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!(report["exchanges"][1]["reply"]["content"], json!(said), "{report}");
    assert_eq!((&report["planner"], &report["answer"]["stop"]), (&json!("route"), &json!("passed")));
    assert_eq!((&report["turn"], &report["session"]), (&json!(1), &json!(session)));
    assert_eq!(report["usage"]["model_calls"], json!(2));
    assert!(asked.try_recv().is_err(), "nothing else was asked");

    // It is whole now, has no key in it, and replays without any server.
    let (code, replay) = run(at, &["replay", id], &[("OPENAI_BASE_URL", "http://127.0.0.1:9")]);
    assert_eq!((code, &replay["same"], &replay["divergence"]), (0, &json!(true), &Json::Null), "{replay}");
    assert_eq!(run(at, &["replay", "--live-tools"], &[]).0, 0);
    let written = traces(at);
    assert_eq!(written.len(), 1, "the trace that was cut is gone");
    assert!(written[0].contains("[redacted]") && !written[0].contains("do-not"), "{}", written[0]);
    let (code, error) = run(at, &["ask", "--resume", session], &env);
    assert_eq!((code, &error["error"]["kind"]), (1, &json!("trace")), "{error}");
}

#[test]
fn what_has_changed_since_is_told_and_the_exit_code_says_so() {
    let folder = homes();
    let at = folder.path();
    let (code, report) = run(at, &["ask", "homes in Utrecht, lowest price first"], &[]);
    assert_eq!(code, 0, "{report}");
    assert_eq!(run(at, &["replay"], &[]).1["same"], json!(true));
    assert_eq!(run(at, &["ask", "homes", "--no-trace"], &[]).0, 0);
    assert_eq!(traces(at).len(), 1);
    // Another generation of the catalogue, in which one home is dearer.
    fs::write_atomic(&at.join("homes.csv"), HOMES.replace("290000", "500000").as_bytes()).expect("the file");
    assert_eq!(run(at, &["import", "homes.csv", "--map", "homes.dataset.toml", "--index"], &[]).0, 0);
    let (code, replay) = run(at, &["replay"], &[]);
    assert_eq!(
        (code, &replay["same"], &replay["changes"][0]),
        (3, &json!(false), &json!("the generation was 1 and is 2"))
    );
    let (code, replay) = run(at, &["replay", "--live-tools"], &[]);
    assert_eq!(code, 3);
    let divergence = &replay["divergence"];
    assert_eq!(
        (&divergence["at"], &divergence["tool"], &divergence["what"]),
        (&json!("step s2"), &json!("order_by"), &json!("item 2")),
        "{replay}"
    );
    // Three lines of text for a person.
    let output =
        Command::new(env!("CARGO_BIN_EXE_segue")).current_dir(at).arg("replay").output().expect("segue");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(
        text.contains("the generation was 1 and is 2\n") && text.contains("\nfirst at report, "),
        "{text}"
    );
}

/// What stands under these names in a list of attributes, without the protocol's wrapping.
fn attributes(span: &Json) -> serde_json::Map<String, Json> {
    let bare = |value: &Json| {
        let (kind, value) = value.as_object().expect("a value").iter().next().expect("one kind");
        match kind.as_str() {
            "intValue" => json!(value.as_str().expect("text").parse::<i64>().expect("a whole number")),
            "arrayValue" => value["values"][0]["stringValue"].clone(),
            _ => value.clone(),
        }
    };
    let all = span["attributes"].as_array().expect("attributes").iter();
    all.map(|a| (a["key"].as_str().expect("a key").to_owned(), bare(&a["value"]))).collect()
}

#[test]
fn a_turn_is_exported_as_spans_of_the_conventions() {
    let folder = homes();
    let at = folder.path();
    let (model, asked) = server();
    let (collector, posted) = server();
    remember(at, &model);
    let ask = |content: &str| {
        let env = [
            ("OPENAI_BASE_URL", model.as_str()),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.as_str()),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-team=films%20and%20homes"),
            ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", content),
        ];
        let child = segue(at, &["ask", REQUEST, "--model", "small"], &env).stdout(Stdio::piped()).spawn();
        asked.recv().expect("a question").says(r#"{"1": {"is": "topic", "plain": "Reagan"}}"#);
        let post = posted.recv().expect("an export");
        let (head, body) =
            post.body.split_once("\r\n\r\n").map(|(h, b)| (h.to_owned(), b.to_owned())).expect("HTTP");
        post.answer("{}");
        assert!(child.expect("segue").wait_with_output().expect("the end").status.success());
        assert!(head.starts_with("POST /v1/traces HTTP/1.1"), "{head}");
        assert!(
            head.contains("x-team: films and homes") && head.contains("content-type: application/json"),
            "{head}"
        );
        (serde_json::from_str::<Json>(&body).expect("JSON"), body)
    };
    let (export, text) = ask("false");
    assert!(!text.contains("Reagan") && !text.contains(KEY), "content is left out unless it is asked for");
    let resource = &export["resourceSpans"][0];
    assert_eq!(attributes(&resource["resource"])["service.name"], json!("segue"));
    let spans = resource["scopeSpans"][0]["spans"].as_array().expect("spans");
    let names: Vec<_> = spans.iter().map(|s| s["name"].as_str().expect("a name")).collect();
    assert_eq!(names[..3], ["invoke_agent segue", "chat small", "execute_tool bm25_search"], "{names:?}");
    let time =
        |span: &Json, key: &str| span[key].as_str().expect("text").parse::<u64>().expect("nanoseconds");
    for span in spans {
        assert_eq!(span["traceId"].as_str().map(str::len), Some(32));
        assert_eq!(span["spanId"].as_str().map(str::len), Some(16));
        let parent = if span == &spans[0] { &Json::Null } else { &spans[0]["spanId"] };
        assert_eq!(&span["parentSpanId"], parent);
        assert!(time(&spans[0], "startTimeUnixNano") <= time(span, "startTimeUnixNano"));
        assert!(time(span, "startTimeUnixNano") <= time(span, "endTimeUnixNano"));
        assert!(time(span, "endTimeUnixNano") <= time(&spans[0], "endTimeUnixNano"));
    }
    let turn = attributes(&spans[0]);
    assert_eq!(
        (&turn["gen_ai.operation.name"], &turn["gen_ai.agent.name"]),
        (&json!("invoke_agent"), &json!("segue"))
    );
    assert_eq!((&turn["gen_ai.usage.input_tokens"], &turn["segue.turn"]), (&json!(700), &json!(1)));
    assert_eq!(turn["gen_ai.conversation.id"].as_str().map(str::len), Some(8));
    let chat = attributes(&spans[1]);
    for (key, value) in [
        ("gen_ai.operation.name", json!("chat")),
        ("gen_ai.provider.name", json!("openai")),
        ("gen_ai.request.model", json!("small")),
        ("gen_ai.response.model", json!("small-1")),
        ("gen_ai.response.finish_reasons", json!("stop")),
        ("gen_ai.usage.input_tokens", json!(700)),
        ("gen_ai.usage.output_tokens", json!(20)),
        ("gen_ai.output.type", json!("json")),
    ] {
        assert_eq!(chat[key], value, "{key}");
    }
    let tool = attributes(&spans[2]);
    assert_eq!(
        (&tool["gen_ai.operation.name"], &tool["gen_ai.tool.name"]),
        (&json!("execute_tool"), &json!("bm25_search"))
    );
    let (export, _) = ask("true");
    let spans = &export["resourceSpans"][0]["scopeSpans"][0]["spans"];
    let said = attributes(&spans[1])["gen_ai.output.messages"].as_str().map(serde_json::from_str::<Json>);
    let said = said.expect("messages").expect("JSON");
    assert_eq!((&said[0]["role"], &said[0]["parts"][0]["type"]), (&json!("assistant"), &json!("text")));
    let arguments = attributes(&spans[2])["gen_ai.tool.call.arguments"].clone();
    assert!(arguments.as_str().is_some_and(|a| a.contains("Reagan")), "{arguments}");
}

/// A collector that is not there, or that says nothing, costs a remark.
#[test]
fn an_export_that_fails_is_a_remark() {
    let folder = homes();
    let output = segue(
        folder.path(),
        &["ask", "homes in Utrecht"],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")],
    );
    let output = { output }.output().expect("segue");
    assert!(output.status.success());
    let remarks = String::from_utf8_lossy(&output.stderr);
    assert!(
        remarks.contains("the turn was not exported: cannot post to `http://127.0.0.1:9/v1/traces`"),
        "{remarks}"
    );
}
