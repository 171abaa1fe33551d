//! What the owner of a catalogue says of its answers, held by every planner and every tool, and shown where it acted.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use segue_agent::model::Prompts;
use segue_agent::trace::{Tape, TraceFolder};
use segue_agent::{
    Agent, Execution, Plan, PlannerKind, PlanningModel, Session, SessionStore, Step, TurnOptions, TurnReport,
};
use segue_catalog::{Dataset, Workspace, import};
use segue_models::{ChatReply, ScriptedModel, ToolCallRequest};
use segue_retrieval::{Engine, build_index};
use segue_world::{FixedWorld, World, fs};
use serde_json::{Value as Json, json};

/// A value of a hidden field that is in no other.
const SECRET: &str = "Zebraquartz";
/// A hidden number.
const COST: &str = "7319";

const ROWS: &str = "\
id,title,kind,maker,price,cost,vault,text
p1,Lumen 40,television,Acme,400,150,Alpha,a bright picture for the living room
p2,Lumen 55,television,Acme,700,7319,Zebraquartz,a bright picture and a bright frame
p3,Orion Screen,television,Nova,650,310,Alpha,a sharp picture
p4,Kitchen Radio,radio,Nova,90,20,Alpha,small and bright
p5,Quill Note,laptop,Quill,900,500,Beta,a light computer with a bright screen
p6,Opal Note,laptop,Opal,1100,640,Beta,a heavy computer
";

const MAP: &str = r#"
name = "goods"
noun = "good"
items = { file = "goods.csv" }
fields = [
  { name = "id", role = "id" }, { name = "title", role = "title" }, { name = "kind", role = "category" },
  { name = "maker", role = "category" }, { name = "price", role = "number", low = ["cheap"], high = ["expensive"] },
  { name = "cost", role = "number", embed = false }, { name = "vault", role = "category", embed = false },
  { name = "text", role = "text" },
]"#;

