use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use crate::World;

/// A world that stands still: for tests and for replay.
///
/// The clock shows one instant, `elapsed` advances by one microsecond a reading (so that durations are
/// positive and reproducible), and random numbers follow from a seed (SplitMix64).
#[derive(Debug)]
pub struct FixedWorld {
    now: Timestamp,
    env: BTreeMap<String, String>,
    readings: AtomicU64,
    random: AtomicU64,
}

impl FixedWorld {
    /// A world at `now`, with an empty environment and seed 0.
    pub fn new(now: Timestamp) -> Self {
        Self { now, env: BTreeMap::new(), readings: AtomicU64::new(0), random: AtomicU64::new(0) }
    }

    /// Sets an environment variable of this world.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Seeds the random numbers.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        self.random.store(seed, Ordering::Relaxed);
        self
    }
}

impl World for FixedWorld {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn elapsed(&self) -> Duration {
        Duration::from_micros(self.readings.fetch_add(1, Ordering::Relaxed))
    }

    fn random_u64(&self) -> u64 {
        // SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
        const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
        let state = self.random.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn env(&self, name: &str) -> Option<String> {
        self.env.get(name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let draw = |seed| {
            let world = FixedWorld::new(Timestamp::UNIX_EPOCH).with_seed(seed);
            [world.random_u64(), world.random_u64()]
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert_ne!(draw(7)[0], draw(7)[1]);
    }

    #[test]
    fn the_environment_is_only_what_was_given() {
        let world = FixedWorld::new(Timestamp::UNIX_EPOCH).with_env("A", "1");
        assert_eq!(world.env("A").as_deref(), Some("1"));
        assert_eq!(world.env("PATH"), None);
    }
}
