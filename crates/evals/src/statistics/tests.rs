mod comparisons;
mod intervals;
mod simulation;

use crate::{CaseResult, CaseUsage, Measure};

/// What was computed once by SciPy: `evals/peers/metrics.py golden`.
const GOLDEN: &str = include_str!("../../tests/golden/statistics.json");

#[derive(serde::Deserialize)]
struct Golden {
    cases: Vec<GoldenCase>,
}

#[derive(serde::Deserialize)]
struct GoldenCase {
    a: Vec<f64>,
    b: Vec<f64>,
    bca: [f64; 2],
    p: f64,
    exact: bool,
    wilson: [f64; 2],
}

fn golden() -> Vec<GoldenCase> {
    serde_json::from_str::<Golden>(GOLDEN).unwrap().cases
}

/// A result with one metric; the cluster is what stands before the dot of the case.
fn result(variant: &str, case: &str, metric: &str, measure: Measure) -> CaseResult {
    CaseResult {
        variant: variant.to_owned(),
        case: case.to_owned(),
        cluster: case.split('.').next().unwrap().to_owned(),
        repeat: 0,
        metrics: [(metric.to_owned(), measure)].into(),
        usage: CaseUsage::default(),
        tools: Vec::new(),
        detail: serde_json::Value::Null,
        fallback: None,
        shown: Vec::new(),
        error: None,
    }
}

/// A case of this value for each cluster.
fn results(variant: &str, values: &[f64]) -> Vec<CaseResult> {
    let one =
        |(at, value): (usize, &f64)| result(variant, &format!("c{at}.0"), "hit@1", Measure::one(*value));
    values.iter().enumerate().map(one).collect()
}
