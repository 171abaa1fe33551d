use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use segue_world::{FixedWorld, Timestamp, World};

/// The world of a turn that is replayed: it stands at the date of the trace, and its clock shows when what was last
/// played had happened, so that budgets run out where they did.
#[derive(Debug, Clone)]
pub(super) struct TraceWorld {
    fixed: Arc<FixedWorld>,
    outside: Arc<dyn World>,
    clock: Arc<AtomicU64>,
}

impl TraceWorld {
    /// At this moment; the environment is that of `outside`.
    pub(super) fn at(now: Timestamp, outside: Arc<dyn World>) -> Self {
        Self { fixed: Arc::new(FixedWorld::new(now)), outside, clock: Arc::default() }
    }

    /// Moves the clock to so many milliseconds after the turn's beginning; it never goes back.
    pub(super) fn show(&self, ms: f64) {
        let elapsed = Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default();
        self.clock.fetch_max(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl World for TraceWorld {
    fn now(&self) -> Timestamp {
        self.fixed.now()
    }

    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.clock.load(Ordering::Relaxed))
    }

    fn random_u64(&self) -> u64 {
        self.fixed.random_u64()
    }

    fn env(&self, name: &str) -> Option<String> {
        self.outside.env(name)
    }
}
