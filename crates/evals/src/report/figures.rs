//! Numbers and verdicts as they are written for people.

use crate::Interval;
use crate::metrics::{Better, Metric, Unit};
use crate::statistics::{Comparison, Verdict};

/// How many decimals a figure of this unit has.
pub fn decimals(unit: Unit) -> usize {
    match unit {
        Unit::Milliseconds | Unit::Calls | Unit::Tokens => 1,
        Unit::Turns => 2,
        Unit::Share
        | Unit::Correlation
        | Unit::Bits
        | Unit::Dissimilarity
        | Unit::RelativeChange
        | Unit::Money => 4,
    }
}

/// A figure: `0.6791`.
pub fn figure(value: f64, unit: Unit) -> String {
    format!("{value:.*}", decimals(unit))
}

/// A difference: `+0.0123`.
pub fn difference(value: f64, unit: Unit) -> String {
    format!("{value:+.*}", decimals(unit))
}

/// The ends of an interval: `[0.6402, 0.7170]`.
pub fn ends(interval: &Interval, unit: Unit) -> String {
    format!("[{}, {}]", figure(interval.low, unit), figure(interval.high, unit))
}

/// The ends of the interval of a difference: `[-0.0012, +0.0301]`.
pub fn difference_ends(interval: &Interval, unit: Unit) -> String {
    format!("[{}, {}]", difference(interval.low, unit), difference(interval.high, unit))
}

/// A p-value: `0.0123`, `< 0.0001`.
pub fn p_value(p: f64) -> String {
    if p < 0.0001 { "< 0.0001".to_owned() } else { format!("{p:.4}") }
}

/// A verdict in words.
pub fn verdict(comparison: &Comparison) -> &'static str {
    match comparison.verdict {
        Verdict::Better => "better",
        Verdict::Worse => "worse",
        Verdict::NoDifference => "no difference shown",
        Verdict::TooFew => "too few to tell",
    }
}

/// Which end of a figure is good, in words.
pub fn good_end(better: Better) -> &'static str {
    match better {
        Better::Higher => "higher is better",
        Better::Lower => "lower is better",
    }
}

/// Wall time: `12.3 ms`, `4.56 s`, `3.2 min`, `1.5 h`.
pub fn duration(ms: f64) -> String {
    match ms {
        ms if ms < 1.0 => format!("{ms:.2} ms"),
        ms if ms < 1000.0 => format!("{ms:.1} ms"),
        ms if ms < 120_000.0 => format!("{:.2} s", ms / 1e3),
        ms if ms < 7_200_000.0 => format!("{:.1} min", ms / 6e4),
        ms => format!("{:.1} h", ms / 3.6e6),
    }
}

/// The ends of the interval of a duration: `[1.20 ms, 3.40 ms]`.
pub fn durations(interval: &Interval) -> String {
    format!("[{}, {}]", duration(interval.low), duration(interval.high))
}

/// What a cost counts, in words.
pub fn counted(metric: Metric) -> &'static str {
    match metric.info.name {
        "latency" => "milliseconds",
        "model_calls" => "model calls",
        "cost" => "money",
        name => name,
    }
}

/// So many of something: `1 case`, `3 cases`.
pub fn count(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", segue_agent::grouped(n as u64), if n == 1 { one } else { many })
}
