//! `segue eval`: scripted evals.

mod ablation;
mod scenario;
mod suite;

use std::path::PathBuf;
use std::process::ExitCode;

use segue_evals::scenario::is_scenarios;

use crate::args::{Eval, EvalCommand};
use crate::failure::Failure;
use crate::house::House;
use crate::output::Output;

pub(crate) use suite::SuiteArgs;

pub(crate) async fn run(house: &House, args: &Eval, output: &mut Output) -> Result<ExitCode, Failure> {
    if let Some(EvalCommand::Capture(args)) = &args.command {
        return scenario::capture(house, args, output).await;
    }
    let paths: Vec<PathBuf> = args.what.iter().map(PathBuf::from).collect();
    match paths.iter().filter(|p| is_scenarios(p)).count() {
        0 => suite::run(house, &args.what, &args.suite, output).await,
        n if n == paths.len() => scenario::run(house, &paths, &args.scenarios, output).await,
        _ => Err(Failure::usage("scenarios and suites are run apart").remedy("segue eval evals/scenarios")),
    }
}
