//! Suites whose cases bring functions along, on a few cases written by hand, with models that say what they are told; and, where
//! the data is there, on all the gold answers of the real data sets.
#![expect(clippy::unwrap_used, reason = "a test")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use segue_agent::PlanningModel;
use segue_agent::model::Prompts;
use segue_evals::adapters::{self, AdapterError, Surroundings};
use segue_evals::suite::{Fingerprint, ResultStore, RunEnd, RunOptions, Suite, Task, run};
use segue_evals::{CaseResult, Measure};
use segue_models::{ChatReply, ScriptedModel, Shelf};
use segue_world::{RealWorld, World, fs};
use serde_json::json;

const DIALOGUE: &str = r#"{"dialogue_id":"1_1","services":["Homes_1"],"turns":[
{"speaker":"USER","utterance":"I want a 2 bedroom apartment.","frames":[]},
{"speaker":"SYSTEM","utterance":"In which area?","frames":[]},
{"speaker":"USER","utterance":"San Jose, and I have pets.","frames":[]},
{"speaker":"SYSTEM","utterance":"I have 10.","frames":[{"service":"Homes_1","service_call":{"method":"FindApartment",
"parameters":{"area":"San Jose","number_of_beds":"2","pets_allowed":"True","furnished":"dontcare"}}}]}]}"#;

const SCHEMA: &str = r#"[{"service_name":"Homes_1","description":"Homes","slots":[
{"name":"area","description":"City","is_categorical":false,"possible_values":[]},
{"name":"number_of_beds","description":"Bed rooms","is_categorical":true,"possible_values":["1","2","3"]},
{"name":"pets_allowed","description":"Pets","is_categorical":true,"possible_values":["True","False"]},
{"name":"furnished","description":"Furnished","is_categorical":true,"possible_values":["True","False"]},
{"name":"property_name","description":"Name","is_categorical":false,"possible_values":[]},
{"name":"visit_date","description":"Date","is_categorical":false,"possible_values":[]}],
"intents":[
{"name":"FindApartment","description":"Find","required_slots":["area","number_of_beds"],
"optional_slots":{"pets_allowed":"dontcare","furnished":"dontcare"}},
{"name":"ScheduleVisit","description":"Visit","required_slots":["property_name","visit_date"],"optional_slots":{}}]}]"#;

const QUESTION: &str = r#"{"id":"parallel_0","question":[[{"role":"user","content":"Areas of triangles with base 5 and 6?"}]],
"function":[{"name":"geo.area","description":"Area","parameters":{"type":"dict","required":["base"],
"properties":{"base":{"type":"float"},"unit":{"type":"string"}}}}]}"#;
const ANSWER: &str = r#"{"id":"parallel_0","ground_truth":[{"geo.area":{"base":[5],"unit":["cm",""]}},{"geo.area":{"base":[6],"unit":[""]}}]}"#;

const VARIANTS: &str = r#"
[[variants]]
name = "unaided"
planner = "unaided"
model = "alone"
[[variants]]
name = "segue"
planner = "plan"
model = "helped"
"#;

struct Place {
    folder: tempfile::TempDir,
    world: Arc<dyn World>,
    says: BTreeMap<&'static str, Vec<&'static str>>,
}

impl Place {
    fn new(alone: &[&'static str], helped: &[&'static str]) -> Self {
        let says = BTreeMap::from([("alone", alone.to_vec()), ("helped", helped.to_vec())]);
        Self { folder: tempfile::tempdir().unwrap(), world: Arc::new(RealWorld::new()), says }
    }

    fn with(self, name: &str, text: &str) -> Self {
        fs::write_atomic(&self.folder.path().join(name), text.replace('\n', "").as_bytes()).unwrap();
        self
    }

    fn suite(&self, adapter: &str, parts: &str, metrics: &str) -> Suite {
        let text = format!(
            "name = \"{adapter}\"\nmetrics = [{metrics}]\nconcurrency = 1\n[data]\nadapter = \"{adapter}\"\npath = \".\"\n\
             split = \"dev\"\nparts = [\"{parts}\"]\n{VARIANTS}"
        );
        Suite::parse(&text, &self.folder.path().join("suite.toml")).unwrap()
    }

    fn open(&self, suite: &Suite) -> Result<Arc<dyn Task>, AdapterError> {
        let says = self.says.clone();
        let chat = move |name: &str| {
            let script =
                says.get(name).into_iter().flatten().map(|text| Ok(ChatReply::text(*text))).collect();
            let prompts = Prompts::load(None).unwrap();
            Ok(PlanningModel {
                model: Arc::new(ScriptedModel::new(script)),
                prompts,
                prices: None,
                logprobs: false,
            })
        };
        let surroundings =
            Surroundings { chat: Arc::new(chat), ..common::surroundings(self.folder.path(), &self.world) };
        adapters::open(suite, &surroundings, &mut |_| ())
    }

    async fn run(&self, suite: &Suite) -> BTreeMap<String, CaseResult> {
        let task = self.open(suite).unwrap();
        let fingerprint = Fingerprint::of(suite, task.as_ref());
        let root = self.folder.path().join("evals");
        let mut store =
            ResultStore::open(&root, &suite.name, &fingerprint, self.world.now(), /*fresh*/ true).unwrap();
        let suite = Arc::new(suite.clone());
        let options = RunOptions::default();
        let end = run(&suite, &task, &mut store, &self.world, &options, &mut |_| ()).await.unwrap();
        assert_eq!(end, RunEnd::Complete);
        store.into_results().into_iter().map(|r| (r.variant.clone(), r)).collect()
    }
}

