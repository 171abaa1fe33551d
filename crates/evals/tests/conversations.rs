//! Conversations with gold: figures worked out by hand, a plan that is corrected, and what cannot be run.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use segue_agent::PlanningModel;
use segue_agent::model::Prompts;
use segue_evals::adapters::{self, Surroundings};
use segue_evals::suite::{Answered, Suite};
use segue_models::{ChatReply, ScriptedModel};
use segue_world::{RealWorld, World, fs};

const MAP: &str = r#"
name = "films"
noun = "film"
[items]
file = "films.csv"
[[fields]]
name = "id"
role = "id"
[[fields]]
name = "title"
role = "title"
[[fields]]
name = "genre"
role = "category"
[[fields]]
name = "year"
role = "number"
type = "integer"
unit = "year"
"#;
const FILMS: &str = "id,title,genre,year\n1,Red Dust,Western,1950\n2,Blue Dawn,Western,1970\n3,Green Ice,Horror,1980\n4,Pale Sun,Horror,1990\n";
const METRICS: &str = r#"["plan_validity", "first_arguments", "final_arguments", "unasked_arguments", "tool_precision", "tool_recall",
"tool_f1", "order_exact", "references", "plan_exact", "constraint_satisfaction", "earlier_violation", "claim_support", "hallucinated_items"]"#;
const WESTERN: &str = r#"{"field": "genre", "op": "eq", "value": "Western"}"#;
const AFTER: &str = r#"{"field": "year", "op": "gt", "value": 1960}"#;

fn suite(planner: &str) -> String {
    format!(
        "name = \"talks\"\nmetrics = {METRICS}\n[data]\nadapter = \"conversations\"\npath = \"films\"\ncases = \
         [\"talks.jsonl\"]\nembeddings = false\n[[variants]]\nname = \"v\"\n{planner}\n"
    )
}

/// What the suite's one conversation was worth; the model, if there is one, says these in turn.
async fn answered(planner: &str, talk: &str, replies: &[&str]) -> Result<Answered, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(&folder.path().join("films")).unwrap();
    for (name, text) in [("films/dataset.toml", MAP), ("films/films.csv", FILMS), ("talks.jsonl", talk)] {
        fs::write_atomic(&folder.path().join(name), text.as_bytes()).unwrap();
    }
    let world: Arc<dyn World> = Arc::new(RealWorld::new());
    let replies: Vec<_> = replies.iter().map(|reply| Ok(ChatReply::text((*reply).to_owned()))).collect();
    let model = Arc::new(ScriptedModel::new(replies));
    let chat = move |_: &str| {
        let (model, prompts) = (model.clone(), Prompts::load(None).unwrap());
        Ok(PlanningModel { model, prompts, prices: None, logprobs: false })
    };
    let surroundings = Surroundings { chat: Arc::new(chat), ..common::surroundings(folder.path(), &world) };
    let suite =
        Suite::parse(&suite(planner), &folder.path().join("talks.toml")).map_err(|e| e.to_string())?;
    let task = adapters::open(&suite, &surroundings, &mut |_| ()).map_err(|e| e.to_string())?;
    let case = task.cases().next().unwrap().unwrap();
    task.answer(&suite.variants[0], &case).await.map_err(|e| e.to_string())
}

fn of(answered: &Answered) -> BTreeMap<&str, (f64, f64)> {
    answered.metrics.iter().map(|(name, m)| (name.as_str(), (m.value, m.weight))).collect()
}

#[tokio::test]
async fn figures_are_those_worked_out_by_hand() {
    // The second turn's gold is what nobody could read out of it: "from the war" is no year.
    let talk = format!(
        r#"{{"turns": [{{"request": "westerns after 1960", "gold": [{WESTERN}, {AFTER}]}}, {{"request": "horror instead, from the war", "gold": [{{"field": "genre", "op": "eq", "value": "Horror"}}, {{"field": "year", "op": "lt", "value": 1946}}], "query": "war"}}]}}"#
    );
    let answered = answered("planner = \"rules\"", &talk, &[]).await.unwrap();
    let figures = of(&answered);
    assert_eq!(figures["plan_validity"], (2.0, 2.0));
    assert_eq!(figures["final_arguments"], (3.0, 4.0), "{}", answered.detail);
    assert_eq!(figures["first_arguments"], figures["final_arguments"], "nothing was corrected");
    assert_eq!(figures["plan_exact"], (1.0, 2.0));
    assert_eq!(figures["references"], (0.0, 0.0));
    assert_eq!(figures["hallucinated_items"].0, 0.0);
    let (supported, claims) = figures["claim_support"];
    assert!(supported == claims && claims > 0.0);
}

