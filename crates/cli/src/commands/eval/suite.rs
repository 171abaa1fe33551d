//! `segue eval SUITE`: runs a suite, sums it up, and holds its gate.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use segue_agent::grouped;
use segue_evals::ablation::{self, Ablate, AblationReport, Plan};
use segue_evals::adapters::{self, AdapterError, Preparing, Surroundings};
use segue_evals::statistics::{Comparison, Verdict, forecast};
use segue_evals::suite::{
    Assessment, Baseline, BaselineReport, Direction, Fingerprint, Outlook, ResultStore, RunEnd, RunOptions,
    Suite, Task, assess, run as run_suite,
};
use segue_evals::{CaseResult, Interval};
use segue_models::{Embedder, SentenceEmbedder, SentenceOptions, TaskRole};
use segue_world::fs;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::commands::models::FetchView;
use crate::failure::Failure;
use crate::house::House;
use crate::output::{Output, tame};
use crate::progress::Stages;
use crate::signals::Interrupt;

/// A gate did not hold.
const BELOW_THE_GATE: u8 = 3;

/// A run that is over within this shows no progress.
const UNTOLD: Duration = Duration::from_secs(1);

/// How a suite is run.
#[derive(Debug, Args, Clone, Default)]
#[command(next_help_heading = "Suites")]
pub(crate) struct SuiteArgs {
    /// Compare with these results case by case
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Write the results as a baseline
    #[arg(long, value_name = "FILE")]
    pub(crate) save_baseline: Option<PathBuf>,
    /// Forget the results there are and run every case anew
    #[arg(long)]
    pub(crate) fresh: bool,
    /// How many cases at a time, instead of what the suite says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) concurrency: Option<u16>,
    /// Leave tools out of agents, and searches out of fusions, and say what that does
    #[arg(long, value_name = "WHAT", conflicts_with = "forecast")]
    pub(crate) ablate: Option<AblateArg>,
    /// Say what a run would take and can show, and run nothing
    #[arg(long)]
    pub(crate) forecast: bool,
    /// Print the JSON Schema of suites
    #[arg(long)]
    pub(crate) schema: bool,
}

/// How many are left out at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AblateArg {
    /// Each by itself
    Each,
    /// Each two together
    Pairs,
}

impl From<AblateArg> for Ablate {
    fn from(arg: AblateArg) -> Self {
        match arg {
            AblateArg::Each => Self::Each,
            AblateArg::Pairs => Self::Pairs,
        }
    }
}

/// Runs suites one after the other: files, or names of files in `evals/suites`.
pub(crate) async fn run(
    house: &House,
    names: &[String],
    args: &SuiteArgs,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    if args.schema {
        output.json(&Suite::schema());
        return Ok(ExitCode::SUCCESS);
    }
    let files = names.iter().map(|name| find(name)).collect::<Result<Vec<_>, _>>()?;
    let suites = files.iter().map(|file| Ok(Suite::read(file)?)).collect::<Result<Vec<_>, Failure>>()?;
    if suites.is_empty() {
        let known = known(&suites_folder()).join(", ");
        return Err(Failure::usage("no suite is named").remedy(format!("segue eval NAME; there are {known}")));
    }
    if suites.len() > 1 && (args.baseline.is_some() || args.save_baseline.is_some()) {
        return Err(Failure::usage("a baseline is of one suite").remedy("name one suite"));
    }
    let mut code = ExitCode::SUCCESS;
    for suite in suites {
        if !one(house, suite, args, output).await? {
            code = ExitCode::from(BELOW_THE_GATE);
        }
    }
    Ok(code)
}

