//! The rules planner against requests with gold conditions: how many it understands, whether it adds any, and whether
//! every item that comes back satisfies, by an independent query, every hard condition that it says it understood.
//!
//! All of these requests have been seen: the planner was mended by them. What the unseen ones among them showed when they
//! were first run stands in `evals/requests/README.md`; this test holds that it gets no worse.
//!
//! The catalogues are built here from the real data: films from the shelf (fetched if need be), music from
//! `SEGUE_DATA`. One that is not to be had is skipped, and said to be.

#![expect(clippy::panic, clippy::expect_used, reason = "a test says what is wrong by failing")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use segue_agent::rules::Situation;
use segue_agent::{Agent, Constraints, Session, TurnOptions, rules};
use segue_catalog::{
    Dataset, FieldType, Operator, Predicate, Snapshot, Value, Workspace, import, parse_date,
};
use segue_models::Shelf;
use segue_retrieval::{Engine, build_index};
use segue_world::{RealWorld, World, fs};
use serde::Deserialize;

#[derive(Deserialize)]
struct Request {
    request: String,
    gold: Vec<Predicate>,
}

/// A catalogue built for this test, and the folder that goes with it.
struct Built {
    agent: Agent,
    snapshot: Snapshot,
    world: Arc<dyn World>,
    _folder: tempfile::TempDir,
}

fn in_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The data file of a catalogue, or why there is none.
fn data(catalog: &str, world: &Arc<dyn World>) -> Result<PathBuf, String> {
    if catalog == "films" {
        let shelf = Shelf::new(world.clone()).map_err(|e| e.to_string())?;
        return Ok(shelf.ensure("films", &mut |_| ()).map_err(|e| e.to_string())?.only());
    }
    let folder = world.env("SEGUE_DATA").map_or_else(|| in_project("../shared/data"), PathBuf::from);
    let file = folder.join("music/spotify_songs.csv");
    if fs::exists(&file) { Ok(file) } else { Err(format!("there is no {}", file.display())) }
}

fn build(catalog: &str) -> Result<Built, String> {
    let world: Arc<dyn World> = Arc::new(RealWorld::new());
    let file = data(catalog, &world)?;
    let map = in_project(&format!("evals/datasets/{catalog}.toml"));
    let mut dataset = Dataset::read(&map).expect("a data set").with_files(&[file]).expect("its file");
    (dataset.users, dataset.interactions) = (None, None);
    let folder = tempfile::tempdir().expect("a folder");
    let workspace = Workspace::at(folder.path().join("workspace"));
    import(&workspace, &dataset, world.as_ref(), &mut |_| {}, &|| false).expect("an import");
    build_index(&workspace, None, world.as_ref(), &mut |_| {}, &|| false).expect("an index");
    let engine = Engine::open(&workspace, None).expect("an engine");
    let snapshot = engine.snapshot().clone();
    let agent = Agent::new(world.clone(), snapshot.clone(), segue_tools::builtin(engine));
    Ok(Built { agent, snapshot, world, _folder: folder })
}

/// Asks, and gives the items that violate a hard condition that was understood, by an independent query.
fn violations(built: &Built, request: &str) -> (usize, Vec<String>) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut session = Session::in_memory(built.world.as_ref());
    let report = runtime
        .block_on(built.agent.turn(&mut session, request, TurnOptions::default(), |_| {}))
        .expect("a turn");
    let items = report.answer.map(|a| a.items).unwrap_or_default();
    let mut violations = Vec::new();
    for understood in report.understood.iter().filter(|u| u.hard) {
        let Some(predicate) = &understood.predicate else { continue };
        let allowed = selected(&built.snapshot, predicate);
        for item in &items {
            let ordinal = built.snapshot.ordinal(&item.id).expect("the catalogue").expect("an item of it");
            if allowed.binary_search(&ordinal).is_err() {
                violations.push(format!("{} violates {predicate}", item.id));
            }
        }
    }
    (items.len(), violations)
}

/// The ordinals of the items that an independent query over the table selects.
fn selected(snapshot: &Snapshot, predicate: &Predicate) -> Vec<u32> {
    let sql = format!(
        "SELECT ordinal FROM {} WHERE {} ORDER BY ordinal",
        snapshot.table("items"),
        tree(snapshot, predicate)
    );
    snapshot
        .with_connection(|c| c.prepare(&sql)?.query_map([], |r| r.get(0))?.collect())
        .unwrap_or_else(|e| panic!("{sql}: {e}"))
}

fn tree(snapshot: &Snapshot, predicate: &Predicate) -> String {
    let all = |parts: &[Predicate], with: &str| {
        let parts: Vec<_> = parts.iter().map(|p| tree(snapshot, p)).collect();
        if parts.is_empty() { "1".to_owned() } else { format!("({})", parts.join(with)) }
    };
    let leaf = match predicate {
        Predicate::All { all: parts } => return all(parts, " AND "),
        Predicate::Any { any } => return all(any, " OR "),
        Predicate::Not { not } => return format!("(NOT {})", tree(snapshot, not)),
        Predicate::Field(leaf) => leaf,
    };
    let field = snapshot.catalog().field(&leaf.field).unwrap_or_else(|| panic!("no field {}", leaf.field));
    let name = format!("\"{}\"", leaf.field);
    if !field.multi {
        return compare(&name, field.ty, leaf.op, &leaf.value);
    }
    let one = compare("j.value", field.ty, leaf.op, &leaf.value);
    format!(
        "(CASE WHEN {name} IS NULL THEN NULL ELSE EXISTS (SELECT 1 FROM json_each({name}) j WHERE {one}) END)"
    )
}

