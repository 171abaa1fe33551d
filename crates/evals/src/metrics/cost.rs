//! What a case cost, as figures like any other.

use super::{Metric, Scope};
use crate::{CaseUsage, Measure};

/// The measure of a case's cost; `None` for a metric that is not a mean of costs.
pub fn measure(metric: Metric, usage: &CaseUsage) -> Option<Measure> {
    if metric.info.scope != Scope::Usage {
        return None;
    }
    Some(Measure::one(match metric.info.name {
        "latency" => usage.ms,
        "model_calls" => f64::from(usage.model_calls),
        "input_tokens" => usage.input_tokens as f64,
        "output_tokens" => usage.output_tokens as f64,
        "tokens" => usage.input_tokens as f64 + usage.output_tokens as f64,
        "cost" => usage.cost,
        _ => return None,
    }))
}

/// Which percentile of the wall time the metric is, in 0..1, if it is one.
pub fn percentile_of(metric: Metric) -> Option<f64> {
    match metric.info.name {
        "latency_p50" => Some(0.5),
        "latency_p95" => Some(0.95),
        "latency_p99" => Some(0.99),
        _ => None,
    }
}

/// The quantile `q` (0..1) of the values, linear between the two nearest: type 7 of Hyndman and Fan, The American
/// Statistician 1996. `None` of no values.
pub fn percentile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted_percentile(&sorted, q)
}

/// [`percentile`] of values in ascending order.
pub(crate) fn sorted_percentile(sorted: &[f64], q: f64) -> Option<f64> {
    let place = q.clamp(0.0, 1.0) * sorted.len().checked_sub(1)? as f64;
    let (low, high) = (sorted.get(place.floor() as usize)?, sorted.get(place.ceil() as usize)?);
    Some(low + (high - low) * place.fract())
}
