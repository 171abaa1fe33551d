//! Turns with real tools and scripted models, recorded, replayed, cut and taken up again.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use segue_agent::model::Prompts;
use segue_agent::trace::{Line, Replay, ReplayTools, Tape, Trace, TraceError, TraceFolder};
use segue_agent::{
    Agent, AgentError, Budget, PlannerKind, PlanningModel, Session, SessionStore, TurnOptions, TurnReport,
};
use segue_catalog::{Dataset, Workspace, import};
use segue_models::{ChatError, ChatErrorKind, ChatReply, Prices, ScriptedModel};
use segue_retrieval::{Engine, build_index};
use segue_world::{RealWorld, World, fs};
use serde_json::json;

const HOMES: &str = "\
id,title,kind,city,price,built,height,text
h1,Canal View,apartment,Amsterdam,450000,1985,0.30000000000000004,bright rooms above the water
h2,The Old Mill,house,Utrecht,720000,1890,2.2250738585072011e-4,a mill with a garden and an orchard
h3,Rue des Lilas 7,house,Paris,890000,1983,0.1234567890123456789,a quiet garden behind the house
h4,Small studio,studio,Lyon,240000,1999,7.3,small and quiet
";

const MAP: &str = r#"
name = "homes"
noun = "home"
items = { file = "homes.csv" }
fields = [
    { name = "id", role = "id" }, { name = "title", role = "title" }, { name = "kind", role = "category" },
    { name = "city", role = "category" }, { name = "price", role = "number", unit = "eur" },
    { name = "built", role = "number", type = "integer", unit = "year" },
    { name = "height", role = "number", type = "real" }, { name = "text", role = "text" },
]
"#;

struct Homes {
    engine: Engine,
    world: Arc<dyn World>,
    folder: tempfile::TempDir,
}

impl Homes {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write_atomic(&folder.path().join("homes.csv"), HOMES.as_bytes()).unwrap();
        let map = folder.path().join("homes.toml");
        fs::write_atomic(&map, MAP.as_bytes()).unwrap();
        let workspace = Workspace::at(folder.path().join("workspace"));
        let world: Arc<dyn World> = Arc::new(RealWorld::new());
        import(&workspace, &Dataset::read(&map).unwrap(), world.as_ref(), &mut |_| {}, &|| false).unwrap();
        build_index(&workspace, None, world.as_ref(), &mut |_| {}, &|| false).unwrap();
        Self { engine: Engine::open(&workspace, None).unwrap(), world, folder }
    }

    fn traces(&self) -> TraceFolder {
        TraceFolder::at(self.folder.path().join("traces"))
    }

    fn sessions(&self) -> Arc<SessionStore> {
        Arc::new(SessionStore::open(&self.folder.path().join("sessions.db"), self.world.clone()).unwrap())
    }

    /// An agent without a model, over all tools but these.
    fn agent(&self, without: &[&str]) -> Agent {
        let without: Vec<String> = without.iter().map(|name| (*name).to_owned()).collect();
        let tools = segue_tools::builtin(self.engine.clone()).without(&without);
        Agent::new(self.world.clone(), self.engine.snapshot().clone(), tools)
    }

    fn planned_by(&self, model: &Arc<ScriptedModel>) -> Agent {
        let prices = Some(Prices { input: 0.15, output: 0.6 });
        self.agent(&[]).with_model(PlanningModel {
            model: model.clone(),
            prompts: prompts(),
            prices,
            logprobs: false,
        })
    }

    /// One turn that is recorded; its report and its trace.
    fn turn(&self, session: &mut Session, request: &str, model: &Arc<ScriptedModel>) -> (TurnReport, Trace) {
        let tape = Tape::recording(self.traces());
        let options =
            TurnOptions { planner: PlannerKind::Route, tape: tape.clone(), ..TurnOptions::default() };
        let report =
            runtime().block_on(self.planned_by(model).turn(session, request, options, |_| {})).unwrap();
        assert_eq!(tape.problem(), None);
        (report, Trace::read(&tape.path().unwrap()).unwrap())
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}

fn prompts() -> Prompts {
    Prompts::load(None).unwrap()
}

