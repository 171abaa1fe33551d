//! `segue eval`: scripted evals.

mod scenario;

use std::process::ExitCode;

use crate::args::{Eval, EvalCommand};
use crate::failure::Failure;
use crate::house::House;
use crate::output::Output;

pub(crate) async fn run(house: &House, args: &Eval, output: &mut Output) -> Result<ExitCode, Failure> {
    if let Some(EvalCommand::Capture(args)) = &args.command {
        return scenario::capture(house, args, output).await;
    }
    match args.paths.as_slice() {
        [] => Err(Failure::usage("there is nothing to run").remedy("segue eval evals/scenarios")),
        paths if paths.iter().all(|p| segue_evals::scenario::is_scenarios(p)) => {
            scenario::run(house, paths, &args.scenarios, output).await
        }
        paths => {
            let other = paths.iter().find(|p| !segue_evals::scenario::is_scenarios(p));
            let name = other.map(|p| p.display().to_string()).unwrap_or_default();
            let failure = Failure::usage(format!("`{name}` is neither a scenario file nor a folder of them"));
            Err(failure.remedy("segue eval evals/scenarios"))
        }
    }
}
