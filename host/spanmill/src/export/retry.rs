//! How long to wait before the next attempt: exponential backoff with jitter, as the Collector's.

use std::time::Duration;

use rand::Rng as _;
use tokio::time::Instant;

use crate::config::Retry;

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

    /// The pause before the next attempt, at least as long as the other side asks; `None`: give up.
    pub fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        if !self.settings.enabled {
            return None;
        }
        let spread = self.settings.randomization_factor.clamp(0.0, 1.0);
        let factor = rand::rng().random_range(1.0 - spread..=1.0 + spread);
        let pause = scale(self.interval, factor).max(asked.unwrap_or_default());
        self.interval =
            scale(self.interval, self.settings.multiplier).min(self.settings.max_interval);
        let limit = self.settings.max_elapsed_time;
        if !limit.is_zero() && self.started.elapsed().saturating_add(pause) > limit {
            return None;
        }
        Some(pause)
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
        assert_eq!(backoff.next(Some(Duration::from_secs(301))), None);
        let off = Retry {
            enabled: false,
            ..Retry::default()
        };
        assert_eq!(Backoff::new(&off).next(None), None);
    }
}
