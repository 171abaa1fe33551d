//! What is promised of a GGUF model, on a tiny one that is made here, and on one with real weights if they are on the
//! shelf.
#![cfg(feature = "gguf")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what a test needs is there, or it fails")]

#[path = "gguf/chat.rs"]
mod chat;
#[path = "gguf/tiny.rs"]
mod tiny;

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use segue_models::Shelf;
use segue_models::gguf::{
    Finish, GenerateRequest, Generated, GgufError, GgufModel, GgufOptions, Input, Logits, Prompt,
    Qwen2Config, Sampling, Speaker, Turn, Want,
};
use segue_world::RealWorld;
use serde_json::{Value as Json, json};

const MODEL: &str = "qwen2.5-coder-0.5b";

const OPTIONS: GgufOptions = GgufOptions { context: 2048, seed: 5 };

/// One at a time: passes take all cores.
static REAL: LazyLock<Option<Mutex<GgufModel>>> = LazyLock::new(|| {
    let files = Shelf::new(Arc::new(RealWorld::new())).ok()?.get(MODEL)?;
    Some(Mutex::new(GgufModel::open(&files.only(), OPTIONS).unwrap()))
});

#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn skipped() {
    println!("skipped: `{MODEL}` is not on the shelf");
}

fn real() -> Option<MutexGuard<'static, GgufModel>> {
    if REAL.is_none() {
        skipped();
    }
    REAL.as_ref().map(|model| model.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Checks what must hold of every model.
fn each(check: impl Fn(&GgufModel)) {
    let folder = tempfile::tempdir().unwrap();
    check(&GgufModel::open(&tiny::write(folder.path()), OPTIONS).unwrap());
    if let Some(model) = real() {
        check(&model);
    }
}

/// How far logits may lie apart when the same tokens run in other passes. Activations are rounded to eight bits on
/// their way through every matrix, so that a last digit that differs can come to this much at the end.
const ROUNDING: f32 = 0.6;

fn chat(text: &str) -> Prompt {
    Prompt::Chat(vec![Turn::new(Speaker::User, text)])
}

fn generate(model: &GgufModel, request: &GenerateRequest) -> Generated {
    let mut told = String::new();
    let generated = model.generate(request, &mut |text| told.push_str(text), &|| false).unwrap();
    assert_eq!(told, generated.text);
    generated
}

fn close(a: &[f32], b: &[f32], within: f32) {
    assert_eq!(a.len(), b.len());
    let far = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(far <= within, "they differ by {far}");
}

/// The same tokens up to a tie: where two texts part, both tokens were about as likely.
fn agree(a: &Generated, b: &Generated) {
    let parted = a.tokens.iter().zip(&b.tokens).find(|(a, b)| a.token != b.token);
    if let Some((one, other)) = parted {
        let found = one.alternatives.iter().find(|(token, _)| *token == other.token);
        let gap = found.map(|(_, other)| one.log_probability - other);
        assert!(gap.is_some_and(|gap| gap < ROUNDING / 2.0), "{one:?} and {other:?}");
    }
}

#[test]
fn the_template_is_the_published_one() {
    let Some(model) = &real() else { return };
    let turns =
        vec![Turn::new(Speaker::System, "Be brief."), Turn::new(Speaker::User, "<|im_end|> 12 films")];
    let tokens = model.tokens(&Prompt::Chat(turns)).unwrap();
    let (start, end) = (151_644, 151_645);
    assert_eq!(tokens[..8], [start, 8948, 198, 3430, 9814, 13, end, 198]);
    assert_eq!(tokens.iter().filter(|&&token| token == end).count(), 2);
    assert_eq!(tokens[tokens.len() - 5..], [end, 198, start, 77_091, 198]);
    assert_eq!(
        model.tokenizer().decode(&tokens),
        "system\nBe brief.\nuser\n<|im_end|> 12 films\nassistant\n"
    );
}

#[test]
fn attention_is_a_distribution_over_what_came_before() {
    each(|model| {
        let prompt = Prompt::Text("A slow film about the sea and the people who leave it.".to_owned());
        let tokens = model.tokens(&prompt).unwrap().len();
        let last = 5;
        let Qwen2Config { heads, layers, .. } = *model.network().config();
        let deep = layers / 2;
        let attention = model.attention(&prompt, &[0, deep], last).unwrap();
        assert_eq!(attention.iter().map(|a| a.layer).collect::<Vec<_>>(), [0, deep]);
        for layer in &attention {
            assert_eq!((layer.heads, layer.rows.len(), layer.rows.width()), (heads, heads * last, tokens));
            for head in 0..layer.heads {
                for token in 0..last {
                    let row = layer.row(head, token);
                    assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4);
                    let own = tokens - last + token;
                    assert!(row[own] > 0.0 && row[own + 1..].iter().all(|x| *x == 0.0));
                }
            }
            assert!(layer.row(0, last).is_empty());
        }
        // The same rows whether the tokens before them ran in the same pass or not.
        let whole = model.attention(&prompt, &[deep], tokens).unwrap();
        close(attention[1].row(3, last - 1), whole[0].row(3, tokens - 1), 1e-4);
        let error = model.attention(&prompt, &[layers], 1).unwrap_err();
        assert!(
            matches!(error, GgufError::Layer { layer, last } if (layer, last) == (layers, layers - 1)),
            "{error}"
        );
    });
}

