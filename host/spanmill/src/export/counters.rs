//! What an exporter counts, for exposition under the Collector's names.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use spanmill_model::{PerSignal, Signal};

/// Counters of one exporter by signal; `otelcol_exporter_*_spans`, `..._log_records` and `..._metric_points`.
pub type Counters = PerSignal<SignalCounters>;

/// Where an exporter counts what it sends.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    own: Arc<Counters>,
    whole: Option<Whole>,
}

/// The counters of the exporter that another one is a part of.
#[derive(Clone, Debug)]
struct Whole {
    counters: Arc<Counters>,
    /// Whether nobody waits for the part, so that the whole hears of its failures here alone.
    counts_failures: bool,
}

impl Tally {
    /// For an exporter that is a part of one that counts here. `is_awaited` says whether that one waits for its results.
    pub fn of_part(&self, is_awaited: bool) -> Self {
        Tally {
            own: Arc::default(),
            whole: Some(Whole {
                counters: Arc::clone(&self.own),
                counts_failures: !is_awaited,
            }),
        }
    }

    /// Whether another exporter counts what this one sends.
    pub fn is_of_part(&self) -> bool {
        self.whole.is_some()
    }

    /// The exporter's own counters.
    pub fn own(&self) -> &Counters {
        &self.own
    }

    /// Counts items that the other side took.
    pub fn add_sent(&self, signal: Signal, items: u64) {
        self.own.get(signal).add_sent(items);
        if let Some(whole) = &self.whole {
            whole.counters.get(signal).add_sent(items);
        }
    }

    /// Counts items that were dropped after the last attempt.
    pub fn add_send_failed(&self, signal: Signal, items: u64) {
        self.own.get(signal).add_send_failed(items);
        if let Some(whole) = self.whole.as_ref().filter(|whole| whole.counts_failures) {
            whole.counters.get(signal).add_send_failed(items);
        }
    }
}

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

    fn add_sent(&self, items: u64) {
        self.sent.fetch_add(items, Relaxed);
    }

    fn add_send_failed(&self, items: u64) {
        self.send_failed.fetch_add(items, Relaxed);
    }

    pub(super) fn add_enqueue_failed(&self, items: u64) {
        self.enqueue_failed.fetch_add(items, Relaxed);
    }
}
