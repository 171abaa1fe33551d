//! A GGUF model as a chat model: what a request asks for comes out, and nobody waits in vain.

use std::path::Path;
use std::sync::Arc;

use segue_models::gguf::{GgufChat, GgufOptions};
use segue_models::{
    ChatErrorKind, ChatModel, ChatReply, ChatRequest, Delta, Finish, JsonSchemaFormat, Message, Shelf,
    ToolChoice, ToolDefinition,
};
use segue_world::{RealWorld, fs};
use serde_json::{Value as Json, json};

use super::{conforms, tiny};

/// The tiny model, and the folder that it is in.
fn tiny() -> (GgufChat, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = tiny::write(folder.path());
    let model = GgufChat::new("tiny", file, GgufOptions { context: 4096, seed: 0 });
    (model, folder)
}

fn ask(text: &str, max_tokens: u32) -> ChatRequest {
    ChatRequest::new(vec![Message::system("Films."), Message::user(text)], max_tokens)
}

/// The reply, and what was told of it on the way.
async fn complete(model: &GgufChat, request: &ChatRequest) -> (ChatReply, Vec<Delta>) {
    let mut deltas = Vec::new();
    let reply = model.complete(request, &mut |delta| deltas.push(delta)).await.unwrap();
    (reply, deltas)
}

async fn error(model: &GgufChat, request: &ChatRequest) -> ChatErrorKind {
    model.complete(request, &mut |_| ()).await.unwrap_err().kind().clone()
}

fn told(deltas: &[Delta]) -> String {
    deltas.iter().map(|delta| if let Delta::Text(text) = delta { text.as_str() } else { "" }).collect()
}

fn film() -> Json {
    json!({
        "type": "object", "additionalProperties": false, "required": ["title", "seen"],
        "properties": {"title": {"type": "string", "maxLength": 20}, "seen": {"type": "boolean"}},
    })
}

fn tools() -> Vec<ToolDefinition> {
    let tool = |name: &str, parameters| ToolDefinition {
        name: name.to_owned(),
        description: "Looks.".to_owned(),
        parameters,
    };
    vec![tool("film", film()), tool("count", json!({"type": "object", "additionalProperties": false}))]
}

#[tokio::test]
async fn a_format_is_kept_to_and_told_as_it_comes() {
    let (model, _folder) = &tiny();
    let mut request = ask("a film", 400);
    request.format = Some(JsonSchemaFormat { name: "film".to_owned(), schema: film() });
    let (reply, deltas) = complete(model, &request).await;
    assert!(conforms(&serde_json::from_str(&reply.content).unwrap(), &film()), "{reply:?}");
    assert_eq!((reply.finish, reply.model.as_str()), (Finish::Stop, "tiny"));
    assert_eq!(told(&deltas), reply.content);
    assert!(deltas.len() > 2, "{deltas:?}");

    // The same beginning is not read again.
    assert_eq!(reply.usage.cached_tokens, 0);
    assert!(reply.usage.input_tokens > 20 && reply.usage.output_tokens > 5, "{:?}", reply.usage);
    let (again, _) = complete(model, &request).await;
    assert_eq!(again.usage.cached_tokens, again.usage.input_tokens - 1);
    request.max_tokens = 2;
    assert_eq!(error(model, &request).await, ChatErrorKind::Truncated);
}

#[tokio::test]
async fn a_required_call_is_one_of_the_tools_with_arguments_of_its_schema() {
    let (model, _folder) = &tiny();
    for choice in [ToolChoice::Required, ToolChoice::Named("film".to_owned())] {
        let request = ChatRequest { tools: tools(), tool_choice: choice.clone(), ..ask("a film", 400) };
        let (reply, deltas) = complete(model, &request).await;
        let [call] = reply.tool_calls.as_slice() else { panic!("{reply:?}") };
        let arguments: Json = serde_json::from_str(&call.arguments).unwrap();
        match call.name.as_str() {
            "film" => assert!(conforms(&arguments, &film()), "{arguments}"),
            _ => assert_eq!((arguments, choice), (json!({}), ToolChoice::Required)),
        }
        assert_eq!((reply.finish, reply.content.as_str()), (Finish::ToolCalls, ""));
        assert!(matches!(deltas.as_slice(), [Delta::ToolCall { index: 0, .. }]), "{deltas:?}");
    }
}

/// Whatever schema a tool of ours has, a call of it can be kept to it.
#[tokio::test]
async fn the_schemas_of_the_built_in_tools_can_be_kept_to() {
    let (model, _folder) = &tiny();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/src/tests/specs");
    let mut checked = 0;
    for file in fs::list(&folder).unwrap() {
        let spec: Json = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let text = |key: &str| spec[key].as_str().unwrap().to_owned();
        let parameters = spec["schema"].clone();
        let tool = ToolDefinition { name: text("name"), description: text("description"), parameters };
        let mut request = ask("a film", 1);
        (request.tools, request.tool_choice) = (vec![tool], ToolChoice::Required);
        assert_eq!(error(model, &request).await, ChatErrorKind::Truncated, "{}", text("name"));
        checked += 1;
    }
    assert!(checked > 5);
}

