//! One file a command.

mod ask;
mod backup;
mod bench;
mod chat;
mod demo;
mod doctor;
mod eval;
mod generations;
mod import;
mod index;
mod models;
mod replay;
mod resume;
mod run;
mod status;
mod steering;
mod tool;

use std::process::ExitCode;

use crate::args::{Cli, Command};
use crate::failure::Failure;
use crate::house::House;
use crate::output::Output;

pub(crate) use eval::SuiteArgs;

/// Runs what was asked for.
pub(crate) fn dispatch(cli: Cli, output: &mut Output) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new("runtime", format!("cannot start threads: {e}")))?;
    let house = House::new(cli.global.workspace);
    runtime.block_on(async {
        match cli.command {
            Command::Demo(args) => demo::run(&house, &args, output).await,
            Command::Import(args) => import::run(&house, &args, output),
            Command::Index(args) => index::run(&house, &args, output),
            Command::Generations(args) => generations::run(&house, &args, output),
            Command::Steering => steering::run(&house, output),
            Command::Status => status::run(&house, output),
            Command::Doctor(args) => doctor::run(&house, &args, output).await,
            Command::Backup(args) => backup::run(&house, &args, output),
            Command::Restore(args) => backup::restore(&house, &args, output),
            Command::Chat(args) => chat::run(&house, &args, output).await,
            Command::Ask(args) => ask::run(&house, &args, output).await,
            Command::Run(args) => run::run(&house, &args, output).await,
            Command::Replay(args) => replay::run(&house, &args, output).await,
            Command::Tool(args) => tool::run(&house, &args, output).await,
            Command::Models(args) => models::run(&house, &args, output),
            Command::Eval(args) => eval::run(&house, &args, output).await,
            Command::Bench(args) => bench::run(&house, &args, output).await,
        }
    })
}
