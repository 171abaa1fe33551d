//! `segue import`: files into the catalogue.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use segue_catalog::{Dataset, ImportReport, Phase};
use segue_world::fs;

use crate::args::Import;
use crate::commands::index;
use crate::failure::Failure;
use crate::house::House;
use crate::output::{Output, tame};
use crate::progress::Stages;
use crate::signals::Interrupt;
use segue_agent::grouped;

pub(crate) fn run(house: &House, args: &Import, output: &mut Output) -> Result<ExitCode, Failure> {
    let dataset = match (&args.map, args.files.as_slice()) {
        (Some(map), files) => {
            absent_is_an_error(map)?;
            Dataset::read(map)?.with_files(files)?
        }
        (None, []) => {
            let failure = Failure::usage("there is no file to import");
            return Err(failure.remedy("segue import FILE…, or segue import --map dataset.toml"));
        }
        (None, files) => inferred(files, output)?,
    };
    let report = import(house, &dataset, output)?;
    let index_report =
        if args.index { Some(index::index(house, index::Meaning::AsSet, output)?) } else { None };
    if output.is_json() {
        output.json(&serde_json::json!({ "import": report, "index": index_report }));
    } else {
        show(&report, &dataset.name, output);
        match index_report {
            Some(report) => index::show(&report, output),
            None => output.line("next: segue index"),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Imports, with progress; Ctrl-C stops it and changes nothing.
pub(crate) fn import(house: &House, dataset: &Dataset, output: &mut Output) -> Result<ImportReport, Failure> {
    let interrupt = Interrupt::listen();
    let mut stages = Stages::default();
    let mut progress = |p: segue_catalog::Progress| {
        let label = match p.phase {
            Phase::Reading => "reading",
            Phase::Writing => "writing items",
            Phase::Counting => "counting values",
            Phase::Interactions => "reading interactions",
        };
        stages.at(label, p.done, p.total.unwrap_or_default());
    };
    let cancelled = || interrupt.cancellation().is_cancelled();
    let world = house.world().as_ref();
    let report = segue_catalog::import(house.workspace(), dataset, world, &mut progress, &cancelled)?;
    stages.end();
    for rejected in &report.rejected {
        let first = rejected.first.first();
        let reason =
            first.map(|r| format!("; the first, line {}: {}", r.line, tame(&r.reason))).unwrap_or_default();
        output.note(format!(
            "{} rows of {} were not taken{reason}; all are in {}",
            grouped(rejected.count),
            rejected.file.display(),
            rejected.kept.display()
        ));
    }
    Ok(report)
}

fn show(report: &ImportReport, name: &str, output: &mut Output) {
    let styles = output.styles();
    let items = grouped(report.items);
    output.line(format!(
        "{items} {name} imported as generation {}",
        styles.name.paint(report.generation.to_string())
    ));
    if report.repeats > 0 {
        output.line(format!("  {} rows repeated an id", grouped(report.repeats)));
    }
    if report.interactions > 0 || report.users > 0 {
        let unmatched = match report.unmatched {
            0 => String::new(),
            n => format!("; {} with items that are not here", grouped(n)),
        };
        let (interactions, users) = (grouped(report.interactions), grouped(report.users));
        output.line(format!("  {interactions} interactions of {users} users{unmatched}"));
    }
}

/// A mapping made by looking at the file, written where the owner can edit it.
fn inferred(files: &[PathBuf], output: &mut Output) -> Result<Dataset, Failure> {
    for file in files {
        absent_is_an_error(file)?;
    }
    let [file] = files else {
        let failure = Failure::usage("a mapping can be inferred for one file at a time");
        return Err(failure.remedy("write a dataset.toml that names all files and give it with --map"));
    };
    let text = segue_catalog::infer(file, None)?;
    let path = free_name(file);
    let dataset = Dataset::parse(&text, &path)?;
    fs::write_atomic(&path, text.as_bytes())?;
    output.note(format!(
        "inferred a mapping; edit {} and import again with --map to change it",
        path.display()
    ));
    Ok(dataset)
}

/// Beside the file, under a name that nobody uses yet.
fn free_name(file: &Path) -> PathBuf {
    let plain = file.with_extension("dataset.toml");
    let numbered = (2..).map(|n| file.with_extension(format!("{n}.dataset.toml")));
    std::iter::once(plain).chain(numbered).find(|p| !fs::exists(p)).unwrap_or_default()
}

fn absent_is_an_error(file: &Path) -> Result<(), Failure> {
    if fs::exists(file) {
        return Ok(());
    }
    let name = file.display().to_string();
    Err(Failure::new("file", format!("there is no file `{name}`"))
        .at(name)
        .remedy("look at the path and try again"))
}
