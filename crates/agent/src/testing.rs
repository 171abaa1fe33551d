//! A tiny catalogue and tools made of closures, for the tests of this crate.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use rusqlite::{Connection, params};
use segue_catalog::{
    CandidateSet, Catalog, ConditionCount, Diagnosis, Direction, Field, FieldStatistics, FieldType,
    Predicate, Relaxation, Role, Row, Scored, Snapshot, Unit, text,
};
use segue_world::{FixedWorld, Timestamp, World};
use serde_json::{Value as Json, json};

use crate::{
    CostHint, Effect, ErasedTool, Plan, Registry, Step, ToolContext, ToolError, ToolOutput, ToolRole,
    ToolSpec,
};

/// Id, title, genres, year, minutes, score.
type Item = (&'static str, &'static str, &'static [&'static str], i64, Option<i64>, f64);

const ITEMS: &[Item] = &[
    ("t1", "The Long Walk", &["Drama"], 1994, Some(150), 8.1),
    ("t2", "Night Bus", &["Horror", "Thriller"], 2003, Some(88), 5.9),
    ("t3", "Paper Moons", &["Comedy", "Drama"], 1999, Some(95), 7.4),
    ("t4", "Red Harbour", &["Thriller"], 2011, Some(117), 7.9),
    ("t5", "Small Hours", &["Comedy"], 2011, Some(79), 6.8),
    ("t6", "The Orchard", &["Drama"], 1987, None, 7.0),
];

pub(crate) fn world() -> Arc<dyn World> {
    Arc::new(FixedWorld::new(Timestamp::UNIX_EPOCH))
}

/// A catalogue of six films in a folder that lives as long as the guard.
pub(crate) fn snapshot() -> (tempfile::TempDir, Snapshot) {
    snapshot_of(ITEMS.len())
}

/// The same films over and over.
pub(crate) fn snapshot_of(items: usize) -> (tempfile::TempDir, Snapshot) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.db");
    write(&path, items).unwrap();
    let snapshot = Snapshot::open(&path, 1).unwrap();
    (folder, snapshot)
}

pub(crate) fn catalog() -> Catalog {
    let number = |name: &str| Field { ty: FieldType::Integer, ..Field::new(name, Role::Number) };
    let fields = vec![
        Field::new("id", Role::Id),
        Field::new("title", Role::Title),
        Field { multi: true, ..Field::new("genre", Role::Category) },
        Field { unit: Some(Unit::parse("year")), ..number("year") },
        Field { unit: Some(Unit::parse("minutes")), ..number("runtime") },
        Field { quality: true, ..Field::new("score", Role::Number) },
    ];
    Catalog {
        name: "films".to_owned(),
        noun: "film".to_owned(),
        generation: 1,
        statistics: vec![FieldStatistics::default(); fields.len()],
        fields,
        items: ITEMS.len() as u64,
        users: 0,
        interactions: 0,
        attribution: String::new(),
    }
}

fn write(path: &Path, items: usize) -> rusqlite::Result<()> {
    let mut db = Connection::open(path)?;
    let db = db.transaction()?;
    db.execute_batch(
        "CREATE TABLE segue_catalog (description TEXT);
         CREATE TABLE segue_items (ordinal INTEGER PRIMARY KEY, hash TEXT, id TEXT, title TEXT, genre TEXT, year INTEGER,
            runtime INTEGER, score REAL);
         CREATE TABLE segue_lexicon (folded TEXT, field INTEGER, value TEXT, count INTEGER, squashed TEXT);",
    )?;
    let json = Snapshot::describe(&Catalog { items: items as u64, ..catalog() }).unwrap();
    db.execute("INSERT INTO segue_catalog VALUES (?1)", [json])?;
    for (ordinal, (id, title, genres, year, runtime, score)) in
        (0_i64..).zip(ITEMS.iter().cycle().take(items))
    {
        let id = if ordinal < ITEMS.len() as i64 { (*id).to_owned() } else { format!("t{ordinal}") };
        let genres = json!(genres).to_string();
        let hash = format!("{ordinal:016x}");
        db.execute(
            "INSERT INTO segue_items VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![ordinal, hash, id, title, genres, year, runtime, score],
        )?;
        db.execute(
            "INSERT INTO segue_lexicon VALUES (?1, 1, ?2, 1, NULL)",
            params![text::fold(title), title],
        )?;
    }
    db.commit()
}

pub(crate) type Invoked<'a> =
    Pin<Box<dyn Future<Output = Result<(Json, ToolOutput), ToolError>> + Send + 'a>>;
type Body = Arc<dyn for<'a> Fn(&'a ToolContext, Json) -> Invoked<'a> + Send + Sync>;

/// A tool that is a closure.
pub(crate) struct Fake {
    name: &'static str,
    spec: ToolSpec,
    body: Body,
}

