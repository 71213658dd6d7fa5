//! Whether the service can take requests, and how its components fare.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Whether receivers listen and pipelines run. It is ready from the moment requests are taken until a shutdown begins.
#[derive(Default)]
pub struct Health {
    state: Mutex<State>,
    components: Mutex<Components>,
}

/// What there is, and who knows how it fares.
#[derive(Clone, Default)]
struct Components {
    pipelines: Arc<[PipelineOutline]>,
    watch: Option<Arc<dyn Faults>>,
}

/// A pipeline and what stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineOutline {
    /// Its id, `traces/web`.
    pub pipeline: String,
    /// Its components, each with its kind: `receiver:otlp`, `processor:batch`.
    pub components: Vec<String>,
}

/// Knows which components do not fare well.
pub trait Faults: Send + Sync {
    /// Each of them by kind and id, as in [`PipelineOutline::components`].
    fn faults(&self) -> BTreeMap<String, ComponentFault>;
}

/// What is wrong with a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentFault {
    /// In words.
    pub what: String,
    /// For how long.
    pub lasted: Duration,
}

/// Where in its life the service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Receivers do not listen yet.
    Starting,
    /// Requests are taken.
    Ready,
    /// A shutdown has begun.
    Ending,
}

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
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn components(&self) -> MutexGuard<'_, Components> {
        self.components
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// These are the pipelines from now on.
    pub fn set_pipelines(&self, pipelines: Vec<PipelineOutline>) {
        self.components().pipelines = pipelines.into();
    }

    /// Asks there how components fare.
    pub fn watch(&self, faults: Arc<dyn Faults>) {
        self.components().watch = Some(faults);
    }

    /// Where in its life the service is.
    pub fn phase(&self) -> Phase {
        match *self.state() {
            State::Starting => Phase::Starting,
            State::Ready { .. } => Phase::Ready,
            State::Ending => Phase::Ending,
        }
    }

    /// The pipelines, and the components that do not fare well.
    pub fn pipelines(&self) -> (Arc<[PipelineOutline]>, BTreeMap<String, ComponentFault>) {
        let Components { pipelines, watch } = self.components().clone();
        let faults = watch.map(|watch| watch.faults());
        (pipelines, faults.unwrap_or_default())
    }

    /// Requests are taken from now on.
    pub fn set_ready(&self) {
        let mut state = self.state();
        if matches!(*state, State::Starting) {
            *state = State::Ready {
                since: Timestamp::now(),
                began: Instant::now(),
            };
        }
    }

    /// A shutdown begins.
    pub fn set_ending(&self) {
        *self.state() = State::Ending;
    }

    /// Since when it has been ready; `None` if it is not.
    pub fn uptime(&self) -> Option<Uptime> {
        match *self.state() {
            State::Ready { since, began } => Some(Uptime {
                since,
                lasted: began.elapsed(),
            }),
            State::Starting | State::Ending => None,
        }
    }
}
