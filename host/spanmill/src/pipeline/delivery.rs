//! The end of a pipeline: a batch into every exporter's hands, and only then its measurements into the totals.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use spanmill_otlp::Spliced;
use tokio::task::JoinSet;

use super::segments::Pipeline;
use crate::config::{self, ComponentId, Signal};
use crate::export::{Exporter, Payload, Refused};
use crate::metrics::Measured;
use crate::receive::Refusal;

/// The exporters of a pipeline.
#[derive(Default)]
pub struct Fanout {
    /// The exporters; a batch goes to each.
    pub exporters: Vec<Exporter>,
}

/// A batch that has left its chain.
pub(super) struct Delivery {
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) spliced: Spliced,
    pub(super) measured: Vec<Measured>,
}

impl Delivery {
    /// Hands the batch to every exporter. Refused by one, the sender sends it again and the others see
    /// it twice, as in the Collector; what connectors measured is counted once, by [`Delivery::commit`].
    pub(super) async fn send(&self) -> Result<(), Refusal> {
        if self.spliced.spans == 0 {
            return Ok(());
        }
        let payload = Payload {
            signal: Signal::Traces,
            bytes: self.spliced.bytes.clone(),
            items: self.spliced.spans as u64,
        };
        // Looked up each time: a batch that waits for an exporter goes where the pipeline leads by then.
        self.pipeline.ends().fanout.send(payload).await
    }

    /// Counts what was measured.
    pub(super) fn commit(self) {
        self.measured.into_iter().for_each(Measured::commit);
    }
}

impl Fanout {
    /// The exporters that a pipeline names. Its connectors are not among them.
    pub fn of(config: &config::Pipeline, exporters: &BTreeMap<ComponentId, Exporter>) -> Self {
        let named = config.exporters.iter();
        Fanout {
            exporters: named.filter_map(|id| exporters.get(id).cloned()).collect(),
        }
    }

    /// Hands a payload to every exporter.
    pub async fn send(&self, payload: Payload) -> Result<(), Refusal> {
        if let [exporter] = self.exporters.as_slice() {
            return exporter
                .enqueue(payload)
                .await
                .map_err(|refused| worse(None, refused));
        }
        let mut sent = JoinSet::new();
        for exporter in &self.exporters {
            let (exporter, payload) = (exporter.clone(), payload.clone());
            sent.spawn(async move { exporter.enqueue(payload).await });
        }
        let mut refusal = None;
        while let Some(result) = sent.join_next().await {
            match result {
                Ok(Ok(())) => {}
                Ok(Err(refused)) => refusal = Some(worse(refusal, refused)),
                Err(_) => refusal = Some(Refusal::Internal("an exporter failed".to_owned())),
            }
        }
        refusal.map_or(Ok(()), Err)
    }
}

/// A refusal that may pass is told before one that will not: sending again gives the batch its chance.
fn worse(before: Option<Refusal>, refused: Refused) -> Refusal {
    tracing::debug!(%refused, "a batch was refused");
    let second = Duration::from_secs(1);
    let refusal = match refused {
        Refused::Full { .. } => Refusal::Overloaded {
            retry_after: second,
        },
        Refused::Retryable { after, .. } => Refusal::Unavailable {
            retry_after: after.unwrap_or(second),
        },
        Refused::ShuttingDown { .. } => Refusal::Unavailable {
            retry_after: second,
        },
        Refused::Permanent { .. } => Refusal::Internal(refused.to_string()),
    };
    match before {
        Some(before @ (Refusal::Overloaded { .. } | Refusal::Unavailable { .. })) => before,
        _ => refusal,
    }
}
