//! Doing what is still to be done of a suite: cases stream in, several run at a time, results are on the disk one by one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use segue_agent::Cancellation;
use segue_world::World;
use serde_json::Value as Json;
use tokio::task::JoinSet;

use super::{ResultStore, StoreError, Suite, Variant};
use crate::adapters::AdapterError;
use crate::{CaseResult, CaseUsage, Measure};

/// One case of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its name, unique in its data set.
    pub id: String,
    /// What it depends on with others: a conversation, a query.
    pub cluster: String,
    /// What is asked, in words. Untrusted.
    pub request: String,
}

/// What came of one case.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answered {
    /// Metric to measure, for every metric of the suite.
    pub metrics: std::collections::BTreeMap<String, Measure>,
    /// What it cost. A wall time of 0 stands for the time that the answer took.
    pub usage: CaseUsage,
    /// The tools that were called.
    pub tools: Vec<String>,
    /// Why the rules planned where a model was to, if they did.
    pub fallback: Option<String>,
    /// The ids that figures of whole runs are made of, best first.
    pub shown: Vec<String>,
    /// What a person needs to see.
    pub detail: Json,
}

/// Why a case has no result. It is counted as failed and the run goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CaseError(pub String);

impl CaseError {
    /// Of whatever went wrong.
    pub fn of(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// What a suite runs: the cases of a data set and how one is done.
pub trait Task: Send + Sync + fmt::Debug {
    /// How many cases there are.
    fn count(&self) -> usize;

    /// The cases, one after the other, always in the same order.
    fn cases(&self) -> Box<dyn Iterator<Item = Result<Case, AdapterError>> + Send + '_>;

    /// What the results depend on besides the suite itself and the code: part to its hash or name.
    fn depends(&self) -> Vec<(String, String)>;

    /// The tools that a variant's agent has, by name; none where the variant is no agent.
    fn tools(&self, _variant: &Variant) -> Vec<String> {
        Vec::new()
    }

    /// What a person needs to see of an item to judge it: its fields and their values. Untrusted text; nothing where the
    /// data set shows no items.
    fn item(&self, _id: &str) -> Result<Vec<(String, String)>, CaseError> {
        Ok(Vec::new())
    }

    /// How the data set itself judges an item for a case, if it does.
    fn grade(&self, _case: &str, _item: &str) -> Option<i64> {
        None
    }

    /// What a failed case is worth in metrics that have no worst of their own: as bad as this data set lets a case be.
    fn failed(&self) -> std::collections::BTreeMap<String, Measure> {
        std::collections::BTreeMap::new()
    }

    /// The run is through: what is only worth keeping of a whole one is kept.
    fn finish(&self) -> Result<(), AdapterError> {
        Ok(())
    }

    /// Does one case under one variant.
    fn answer<'a>(
        &'a self,
        variant: &'a Variant,
        case: &'a Case,
    ) -> BoxFuture<'a, Result<Answered, CaseError>>;
}

/// How a run goes.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// How many cases at a time; as the suite says, if not given.
    pub concurrency: Option<usize>,
    /// Raise it to stop: nothing new is begun, what is under way is dropped and done by the next run.
    pub cancellation: Cancellation,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// Case runs that have a result.
    pub done: usize,
    /// Of so many.
    pub total: usize,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// Every case has a result under every variant in every repeat.
    Complete,
    /// It was stopped; the next run does the rest.
    Stopped(Outlook),
}