fn model(script: Vec<Result<ChatReply, ChatError>>) -> Arc<ScriptedModel> {
    Arc::new(ScriptedModel::new(script))
}

fn says(reply: &serde_json::Value) -> ChatReply {
    let mut reply = ChatReply::text(reply.to_string());
    (reply.usage.input_tokens, reply.usage.output_tokens) = (731, 19);
    reply
}

/// What a model says of “houses from the Reagan years with a garden”.
fn reagan() -> ChatReply {
    says(&json!({"1": {"is": "time", "plain": "1981 to 1989"}}))
}

fn replay(agent: &Agent, trace: &Trace, tools: ReplayTools) -> Replay {
    runtime().block_on(agent.replay(trace, &prompts(), tools)).unwrap()
}

fn same() -> Replay {
    Replay { divergence: None, changes: Vec::new() }
}

const REQUEST: &str = "houses from the Reagan years";

/// A conversation with everything in it that a turn can depend on: a model's help, its nonsense, its failure, what was
/// said before, what was shown before.
#[test]
fn a_turn_replays_byte_for_byte() {
    let homes = Homes::new();
    let script = vec![
        Ok(reagan()),
        Ok(ChatReply::text("no JSON at all")),
        Ok(reagan()),
        Err(ChatError::new(ChatErrorKind::Unreachable, "refused")),
    ];
    let model = model(script);
    let store = homes.sessions();
    let mut session = store.create();
    let mut cost = 0.0;
    for request in [
        REQUEST,
        "houses from the Reagan years with a garden, dearest first",
        "why #1?",
        "tell me more about the first one",
        "a castle in the clouds of nowhere",
        "how many houses are there?",
    ] {
        let (report, trace) = homes.turn(&mut session, request, &model);
        cost += report.usage.cost;
        let text = fs::read_to_string(&trace.path).unwrap();
        assert!(text.ends_with(&format!("{}}}\n", serde_json::to_string(&report).unwrap())), "{request}");
        for tools in [ReplayTools::Recorded, ReplayTools::Live] {
            assert_eq!(replay(&homes.agent(&[]), &trace, tools), same(), "{request}");
        }
        // Also where the session was read back, as another process does.
        session = store.resume(&session.id).unwrap();
    }
    model.assert_complete().unwrap();
    assert!((cost - 2.0 * (731.0 * 0.15 + 19.0 * 0.6) / 1e6).abs() < 1e-12, "{cost}");
    let listed = homes.traces().list().unwrap();
    assert_eq!(listed.len(), 6);
    assert_eq!(listed.iter().filter_map(|t| t.usage).map(|u| u.input_tokens).sum::<u64>(), 2 * 731);
    assert_eq!(listed[5].request, REQUEST);
}

#[test]
fn what_has_changed_is_named_with_the_first_difference() {
    let homes = Homes::new();
    let (_, trace) = homes.turn(&mut homes.sessions().create(), REQUEST, &model(vec![Ok(reagan())]));
    // A tool is gone: the plan is another, and so is the first step that calls it.
    let found = replay(&homes.agent(&["bm25_search"]), &trace, ReplayTools::Recorded);
    assert_eq!((found.is_same(), found.changes), (false, vec!["the tool `bm25_search` is gone".to_owned()]));
    // A prompt is another.
    let folder = homes.folder.path().join("prompts");
    fs::create_dir_all(&folder).unwrap();
    fs::write_atomic(&folder.join("route.prompt.md"), b"---\nname: route\n---\nRead this.").unwrap();
    let prompts = Prompts::load(Some(&folder)).unwrap();
    let found = runtime().block_on(homes.agent(&[]).replay(&trace, &prompts, ReplayTools::Recorded)).unwrap();
    assert_eq!(found.changes, ["the prompt `route` has changed"]);
    let divergence = found.divergence.unwrap();
    assert_eq!((divergence.at.as_str(), divergence.what.as_str()), ("exchange 1", "messages[0].content"));
    assert_eq!(divergence.got, "“Read this.”");
}

