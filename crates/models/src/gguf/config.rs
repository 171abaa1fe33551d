use super::GgufError;
use super::file::GgufFile;

/// The shape of a Qwen2 network.
#[derive(Debug, Clone, PartialEq)]
pub struct Qwen2Config {
    /// How many layers there are.
    pub layers: usize,
    /// Numbers of a hidden state.
    pub width: usize,
    /// Numbers inside the feed-forward part.
    pub feed_forward: usize,
    /// Attention heads.
    pub heads: usize,
    /// Heads of keys and values; each serves `heads / kv_heads` heads.
    pub kv_heads: usize,
    /// Numbers of a head.
    pub head_width: usize,
    /// Tokens of the vocabulary.
    pub vocabulary: usize,
    /// The most tokens it was trained on in one text.
    pub context: usize,
    /// Base of the rotary embedding's wavelengths.
    pub rope_base: f64,
    /// What keeps the normalisation from dividing by zero.
    pub epsilon: f32,
}

impl Qwen2Config {
    /// Reads it from the metadata; keys as in the GGUF format's page.
    pub(crate) fn read(file: &GgufFile) -> Result<Self, GgufError> {
        let architecture = file.text("general.architecture")?;
        if architecture != "qwen2" {
            return Err(file.wrong(format!("its architecture is `{architecture}` instead of `qwen2`")));
        }
        if let Some(kind) = file.find_text("qwen2.rope.scaling.type").filter(|kind| *kind != "none") {
            return Err(file.wrong(format!("it scales its positions by `{kind}`")));
        }
        let width = file.number("qwen2.embedding_length")?;
        let heads = file.number("qwen2.attention.head_count")?;
        let config = Self {
            layers: file.number("qwen2.block_count")?,
            width,
            feed_forward: file.number("qwen2.feed_forward_length")?,
            heads,
            kv_heads: file.find_number("qwen2.attention.head_count_kv").unwrap_or(heads),
            head_width: file
                .find_number("qwen2.attention.key_length")
                .or_else(|| width.checked_div(heads))
                .unwrap_or_default(),
            vocabulary: file.length("tokenizer.ggml.tokens")?,
            context: file.number("qwen2.context_length")?,
            rope_base: file.find_float("qwen2.rope.freq_base").unwrap_or(10_000.0),
            epsilon: file.float("qwen2.attention.layer_norm_rms_epsilon")? as f32,
        };
        config.check().map_err(|reason| file.wrong(reason))?;
        Ok(config)
    }

    /// How many heads share one head of keys and values.
    pub(crate) fn group(&self) -> usize {
        self.heads / self.kv_heads.max(1)
    }

    fn check(&self) -> Result<(), String> {
        let sizes = [self.layers, self.width, self.feed_forward, self.heads, self.kv_heads, self.vocabulary];
        if sizes.contains(&0) || self.context == 0 || self.head_width == 0 {
            return Err("one of its sizes is 0".to_owned());
        }
        if !self.heads.is_multiple_of(self.kv_heads) || !self.head_width.is_multiple_of(2) {
            return Err(format!(
                "its {} heads of {} numbers do not go with {} heads of keys",
                self.heads, self.head_width, self.kv_heads
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_must_go_with_their_keys() {
        let config = Qwen2Config {
            layers: 2,
            width: 8,
            feed_forward: 16,
            heads: 4,
            kv_heads: 2,
            head_width: 2,
            vocabulary: 10,
            context: 32,
            rope_base: 10_000.0,
            epsilon: 1e-6,
        };
        assert_eq!((config.check(), config.group()), (Ok(()), 2));
        assert!(Qwen2Config { kv_heads: 3, ..config.clone() }.check().is_err());
        assert!(Qwen2Config { layers: 0, ..config }.check().is_err());
    }
}
