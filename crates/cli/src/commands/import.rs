//! `segue import`: files into the catalogue.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use segue_catalog::{Changed, Changes, Dataset, ImportReport, Phase, Store, WorkspaceError, import_changes};
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
    let (dataset, changes) = what(house, args, output)?;
    let report = import(house, &dataset, changes.as_ref(), output)?;
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

/// What is to be imported: the whole of a data set, or changes.
fn what(house: &House, args: &Import, output: &mut Output) -> Result<(Dataset, Option<Changes>), Failure> {
    let is_change = args.update || args.delete.is_some();
    let dataset = match (&args.map, args.files.as_slice()) {
        (Some(map), files) => {
            absent_is_an_error(map)?;
            Dataset::read(map)?.with_files(files)?
        }
        (None, []) if args.update || !is_change => {
            let failure = Failure::usage("there is no file to import");
            return Err(failure.remedy("segue import FILE…, or segue import --map dataset.toml"));
        }
        (None, files) if is_change => {
            files.iter().try_for_each(|file| absent_is_an_error(file))?;
            as_before(house)?.with_files(files)?
        }
        (None, files) => inferred(files, args.table.as_deref(), output)?,
    };
    if !is_change {
        return Ok((dataset, None));
    }
    if !args.update && !args.files.is_empty() {
        let failure = Failure::usage("a file of items beside --delete, and no --update");
        return Err(failure.remedy("say --update if the file holds items to add or replace"));
    }
    let delete = match &args.delete {
        Some(file) => {
            absent_is_an_error(file)?;
            Changes::read_ids(&dataset, file)?
        }
        None => BTreeSet::new(),
    };
    Ok((dataset, Some(Changes { update: args.update, delete })))
}

/// The mapping of the newest generation.
fn as_before(house: &House) -> Result<Dataset, Failure> {
    let missing = || Failure::from(WorkspaceError::Missing(house.workspace().root().to_owned()));
    if !house.workspace().is_there() {
        return Err(missing());
    }
    let source = Store::open(house.workspace())?.newest_source()?.ok_or_else(missing)?;
    serde_json::from_str(&source).map_err(|e| {
        let failure = Failure::new("dataset", format!("the mapping of the last import cannot be read: {e}"));
        failure.remedy("give the mapping with --map")
    })
}

/// Imports, with progress; Ctrl-C stops it and changes nothing.
pub(crate) fn import(
    house: &House,
    dataset: &Dataset,
    changes: Option<&Changes>,
    output: &mut Output,
) -> Result<ImportReport, Failure> {
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
    let (workspace, progress) = (house.workspace(), &mut progress);
    let report = match changes {
        Some(changes) => import_changes(workspace, dataset, changes, world, progress, &cancelled)?,
        None => segue_catalog::import(workspace, dataset, world, progress, &cancelled)?,
    };
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
    if let Some(changed) = report.changes {
        let Changed { added, changed, unchanged, deleted, unknown } = changed;
        let parts = [(added, "added"), (changed, "changed"), (deleted, "deleted"), (unchanged, "as before")];
        let parts = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", grouped(*n)));
        output.line(format!("  {}", parts.collect::<Vec<_>>().join(", ")));
        if unknown > 0 {
            output.note(format!("{} of the ids to delete were not there", grouped(unknown)));
        }
    }
    for space in &report.spaces {
        let without =
            |n: u64, what: &str| if n == 0 { String::new() } else { format!("; {} {what}", grouped(n)) };
        output.line(format!(
            "  {} vectors of {} dimensions in the space {}{}{}",
            grouped(space.vectors),
            space.dimensions,
            styles.name.paint(&space.name),
            without(space.missing, "items have none"),
            without(space.unknown, "of items that are not here")
        ));
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
fn inferred(files: &[PathBuf], table: Option<&str>, output: &mut Output) -> Result<Dataset, Failure> {
    for file in files {
        absent_is_an_error(file)?;
    }
    let [file] = files else {
        let failure = Failure::usage("a mapping can be inferred for one file at a time");
        return Err(failure.remedy("write a dataset.toml that names all files and give it with --map"));
    };
    let text = segue_catalog::infer(file, table)?;
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
