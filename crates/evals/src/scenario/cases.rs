//! Requests by the file, each with its gold conditions: how many of these are understood, whether any is made up, and
//! whether what comes back satisfies what was understood, by a query of its own.

use std::fmt;

use roaring::RoaringBitmap;
use segue_agent::{Agent, Cancellation, Session, TurnOptions};
use segue_catalog::Predicate;
use segue_retrieval::{Engine, SqlLimits};
use segue_world::{World, fs};
use serde::Deserialize;

use super::ScenarioOutcome;
use super::document::did_you_mean;
use super::parse::CasesBlock;
use super::scan::{Number, Scan};
use super::sql;

/// A line of the file. What else it says is for other readers.
#[derive(Debug, Deserialize)]
struct Request {
    request: String,
    gold: Vec<Predicate>,
}

/// Sums over all requests.
#[derive(Debug, Default)]
struct Figures {
    cases: usize,
    gold: usize,
    understood: usize,
    unasked: usize,
    items: usize,
    violating: usize,
}

/// What a threshold is about.
const FIGURES: [&str; 4] = ["understood", "unasked", "violating", "cases"];

impl Figures {
    /// The figure of this name; `None` where there is nothing to have a share of.
    fn value(&self, name: &str) -> Option<f64> {
        match name {
            "understood" => (self.gold > 0).then(|| self.understood as f64 / self.gold as f64),
            "unasked" => Some(self.unasked as f64),
            "violating" => Some(self.violating as f64),
            _ => Some(self.cases as f64),
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cases, gold, understood, unasked, items, violating } = self;
        write!(
            f,
            "{cases} requests: {understood} of {gold} conditions understood ({:.3}), {unasked} unasked; {violating} of \
             {items} items violate what was understood",
            self.value("understood").unwrap_or(0.0)
        )
    }
}

/// Asks every request of the file by itself, and holds the thresholds of the block against the sums.
pub(super) async fn run(
    agent: &Agent,
    engine: &Engine,
    world: &dyn World,
    block: &CasesBlock,
    options: &TurnOptions,
    cancellation: &Cancellation,
    outcome: &mut ScenarioOutcome,
) {
    let requests = match read(block) {
        Ok(requests) => requests,
        Err(message) => return outcome.break_off(block.line, "cases", message),
    };
    let mut figures = Figures::default();
    for request in &requests {
        if cancellation.is_cancelled() {
            return;
        }
        let mut session = Session::in_memory(world);
        let report = match agent.turn(&mut session, &request.request, options.clone(), |_| {}).await {
            Ok(report) => report,
            Err(error) => {
                return outcome.break_off(block.line, &request.request, error.to_string());
            }
        };
        outcome.count(&report);
        let mut understood: Vec<(&Predicate, bool)> =
            report.understood.iter().filter_map(|u| Some((u.predicate.as_ref()?, u.hard))).collect();
        // Two names of a maker joined by “and” are two conditions, whichever way they are written down.
        understood.dedup();
        let sets = |predicates: &mut dyn Iterator<Item = &Predicate>| {
            predicates.map(|p| selected(engine, p)).collect::<Result<Vec<_>, String>>()
        };
        let both = sets(&mut understood.iter().map(|(p, _)| *p))
            .and_then(|understood| Ok((understood, sets(&mut request.gold.iter())?)));
        let (of_understood, of_gold) = match both {
            Ok(both) => both,
            Err(message) => return outcome.break_off(block.line, &request.request, message),
        };
        let is_found = |gold: &Predicate, set: &RoaringBitmap| {
            understood.iter().zip(&of_understood).any(|((p, _), s)| *p == gold || s == set)
        };
        let missed: Vec<String> = request
            .gold
            .iter()
            .zip(&of_gold)
            .filter(|(p, s)| !is_found(p, s))
            .map(|(p, _)| p.to_string())
            .collect();
        let is_gold = |p: &Predicate, s: &RoaringBitmap| request.gold.contains(p) || of_gold.contains(s);
        let unasked: Vec<String> = understood
            .iter()
            .zip(&of_understood)
            .filter(|((p, hard), s)| *hard && !is_gold(p, s))
            .map(|((p, _), _)| p.to_string())
            .collect();
        let items = report.answer.as_ref().map(|a| a.items.as_slice()).unwrap_or_default();
        let mut violating = Vec::new();
        for ((predicate, hard), allowed) in understood.iter().zip(&of_understood) {
            for item in items.iter().filter(|_| *hard) {
                let ordinal = engine.snapshot().ordinal(&item.id).ok().flatten();
                if ordinal.is_none_or(|o| !allowed.contains(o)) {
                    violating.push(format!("{} violates {predicate}", item.id));
                }
            }
        }
        figures.cases += 1;
        figures.gold += request.gold.len();
        figures.understood += request.gold.len() - missed.len();
        figures.unasked += unasked.len();
        figures.items += items.len();
        figures.violating += violating.len();
        for (what, found) in [("missed", missed), ("unasked", unasked), ("violating", violating)] {
            if !found.is_empty() {
                outcome.notes.push(format!("“{}” {what}: {}", request.request, found.join("; ")));
            }
        }
    }
    outcome.notes.push(figures.to_string());
    for (line, text) in &block.thresholds {
        outcome.assertions += 1;
        match threshold(*line, text) {
            Ok((name, number)) => match figures.value(name) {
                Some(value) if number.holds(value) => {}
                Some(value) => outcome.fail(*line, text, format!("{value:.4}; {figures}")),
                None => outcome.fail(*line, text, "no request has a gold condition".to_owned()),
            },
            Err(message) => outcome.break_off(*line, text, message),
        }
    }
}

/// `understood >= 0.85`
fn threshold(line: usize, text: &str) -> Result<(&'static str, Number), String> {
    let mut scan = Scan { line, text, at: 0 };
    let name = scan.word();
    let Some(name) = FIGURES.into_iter().find(|f| *f == name) else {
        return Err(format!("there is no figure `{name}`{}", did_you_mean(name, FIGURES)));
    };
    let number = scan.number().map_err(|wrong| wrong.message)?;
    if scan.rest().is_empty() {
        Ok((name, number))
    } else {
        Err(format!("`{}` is not expected", scan.rest()))
    }
}

fn read(block: &CasesBlock) -> Result<Vec<Request>, String> {
    let text = fs::read_to_string(&block.file).map_err(|e| e.to_string())?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let requests: Vec<Request> = lines
        .map(|(n, line)| {
            let wrong = |e| format!("`{}`, line {}: {e}", block.file.display(), n + 1);
            serde_json::from_str(line).map_err(wrong)
        })
        .collect::<Result<_, _>>()?;
    if requests.is_empty() {
        Err(format!("`{}` holds no request", block.file.display()))
    } else {
        Ok(requests)
    }
}

/// The items that a query of its own selects.
fn selected(engine: &Engine, predicate: &Predicate) -> Result<RoaringBitmap, String> {
    let catalog = engine.snapshot().catalog();
    let written = sql::written(catalog, predicate)
        .ok_or_else(|| format!("`{predicate}` cannot be tried by SQL of its own"))?;
    let limits = SqlLimits { rows: catalog.items as usize, fuel: 500_000_000, ..SqlLimits::default() };
    sql::satisfying(engine, &written, &limits)
}
