use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// Random numbers that follow from a seed, the same on every machine (PCG XSL RR 128/64; O'Neill 2014).
pub(super) struct Generator(Pcg64);

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Self(Pcg64::seed_from_u64(seed))
    }

    /// `n` of the elements, drawn with replacement.
    pub(super) fn resample<'a, C>(&mut self, from: &'a [C], to: &mut Vec<&'a C>) {
        to.clear();
        // 32 bits, so that what is drawn does not depend on the width of a pointer.
        let count = u32::try_from(from.len()).unwrap_or(u32::MAX);
        to.extend((0..count).filter_map(|_| from.get(self.0.random_range(0..count) as usize)));
    }

    pub(super) fn coin(&mut self) -> bool {
        self.0.random_bool(0.5)
    }
}
