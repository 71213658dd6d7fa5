//! Sends a connector's totals on, again and again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use tokio_util::sync::CancellationToken;

use super::Totals;
use crate::losses::{Losses, Reason};
use crate::pipeline::Intake;
use crate::receive::{Received, RequestIntake};
use crate::refusal::Refusal;
use spanmill_manifest::ComponentId;
use spanmill_model::Signal;

/// How often a refused flush of deltas is tried again before its counts are given up.
const ATTEMPTS: u32 = 30;
/// How long the last flush waits for batches that were measured and are not in other hands yet.
const LAST_COMMITS: Duration = Duration::from_secs(60);

/// Flushes at the connector's interval until the token is cancelled, and then once more.
pub async fn flush_regularly(
    id: ComponentId,
    totals: Arc<Totals>,
    intake: Intake,
    end: CancellationToken,
    losses: Losses,
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
        if ending && !totals.is_settled() {
            // What is there goes now: the end may be nearer than the batches' own.
            flush(&id, &totals, &intake, false, &losses).await;
            let settled = tokio::time::timeout(LAST_COMMITS, totals.settled());
            if settled.await.is_err() {
                tracing::error!(connector = %id, "batches are still on their way after {LAST_COMMITS:?}; what was measured of them is lost with the connector's totals");
            }
        }
        flush(&id, &totals, &intake, ending, &losses).await;
        if ending {
            return;
        }
    }
}

async fn flush(
    id: &ComponentId,
    totals: &Totals,
    intake: &impl RequestIntake,
    is_last: bool,
    losses: &Losses,
) {
    let Some(flushed) = totals.flush(crate::pipeline::now_unix_nano(), is_last) else {
        return;
    };
    if totals.has_newly_overflowed() {
        let stream = totals.stream();
        tracing::warn!(
            connector = %id,
            series = stream.total_limit,
            series_a_resource = stream.series_limit,
            "the connector has as many series as it may; what is measured of others is counted together, in series with the attribute `otel.metric.overflow`. Leave out dimensions with many values, or set `aggregation_cardinality_limit`"
        );
    }
    let bytes = Bytes::from(flushed.request.encode_to_vec());
    let points = flushed.points;
    // Running totals come again with the next flush; deltas do not.
    let comes_again = totals.stream().temporality == spanmill_runtime::Temporality::Cumulative;
    let attempts = if comes_again { 1 } else { ATTEMPTS };
    let mut attempt = 1;
    while let Err(refusal) = send(intake, bytes.clone()).await {
        if attempt < attempts && refusal.is_retryable() {
            attempt += 1;
            tokio::time::sleep(Duration::from_secs(1)).await;
            continue;
        }
        if comes_again && !is_last {
            tracing::warn!(connector = %id, %refusal, points, "metrics were not taken; their totals come again with the next flush");
        } else {
            let reason = match refusal.is_retryable() {
                true => Reason::NoRoom,
                false => Reason::Refused,
            };
            let connector = format_args!("connector {id}");
            losses.add(connector, Signal::Metrics, reason, points);
            tracing::error!(connector = %id, %refusal, points, "metrics were not taken, and are lost");
        }
        break;
    }
}

/// Into the pipelines that the connector feeds, as a receiver's requests go.
async fn send(intake: &impl RequestIntake, bytes: Bytes) -> Result<(), Refusal> {
    let signal = Signal::Metrics;
    let memory = intake.admit(signal)?;
    let request = Received::new(signal, bytes, memory);
    intake.accept(request).await
}
