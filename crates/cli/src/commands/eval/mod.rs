//! `segue eval`: suites, and reports of what they came to.

mod report;
mod show;
mod suite;

use std::process::ExitCode;

use crate::args::{Eval, EvalCommand};
use crate::failure::Failure;
use crate::house::House;
use crate::output::Output;

pub(crate) use suite::SuiteArgs;

pub(crate) async fn run(house: &House, args: &Eval, output: &mut Output) -> Result<ExitCode, Failure> {
    match &args.command {
        Some(EvalCommand::Report(report)) => report::run(house, report, output),
        None => suite::run(house, &args.suites, &args.suite, &args.files, output).await,
    }
}
