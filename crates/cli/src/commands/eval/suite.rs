//! `segue eval SUITE …`: runs suites, compares their variants, and checks their gates.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use segue_evals::ablation::{self, Ablate, AblationReport, Plan};
use segue_evals::adapters::{self, AdapterError, Preparing, Surroundings};
use segue_evals::report::Reported;
use segue_evals::suite::{
    Assessment, Baseline, Fingerprint, FinishedRun, Outlook, ResultStore, RunEnd, RunOptions, Suite, Task,
    assess, run as run_suite,
};
use serde::Serialize;

use super::outlook::tell;
use super::places::{find, surroundings};
use super::report::write_files;
use super::show::show;
use crate::args::ReportFiles;
use crate::failure::Failure;
use crate::house::House;
use crate::output::Output;
use crate::progress::Stages;
use crate::signals::Interrupt;

/// A gate did not hold.
pub(super) const BELOW_THE_GATE: u8 = 3;

/// A run that is over within this shows no progress.
const UNTOLD: Duration = Duration::from_secs(1);

/// How a suite is run.
#[derive(Debug, Args, Clone, Default)]
#[command(next_help_heading = "Suites")]
#[expect(clippy::struct_excessive_bools, reason = "they are flags of a command line")]
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
    /// Ask the models whose answers are recorded, and record them anew
    #[arg(long)]
    pub(crate) live: bool,
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
    reports: &ReportFiles,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    if args.schema {
        output.json(&Suite::schema());
        return Ok(ExitCode::SUCCESS);
    }
    let files = names.iter().map(|name| find(name)).collect::<Result<Vec<_>, _>>()?;
    let suites = files.iter().map(|file| Ok(Suite::read(file)?)).collect::<Result<Vec<_>, Failure>>()?;
    if suites.len() > 1 && (args.baseline.is_some() || args.save_baseline.is_some()) {
        return Err(Failure::usage("a baseline is of one suite").remedy("name one suite"));
    }
    if suites.len() > 1 && (reports.html.is_some() || reports.junit.is_some()) {
        return Err(Failure::usage("a report is of one suite").remedy("name one suite"));
    }
    let mut code = ExitCode::SUCCESS;
    for suite in suites {
        if !one(house, suite, args, reports, output).await? {
            code = ExitCode::from(BELOW_THE_GATE);
        }
    }
    Ok(code)
}

/// Runs a suite and holds it against a baseline; gives the folder of its results too.
pub(super) async fn held_against(
    house: &House,
    suite: &Arc<Suite>,
    baseline: &Path,
    args: &SuiteArgs,
    interrupt: &Interrupt,
    output: &mut Output,
) -> Result<(Assessment, PathBuf), Failure> {
    let baseline = Baseline::read(baseline, &suite.name)?;
    let task = opened(suite, &surroundings(house, interrupt.cancellation(), args.live)?)?;
    let Some((fingerprint, store)) = complete(house, suite, &task, args, interrupt, output).await? else {
        return Err(Failure::new("forecast", "nothing was run"));
    };
    store.keep_suite(suite)?;
    let folder = store.folder().to_owned();
    Ok((assess(suite, &fingerprint, &store.into_results(), Some(&baseline)), folder))
}

/// Runs one suite; false if its gate does not hold.
async fn one(
    house: &House,
    suite: Suite,
    args: &SuiteArgs,
    reports: &ReportFiles,
    output: &mut Output,
) -> Result<bool, Failure> {
    let suite = Arc::new(suite);
    // What is wrong with a baseline is told before hours of work.
    let baseline = args.baseline.as_ref().map(|file| Baseline::read(file, &suite.name)).transpose()?;
    let interrupt = Interrupt::listen();
    let surroundings = surroundings(house, interrupt.cancellation(), args.live)?;
    let task = opened(&suite, &surroundings)?;
    let Some((fingerprint, store)) = complete(house, &suite, &task, args, &interrupt, output).await? else {
        return Ok(true);
    };
    store.keep_suite(&suite)?;
    let (folder, began) = (store.folder().to_owned(), store.began());
    let mut results = store.into_results();
    if reports.html.is_some() {
        // The page shows what was seen of each case, which was left on the disk.
        results = FinishedRun::read(&folder, None)?.results;
    }
    let assessment = assess(&suite, &fingerprint, &results, baseline.as_ref());
    let ablations = match args.ablate {
        Some(ablate) => {
            let plan = ablation::plan(&suite, task.as_ref(), &results, ablate.into());
            ablated(house, plan, &surroundings, args, &interrupt, output).await?
        }
        None => None,
    };
    if let Some(file) = &args.save_baseline {
        Baseline::of(&suite.name, &fingerprint, &results).write(file)?;
        output.note(format!("baseline written to {}", file.display()));
    }
    let reported = Reported {
        suite: &suite,
        assessment: &assessment,
        results: &results,
        began,
        against: baseline.as_ref(),
    };
    write_files(&reported, reports, output)?;
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

/// Tells what is to be run, and runs what is left of it; stopped, that is an error. Only told with `--forecast`.
async fn complete(
    house: &House,
    suite: &Arc<Suite>,
    task: &Arc<dyn Task>,
    args: &SuiteArgs,
    interrupt: &Interrupt,
    output: &mut Output,
) -> Result<Option<(Fingerprint, ResultStore)>, Failure> {
    let fingerprint = Fingerprint::of(suite, task.as_ref());
    let root = house.workspace().root().join("outputs/evals");
    let before = ResultStore::before(&root, &suite.name, &fingerprint.hash);
    let (began, fresh) = (house.world().now(), (args.fresh || args.live) && !args.forecast);
    let mut store = ResultStore::open(&root, &suite.name, &fingerprint, began, fresh)?;
    let at_once = args.concurrency.map(usize::from).or(suite.concurrency);
    let clusters =
        task.cases().map(|case| Ok(case?.cluster)).collect::<Result<BTreeSet<_>, AdapterError>>()?;
    let sizes = (task.count(), clusters.len());
    tell(suite, sizes, &store, before.as_ref(), &fingerprint, at_once, output);
    if args.forecast {
        return Ok(None);
    }
    let options = RunOptions { concurrency: at_once, cancellation: interrupt.cancellation().clone() };
    let mut stages = Stages::default();
    let started = house.world().elapsed();
    let mut told = |o: Outlook| {
        if house.world().elapsed().saturating_sub(started) > UNTOLD {
            stages.at("running cases", o.done as u64, o.total as u64);
        }
    };
    let end = run_suite(suite, task, &mut store, house.world(), &options, &mut told).await?;
    stages.end();
    match end {
        RunEnd::Complete => {
            task.finish()?;
            Ok(Some((fingerprint, store)))
        }
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
) -> Result<Option<AblationReport>, Failure> {
    let suite = Arc::new(plan.suite.clone());
    let task = opened(&suite, surroundings)?;
    let done = complete(house, &suite, &task, args, interrupt, output).await?;
    Ok(done.map(|(fingerprint, store)| ablation::report(&plan, &fingerprint, &store.into_results())))
}

fn opened(suite: &Suite, surroundings: &Surroundings) -> Result<Arc<dyn Task>, Failure> {
    let mut stages = Stages::default();
    let mut told = |p: Preparing| stages.at(p.stage, p.done, p.total);
    // Building a workspace keeps a thread busy for minutes.
    let task = tokio::task::block_in_place(|| adapters::open(suite, surroundings, &mut told))?;
    stages.end();
    Ok(task)
}