#[tokio::test]
async fn what_nobody_asked_for_and_what_is_forgotten_counts() {
    // Gold that differs from what is said on purpose: the year is then unasked, and the western of before should still hold.
    let talk = format!(
        r#"{{"turns": [{{"request": "westerns after 1960", "gold": [{WESTERN}]}}, {{"request": "horror instead", "gold": [{WESTERN}]}}]}}"#
    );
    let answered = answered("planner = \"rules\"", &talk, &[]).await.unwrap();
    let figures = of(&answered);
    assert_eq!(figures["unasked_arguments"], (3.0, 4.0), "{}", answered.detail);
    assert_eq!(figures["final_arguments"], (1.0, 2.0));
    assert_eq!(figures["plan_exact"], (0.0, 2.0));
    // Blue Dawn is a western; of the two that came instead none is.
    assert_eq!(figures["constraint_satisfaction"], (1.0, 3.0));
    assert_eq!(figures["earlier_violation"], (2.0, 2.0));
}

#[tokio::test]
async fn what_selects_the_same_is_the_same_on_its_field_alone() {
    let of_gold = async |gold: &str| {
        let talk = format!(r#"{{"turns": [{{"request": "westerns", "gold": [{gold}]}}]}}"#);
        let answered = answered("planner = \"rules\"", &talk, &[]).await.unwrap();
        of(&answered)["final_arguments"]
    };
    assert_eq!(of_gold(r#"{"not": {"field": "genre", "op": "eq", "value": "Horror"}}"#).await, (1.0, 1.0));
    assert_eq!(of_gold(r#"{"field": "year", "op": "lt", "value": 1975}"#).await, (0.0, 1.0));
}

#[tokio::test]
async fn items_referred_to_and_kinds_of_tools_count() {
    let talk =
        r#"{"turns": [{"request": "films like Red Dust", "gold": [], "like": ["1", "4"], "query": "dust"}]}"#;
    let answered = answered("planner = \"rules\"", talk, &[]).await.unwrap();
    let figures = of(&answered);
    assert_eq!(figures["references"], (1.0, 2.0), "{}", answered.detail);
    assert_eq!(figures["tool_precision"], (1.0, 1.0));
    assert_eq!(figures["tool_recall"], (0.5, 1.0));
    assert_eq!(figures["order_exact"], (0.0, 1.0));
    assert_eq!(figures["hallucinated_items"].0, 0.0, "what the user named may be named");
}

#[tokio::test]
async fn a_first_plan_counts_as_it_was_before_its_correction() {
    // The rules read the year; what a cowboy picture is only the model knows.
    let talk = format!(
        r#"{{"turns": [{{"request": "cowboy pictures after 1960", "gold": [{WESTERN}, {AFTER}]}}]}}"#
    );
    let filter = |field: &str| {
        let said = format!(
            r#"{{"words": "cowboy pictures", "field": "{field}", "is": "=", "value": "Western", "to": ""}}"#
        );
        format!(r#"{{"steps": [{{"tool": "sql_filter", "conditions": [{said}]}}]}}"#)
    };
    let (wrong, right) = (filter("gender"), filter("genre"));
    let model = "planner = \"plan\"\nmodel = \"m\"";
    let corrected = answered(model, &talk, &[&wrong, &right]).await.unwrap();
    assert_eq!(corrected.usage.model_calls, 2, "{}", corrected.detail);
    let figures = of(&corrected);
    assert_eq!(figures["first_arguments"], (1.0, 2.0), "{}", corrected.detail);
    assert_eq!(figures["final_arguments"], (2.0, 2.0), "{}", corrected.detail);
    let at_once = answered(model, &talk, &[&right]).await.unwrap();
    assert_eq!(of(&at_once)["first_arguments"], (2.0, 2.0));
    let unreadable = answered(model, &talk, &["I would filter.", &right]).await.unwrap();
    assert_eq!(of(&unreadable)["first_arguments"], (0.0, 2.0));
    let silent = answered(model, &talk, &[]).await.unwrap();
    assert!(silent.fallback.is_some());
    assert_eq!(of(&silent)["first_arguments"], (0.0, 2.0), "what the rules do instead is no first attempt");
    assert_eq!(of(&silent)["final_arguments"], (1.0, 2.0));
}

#[tokio::test]
async fn what_cannot_be_run_says_where() {
    let rules = "planner = \"rules\"";
    for (talk, why) in [
        ("{}", "line 1: missing field `turns`"),
        (r#"{"turns": []}"#, "from 1 to 200 `turns`"),
        (
            r#"{"turns": [{"request": "a", "gold": [{"field": "yeer", "op": "gt", "value": 1}]}]}"#,
            "does not fit",
        ),
        (r#"{"turns": [{"request": "a", "gold": [], "like": ["9"]}]}"#, "there is no item `9`"),
        (r#"{"turns": [{"request": "a", "gold": [], "wants": 1}]}"#, "unknown field `wants`"),
    ] {
        let told = answered(rules, talk, &[]).await.unwrap_err();
        assert!(told.contains(why), "{told}");
    }
    let talk = r#"{"turns": [{"request": "a", "gold": []}]}"#;
    let told = answered("retriever = \"bm25\"", talk, &[]).await.unwrap_err();
    assert!(told.contains("a search holds no conversation"), "{told}");
}
