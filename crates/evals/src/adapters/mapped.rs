//! A catalogue as any mapping describes it: the mapping beside the suite or in the data set's folder, and the files that it names in
//! that folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use segue_catalog::Dataset;
use segue_world::fs;

use super::{AdapterError, digest_of};
use crate::suite::{Suite, digest};

/// The mapping of a folder that does not name another.
const MAP: &str = "dataset.toml";

/// A mapping with its files.
pub(super) struct Mapped {
    pub(super) dataset: Dataset,
    /// The hash of the mapping and of what its files hold, wherever they are.
    pub(super) source: String,
}

/// Reads the mapping of a suite's data set; `keep` takes out of it what is of no use.
pub(super) fn mapped(
    suite: &Suite,
    folder: &Path,
    keep: impl FnOnce(&mut Dataset),
) -> Result<Mapped, AdapterError> {
    let map = suite.data.map.clone().unwrap_or_else(|| folder.join(MAP));
    if !fs::exists(&map) {
        let message = format!(
            "there is no mapping of the catalogue, `{}`; name one with `map`, beside the suite's file",
            map.display()
        );
        return Err(AdapterError::Unfit(message));
    }
    let mut dataset = Dataset::read(&map)?;
    keep(&mut dataset);
    let names: BTreeSet<_> = dataset.sources().filter_map(|s| Some(s.file.file_name()?.to_owned())).collect();
    let files: Vec<PathBuf> = names.into_iter().map(|name| folder.join(name)).collect();
    let mut held = vec![digest_of(&map)?];
    for file in &files {
        if !fs::exists(file) {
            let message = format!("there is no `{}`, which `{}` names", file.display(), map.display());
            return Err(AdapterError::Unfit(message));
        }
        held.push(digest_of(file)?);
    }
    Ok(Mapped { dataset: dataset.with_files(&files)?, source: digest(&held.join(" ")) })
}
