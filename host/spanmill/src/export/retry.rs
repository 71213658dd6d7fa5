//! How long to wait before the next attempt: exponential backoff with jitter, as the Collector's.

use std::time::Duration;

use rand::Rng as _;
use tokio::time::Instant;

use crate::export::settings::Retry;

/// No backend makes a batch wait longer, whatever it asks for.
pub(crate) const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// The attempts for one batch.
#[derive(Debug)]
pub(super) struct Backoff<'a> {
    settings: &'a Retry,
    interval: Duration,
    started: Instant,
}

impl<'a> Backoff<'a> {
    pub fn new(settings: &'a Retry) -> Self {
        Self {
            settings,
            interval: settings.initial_interval,
            started: Instant::now(),
        }
    }

    /// The pause before the next attempt, at least as long as the backend asks; `None` if there is to be none.
    ///
    /// A backend that asks to wait beyond `max_elapsed_time` is tried once more when that is over.
    pub fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        if !self.settings.enabled {
            return None;
        }
        let spread = self.settings.randomization_factor.clamp(0.0, 1.0);
        let factor = rand::rng().random_range(1.0 - spread..=1.0 + spread);
        let own = scale(self.interval, factor).min(LONGEST_ASKED.max(self.settings.max_interval));
        self.interval =
            scale(self.interval, self.settings.multiplier).min(self.settings.max_interval);
        let asked = asked.map(|asked| asked.min(LONGEST_ASKED));
        let pause = own.max(asked.unwrap_or_default());
        let limit = self.settings.max_elapsed_time;
        if limit.is_zero() {
            return Some(pause);
        }
        let left = limit.saturating_sub(self.started.elapsed());
        if left.is_zero() {
            return None;
        }
        if pause <= left {
            return Some(pause);
        }
        asked.is_some().then_some(left)
    }
}

fn scale(duration: Duration, factor: f64) -> Duration {
    // Only absurd settings overflow; then the cap of the interval holds.
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn grows_jitters_and_ends() {
        let settings = Retry {
            max_elapsed_time: Duration::from_secs(60),
            ..Retry::default()
        };
        let mut backoff = Backoff::new(&settings);
        let mut expected = 5.0;
        let mut pauses = 0;
        while let Some(pause) = backoff.next(None) {
            let pause_seconds = pause.as_secs_f64();
            assert!(
                (expected * 0.5..=expected * 1.5).contains(&pause_seconds),
                "{pause:?}"
            );
            expected = f64::min(expected * 1.5, 30.0);
            tokio::time::advance(pause).await;
            pauses += 1;
        }
        assert!((3..=12).contains(&pauses), "{pauses}");
    }

    #[tokio::test(start_paused = true)]
    async fn waits_as_long_as_asked() {
        let settings = Retry::default();
        let mut backoff = Backoff::new(&settings);
        assert_eq!(
            backoff.next(Some(Duration::from_secs(100))),
            Some(Duration::from_secs(100))
        );
        tokio::time::advance(Duration::from_secs(100)).await;
        // Beyond the time for retries: once more at its end.
        let absurd = Some(Duration::from_secs(u64::MAX));
        assert_eq!(backoff.next(absurd), Some(Duration::from_secs(200)));
        tokio::time::advance(Duration::from_secs(200)).await;
        assert_eq!(backoff.next(absurd), None);
        let endless = Retry {
            max_elapsed_time: Duration::ZERO,
            ..Retry::default()
        };
        assert_eq!(Backoff::new(&endless).next(absurd), Some(LONGEST_ASKED));
        let off = Retry {
            enabled: false,
            ..Retry::default()
        };
        assert_eq!(Backoff::new(&off).next(None), None);
    }
}
