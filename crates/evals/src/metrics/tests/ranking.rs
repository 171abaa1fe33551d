use std::collections::BTreeMap;

use crate::Measure;
use crate::metrics::metric;
use crate::metrics::ranking::{Judgments, by_score, measure};

/// What pytrec_eval and ir_measures said once: `evals/peers/metrics.py golden`.
const GOLDEN: &str = include_str!("../../../tests/golden/ranking.json");

#[derive(serde::Deserialize)]
struct Golden {
    qrels: BTreeMap<String, BTreeMap<String, i64>>,
    run: BTreeMap<String, BTreeMap<String, f64>>,
    values: BTreeMap<String, BTreeMap<String, BTreeMap<String, f64>>>,
}

#[test]
fn ranking_metrics_are_those_of_trec_eval() {
    let golden: Golden = serde_json::from_str(GOLDEN).unwrap();
    let mut compared = 0;
    for (tool, values) in &golden.values {
        for (query, values) in values {
            let judged: Judgments<'_> =
                golden.qrels[query].iter().map(|(id, grade)| (&**id, *grade)).collect();
            let scores = || golden.run[query].iter().map(|(id, score)| (&**id, *score));
            for (name, value) in values {
                // With a cutoff, ir_measures asks MS MARCO's script, which orders ties by id, first first.
                let mut ranking = by_score(scores());
                if tool == "ir_measures" && name.starts_with("mrr@") {
                    let mut scored: Vec<_> = scores().collect();
                    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
                    ranking = scored.into_iter().map(|(id, _)| id).collect();
                }
                let ours = measure(metric(name).unwrap(), &ranking, &judged);
                assert!((ours.value - value).abs() < 1e-12, "{tool} {query} {name}: {ours:?} {value}");
                assert_eq!(ours.weight, 1.0);
                compared += 1;
            }
        }
    }
    assert!(compared >= 2 * 9 * 14, "{compared}");
}

#[test]
fn what_anybody_looked_at_is_counted_of_what_came_back() {
    let judged: Judgments<'_> = [("a", 1), ("b", 0)].into();
    let share = |ranking: &[&str]| measure(metric("judged@3").unwrap(), ranking, &judged).value;
    assert_eq!((share(&["a", "x", "b", "y"]), share(&["b"]), share(&[])), (2.0 / 3.0, 1.0, 0.0));
}

#[test]
fn what_cannot_be_judged_says_nothing_and_nothing_counts_twice() {
    let (ndcg, recall) = (metric("ndcg@10").unwrap(), metric("recall@5").unwrap());
    assert_eq!(measure(ndcg, &["a"], &Judgments::new()).weight, 0.0);
    assert_eq!(measure(metric("tool_f1").unwrap(), &["a"], &[("a", 1)].into()).weight, 0.0);
    assert_eq!(measure(ndcg, &[], &[("a", 1)].into()), Measure::one(0.0));
    let judged: Judgments<'_> = [("a", 1), ("b", 1)].into();
    assert_eq!(measure(recall, &["a", "a", "a"], &judged), Measure::one(0.5));
    assert_eq!(by_score([("a", f64::NAN), ("b", -1.0), ("c", 0.0), ("d", -0.0)]), ["d", "c", "b", "a"]);
}
