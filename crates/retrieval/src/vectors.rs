//! Vectors on the disk: one matrix a space, a row an item, mapped into memory and scanned exactly.

use std::io::Write;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use roaring::RoaringBitmap;
use segue_catalog::{Ordinal, SPACE_MANIFEST, SPACE_MATRIX, SPACES, Scored, Space, Workspace};
use segue_world::fs;
use serde::{Deserialize, Serialize};

use crate::{EngineError, IndexError};

const MATRIX: &str = "matrix.f32";
const MANIFEST: &str = "manifest.json";

/// What is needed to read a matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The embedder's name; of imported vectors that of their encoder, or nothing.
    pub(crate) model: String,
    /// The embedder's fingerprint: queries must be embedded by the same. Nothing of imported vectors.
    pub(crate) fingerprint: String,
    /// Numbers in a vector.
    pub(crate) dimensions: usize,
    /// Vectors.
    pub(crate) rows: usize,
}

/// The name of the model that a space of the serving generation was embedded with; `None` if there is no such space.
pub fn embedding_model(workspace: &Workspace, space: &str) -> Option<String> {
    let folder = workspace.generation_dir(workspace.current().ok()?);
    let manifest = fs::read_to_string(&folder.join("vectors").join(space).join(MANIFEST)).ok()?;
    Some(serde_json::from_str::<Manifest>(&manifest).ok()?.model)
}

/// A matrix of unit vectors, row by ordinal, little-endian IEEE 754 single precision.
#[derive(Debug)]
pub(crate) struct Vectors {
    pub(crate) manifest: Manifest,
    map: Mmap,
}

impl Vectors {
    pub(crate) fn open(folder: &Path) -> Result<Self, EngineError> {
        let damaged = |reason: String| EngineError::Vectors { path: folder.to_owned(), reason };
        let manifest = fs::read_to_string(&folder.join(MANIFEST))?;
        let manifest: Manifest = serde_json::from_str(&manifest).map_err(|e| damaged(e.to_string()))?;
        let path = folder.join(MATRIX);
        let map = map(&path).map_err(|e| damaged(e.to_string()))?;
        let bytes = manifest.rows * manifest.dimensions * size_of::<f32>();
        if map.len() != bytes {
            return Err(damaged(format!(
                "`{}` holds {} bytes instead of {bytes}",
                path.display(),
                map.len()
            )));
        }
        Ok(Self { manifest, map })
    }

    /// The vector of an item, if it has one: a row of zeros is none.
    pub(crate) fn row(&self, item: Ordinal) -> Option<impl Iterator<Item = f32> + '_> {
        let bytes = self.row_bytes(item).filter(|bytes| !is_zero(bytes))?;
        Some(bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)))
    }

    /// The cosine of every item of the pool (all, if none is given) that has a vector, with a unit vector.
    pub(crate) fn scan(&self, query: &[f32], within: Option<&RoaringBitmap>) -> Vec<Scored> {
        let score = |item: Ordinal| {
            let bytes = self.row_bytes(item)?;
            let score = f64::from(dot(bytes, query));
            // Only where the cosine is nothing may there be no vector.
            (score != 0.0 || !is_zero(bytes)).then_some(Scored { item, score })
        };
        match within {
            Some(pool) => pool.iter().filter_map(score).collect(),
            None => (0..self.manifest.rows as Ordinal).filter_map(score).collect(),
        }
    }

    fn row_bytes(&self, item: Ordinal) -> Option<&[u8]> {
        let width = self.manifest.dimensions * size_of::<f32>();
        let start = (item as usize).checked_mul(width)?;
        self.map.get(start..start + width)
    }
}

fn is_zero(row: &[u8]) -> bool {
    row.iter().all(|byte| *byte == 0)
}

/// Sixteen sums side by side, so that the compiler can use the widest registers there are.
fn dot(row: &[u8], query: &[f32]) -> f32 {
    const LANES: usize = 16;
    let (row, _) = row.as_chunks::<4>();
    let mut sums = [0.0_f32; LANES];
    let (rows, row_rest) = row.as_chunks::<LANES>();
    let (queries, query_rest) = query.as_chunks::<LANES>();
    for (a, b) in rows.iter().zip(queries) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += f32::from_le_bytes(*a) * b;
        }
    }
    let rest: f32 = row_rest.iter().zip(query_rest).map(|(a, b)| f32::from_le_bytes(*a) * b).sum();
    sums.iter().sum::<f32>() + rest
}

