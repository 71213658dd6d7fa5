//! Sends a connector's totals on, again and again.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use prost::Message as _;
use tokio_util::sync::CancellationToken;

use super::Totals;
use crate::config::{ComponentId, Signal};
use crate::export::Payload;
use crate::pipeline::Fanout;

/// How often a refused flush of deltas is tried again before its counts are given up.
const ATTEMPTS: u32 = 30;

/// Where a connector's metrics go; may be led elsewhere at any time.
#[derive(Default)]
pub struct Fanouts(RwLock<Arc<[Fanout]>>);

impl Fanouts {
    fn get(&self) -> Arc<[Fanout]> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Leads them elsewhere, from the next flush on.
    pub fn set(&self, fanouts: Vec<Fanout>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = fanouts.into();
    }
}

/// Flushes at the connector's interval until the token is cancelled, and then once more.
pub async fn flush_regularly(
    id: ComponentId,
    totals: Arc<Totals>,
    fanouts: Arc<Fanouts>,
    end: CancellationToken,
) {
    let interval = Duration::from_nanos(totals.stream().flush_interval_ns.max(1_000_000));
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        let ending = tokio::select! {
            _ = ticks.tick() => false,
            () = end.cancelled() => true,
        };
        flush(&id, &totals, &fanouts.get()).await;
        if ending {
            return;
        }
    }
}

async fn flush(id: &ComponentId, totals: &Totals, fanouts: &[Fanout]) {
    let Some(flushed) = totals.flush(crate::pipeline::now_unix_nano()) else {
        return;
    };
    let payload = Payload {
        signal: Signal::Metrics,
        bytes: flushed.request.encode_to_vec().into(),
        items: flushed.points,
    };
    // Running totals come again with the next flush; deltas do not.
    let attempts = match totals.stream().temporality {
        spanmill_runtime::Temporality::Delta => ATTEMPTS,
        spanmill_runtime::Temporality::Cumulative => 1,
    };
    for fanout in fanouts {
        for attempt in 1..=attempts {
            match fanout.send(payload.clone()).await {
                Ok(()) => break,
                Err(refusal) if attempt == attempts => {
                    tracing::warn!(connector = %id, %refusal, points = payload.items, "metrics were not taken");
                }
                Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
            }
        }
    }
}
