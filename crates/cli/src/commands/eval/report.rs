//! `segue eval report RESULTS`: shows a finished run again, alone or beside another, without running anything.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use segue_evals::report::{Reported, html, junit};
use segue_evals::suite::{Baseline, FinishedRun, assess};
use segue_world::fs;

use super::show::show;
use super::suite::BELOW_THE_GATE;
use crate::args::{Report, ReportFiles};
use crate::failure::Failure;
use crate::house::House;
use crate::output::Output;

pub(crate) fn run(house: &House, args: &Report, output: &mut Output) -> Result<ExitCode, Failure> {
    let root = house.workspace().root().join("outputs/evals");
    let run = FinishedRun::read(&folder_of(&args.results, &root), None)?;
    let against = args.against.as_ref().map(|other| other_run(other, &root, &run)).transpose()?;
    let assessment = assess(&run.suite, &run.fingerprint, &run.results, against.as_ref());
    let reported = Reported {
        suite: &run.suite,
        assessment: &assessment,
        results: &run.results,
        began: run.began,
        against: against.as_ref(),
    };
    write_files(&reported, &args.files, output)?;
    if output.is_json() {
        output.json(&assessment);
    } else {
        show(&run.suite, &assessment, &run.folder, output);
    }
    Ok(if assessment.gate.passed { ExitCode::SUCCESS } else { ExitCode::from(BELOW_THE_GATE) })
}

/// Writes the files that were asked for.
pub(super) fn write_files(
    reported: &Reported<'_>,
    files: &ReportFiles,
    output: &mut Output,
) -> Result<(), Failure> {
    if let Some(file) = &files.junit {
        write(file, &junit(reported.assessment, reported.results)?)?;
        output.note(format!("JUnit XML written to {}", file.display()));
    }
    if let Some(file) = &files.html {
        write(file, &html(reported)?)?;
        output.note(format!("page written to {}", file.display()));
    }
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    if let Some(folder) = file.parent().filter(|p| !p.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write_atomic(file, text.as_bytes())?)
}

/// The folder as named; else one of the workspace's results: `SUITE` for the latest, `SUITE/FINGERPRINT`.
pub(super) fn folder_of(name: &Path, root: &Path) -> PathBuf {
    let kept = root.join(name);
    if !fs::is_dir(name) && fs::is_dir(&kept) { kept } else { name.to_owned() }
}

/// Another run of the suite with all its details, or a committed baseline.
fn other_run(other: &Path, root: &Path, run: &FinishedRun) -> Result<Baseline, Failure> {
    let folder = folder_of(other, root);
    if !fs::is_dir(&folder) {
        return Ok(Baseline::read(other, &run.suite.name)?);
    }
    let before = FinishedRun::read(&folder, Some(&run.fingerprint.hash))?;
    if before.suite.name != run.suite.name {
        let message = format!(
            "`{}` has results of the suite `{}`, not of `{}`",
            folder.display(),
            before.suite.name,
            run.suite.name
        );
        return Err(Failure::usage(message).remedy("name a run of the same suite"));
    }
    Ok(Baseline { suite: before.suite.name, fingerprint: before.fingerprint, results: before.results })
}
