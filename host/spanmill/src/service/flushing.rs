//! The tasks that send connectors' totals on.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{ComponentId, Manifest, Signal};
use crate::metrics::{Fanouts, Totals, flush_regularly};
use crate::pipeline::{ByConnector, Exporters, Fanout};

/// A task for each connector.
#[derive(Default)]
pub(super) struct Flushing(BTreeMap<ComponentId, Flush>);

struct Flush {
    totals: Arc<Totals>,
    fanouts: Arc<Fanouts>,
    end: CancellationToken,
    task: JoinHandle<()>,
}

impl Flushing {
    /// Flushes these totals to where the manifest leads them. Totals that are no more among them are flushed once
    /// more, and given back to be waited for.
    pub(super) fn set(
        &mut self,
        totals: &ByConnector,
        manifest: &Manifest,
        exporters: &Exporters,
    ) -> Vec<JoinHandle<()>> {
        let mut ending = Vec::new();
        let before = std::mem::take(&mut self.0);
        for (id, flush) in before {
            match totals.get(&id) {
                Some(now) if Arc::ptr_eq(now, &flush.totals) => drop(self.0.insert(id, flush)),
                _ => {
                    flush.end.cancel();
                    ending.push(flush.task);
                }
            }
        }
        for (id, totals) in totals {
            let flush = self.0.entry(id.clone()).or_insert_with(|| {
                let fanouts = Arc::new(Fanouts::default());
                let end = CancellationToken::new();
                let flushing = flush_regularly(
                    id.clone(),
                    Arc::clone(totals),
                    Arc::clone(&fanouts),
                    end.clone(),
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

    /// Flushes everything once more.
    pub(super) async fn end(&mut self) {
        for (_, flush) in std::mem::take(&mut self.0) {
            flush.end.cancel();
            // A task that panicked has nothing more to say.
            let _ = flush.task.await;
        }
    }
}
