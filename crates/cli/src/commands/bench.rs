//! `segue bench`: latency on the workspace at hand.

use std::process::ExitCode;

use segue_agent::{Session, TurnOptions};
use segue_catalog::{FieldType, Operator, Predicate, Role, Value};
use segue_retrieval::{DenseQuery, LexicalQuery, TEXT_SPACE};
use segue_world::World;
use serde_json::json;

use crate::args::Bench;
use crate::failure::Failure;
use crate::house::{Door, House};
use crate::output::Output;

/// The work of one measurement, with the same seed on every run.
const SEED: u64 = 20_261_123;

pub(crate) async fn run(house: &House, args: &Bench, output: &mut Output) -> Result<ExitCode, Failure> {
    let door = house.open(&[])?;
    let repetitions = if args.quick { 50 } else { 500 };
    let work = Work::sample(&door, repetitions)?;
    let clock = house.world().as_ref();
    let mut measured = Vec::new();
    measured
        .push(("filter", timed(clock, &work.predicates, |p| Ok(door.engine.filter(p, None).map(drop)?))?));
    measured.push((
        "bm25",
        timed(clock, &work.queries, |q| {
            Ok(door.engine.lexical(&LexicalQuery::new(q.as_str()), None).map(drop)?)
        })?,
    ));
    if door.engine.spaces().contains(&TEXT_SPACE) && house.embedder()?.is_some() {
        let search = |q: &String| Ok(door.engine.dense(TEXT_SPACE, DenseQuery::Text(q), None).map(drop)?);
        // The first query loads the model.
        work.queries.first().map(search).transpose()?;
        measured.push(("embedding", timed(clock, &work.queries, search)?));
    }
    let mut turns = Vec::new();
    for request in &work.requests {
        let mut session = Session::in_memory(clock);
        let began = clock.elapsed();
        door.agent.turn(&mut session, request, TurnOptions::default(), |_| {}).await?;
        turns.push((clock.elapsed() - began).as_secs_f64() * 1000.0);
    }
    measured.push(("turn", Latency::of(turns)));
    show(&door, &measured, output);
    Ok(ExitCode::SUCCESS)
}

struct Latency {
    p50: f64,
    p95: f64,
    n: usize,
}

impl Latency {
    fn of(mut ms: Vec<f64>) -> Self {
        ms.sort_by(f64::total_cmp);
        let at = |share: usize| {
            ms.get((ms.len() * share / 100).min(ms.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
        };
        Self { p50: at(50), p95: at(95), n: ms.len() }
    }
}

fn timed<T>(
    clock: &dyn World,
    work: &[T],
    mut run: impl FnMut(&T) -> Result<(), Failure>,
) -> Result<Latency, Failure> {
    let mut ms = Vec::with_capacity(work.len());
    for one in work {
        let began = clock.elapsed();
        run(one)?;
        ms.push((clock.elapsed() - began).as_secs_f64() * 1000.0);
    }
    Ok(Latency::of(ms))
}

/// What is asked: drawn from the catalogue's own values, each different so that nothing is remembered.
struct Work {
    predicates: Vec<Predicate>,
    queries: Vec<String>,
    requests: Vec<String>,
}

impl Work {
    fn sample(door: &Door, n: usize) -> Result<Self, Failure> {
        let random = segue_world::FixedWorld::new(segue_world::Timestamp::UNIX_EPOCH).with_seed(SEED);
        let below = |n: usize| (random.random_u64() % n.max(1) as u64) as usize;
        let catalog = door.agent.catalog();
        let numbers: Vec<_> = catalog
            .fields
            .iter()
            .zip(&catalog.statistics)
            .filter(|(f, s)| f.ty.is_number() && s.known > 0)
            .collect();
        let categories: Vec<_> = catalog
            .fields
            .iter()
            .zip(&catalog.statistics)
            .filter(|(f, s)| f.role == Role::Category && !s.top.is_empty())
            .collect();
        let mut work = Self { predicates: Vec::new(), queries: Vec::new(), requests: Vec::new() };
        for i in 0..n {
            let mut parts = Vec::new();
            let mut words = Vec::new();
            if let Some((field, statistics)) = categories.get(below(categories.len())) {
                let value = statistics.top.get(below(statistics.top.len().min(50))).map(|v| v.value.clone());
                words.extend(value.iter().map(ToString::to_string));
                parts.extend(value.map(|v| Predicate::field(&field.name, Operator::Eq, v)));
            }
            if let Some((field, statistics)) = numbers.get(below(numbers.len()))
                && let Some((low, high)) = statistics.range()
            {
                let at = low + (high - low) * (i as f64 + 0.5) / n as f64;
                let bound =
                    if field.ty == FieldType::Integer { Value::Integer(at as i64) } else { Value::Real(at) };
                words.push(format!("{} under {bound}", field.name.replace('_', " ")));
                parts.push(Predicate::field(&field.name, Operator::Lt, bound));
            }
            work.predicates.push(Predicate::All { all: parts });
            work.requests.push(format!("{} {}", catalog.name, words.join(" ")));
            let ordinal = below(catalog.items as usize) as u32;
            let row = door.engine.snapshot().row(ordinal)?;
            work.queries.push(row.map(|r| r.title(catalog).to_owned()).unwrap_or_default());
        }
        Ok(work)
    }
}

fn show(door: &Door, measured: &[(&str, Latency)], output: &mut Output) {
    if output.is_json() {
        let latency: serde_json::Map<_, _> = measured
            .iter()
            .map(|(name, l)| ((*name).to_owned(), json!({ "p50_ms": l.p50, "p95_ms": l.p95, "n": l.n })))
            .collect();
        output.json(&json!({ "items": door.agent.catalog().items, "latency": latency }));
        return;
    }
    output.line(format!(
        "{} items; milliseconds, one after the other",
        segue_agent::grouped(door.agent.catalog().items)
    ));
    output.line(format!("{:>12} {:>9} {:>9} {:>6}", "", "p50", "p95", "n"));
    for (name, l) in measured {
        output.line(format!("{name:>12} {:>9.3} {:>9.3} {:>6}", l.p50, l.p95, l.n));
    }
}
