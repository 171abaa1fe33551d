//! What is known of a generation's indexes without searching in them, and whether they are whole.

use segue_catalog::{Catalog, Workspace};
use segue_world::fs;
use serde::Serialize;

use crate::IndexReport;
use crate::lexical::LexicalIndex;
use crate::vectors::Vectors;

/// The indexes of a generation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IndexesOf {
    /// Bytes of all files of its folder, its rows too.
    pub bytes: u64,
    /// What their build said of itself; `None` if there are none, or it cannot be read.
    pub built: Option<IndexReport>,
    /// The embedding spaces.
    pub spaces: Vec<SpaceOf>,
}

/// One embedding space.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpaceOf {
    /// Its name.
    pub name: String,
    /// The embedder's name.
    pub model: String,
    /// The embedder's fingerprint.
    pub fingerprint: String,
    /// Numbers in a vector.
    pub dimensions: usize,
    /// Vectors.
    pub rows: usize,
    /// Why it cannot be used, if it cannot.
    pub fault: Option<String>,
}

impl IndexesOf {
    /// Looks at the indexes of a generation. What is missing or damaged is left out or said, never an error.
    pub fn look(workspace: &Workspace, generation: u32) -> Self {
        let folder = workspace.generation_dir(generation);
        let built = fs::read(&folder.join("meta.json")).ok();
        let spaces = fs::list(&folder.join("vectors")).unwrap_or_default();
        let space = |path: &std::path::PathBuf| {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            match Vectors::open(path) {
                Ok(vectors) => {
                    let m = vectors.manifest;
                    let (model, fingerprint) = (m.model, m.fingerprint);
                    SpaceOf { name, model, fingerprint, dimensions: m.dimensions, rows: m.rows, fault: None }
                }
                Err(error) => SpaceOf {
                    name,
                    model: String::new(),
                    fingerprint: String::new(),
                    dimensions: 0,
                    rows: 0,
                    fault: Some(error.to_string()),
                },
            }
        };
        Self {
            bytes: fs::size_of(&folder),
            built: built.and_then(|json| serde_json::from_slice(&json).ok()),
            spaces: spaces.iter().map(space).collect(),
        }
    }
}

/// What is wrong with the indexes of a generation: damaged files by their checksums, a matrix of the wrong size, items without
/// a vector. Reads all of the lexical index.
pub fn faults_of(workspace: &Workspace, catalog: &Catalog) -> Vec<String> {
    let folder = workspace.generation_dir(catalog.generation);
    let mut faults = match LexicalIndex::open(&folder.join("bm25"), catalog) {
        Err(error) => vec![error.to_string()],
        Ok(index) => index.faults(catalog.items),
    };
    for space in IndexesOf::look(workspace, catalog.generation).spaces {
        if let Some(fault) = space.fault {
            faults.push(fault);
        } else if space.rows as u64 != catalog.items {
            faults.push(format!(
                "the space `{}` has {} vectors for {} items",
                space.name, space.rows, catalog.items
            ));
        }
    }
    faults
}
