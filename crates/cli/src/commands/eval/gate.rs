//! `segue eval` with nothing named, the default gate: the scenarios of `evals/scenarios`, and each suite that has a committed
//! baseline, held against it. No model is asked and nothing is fetched; time fails nothing.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use segue_evals::report::figures;
use segue_evals::scenario::{self, RunOptions, ScenarioRun, Status};
use segue_evals::suite::{Assessment, DataPlace, Suite, System};
use segue_world::fs;
use serde_json::{Value as Json, json};

use super::places::{evals_folder, find};
use super::show::{Cell, Table, show};
use super::suite::{BELOW_THE_GATE, held_against};
use crate::args::Eval;
use crate::failure::Failure;
use crate::house::House;
use crate::output::Output;
use crate::signals::Interrupt;

/// Something could not be run.
const NOT_RUN: u8 = 1;

/// One thing that is held, and what became of it.
struct Part {
    name: String,
    verdict: Verdict,
    /// In a few words.
    because: String,
    /// What does not hold or could not be run, each with what it came to.
    wrong: Vec<(String, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Holds,
    Fails,
    NotRun,
    Skipped,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails => "FAILS",
            Self::NotRun => "not run",
            Self::Skipped => "skipped",
        }
    }
}

/// Runs all of it, and sums it up at the end.
pub(super) async fn run(house: &House, args: &Eval, output: &mut Output) -> Result<ExitCode, Failure> {
    if let Some(option) = of_named(args) {
        let message = format!("`--{option}` is for suites or scenarios that are named, and none is");
        return Err(Failure::usage(message).remedy(format!("segue eval NAME --{option} …")));
    }
    let folder = evals_folder();
    let (scenarios, baselines) = (folder.join("scenarios"), baselines(&folder));
    let has_scenarios = scenario::is_scenarios(&scenarios);
    if !has_scenarios && baselines.is_empty() {
        let message = "nothing is named, and there is no default gate here: neither evals/scenarios nor evals/baselines";
        let remedy = "name scenarios or a suite, or run it in a checkout of the project";
        return Err(Failure::usage(message).remedy(remedy));
    }
    let interrupt = Interrupt::listen();
    let (mut parts, mut suites) = (Vec::new(), Vec::new());
    let mut document = Json::Null;
    if has_scenarios {
        let run = of_scenarios(house, &scenarios, args, &interrupt).await?;
        document = super::scenario::document(&run);
        if !output.is_json() {
            super::scenario::show(&run, Status::is_wrong, output);
        }
        parts.push(part_of_scenarios(&run));
    }
    for (name, baseline) in baselines {
        if interrupt.cancellation().is_cancelled() {
            return Err(
                Failure::new("stopped", "stopped").remedy("run the same command again to do the rest")
            );
        }
        let (part, assessment) = of_suite(house, &name, &baseline, args, &interrupt, output).await;
        parts.push(part);
        suites.extend(assessment);
    }
    let any = |verdict| parts.iter().any(|p: &Part| p.verdict == verdict);
    let code = match (any(Verdict::NotRun), any(Verdict::Fails)) {
        (true, _) => ExitCode::from(NOT_RUN),
        (_, true) => ExitCode::from(BELOW_THE_GATE),
        _ => ExitCode::SUCCESS,
    };
    if output.is_json() {
        let passed = code == ExitCode::SUCCESS;
        let parts: Vec<_> = parts.iter().map(Part::json).collect();
        output.json(&json!({
            "gate": { "passed": passed, "parts": parts }, "scenarios": document, "suites": suites,
        }));
    } else {
        sum_up(&parts, output);
    }
    Ok(code)
}

/// The first option given that says something about a named suite or scenario.
fn of_named(args: &Eval) -> Option<&'static str> {
    let (suite, scenarios, files) = (&args.suite, &args.scenarios, &args.files);
    let given = [
        ("baseline", suite.baseline.is_some()),
        ("save-baseline", suite.save_baseline.is_some()),
        ("ablate", suite.ablate.is_some()),
        ("forecast", suite.forecast),
        ("live", suite.live),
        ("filter", scenarios.filter.is_some()),
        ("update", scenarios.update),
        ("timed", scenarios.timed),
        ("model", scenarios.model.is_some()),
        ("html", files.html.is_some()),
        ("junit", files.junit.is_some()),
    ];
    given.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
}

/// The suites that have a baseline, by name, each with its file.
fn baselines(evals: &Path) -> Vec<(String, PathBuf)> {
    let mut files = fs::list(&evals.join("baselines")).unwrap_or_default();
    files.sort();
    let of = |f: PathBuf| Some((f.file_stem()?.to_string_lossy().into_owned(), f));
    files.into_iter().filter(|f| f.extension().is_some_and(|e| e == "jsonl")).filter_map(of).collect()
}