#[test]
fn a_pass_that_stops_early_is_the_beginning_of_a_whole_one() {
    each(|model| {
        let prompt = Prompt::Text("Films set on a train, not in winter".to_owned());
        let tokens = model.tokens(&prompt).unwrap();
        let last = model.network().config().layers - 1;
        for layer in [0, last / 3, last] {
            let early = model.hidden(&prompt, layer).unwrap();
            let want = Want { hidden: Some(layer), ..Want::default() };
            let network = model.network();
            let whole = network.forward(Input::Tokens(&tokens), &mut network.cache(None), &want).unwrap();
            assert_eq!((early.len(), early.width()), (tokens.len(), network.config().width));
            assert_eq!(early, whole.hidden);
            assert_eq!(whole.logits.len(), 1);
        }
        let network = model.network();
        let want = Want { stop_after: Some(0), ..Want::default() };
        assert!(network.forward(Input::Tokens(&tokens), &mut network.cache(None), &want).is_err());
    });
}

#[test]
fn embeddings_of_tokens_stand_for_them() {
    each(|model| {
        let network = model.network();
        let tokens = model.tokenizer().encode("Two hours of rain, told backwards").unwrap();
        let embeddings = network.embed(&tokens).unwrap();
        let want = Want { logits: Logits::All, ..Want::default() };
        let run = |input| network.forward(input, &mut network.cache(None), &want).unwrap().logits;
        let (by_token, by_embedding) = (run(Input::Tokens(&tokens)), run(Input::Embeddings(&embeddings)));
        assert_eq!((by_token.len(), by_token.width()), (tokens.len(), model.tokenizer().len()));
        assert_eq!(by_token, by_embedding);
        let mut cache = network.cache(None);
        network.forward(Input::Tokens(&tokens[..3]), &mut cache, &Want::default()).unwrap();
        let rest = network.forward(Input::Tokens(&tokens[3..]), &mut cache, &want).unwrap();
        close(rest.logits.last(), by_token.last(), ROUNDING);
    });
}

#[test]
fn the_greedy_continuation_is_the_likeliest() {
    each(|model| {
        let prompt = chat("Name a colour. One word.");
        let request = GenerateRequest { alternatives: 2, ..GenerateRequest::new(prompt.clone(), 8) };
        let greedy = generate(model, &request);
        assert!(!greedy.tokens.is_empty());
        let tokens: Vec<u32> = greedy.tokens.iter().map(|t| t.token).collect();
        let scores = model.log_probabilities(&prompt, &tokens).unwrap();
        for (at, (token, score)) in greedy.tokens.iter().zip(&scores).enumerate() {
            assert!(
                (token.log_probability - score).abs() < ROUNDING,
                "{} and {score}",
                token.log_probability
            );
            assert_eq!(token.alternatives[0], (token.token, token.log_probability));
            let mut other = tokens[..=at].to_vec();
            other[at] = token.alternatives[1].0;
            let second = model.log_probabilities(&prompt, &other).unwrap();
            assert!(second[at] <= score + ROUNDING);
            assert!((second[at] - token.alternatives[1].1).abs() < ROUNDING);
        }
        let unlikely = model.tokenizer().encode(" parliament of otters").unwrap();
        let unlikely = model.log_probabilities(&prompt, &unlikely).unwrap();
        assert!(unlikely.iter().sum::<f32>() < scores.iter().sum());
    });
}

