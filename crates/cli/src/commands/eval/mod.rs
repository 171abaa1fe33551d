//! `segue eval`: the default gate; scenarios, suites, and reports of what they came to.

mod ablation;
mod gate;
mod label;
mod outlook;
mod places;
mod report;
mod scenario;
mod show;
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
    match &args.command {
        Some(EvalCommand::Capture(args)) => return scenario::capture(house, args, output).await,
        Some(EvalCommand::Label(args)) => return label::run(house, args, output),
        Some(EvalCommand::Report(args)) => return report::run(house, args, output),
        None => {}
    }
    if args.what.is_empty() && !args.suite.schema {
        return gate::run(house, args, output).await;
    }
    let paths: Vec<PathBuf> = args.what.iter().map(PathBuf::from).collect();
    match paths.iter().filter(|p| is_scenarios(p)).count() {
        0 => suite::run(house, &args.what, &args.suite, &args.files, output).await,
        n if n == paths.len() => scenario::run(house, &paths, &args.scenarios, &args.files, output).await,
        _ => Err(Failure::usage("scenarios and suites are run apart").remedy("segue eval evals/scenarios")),
    }
}
