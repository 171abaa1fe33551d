//! The workspace: versions, databases, generations, what was left lying about, and the machine under it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use segue_catalog::{
    Dataset, Generation, GenerationSettings, GenerationState, Snapshot, Store, StoreError, WORKSPACE_VERSION,
    Workspace, WorkspaceError,
};
use segue_retrieval::faults_of;
use segue_world::{FileLock, Timestamp, fs};

use super::{Finding, Report, Severity};
use crate::failure::Failure;
use crate::house::House;
use crate::render::bytes;

pub(super) fn check(house: &House, report: &mut Report) {
    let workspace = house.workspace();
    report.looking_at("the workspace");
    let staging = workspace.restore_dir();
    if fs::exists(&staging) && fs::try_lock(&staging.join(".lock")).is_ok_and(|lock| lock.is_some()) {
        let found = Finding::new(Severity::Warning, "leftover", "a restore was cut here").at(&staging);
        let found = found.remedy("restore again, or `segue doctor --fix` removes it");
        report.push(if report.fix { found.fixed(remove(&staging)) } else { found });
    }
    if !workspace.is_there() {
        let missing = WorkspaceError::Missing(workspace.root().to_owned());
        report.failed(Severity::Error, "missing", missing);
        return;
    }
    // What nobody is writing now is looked at as it will stay; with it comes the right to put it in order.
    let lock = lock(workspace, report);
    settings(house, report);
    disk(house, report);
    let Some(all) = catalogue(workspace, lock.as_ref(), report) else { return };
    if let Some(lock) = &lock {
        leftovers(workspace, &all, lock, report);
    }
    serving(workspace, &all, lock.as_ref(), report);
    clock(&all, house.world().now(), report);
    indexes(workspace, &all, report);
    other_databases(workspace, lock.as_ref(), report);
    dataset(workspace, &all, report);
}

fn remove(path: &Path) -> Result<String, Failure> {
    if fs::is_dir(path) && !fs::is_link(path) {
        fs::remove_dir_all(path)?;
    } else {
        fs::remove_file(path)?;
    }
    Ok("removed".to_owned())
}

fn lock(workspace: &Workspace, report: &mut Report) -> Option<FileLock> {
    match workspace.lock_for_writing() {
        Ok(lock) => return Some(lock),
        Err(WorkspaceError::Busy { by, .. }) => {
            let by = by.unwrap_or_else(|| "another process".to_owned());
            report.push(
                Finding::new(
                    Severity::Note,
                    "busy",
                    format!("{by} is writing now; what it has not finished is not looked at"),
                )
                .at(&workspace.lock_file()),
            );
        }
        Err(error) => {
            let failure = Failure::from(error);
            let message = format!(
                "nothing can be written here ({failure}): questions work, conversations are not kept"
            );
            let finding = Finding::new(Severity::Warning, "read_only", message);
            report.push(Finding { remedy: failure.remedy, ..finding }.at(workspace.root()));
        }
    }
    None
}

/// `workspace.toml` and prompts.
fn settings(house: &House, report: &mut Report) {
    let workspace = house.workspace();
    if let Err(error) = GenerationSettings::read(workspace) {
        report.failed(Severity::Error, "settings", error);
    }
    match house.prompts() {
        Err(failure) => report.failed(Severity::Error, "prompt", failure),
        Ok(prompts) => {
            for error in prompts.all().filter_map(|prompt| prompt.syntax().err()) {
                report.failed(Severity::Error, "prompt", error);
            }
        }
    }
}

fn disk(house: &House, report: &mut Report) {
    let root = house.workspace().root();
    let (free, used) = (fs::free_space(root).unwrap_or(u64::MAX), fs::size_of(root));
    if free < used {
        let message = format!(
            "{} are free and the workspace has {}: another generation may not fit",
            bytes(free),
            bytes(used)
        );
        let remedy = "make room; `segue generations prune` removes old generations";
        report.push(Finding::new(Severity::Warning, "disk", message).at(root).remedy(remedy));
    }
}

