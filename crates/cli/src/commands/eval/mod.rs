//! `segue eval`: suites.

mod suite;

use std::process::ExitCode;

use crate::args::Eval;
use crate::failure::Failure;
use crate::house::House;
use crate::output::Output;

pub(crate) use suite::SuiteArgs;

pub(crate) async fn run(house: &House, args: &Eval, output: &mut Output) -> Result<ExitCode, Failure> {
    suite::run(house, &args.suites, &args.suite, output).await
}
