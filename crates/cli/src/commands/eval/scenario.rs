//! `segue eval PATH…` over scenarios, and `segue eval capture`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use segue_evals::scenario::{self, RunOptions, ScenarioOutcome, ScenarioRun, Status};
use segue_evals::{CaseUsage, Interval};
use segue_models::TaskRole;
use segue_world::fs;
use serde_json::{Value as Json, json};

use crate::args::{Capture, ReportFiles, ScenarioArgs};
use crate::failure::Failure;
use crate::house::House;
use crate::output::{Output, tame};
use crate::progress::Stages;
use crate::signals::Interrupt;

/// A check did not hold.
const NOT_HELD: u8 = 3;
/// Something could not be run, or was stopped.
const NOT_RUN: u8 = 1;
/// Progress is shown of what takes longer.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) async fn run(
    house: &House,
    paths: &[PathBuf],
    args: &ScenarioArgs,
    reports: &ReportFiles,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    if reports.html.is_some() {
        return Err(Failure::usage("a page is of a suite").remedy("leave out --html"));
    }
    let interrupt = Interrupt::listen();
    let options = RunOptions {
        jobs: jobs(args),
        model: match &args.model {
            Some(name) => house.model_for(TaskRole::Plan, Some(name))?,
            None => None,
        },
        filter: args.filter.clone(),
        update: args.update,
        timed: args.timed,
        cancellation: interrupt.cancellation().clone(),
        ..surroundings(house)?
    };
    let run = with_progress(house, paths, &options).await?;
    if let Some(path) = &reports.junit {
        let xml = scenario::junit(&run).map_err(|e| Failure::new("junit", e))?;
        fs::write_atomic(path, xml.as_bytes())?;
    }
    if output.is_json() {
        output.json(&document(&run));
    } else {
        show(&run, |_| true, output);
    }
    Ok(exit_code(&run))
}

/// What scenarios find around them: this workspace, if it is there; the shelf; the folder of data sets.
pub(super) fn surroundings(house: &House) -> Result<RunOptions, Failure> {
    let data = house.world().env("SEGUE_DATA").unwrap_or_else(|| "../shared/data".to_owned());
    Ok(RunOptions {
        workspace: Some(house.workspace().clone()).filter(|w| w.is_there()),
        data: PathBuf::from(data),
        shelf: Some(house.shelf()?),
        jobs: 1,
        ..RunOptions::default()
    })
}

pub(super) async fn with_progress(
    house: &House,
    paths: &[PathBuf],
    options: &RunOptions,
) -> Result<ScenarioRun, Failure> {
    let (done, total) = (AtomicUsize::new(0), AtomicUsize::new(paths.len()));
    let progress = |p: scenario::Progress| {
        done.store(p.done, Ordering::Relaxed);
        total.store(p.total, Ordering::Relaxed);
    };
    let mut run = std::pin::pin!(scenario::run(house.world(), paths, options, progress));
    let mut stages = Stages::default();
    loop {
        tokio::select! {
            run = &mut run => return Ok(run?),
            () = tokio::time::sleep(PATIENCE) => {
                let (done, total) = (done.load(Ordering::Relaxed), total.load(Ordering::Relaxed));
                stages.at("running scenario files", done as u64, total as u64);
            }
        }
    }
}

/// How many files are run side by side.
pub(super) fn jobs(args: &ScenarioArgs) -> usize {
    let processors = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    args.jobs.map_or_else(processors, usize::from)
}

fn exit_code(run: &ScenarioRun) -> ExitCode {
    match (run.count(Status::Broken), run.count(Status::Failed)) {
        (0, 0) if !run.is_stopped => ExitCode::SUCCESS,
        (0, failed) if failed > 0 => ExitCode::from(NOT_HELD),
        _ => ExitCode::from(NOT_RUN),
    }
}