/// A line of a trace, changed by hand as if a tool had once said otherwise.
fn edited(trace: &Trace, from: &str, to: &str) -> Trace {
    let text = fs::read_to_string(&trace.path).unwrap();
    assert!(text.contains(from), "{text}");
    Trace::parse(&text.replacen(from, to, 1), &trace.path).unwrap()
}

#[test]
fn a_live_tool_that_says_otherwise_is_named() {
    let homes = Homes::new();
    let (report, trace) = homes.turn(&mut homes.sessions().create(), REQUEST, &model(vec![Ok(reagan())]));
    let first = &report.calls[0];
    let items = trace.lines.iter().find_map(|line| match line {
        Line::Set(set) if Some(&set.handle) == first.handle() => Some(json!(set.items).to_string()),
        _ => None,
    });
    assert_eq!(items.as_deref(), Some("[2]"));
    let edit = |from: &str, to: &str| {
        let found = replay(&homes.agent(&[]), &edited(&trace, from, to), ReplayTools::Live);
        found.divergence.unwrap().to_string()
    };
    let set = "\"items\":[2]";
    assert_eq!(edit(set, "\"items\":[1]"), "step s1 (`sql_filter`), item 1: recorded `h2`, now `h3`");
    assert_eq!(
        edit("\"count\":1,", "\"count\":2,"),
        "step s1 (`sql_filter`), count: recorded 2, now 1",
        "the answer of the call comes before the report"
    );
}

#[test]
fn a_damaged_or_cut_trace_is_told_with_its_line() {
    let homes = Homes::new();
    let (_, trace) = homes.turn(&mut homes.sessions().create(), REQUEST, &model(vec![Ok(reagan())]));
    let text = fs::read_to_string(&trace.path).unwrap();
    let at = Path::new("t.jsonl");
    let lines: Vec<&str> = text.lines().collect();
    for broken in 0..lines.len() {
        let spoilt: Vec<String> = lines
            .iter()
            .enumerate()
            .map(|(i, l)| if i == broken { l.replacen(':', ";", 3) } else { (*l).to_owned() })
            .collect();
        let error = Trace::parse(&(spoilt.join("\n") + "\n"), at).unwrap_err().to_string();
        assert!(error.starts_with(&format!("`t.jsonl`, line {}: ", broken + 1)), "{error}");
        assert!(error.ends_with("record the turn again"), "{error}");
    }
    for end in (0..text.len()).step_by(97).filter(|end| text.is_char_boundary(*end)) {
        match Trace::parse(&text[..end], at) {
            Ok(cut) => {
                let error = cut.whole().unwrap_err().to_string();
                assert!(error.contains("its turn was cut; go on with it: segue ask --resume"), "{error}");
            }
            Err(error) => assert!(matches!(error, TraceError::Damaged { line: 1, .. }), "{error}"),
        }
    }
    let newer = text.replacen("\"format\":1", "\"format\":7", 1);
    assert!(matches!(Trace::parse(&newer, at), Err(TraceError::TooNew { found: 7, .. })));
    assert!(matches!(homes.traces().find(Some("nobody-1")), Err(TraceError::Missing { .. })));
    assert_eq!(homes.traces().find(Some(&trace.id())).unwrap().path, trace.path);
}

/// A report without what depends on the moment.
fn timeless(mut report: TurnReport) -> TurnReport {
    report.usage.ms = 0.0;
    report.calls.iter_mut().for_each(|call| call.ms = 0.0);
    report.exchanges.iter_mut().for_each(|exchange| exchange.ms = 0.0);
    report
}

