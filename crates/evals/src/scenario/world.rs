//! Where a scenario runs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use segue_world::{FixedWorld, Timestamp, World};

/// The date of scenarios that do not say one, so that “last year” means the same every year.
const NOW: &str = "2026-01-31T12:00:00Z";

/// A world in which it is always the same date and chance always falls the same way; only durations are real.
#[derive(Debug)]
pub(super) struct ScenarioWorld {
    real: Arc<dyn World>,
    chance: FixedWorld,
    now: Mutex<Timestamp>,
}

impl ScenarioWorld {
    pub(super) fn new(real: Arc<dyn World>, now: Option<Timestamp>) -> Self {
        let world = Self {
            real,
            chance: FixedWorld::new(Timestamp::UNIX_EPOCH),
            now: Mutex::new(Timestamp::UNIX_EPOCH),
        };
        world.set(now);
        world
    }

    /// Sets the date; the usual one if none is given.
    pub(super) fn set(&self, now: Option<Timestamp>) {
        let usual = || NOW.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now.unwrap_or_else(usual);
    }
}

impl World for ScenarioWorld {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn elapsed(&self) -> Duration {
        self.real.elapsed()
    }

    fn random_u64(&self) -> u64 {
        self.chance.random_u64()
    }

    fn env(&self, _: &str) -> Option<String> {
        None
    }
}
