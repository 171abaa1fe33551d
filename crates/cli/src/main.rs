//! The `segue` command: parses what was typed, wires the rooms together, prints.
//!
//! Nothing here decides anything about searching or planning; what a command does is in the crate that owns
//! it, and this one shows it to a person (or, with `--json`, to a program).

mod args;
mod commands;
mod export;
mod failure;
mod house;
mod output;
mod progress;
mod prompt;
mod render;
mod signals;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;
use crate::output::Output;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return output::usage(&error),
    };
    let mut output = Output::new(cli.global.json, cli.global.color);
    match commands::dispatch(cli, &mut output) {
        Ok(code) => code,
        Err(error) => output.failure(&error),
    }
}