/// Runs one suite; false if its gate does not hold.
async fn one(house: &House, suite: Suite, args: &SuiteArgs, output: &mut Output) -> Result<bool, Failure> {
    let suite = Arc::new(suite);
    // What is wrong with a baseline is told before hours of work.
    let baseline = args.baseline.as_ref().map(|file| Baseline::read(file, &suite.name)).transpose()?;
    let interrupt = Interrupt::listen();
    let surroundings = surroundings(house, &interrupt)?;
    let task = opened(&suite, &surroundings)?;
    let fingerprint = Fingerprint::of(&suite, task.as_ref());
    let root = house.workspace().root().join("outputs/evals");
    let before = ResultStore::before(&root, &suite.name, &fingerprint.hash);
    let began = house.world().now();
    let mut store = ResultStore::open(&root, &suite.name, &fingerprint, began, args.fresh && !args.forecast)?;
    let at_once = args.concurrency.map(usize::from).or(suite.concurrency);
    tell_before(&suite, task.count(), &store, before.as_ref(), &fingerprint, at_once, output);
    if args.forecast {
        return Ok(true);
    }
    complete(house, &suite, &task, &mut store, at_once, &interrupt).await?;
    let folder = store.folder().to_owned();
    let results = store.into_results();
    let assessment = assess(&suite, &fingerprint, &results, baseline.as_ref());
    let ablations = match args.ablate {
        Some(ablate) => {
            let plan = ablation::plan(&suite, task.as_ref(), &results, ablate.into());
            Some(ablated(house, plan, &surroundings, args, &interrupt, output).await?)
        }
        None => None,
    };
    if let Some(file) = &args.save_baseline {
        Baseline::of(&suite.name, &fingerprint, &results).write(file)?;
        output.note(format!("baseline written to {}", file.display()));
    }
    if output.is_json() {
        output.json(&Document { assessment: &assessment, ablation: ablations.as_ref() });
    } else {
        show(&suite, &assessment, &folder, output);
        if let Some(report) = &ablations {
            super::ablation::show(report, output);
        }
    }
    Ok(assessment.gate.passed)
}

/// What `--json` prints.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    assessment: &'a Assessment,
    #[serde(skip_serializing_if = "Option::is_none")]
    ablation: Option<&'a AblationReport>,
}

/// Runs what is left of a suite; stopped, that is an error.
async fn complete(
    house: &House,
    suite: &Arc<Suite>,
    task: &Arc<dyn Task>,
    store: &mut ResultStore,
    at_once: Option<usize>,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let options = RunOptions { concurrency: at_once, cancellation: interrupt.cancellation().clone() };
    let mut stages = Stages::default();
    let started = house.world().elapsed();
    let mut told = |o: Outlook| {
        if house.world().elapsed().saturating_sub(started) > UNTOLD {
            stages.at("running cases", o.done as u64, o.total as u64);
        }
    };
    let end = run_suite(suite, task, store, house.world(), &options, &mut told).await?;
    stages.end();
    match end {
        RunEnd::Complete => Ok(()),
        RunEnd::Stopped(Outlook { done, total }) => {
            let message = format!("stopped; {done} of {total} case runs are kept");
            Err(Failure::new("stopped", message).remedy("run the same command again to do the rest"))
        }
    }
}

/// Runs the variants without something, kept and taken up as the suite's own are, and compares them with their wholes.
async fn ablated(
    house: &House,
    plan: Plan,
    surroundings: &Surroundings,
    args: &SuiteArgs,
    interrupt: &Interrupt,
    output: &mut Output,
) -> Result<AblationReport, Failure> {
    let suite = Arc::new(plan.suite.clone());
    let task = opened(&suite, surroundings)?;
    let fingerprint = Fingerprint::of(&suite, task.as_ref());
    let root = house.workspace().root().join("outputs/evals");
    let before = ResultStore::before(&root, &suite.name, &fingerprint.hash);
    let began = house.world().now();
    let mut store = ResultStore::open(&root, &suite.name, &fingerprint, began, args.fresh)?;
    let at_once = args.concurrency.map(usize::from).or(suite.concurrency);
    tell_before(&suite, task.count(), &store, before.as_ref(), &fingerprint, at_once, output);
    complete(house, &suite, &task, &mut store, at_once, interrupt).await?;
    Ok(ablation::report(&plan, &fingerprint, &store.into_results()))
}

fn opened(suite: &Suite, surroundings: &Surroundings) -> Result<Arc<dyn Task>, Failure> {
    let mut stages = Stages::default();
    let mut told = |p: Preparing| stages.at(p.stage, p.done, p.total);
    // Building a workspace keeps a thread busy for minutes.
    let task = tokio::task::block_in_place(|| adapters::open(suite, surroundings, &mut told))?;
    stages.end();
    Ok(task)
}

