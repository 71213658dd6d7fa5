//! The running exporters, for reports.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use spanmill_admin::{ExporterStatus, QueueStatus, SignalStatus};

use super::queue::Queue;
use super::sender::Sender;
use crate::export::settings::Sizer;

/// Knows the exporters without keeping them. Clones are the same registry.
#[derive(Clone, Debug, Default)]
pub struct Registry(Arc<Mutex<Vec<Entry>>>);

struct Entry {
    sender: Weak<Sender>,
    queue: Option<Weak<Queue>>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sender = self.sender.upgrade();
        f.debug_tuple("Entry")
            .field(&sender.map(|sender| sender.id.to_string()))
            .finish()
    }
}

impl Registry {
    pub(super) fn add(&self, sender: &Arc<Sender>, queue: Option<&Arc<Queue>>) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.sender.strong_count() > 0);
        entries.push(Entry {
            sender: Arc::downgrade(sender),
            queue: queue.map(Arc::downgrade),
        });
    }

    /// What each exporter has done; of one that was replaced and still sends what it has, too.
    pub fn status(&self) -> Vec<ExporterStatus> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut exporters: Vec<ExporterStatus> = entries.iter().filter_map(Entry::status).collect();
        exporters.sort_by(|one, other| one.exporter.cmp(&other.exporter));
        exporters
    }
}

impl Entry {
    fn status(&self) -> Option<ExporterStatus> {
        let sender = self.sender.upgrade()?;
        let queue = self.queue.as_ref().and_then(Weak::upgrade);
        let signals = sender.tally.own().iter().map(|(signal, counters)| {
            let status = SignalStatus {
                sent: counters.sent(),
                send_failed: counters.send_failed(),
                enqueue_failed: counters.enqueue_failed(),
            };
            (signal.to_string(), status)
        });
        let used = signals.filter(|(_, status)| *status != SignalStatus::default());
        Some(ExporterStatus {
            exporter: sender.id.to_string(),
            endpoint: sender.endpoint.clone(),
            part: sender.tally.is_of_part(),
            failing: sender.is_failing(),
            failing_seconds: sender.failing_for().map(|lasted| lasted.as_secs()),
            delivery_lag: sender.lag.latency(),
            waiting: sender.waiting.total(),
            queue: queue.map(|queue| QueueStatus {
                size: u64::try_from(queue.size()).unwrap_or(u64::MAX),
                capacity: u64::try_from(queue.capacity).unwrap_or(u64::MAX),
                sizer: match queue.settings.sizer {
                    Sizer::Requests => "requests",
                    Sizer::Items => "items",
                    Sizer::Bytes => "bytes",
                }
                .to_owned(),
            }),
            signals: used.collect(),
        })
    }
}
