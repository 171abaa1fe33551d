//! Writes the ONNX graph of a BERT encoder from its published weights.
//!
//! Hubs and registries agree on one form of a model: `config.json` and `model.safetensors`. ONNX Runtime wants a
//! graph. Writing it here takes a second, needs no Python, and makes every source yield the same bytes.

mod bert;
mod graph;
mod packed;
mod proto;
mod weights;

use std::path::PathBuf;

use segue_world::fs;

use crate::ResourceFiles;
use crate::shelf::place::{Seal, hexadecimal};

use bert::BertConfig;
use packed::Packed;
use sha2::{Digest, Sha256};
use weights::Weights;

/// Counts up whenever another graph is written from the same weights.
const WRITER: u32 = 1;

/// Why no graph can be written.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    /// The model is of a kind that cannot be written.
    #[error("`config.json` of the model cannot be used: {0}; use an encoder of type `bert`")]
    Config(String),
    /// The weights cannot be read.
    #[error("the weights cannot be read: {0}; fetch the model again")]
    Weights(String),
    /// A tensor is missing or of the wrong shape.
    #[error(
        "the tensor `{name}` cannot be used: {reason}; check that weights and `config.json` belong together"
    )]
    Tensor {
        /// Which tensor.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] segue_world::FileError),
}

/// A graph on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Encoder {
    pub(crate) path: PathBuf,
    pub(crate) dimensions: usize,
}

/// The graph of a model on the shelf; written beside its weights the first time, checked later on.
pub(crate) fn encoder_of(model: &ResourceFiles) -> Result<Encoder, OnnxError> {
    let is_packed = model.digests.contains_key(packed::FILE);
    let weights = model.path(weights_of(model));
    let origin = model.digests.get(weights_of(model)).map_or("", String::as_str);
    let stem = format!("encoder-{WRITER}-{}", origin.get(..12).unwrap_or("unknown"));
    let path = model.path(&format!("{stem}.onnx"));
    let seal_path = model.path(&format!("{stem}.json"));

    let seal: Option<Seal> = fs::read(&seal_path).ok().and_then(|json| serde_json::from_slice(&json).ok());
    if !seal.is_some_and(|seal| seal.is_unbroken(&path)) {
        let bytes = fs::read(&weights)?;
        let (config, weights) = if is_packed {
            let packed = Packed::parse(&bytes)?;
            (BertConfig::of(packed.extents)?, Weights::Packed(packed))
        } else {
            (config(model)?, Weights::parse(&bytes)?)
        };
        let graph = bert::encode(&config, weights)?;
        fs::write_atomic(&path, &graph)?;
        let seal = Seal::of(&path, &hexadecimal(&Sha256::digest(&graph)))?;
        fs::write_atomic(&seal_path, &serde_json::to_vec_pretty(&seal).unwrap_or_default())?;
    }
    let dimensions = if is_packed { packed::hidden_size(&weights)? } else { config(model)?.hidden_size() };
    Ok(Encoder { path, dimensions })
}

fn config(model: &ResourceFiles) -> Result<BertConfig, OnnxError> {
    BertConfig::parse(&fs::read(&model.path("config.json"))?)
}

/// The file that holds the weights of a model.
pub(crate) fn weights_of(model: &ResourceFiles) -> &'static str {
    if model.digests.contains_key(packed::FILE) { packed::FILE } else { "model.safetensors" }
}
