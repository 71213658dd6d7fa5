//! The end of a segment: a batch into every exporter's hands or a joint's, and only then its measurements into the
//! totals.

use super::chain::FailedSpans;
use super::fanout::{AFTER_FULL, send_to_all};
use super::joint::{RoomReservation, SegmentOutput};
use super::queued::QueuedBatch;
use super::segments::PipelineUse;
use crate::clock::now_unix_nano;
use crate::export::{Exporter, Payload};
use crate::ledger::Handover;
use crate::losses::{Losses, Reason};
use crate::metrics::Measured;
use crate::refusal::Refusal;

/// A batch that has left a segment.
pub(super) struct Delivery {
    pub(super) pipeline: PipelineUse,
    /// The segment it has left.
    pub(super) segment: usize,
    pub(super) output: SegmentOutput,
    /// When the oldest of it was received.
    pub(super) received_unix_nano: u64,
    pub(super) measured: Vec<Measured>,
    /// Spans that were taken out because a plugin failed on them.
    pub(super) failed: FailedSpans,
    /// To be told where it goes, if that is noted.
    pub(super) handover: Option<Handover>,
}

impl Delivery {
    fn payload(&self) -> Payload {
        Payload {
            signal: self.pipeline.id.signal,
            bytes: self.output.spliced.bytes.clone(),
            items: self.output.spliced.items as u64,
            metadata: self.output.metadata.clone(),
            received_unix_nano: self.received_unix_nano,
            trace: self.output.trace.clone(),
        }
    }

    /// Counts what was measured, and what was lost on the way.
    pub(super) fn commit(self, losses: &Losses) {
        let component = format_args!("pipeline {}", self.pipeline.id);
        for (reason, spans) in [
            (Reason::PluginFailed, self.failed.lost),
            (Reason::DroppedOnError, self.failed.dropped),
        ] {
            losses.add(component, self.pipeline.id.signal, reason, spans as u64);
        }
        self.measured.into_iter().for_each(Measured::commit);
    }
}

/// Hands over what became of one request, or of one batch of a batcher's: everywhere or nowhere. If it is refused,
/// nobody has any of it, so that the sender may send it again. Returns the batches that joints give.
pub(super) async fn hand_over(deliveries: &[Delivery]) -> Result<Vec<QueuedBatch>, Refusal> {
    let deliveries = || deliveries.iter().filter(|one| one.output.spliced.items > 0);
    let mut rooms: Vec<(RoomReservation<'_>, &Delivery)> = Vec::new();
    let mut sent: Vec<(Exporter, Payload)> = Vec::new();
    let mut fanouts = Vec::new();
    for delivery in deliveries() {
        match delivery.pipeline.joint(delivery.segment) {
            Some(_) => {
                let room = delivery
                    .pipeline
                    .reserve(delivery.segment, &delivery.output);
                let overloaded = Refusal::Overloaded {
                    retry_after: AFTER_FULL,
                };
                rooms.push((room.ok_or(overloaded)?, delivery));
            }
            None => {
                // Looked up each time: a batch that waits for an exporter goes where the pipeline leads by then.
                let in_use = delivery.pipeline.fanout();
                let exporters = in_use.fanout.exporters.iter();
                sent.extend(exporters.map(|exporter| (exporter.clone(), delivery.payload())));
                fanouts.push((in_use, delivery));
            }
        }
    }
    send_to_all(sent).await?;
    for (in_use, delivery) in &fanouts {
        if let Some(handover) = &delivery.handover {
            let exporters = in_use.fanout.exporters.iter();
            let exporters = exporters.map(|exporter| exporter.id().to_string());
            let onward = delivery.pipeline.destinations();
            let onward = onward
                .forwards
                .iter()
                .map(|to| format!("pipeline {}", to.id));
            handover.went_to(exporters.chain(onward).collect());
        }
    }
    let mut batches = Vec::new();
    for (room, delivery) in rooms {
        let (pipeline, segment) = (&delivery.pipeline, delivery.segment);
        if let Some(handover) = &delivery.handover {
            handover.went_onward();
        }
        if let Some(joint) = pipeline.joint(segment) {
            let ready = joint.fill(room, &delivery.output).into_iter();
            let received = match joint.batcher() {
                // It may be of many requests.
                Some(_) => now_unix_nano(),
                None => delivery.received_unix_nano,
            };
            batches.extend(ready.map(|given| QueuedBatch::new(pipeline, segment, given, received)));
        }
    }
    Ok(batches)
}
