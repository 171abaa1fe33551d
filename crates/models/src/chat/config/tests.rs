use std::time::Duration;

use secrecy::ExposeSecret;
use segue_world::{FixedWorld, Timestamp};

use super::*;
use crate::OPENAI_BASE_URL;

const FILE: &str = r#"
[catalog]
whose = "somebody else's"

[models.small]
base_url = "http://127.0.0.1:8080/v1"
model = "qwen"
context = 8192
timeouts = { first_token = 120, total = 600 }

[models.large]
base_url = "https://api.example.org/v1"
model = "large-3"
key_env = "EXAMPLE_KEY"
headers = { x-team = "hush" }
price_in = 0.5
price_out = 2

[models.file]
kind = "gguf"
model = "qwen2.5-coder-0.5b"

[models.default]
model = "gpt"

[roles]
plan = "small"
judge = "large"
write = "gone"
"#;

fn world() -> FixedWorld {
    FixedWorld::new(Timestamp::UNIX_EPOCH)
}

fn config() -> ModelsConfig {
    ModelsConfig::parse(FILE, "ws/workspace.toml").unwrap()
}

fn options(
    config: &ModelsConfig,
    role: TaskRole,
    given: Option<&str>,
    world: &FixedWorld,
) -> EndpointOptions {
    match config.resolve(role, given, world).unwrap().unwrap().source {
        ModelSource::OpenAi(options) => options,
        ModelSource::Gguf { .. } => panic!("it is a file"),
    }
}

#[test]
fn a_role_has_its_model_and_a_given_one_goes_first() {
    let config = config();
    let world = world().with_env("EXAMPLE_KEY", " sk-hush-hush\n");
    let small = options(&config, TaskRole::Plan, None, &world);
    assert_eq!((small.model.as_str(), small.context_window), ("qwen", Some(8192)));
    assert_eq!(small.first_token_timeout, Duration::from_mins(2));
    assert_eq!(small.stall_timeout, EndpointOptions::new("", "").stall_timeout);
    assert!(small.key.is_none());

    let large = config.resolve(TaskRole::Plan, Some("large"), &world).unwrap().unwrap();
    let usage = Usage { input_tokens: 1_000_000, output_tokens: 500_000, ..Usage::default() };
    assert_eq!(large.prices.map(|p| p.cost(&usage)), Some(1.5));
    let shown = format!("{large:?} {config:?}");
    assert!(!shown.contains("hush"), "{shown}");
    assert_eq!(options(&config, TaskRole::Judge, None, &world).key.unwrap().expose_secret(), "sk-hush-hush");

    let file = config.resolve(TaskRole::Plan, Some("file"), &world).unwrap().unwrap();
    assert_eq!(weights(file), Weights::Shelf("qwen2.5-coder-0.5b".to_owned()));
}

fn weights(model: ResolvedModel) -> Weights {
    match model.source {
        ModelSource::Gguf { weights, .. } => weights,
        ModelSource::OpenAi(options) => panic!("it is at {}", options.base_url),
    }
}

#[test]
fn weights_are_on_the_shelf_or_in_a_file_beside() {
    for (model, expected) in [
        ("qwen2.5-coder-1.5b", Weights::Shelf("qwen2.5-coder-1.5b".to_owned())),
        ("own.GGUF", Weights::File("ws/own.GGUF".into())),
        ("weights/own", Weights::File("ws/weights/own".into())),
    ] {
        let text = format!("[models.a]\nkind = \"gguf\"\nmodel = \"{model}\"");
        let config = ModelsConfig::parse(&text, "ws/workspace.toml").unwrap();
        assert_eq!(weights(config.resolve(TaskRole::Plan, None, &world()).unwrap().unwrap()), expected);
    }
}

/// In the file, else at the server of the environment, else on the shelf.
#[test]
fn names_are_looked_up_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = world().with_env("SEGUE_MODELS", &folder.path().to_string_lossy());
    let shelf = Shelf::new(std::sync::Arc::new(shelf)).unwrap();
    let config = config().with_shelf(&shelf);
    let name = "qwen2.5-coder-0.5b";
    let resolve = |world: &FixedWorld| config.resolve(TaskRole::Plan, Some(name), world).unwrap().unwrap();
    assert_eq!(weights(resolve(&world())), Weights::Shelf(name.to_owned()));
    assert_eq!(
        weights(resolve(&world().with_env("OPENAI_API_KEY", "sk-1"))),
        Weights::Shelf(name.to_owned())
    );
    let at_server = resolve(&world().with_env("OPENAI_BASE_URL", "http://lan/v1")).source;
    assert!(matches!(at_server, ModelSource::OpenAi(options) if options.base_url == "http://lan/v1"));
    let error = config.resolve(TaskRole::Plan, Some("all-minilm-l6-v2"), &world()).unwrap_err().to_string();
    assert!(error.contains("small, qwen2.5-coder-0.5b, qwen2.5-coder-1.5b)"), "{error}");
}

