//! What is left out of which variant, and what that is said to do.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;

use segue_evals::ablation::{Ablate, plan, report};
use segue_evals::adapters::AdapterError;
use segue_evals::statistics::Verdict;
use segue_evals::suite::{Answered, Case, CaseError, Fingerprint, Search, Suite, System, Task, Variant};
use segue_evals::{CaseResult, CaseUsage, Measure};

const SUITE: &str = r#"
name = "mine"
metrics = ["ndcg@10"]
[data]
adapter = "beir"
path = "data"
[[variants]]
name = "words"
retriever = "bm25"
[[variants]]
name = "both"
retriever = "fusion"
parts = ["bm25", "embedding"]
weights = [0.3, 0.7]
depth = 50
[[variants]]
name = "agent"
planner = "rules"
without = ["diversify"]
[[gate]]
metric = "ndcg@10"
limit = 0.5
"#;

#[derive(Debug)]
struct Tools;

impl Task for Tools {
    fn count(&self) -> usize {
        0
    }

    fn cases(&self) -> Box<dyn Iterator<Item = Result<Case, AdapterError>> + Send + '_> {
        Box::new(std::iter::empty())
    }

    fn depends(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn tools(&self, variant: &Variant) -> Vec<String> {
        let all = ["sql_filter", "bm25_search", "fuse", "look_up"];
        let is_agent = matches!(variant.system, System::Agent { .. });
        all.iter().filter(|_| is_agent).map(|t| (*t).to_owned()).collect()
    }

    fn answer<'a>(&'a self, _: &'a Variant, _: &'a Case) -> BoxFuture<'a, Result<Answered, CaseError>> {
        Box::pin(async { Err(CaseError::of("nothing is run")) })
    }
}

fn suite() -> Suite {
    Suite::parse(SUITE, "mine.toml".as_ref()).unwrap()
}

fn result(variant: &str, case: usize, ndcg: f64, tools: &[&str]) -> CaseResult {
    CaseResult {
        variant: variant.to_owned(),
        case: case.to_string(),
        cluster: case.to_string(),
        repeat: 0,
        metrics: BTreeMap::from([("ndcg@10".to_owned(), Measure::one(ndcg))]),
        usage: CaseUsage { ms: 10.0 + ndcg, ..CaseUsage::default() },
        tools: tools.iter().map(|t| (*t).to_owned()).collect(),
        detail: serde_json::Value::Null,
        fallback: None,
        shown: Vec::new(),
        error: None,
    }
}

fn wholes() -> Vec<CaseResult> {
    let mut results = Vec::new();
    for case in 0..40 {
        let value = (case % 5) as f64 / 5.0;
        results.push(result("words", case, value, &["bm25"]));
        results.push(result("both", case, value, &["bm25", "embedding"]));
        let tools: &[&str] =
            if case == 7 { &["fuse", "no_such_tool"] } else { &["sql_filter", "bm25_search"] };
        results.push(result("agent", case, value, tools));
    }
    results
}

#[test]
fn each_tool_that_was_called_is_left_out() {
    let plan = plan(&suite(), &Tools, &wholes(), Ablate::Each);
    let names: Vec<&str> = plan.ablated.iter().map(|a| a.variant.as_str()).collect();
    assert_eq!(
        names,
        [
            "both without bm25",
            "both without embedding",
            "agent without sql_filter",
            "agent without bm25_search",
            "agent without fuse"
        ]
    );
    let run: Vec<&str> = plan.suite.variants.iter().map(|v| v.name.as_str()).collect();
    assert_eq!((run.len(), run[0], run[3]), (7, "both", "agent"), "each whole is run among them: {run:?}");
    assert_eq!((plan.suite.name.as_str(), plan.suite.gates.len()), ("mine-ablation", 0));
    let System::Fusion { parts, weights, depth, .. } = &plan.suite.variants[1].system else {
        panic!("a fusion")
    };
    assert_eq!(
        (parts.as_slice(), weights.as_slice(), *depth),
        (&[Search::Embedding][..], &[0.7][..], Some(50))
    );
    let System::Agent { without, .. } = &plan.suite.variants[4].system else { panic!("an agent") };
    assert_eq!(without, &["diversify", "sql_filter"], "what the suite leaves out stays out");
    // What no case calls, and what a model called without there being such a tool, is not left out.
    assert_eq!(plan.kept.len(), 1);
    assert_eq!(
        (plan.kept[0].whole.as_str(), plan.kept[0].tools.as_slice()),
        ("agent", &["look_up".to_owned()][..])
    );
}

#[test]
fn pairs_are_of_two_tools_and_a_fusion_of_two_has_none() {
    let plan = plan(&suite(), &Tools, &wholes(), Ablate::Pairs);
    let names: Vec<&str> = plan.ablated.iter().map(|a| a.variant.as_str()).collect();
    assert_eq!(
        names,
        [
            "agent without sql_filter and bm25_search",
            "agent without sql_filter and fuse",
            "agent without bm25_search and fuse"
        ]
    );
    assert!(plan.kept.iter().any(|k| k.whole == "both" && k.because == "nothing would be left"));
}

#[test]
fn what_it_did_is_told_with_failures_as_results() {
    let wholes = wholes();
    let plan = plan(&suite(), &Tools, &wholes, Ablate::Each);
    let mut results = wholes.clone();
    for whole in &wholes {
        for ablated in plan.ablated.iter().filter(|a| a.whole == whole.variant) {
            let mut after = CaseResult { variant: ablated.variant.clone(), ..whole.clone() };
            let name = ablated.without[0].as_str();
            let measure = after.metrics.get_mut("ndcg@10").unwrap();
            match name {
                "sql_filter" => measure.value /= 2.0,
                "bm25" => measure.value += 0.1,
                "bm25_search" => {
                    after.metrics.clear();
                    after.error = Some("nothing can rank".to_owned());
                }
                _ => (),
            }
            results.push(after);
        }
    }
    let fingerprint = Fingerprint::from_parts(BTreeMap::new());
    let report = report(&plan, &fingerprint, &results);
    let of = |name: &str| report.ablations.iter().find(|a| a.what.without == [name]).unwrap();
    assert_eq!(of("sql_filter").quality[0].verdict, Verdict::Worse);
    assert_eq!(of("bm25").quality[0].verdict, Verdict::Better);
    let broken = of("bm25_search");
    assert_eq!((broken.errors, broken.first_error.as_deref()), ((40, 40), Some("nothing can rank")));
    assert_eq!((broken.quality[0].after, broken.quality[0].verdict), (0.0, Verdict::Worse));
    assert_eq!(of("fuse").says(), "fuse: no difference in any case");
    assert_eq!(of("fuse").cost.len(), 1, "no model was asked: only wall time is told");
    // Each p is that of one test of five, corrected.
    for ablation in &report.ablations {
        let c = &ablation.quality[0];
        assert!(c.p_holm >= c.p && (c.p_holm > c.p || c.p == 1.0 || c.p_holm == c.p * 1.0), "{c:?}");
        assert_eq!(
            (c.baseline.as_str(), c.variant.as_str()),
            (ablation.what.whole.as_str(), ablation.what.variant.as_str())
        );
    }
    let smallest = report.ablations.iter().map(|a| &a.quality[0]).min_by(|a, b| a.p.total_cmp(&b.p)).unwrap();
    assert!((smallest.p_holm - smallest.p * 5.0).abs() < 1e-12, "{smallest:?}");
}
