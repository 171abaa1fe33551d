use candle_core::{Device, Tensor};
use candle_nn::rotary_emb::rope;

use super::{GgufError, Qwen2Config};

/// Rotary position embedding: Su et al., "RoFormer: enhanced transformer with rotary position embedding", 2021. The
/// first half of a head's numbers is rotated against the second.
#[derive(Debug)]
pub(crate) struct Rope {
    /// [context, head width / 2]
    cosines: Tensor,
    sines: Tensor,
}

impl Rope {
    /// The angles of the first `context` positions.
    pub(crate) fn new(config: &Qwen2Config, context: usize) -> Result<Self, GgufError> {
        let half = config.head_width / 2;
        let wave = |pair: usize| config.rope_base.powf(-(pair as f64) / half as f64);
        let waves: Vec<f64> = (0..half).map(wave).collect();
        let table = |f: fn(f64) -> f64| {
            let angles = (0..context).flat_map(|position| waves.iter().map(move |w| position as f64 * w));
            Tensor::from_vec(angles.map(|angle| f(angle) as f32).collect(), (context, half), &Device::Cpu)
        };
        Ok(Self { cosines: table(f64::cos)?, sines: table(f64::sin)? })
    }

    /// Rotates heads, [heads, n, head width], of tokens from `position` on.
    pub(crate) fn rotate(&self, heads: &Tensor, position: usize) -> Result<Tensor, GgufError> {
        let tokens = heads.dim(1)?;
        let cosines = self.cosines.narrow(0, position, tokens)?;
        let sines = self.sines.narrow(0, position, tokens)?;
        Ok(rope(&heads.unsqueeze(0)?.contiguous()?, &cosines, &sines)?.squeeze(0)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_depend_on_the_distance_alone() {
        let config = Qwen2Config {
            layers: 1,
            width: 8,
            feed_forward: 8,
            heads: 1,
            kv_heads: 1,
            head_width: 8,
            vocabulary: 1,
            context: 64,
            rope_base: 10_000.0,
            epsilon: 1e-6,
        };
        let rope = Rope::new(&config, 64).unwrap();
        let vector = |values: [f32; 8]| Tensor::from_slice(&values, (1, 1, 8), &Device::Cpu).unwrap();
        let a = vector([0.3, -1.0, 0.5, 2.0, -0.7, 0.1, 0.9, -0.2]);
        let b = vector([1.1, 0.4, -0.6, 0.8, 0.2, -1.3, 0.5, 0.7]);
        let score = |at: usize, other: usize| {
            let product = rope.rotate(&a, at).unwrap() * rope.rotate(&b, other).unwrap();
            product.unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap()
        };
        assert!((score(7, 3) - score(44, 40)).abs() < 1e-4);
        assert!((score(0, 0) - score(63, 63)).abs() < 1e-4);
        assert!((score(7, 3) - score(8, 3)).abs() > 1e-3);
    }
}
