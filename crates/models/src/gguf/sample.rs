use toktrie::SimpleVob;

/// How the next token is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// 0 for the likeliest token each time; 1 for the model's own distribution; in between, more of the likely.
    pub temperature: f32,
    /// Only the likeliest tokens that have so much of the probability together.
    pub top_p: f32,
    /// Where the random numbers begin; `None` for the model's own seed.
    pub seed: Option<u64>,
}

impl Default for Sampling {
    /// The likeliest token each time.
    fn default() -> Self {
        Self { temperature: 0.0, top_p: 1.0, seed: None }
    }
}

/// Chooses tokens.
#[derive(Debug)]
pub(crate) struct Sampler {
    temperature: f32,
    top_p: f32,
    random: u64,
}

impl Sampler {
    pub(crate) fn new(sampling: Sampling, seed: u64) -> Self {
        Self {
            temperature: sampling.temperature,
            top_p: sampling.top_p,
            random: sampling.seed.unwrap_or(seed),
        }
    }

    /// One of the tokens, or of those allowed; `None` if there is none. Equal logits: the lower number.
    pub(crate) fn choose(&mut self, logits: &[f32], allowed: Option<&SimpleVob>) -> Option<u32> {
        let may =
            |token: u32| allowed.is_none_or(|set| (token as usize) < set.len() && set.is_allowed(token));
        let mut tokens: Vec<(u32, f32)> =
            (0_u32..).zip(logits.iter().copied()).filter(|&(token, x)| x.is_finite() && may(token)).collect();
        let best = tokens.iter().copied().reduce(|best, next| if next.1 > best.1 { next } else { best })?;
        if self.temperature <= 0.0 || !self.temperature.is_finite() {
            return Some(best.0);
        }
        for (_, x) in &mut tokens {
            *x = ((*x - best.1) / self.temperature).exp();
        }
        if self.top_p < 1.0 {
            keep(&mut tokens, self.top_p);
        }
        let total: f64 = tokens.iter().map(|&(_, x)| f64::from(x)).sum();
        let mut left = self.uniform() * total;
        let drawn = tokens.iter().find(|&&(_, x)| {
            left -= f64::from(x);
            left < 0.0
        });
        Some(drawn.or(tokens.last()).map_or(best.0, |&(token, _)| token))
    }

    /// A number from 0 to 1, without 1. SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number
    /// generators", 2014.
    fn uniform(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Keeps the likeliest that have `share` of the whole together, at least one. Holtzman et al., "The curious case of
/// neural text degeneration", 2019.
fn keep(tokens: &mut Vec<(u32, f32)>, share: f32) {
    tokens.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut left = tokens.iter().map(|&(_, x)| f64::from(x)).sum::<f64>() * f64::from(share);
    let kept = tokens.iter().take_while(|&&(_, x)| {
        let more = left > 0.0;
        left -= f64::from(x);
        more
    });
    let kept = kept.count().max(1);
    tokens.truncate(kept);
}

/// Natural logarithms of probabilities: `logits` less this.
pub(crate) fn log_total(logits: &[f32]) -> f32 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    most + logits.iter().map(|x| f64::from((x - most).exp())).sum::<f64>().ln() as f32
}

/// The `count` largest numbers with their places, the largest first.
pub(crate) fn largest(numbers: &[f32], count: usize) -> Vec<(u32, f32)> {
    let mut best: Vec<(u32, f32)> = Vec::with_capacity(count + 1);
    for (place, &x) in (0_u32..).zip(numbers) {
        if best.len() < count || best.last().is_some_and(|last| x > last.1) {
            let at = best.partition_point(|other| other.1 >= x);
            best.insert(at, (place, x));
            best.truncate(count);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampler(temperature: f32, top_p: f32) -> Sampler {
        Sampler::new(Sampling { temperature, top_p, seed: None }, 7)
    }

    fn counts(mut sampler: Sampler, logits: &[f32]) -> Vec<usize> {
        let mut counts = vec![0; logits.len()];
        for _ in 0..4000 {
            counts[sampler.choose(logits, None).unwrap() as usize] += 1;
        }
        counts
    }

    #[test]
    fn the_likeliest_without_temperature() {
        assert_eq!(sampler(0.0, 1.0).choose(&[0.5, 2.0, 2.0, f32::NAN], None), Some(1));
        let mut allowed = SimpleVob::alloc(4);
        assert_eq!(sampler(1.0, 1.0).choose(&[0.5, 2.0, 2.0, 1.0], Some(&allowed)), None);
        allowed.allow_token(3);
        assert_eq!(sampler(0.0, 1.0).choose(&[0.5, 2.0, 2.0, 1.0, 9.0], Some(&allowed)), Some(3));
    }

    #[test]
    fn as_often_as_it_is_likely() {
        let logits = [0.5_f32.ln(), 0.3_f32.ln(), 0.2_f32.ln()];
        let seen = counts(sampler(1.0, 1.0), &logits);
        assert!(seen.iter().zip([2000, 1200, 800]).all(|(&n, m)| n.abs_diff(m) < 150), "{seen:?}");
        let cold = counts(sampler(0.5, 1.0), &logits);
        assert!(cold[0].abs_diff(4000 * 25 / 38) < 150, "{cold:?}");
        let seen = counts(sampler(1.0, 0.6), &logits);
        assert!(seen[2] == 0 && seen[1] > 0, "{seen:?}");
        assert_eq!(counts(sampler(1.0, 0.0), &logits), [4000, 0, 0]);
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let draw = |seed| {
            let mut sampler = Sampler::new(Sampling { temperature: 1.0, top_p: 1.0, seed }, 1);
            (0..20).map(|_| sampler.choose(&[0.0; 50], None).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(draw(Some(3)), draw(Some(3)));
        assert_eq!(draw(Some(1)), draw(None));
        assert_ne!(draw(Some(3)), draw(None));
    }

    #[test]
    fn logarithms_and_the_largest() {
        let logits = [1.0, 3.0, 2.0, 3.0];
        let total = log_total(&logits);
        assert!((logits.iter().map(|x| (x - total).exp()).sum::<f32>() - 1.0).abs() < 1e-6);
        assert_eq!(largest(&logits, 3), [(1, 3.0), (3, 3.0), (2, 2.0)]);
        assert_eq!((largest(&logits, 0).len(), largest(&logits, 9).len()), (0, 4));
    }
}