#[tokio::test]
async fn service_calls_are_made_and_measured() {
    let place = Place::new(
        &[r#"{"name":"FindApartment","arguments":{"area":"San Jose","number_of_beds":"2","furnished":"False"}}"#],
        &[r#"{"name":"FindApartment","arguments":{"area":"san jose"}}"#],
    )
    .with("dev.jsonl", DIALOGUE)
    .with("schema_dev.json", SCHEMA);
    let suite =
        place.suite("sgd", "Homes_1", r#""call_exact","joint_slots","slot_accuracy","method_accuracy""#);
    let results = place.run(&suite).await;
    let of = |variant: &str| {
        let metrics = &results[variant].metrics;
        ["call_exact", "joint_slots", "slot_accuracy", "method_accuracy"].map(|m| metrics[m])
    };
    let share = |part, whole| Measure { value: part, weight: whole };
    assert_eq!(of("unaided"), [share(0.0, 1.0), share(0.0, 1.0), share(2.0, 3.0), share(1.0, 1.0)]);
    assert_eq!(of("segue"), [share(1.0, 1.0), share(1.0, 1.0), share(3.0, 3.0), share(1.0, 1.0)]);
    assert_eq!(results["segue"].usage.model_calls, 1);

    // The second run needs no model: what was said is kept.
    let silent = Place { says: BTreeMap::new(), ..place };
    let again = silent.run(&suite).await;
    assert_eq!(again["segue"].metrics, results["segue"].metrics);
    assert_eq!(again["unaided"].error, None);
}

#[tokio::test]
async fn parallel_calls_are_made_and_measured() {
    let place = Place::new(
        &[r#"{"name":"geo.area","arguments":{"base":5}} and {"name":"geo.area","arguments":{"base":"6"}}"#],
        &[r#"{"calls":[{"name":"geo.area","arguments":{"base":5,"unit":"square miles"}},
            {"name":"geo.area","arguments":{"base":6.0}}]}"#],
    )
    .with("BFCL_v4_parallel.json", QUESTION)
    .with("possible_answer_BFCL_v4_parallel.json", ANSWER);
    let suite = place.suite("bfcl", "parallel", r#""ast_match","tool_f1""#);
    let results = place.run(&suite).await;
    // A text where a number should be; nobody spoke of square miles.
    assert_eq!(results["unaided"].metrics["ast_match"], Measure::one(0.0));
    assert_eq!(results["segue"].metrics["ast_match"], Measure::one(1.0));
    assert_eq!(results["segue"].tools, ["geo.area", "geo.area"]);
}

#[test]
fn what_does_not_fit_is_said() {
    let place = Place::new(&[], &[]).with("dev.jsonl", DIALOGUE).with("schema_dev.json", SCHEMA);
    let fault = |suite: &Suite| place.open(suite).unwrap_err().to_string();
    let suite = place.suite("sgd", "Music_9", r#""call_exact""#);
    assert_eq!(fault(&suite), "there is no service `Music_9` in `dev`; there are Homes_1");
    let suite = place.suite("sgd", "Homes_1", r#""ndcg@10""#);
    assert!(fault(&suite).starts_with("`ndcg@10` cannot be measured on service calls; call_exact,"));
    let place = place.with("dev.jsonl", r#"{"dialogue_id":1}"#);
    let suite = place.suite("sgd", "Homes_1", r#""call_exact""#);
    let fault = place.open(&suite).unwrap_err().to_string();
    assert!(fault.contains("dev.jsonl` line 1: invalid type"), "{fault}");
}

/// A model that gave every possible answer would be right: the reading of the files and the measure fit together.
#[test]
fn the_possible_answers_of_the_leaderboard_match_themselves() {
    let shelf = Shelf::new(Arc::new(RealWorld::new())).unwrap();
    let Some(files) = shelf.get("bfcl") else {
        eprintln!("skipped: `bfcl` is not on the shelf; run `segue models pull bfcl`");
        return;
    };
    let lines = |path: &Path| -> Vec<serde_json::Value> {
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    for (category, wanted) in [("simple_python", 400), ("parallel", 200)] {
        let cases = lines(&files.path(&format!("BFCL_v4_{category}.json")));
        let answers = lines(&files.path(&format!("possible_answer_BFCL_v4_{category}.json")));
        assert_eq!(cases.len(), wanted);
        let mut right = 0;
        for (case, answer) in cases.iter().zip(&answers) {
            let truth = answer["ground_truth"].as_array().unwrap();
            let calls: Vec<_> = truth
                .iter()
                .map(|call| {
                    let (name, values) = call.as_object().unwrap().iter().next().unwrap();
                    let first = |v: &serde_json::Value| {
                        v.as_array().and_then(|v| v.iter().find(|x| **x != "").cloned())
                    };
                    let args = values.as_object().unwrap().iter();
                    let args: serde_json::Map<_, _> =
                        args.filter_map(|(k, v)| Some((k.clone(), first(v)?))).collect();
                    serde_json::from_value(json!({ "tool": name, "args": args })).unwrap()
                })
                .collect();
            let functions = case["function"].as_array().unwrap();
            right += usize::from(segue_evals::metrics::ast::matches(functions, &calls, truth));
        }
        // Dictionaries are written as lists of values, which a call is not: those few cannot match as they stand.
        assert!(right * 100 >= wanted * 95, "{category}: {right} of {wanted}");
    }
}
