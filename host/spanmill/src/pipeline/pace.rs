//! How fast requests come.
//!
//! Where they come one by one, the thread that has received one runs it: to wake a worker costs more than a small request does. Where
//! they come fast, workers run them, since what waits for a worker shares a batch.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// With this much time between two requests, they come one by one.
const APART: Duration = Duration::from_micros(200);
/// Longer pauses say no more than this.
const LONGEST: Duration = Duration::from_millis(1);

/// The time between two requests of a receiver, smoothed.
#[derive(Debug)]
pub(super) struct Pace {
    since: Instant,
    /// When the last request came, in ns since then.
    last: AtomicU64,
    /// The time between two, in ns.
    gap: AtomicU64,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            since: Instant::now(),
            last: AtomicU64::new(0),
            gap: AtomicU64::new(0),
        }
    }
}

impl Pace {
    /// Notes that a request has come; returns whether they come one by one. Of two that come at once, one may be missed.
    pub(super) fn note(&self, now: Instant) -> bool {
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let now = nanos(now.saturating_duration_since(self.since));
        let last = self.last.swap(now, Relaxed);
        let passed = now.saturating_sub(last).min(nanos(LONGEST));
        let gap = self.gap.load(Relaxed);
        let gap = gap - gap / 16 + passed / 16;
        self.gap.store(gap, Relaxed);
        gap >= nanos(APART)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_come_fast_do_not_come_one_by_one() {
        let pace = Pace::default();
        let mut now = pace.since;
        let mut come = |every: u64, times: usize| {
            let each = (0..times).map(|_| {
                now += Duration::from_micros(every);
                pace.note(now)
            });
            each.collect::<Vec<bool>>()
        };
        // Nothing is known at first.
        assert_eq!(come(500, 1), [false]);
        assert!(come(500, 20)[19]);
        assert!(!come(100, 60)[59]);
        // One pause says little, however long it is.
        assert_eq!(come(60_000_000, 1), [false]);
        assert_eq!(come(50, 1), [false]);
        assert!(come(1_000_000, 5)[4]);
    }
}