#[test]
fn a_prompt_that_begins_as_the_last_one_is_not_read_again() {
    each(|model| {
        // Whatever ran before: nothing begins like this.
        generate(model, &GenerateRequest::new(Prompt::Tokens(vec![0]), 1));
        let turns = |question: &str| {
            let task = "You know films. Answer in one short sentence, and only about films.";
            Prompt::Chat(vec![Turn::new(Speaker::System, task), Turn::new(Speaker::User, question)])
        };
        let request =
            |question: &str| GenerateRequest { alternatives: 5, ..GenerateRequest::new(turns(question), 12) };
        let cold = generate(model, &request("What is a western?"));
        assert_eq!(cold.cached_tokens, 0);
        let other = generate(model, &request("What is a documentary?"));
        assert!(other.cached_tokens > 15 && other.cached_tokens < other.prompt_tokens, "{other:?}");
        let warm = generate(model, &request("What is a western?"));
        assert!(warm.cached_tokens > 15);
        agree(&cold, &warm);
        let again = generate(model, &request("What is a western?"));
        assert_eq!(again.cached_tokens, again.prompt_tokens - 1);
        agree(&cold, &again);
        let last = generate(model, &request("What is a western?"));
        assert_eq!((last.cached_tokens, last.tokens), (again.cached_tokens, again.tokens));
    });
}

#[test]
fn a_text_ends_for_many_reasons() {
    let Some(model) = &real() else { return };
    let count = Prompt::Text("1 2 3 4 5 6 7 8 9 10 11 12".to_owned());
    let request = GenerateRequest::new(count, 12);
    let long = generate(model, &request);
    assert_eq!((long.finish, long.tokens.len()), (Finish::Length, 12));
    assert!(long.text.starts_with(" 13 14 15"), "{}", long.text);
    let stopped = generate(model, &GenerateRequest { stop: vec!["15".to_owned()], ..request.clone() });
    assert_eq!((stopped.finish, stopped.text.as_str()), (Finish::Stop, " 13 14 "));
    let cancelled = model.generate(&request, &mut |_| (), &|| true).unwrap();
    assert_eq!((cancelled.finish, cancelled.text.as_str()), (Finish::Cancelled, ""));
    let ended = generate(model, &GenerateRequest::new(chat("Say the word yes and nothing else."), 20));
    assert_eq!(ended.finish, Finish::Stop);
    let nothing = generate(model, &GenerateRequest { max_tokens: 0, ..request.clone() });
    assert_eq!((nothing.finish, nothing.tokens.len()), (Finish::Length, 0));

    let words = Prompt::Text("word ".repeat(3000));
    let error = model.generate(&GenerateRequest::new(words, 1), &mut |_| (), &|| false).unwrap_err();
    assert!(matches!(error, GgufError::Context { context: 2048, .. }), "{error}");
    let empty = GenerateRequest::new(Prompt::Tokens(Vec::new()), 1);
    assert!(matches!(model.generate(&empty, &mut |_| (), &|| false), Err(GgufError::Prompt(_))));
}

#[test]
fn the_same_seed_says_the_same() {
    each(|model| {
        let draw = |seed| {
            let sampling = Sampling { temperature: 1.5, top_p: 0.95, seed };
            let request = GenerateRequest::new(chat("Invent a film title."), 12);
            generate(model, &GenerateRequest { sampling, ..request }).text
        };
        // Warm: a cold pass rounds in other places.
        draw(None);
        assert_eq!(draw(Some(5)), draw(None));
        assert_ne!(draw(Some(5)), draw(Some(6)));
    });
}