/// The version and the soundness of `catalog.db`; its generations, if it can be read.
fn catalogue(workspace: &Workspace, lock: Option<&FileLock>, report: &mut Report) -> Option<Vec<Generation>> {
    let path = workspace.catalog_db();
    match Store::faults_of_file(&path) {
        Err(error) => {
            report.failed(Severity::Error, "catalog", error);
            return None;
        }
        Ok(faults) => {
            for fault in faults {
                let finding =
                    Finding::new(Severity::Error, "catalog", format!("the catalogue is damaged: {fault}"));
                report.push(
                    finding
                        .at(&path)
                        .remedy("segue restore a backup, or import again into another workspace"),
                );
            }
        }
    }
    let read = Store::read(workspace).and_then(|store| Ok((store.version()?, store.generations()?)));
    let (version, all) = match read {
        Ok(read) => read,
        Err(error @ StoreError::TooNew { .. }) => {
            report.failed(Severity::Error, "version", error);
            return None;
        }
        Err(error) => {
            report.failed(Severity::Error, "catalog", error);
            return None;
        }
    };
    if version < WORKSPACE_VERSION {
        let message = format!("the workspace has version {version}, of an earlier `segue`");
        let found = Finding::new(Severity::Error, "version", message).at(&path);
        let found = found.remedy("segue doctor --fix; the next import brings it up to date too");
        let migrate = || Ok(format!("brought to version {}", Store::open(workspace)?.version()?));
        let found = if report.fix && lock.is_some() { found.fixed(migrate()) } else { found };
        let is_readable = found.fixed.is_some();
        report.push(found);
        if !is_readable {
            return None;
        }
    }
    Some(all)
}

/// What killed commands left. Nobody writes now: the lock is ours.
fn leftovers(workspace: &Workspace, all: &[Generation], _: &FileLock, report: &mut Report) {
    let list = |folder: PathBuf| fs::list(&folder).unwrap_or_default();
    let is_part = |path: &PathBuf| path.extension().is_some_and(|end| end == "part");
    let mut left: Vec<PathBuf> = list(workspace.root().to_owned());
    left.retain(is_part);
    let known: BTreeSet<PathBuf> = all.iter().map(|g| workspace.generation_dir(g.number)).collect();
    for path in list(workspace.root().join("generations")) {
        let of = path.with_extension("");
        let is_old = path.extension().is_some_and(|end| end == "old");
        if is_old && known.contains(&of) && !fs::exists(&of) {
            // A build was killed between two renames.
            let found =
                Finding::new(Severity::Error, "aside", "indexes were put aside and not replaced").at(&path);
            let found = found.remedy("segue index, or `segue doctor --fix` puts them back");
            let back = || Ok(fs::rename(&path, &of).map(|()| "put back".to_owned())?);
            report.push(if report.fix { found.fixed(back()) } else { found });
        } else if !known.contains(&path) {
            left.push(path);
        }
    }
    for path in left {
        let message = format!("{} that a command left which was cut", bytes(fs::size_of(&path)));
        let found = Finding::new(Severity::Warning, "leftover", message).at(&path);
        let found = found.remedy("the next import or index removes it, or `segue doctor --fix`");
        report.push(if report.fix { found.fixed(remove(&path)) } else { found });
    }
}

/// `CURRENT` leads to rows and indexes.
fn serving(workspace: &Workspace, all: &[Generation], lock: Option<&FileLock>, report: &mut Report) {
    let is_whole = |g: &&Generation| {
        let folder = workspace.generation_dir(g.number);
        g.state == GenerationState::Indexed && fs::is_dir(&folder.join("bm25"))
    };
    let current = match workspace.current() {
        Ok(current) if all.iter().any(|g| g.number == current && is_whole(&g)) => return,
        Ok(current) => {
            let message =
                format!("generation {current} is to serve, and its rows or its indexes are not there");
            Finding::new(Severity::Error, "serving", message)
        }
        Err(WorkspaceError::NotIndexed(_)) if all.iter().all(|g| !is_whole(&g)) => {
            let message = "nothing has been indexed yet";
            report.push(Finding::new(Severity::Warning, "not_indexed", message).remedy("segue index"));
            return;
        }
        Err(error) => Finding::new(Severity::Error, "serving", Failure::from(error).message),
    };
    let found = current.at(&workspace.root().join("CURRENT"));
    match all.iter().rev().find(is_whole) {
        None => report.push(found.remedy("segue index")),
        Some(whole) => {
            let found = found.remedy(format!(
                "segue index; or `segue doctor --fix` lets generation {} serve, the newest that is whole",
                whole.number
            ));
            let serve = || {
                workspace.set_current(whole.number)?;
                Ok(format!("generation {} serves", whole.number))
            };
            report.push(if report.fix && lock.is_some() { found.fixed(serve()) } else { found });
        }
    }
}

