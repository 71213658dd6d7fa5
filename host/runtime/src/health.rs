//! How a plugin fares, over all of its instances: what tells a batch that it cannot process from a plugin that is broken.
//!
//! A guest has no clock, no random numbers and no files, so a new instance makes of a batch what any other new instance
//! would. When a batch fails on a new one, and others went well a moment ago, the batch is at fault: it would fail again.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// A plugin that answered well within this time is well ...
const MEMORY: Duration = Duration::from_secs(10);
/// ... unless so many batches have failed since.
const FAILURES: u32 = 16;

/// The health of one version of a component.
#[derive(Debug, Default)]
pub struct Health {
    /// When a batch last went well, in ms since this process first asked; 0: never.
    last_success: AtomicU64,
    failures: AtomicU32,
}

fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed().as_millis();
    u64::try_from(elapsed).unwrap_or(u64::MAX).saturating_add(1)
}

impl Health {
    /// A batch went well.
    pub(crate) fn succeeded(&self) {
        self.last_success.store(now(), Relaxed);
        self.failures.store(0, Relaxed);
    }

    /// A batch failed on an instance that was of no more use then.
    pub(crate) fn failed(&self) {
        // Saturates: what matters is whether there are many.
        let _ = self
            .failures
            .fetch_update(Relaxed, Relaxed, |failures| failures.checked_add(1));
    }

    /// Whether the plugin processes ordinary batches well, as far as is known.
    pub fn is_well(&self) -> bool {
        let last = self.last_success.load(Relaxed);
        let age = u128::from(now().saturating_sub(last));
        last > 0 && age <= MEMORY.as_millis() && self.failures.load(Relaxed) < FAILURES
    }

    /// How many failures there were beyond those that do not count while it is well.
    pub(crate) fn failures_that_count(&self, in_a_row: u32) -> u32 {
        match self.last_success.load(Relaxed) {
            0 => in_a_row,
            _ if self.is_well() => 0,
            _ => in_a_row.min(self.failures.load(Relaxed).saturating_sub(FAILURES / 2)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_count_once_nothing_else_goes_well() {
        let health = Health::default();
        assert!(!health.is_well());
        assert_eq!(health.failures_that_count(2), 2);
        health.succeeded();
        for _ in 1..FAILURES {
            health.failed();
            assert!(health.is_well());
            assert_eq!(health.failures_that_count(5), 0);
        }
        health.failed();
        assert!(!health.is_well());
        assert_eq!(health.failures_that_count(5), 5);
        health.succeeded();
        assert!(health.is_well());
    }
}