impl Fake {
    /// A tool that reads, may run beside others, and has a minute.
    pub(crate) fn new(
        name: &'static str,
        role: ToolRole,
        body: impl for<'a> Fn(&'a ToolContext, Json) -> Invoked<'a> + Send + Sync + 'static,
    ) -> Self {
        let spec = ToolSpec {
            name: name.to_owned(),
            role,
            summary: String::new(),
            description: String::new(),
            schema: json!({"type": "object"}),
            set_args: vec!["sets".to_owned()],
            effect: Effect::Reads,
            parallel_safe: true,
            cost: CostHint::Cheap,
            timeout_ms: 60_000,
            examples: Vec::new(),
        };
        Self { name, spec, body: Arc::new(body) }
    }

    /// A tool whose work takes no waiting.
    pub(crate) fn simple(
        name: &'static str,
        role: ToolRole,
        body: impl Fn(&ToolContext, &Json) -> Result<ToolOutput, ToolError> + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, role, move |context, args| {
            let output = body(context, &args);
            Box::pin(async move { Ok((args, output?)) })
        })
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut ToolSpec)) -> Self {
        change(&mut self.spec);
        self
    }
}

impl ErasedTool for Fake {
    fn name(&self) -> &'static str {
        self.name
    }

    fn describe(&self, _: &Catalog) -> ToolSpec {
        self.spec.clone()
    }

    fn check(&self, _: &ToolContext, args: Json) -> Result<Json, ToolError> {
        Ok(args)
    }

    fn invoke<'a>(&'a self, context: &'a ToolContext, args: Json) -> Invoked<'a> {
        (self.body)(context, args)
    }
}

/// Every row of the pool.
pub(crate) fn pool(context: &ToolContext) -> Vec<Row> {
    let all: Vec<_> = match &context.within {
        Some(set) => set.members().iter().collect(),
        None => (0..ITEMS.len() as u32).collect(),
    };
    context.snapshot.rows(&all).unwrap()
}

/// A filter that explains itself when it is empty.
pub(crate) fn filter() -> Fake {
    Fake::simple("keep", ToolRole::Filter, |context, args| {
        let catalog = context.snapshot.catalog();
        let predicate: Predicate = serde_json::from_value(args["where"].clone()).unwrap();
        let rows = pool(context);
        let count = |p: &Predicate| rows.iter().filter(|r| p.matches(r, catalog)).count() as u64;
        let members = rows.iter().filter(|r| predicate.matches(r, catalog)).map(|r| r.ordinal).collect();
        let set = CandidateSet::filtered(
            context.handle.clone(),
            context.record("keep", args.clone()),
            members,
            vec![],
        );
        let parts = match &predicate {
            Predicate::All { all } => all.clone(),
            one => vec![one.clone()],
        };
        let without = |i: usize| {
            let all = parts.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, p)| p.clone()).collect();
            Relaxation { condition: i, instead: None, count: count(&Predicate::All { all }) }
        };
        let mut relaxations: Vec<_> = (0..parts.len()).map(without).collect();
        relaxations.sort_by_key(|r| std::cmp::Reverse(r.count));
        let diagnosis = set.is_empty().then(|| Diagnosis {
            conditions: parts
                .iter()
                .map(|p| ConditionCount { condition: p.clone(), count: count(p) })
                .collect(),
            conflict: (0..parts.len()).collect(),
            relaxations,
        });
        Ok(ToolOutput::Set { set: Arc::new(set), diagnosis, notes: Vec::new() })
    })
}

/// An order by a number.
pub(crate) fn order() -> Fake {
    Fake::simple("order", ToolRole::Order, |context, args| {
        let by = args["by"].as_str().unwrap();
        let sign = if args["direction"] == json!(Direction::Ascending) { -1.0 } else { 1.0 };
        let catalog = context.snapshot.catalog();
        let score = |row: &Row| row.get(catalog, by).as_f64().map_or(f64::NAN, |v| v * sign);
        let items = pool(context).iter().map(|r| Scored { item: r.ordinal, score: score(r) }).collect();
        let parents = context.within.clone().into_iter().collect();
        let record = context.record("order", args.clone());
        Ok(CandidateSet::ranked(context.handle.clone(), record, items, parents).into())
    })
}

/// A set of these ordinals, best first.
pub(crate) fn set_of(context: &ToolContext, tool: &str, ordinals: &[u32]) -> ToolOutput {
    let scored = |(i, item): (usize, &u32)| Scored { item: *item, score: 1.0 / (i + 1) as f64 };
    let items = ordinals.iter().enumerate().map(scored).collect();
    let record = context.record(tool, Json::Null);
    CandidateSet::ranked(context.handle.clone(), record, items, vec![]).into()
}

pub(crate) fn registry(tools: Vec<Fake>) -> Registry {
    tools.into_iter().fold(Registry::default(), Registry::with)
}

pub(crate) fn step(id: &str, tool: &str, args: Json, within: Option<&str>) -> Step {
    Step { id: id.to_owned(), tool: tool.to_owned(), args, within: within.map(str::to_owned) }
}

pub(crate) fn plan(steps: Vec<Step>) -> Plan {
    Plan { steps }
}
