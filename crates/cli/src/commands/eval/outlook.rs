//! What a run of a suite is going to take and can show, told before it begins.

use std::fmt::Write as _;

use segue_agent::grouped;
use segue_evals::CaseResult;
use segue_evals::statistics::forecast;
use segue_evals::suite::{Fingerprint, ResultStore, Suite};

use crate::output::{Output, tame};

/// What will be run, what it takes and what it can show: on standard error, before the first case.
pub(super) fn tell(
    suite: &Suite,
    (cases, clusters): (usize, usize),
    store: &ResultStore,
    before: Option<&(Fingerprint, Vec<CaseResult>)>,
    fingerprint: &Fingerprint,
    at_once: Option<usize>,
    output: &mut Output,
) {
    let earlier: Vec<CaseResult> = match store.is_empty() {
        false => store.results().cloned().collect(),
        true => before.map(|(_, results)| results.clone()).unwrap_or_default(),
    };
    let at_once = at_once.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let repeats = if suite.repeats > 1 { format!(", {} times", suite.repeats) } else { String::new() };
    output.note(format!(
        "{}: {} cases under {} variants{repeats}; fingerprint {}",
        suite.name,
        grouped(cases as u64),
        suite.variants.len(),
        fingerprint.hash
    ));
    if let Some((before, _)) = before.filter(|_| store.is_empty()) {
        let changes = fingerprint.changes(before);
        let names: Vec<_> = changes.iter().take(8).map(|c| tame(&c.part)).collect();
        let more = changes.len().saturating_sub(names.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        output.note(format!("  since the last run ({}) changed: {}{more}", before.hash, names.join(", ")));
    }
    if store.was_torn() {
        output.note("  the last result was cut and is run again");
    }
    let runs = cases * suite.variants.len() * suite.repeats as usize;
    let left = runs.saturating_sub(store.len());
    let mut smallest: Vec<((String, &str), Vec<String>)> = Vec::new();
    let mut expected = None;
    for metric in &suite.metrics {
        let told = forecast(&earlier, *metric, clusters, left, &suite.statistics());
        expected = expected.or(told.cost);
        if let Some(difference) = told.smallest_detectable {
            let basis =
                if told.from_earlier { "from earlier results" } else { "at worst; not seen to vary yet" };
            let told = (format!("{difference:.4}"), basis);
            match smallest.iter_mut().find(|(known, _)| *known == told) {
                Some((_, metrics)) => metrics.push(metric.to_string()),
                None => smallest.push((told, vec![metric.to_string()])),
            }
        }
    }
    let mut line =
        format!("  {} results are there, {} to come", grouped(store.len() as u64), grouped(left as u64));
    if let Some(expected) = expected.filter(|_| left > 0) {
        let _ = write!(line, ": about {}", duration(expected.ms / 1000.0 / at_once.clamp(1, left) as f64));
        if expected.model_calls > 0.0 {
            let tokens = grouped((expected.input_tokens + expected.output_tokens) as u64);
            let _ = write!(
                line,
                ", {:.0} model calls, {tokens} tokens, {:.4} in money",
                expected.model_calls, expected.money
            );
        }
    }
    output.note(line);
    let smallest = smallest.iter().map(|((size, basis), of)| format!("{size} in {} ({basis})", listed(of)));
    let smallest: Vec<_> = smallest.collect();
    if !smallest.is_empty() {
        output.note(format!("  smallest difference that would be found: {}", smallest.join("; ")));
    }
}

/// Names, all of them or so many.
fn listed(names: &[String]) -> String {
    const MOST: usize = 6;
    let some = names.get(..MOST.min(names.len())).unwrap_or_default().join(", ");
    match names.len().saturating_sub(MOST) {
        0 => some,
        more => format!("{some} and {more} more"),
    }
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => "a second".to_owned(),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
