//! A batch's run through a segment: the chain, what it holds, and the pipelines that it leads to.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use spanmill_otlp::Batch;

use super::chain::{ChainOutput, Origin};
use super::delivery::Delivery;
use super::joint::{HeldBatch, HeldTraces, Joint, JointBatch, ReleasedTraces, SegmentOutput};
use super::lane::HeldBy;
use super::queued::{QueuedBatch, QueuedTick, TickKind};
use super::segments::{Pipeline, PipelineUse};
use super::watch::WatchPoint;
use crate::clock::now_unix_nano;
use crate::metadata::RequestMetadata;
use crate::refusal::Refusal;
use crate::tracer::TraceContext;

/// How long a sender should wait while pipelines are exchanged for others.
const AFTER_CHANGE: Duration = Duration::from_secs(1);

/// Where a batch is run, and for whom.
#[derive(Clone, Copy)]
pub(super) struct Step<'a> {
    pub(super) worker: usize,
    /// The shard that the batch belongs to, in a segment that has them.
    pub(super) shard: Option<usize>,
    pub(super) segment: usize,
    /// Who has the batch meanwhile.
    pub(super) origin: Origin,
    pub(super) received_unix_nano: u64,
    /// What time it is, if not what the clock says.
    pub(super) virtual_now: Option<u64>,
    /// What its sender said beside it.
    pub(super) metadata: &'a RequestMetadata,
    /// The trace of the request that it is of.
    pub(super) trace: &'a TraceContext,
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
        step: Step<'_>,
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
        if step.segment == 0 {
            let is_start = |at: &WatchPoint| *at == WatchPoint::Start;
            let copy = || Some(batch.bytes().clone());
            self.watchers.show(&self.id, is_start, copy);
        }
        let output = lane.run(
            batch,
            step.received_unix_nano,
            step.origin,
            step.metadata,
            step.trace,
            held,
        )?;
        if joint.is_none() && output.spliced.items > 0 {
            let is_end = |at: &WatchPoint| *at == WatchPoint::End;
            let copy = || Some(output.spliced.bytes.clone());
            self.watchers.show(&self.id, is_end, copy);
        }
        if let Some(HeldBy { held, shard, .. }) = held {
            self.release(step.segment, shard, held, result);
        }
        let by_shard = match joint {
            Some(Joint::ByTrace(shards)) if output.spliced.items > 0 => {
                // Usually no stage has changed the batch: then it is parsed already.
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
        let onward = match joint {
            None => self.onward(&output)?,
            Some(_) => Vec::new(),
        };
        result.deliveries.push(Delivery {
            pipeline: PipelineUse::of(self),
            segment: step.segment,
            received_unix_nano: step.received_unix_nano,
            output: SegmentOutput {
                spliced: output.spliced,
                by_shard,
                shard: step.shard,
                metadata: step.metadata.clone(),
                trace: step.trace.clone(),
            },
            handover: output.handover,
            measured: output.measured,
            failed: output.failed,
        });
        let step = Step {
            segment: 0,
            shard: None,
            ..step
        };
        for (pipelines, bytes) in onward {
            // All of one signal.
            let Some(first) = pipelines.first() else {
                continue;
            };
            let batch = Batch::parse(first.id.signal, bytes)?;
            for pipeline in &pipelines {
                pipeline.run(step, &batch, result)?;
            }
        }
        Ok(())
    }

    /// What goes on to other pipelines, through the connectors at the end of this one.
    fn onward(&self, output: &ChainOutput) -> Result<Vec<(Vec<PipelineUse>, Bytes)>, Refusal> {
        let destinations = self.destinations();
        let mut onward = Vec::new();
        if output.spliced.items > 0 && !destinations.forwards.is_empty() {
            let pipelines = destinations.forwards.to_vec();
            onward.push((pipelines, output.spliced.bytes.clone()));
        }
        for connected in &output.connected {
            let signal = connected.signal.unwrap_or(self.id.signal);
            let pipelines = destinations.connected.get(&connected.connector);
            let pipelines = pipelines.into_iter().flatten();
            let pipelines = pipelines.filter(|pipeline| pipeline.id.signal == signal);
            let pipelines: Vec<PipelineUse> = match connected.pipeline {
                Some(number) => pipelines.skip(number).take(1).cloned().collect(),
                None => pipelines.cloned().collect(),
            };
            if pipelines.is_empty() {
                // Just being exchanged for others.
                return Err(Refusal::Unavailable {
                    retry_after: AFTER_CHANGE,
                });
            }
            onward.push((pipelines, connected.output.bytes.clone()));
        }
        Ok(onward)
    }

    /// Lets the plugin that held rows see them once more, if it wants to.
    fn see_released(
        &self,
        segment: usize,
        shard: usize,
        held: &HeldTraces,
        released: HeldBatch,
    ) -> HeldBatch {
        let lanes = self.segments.get(segment).map(|segment| &segment.lanes);
        let Some(lane) = lanes.and_then(|lanes| lanes.get(shard)) else {
            return released;
        };
        let (items, before) = (released.batch.items, released.batch.bytes.len());
        let released = lane.with_chain(|chain| chain.released(released));
        held.resized(items, before, released.batch.bytes.len());
        released
    }

    /// Takes the next batch of rows that a shard has released; what more there is becomes work of its own.
    pub(super) fn release(
        self: &Arc<Self>,
        segment: usize,
        shard: usize,
        held: &HeldTraces,
        result: &mut RunResult,
    ) {
        let next = |held: &HeldTraces| {
            let mut shard = held.shard(shard)?;
            let next = shard.next_released();
            Some((next, shard.has_released()))
        };
        let Some((released, has_more)) = next(held) else {
            return;
        };
        if let Some(released) = released {
            let HeldBatch {
                traces,
                batch,
                received_unix_nano,
                journal_number,
                ..
            } = self.see_released(segment, shard, held, released);
            let behind =
                |at: &WatchPoint| matches!(at, WatchPoint::After(id) if id == held.component());
            self.watchers
                .show(&self.id, behind, || Some(batch.bytes.clone()));
            let given = JointBatch {
                shard: Some(shard),
                released: journal_number.map(|journal_number| ReleasedTraces {
                    traces,
                    journal_number,
                }),
                batch,
                // Its rows may be of many senders.
                metadata: RequestMetadata::default(),
                trace: TraceContext::default(),
            };
            let batch = QueuedBatch::new(self, segment, given, received_unix_nano);
            result.released.push(batch);
        }
        if has_more {
            let tick = QueuedTick::new(self, segment, shard, TickKind::Release);
            result.ticks.push(tick);
        }
    }
}
