//! A conversation is recorded, captured and run again where it was held.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

use std::sync::Arc;

use segue_agent::model::Prompts;
use segue_agent::trace::{Tape, TraceFolder};
use segue_agent::{Agent, Budget, PlannerKind, PlanningModel, Session, TurnOptions};
use segue_catalog::{Dataset, Workspace, import};
use segue_evals::scenario::{CaptureError, RunOptions, ScenarioOutcome, Status, capture, run, traces_of};
use segue_models::{ChatError, ChatErrorKind, ChatReply, ScriptedModel, ToolCallRequest};
use segue_retrieval::{Engine, build_index};
use segue_world::{RealWorld, World, fs};
use serde_json::json;

const HOMES: &str = "\
id,title,kind,city,tags,price,built,text
h1,Canal View,apartment,Amsterdam,water,450000,1985,bright rooms above the water
h2,The Old Mill,house,Utrecht,garden;orchard,720000,1890,a mill with a garden and an orchard
h3,Rue des Lilas 7,house,Paris,garden,890000,1983,a quiet garden behind the house
h4,O'Hara's Loft,studio,Lyon,,240000,1999,small
";

const MAP: &str = r#"
name = "homes"
noun = "home"
items = { file = "homes.csv" }
fields = [
  { name = "id", role = "id" }, { name = "title", role = "title" }, { name = "kind", role = "category" },
  { name = "city", role = "category" }, { name = "tags", role = "category", separator = ";" },
  { name = "price", role = "number", unit = "eur", low = ["cheap"] },
  { name = "built", role = "number", type = "integer", unit = "year" }, { name = "text", role = "text" },
]
"#;

struct House {
    folder: tempfile::TempDir,
    workspace: Workspace,
    world: Arc<dyn World>,
    engine: Engine,
    runtime: tokio::runtime::Runtime,
}

fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    fs::write_atomic(&folder.path().join("homes.csv"), HOMES.as_bytes()).unwrap();
    let dataset = Dataset::parse(MAP, &folder.path().join("homes.toml")).unwrap();
    let workspace = Workspace::at(folder.path().join("workspace"));
    let world: Arc<dyn World> = Arc::new(RealWorld::new());
    import(&workspace, &dataset, world.as_ref(), &mut |_| {}, &|| false).unwrap();
    build_index(&workspace, None, world.as_ref(), &mut |_| {}, &|| false).unwrap();
    let engine = Engine::open(&workspace, None).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    House { folder, workspace, world, engine, runtime }
}

impl House {
    /// Holds a conversation on the record; gives the scenario.
    fn recorded(
        &self,
        turns: &[&str],
        options: TurnOptions,
        script: Vec<Result<ChatReply, ChatError>>,
    ) -> String {
        self.try_recorded(turns, options, script).unwrap()
    }

    fn try_recorded(
        &self,
        turns: &[&str],
        options: TurnOptions,
        script: Vec<Result<ChatReply, ChatError>>,
    ) -> Result<String, CaptureError> {
        let tools = segue_tools::builtin(self.engine.clone());
        let mut agent = Agent::new(self.world.clone(), self.engine.snapshot().clone(), tools);
        if options.planner != PlannerKind::Rules {
            let model = Arc::new(ScriptedModel::new(script));
            let prompts = Prompts::load(None).unwrap();
            agent = agent.with_model(PlanningModel { model, prompts, prices: None, logprobs: false });
        }
        let traces = TraceFolder::at(self.workspace.traces_dir());
        let mut session = Session::in_memory(self.world.as_ref());
        for request in turns {
            let options = TurnOptions { tape: Tape::recording(traces.clone()), ..options.clone() };
            self.runtime.block_on(agent.turn(&mut session, request, options, |_| {})).unwrap();
        }
        let names: Vec<&str> = agent.specs().iter().map(|s| s.name.as_str()).collect();
        capture(&traces_of(&traces, None)?, self.engine.snapshot().catalog(), &names)
    }

    fn run(&self, text: &str) -> ScenarioOutcome {
        let path = self.folder.path().join("captured.md");
        fs::write_atomic(&path, text.as_bytes()).unwrap();
        let options = RunOptions { workspace: Some(self.workspace.clone()), ..RunOptions::default() };
        let run = self.runtime.block_on(run(&self.world, &[path], &options, |_| {})).unwrap();
        run.outcomes[0].clone()
    }

    fn holds(&self, text: &str) {
        let outcome = self.run(text);
        assert_eq!((outcome.status, outcome.failures.as_slice()), (Status::Passed, &[][..]), "{text}");
    }
}