fn surroundings(house: &House, interrupt: &Interrupt) -> Result<Surroundings, Failure> {
    let shelf = house.shelf()?;
    let root = project_root();
    let data = house.world().env("SEGUE_DATA").filter(|d| !d.is_empty()).map(PathBuf::from);
    // Relative to the root of the workspace of crates, where the project's own commands run.
    let data = data.map_or_else(|| root.join("../shared/data"), |data| root.join(data));
    let on_shelf = shelf.clone();
    let embedder = move || {
        let mut view = FetchView::default();
        let options = SentenceOptions::default();
        let opened = SentenceEmbedder::open(&on_shelf, &options, &mut |p| view.show(&p));
        let embedder: Arc<dyn Embedder> = Arc::new(opened.map_err(|e| AdapterError::Needs(e.to_string()))?);
        Ok(embedder)
    };
    let models = house.clone();
    let chat = move |name: &str| {
        let opened =
            models.model_for(TaskRole::Plan, Some(name)).map_err(|e| AdapterError::Needs(e.to_string()))?;
        opened.ok_or_else(|| AdapterError::Needs(format!("there is no model `{name}`")))
    };
    Ok(Surroundings {
        world: house.world().clone(),
        data,
        cache: cache_folder(house),
        shelf,
        embedder: Arc::new(embedder),
        chat: Arc::new(chat),
        cancellation: interrupt.cancellation().clone(),
    })
}

/// Where workspaces of data sets are kept: what is in it can be made again.
fn cache_folder(house: &House) -> PathBuf {
    let set = |name| house.world().env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .or_else(|| set("LOCALAPPDATA"))
        .unwrap_or_else(|| house.workspace().root().join("cache"));
    cache.join("segue/evals")
}

/// The folder that has `evals/suites`: this one or the nearest above; this one if none has.
fn project_root() -> PathBuf {
    let ups = (0..16).map(|n| std::iter::repeat_n("..", n).collect::<PathBuf>());
    ups.into_iter().find(|up| fs::is_dir(&up.join("evals/suites"))).unwrap_or_default()
}

fn suites_folder() -> PathBuf {
    project_root().join("evals/suites")
}

fn find(name: &str) -> Result<PathBuf, Failure> {
    let path = Path::new(name);
    if path.extension().is_some_and(|e| e == "toml") && fs::exists(path) {
        return Ok(path.to_owned());
    }
    let folder = suites_folder();
    let named = folder.join(format!("{name}.toml"));
    let is_plain = path.components().count() == 1;
    if is_plain && fs::exists(&named) {
        return Ok(named);
    }
    let known = known(&folder);
    let nearest = segue_catalog::text::nearest_name(name, known.iter().map(String::as_str));
    let nearest = nearest.map_or_else(String::new, |n| format!(" (did you mean `{n}`?)"));
    Err(Failure::usage(format!("there is no suite `{name}`{nearest}"))
        .at(folder.display().to_string())
        .remedy(format!("name a file that ends in `.toml`, or one of: {}", known.join(", "))))
}

fn known(folder: &Path) -> Vec<String> {
    let files = fs::list(folder).unwrap_or_default();
    let suites = files.iter().filter(|f| f.extension().is_some_and(|e| e == "toml"));
    suites.filter_map(|f| Some(f.file_stem()?.to_string_lossy().into_owned())).collect()
}

