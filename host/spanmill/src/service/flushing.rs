//! The tasks that send connectors' totals on.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::{ComponentId, Manifest, Signal};
use crate::losses::Losses;
use crate::metrics::{Fanouts, Totals, flush_regularly};
use crate::pipeline::{ByConnector, Exporters, Fanout};

/// A task for each connector.
pub(super) struct Flushing {
    flushes: BTreeMap<ComponentId, Flush>,
    losses: Losses,
}

struct Flush {
    totals: Arc<Totals>,
    fanouts: Arc<Fanouts>,
    end: CancellationToken,
    task: JoinHandle<()>,
}

impl Flushing {
    /// No connectors yet; what they lose is counted in `losses`.
    pub(super) fn new(losses: Losses) -> Self {
        Flushing {
            flushes: BTreeMap::new(),
            losses,
        }
    }

    /// Flushes these totals to where the manifest leads them. Totals that are no more among them are flushed once
    /// more, and given back to be waited for.
    pub(super) fn set(
        &mut self,
        totals: &ByConnector,
        manifest: &Manifest,
        exporters: &Exporters,
    ) -> Vec<JoinHandle<()>> {
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
            let flush = self.flushes.entry(id.clone()).or_insert_with(|| {
                let fanouts = Arc::new(Fanouts::default());
                let end = CancellationToken::new();
                let flushing = flush_regularly(
                    id.clone(),
                    Arc::clone(totals),
                    Arc::clone(&fanouts),
                    end.clone(),
                    self.losses.clone(),
                );
                Flush {
                    totals: Arc::clone(totals),
                    fanouts,
                    end,
                    task: tokio::spawn(flushing),
                }
            });
            let fed = manifest.pipelines.iter().filter(|pipeline| {
                pipeline.id.signal == Signal::Metrics && pipeline.receivers.contains(id)
            });
            let fanouts = fed.map(|pipeline| Fanout::of(pipeline, exporters));
            flush.fanouts.set(fanouts.collect());
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