fn native(options: TurnOptions) -> TurnOptions {
    TurnOptions { planner: PlannerKind::Native, ..options }
}

#[expect(clippy::unnecessary_wraps, reason = "scripts hold results")]
fn calls(name: &str, arguments: serde_json::Value) -> Result<ChatReply, ChatError> {
    let call =
        ToolCallRequest { id: "a".to_owned(), name: name.to_owned(), arguments: arguments.to_string() };
    Ok(ChatReply::calls(vec![call]))
}

#[test]
fn a_conversation_with_the_rules_comes_out_again() {
    let house = house();
    let turns = [
        "homes with a garden in Utrecht or Paris",
        "under 800000, cheapest first",
        "the price does not matter",
        "tell me more about the first one",
        "studios in Utrecht",
        "how many homes are there?",
        "something that is not tagged orchard",
        "built in the 80s",
        "`odd` # words \"here\"\n```expect\nnothing",
    ];
    let text = house.recorded(&turns, TurnOptions { k: Some(3), ..TurnOptions::default() }, Vec::new());
    house.holds(&text);
    for part in [
        "catalog workspace name=homes",
        "k = 3",
        "holds price < 800000",
        "items all price < 800000",
        "planner is rules",
        "answer is description",
        "stop is empty",
        "````user now=",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // What is captured can fail.
    let wrong = text.replacen("price < 800000", "price < 80000", 1);
    assert_eq!(house.run(&wrong).status, Status::Failed);
}

#[test]
fn what_a_model_said_is_said_again() {
    let house = house();
    let mut costly = calls("bm25_search", json!({"query": "orchard"}));
    costly.as_mut().unwrap().usage.output_tokens = 7;
    let mut mixed = calls("bm25_search", json!({"query": "garden"})).unwrap();
    mixed.content = "I search.\n".to_owned();
    let script = vec![
        costly,
        Ok(ChatReply::text("DONE")),
        calls("bm25", json!({"query": "garden"})),
        Ok(mixed),
        Ok(ChatReply::text("```\nDONE\n```")),
        Err(ChatError::new(ChatErrorKind::Server { status: 503 }, "out of order")),
    ];
    let turns =
        ["houses with an orchard", "houses with a garden", "houses with a mill", "studios in Utrecht"];
    let text = house.recorded(&turns, native(TurnOptions::default()), script);
    house.holds(&text);
    for part in [
        "planner = \"native\"",
        "model calls input=0 output=7\nbm25_search {\"query\":\"orchard\"}\n",
        "````model",
        "```model reply\n{",
        "```model error=server",
        "```model nothing",
        "budget model_calls = 2",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let told = "planner is native";
    assert!(text.matches(told).count() >= 2 && text.contains("planner is rules"), "{text}");
}

#[test]
fn a_budget_is_captured() {
    let house = house();
    let budget = Budget { tokens: Some(500), calls: 9, ..Budget::default() };
    let mut costly = calls("bm25_search", json!({"query": "garden"}));
    costly.as_mut().unwrap().usage.input_tokens = 600;
    let text = house.recorded(
        &["houses with a garden"],
        native(TurnOptions { budget, ..TurnOptions::default() }),
        vec![costly],
    );
    house.holds(&text);
    assert!(
        text.contains("stop is budget") && text.contains("budget = { calls = 9, tokens = 500 }"),
        "{text}"
    );
}

#[test]
fn what_cannot_come_out_again_is_refused() {
    let house = house();
    let traces = TraceFolder::at(house.workspace.traces_dir());
    assert!(matches!(traces_of(&traces, None), Err(CaptureError::Trace(_))));
    let options = TurnOptions::default();
    options.cancellation.cancel();
    let stopped = house.try_recorded(&["houses"], options, Vec::new()).unwrap_err();
    assert!(stopped.to_string().contains("was stopped by its user"), "{stopped}");

    house.recorded(&["houses", "in Utrecht", "cheapest first"], TurnOptions::default(), Vec::new());
    let files = fs::list(&house.workspace.traces_dir()).unwrap();
    let second = files.iter().rev().nth(1).unwrap();
    fs::remove_file(second).unwrap();
    let gap = traces_of(&traces, None).unwrap_err();
    assert!(gap.to_string().starts_with("turn 2 of the session"), "{gap}");

    let last = traces_of(&traces, files.first().and_then(|p| p.to_str())).unwrap();
    let mut other = house.engine.snapshot().catalog().clone();
    other.name = "films".to_owned();
    let other = capture(&last, &other, &[]).unwrap_err();
    assert!(other.to_string().contains("about homes and this workspace holds films"), "{other}");
}
