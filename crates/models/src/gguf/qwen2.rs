use std::fmt;
use std::path::Path;

use candle_core::quantized::QTensor;
use candle_core::{D, Device, Tensor};
use candle_nn::ops::rms_norm;

use super::cache::Cache;
use super::file::GgufFile;
use super::layer::{Layer, Pass};
use super::matrix::Matrix;
use super::rope::Rope;
use super::{GgufError, Qwen2Config, Rows};

/// A Qwen2 network with the weights of a GGUF file. It knows tokens, not texts.
///
/// The network: Yang et al., "Qwen2 technical report", 2024. Arithmetic in single precision, weights as quantised in
/// the file. candle takes as many threads as there are cores, or `CANDLE_NUM_THREADS`, once a process.
pub struct Qwen2 {
    config: Qwen2Config,
    context: usize,
    rope: Rope,
    embeddings: QTensor,
    layers: Vec<Layer>,
    norm: Tensor,
    output: Matrix,
}

/// What goes into a pass.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// Tokens of the vocabulary.
    Tokens(&'a [u32]),
    /// In their place, a row of [`Qwen2Config::width`] numbers each.
    Embeddings(&'a Rows),
}

/// Of which tokens the logits are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Logits {
    /// Of none: what is computed goes into the cache.
    None,
    /// Of the last.
    #[default]
    Last,
    /// Of all, in order.
    All,
}

/// What is wanted of a pass. Layers are counted from 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Want {
    /// One row of logits a token.
    pub logits: Logits,
    /// The layers whose attention is wanted.
    pub attention: Vec<usize>,
    /// The layer behind which the hidden states are wanted, before the final normalisation.
    pub hidden: Option<usize>,
    /// The last layer to run; logits are then read off behind it. The cache must be as deep.
    pub stop_after: Option<usize>,
}

/// What came of a pass over n tokens.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Output {
    /// The logits wanted, a row of one number a token of the vocabulary.
    pub logits: Rows,
    /// The hidden states wanted, a row a token.
    pub hidden: Rows,
    /// The attention wanted, in the order of the layers.
    pub attention: Vec<Attention>,
}

/// Where the tokens of a pass looked in one layer: each row is a distribution over all tokens up to the last one.
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// The layer.
    pub layer: usize,
    /// How many heads it has.
    pub heads: usize,
    /// The rows: of all tokens of the pass in the first head, then in the second, and so on.
    pub rows: Rows,
}

impl Attention {
    /// Where the token at `token` of the pass looked in `head`; empty if there is no such.
    pub fn row(&self, head: usize, token: usize) -> &[f32] {
        let tokens = self.rows.len().checked_div(self.heads).unwrap_or(0);
        if token < tokens { self.rows.row(head * tokens + token) } else { &[] }
    }
}

impl fmt::Debug for Qwen2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Qwen2")
            .field("config", &self.config)
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

impl Qwen2 {
    /// Loads the weights of the file at `path`, for texts of up to `context` tokens.
    pub fn open(path: &Path, context: usize) -> Result<Self, GgufError> {
        Self::load(&mut GgufFile::open(path)?, context)
    }

    pub(crate) fn load(file: &mut GgufFile, context: usize) -> Result<Self, GgufError> {
        let config = Qwen2Config::read(file)?;
        let context = context.clamp(1, config.context);
        let Qwen2Config { width, vocabulary, .. } = config;
        // Small models use the same matrix on both sides; it is in the file once then.
        let output = if file.has_tensor("output.weight") { "output.weight" } else { "token_embd.weight" };
        Ok(Self {
            rope: Rope::new(&config, context)?,
            embeddings: file.tensor("token_embd.weight", &[vocabulary, width])?,
            layers: (0..config.layers).map(|n| Layer::load(file, &config, n)).collect::<Result<_, _>>()?,
            norm: file.vector("output_norm.weight", width)?,
            output: file.matrix(output, vocabulary, width)?,
            config,
            context,
        })
    }

    /// Its shape.
    pub fn config(&self) -> &Qwen2Config {
        &self.config
    }

    /// The most tokens that fit.
    pub fn context(&self) -> usize {
        self.context
    }

    /// An empty cache for passes that stop after a layer, or run through.
    pub fn cache(&self, stop_after: Option<usize>) -> Cache {
        let depth =
            stop_after.map_or(self.config.layers, |layer| self.config.layers.min(layer.saturating_add(1)));
        Cache::new(&self.config, depth, self.context)
    }

    /// What the network puts in place of tokens, a row each.
    pub fn embed(&self, tokens: &[u32]) -> Result<Rows, GgufError> {
        rows(&self.embedded(tokens)?)
    }