/// Prints the outcomes that end so, and how many ended how.
pub(super) fn show(run: &ScenarioRun, wanted: impl Fn(Status) -> bool, output: &mut Output) {
    let styles = output.styles();
    for outcome in run.outcomes.iter().filter(|o| wanted(o.status)) {
        let name = tame(&outcome.name);
        match outcome.status {
            Status::Passed => output.line(format!("{} {name}", styles.good.paint("ok     "))),
            Status::Failed => output.line(format!("{} {name}", styles.bad.paint("failed "))),
            Status::Broken => output.line(format!("{} {name}", styles.bad.paint("broken "))),
            Status::Skipped => {
                let why = tame(outcome.skipped.as_deref().unwrap_or_default());
                output.line(format!("{} {name}: {why}", styles.warn.paint("skipped")));
            }
        }
        for note in &outcome.notes {
            output.line(format!("        {}", styles.dim.paint(tame(note))));
        }
        let path = outcome.path.display();
        for failure in outcome.failures.iter().chain(&outcome.warnings) {
            let column = failure.column.map(|c| format!(":{c}")).unwrap_or_default();
            let place = styles.name.paint(format!("{path}:{}{column}:", failure.line));
            let assertion = tame(&failure.assertion);
            output.line(format!(
                "  {place} {}",
                if assertion.is_empty() { "cannot be run" } else { &assertion }
            ));
            output.line(format!("      {}", tame(&failure.got)));
        }
        if !outcome.warnings.is_empty() {
            output.line("      wall time only warns; --timed lets it fail");
        }
    }
    for path in &run.updated {
        output.line(format!("{} {}", styles.warn.paint("written"), path.display()));
    }
    let told = |status, word: &str| match run.count(status) {
        0 => String::new(),
        n => format!(", {n} {word}"),
    };
    let passed = run.count(Status::Passed);
    let (failed, broken) = (told(Status::Failed, "failed"), told(Status::Broken, "broken"));
    let skipped = told(Status::Skipped, "skipped");
    let stopped = if run.is_stopped { "; stopped before the others" } else { "" };
    let assertions: usize = run.outcomes.iter().map(|o| o.assertions).sum();
    output.line(format!(
        "{passed} passed{failed}{broken}{skipped}{stopped}; {assertions} assertions in {:.1} s",
        run.ms / 1e3
    ));
}

/// The run in the shape of all evals, with the scenarios beside it.
pub(super) fn document(run: &ScenarioRun) -> Json {
    let cases: Vec<_> = run.outcomes.iter().filter_map(|o| o.case("scenarios")).collect();
    let mut cost = CaseUsage::default();
    for case in &cases {
        cost.model_calls += case.usage.model_calls;
        cost.input_tokens += case.usage.input_tokens;
        cost.output_tokens += case.usage.output_tokens;
        cost.cost += case.usage.cost;
        cost.ms += case.usage.ms;
    }
    let metric = |name: &str| {
        let of = cases.iter().filter_map(|c| c.metrics.get(name));
        let (value, weight) = of.fold((0.0, 0.0), |(v, w), m| (v + m.value, w + m.weight));
        let value = if weight > 0.0 { value / weight } else { 0.0 };
        // Scenarios are all there are, not a sample of others: the figure is exact.
        Interval { value, low: value, high: value, n: cases.len() }
    };
    json!({
        "suite": "scenarios",
        "fingerprint": run.fingerprint(),
        "variants": [{
            "name": "scenarios",
            "metrics": { "passed": metric("passed"), "assertions": metric("assertions") },
            "cost": cost,
        }],
        "comparisons": [],
        "gate": { "passed": exit_code(run) == ExitCode::SUCCESS },
        "scenarios": run.outcomes,
        "updated": run.updated,
        "stopped": run.is_stopped,
    })
}

pub(super) async fn capture(house: &House, args: &Capture, output: &mut Output) -> Result<ExitCode, Failure> {
    let traces = scenario::traces_of(&house.traces(), args.trace.as_deref())?;
    let door = house.open(&[])?;
    let tools: Vec<&str> = door.agent.specs().iter().map(|s| s.name.as_str()).collect();
    let text = scenario::capture(&traces, door.engine.snapshot().catalog(), &tools)?;
    let Some(path) = &args.output else {
        if output.is_json() {
            output.json(&json!({ "scenario": text, "turns": traces.len() }));
        } else {
            output.line(text.trim_end_matches('\n'));
        }
        return Ok(ExitCode::SUCCESS);
    };
    if fs::exists(path) && !args.force {
        let failure = Failure::usage(format!("`{}` is there already", path.display())).at("output");
        return Err(failure.remedy("name another file, or add --force to write over it"));
    }
    fs::write_atomic(path, text.as_bytes())?;
    verify(house, path, traces.len(), output).await
}

/// Runs what was captured: it must hold where it was recorded.
async fn verify(house: &House, path: &Path, turns: usize, output: &mut Output) -> Result<ExitCode, Failure> {
    let run = with_progress(house, &[path.to_owned()], &surroundings(house)?).await?;
    let failures: Vec<_> = run.outcomes.iter().flat_map(|o: &ScenarioOutcome| &o.failures).collect();
    let code = exit_code(&run);
    if output.is_json() {
        let passed = code == ExitCode::SUCCESS;
        output.json(&json!({ "file": path, "turns": turns, "passed": passed, "failures": failures }));
        return Ok(code);
    }
    output.line(format!("{turns} turns captured in {}", path.display()));
    show(&run, |_| true, output);
    if code != ExitCode::SUCCESS {
        output.note("what was recorded does not come out again; edit the file before it is kept");
    }
    Ok(code)
}