struct Shop {
    workspace: Workspace,
    engine: Engine,
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Shop {
    fn new(rules: &str, synonyms: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write_atomic(&folder.path().join("goods.csv"), ROWS.as_bytes()).unwrap();
        let dataset = Dataset::parse(MAP, &folder.path().join("goods.toml")).unwrap();
        let workspace = Workspace::at(folder.path().join("workspace"));
        let world = world("2026-04-01");
        import(&workspace, &dataset, world.as_ref(), &mut |_| {}, &|| false).unwrap();
        build_index(&workspace, None, world.as_ref(), &mut |_| {}, &|| false).unwrap();
        fs::write_atomic(&workspace.root().join("steering.toml"), rules.as_bytes()).unwrap();
        fs::write_atomic(&workspace.root().join("synonyms.txt"), synonyms.as_bytes()).unwrap();
        let engine = Engine::open(&workspace, None).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { workspace, engine, folder, runtime }
    }

    fn agent(&self, day: &str) -> Agent {
        let tools = segue_tools::builtin(self.engine.clone());
        Agent::new(world(day), self.engine.snapshot().clone(), tools)
    }

    fn ask(&self, day: &str, request: &str) -> TurnReport {
        let mut session = Session::in_memory(world(day).as_ref());
        let agent = self.agent(day);
        self.runtime.block_on(agent.turn(&mut session, request, TurnOptions::default(), |_| {})).unwrap()
    }

    fn call(&self, tool: &str, args: Json) -> Execution {
        let step = Step { id: "s1".to_owned(), tool: tool.to_owned(), args, within: None };
        self.runtime.block_on(self.agent("2026-04-01").execute(&Plan { steps: vec![step] }, 10)).unwrap()
    }
}

fn world(day: &str) -> Arc<dyn World> {
    Arc::new(FixedWorld::new(format!("{day}T12:00:00Z").parse().unwrap()))
}

fn ids(report: &TurnReport) -> Vec<&str> {
    report.answer.as_ref().unwrap().items.iter().map(|i| i.id.as_str()).collect()
}

fn told(report: &TurnReport, id: &str) -> Vec<String> {
    let item = report.answer.as_ref().unwrap().items.iter().find(|i| i.id == id).unwrap();
    item.steering.iter().map(ToString::to_string).collect()
}

const EXCLUDE: &str = r#"
[[rule]]
name = "recalled"
do = "exclude"
items = { field = "cost", op = "gt", value = 7000 }
from = 2026-03-01
until = 2026-05-31
because = "it is recalled"
"#;

#[test]
fn what_is_excluded_is_nowhere() {
    let shop = Shop::new(EXCLUDE, "");
    let report = shop.ask("2026-04-01", "televisions");
    assert_eq!(ids(&report), ["p1", "p3"]);
    assert!(report.answer.as_ref().unwrap().text.contains("2 of 5 goods"), "{:?}", report.answer);
    let excluded = serde_json::to_value(&report.steering).unwrap();
    let rule = json!({"rule": "recalled", "items": 1, "because": "it is recalled", "until": "2026-05-31"});
    assert_eq!(excluded, json!({"excluded": [rule]}));
    for (tool, args) in [
        ("sql_filter", json!({"sql": "SELECT id FROM items"})),
        ("sql_filter", json!({"sql": "SELECT 'p2' AS id FROM items"})),
        ("sql_filter", json!({"where": {"all": []}})),
        ("sql_filter", json!({"where": {"not": {"field": "kind", "op": "eq", "value": "radio"}}})),
        ("sql_filter", json!({"where": {"field": "maker", "op": "is_null", "value": false}})),
        ("bm25_search", json!({"query": "Lumen 55 bright"})),
        ("order_by", json!({"by": "price", "direction": "descending"})),
        ("look_up", json!({"items": ["p2"]})),
        ("look_up", json!({"items": ["Lumen 55"]})),
    ] {
        let given = serde_json::to_string(&shop.call(tool, args.clone())).unwrap();
        assert!(!given.contains("Lumen 55\"") || tool == "look_up", "{tool} {args}: {given}");
        assert!(
            !given.contains("a bright frame") && !given.contains("\"id\":\"p2\""),
            "{tool} {args}: {given}"
        );
    }
    let absent = shop.ask("2026-04-01", "tell me about Lumen 55");
    assert!(ids(&absent).is_empty(), "{absent:?}");
    let there = shop.ask("2026-07-01", "tell me about Lumen 55");
    assert_eq!(ids(&there), ["p2"]);
}

#[test]
fn a_rule_holds_from_its_first_day_to_its_last() {
    let shop = Shop::new(EXCLUDE, "");
    for (day, count) in [("2026-02-28", 3), ("2026-03-01", 2), ("2026-05-31", 2), ("2026-06-01", 3)] {
        assert_eq!(ids(&shop.ask(day, "televisions")).len(), count, "{day}");
    }
}

#[test]
fn an_exclusion_for_some_requests_is_for_those_alone() {
    let rule = |when: &str| {
        format!("[[rule]]\nname = \"r\"\ndo = \"exclude\"\nids = [\"p2\"]\nwhen = {{ {when} }}\n")
    };
    let shop = Shop::new(&rule("words = [\"bright\"]"), "");
    assert_eq!(ids(&shop.ask("2026-04-01", "televisions")).len(), 3);
    assert_eq!(ids(&shop.ask("2026-04-01", "bright televisions")), ["p1"]);
    let shop = Shop::new(&rule("fields = [\"price\"]"), "");
    assert_eq!(ids(&shop.ask("2026-04-01", "televisions")).len(), 3);
    assert_eq!(ids(&shop.ask("2026-04-01", "televisions with a price under 800")).len(), 2);
}

const RANKING: &str = r#"
[[rule]]
name = "spring-sale"
do = "boost"
by = 3
items = { field = "maker", op = "eq", value = "Quill" }
because = "spring sale"
until = 2026-12-31
[[rule]]
name = "old-stock"
do = "bury"
by = 0.1
ids = ["p2"]
"#;

#[test]
fn boosts_and_burials_move_items_and_say_so() {
    let plain = ids(&Shop::new("", "").ask("2026-04-01", "bright"))
        .iter()
        .map(|id| (*id).to_owned())
        .collect::<Vec<_>>();
    let shop = Shop::new(RANKING, "");
    let report = shop.ask("2026-04-01", "bright");
    let steered = ids(&report);
    assert_eq!(plain.len(), 4);
    assert_eq!((steered.first(), steered.last()), (Some(&"p5"), Some(&"p2")), "{plain:?} {steered:?}");
    let place = plain.iter().position(|id| id == "p5").unwrap() + 1;
    assert_eq!(
        told(&report, "p5"),
        [format!("spring-sale: boost ×3, because spring sale, until 2026-12-31, no. {place} without it")]
    );
    assert!(told(&report, "p1").is_empty());
    let item = &report.answer.as_ref().unwrap().items[0];
    assert_eq!((item.contributions[0].tool.as_str(), item.contributions[0].rank), ("steering", Some(1)));
    assert!(item.contributions.len() > 1, "the searches' own places stay");
    // No boost brings in what violates a condition.
    assert_eq!(ids(&shop.ask("2026-04-01", "bright televisions")), ["p1", "p2"]);
    // An order that was asked for stays, and the rules say that they stood aside.
    let ordered = shop.ask("2026-04-01", "the cheapest laptops and televisions first");
    if !ordered.steering.stood_aside.is_empty() {
        assert_eq!(ordered.steering.stood_aside, ["spring-sale", "old-stock"]);
    }
    let ordered = shop.ask("2026-04-01", "the most expensive goods");
    assert_eq!(ordered.steering.stood_aside, ["spring-sale", "old-stock"], "{ordered:?}");
    assert_eq!(ids(&ordered)[..2], ["p6", "p5"]);
    assert_eq!(report.answer.as_ref().unwrap().removed_claims, 0);
}

#[test]
fn a_pin_has_its_place_where_nothing_forbids_it() {
    let rule = "[[rule]]\nname = \"pick\"\ndo = \"pin\"\nat = 2\nids = [\"p6\", \"p3\"]\nbecause = \"staff like it\"\n";
    let shop = Shop::new(rule, "");
    let report = shop.ask("2026-04-01", "bright");
    assert_eq!(ids(&report)[1..3], ["p6", "p3"], "{:?}", ids(&report));
    assert_eq!(told(&report, "p6"), ["pick: pin at 2, because staff like it, found by no search"]);
    assert_eq!(ids(&report).len(), 6);
    let report = shop.ask("2026-04-01", "bright televisions");
    assert_eq!(ids(&report)[1], "p3", "the first of the pinned is no television");
    assert!(!ids(&report).contains(&"p6"));
    assert!(ids(&shop.ask("2026-04-01", "televisions under 10")).is_empty());
    // Pins keep out of each other's way, in whatever order the rules stand.
    let first = "[[rule]]\nname = \"first\"\ndo = \"pin\"\nat = 1\nids = [\"p4\"]\n";
    let report = Shop::new(&[rule, first].concat(), "").ask("2026-04-01", "bright");
    assert_eq!(ids(&report)[..3], ["p4", "p6", "p3"]);
}

#[test]
fn synonyms_are_searched_and_read_and_shown() {
    let shop =
        Shop::new("", "# words\ntelly => television\nlight weight, heavy\nportable computer => laptop\n");
    let report = shop.ask("2026-04-01", "a telly with a price under 500");
    assert_eq!(ids(&report), ["p1"]);
    assert_eq!(report.steering.synonyms, ["“telly” as “television” (synonyms.txt line 2)"]);
    let found = shop.call("bm25_search", json!({"query": "light weight"}));
    let ids: Vec<_> = found.items.iter().map(|i| i.id.as_str()).collect();
    assert_eq!(ids, ["p6", "p5"], "“heavy” says it all, “light” a part");
    assert_eq!(found.calls[0].notes, ["“light weight” as “heavy” (synonyms.txt line 3)"]);
    let both = shop.call("bm25_search", json!({"query": "portable computer", "match": "all"}));
    assert_eq!(both.count, Some(2), "every laptop has the other word: {both:?}");
    let quoted = shop.call("bm25_search", json!({"query": "\"light weight\""}));
    assert_eq!(quoted.count, Some(0), "what is in quotes is meant as it is");
}

fn calls(calls: &[(&str, Json)]) -> ChatReply {
    let call = |(n, (name, arguments)): (usize, &(&str, Json))| ToolCallRequest {
        id: format!("{name}-{n}"),
        name: (*name).to_owned(),
        arguments: arguments.to_string(),
    };
    ChatReply::calls(calls.iter().enumerate().map(call).collect())
}

#[test]
fn no_byte_of_a_hidden_field_comes_out() {
    let hide = "hide = [\"cost\", \"vault\"]\n[[rule]]\nname = \"dear\"\ndo = \"boost\"\nby = 2\nitems = { field = \"vault\", op = \"eq\", value = \"Zebraquartz\" }\n";
    let shop = Shop::new(hide, "zq => zebraquartz\n");
    let mut seen = String::new();
    let traces = TraceFolder::at(shop.folder.path().join("traces"));
    let store = Arc::new(SessionStore::open(&shop.folder.path().join("s.db"), world("2026-04-01")).unwrap());
    seen += &serde_json::to_string(
        &segue_tools::builtin(shop.engine.clone()).specs(shop.engine.snapshot().catalog()),
    )
    .unwrap();
    let wanted =
        json!({"conditions": [{"words": "vault", "field": "vault", "is": "=", "value": "x", "to": ""}]});
    let asks = [
        ("sql_filter", json!({"sql": "SELECT id, vault FROM items"})),
        ("sql_filter", json!({"sql": "SELECT id FROM items WHERE cost > 7000"})),
        ("sql_filter", json!({"sql": "SELECT vault AS id FROM segue_items"})),
        ("sql_filter", wanted),
        ("order_by", json!({"by": "cost", "direction": "descending"})),
        ("look_up", json!({"items": ["p2"]})),
        ("bm25_search", json!({"query": "vault", "fields": [{"field": "vault"}]})),
    ];
    for planner in [PlannerKind::Rules, PlannerKind::Route, PlannerKind::Plan, PlannerKind::Native] {
        for request in [
            "televisions",
            "goods by their vault",
            "the highest cost",
            "tell me everything about Lumen 55",
            "goods with a vault of al",
            "zq televisions",
            "why #1?",
            "how many goods are there?",
            "radios over 5000",
        ] {
            let replies = match planner {
                PlannerKind::Native => vec![Ok(calls(&asks)), Ok(ChatReply::text("DONE"))],
                PlannerKind::Plan => vec![Ok(ChatReply::text(
                    json!({"steps": asks.iter().map(|(tool, args)| json!({"tool": tool, "args": args})).collect::<Vec<_>>()}).to_string(),
                ))],
                _ => vec![Ok(ChatReply::text(json!({"phrases": [{"text": "vault", "means": "vault"}]}).to_string()))],
            };
            let model = Arc::new(ScriptedModel::new(replies));
            let prompts = Prompts::load(None).unwrap();
            let planning = PlanningModel { model: model.clone(), prompts, prices: None, logprobs: false };
            let agent = shop.agent("2026-04-01").with_model(planning);
            let mut session = store.create();
            for request in ["televisions", request] {
                let options =
                    TurnOptions { planner, tape: Tape::recording(traces.clone()), ..TurnOptions::default() };
                let report = shop
                    .runtime
                    .block_on(agent.turn(&mut session, request, options, |e| seen.extend([format!("{e:?}")])))
                    .unwrap();
                seen += &serde_json::to_string(&report).unwrap();
            }
            seen.extend([format!("{:?}", model.requests())]);
        }
    }
    for (tool, args) in [
        ("look_up", json!({"items": ["p2"]})),
        ("sql_filter", json!({"where": {"field": "vault", "op": "eq", "value": "Zebra"}})),
        ("sql_filter", json!({"where": {"field": "kind", "op": "eq", "value": "Zebraquart"}})),
        ("order_by", json!({"by": "cost", "direction": "descending"})),
    ] {
        seen += &serde_json::to_string(&shop.call(tool, args)).unwrap();
    }
    for trace in fs::list(&shop.folder.path().join("traces")).unwrap() {
        seen += &fs::read_to_string(&trace).unwrap();
    }
    for part in ["s.db", "s.db-wal"] {
        let bytes = fs::read(&shop.folder.path().join(part)).unwrap_or_default();
        seen += &String::from_utf8_lossy(&bytes);
    }
    assert!(seen.contains("Lumen 55") && seen.len() > 100_000, "something was said");
    // The value is in the owner's own synonyms, folded, and may be told from there.
    assert!(!seen.contains(SECRET), "{}", around(&seen, SECRET));
    assert!(!seen.contains(COST), "{}", around(&seen, COST));
    assert!(
        fs::read(&shop.workspace.rows_db(1)).unwrap().windows(SECRET.len()).any(|w| w == SECRET.as_bytes())
    );
}

fn around<'a>(text: &'a str, what: &str) -> std::borrow::Cow<'a, str> {
    let at = text.find(what).unwrap_or_default();
    String::from_utf8_lossy(&text.as_bytes()[at.saturating_sub(300)..(at + 100).min(text.len())])
}

