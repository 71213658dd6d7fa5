//! A batch's run through a segment: the chain, what it holds, and the pipelines that it leads to.

use std::sync::Arc;

use spanmill_otlp::Batch;

use super::chain::Origin;
use super::clock::now_unix_nano;
use super::delivery::Delivery;
use super::joint::{HeldTraces, Joint, SegmentOutput};
use super::lane::HeldBy;
use super::queued::{QueuedBatch, QueuedTick, TickKind};
use super::segments::{Pipeline, PipelineUse};
use crate::refusal::Refusal;

/// Where a batch is run, and for whom.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) worker: usize,
    /// The shard that the batch belongs to, in a segment that has them.
    pub(super) shard: Option<usize>,
    pub(super) segment: usize,
    /// Who has the batch meanwhile.
    pub(super) origin: Origin,
    pub(super) received_unix_nano: u64,
    /// What time it is, if not what the clock says.
    pub(super) virtual_now: Option<u64>,
}

/// What a batch's run through a segment led to.
#[derive(Default)]
pub(super) struct RunResult {
    /// What is to be handed over.
    pub(super) deliveries: Vec<Delivery>,
    /// Batches of rows that were held, and what else is to be done for such.
    pub(super) released: Vec<QueuedBatch>,
    pub(super) ticks: Vec<QueuedTick>,
}

impl Pipeline {
    /// Runs a batch through one segment, and what leaves the pipeline through the pipelines that it is forwarded to.
    /// Adds what comes of it to `result`.
    pub(super) fn run(
        self: &Arc<Self>,
        step: Step,
        batch: &Batch,
        result: &mut RunResult,
    ) -> Result<(), Refusal> {
        let missing = || Refusal::Internal(format!("pipeline {}: no such segment", self.id));
        let segment = self.segments.get(step.segment).ok_or_else(missing)?;
        let lane = step.shard.unwrap_or(step.worker);
        let lane = segment.lanes.get(lane).ok_or_else(missing)?;
        let joint = segment.joint.as_ref();
        let held = joint.and_then(Joint::held).zip(step.shard);
        let held = held.map(|(held, shard)| HeldBy {
            held,
            shard,
            now_unix_nano: step.virtual_now.unwrap_or_else(now_unix_nano),
        });
        let output = lane.run(batch, step.received_unix_nano, step.origin, held)?;
        if let Some(HeldBy { held, shard, .. }) = held {
            self.release(step.segment, shard, held, result);
        }
        let by_shard = match joint {
            Some(Joint::ByTrace(shards)) if output.spliced.items > 0 => {
                // Mostly nothing stands before it.
                match output.spliced.bytes.as_ptr() == batch.bytes().as_ptr()
                    && output.spliced.items == batch.item_count()
                {
                    true => shards.split(batch),
                    false => {
                        shards.split(&Batch::parse(self.id.signal, output.spliced.bytes.clone())?)
                    }
                }
            }
            _ => Vec::new(),
        };
        let forwards = match joint {
            None if output.spliced.items > 0 => Arc::clone(&self.destinations().forwards),
            _ => Arc::default(),
        };
        let spliced = output.spliced.clone();
        result.deliveries.push(Delivery {
            pipeline: PipelineUse::of(self),
            segment: step.segment,
            output: SegmentOutput {
                spliced: output.spliced,
                by_shard,
                shard: step.shard,
            },
            measured: output.measured,
            failed: output.failed,
        });
        if forwards.is_empty() {
            return Ok(());
        }
        let batch = Batch::parse(self.id.signal, spliced.bytes)?;
        for pipeline in forwards.iter() {
            let step = Step {
                segment: 0,
                shard: None,
                ..step
            };
            pipeline.run(step, &batch, result)?;
        }
        Ok(())
    }

    /// Takes the next batch of rows that a shard has released; what more there is becomes work of its own.
    pub(super) fn release(
        self: &Arc<Self>,
        segment: usize,
        shard: usize,
        held: &HeldTraces,
        result: &mut RunResult,
    ) {
        let Some(mut held) = held.shard(shard) else {
            return;
        };
        if let Some(released) = held.next_released() {
            let given = (Some(shard), released.batch);
            let batch = QueuedBatch::new(self, segment, given, released.received_unix_nano);
            result.released.push(batch);
        }
        if held.has_released() {
            let tick = QueuedTick::new(self, segment, shard, TickKind::Release);
            result.ticks.push(tick);
        }
    }
}
