//! An instance of a plugin in its chain.

use std::sync::Arc;

use spanmill_runtime::{Fault, Slot, Snapshot};

use crate::config::ComponentId;
use crate::episode::Throttle;
use crate::metrics::Recorder;
use crate::pipeline::stats::{Gauge, Stats};

/// An instance, and for a connector what its numbers mean.
pub struct StageInstance {
    pub(in crate::pipeline) slot: Slot,
    pub(in crate::pipeline) recorder: Option<Recorder>,
    pub(super) stats: Arc<Stats>,
    pub(super) gauge: Arc<Gauge>,
    /// Of the log lines on its faults.
    faults: Throttle,
    /// Another instance has run in its place meanwhile: it does not know of all rows that are held.
    pub(super) forgot_held: bool,
}

impl StageInstance {
    /// What the instance knows of earlier batches, for another version's.
    pub(in crate::pipeline) fn snapshot(&mut self) -> Result<Option<Snapshot>, Fault> {
        let snapshot = self.slot.snapshot();
        if let Err(fault) = &snapshot {
            self.stats.fault(fault);
            self.gauge.set(&self.slot);
        }
        snapshot
    }

    /// Takes over what another version's instance knew.
    pub(in crate::pipeline) fn restore(&mut self, snapshot: &Snapshot) -> Result<bool, Fault> {
        self.slot.restore(snapshot)
    }

    /// Makes the instance if there is none yet.
    pub(in crate::pipeline) fn warm(&mut self) -> Result<(), Fault> {
        let warmed = self.slot.warm();
        self.gauge.set(&self.slot);
        warmed
    }

    /// An instance in its chain. `recorder` is for connectors.
    pub fn new(slot: Slot, recorder: Option<Recorder>, stats: &Arc<Stats>) -> Self {
        let gauge = stats.instance();
        gauge.set(&slot);
        StageInstance {
            slot,
            recorder,
            stats: Arc::clone(stats),
            gauge,
            faults: Throttle::default(),
            forgot_held: false,
        }
    }

    /// Counts what the instance said and takes since it was last asked.
    pub(super) fn note(&mut self) {
        self.stats.take(&mut self.slot);
        self.gauge.set(&self.slot);
    }

    /// Logs what failed and what becomes of it, once in a while. A plugin in quarantine was logged when it failed.
    pub(super) fn log_fault(
        &self,
        id: &ComponentId,
        fault: &Fault,
        items: Option<usize>,
        then: &str,
    ) {
        let faults = match fault {
            Fault::Quarantined(_) => None,
            _ => self.faults.meet(),
        };
        let spans = items;
        match faults {
            Some(0) => tracing::warn!(plugin = %id, %fault, spans, "plugin fault; {then}"),
            Some(unlogged) => {
                tracing::warn!(plugin = %id, %fault, spans, unlogged, "plugin fault, after {unlogged} that were not logged; {then}")
            }
            None => tracing::debug!(plugin = %id, %fault, spans, "plugin fault; {then}"),
        }
    }
}
