//! How much waits at an exporter.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Payload;
use spanmill_model::PerSignal;

/// Items in the queue or on their way from it.
#[derive(Debug, Default)]
pub(super) struct PendingItems(PerSignal<AtomicU64>);

impl PendingItems {
    /// A batch has come.
    pub fn add(&self, payload: &Payload) {
        self.0.get(payload.signal).fetch_add(payload.items, Relaxed);
    }

    /// A batch is done with.
    pub fn remove(&self, payload: &Payload) {
        self.0.get(payload.signal).fetch_sub(payload.items, Relaxed);
    }

    /// Items of each signal.
    pub fn by_signal(&self) -> PerSignal<u64> {
        PerSignal::new(|signal| self.0.get(signal).load(Relaxed))
    }

    /// Items of all signals.
    pub fn total(&self) -> u64 {
        self.by_signal()
            .iter()
            .fold(0, |total, (_, items)| total.saturating_add(*items))
    }
}
