//! Whether the service can take requests.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Whether receivers listen and pipelines run. It is ready from the moment requests are taken until a shutdown begins.
#[derive(Debug, Default)]
pub struct Health(Mutex<State>);

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Starting,
    Ready {
        /// Since when, by the clock that people read.
        since: Timestamp,
        /// The same, by the clock that only goes forward.
        began: Instant,
    },
    Ending,
}

/// Since when a service has been ready, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uptime {
    /// Since when.
    pub since: Timestamp,
    /// For how long.
    pub lasted: Duration,
}

impl Health {
    /// Requests are taken from now on.
    pub fn set_ready(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Starting) {
            *state = State::Ready {
                since: Timestamp::now(),
                began: Instant::now(),
            };
        }
    }

    /// A shutdown begins.
    pub fn set_ending(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = State::Ending;
    }

    /// Since when it has been ready; `None` if it is not.
    pub fn uptime(&self) -> Option<Uptime> {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Ready { since, began } => Some(Uptime {
                since,
                lasted: began.elapsed(),
            }),
            State::Starting | State::Ending => None,
        }
    }
}