fn clock(all: &[Generation], now: Timestamp, report: &mut Report) {
    let newest = all.iter().filter_map(|g| g.created.parse::<Timestamp>().ok()).max();
    if let Some(newest) = newest.filter(|newest| *newest > now) {
        let message = format!("the clock says {now:.0}, and a generation was imported at {newest:.0}");
        let remedy = "set the clock; generations and turns keep their order, and dates of today may be wrong";
        report.push(Finding::new(Severity::Warning, "clock", message).remedy(remedy));
    }
}

/// Checksums and sizes of the indexes of every generation.
fn indexes(workspace: &Workspace, all: &[Generation], report: &mut Report) {
    report.looking_at("the indexes");
    let current = workspace.current().ok();
    for generation in all.iter().filter(|g| g.state == GenerationState::Indexed) {
        let n = generation.number;
        let serves = current == Some(n);
        let severity = if serves { Severity::Error } else { Severity::Warning };
        let remedy = match serves {
            true if all.last().is_some_and(|newest| newest.number == n) => "segue index".to_owned(),
            true => "segue generations rollback to another one, or import and index again".to_owned(),
            false => format!("nothing, while it does not serve; `segue generations prune` removes it ({n})"),
        };
        let folder = workspace.generation_dir(n);
        if !fs::is_dir(&folder) {
            // Said of the serving one already.
            if !serves {
                let message = format!("generation {n} has rows and no indexes");
                report.push(Finding::new(severity, "indexes", message).at(&folder).remedy(remedy));
            }
            continue;
        }
        let rows = workspace.rows_db(n);
        let damaged = Store::faults_of_file(&rows).unwrap_or_default();
        let damaged = damaged.into_iter().map(|fault| format!("the rows are damaged: {fault}"));
        let faults = match Snapshot::of(workspace, n) {
            Ok(snapshot) => damaged.chain(faults_of(workspace, snapshot.catalog())),
            Err(error) => {
                report.failed(severity, "generation", error);
                continue;
            }
        };
        for fault in faults {
            report.push(Finding::new(severity, "indexes", fault).at(&folder).remedy(remedy.clone()));
        }
    }
}

fn other_databases(workspace: &Workspace, lock: Option<&FileLock>, report: &mut Report) {
    report.looking_at("conversations");
    let embeddings = workspace.cache_dir().join("embeddings.db");
    let fault_of = |path: &Path| match Store::faults_of_file(path) {
        _ if !fs::exists(path) => None,
        Ok(faults) => faults.into_iter().next(),
        Err(StoreError::Sqlite { source, .. }) => Some(source.to_string()),
        Err(error) => Some(error.to_string()),
    };
    let sessions = workspace.sessions_db();
    if let Some(fault) = fault_of(&sessions) {
        let found =
            Finding::new(Severity::Error, "sessions", format!("the conversations are damaged: {fault}"));
        let remedy = "restore a backup elsewhere (`segue restore FILE --to DIR`) and copy its `sessions.db`";
        report.push(found.at(&sessions).remedy(remedy));
    }
    if let Some(fault) = fault_of(&embeddings) {
        let message = format!("the embeddings that are kept are damaged: {fault}");
        let found = Finding::new(Severity::Error, "cache", message).at(&embeddings);
        let found = found.remedy("remove it, or `segue doctor --fix` does: an index computes them again");
        let remove = || {
            for end in ["db", "db-wal", "db-shm"] {
                fs::remove_file(&embeddings.with_extension(end))?;
            }
            Ok("removed; an index computes them again".to_owned())
        };
        report.push(if report.fix && lock.is_some() { found.fixed(remove()) } else { found });
    }
}

/// The mapping of the last import still says what it means.
fn dataset(workspace: &Workspace, all: &[Generation], report: &mut Report) {
    let Some(newest) = all.last() else { return };
    let source = Store::read(workspace).and_then(|store| store.source_of(newest.number));
    let Ok(Some(source)) = source else { return };
    let files = source.get("files").and_then(serde_json::Value::as_array);
    let mapping =
        files.into_iter().flatten().find(|file| file.get("kind").is_some_and(|kind| kind == "mapping"));
    let Some(path) = mapping.and_then(|file| file.get("path")?.as_str()).map(Path::new) else { return };
    if !fs::exists(path) {
        let message = "the mapping of the last import is not there any more";
        let remedy = "put it back before you import again, or name another with --map";
        report.push(Finding::new(Severity::Warning, "dataset", message).at(path).remedy(remedy));
    } else if let Err(error) = Dataset::read(path) {
        report.failed(Severity::Warning, "dataset", error);
    }
}