    /// Runs `input` behind the tokens of `cache` and adds it to them. After an error the cache is as before.
    pub fn forward(&self, input: Input<'_>, cache: &mut Cache, want: &Want) -> Result<Output, GgufError> {
        let layers = self.layers(cache, want)?;
        let mut states = match input {
            Input::Tokens(tokens) => self.embedded(tokens)?,
            Input::Embeddings(rows) => self.given(rows)?,
        };
        let (tokens, position) = (states.dim(0)?, cache.len());
        if position + tokens > self.context.min(cache.limit()) {
            return Err(GgufError::Context { tokens: position + tokens, context: self.context });
        }
        let mask = causal(tokens, position)?;
        let pass = Pass { config: &self.config, rope: &self.rope, mask: mask.as_ref(), position };
        let mut output = Output::default();
        for (number, layer) in layers.iter().enumerate() {
            let (next, attention) = layer.forward(&states, &pass, cache)?;
            states = next;
            if want.attention.contains(&number) {
                let heads = self.config.heads;
                output.attention.push(Attention { layer: number, heads, rows: rows(&attention)? });
            }
            if want.hidden == Some(number) {
                output.hidden = rows(&states)?;
            }
        }
        output.logits = self.logits(&states, want.logits)?;
        cache.advance(tokens);
        Ok(output)
    }

    /// The layers that run; an error if that is not what the cache is for, or not all that is wanted.
    fn layers(&self, cache: &Cache, want: &Want) -> Result<&[Layer], GgufError> {
        let last = want.stop_after.unwrap_or(self.config.layers - 1);
        let wanted = want.attention.iter().chain(&want.hidden).chain([&last]);
        if let Some(&layer) = wanted.max().filter(|&&layer| layer > last || layer >= self.config.layers) {
            return Err(GgufError::Layer { layer, last: last.min(self.config.layers - 1) });
        }
        if cache.depth() != last + 1 {
            return Err(GgufError::Layer { layer: last, last: cache.depth().saturating_sub(1) });
        }
        Ok(self.layers.get(..=last).unwrap_or_default())
    }

    /// An error if there are no tokens, or some that the vocabulary does not have, or more than fit.
    pub(crate) fn check(&self, tokens: &[u32]) -> Result<(), GgufError> {
        if tokens.is_empty() {
            return Err(GgufError::Prompt("it has no tokens".to_owned()));
        }
        if let Some(token) = tokens.iter().find(|&&token| token as usize >= self.config.vocabulary) {
            return Err(GgufError::Prompt(format!("the model has no token {token}")));
        }
        if tokens.len() > self.context {
            return Err(GgufError::Context { tokens: tokens.len(), context: self.context });
        }
        Ok(())
    }

    fn embedded(&self, tokens: &[u32]) -> Result<Tensor, GgufError> {
        self.check(tokens)?;
        Ok(self.embeddings.embedding(&Tensor::new(tokens, &Device::Cpu)?)?)
    }

    fn given(&self, rows: &Rows) -> Result<Tensor, GgufError> {
        if rows.is_empty() || rows.width() != self.config.width {
            let (count, width) = (rows.len(), rows.width());
            return Err(GgufError::Prompt(format!("{count} embeddings of {width} numbers")));
        }
        Ok(Tensor::from_slice(rows.values(), (rows.len(), rows.width()), &Device::Cpu)?)
    }

    fn logits(&self, states: &Tensor, wanted: Logits) -> Result<Rows, GgufError> {
        let states = match wanted {
            Logits::None => return Ok(Rows::default()),
            Logits::Last => &states.narrow(0, states.dim(0)?.saturating_sub(1), 1)?,
            Logits::All => states,
        };
        rows(&self.output.forward(&rms_norm(&states.contiguous()?, &self.norm, self.config.epsilon)?)?)
    }
}

/// The mask of `tokens` tokens behind `position` others.
fn causal(tokens: usize, position: usize) -> Result<Option<Tensor>, GgufError> {
    if tokens == 1 {
        return Ok(None);
    }
    let width = position + tokens;
    let row = |token| (0..width).map(move |at| if at <= position + token { 0.0 } else { f32::NEG_INFINITY });
    Ok(Some(Tensor::from_vec((0..tokens).flat_map(row).collect(), (1, tokens, width), &Device::Cpu)?))
}

fn rows(tensor: &Tensor) -> Result<Rows, GgufError> {
    Ok(Rows::new(tensor.dim(D::Minus1)?, tensor.flatten_all()?.to_vec1::<f32>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_looks_ahead() {
        assert!(causal(1, 5).unwrap().is_none());
        let mask = rows(&causal(2, 1).unwrap().unwrap()).unwrap();
        let no = f32::NEG_INFINITY;
        assert_eq!(mask.values(), [0.0, 0.0, no, 0.0, 0.0, 0.0]);
    }
}
