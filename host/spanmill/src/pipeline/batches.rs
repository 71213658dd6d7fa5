//! Batches that a joint gave: their senders were answered long ago, so they are held and tried again until they are
//! in other hands, or count as lost.

use std::sync::Arc;
use std::time::Duration;

use spanmill_otlp::Batch;

use super::chain::Origin;
use super::delivery::{Delivery, hand_over};
use super::queued::QueuedBatch;
use super::run::{RunResult, Step};
use super::segments::Pipeline;
use super::shared::Shared;
use crate::clock::now_unix_nano;
use crate::losses::Reason;
use crate::refusal::Refusal;

/// Between attempts to get a batch on its way.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Attempts after which a batch that its plugins keep refusing is dropped: about five minutes.
const MAX_ATTEMPTS: u32 = 18;

impl Shared {
    /// Sends on what a pipeline's joints hold. Returns how many items they held. Plugins that hold rows are told that this
    /// is the end once nothing else can reach them, unless what they hold is stored and the pipeline stays.
    pub(super) fn flush(&self, pipeline: &Arc<Pipeline>) -> usize {
        let mut before = 0;
        for segment in 0..pipeline.segments.len() {
            let Some(joint) = pipeline.joint(segment) else {
                continue;
            };
            if let Some(held) = joint.held() {
                if held.is_stored() && !pipeline.retired.is_cancelled() {
                    // It is there when the service starts again.
                    before += held.passing_items();
                    continue;
                }
                if before == 0 {
                    self.end_held(pipeline, segment, held);
                }
            }
            before += joint.held_items();
            for given in joint.flush() {
                self.enqueue(QueuedBatch::new(pipeline, segment, given, now_unix_nano()));
            }
        }
        before
    }

    /// Runs a batch through the segment behind its joint.
    pub(super) fn run_batched(self: &Arc<Self>, worker: usize, batched: QueuedBatch) {
        let pipeline = batched.pipeline.clone();
        let next = batched.segment + 1;
        let batch = match Batch::parse(pipeline.id.signal, batched.given.batch.bytes.clone()) {
            Ok(batch) => batch,
            Err(malformed) => {
                return self.give_up(&batched, Reason::Internal, &malformed.to_string());
            }
        };
        let step = Step {
            worker,
            shard: batched.given.shard,
            segment: next,
            // It belongs to nobody else any more.
            origin: Origin::Batcher,
            received_unix_nano: batched.received_unix_nano,
            virtual_now: None,
            metadata: &batched.given.metadata,
            trace: &batched.given.trace,
        };
        let mut result = RunResult::default();
        let ran = pipeline.run(step, &batch, &mut result);
        self.go_on(result.released, result.ticks);
        let deliveries = result.deliveries;
        let shared = Arc::clone(self);
        match ran {
            Ok(()) => {
                let delivering = async move { shared.deliver(batched, deliveries).await };
                self.tasks.spawn_on(delivering, &self.runtime);
            }
            Err(refusal) => {
                let retrying = async move { shared.try_again(batched, refusal).await };
                self.tasks.spawn_on(retrying, &self.runtime);
            }
        }
    }

    /// Holds a batch until it is in other hands.
    async fn deliver(&self, mut batched: QueuedBatch, deliveries: Vec<Delivery>) {
        loop {
            match hand_over(&deliveries).await {
                Ok(batches) => {
                    // What was measured counts before anybody who waits for the last batch flushes the totals.
                    let delivered = deliveries.into_iter();
                    delivered.for_each(|delivery| delivery.commit(&self.losses));
                    self.done(&batched);
                    return batches.into_iter().for_each(|batch| self.enqueue(batch));
                }
                Err(refusal) if !refusal.is_retryable() => {
                    return self.give_up(&batched, Reason::Refused, &refusal.to_string());
                }
                Err(_) => self.pause(&mut batched).await,
            }
            if self.abort.is_cancelled() {
                return;
            }
        }
    }

    async fn try_again(&self, mut batched: QueuedBatch, refusal: Refusal) {
        if batched.attempts >= MAX_ATTEMPTS || !refusal.is_retryable() {
            return self.give_up(&batched, Reason::PluginFailed, &refusal.to_string());
        }
        self.pause(&mut batched).await;
        if !self.abort.is_cancelled() {
            self.enqueue(batched);
        }
    }

    async fn pause(&self, batched: &mut QueuedBatch) {
        let pause = FIRST_PAUSE
            .saturating_mul(1 << batched.attempts.min(16))
            .min(LONGEST_PAUSE);
        batched.attempts = batched.attempts.saturating_add(1);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.abort.cancelled() => {}
        }
    }
}

/// Sends what a batcher holds when its time is over.
pub(super) async fn flush_when_due(shared: Arc<Shared>, pipeline: Arc<Pipeline>, segment: usize) {
    let Some(joint) = pipeline.joint(segment) else {
        return;
    };
    let Some(batcher) = joint.batcher() else {
        return;
    };
    loop {
        tokio::select! {
            () = batcher.begun.notified() => {}
            () = pipeline.retired.cancelled() => return,
            () = shared.abort.cancelled() => return,
        }
        while let Some(due) = batcher.due_in() {
            tokio::select! {
                () = tokio::time::sleep(due) => {}
                // Whoever retires it flushes it.
                () = pipeline.retired.cancelled() => return,
            }
            for given in batcher.flush_due() {
                shared.enqueue(QueuedBatch::new(&pipeline, segment, given, now_unix_nano()));
            }
        }
    }
}
