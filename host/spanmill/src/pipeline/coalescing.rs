//! Whether requests of a receiver may share batches now: not for a moment after such a batch has failed.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How long no requests share a batch after one has failed.
const PAUSE: Duration = Duration::from_millis(100);

/// Whether requests of a receiver may share batches now.
#[derive(Debug)]
pub(super) struct Coalescing {
    since: Instant,
    /// When they may again, in ms since then.
    paused_until: AtomicU64,
}

impl Default for Coalescing {
    fn default() -> Self {
        Coalescing {
            since: Instant::now(),
            paused_until: AtomicU64::new(0),
        }
    }
}

impl Coalescing {
    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn is_on(&self) -> bool {
        let until = self.paused_until.load(Relaxed);
        until == 0 || until <= self.now()
    }

    /// Lets requests run one by one for a moment, after a batch that several shared has failed.
    pub(super) fn pause(&self) {
        let pause = u64::try_from(PAUSE.as_millis()).unwrap_or(u64::MAX);
        let until = self.now().saturating_add(pause);
        self.paused_until.store(until, Relaxed);
    }
}

#[cfg(test)]
mod tests;
