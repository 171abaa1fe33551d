//! What made-up catalogues are made of.

/// Numbers that look random and are the same every time (Knuth's MMIX generator).
#[derive(Debug, Clone)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

pub(crate) const WORDS: &[&str] =
    &["sea", "storm", "quiet", "café", "running", "house", "river", "Élan", "night", "garden", "the", "a"];
pub(crate) const TAGS: &[&str] = &["Red", "Blue", "Green", "Déjà vu", "Deep Blue", "Grey"];
