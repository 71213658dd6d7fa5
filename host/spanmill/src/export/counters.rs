//! What an exporter counts, for exposition under the Collector's names.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use spanmill_model::PerSignal;

/// Counters of one exporter by signal; `otelcol_exporter_*_spans`, `..._log_records` and `..._metric_points`.
pub type Counters = PerSignal<SignalCounters>;

/// Items of one signal, since the start.
#[derive(Debug, Default)]
pub struct SignalCounters {
    sent: AtomicU64,
    send_failed: AtomicU64,
    enqueue_failed: AtomicU64,
}

impl SignalCounters {
    /// `sent`: taken by the other side.
    pub fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// `send_failed`: dropped after the last attempt.
    pub fn send_failed(&self) -> u64 {
        self.send_failed.load(Relaxed)
    }

    /// `enqueue_failed`: refused, because the queue was full.
    pub fn enqueue_failed(&self) -> u64 {
        self.enqueue_failed.load(Relaxed)
    }

    pub(super) fn add_sent(&self, items: u64) {
        self.sent.fetch_add(items, Relaxed);
    }

    pub(super) fn add_send_failed(&self, items: u64) {
        self.send_failed.fetch_add(items, Relaxed);
    }

    pub(super) fn add_enqueue_failed(&self, items: u64) {
        self.enqueue_failed.fetch_add(items, Relaxed);
    }
}
