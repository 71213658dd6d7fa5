//! Work that becomes due: batches that joints gave, and ticks, into the scheduler's queues, or lost if there is no worker
//! any more.

use std::sync::Arc;

use super::joint::HeldTraces;
use super::queued::{QueuedBatch, QueuedTick, TickKind};
use super::scheduler::Owner;
use super::segments::Pipeline;
use super::shared::Shared;
use super::work::Work;
use crate::losses::Reason;

impl Shared {
    /// Has a worker run a batch. How many there are is bounded by what joints hold.
    pub(super) fn enqueue(&self, batch: QueuedBatch) {
        let pipeline = batch.pipeline.id.clone();
        let owner = match batch.given.shard {
            Some(shard) => Owner::Shard {
                pipeline,
                segment: batch.segment + 1,
                shard,
            },
            None => Owner::Batcher { pipeline },
        };
        if let Err(Work::Batched(batch)) = self.scheduler.add_now(owner, Work::Batched(batch)) {
            self.give_up(&batch, Reason::ShutDown, "the pipelines have ended");
        }
    }

    /// Has done what came of a run beside its deliveries.
    pub(super) fn go_on(&self, released: Vec<QueuedBatch>, ticks: Vec<QueuedTick>) {
        released.into_iter().for_each(|batch| self.enqueue(batch));
        ticks.into_iter().for_each(|tick| self.enqueue_tick(tick));
    }

    pub(super) fn enqueue_tick(&self, tick: QueuedTick) {
        let owner = Owner::Shard {
            pipeline: tick.pipeline.id.clone(),
            segment: tick.segment,
            shard: tick.shard,
        };
        // Once the workers have ended, what is still held is counted as lost.
        let _ = self.scheduler.add_now(owner, Work::Tick(tick));
    }

    /// Drops a batch.
    pub(super) fn give_up(&self, batched: &QueuedBatch, reason: Reason, why: &str) {
        let (items, what) = (
            batched.given.batch.items,
            batched.pipeline.id.signal.items(),
        );
        let pipeline = &batched.pipeline.id;
        self.losses.add(
            format_args!("pipeline {pipeline}"),
            batched.pipeline.id.signal,
            reason,
            items as u64,
        );
        tracing::error!(%pipeline, items, "dropping a batch of {items} {what}: {why}");
        self.done(batched);
    }

    pub(super) fn done(&self, batched: &QueuedBatch) {
        if let Some(joint) = batched.pipeline.joint(batched.segment) {
            joint.done(&batched.given);
            self.done.notify_waiters();
        }
    }

    /// Tells a plugin, shard by shard, that this is the end.
    pub(super) fn end_held(&self, pipeline: &Arc<Pipeline>, segment: usize, held: &HeldTraces) {
        for shard in 0..held.shards() {
            if held.shard(shard).is_some_and(|held| !held.is_empty()) {
                self.enqueue_tick(QueuedTick::new(pipeline, segment, shard, TickKind::End));
            }
        }
    }
}