/// Cut after any line, a turn is taken up again in another process and ends the same; the model is asked only what it
/// had not answered.
#[test]
fn a_turn_that_was_cut_is_taken_up_again() {
    let homes = Homes::new();
    let script = || vec![Ok(ChatReply::text("no JSON at all")), Ok(reagan())];
    let first = homes.sessions().create();
    let (whole, trace) = homes.turn(&mut first.clone(), REQUEST, &model(script()));
    let text = fs::read_to_string(&trace.path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for kept in 1..lines.len() {
        // Each time a session of its own, as if this one had been cut.
        let name = format!("cut{kept:05}");
        let begun = lines[..kept].join("\n").replace(&first.id, &name) + "\n{\"line\":\"ans";
        let path = homes.folder.path().join(format!("traces/2026-{name}-1.jsonl"));
        fs::write_atomic(&path, begun.as_bytes()).unwrap();
        // Traces are looked for by their names, and the newest counts.
        let cut = homes.traces().cut(&name).unwrap().unwrap();
        let answered = cut.lines.iter().filter(|l| matches!(l, Line::Exchange(_))).count();
        let model = model(script().split_off(answered));
        let agent = homes.planned_by(&model);
        let mut session = cut.session(&homes.sessions()).unwrap();
        let options =
            TurnOptions { tape: Tape::resuming(&cut, &agent, homes.traces()), ..cut.head.options.clone() };
        let tape = options.tape.clone();
        let report =
            runtime().block_on(agent.turn(&mut session, &cut.head.request, options, |_| {})).unwrap();
        model.assert_complete().unwrap();
        let renamed = TurnReport { session: first.id.clone(), ..report };
        assert_eq!(timeless(renamed), timeless(whole.clone()), "cut after {kept} lines");
        // What was written of it is a whole trace by itself.
        let trace = Trace::read(&tape.path().unwrap()).unwrap();
        assert_eq!(replay(&homes.agent(&[]), &trace, ReplayTools::Recorded), same());
        // The session has gone on, so that the old trace is of no use any more.
        assert!(matches!(cut.session(&homes.sessions()), Err(TraceError::GoneOn { turn: 1, .. })));
    }
}

#[test]
fn a_budget_and_a_stop_replay_where_they_were() {
    let homes = Homes::new();
    let model = model(vec![Ok(reagan())]);
    let record = |change: &dyn Fn(&mut TurnOptions)| {
        let tape = Tape::recording(homes.traces());
        let mut options = TurnOptions { tape: tape.clone(), ..TurnOptions::default() };
        change(&mut options);
        let mut session = homes.sessions().create();
        let report =
            runtime().block_on(homes.agent(&[]).turn(&mut session, REQUEST, options, |_| {})).unwrap();
        (report, Trace::read(&tape.path().unwrap()).unwrap())
    };
    let few = Budget { calls: 1, ..Budget::default() };
    let (report, trace) = record(&|options| options.budget = few);
    assert_eq!(json!(report.answer.unwrap().stop), json!("budget"));
    assert_eq!(replay(&homes.agent(&[]), &trace, ReplayTools::Recorded), same());
    let (report, trace) = record(&|options| options.cancellation.cancel());
    assert_eq!(json!(report.answer.unwrap().stop), json!("cancelled"));
    assert_eq!(replay(&homes.agent(&[]), &trace, ReplayTools::Recorded), same());
    drop(model);
}

/// What is at fault on a disk does not fail a turn.
#[test]
fn a_trace_that_cannot_be_written_is_a_remark() {
    let homes = Homes::new();
    let folder: PathBuf = homes.folder.path().join("homes.csv");
    let tape = Tape::recording(TraceFolder::at(folder));
    let options = TurnOptions { tape: tape.clone(), ..TurnOptions::default() };
    let mut session = homes.sessions().create();
    let report = runtime().block_on(homes.agent(&[]).turn(&mut session, REQUEST, options, |_| {}));
    assert!(report.unwrap().answer.is_some());
    assert!(tape.problem().unwrap().contains("homes.csv"), "{:?}", tape.problem());
}

#[test]
fn a_cut_trace_is_not_replayed() {
    let homes = Homes::new();
    let (_, trace) = homes.turn(&mut homes.sessions().create(), REQUEST, &model(vec![Ok(reagan())]));
    let text = fs::read_to_string(&trace.path).unwrap();
    let cut = Trace::parse(text.trim_end().rsplit_once('\n').unwrap().0, &trace.path).unwrap();
    let found = runtime().block_on(homes.agent(&[]).replay(&cut, &prompts(), ReplayTools::Recorded));
    assert!(matches!(found, Err(AgentError::Trace(TraceError::Cut { .. }))));
}