fn compare(column: &str, ty: FieldType, op: Operator, value: &Value) -> String {
    let sign = match op {
        Operator::Lt => "<",
        Operator::Le => "<=",
        Operator::Gt => ">",
        Operator::Ge => ">=",
        Operator::Ne => "<>",
        _ => "=",
    };
    if ty == FieldType::Date {
        let span = |v: &Value| parse_date(&v.to_string()).expect("a date");
        return match (op, value.each()) {
            (Operator::Between, [low, high]) => {
                format!("({column} >= '{}' AND {column} < '{}')", span(low).start, span(high).end)
            }
            (Operator::Lt | Operator::Ge, [one]) => format!("({column} {sign} '{}')", span(one).start),
            (Operator::Le, [one]) => format!("({column} < '{}')", span(one).end),
            (Operator::Gt, [one]) => format!("({column} >= '{}')", span(one).end),
            (_, [one]) => format!("({column} >= '{}' AND {column} < '{}')", span(one).start, span(one).end),
            other => panic!("{other:?}"),
        };
    }
    let literal = |v: &Value| match v.as_f64() {
        Some(n) => n.to_string(),
        None => format!("'{}'", segue_catalog::text::fold(&v.to_string()).replace('\'', "''")),
    };
    let column = if ty == FieldType::Text { format!("fold({column})") } else { column.to_owned() };
    match (op, value.each()) {
        (Operator::Between, [low, high]) => {
            format!("({column} BETWEEN {} AND {})", literal(low), literal(high))
        }
        (Operator::In, list) => {
            format!("({column} IN ({}))", list.iter().map(literal).collect::<Vec<_>>().join(","))
        }
        (Operator::StartsWith, [one]) => format!("(instr({column}, {}) = 1)", literal(one)),
        (Operator::Contains, [one]) => format!("(instr({column}, {}) > 0)", literal(one)),
        (_, [one]) => format!("({column} {sign} {})", literal(one)),
        other => panic!("{other:?}"),
    }
}

/// Wilson's 95 % interval of a share.
fn wilson(hits: usize, n: usize) -> (f64, f64) {
    let (n, z) = (n as f64, 1.96_f64);
    let p = hits as f64 / n;
    let middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    (middle - half, middle + half)
}

#[test]
fn requests_are_understood() {
    let folder = in_project("evals/requests");
    let mut failed = Vec::new();
    for file in fs::list(&folder).expect("the requests") {
        let name = file.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let Some((catalog, _)) = name.rsplit_once('-') else { continue };
        let built = match build(catalog) {
            Ok(built) => built,
            Err(why) => {
                println!("skipped {name}: {why}");
                continue;
            }
        };
        let snapshot = built.snapshot.clone();
        let (mut hits, mut golds, mut unasked, mut items, mut wrong) = (0, 0, 0, 0, 0);
        for line in fs::read_to_string(&file).expect("the requests").lines() {
            let request: Request = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
            let reading = rules::read(
                &request.request,
                &Situation {
                    snapshot: &snapshot,
                    before: &Constraints::default(),
                    shown: &[],
                    turn: 1,
                    today: None,
                },
            )
            .expect("a reading");
            let mut understood: Vec<_> =
                reading.understood.iter().filter_map(|u| u.predicate.clone().map(|p| (p, u.hard))).collect();
            // Two names of a maker joined by "and" are two conditions, whichever way they are written down.
            understood.dedup();
            let sets: Vec<_> = understood.iter().map(|(p, _)| selected(&snapshot, p)).collect();
            let gold: Vec<_> = request.gold.iter().map(|p| selected(&snapshot, p)).collect();
            let found = |g: usize| {
                understood.iter().zip(&sets).any(|((p, _), s)| *p == request.gold[g] || *s == gold[g])
            };
            let missed: Vec<_> =
                (0..gold.len()).filter(|g| !found(*g)).map(|g| request.gold[g].to_string()).collect();
            let is_gold = |p: &Predicate, s: &Vec<u32>| request.gold.contains(p) || gold.contains(s);
            let extra = understood.iter().zip(&sets).filter(|((p, hard), s)| *hard && !is_gold(p, s));
            let extra: Vec<_> = extra.map(|((p, _), _)| p.to_string()).collect();
            (hits, golds, unasked) =
                (hits + gold.len() - missed.len(), golds + gold.len(), unasked + extra.len());
            if !missed.is_empty() || !extra.is_empty() {
                println!("{:?}\n    missed {missed:?}\n    unasked {extra:?}", request.request);
            }
            let (shown, violated) = violations(&built, &request.request);
            (items, wrong) = (items + shown, wrong + violated.len());
            if !violated.is_empty() {
                println!("{:?}\n    {violated:?}", request.request);
            }
        }
        let share = hits as f64 / golds as f64;
        let (low, high) = wilson(hits, golds);
        println!(
            "{name}: {hits} of {golds} = {share:.3} (95 % {low:.3} to {high:.3}), {unasked} unasked; {wrong} of {items} items wrong"
        );
        if share < 0.85 || unasked > 0 || wrong > 0 {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "below what is promised: {failed:?}");
}