#[expect(
    unsafe_code,
    reason = "a memory map; the file is in a generation, which nobody writes once it serves"
)]
fn map(path: &Path) -> std::io::Result<Mmap> {
    #[expect(clippy::disallowed_methods, reason = "a memory map needs the file itself")]
    let file = std::fs::File::open(path)?;
    // SAFETY: generations are written once, under another name, and renamed when complete; they are never changed,
    // only removed, which leaves a mapped file readable.
    unsafe { Mmap::map(&file) }
}

/// Takes the imported spaces of a generation over into the one that is built beside it: their vectors are where they were, under more
/// names.
pub(crate) fn take_over(generation: &Path, part: &Path) -> Result<(), IndexError> {
    let spaces = generation.join(SPACES);
    for space in if fs::is_dir(&spaces) { fs::list(&spaces)? } else { Vec::new() } {
        let Some(name) = space.file_name() else { continue };
        let described = space.join(SPACE_MANIFEST);
        let read: Space = serde_json::from_str(&fs::read_to_string(&described)?)
            .map_err(|e| IndexError::Space { path: described.clone(), reason: e.to_string() })?;
        let (kept, served) = (part.join(SPACES).join(name), part.join("vectors").join(name));
        fs::create_dir_all(&kept)?;
        fs::create_dir_all(&served)?;
        let matrix = space.join(SPACE_MATRIX);
        fs::link(&described, &kept.join(SPACE_MANIFEST))?;
        fs::link(&matrix, &kept.join(SPACE_MATRIX))?;
        fs::link(&matrix, &served.join(MATRIX))?;
        let rows = (read.vectors + read.missing) as usize;
        let (model, fingerprint) = (read.encoder.unwrap_or_default(), String::new());
        let manifest = Manifest { model, fingerprint, dimensions: read.dimensions, rows };
        let manifest = serde_json::to_vec_pretty(&manifest).unwrap_or_default();
        fs::write_atomic(&served.join(MANIFEST), &manifest)?;
    }
    Ok(())
}

/// The models that make vectors of imported spaces of the serving generation from texts.
pub fn space_encoders(workspace: &Workspace) -> Vec<String> {
    let folder = workspace.current().map(|n| workspace.generation_dir(n).join(SPACES));
    let spaces = folder.ok().and_then(|folder| fs::list(&folder).ok()).unwrap_or_default();
    let described = spaces.iter().filter_map(|s| fs::read_to_string(&s.join(SPACE_MANIFEST)).ok());
    described.filter_map(|text| serde_json::from_str::<Space>(&text).ok()?.encoder).collect()
}

/// Writes a matrix row by row.
pub(crate) struct VectorWriter {
    folder: PathBuf,
    file: Box<dyn Write>,
    manifest: Manifest,
}

impl VectorWriter {
    pub(crate) fn create(
        folder: &Path,
        model: &str,
        fingerprint: &str,
        dimensions: usize,
    ) -> Result<Self, IndexError> {
        fs::create_dir_all(folder)?;
        let file = Box::new(fs::writer(&folder.join(MATRIX))?);
        let (model, fingerprint) = (model.to_owned(), fingerprint.to_owned());
        let manifest = Manifest { model, fingerprint, dimensions, rows: 0 };
        Ok(Self { folder: folder.to_owned(), file, manifest })
    }

    pub(crate) fn push(&mut self, vector: &[f32]) -> Result<(), IndexError> {
        let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.manifest.rows += 1;
        self.file
            .write_all(&bytes)
            .map_err(|source| IndexError::Write { path: self.folder.join(MATRIX), source })
    }

    pub(crate) fn finish(mut self) -> Result<(), IndexError> {
        self.file.flush().map_err(|source| IndexError::Write { path: self.folder.join(MATRIX), source })?;
        let manifest = serde_json::to_vec_pretty(&self.manifest).unwrap_or_default();
        Ok(fs::write_atomic(&self.folder.join(MANIFEST), &manifest)?)
    }
}