/// What will be run, what it takes and what it can show: on standard error, before the first case.
fn tell_before(
    suite: &Suite,
    cases: usize,
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
    let mut smallest = Vec::new();
    let mut expected = None;
    for metric in &suite.metrics {
        let told = forecast(&earlier, *metric, cases, left, &suite.statistics());
        expected = expected.or(told.cost);
        if let Some(difference) = told.smallest_detectable {
            let basis =
                if told.from_earlier { "from earlier results" } else { "at worst; nothing was measured yet" };
            smallest.push(format!("{difference:.4} in {metric} ({basis})"));
        }
    }
    let mut line =
        format!("  {} results are there, {} to come", grouped(store.len() as u64), grouped(left as u64));
    if let Some(expected) = expected.filter(|_| left > 0) {
        let _ = write!(line, ": about {}", duration(expected.ms / 1000.0 / at_once as f64));
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
    output.note(format!("  smallest difference that would be found: {}", smallest.join(", ")));
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => "a second".to_owned(),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

fn show(suite: &Suite, assessment: &Assessment, folder: &Path, output: &mut Output) {
    let styles = output.styles();
    let width = suite.variants.iter().map(|v| v.name.width()).max().unwrap_or_default().max(7);
    let heading: String = suite.metrics.iter().map(|m| format!("  {:>24}", m.to_string())).collect();
    output.line(
        styles.strong.paint(format!("{:width$}{heading}  {:>9}  {:>9}", "variant", "p50 ms", "p95 ms")),
    );
    for variant in &assessment.variants {
        let cells: String = suite
            .metrics
            .iter()
            .map(|m| format!("  {:>24}", estimate(variant.metrics.get(&m.to_string()))))
            .collect();
        let name = padded(&variant.name, width);
        let mut line = format!("{name}{cells}  {:>9.1}  {:>9.1}", variant.cost.ms_p50, variant.cost.ms_p95);
        if variant.cost.model_calls > 0 {
            let tokens = grouped(variant.cost.tokens);
            let _ = write!(
                line,
                "  {} model calls, {tokens} tokens, {:.4}",
                variant.cost.model_calls, variant.cost.cost
            );
        }
        output.line(line);
        if let Some(reason) = &variant.first_error {
            let what =
                format!("  {} of {} case runs failed: {}", variant.errors, variant.cases, tame(reason));
            output.line(styles.bad.paint(what));
        }
    }
    let n = assessment.variants.first().map_or(0, |v| v.cases);
    output.line(styles.dim.paint(format!("estimates with 95% intervals over {n} case runs each")));
    if !assessment.comparisons.is_empty() {
        output.line("");
        compared(&assessment.comparisons, output);
    }
    if let Some(baseline) = &assessment.baseline {
        output.line("");
        output.line(styles.strong.paint(format!("against the baseline ({})", baseline.fingerprint)));
        let parts: Vec<_> = baseline.changed.iter().map(|c| tame(&c.part)).collect();
        if !parts.is_empty() {
            output.line(format!("changed since: {}", parts.join(", ")));
        }
        compared(&baseline.comparisons, output);
        changed_cases(baseline, output);
    }
    if !assessment.gate.results.is_empty() {
        output.line("");
        for result in &assessment.gate.results {
            let (word, style) = match result.passed {
                Some(true) => ("holds", styles.good),
                Some(false) => ("FAILS", styles.bad),
                None => ("skipped", styles.dim),
            };
            let what = format!("{} of {}: {}", result.metric, tame(&result.variant), result.because);
            output.line(format!("gate {}  {what}", style.paint(word)));
        }
    }
    output.line(styles.dim.paint(format!("results in {}", folder.display())));
}

fn estimate(interval: Option<&Interval>) -> String {
    interval.map_or_else(String::new, |i| format!("{:.4} [{:.4}, {:.4}]", i.value, i.low, i.high))
}

fn padded(text: &str, width: usize) -> String {
    let text = tame(text);
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

fn compared(comparisons: &[Comparison], output: &mut Output) {
    let styles = output.styles();
    for c in comparisons {
        let d = &c.difference;
        if c.changed == (0, 0) && d.value == 0.0 && c.n > 0 {
            let what = format!("{} against {} in {}", tame(&c.variant), tame(&c.baseline), c.metric);
            output.line(format!("{what}: {}", styles.dim.paint("the same in every case")));
            continue;
        }
        let word = match c.verdict {
            Verdict::Better => styles.good.paint("better"),
            Verdict::Worse => styles.bad.paint("worse"),
            Verdict::NoDifference => styles.dim.paint("no difference found"),
            Verdict::TooFew => styles.dim.paint("too few to tell"),
        };
        output.line(format!(
            "{} against {} in {}: {word}, {:+.4} [{:+.4}, {:+.4}], p = {:.4}",
            tame(&c.variant),
            tame(&c.baseline),
            c.metric,
            d.value,
            d.low,
            d.high,
            c.p_holm,
        ));
    }
}

/// How many changed cases of each direction are listed; the rest is in the JSON.
const LISTED: usize = 10;

fn changed_cases(baseline: &BaselineReport, output: &mut Output) {
    let styles = output.styles();
    for (direction, word, style) in
        [(Direction::Worse, "worse", styles.bad), (Direction::Better, "better", styles.good)]
    {
        let changes: Vec<_> = baseline.cases.iter().filter(|c| c.direction == direction).collect();
        if changes.is_empty() {
            continue;
        }
        output.line(format!("{} {}", style.paint(word), grouped(changes.len() as u64)));
        for c in changes.iter().take(LISTED) {
            output.line(format!(
                "  {} {}: {} {:.4} → {:.4}",
                tame(&c.variant),
                tame(&c.case),
                c.metric,
                c.before,
                c.now
            ));
        }
        if changes.len() > LISTED {
            output.line(styles.dim.paint(format!("  and {} more; all with --json", changes.len() - LISTED)));
        }
    }
}
