//! `segue models`: the shelf.

use std::process::ExitCode;

use segue_models::Progress;
use serde_json::json;

use crate::args::Models;
use crate::failure::Failure;
use crate::house::House;
use crate::output::Output;
use crate::progress::Stages;

pub(crate) fn run(house: &House, args: &Models, output: &mut Output) -> Result<ExitCode, Failure> {
    let shelf = house.shelf()?;
    match args {
        Models::List => {
            for resource in shelf.list() {
                let here = shelf.is_there(&resource.name);
                if output.is_json() {
                    output.json(&json!({
                        "name": resource.name, "about": resource.about, "licence": resource.licence, "here": here,
                        "sources": resource.sources.iter().map(segue_models::Source::label).collect::<Vec<_>>(),
                    }));
                    continue;
                }
                let styles = output.styles();
                let mark = if here { styles.good.paint("here") } else { styles.dim.paint("   –") };
                let name = styles.name.paint(format!("{:18}", resource.name));
                output.line(format!("{mark} {name} {} ({})", resource.about, resource.licence));
            }
        }
        Models::Pull { name } => {
            let mut view = FetchView::default();
            let files = shelf.ensure(name, &mut |p| view.show(&p))?;
            if output.is_json() {
                output.json(&json!({ "name": files.name, "folder": files.folder, "sha256": files.digests }));
            } else {
                output.line(format!("{} is in {}", files.name, files.folder.display()));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows what the shelf fetches.
#[derive(Debug, Default)]
pub(crate) struct FetchView {
    stages: Stages,
}

impl FetchView {
    /// Shows what just happened.
    pub(crate) fn show(&mut self, progress: &Progress<'_>) {
        match progress {
            Progress::Waiting { resource } => {
                self.stages.note(&format!("another process is fetching {resource}; waiting for it"));
            }
            Progress::Trying { resource, source } => {
                self.stages.note(&format!("fetching {resource} from {source}"));
            }
            Progress::Fetching { file, bytes, total, .. } => {
                self.stages.at(&format!("  {file}, kB"), bytes / 1000, total.unwrap_or_default() / 1000);
            }
            Progress::Failed { source, reason, .. } => {
                self.stages.note(&format!("  not from {source}: {reason}"));
            }
            Progress::Ready { .. } => self.stages.end(),
        }
    }
}