#[tokio::test]
async fn texts_stop_and_tell_how_likely_they_are() {
    let (model, _folder) = &tiny();
    let request = ChatRequest { logprobs: Some(3), ..ask("a film", 12) };
    let (reply, deltas) = complete(model, &request).await;
    assert_eq!((told(&deltas), reply.usage.output_tokens), (reply.content.clone(), 12));
    assert_eq!(reply.finish, Finish::Length);
    let tokens = reply.logprobs.unwrap();
    assert_eq!(tokens.len(), 12);
    for token in &tokens {
        assert_eq!((token.top.len(), &token.top[0]), (3, &(token.token.clone(), token.logprob)));
    }
    // The first character that is not at the beginning already.
    let middle = reply.content.chars().find(|c| !reply.content.starts_with(*c) && *c != '\u{fffd}').unwrap();
    let stop = ChatRequest { stop: vec![middle.to_string()], ..request };
    let (stopped, _) = complete(model, &stop).await;
    assert_eq!(
        (stopped.finish, stopped.content),
        (Finish::Stop, reply.content.split(middle).next().unwrap().to_owned())
    );
    // Without a temperature the likeliest, with one as the seed says.
    let draw = |seed| ChatRequest { temperature: Some(1.0), seed: Some(seed), ..ask("a film", 12) };
    assert_eq!(complete(model, &draw(1)).await.0.content, complete(model, &draw(1)).await.0.content);
    assert_ne!(complete(model, &draw(1)).await.0.content, complete(model, &draw(2)).await.0.content);
}

#[tokio::test]
async fn one_answers_at_a_time_and_nobody_is_forgotten() {
    let (model, _folder) = &tiny();
    let requests = ["one", "two", "three"].map(|text| ask(text, 5));
    let answers = futures_util::future::join_all(requests.iter().map(|request| complete(model, request)));
    assert!(answers.await.iter().all(|(reply, _)| reply.usage.output_tokens > 0));
}

/// Of a call that nobody waits for any more only the token at hand is finished.
#[tokio::test]
async fn a_dropped_call_lets_the_next_one_go_on() {
    let (model, _folder) = &tiny();
    let endless = ChatRequest { temperature: Some(1.0), ..ask("a film", 3500) };
    let begun = tokio::sync::Notify::new();
    let mut heard = 0;
    let mut hear = |_| {
        heard += 1;
        begun.notify_one();
    };
    tokio::select! {
        reply = model.complete(&endless, &mut hear) => panic!("{reply:?}"),
        () = begun.notified() => {}
    }
    let (reply, _) = complete(model, &ask("another film", 5)).await;
    assert!(reply.usage.output_tokens > 0);
    assert!(heard < 100, "{heard} pieces were told");
}

#[tokio::test]
async fn what_cannot_be_done_is_an_error_of_the_table() {
    let (model, folder) = &tiny();
    let long = ask(&"words ".repeat(2000), 5);
    assert_eq!(error(model, &long).await, ChatErrorKind::ContextTooLong { limit: Some(4096) });
    let mut shapeless = ask("a film", 5);
    shapeless.format = Some(JsonSchemaFormat { name: "film".to_owned(), schema: json!({"type": "colour"}) });
    assert_eq!(error(model, &shapeless).await, ChatErrorKind::BadRequest);
    assert_eq!(error(model, &ask("a film", 0)).await, ChatErrorKind::InvalidRequest);

    let text = folder.path().join("notes.gguf");
    fs::write_atomic(&text, b"no weights").unwrap();
    for file in [text, folder.path().join("nothing.gguf")] {
        let model = GgufChat::new("none", &file, GgufOptions::default());
        let refused = model.complete(&ask("a film", 5), &mut |_| ()).await.unwrap_err();
        assert_eq!(*refused.kind(), ChatErrorKind::Weights);
        let text = refused.to_string();
        assert!(text.starts_with("model `none`: ") && text.contains(&*file.to_string_lossy()), "{text}");
    }
}

/// With real weights: a tool is called for what was asked.
#[tokio::test]
async fn a_real_model_calls_tools() {
    let files = Shelf::new(Arc::new(RealWorld::new())).ok().and_then(|shelf| shelf.get(super::MODEL));
    let Some(files) = files else { return super::skipped() };
    let model = GgufChat::new("real", files.only(), GgufOptions { context: 2048, seed: 0 });
    let city = json!({
        "type": "object", "additionalProperties": false, "required": ["city"],
        "properties": {"city": {"type": "string", "maxLength": 20}},
    });
    let weather = ToolDefinition {
        name: "weather".to_owned(),
        description: "The weather in a city today.".to_owned(),
        parameters: city,
    };
    let question = Message::user("What is the weather in Oslo today?");
    let mut request = ChatRequest::new(vec![question], 60);
    request.tools = vec![weather];
    request.tool_choice = ToolChoice::Required;
    let (reply, _) = complete(&model, &request).await;
    let call = &reply.tool_calls[0];
    assert_eq!((call.name.as_str(), &reply.finish), ("weather", &Finish::ToolCalls));
    assert_eq!(serde_json::from_str::<Json>(&call.arguments).unwrap(), json!({"city": "Oslo"}));
}