/// A run that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The cases cannot be read.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    /// Results cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Runs every case under every variant in every repeat that has no result in the store yet.
pub async fn run(
    suite: &Arc<Suite>,
    task: &Arc<dyn Task>,
    store: &mut ResultStore,
    world: &Arc<dyn World>,
    options: &RunOptions,
    progress: &mut (dyn FnMut(Outlook) + Send),
) -> Result<RunEnd, RunError> {
    let total = task.count() * suite.variants.len() * suite.repeats as usize;
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let at_once = options.concurrency.or(suite.concurrency).unwrap_or_else(cores).max(1);
    let mut pace = Pace::new(suite.rate_limit);
    let mut running: JoinSet<CaseResult> = JoinSet::new();
    let mut outlook = Outlook { done: 0, total };
    let mut stopped = false;
    for (nth, case) in task.cases().enumerate() {
        let case = Arc::new(case?);
        for (repeat, variant) in each(suite, nth) {
            if store.has(&suite.variants, variant, &case.id, repeat) {
                outlook.done += 1;
                continue;
            }
            while running.len() >= at_once && !stopped {
                stopped = !next(&mut running, store, &mut outlook, options, progress).await?;
            }
            tokio::select! {
                () = options.cancellation.cancelled() => stopped = true,
                () = pace.wait() => {}
            }
            stopped |= options.cancellation.is_cancelled();
            if stopped {
                running.shutdown().await;
                return Ok(RunEnd::Stopped(Outlook { done: store.len(), total }));
            }
            running.spawn(one(suite.clone(), task.clone(), case.clone(), variant, repeat, world.clone()));
        }
    }
    progress(outlook);
    while !running.is_empty() {
        if !next(&mut running, store, &mut outlook, options, progress).await? {
            running.shutdown().await;
            return Ok(RunEnd::Stopped(Outlook { done: store.len(), total }));
        }
    }
    Ok(RunEnd::Complete)
}

/// The repeats and variants of the `nth` case. Another variant begins each time: the first to touch a case warms the caches for
/// the others, and their times are compared.
fn each(suite: &Suite, nth: usize) -> impl Iterator<Item = (u32, usize)> {
    let variants = suite.variants.len();
    let from = move |i: usize| (i + nth) % variants.max(1);
    (0..suite.repeats).flat_map(move |repeat| (0..variants).map(move |i| (repeat, from(i))))
}

/// Waits for one result and keeps it; false if the run is to stop.
async fn next(
    running: &mut JoinSet<CaseResult>,
    store: &mut ResultStore,
    outlook: &mut Outlook,
    options: &RunOptions,
    progress: &mut (dyn FnMut(Outlook) + Send),
) -> Result<bool, RunError> {
    let joined = tokio::select! {
        biased;
        () = options.cancellation.cancelled() => return Ok(false),
        joined = running.join_next() => joined,
    };
    if let Some(Ok(result)) = joined {
        store.add(result)?;
        outlook.done += 1;
        progress(*outlook);
    }
    Ok(true)
}

async fn one(
    suite: Arc<Suite>,
    task: Arc<dyn Task>,
    case: Arc<Case>,
    variant: usize,
    repeat: u32,
    world: Arc<dyn World>,
) -> CaseResult {
    let name = suite.variants.get(variant).map(|v| v.name.clone()).unwrap_or_default();
    let began = world.elapsed();
    let inner = (suite.clone(), case.clone());
    // A task of its own, so that a defect in one case ends that case and not the run.
    let asked = task.clone();
    let answered = tokio::spawn(async move {
        let (suite, case) = inner;
        match suite.variants.get(variant) {
            Some(variant) => asked.answer(variant, &case).await,
            None => Err(CaseError::of("there is no such variant")),
        }
    });
    let answered = AbortOnDrop(answered).join().await;
    let took = world.elapsed().saturating_sub(began).as_secs_f64() * 1000.0;
    let (answered, error) = match answered {
        Ok(answered) => (answered, None),
        Err(CaseError(reason)) => (Answered { metrics: task.failed(), ..Answered::default() }, Some(reason)),
    };
    CaseResult {
        variant: name,
        case: case.id.clone(),
        cluster: case.cluster.clone(),
        repeat,
        metrics: answered.metrics,
        usage: CaseUsage {
            ms: if answered.usage.ms > 0.0 { answered.usage.ms } else { took },
            ..answered.usage
        },
        tools: answered.tools,
        fallback: answered.fallback,
        shown: answered.shown,
        detail: answered.detail,
        error,
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<Result<Answered, CaseError>>);

impl AbortOnDrop {
    async fn join(mut self) -> Result<Answered, CaseError> {
        match (&mut self.0).await {
            Ok(answered) => answered,
            Err(died) => Err(CaseError(format!("a defect ended it: {died}"))),
        }
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Spaces out the beginnings of cases.
struct Pace(Option<tokio::time::Interval>);

impl Pace {
    fn new(per_second: Option<f64>) -> Self {
        Self(per_second.map(|rate| {
            let mut interval =
                tokio::time::interval(Duration::from_secs_f64((1.0 / rate).clamp(1e-6, 3600.0)));
            interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            interval
        }))
    }

    async fn wait(&mut self) {
        if let Some(interval) = &mut self.0 {
            interval.tick().await;
        }
    }
}