async fn of_scenarios(
    house: &House,
    folder: &Path,
    args: &Eval,
    interrupt: &Interrupt,
) -> Result<ScenarioRun, Failure> {
    let options = RunOptions {
        jobs: super::scenario::jobs(&args.scenarios),
        cancellation: interrupt.cancellation().clone(),
        // A shelf fetches what it does not have, and what is in the workspace at hand is not the same everywhere.
        shelf: None,
        workspace: None,
        ..super::scenario::surroundings(house)?
    };
    super::scenario::with_progress(house, &[folder.to_owned()], &options).await
}

fn part_of_scenarios(run: &ScenarioRun) -> Part {
    let count = |status| run.count(status);
    let verdict = match (count(Status::Broken), count(Status::Failed)) {
        (0, 0) if !run.is_stopped => Verdict::Holds,
        (0, failed) if failed > 0 => Verdict::Fails,
        _ => Verdict::NotRun,
    };
    let wrong = run.outcomes.iter().filter(|o| o.status.is_wrong());
    let first = |o: &scenario::ScenarioOutcome| {
        let failure = o.failures.first();
        failure.map(|f| {
            format!("line {}: {}", f.line, if f.assertion.is_empty() { &f.got } else { &f.assertion })
        })
    };
    let (passed, skipped) = (count(Status::Passed), count(Status::Skipped));
    let skipped =
        if skipped > 0 { format!(", {skipped} skipped: not without a model or data") } else { String::new() };
    Part {
        name: "scenarios".to_owned(),
        verdict,
        because: format!("{passed} of {} hold{skipped}", run.outcomes.len()),
        wrong: wrong.map(|o| (o.name.clone(), first(o).unwrap_or_default())).collect(),
    }
}

async fn of_suite(
    house: &House,
    name: &str,
    baseline: &Path,
    args: &Eval,
    interrupt: &Interrupt,
    output: &mut Output,
) -> (Part, Option<Assessment>) {
    let part = |verdict, because| Part { name: name.to_owned(), verdict, because, wrong: Vec::new() };
    let suite = match find(name).and_then(|file| Ok(Suite::read(&file)?)) {
        Ok(suite) => Arc::new(suite),
        Err(failure) => return (part(Verdict::NotRun, failure.to_string()), None),
    };
    if let Some(need) = needs(&suite) {
        return (part(Verdict::Skipped, format!("it needs {need}")), None);
    }
    match held_against(house, &suite, baseline, &args.suite, interrupt, output).await {
        Ok((assessment, results)) => {
            if !assessment.gate.passed && !output.is_json() {
                show(&suite, &assessment, &results, output);
                output.line("");
            }
            (part_of_suite(&assessment), Some(assessment))
        }
        Err(failure) => (part(Verdict::NotRun, failure.to_string()), None),
    }
}

/// What a suite needs that the gate does without.
fn needs(suite: &Suite) -> Option<&'static str> {
    let asks = |system: &System| matches!(system, System::Agent { model: Some(_), recording: None, .. });
    if suite.variants.iter().any(|v| asks(&v.system))
        || suite.user.as_ref().is_some_and(|u| u.model.is_some())
    {
        return Some("a model");
    }
    if suite.data.embeddings {
        return Some("the embedding model (`embeddings = false` leaves it out)");
    }
    matches!(suite.data.place, DataPlace::Shelf(_)).then_some("the shelf")
}

fn part_of_suite(assessment: &Assessment) -> Part {
    let gate = &assessment.gate;
    let wrong: Vec<_> = gate
        .results
        .iter()
        .filter(|r| r.passed == Some(false))
        .map(|r| (format!("{} of {}", r.metric, r.variant), r.because.clone()))
        .collect();
    let held = gate.results.iter().filter(|r| r.passed == Some(true)).count();
    let changed = assessment.baseline.as_ref().map_or(0, |b| b.cases.len());
    let since = match changed {
        0 => "no case changed".to_owned(),
        n => figures::count(n, "value of a case changed", "values of cases changed"),
    };
    Part {
        name: assessment.suite.clone(),
        verdict: if gate.passed { Verdict::Holds } else { Verdict::Fails },
        because: format!("{held} of {} gates hold; {since} since the baseline", gate.results.len()),
        wrong,
    }
}

impl Part {
    fn json(&self) -> Json {
        let wrong: Vec<_> =
            self.wrong.iter().map(|(what, because)| json!({ "what": what, "because": because })).collect();
        json!({ "name": self.name, "verdict": self.verdict.word().to_lowercase(), "because": self.because, "wrong": wrong })
    }
}

/// A line for each part, and under it what does not hold.
fn sum_up(parts: &[Part], output: &mut Output) {
    let styles = output.styles();
    output.line(styles.strong.paint("the default gate"));
    let mut table = Table::default();
    for part in parts {
        let style = match part.verdict {
            Verdict::Holds => styles.good,
            Verdict::Fails | Verdict::NotRun => styles.bad,
            Verdict::Skipped => styles.dim,
        };
        let word = Cell::left(part.verdict.word()).styled(style);
        table.row([word, Cell::left(&part.name), Cell::left(&part.because)]);
        for (what, because) in &part.wrong {
            table.row([Cell::left(""), Cell::left(""), Cell::left(format!("{what}: {because}"))]);
        }
    }
    table.print(output);
}