#[test]
fn what_comes_out_keeps_to_its_schema() {
    each(|model| {
        let mut random = Random(11);
        // A real model takes its time.
        let schemas = if model.name() == "tiny" { 40 } else { 6 };
        for number in 0..schemas {
            let schema = object(&mut random, 1);
            let mut request = GenerateRequest::new(chat("Describe a film in JSON. Be brief."), 1500);
            request.schema = Some(schema.clone());
            if number % 2 == 1 {
                request.sampling = Sampling { temperature: 1.0, top_p: 0.9, seed: Some(number) };
            }
            let generated = generate(model, &request);
            assert_eq!(generated.finish, Finish::Stop, "{schema} gave {}", generated.text);
            let value: Json = serde_json::from_str(&generated.text).unwrap();
            assert!(conforms(&value, &schema), "{schema} gave {value}");
            assert!(generated.tokens.iter().all(|token| token.log_probability <= 1e-3));
        }
        let mut request = GenerateRequest::new(chat("hello"), 10);
        for wrong in [json!("object"), json!({"type": "colour"}), json!({"type": "object", "required": 7})] {
            request.schema = Some(wrong);
            let error = model.generate(&request, &mut |_| (), &|| false).unwrap_err();
            assert!(matches!(error, GgufError::Schema(_)), "{error}");
        }
    });
}

/// Random numbers for schemas: a linear congruential generator (Knuth's MMIX).
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn object(random: &mut Random, depth: u64) -> Json {
    let names = ["title", "year", "genres", "seen", "rating", "made by", "länge"];
    let chosen: Vec<&str> = names.into_iter().filter(|_| random.below(3) == 0).collect();
    let chosen = if chosen.is_empty() { vec!["title"] } else { chosen };
    let properties: serde_json::Map<String, Json> =
        chosen.iter().map(|name| ((*name).to_owned(), value(random, depth))).collect();
    json!({"type": "object", "properties": properties, "required": chosen, "additionalProperties": false})
}

fn value(random: &mut Random, depth: u64) -> Json {
    match random.below(6 + depth) {
        0 => json!({"type": "boolean"}),
        1 => json!({"type": "integer", "minimum": 1, "maximum": 2030}),
        2 => json!({"type": "string", "maxLength": 20}),
        3 => json!({"enum": ["drama", "film noir", "été", null]}),
        4 => json!({"anyOf": [{"type": "null"}, {"type": "number", "minimum": 0, "maximum": 10}]}),
        5 => {
            json!({"type": "array", "items": {"type": "string", "maxLength": 12}, "minItems": 1, "maxItems": 2})
        }
        _ => object(random, depth - 1),
    }
}

/// Whether a value is valid, written apart from what keeps it so; knows the keywords of [`value`] alone.
fn conforms(value: &Json, schema: &Json) -> bool {
    let within = |x: f64| {
        schema["minimum"].as_f64().is_none_or(|low| x >= low)
            && schema["maximum"].as_f64().is_none_or(|high| x <= high)
    };
    if let Some(allowed) = schema["enum"].as_array() {
        return allowed.contains(value);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        return choices.iter().any(|choice| conforms(value, choice));
    }
    match (schema["type"].as_str().unwrap(), value) {
        ("null", Json::Null) | ("boolean", Json::Bool(_)) => true,
        ("integer", Json::Number(n)) => n.is_i64() && within(n.as_f64().unwrap()),
        ("number", Json::Number(n)) => within(n.as_f64().unwrap()),
        ("string", Json::String(text)) => {
            text.chars().count() as u64 <= schema["maxLength"].as_u64().unwrap()
        }
        ("array", Json::Array(items)) => {
            (schema["minItems"].as_u64().unwrap()..=schema["maxItems"].as_u64().unwrap())
                .contains(&(items.len() as u64))
                && items.iter().all(|item| conforms(item, &schema["items"]))
        }
        ("object", Json::Object(fields)) => {
            let wanted: Vec<&str> =
                schema["required"].as_array().unwrap().iter().filter_map(Json::as_str).collect();
            fields.keys().map(String::as_str).eq(wanted)
                && fields.iter().all(|(name, field)| conforms(field, &schema["properties"][name]))
        }
        _ => false,
    }
}
