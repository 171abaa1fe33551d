use candle_core::{DType, Device, Tensor};

use super::{GgufError, Qwen2Config};

/// Room grows in steps, so that not every token copies what is there.
const STEP: usize = 256;

/// Keys and values of the tokens that a network has seen, so that they need not be computed again.
///
/// It is as deep as the passes that it is for: one that stops after layer `k` has `k + 1` layers.
#[derive(Debug)]
pub struct Cache {
    layers: Vec<Option<LayerCache>>,
    heads: usize,
    head_width: usize,
    length: usize,
    limit: usize,
}

/// Keys and values of one layer, each [kv heads, room, head width].
#[derive(Debug)]
struct LayerCache {
    keys: Tensor,
    values: Tensor,
}

impl Cache {
    /// An empty cache of the first `depth` layers, for up to `limit` tokens.
    pub(crate) fn new(config: &Qwen2Config, depth: usize, limit: usize) -> Self {
        Self {
            layers: (0..depth).map(|_| None).collect(),
            heads: config.kv_heads,
            head_width: config.head_width,
            length: 0,
            limit,
        }
    }

    /// How many layers it holds.
    pub fn depth(&self) -> usize {
        self.layers.len()
    }

    /// How many tokens it holds.
    pub fn len(&self) -> usize {
        self.length
    }

    /// True before the first token.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// How many tokens it may hold.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Forgets all tokens but the first `length`.
    pub fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// Puts keys and values, [kv heads, n, head width], behind the tokens of the cache; gives those of all tokens.
    /// They count only after [`Cache::advance`], so that a pass that fails half-way leaves no trace.
    pub(crate) fn put(
        &mut self,
        layer: usize,
        keys: &Tensor,
        values: &Tensor,
    ) -> Result<(Tensor, Tensor), GgufError> {
        let length = self.length;
        let needed = length + keys.dim(1)?;
        if needed > self.limit {
            return Err(GgufError::Context { tokens: needed, context: self.limit });
        }
        let shape = (self.heads, self.head_width);
        let last = self.layers.len().saturating_sub(1);
        let place = self.layers.get_mut(layer).ok_or(GgufError::Layer { layer, last })?;
        let stored = match place.take() {
            Some(stored) if stored.keys.dim(1)? >= needed => stored,
            stored => {
                let room = needed.max(2 * length).next_multiple_of(STEP).min(self.limit);
                LayerCache::with_room(shape, room, stored.as_ref(), length)?
            }
        };
        let stored = place.insert(stored);
        stored.keys.slice_set(&keys.contiguous()?, 1, length)?;
        stored.values.slice_set(&values.contiguous()?, 1, length)?;
        Ok((stored.keys.narrow(1, 0, needed)?, stored.values.narrow(1, 0, needed)?))
    }

    /// Counts `tokens` more, whose keys and values were put into every layer.
    pub(crate) fn advance(&mut self, tokens: usize) {
        self.length += tokens;
    }
}

impl LayerCache {
    /// Room for `room` tokens, the first `length` of them from `old`.
    fn with_room(
        (heads, width): (usize, usize),
        room: usize,
        old: Option<&Self>,
        length: usize,
    ) -> Result<Self, GgufError> {
        let empty = || Tensor::zeros((heads, room, width), DType::F32, &Device::Cpu);
        let new = Self { keys: empty()?, values: empty()? };
        if let Some(old) = old.filter(|_| length > 0) {
            new.keys.slice_set(&old.keys.narrow(1, 0, length)?.contiguous()?, 1, 0)?;
            new.values.slice_set(&old.values.narrow(1, 0, length)?.contiguous()?, 1, 0)?;
        }
        Ok(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(limit: usize) -> Cache {
        Cache { layers: vec![None], heads: 2, head_width: 1, length: 0, limit }
    }

    /// Keys of both heads: the token's number, and its negative in the second head.
    fn keys(tokens: &[f32]) -> Tensor {
        let both: Vec<f32> = tokens.iter().copied().chain(tokens.iter().map(|x| -x)).collect();
        Tensor::from_vec(both, (2, tokens.len(), 1), &Device::Cpu).unwrap()
    }

    fn put(cache: &mut Cache, tokens: &[f32]) -> Vec<f32> {
        let keys = keys(tokens);
        let (all, values) = cache.put(0, &keys, &keys).unwrap();
        cache.advance(tokens.len());
        let all = all.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(all, values.flatten_all().unwrap().to_vec1::<f32>().unwrap());
        assert!(all[..all.len() / 2].iter().zip(&all[all.len() / 2..]).all(|(a, b)| *a == -b));
        all[..all.len() / 2].to_vec()
    }

    #[test]
    fn what_is_cut_off_is_forgotten() {
        let mut cache = cache(1000);
        assert_eq!(put(&mut cache, &[1.0, 2.0, 3.0]), [1.0, 2.0, 3.0]);
        cache.truncate(1);
        assert_eq!(put(&mut cache, &[4.0, 5.0]), [1.0, 4.0, 5.0]);
        cache.truncate(7);
        assert_eq!(cache.len(), 3);
        cache.truncate(0);
        assert_eq!(put(&mut cache, &[6.0]), [6.0]);
    }

    #[test]
    fn it_grows_and_keeps_what_it_has() {
        let mut cache = cache(600);
        let numbers: Vec<f32> = (0..600).map(|n| n as f32).collect();
        put(&mut cache, &numbers[..200]);
        put(&mut cache, &numbers[200..210]);
        assert_eq!(put(&mut cache, &numbers[210..]), numbers);
        let one = keys(&[0.0]);
        assert!(matches!(cache.put(0, &one, &one), Err(GgufError::Context { tokens: 601, context: 600 })));
        assert!(matches!(cache.put(1, &one, &one), Err(GgufError::Context { .. })));
    }

    #[test]
    fn what_was_put_counts_only_after_advance() {
        let mut cache = cache(10);
        let two = keys(&[8.0, 9.0]);
        cache.put(0, &two, &two).unwrap();
        assert!(cache.is_empty());
        assert_eq!(put(&mut cache, &[1.0]), [1.0]);
        assert!(matches!(cache.put(1, &two, &two), Err(GgufError::Layer { layer: 1, last: 0 })));
    }
}
