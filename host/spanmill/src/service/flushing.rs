//! The tasks that send connectors' totals on.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::ComponentId;
use crate::losses::Losses;
use crate::metrics::{Totals, flush_regularly};
use crate::pipeline::Topology;

/// A task for each connector.
pub(super) struct FlushTasks {
    flushes: BTreeMap<ComponentId, Flush>,
    losses: Losses,
}

struct Flush {
    totals: Arc<Totals>,
    end: CancellationToken,
    task: JoinHandle<()>,
}

impl FlushTasks {
    /// No connectors yet; what they lose is counted in `losses`.
    pub(super) fn new(losses: Losses) -> Self {
        FlushTasks {
            flushes: BTreeMap::new(),
            losses,
        }
    }

    /// Flushes a topology's totals into the pipelines that their connectors feed. Totals that are no more among them are
    /// flushed once more; returns those flushes, to be waited for.
    pub(super) fn set(&mut self, topology: &Topology) -> Vec<JoinHandle<()>> {
        let totals = topology.totals();
        let mut ending = Vec::new();
        let before = std::mem::take(&mut self.flushes);
        for (id, flush) in before {
            match totals.get(&id) {
                Some(now) if Arc::ptr_eq(now, &flush.totals) => {
                    drop(self.flushes.insert(id, flush))
                }
                _ => {
                    flush.end.cancel();
                    ending.push(flush.task);
                }
            }
        }
        for (id, totals) in totals {
            let Some(intake) = topology.connector_intake(id) else {
                continue;
            };
            self.flushes.entry(id.clone()).or_insert_with(|| {
                let end = CancellationToken::new();
                let totals = Arc::clone(totals);
                let losses = self.losses.clone();
                let flushing =
                    flush_regularly(id.clone(), Arc::clone(&totals), intake, end.clone(), losses);
                let task = tokio::spawn(flushing);
                Flush { totals, end, task }
            });
        }
        ending
    }

    /// Flushes everything once more, until `deadline`.
    pub(super) async fn end(&mut self, deadline: Instant) {
        let flushes = std::mem::take(&mut self.flushes);
        flushes.values().for_each(|flush| flush.end.cancel());
        for (id, flush) in flushes {
            // A task that panicked has nothing more to say.
            if tokio::time::timeout_at(deadline, flush.task).await.is_err() {
                tracing::error!(connector = %id, "the last metrics could not be handed over in time");
            }
        }
    }
}
