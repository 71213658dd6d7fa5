//! What was accepted and not delivered: counted by component and reason from start to end, and reported in the last
//! line of the log.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use spanmill_model::{PerSignal, Signal};

/// Why something that was accepted was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The backend refused the batch, and would refuse it again.
    Refused,
    /// The backend took the batch and rejected these items of it (OTLP's partial success).
    Rejected,
    /// The backend took none of the attempts that `retry_on_failure` allows.
    RetriesOver,
    /// The queue behind a `batch` processor or a connector had no room for too long.
    NoRoom,
    /// A plugin failed on it, and nobody could be told.
    PluginFailed,
    /// A plugin failed on it, and the manifest says `on_error: drop`.
    DroppedOnError,
    /// The process had to end first.
    ShutDown,
    /// A defect of the host's.
    Internal,
}

impl Reason {
    /// Whether the manifest asks for it: then it is reported, and not an error.
    pub fn is_asked_for(self) -> bool {
        self == Reason::DroppedOnError
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Refused => "refused by the backend",
            Reason::Rejected => "rejected by the backend in batches that it took",
            Reason::RetriesOver => "not taken within the time for retries",
            Reason::NoRoom => "no room for too long",
            Reason::PluginFailed => "a plugin failed on them",
            Reason::DroppedOnError => "a plugin failed on them; on_error: drop",
            Reason::ShutDown => "still held when the process had to end",
            Reason::Internal => "an internal error",
        })
    }
}

/// Some items that were lost for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The component that could not pass them on: its role and id.
    pub component: String,
    /// What they were.
    pub signal: Signal,
    /// Why.
    pub reason: Reason,
    /// How many.
    pub items: u64,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.signal.items();
        write!(
            f,
            "{}: {} {what} ({})",
            self.component, self.items, self.reason
        )
    }
}

/// Something that holds what was accepted and not yet delivered.
pub(crate) trait Holds: Send + Sync {
    /// The component: its role and id.
    fn component(&self) -> String;

    /// How much it holds of each signal.
    fn held(&self) -> PerSignal<u64>;
}

#[derive(Default)]
struct State {
    counts: BTreeMap<(String, Signal, Reason), u64>,
    holders: Vec<Weak<dyn Holds>>,
}

/// Counts losses. Clones count into the same place.
#[derive(Clone, Default)]
pub struct Losses(Arc<Mutex<State>>);

impl fmt::Debug for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.report()).finish()
    }
}

impl Losses {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what holds telemetry, for [`Losses::report_of_all`].
    pub(crate) fn watch(&self, holder: &Arc<impl Holds + 'static>) {
        let holder: Arc<dyn Holds> = Arc::clone(holder) as _;
        let mut state = self.state();
        state.holders.retain(|known| known.strong_count() > 0);
        state.holders.push(Arc::downgrade(&holder));
    }

    /// As [`Losses::report`], with what is held at the moment: it is lost if the process ends now.
    pub fn report_of_all(&self) -> Vec<Loss> {
        let holders: Vec<_> = {
            let state = self.state();
            state.holders.iter().filter_map(Weak::upgrade).collect()
        };
        let mut losses = self.report();
        for holder in &holders {
            let held = holder.held();
            for (signal, items) in held.iter().filter(|(_, items)| **items > 0) {
                losses.push(Loss {
                    component: holder.component(),
                    signal,
                    reason: Reason::ShutDown,
                    items: *items,
                });
            }
        }
        losses
    }

    /// Counts items that a component could not pass on.
    pub fn add(&self, component: impl fmt::Display, signal: Signal, reason: Reason, items: u64) {
        if items > 0 {
            let key = (component.to_string(), signal, reason);
            let mut state = self.state();
            let count = state.counts.entry(key).or_default();
            *count = count.saturating_add(items);
        }
    }

    /// Every loss so far, by component.
    pub fn report(&self) -> Vec<Loss> {
        let state = self.state();
        let losses = state
            .counts
            .iter()
            .map(|((component, signal, reason), items)| Loss {
                component: component.clone(),
                signal: *signal,
                reason: *reason,
                items: *items,
            });
        losses.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_add_up_by_component_and_reason() {
        let losses = Losses::default();
        let same = losses.clone();
        losses.add("exporter otlp", Signal::Traces, Reason::Refused, 2);
        same.add("exporter otlp", Signal::Traces, Reason::Refused, 3);
        same.add("exporter otlp", Signal::Metrics, Reason::ShutDown, 1);
        same.add("exporter otlp", Signal::Traces, Reason::ShutDown, 0);
        let lines: Vec<String> = losses.report().iter().map(Loss::to_string).collect();
        assert_eq!(
            lines,
            [
                "exporter otlp: 5 spans (refused by the backend)",
                "exporter otlp: 1 data points (still held when the process had to end)",
            ]
        );
    }
}
