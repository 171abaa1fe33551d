use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::World;

/// The machine as it is.
#[derive(Debug)]
pub struct RealWorld {
    started: Instant,
}

impl RealWorld {
    /// Starts the monotonic clock.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for RealWorld {
    fn default() -> Self {
        Self::new()
    }
}

impl World for RealWorld {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn random_u64(&self) -> u64 {
        // `RandomState` is keyed from the operating system's generator; each new one differs.
        RandomState::new().build_hasher().finish()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}
