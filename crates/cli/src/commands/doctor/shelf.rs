//! The model shelf: every file by its SHA-256, the library that runs them, and what fetches them.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use segue_models::{SentenceOptions, Shelf, ShelfState};
use segue_world::fs;

use super::{Finding, Report, Severity};
use crate::house::House;

/// How long another program may take to say that it is there.
const LONGEST: Duration = Duration::from_secs(10);
const LIBRARY: &str = "ORT_DYLIB_PATH";

pub(super) fn check(house: &House, offline: bool, report: &mut Report) {
    report.looking_at("the model shelf");
    let shelf = match house.shelf() {
        Ok(shelf) => shelf,
        Err(failure) => return report.failed(Severity::Error, "shelf", failure),
    };
    let own_library = house.world().env(LIBRARY).filter(|path| !path.is_empty());
    if let Some(path) = own_library.as_ref().filter(|path| !fs::exists(Path::new(path))) {
        let finding =
            Finding::new(Severity::Error, "library", format!("{LIBRARY} names a file that is not there"));
        report.push(
            finding
                .at(Path::new(path))
                .remedy(format!("set {LIBRARY} to an ONNX Runtime library, or unset it")),
        );
    }
    let model = house.embedding_model().unwrap_or_else(|failure| {
        report.failed(Severity::Error, "settings", failure);
        SentenceOptions::default().model
    });
    let mut needed = vec![model.clone()];
    if own_library.is_none() {
        needed.push("onnxruntime".to_owned());
    }
    let mut wants_fetching = false;
    for resource in shelf.list() {
        let name = &resource.name;
        match shelf.verify(name) {
            Err(error) => report.failed(Severity::Error, "model", error),
            Ok(ShelfState::Absent) if needed.contains(name) => {
                wants_fetching = true;
                let message = format!("`{name}` is not on the shelf: nothing can be searched by meaning");
                report.push(
                    Finding::new(Severity::Warning, "model", message)
                        .remedy(format!("segue models pull {name}")),
                );
            }
            Ok(ShelfState::Whole | ShelfState::Absent) => {}
            Ok(ShelfState::Broken(faults)) => {
                wants_fetching = true;
                let message = format!("`{name}` is not as it was published: {}", faults.join(", "));
                let found = Finding::new(Severity::Error, "model", message).at(&shelf.root().join(name));
                let found = found.remedy(format!("segue doctor --fix, then segue models pull {name}"));
                let distrust = || {
                    shelf.distrust(name)?;
                    Ok(format!("not used any more: `segue models pull {name}` fetches what is wrong again"))
                };
                report.push(if report.fix { found.fixed(distrust()) } else { found });
            }
        }
    }
    if wants_fetching && !offline {
        python(&shelf, report);
    }
    // The library is loaded, the model is not.
    if let Err(failure) = house.embedder_named(&model) {
        report.failed(Severity::Error, "embedder", failure);
    }
}

/// Packages are fetched by pip.
fn python(shelf: &Shelf, report: &mut Report) {
    let python = shelf.python();
    let child = Command::new(python)
        .args(["-m", "pip", "--version"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let works = child.is_ok_and(|mut child| {
        let step = Duration::from_millis(50);
        for _ in 0..LONGEST.as_millis() / step.as_millis() {
            match child.try_wait() {
                Ok(Some(status)) => return status.success(),
                Ok(None) => std::thread::sleep(step),
                Err(_) => return false,
            }
        }
        let _ = child.kill();
        let _ = child.wait();
        false
    });
    if !works {
        let message = format!("`{python} -m pip` does not work: models can be fetched from the hub alone");
        let remedy = "install Python 3 with pip, or set SEGUE_PYTHON to one";
        report.push(Finding::new(Severity::Warning, "python", message).remedy(remedy));
    }
}
