//! Runs every scenario of `evals/scenarios`: a file that is dropped in there is run from then on.

#![expect(clippy::expect_used, reason = "a test says what is wrong by failing")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use segue_evals::scenario::{RunOptions, ScenarioRun, Status, run};
use segue_models::Shelf;
use segue_world::{RealWorld, World};

fn in_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn outcomes(path: &Path) -> ScenarioRun {
    let world: Arc<dyn World> = Arc::new(RealWorld::new());
    let data = world.env("SEGUE_DATA").map_or_else(|| in_project("../shared/data"), |d| in_project(&d));
    let shelf = Shelf::new(world.clone()).ok();
    let options = RunOptions { data, shelf, jobs: 2, ..RunOptions::default() };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(run(&world, &[path.to_owned()], &options, |_| {})).expect("scenarios")
}

#[test]
fn all_scenarios_hold() {
    let run = outcomes(&in_project("evals/scenarios"));
    for outcome in &run.outcomes {
        if let Some(why) = &outcome.skipped {
            println!("skipped {}: {why}", outcome.name);
        }
        for note in &outcome.notes {
            println!("{}: {note}", outcome.name);
        }
        for failure in &outcome.failures {
            let place = format!("{}:{}", outcome.path.display(), failure.line);
            println!("{place}: {}\n    {}", failure.assertion, failure.got);
        }
    }
    let failed: Vec<&str> = run
        .outcomes
        .iter()
        .filter(|o| matches!(o.status, Status::Failed | Status::Broken))
        .map(|o| o.name.as_str())
        .collect();
    assert!(failed.is_empty(), "{} of {} do not hold: {failed:?}", failed.len(), run.outcomes.len());
    assert!(run.count(Status::Passed) >= 12, "only {} were run", run.count(Status::Passed));
}
