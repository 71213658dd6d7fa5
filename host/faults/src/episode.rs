//! A state that comes and goes, such as a full queue: logged when it begins and when it ends, not for each request.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often something that goes on is logged again.
const REMINDER: Duration = Duration::from_secs(60);

/// One such state. Inactive at first.
#[derive(Debug, Default)]
pub struct Episode(Mutex<Option<Active>>);

#[derive(Clone, Copy, Debug)]
struct Active {
    since: Instant,
    last: Instant,
    logged: Instant,
    times: u64,
    items: u64,
}

/// What happened in an episode so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// How long it has lasted.
    pub lasted: Duration,
    /// How often it was met.
    pub times: u64,
    /// How many items were concerned; the same items may have come several times.
    pub items: u64,
}

/// What to log when an episode was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// It has just begun.
    Begin,
    /// It still goes on, and was not logged for a minute.
    StillOn(Tally),
    /// Nothing: it was logged.
    Nothing,
}

impl Active {
    fn tally(&self, now: Instant) -> Tally {
        Tally {
            lasted: now.saturating_duration_since(self.since),
            times: self.times,
            items: self.items,
        }
    }
}

impl Episode {
    fn active(&self) -> MutexGuard<'_, Option<Active>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts that the state was met, and begins the episode if it had not begun.
    pub fn meet(&self, items: u64) -> Log {
        self.meet_after(items, Duration::MAX)
    }

    /// As [`Episode::meet`], for a state whose end nobody notices: an episode in which it was not met for `quiet` is over, and
    /// another one begins.
    pub fn meet_after(&self, items: u64, quiet: Duration) -> Log {
        let now = Instant::now();
        let mut slot = self.active();
        let is_over = |active: &Active| now.saturating_duration_since(active.last) >= quiet;
        if slot.as_ref().is_some_and(is_over) {
            *slot = None;
        }
        match &mut *slot {
            Some(active) => {
                active.last = now;
                active.times = active.times.saturating_add(1);
                active.items = active.items.saturating_add(items);
                if now.saturating_duration_since(active.logged) < REMINDER {
                    return Log::Nothing;
                }
                active.logged = now;
                Log::StillOn(active.tally(now))
            }
            None => {
                *slot = Some(Active {
                    since: now,
                    last: now,
                    logged: now,
                    times: 1,
                    items,
                });
                Log::Begin
            }
        }
    }

    /// Ends the episode. Returns what happened in it, or `None` if there was none.
    pub fn end(&self) -> Option<Tally> {
        let ended = self.active().take()?;
        Some(ended.tally(Instant::now()))
    }

    /// For how long it has gone on; `None` if it does not.
    pub fn lasted(&self) -> Option<Duration> {
        let active = *self.active();
        active.map(|active| active.tally(Instant::now()).lasted)
    }

    /// Whether it goes on.
    pub fn is_on(&self) -> bool {
        self.active().is_some()
    }
}

/// Something that may happen again and again, and is logged at most once in a while.
#[derive(Debug, Default)]
pub struct Throttle(Mutex<Option<Logged>>);

#[derive(Clone, Copy, Debug)]
struct Logged {
    at: Instant,
    unlogged: u64,
}

/// Between two log lines of the same kind.
const QUIET: Duration = Duration::from_secs(10);

impl Throttle {
    /// Counts one more. Returns how many were not logged since the last that was, if this one is to be.
    pub fn meet(&self) -> Option<u64> {
        let now = Instant::now();
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *slot {
            Some(logged) if now.saturating_duration_since(logged.at) < QUIET => {
                logged.unlogged = logged.unlogged.saturating_add(1);
                None
            }
            logged => {
                let unlogged = logged.map_or(0, |logged| logged.unlogged);
                *logged = Some(Logged {
                    at: now,
                    unlogged: 0,
                });
                Some(unlogged)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_episode_is_logged_when_it_begins_each_minute_and_when_it_ends() {
        let episode = Episode::default();
        assert_eq!(episode.end(), None);
        assert_eq!(episode.meet(5), Log::Begin);
        assert_eq!(episode.meet(5), Log::Nothing);
        assert!(episode.is_on());
        tokio::time::advance(REMINDER).await;
        let tally = |times, items| Tally {
            lasted: REMINDER,
            times,
            items,
        };
        assert_eq!(episode.meet(1), Log::StillOn(tally(3, 11)));
        assert_eq!(episode.meet(1), Log::Nothing);
        assert_eq!(episode.end(), Some(tally(4, 12)));
        assert!(!episode.is_on());
        assert_eq!(episode.meet(1), Log::Begin);
    }

    #[tokio::test(start_paused = true)]
    async fn an_episode_without_an_end_is_over_after_a_while() {
        let episode = Episode::default();
        let quiet = REMINDER * 2;
        assert_eq!(episode.meet_after(1, quiet), Log::Begin);
        tokio::time::advance(REMINDER).await;
        assert!(matches!(episode.meet_after(1, quiet), Log::StillOn(_)));
        tokio::time::advance(quiet).await;
        assert_eq!(episode.meet_after(1, quiet), Log::Begin);
    }

    #[tokio::test(start_paused = true)]
    async fn what_happens_often_is_logged_once_in_a_while_with_what_was_not() {
        let throttle = Throttle::default();
        assert_eq!(throttle.meet(), Some(0));
        assert_eq!(throttle.meet(), None);
        assert_eq!(throttle.meet(), None);
        tokio::time::advance(QUIET).await;
        assert_eq!(throttle.meet(), Some(2));
        assert_eq!(throttle.meet(), None);
    }
}
