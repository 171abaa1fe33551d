//! `segue backup` and `segue restore`: a workspace as one file, and back.

use std::process::ExitCode;

use segue_agent::grouped;
use segue_catalog::{BackupOptions, BackupPart, BackupProgress, Workspace};

use crate::args::{Backup, Restore, Without};
use crate::failure::Failure;
use crate::house::House;
use crate::output::{Output, tame};
use crate::progress::Stages;
use crate::render::bytes;
use crate::signals::Interrupt;

pub(crate) fn run(house: &House, args: &Backup, output: &mut Output) -> Result<ExitCode, Failure> {
    let part = |without: &Without| match without {
        Without::Sessions => BackupPart::Sessions,
        Without::Traces => BackupPart::Traces,
        Without::Cache => BackupPart::Cache,
    };
    let options = BackupOptions { without: args.without.iter().map(part).collect(), force: args.force };
    let (interrupt, mut stages) = (Interrupt::listen(), Stages::default());
    let made = segue_catalog::backup(
        house.workspace(),
        &args.file,
        &options,
        house.world().as_ref(),
        &mut |p| show(&mut stages, p),
        &|| interrupt.cancellation().is_cancelled(),
    )?;
    stages.end();
    if output.is_json() {
        output.json(&made);
        return Ok(ExitCode::SUCCESS);
    }
    if !made.left_out.is_empty() {
        output.note(format!(
            "left out: {} (keys and links stay where they are)",
            tame(&made.left_out.join(", "))
        ));
    }
    output.line(format!(
        "{}: {} files, {} in {}",
        made.file.display(),
        grouped(made.files as u64),
        bytes(made.content_bytes),
        bytes(made.bytes)
    ));
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn restore(house: &House, args: &Restore, output: &mut Output) -> Result<ExitCode, Failure> {
    let target = args.to.as_ref().map_or_else(|| house.workspace().clone(), Workspace::at);
    let (interrupt, mut stages) = (Interrupt::listen(), Stages::default());
    let restored =
        segue_catalog::restore(&args.file, &target, args.force, &mut |p| show(&mut stages, p), &|| {
            interrupt.cancellation().is_cancelled()
        })?;
    stages.end();
    if output.is_json() {
        output.json(&restored);
        return Ok(ExitCode::SUCCESS);
    }
    let serves = restored.serving.map_or_else(
        || "nothing is indexed in it: run `segue index`".to_owned(),
        |n| format!("generation {n} serves"),
    );
    output.line(format!(
        "{} is as it was on {}: {} files, all as the manifest says; {serves}",
        restored.workspace.display(),
        restored.created.get(..19).unwrap_or(&restored.created),
        grouped(restored.files as u64)
    ));
    if let Some(aside) = restored.replaced {
        output.line(format!("what was there is in {}; remove it when you are sure", aside.display()));
    }
    Ok(ExitCode::SUCCESS)
}

fn show(stages: &mut Stages, p: BackupProgress) {
    let (unit, scale) = if p.stage == "copying databases" { ("pages", 1) } else { ("kB", 1000) };
    stages.at(&format!("{}, {unit}", p.stage), p.done / scale, p.total / scale);
}
