use candle_core::Tensor;
use candle_nn::ops::{rms_norm, silu, softmax_last_dim};

use super::cache::Cache;
use super::file::GgufFile;
use super::matrix::Matrix;
use super::rope::Rope;
use super::{GgufError, Qwen2Config};

/// The weights of one layer.
pub(crate) struct Layer {
    number: usize,
    attention_norm: Tensor,
    query: Projection,
    key: Projection,
    value: Projection,
    attention_out: Matrix,
    feed_forward_norm: Tensor,
    gate: Matrix,
    up: Matrix,
    down: Matrix,
}

struct Projection {
    weight: Matrix,
    bias: Tensor,
}

/// What the layers of one pass share.
pub(crate) struct Pass<'a> {
    pub(crate) config: &'a Qwen2Config,
    pub(crate) rope: &'a Rope,
    /// [1, n, position + n]: 0 where a token may look and minus infinity where not; none for a single token.
    pub(crate) mask: Option<&'a Tensor>,
    /// Where the first token of the pass stands.
    pub(crate) position: usize,
}

impl Projection {
    fn load(file: &mut GgufFile, name: &str, out: usize, inner: usize) -> Result<Self, GgufError> {
        Ok(Self {
            weight: file.matrix(&format!("{name}.weight"), out, inner)?,
            bias: file.vector(&format!("{name}.bias"), out)?,
        })
    }

    /// Heads, [heads, n, head width], out of hidden states, [n, width].
    fn heads(&self, states: &Tensor, heads: usize, head_width: usize) -> Result<Tensor, GgufError> {
        let flat = self.weight.forward(states)?.broadcast_add(&self.bias)?;
        let tokens = flat.dim(0)?;
        Ok(flat.reshape((tokens, heads, head_width))?.transpose(0, 1)?.contiguous()?)
    }
}

impl Layer {
    pub(crate) fn load(file: &mut GgufFile, config: &Qwen2Config, number: usize) -> Result<Self, GgufError> {
        let name = |part: &str| format!("blk.{number}.{part}");
        let Qwen2Config { width, feed_forward, heads, kv_heads, head_width, .. } = *config;
        let (all, keys) = (heads * head_width, kv_heads * head_width);
        Ok(Self {
            number,
            attention_norm: file.vector(&name("attn_norm.weight"), width)?,
            query: Projection::load(file, &name("attn_q"), all, width)?,
            key: Projection::load(file, &name("attn_k"), keys, width)?,
            value: Projection::load(file, &name("attn_v"), keys, width)?,
            attention_out: file.matrix(&name("attn_output.weight"), width, all)?,
            feed_forward_norm: file.vector(&name("ffn_norm.weight"), width)?,
            gate: file.matrix(&name("ffn_gate.weight"), feed_forward, width)?,
            up: file.matrix(&name("ffn_up.weight"), feed_forward, width)?,
            down: file.matrix(&name("ffn_down.weight"), width, feed_forward)?,
        })
    }

    /// Hidden states, [n, width], behind this layer; and its attention, [heads, n, position + n].
    pub(crate) fn forward(
        &self,
        states: &Tensor,
        pass: &Pass<'_>,
        cache: &mut Cache,
    ) -> Result<(Tensor, Tensor), GgufError> {
        let epsilon = pass.config.epsilon;
        let (mixed, attention) =
            self.attend(&rms_norm(states, &self.attention_norm, epsilon)?, pass, cache)?;
        let states = (states + mixed)?;
        let normed = rms_norm(&states, &self.feed_forward_norm, epsilon)?;
        let gated = (silu(&self.gate.forward(&normed)?)? * self.up.forward(&normed)?)?;
        Ok(((states + self.down.forward(&gated)?)?, attention))
    }

    /// Grouped-query attention: Ainslie et al., "GQA", 2023. The heads of a group are laid side by side as if they
    /// were tokens, so that their keys and values need not be repeated.
    fn attend(
        &self,
        states: &Tensor,
        pass: &Pass<'_>,
        cache: &mut Cache,
    ) -> Result<(Tensor, Tensor), GgufError> {
        let Qwen2Config { heads, kv_heads, head_width, .. } = *pass.config;
        let tokens = states.dim(0)?;
        let grouped = (kv_heads, pass.config.group() * tokens, ());
        let queries = pass.rope.rotate(&self.query.heads(states, heads, head_width)?, pass.position)?;
        let keys = pass.rope.rotate(&self.key.heads(states, kv_heads, head_width)?, pass.position)?;
        let values = self.value.heads(states, kv_heads, head_width)?;
        let (keys, values) = cache.put(self.number, &keys, &values)?;

        let queries = (queries * (head_width as f64).sqrt().recip())?.reshape(grouped)?;
        let scores = queries.matmul(&keys.t()?)?.reshape((heads, tokens, ()))?;
        let scores = match pass.mask {
            Some(mask) => scores.broadcast_add(mask)?,
            None => scores,
        };
        let attention = softmax_last_dim(&scores)?;
        let mixed = attention.reshape(grouped)?.matmul(&values)?.reshape((heads, tokens, head_width))?;
        let mixed = mixed.transpose(0, 1)?.reshape((tokens, heads * head_width))?;
        Ok((self.attention_out.forward(&mixed)?, attention))
    }
}