#[test]
fn what_was_asked_of_a_field_is_forgotten_once_it_is_hidden() {
    let shop = Shop::new("", "");
    let mut session = Session::in_memory(world("2026-04-01").as_ref());
    let ask = |shop: &Shop, session: &mut Session, request: &str| {
        shop.runtime
            .block_on(shop.agent("2026-04-01").turn(session, request, TurnOptions::default(), |_| {}))
            .unwrap()
    };
    let before = ask(&shop, &mut session, "televisions with a cost over 300");
    assert_eq!(ids(&before), ["p2", "p3"]);
    fs::write_atomic(&shop.workspace.root().join("steering.toml"), b"hide = [\"cost\"]").unwrap();
    let hidden = Shop { engine: Engine::open(&shop.workspace, None).unwrap(), ..shop };
    let why = ask(&hidden, &mut session, "why #1?");
    assert!(!serde_json::to_string(&why).unwrap().contains(COST), "{why:?}");
    let after = ask(&hidden, &mut session, "under 700");
    assert_eq!(ids(&after), ["p1", "p3"], "the condition on the price is the only one on numbers");
}

#[test]
fn steering_is_part_of_what_answers_depend_on() {
    let of = |rules: &str| Shop::new(rules, "").agent("2026-04-01").fingerprint().to_owned();
    assert_eq!(of(""), of("# nothing\n"));
    assert_ne!(of(""), of(EXCLUDE));
    assert_ne!(of(EXCLUDE), of(RANKING));
}