#[test]
fn nothing_is_used_that_nobody_named() {
    let world = world().with_env("OPENAI_API_KEY", "sk-1");
    let none = ModelsConfig::parse("", "workspace.toml").unwrap();
    assert!(none.resolve(TaskRole::Plan, None, &world).unwrap().is_none());
    assert!(config().resolve(TaskRole::Generate, None, &world).unwrap().is_none());
    let one = ModelsConfig::parse("[models.a]\nmodel = \"m\"", "workspace.toml").unwrap();
    assert_eq!(one.resolve(TaskRole::Plan, None, &world).unwrap().unwrap().name, "a");
}

#[test]
fn the_environments_key_goes_only_where_the_environment_says() {
    let world = world().with_env("OPENAI_API_KEY", "sk-1").with_env("OPENAI_BASE_URL", "http://lan/v1");
    let config = config();
    assert!(options(&config, TaskRole::Plan, Some("small"), &world).key.is_none());
    for name in ["default", "some-model"] {
        let options = options(&config, TaskRole::Plan, Some(name), &world);
        assert_eq!(options.base_url, "http://lan/v1");
        assert_eq!(options.key.unwrap().expose_secret(), "sk-1");
    }
    let at_home = options(&config, TaskRole::Plan, Some("default"), &self::world());
    assert_eq!(at_home.base_url, OPENAI_BASE_URL);
}

#[test]
fn proxies_come_from_the_world() {
    let world = world()
        .with_env("https_proxy", "http://proxy:1")
        .with_env("HTTP_PROXY", "http://evil:1")
        .with_env("NO_PROXY", "lan")
        .with_env("EXAMPLE_KEY", "k");
    let config = config();
    let large = options(&config, TaskRole::Judge, None, &world);
    assert_eq!((large.proxy.as_deref(), large.no_proxy.as_deref()), (Some("http://proxy:1"), Some("lan")));
    assert_eq!(options(&config, TaskRole::Plan, None, &world).proxy, None);
}

#[test]
fn a_key_may_be_in_a_file_beside() {
    let folder = tempfile::tempdir().unwrap();
    fs::write_atomic(&folder.path().join("key"), b"sk-2\n").unwrap();
    let path = folder.path().join("workspace.toml");
    fs::write_atomic(&path, b"[models.a]\nmodel = \"m\"\nkey_file = \"key\"\n").unwrap();
    let config = ModelsConfig::read(path).unwrap();
    assert_eq!(options(&config, TaskRole::Plan, None, &world()).key.unwrap().expose_secret(), "sk-2");
    assert_eq!(ModelsConfig::read(folder.path().join("none.toml")).unwrap().names().count(), 0);
}

#[test]
fn what_is_wrong_is_named_with_its_line_and_without_secrets() {
    for (text, expected) in [
        (
            "[models.a]\nmodel = \"m\"\nkey = \"sk-hush-hush\"\n",
            "`workspace.toml`, line 3: unknown field `key`, expected one of",
        ),
        ("\n[roles]\nplanner = \"a\"\n", "line 3: unknown field `planner`"),
        ("[models.a]\nmodel = \"m\"\nheaders = \"hush\"\n", "line 3: invalid type: string \"…\""),
        ("[models.a]\nbase_url = \"http://x\"\n", "line 1: missing field `model`"),
        ("[models.a]\nmodel = \"m\"\ntimeouts = { tota = 1 }\n", "line 3: unknown field `tota`"),
        ("[models.a\n", "line 1: "),
    ] {
        let error = ModelsConfig::parse(text, "workspace.toml").unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains("hush"), "{error}");
    }
}

#[test]
fn contradictions_are_named() {
    let resolve = |line: &str| {
        let text = format!("[models.a]\nmodel = \"m\"\n{line}\n");
        let config = ModelsConfig::parse(&text, "workspace.toml").unwrap();
        config.resolve(TaskRole::Plan, None, &world()).map(|_| ()).unwrap_err().to_string()
    };
    for (line, expected) in [
        ("key_env = \"K\"\nkey_file = \"k\"", "both `key_env` and `key_file`"),
        ("key_env = \"K\"", "the environment has no `K`"),
        ("key_file = \"no/such/file\"", "no/such/file"),
        ("timeouts = { total = -1 }", "a time-out is not between"),
        ("timeouts = { stall = 1e300 }", "a time-out is not between"),
        ("price_in = nan", "a price is no number"),
        ("kind = \"gguf\"\nbase_url = \"http://x\"", "has no `base_url`"),
    ] {
        let error = resolve(line);
        assert!(error.contains(expected), "{error}");
    }
    let config = config();
    let fails = |given| config.resolve(TaskRole::Write, given, &world()).unwrap_err().to_string();
    assert!(fails(None).contains("`[roles]` names it for `write`"));
    assert!(fails(Some("x")).contains("there are: default, file, large, small"));
}
