//! Pipelines without a network and without threads: the same chains, one batch after the other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use spanmill_otlp::{Batch, Malformed, Spliced};
use thiserror::Error;

use super::build::{BuildError, Builder, ByConnector, ByPipeline, PreparedPipeline};
use super::chain::Origin;
use super::joint::{HeldMemory, HeldTraces, Joint};
use super::load::LoadedPlugin;
use super::queued::{QueuedBatch, QueuedTick, TickKind};
use super::run::{RunResult, Step};
use super::segments::{Destinations, Pipeline, PipelineUse};
use super::topology::onward;
use super::watch::Watchers;
use crate::config::{ComponentId, Manifest, PipelineId, Signal};
use crate::losses::Losses;
use crate::metadata::RequestMetadata;
use crate::refusal::Refusal;
use crate::tracer::TraceContext;

/// The pipelines of a manifest, to be fed by hand.
pub struct Offline<'m> {
    manifest: &'m Manifest,
    pipelines: ByPipeline,
    totals: ByConnector,
    /// What each pipeline would have exported so far.
    exported: BTreeMap<PipelineId, Vec<Spliced>>,
    /// What time it is, ns since 1970.
    now: u64,
}

const SECOND: u64 = 1_000_000_000;
/// Seconds.
const DAY: u32 = 24 * 3600;

/// A recorded request.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// What it carries.
    pub signal: Signal,
    /// The request.
    pub bytes: Bytes,
    /// When it counts as received, ns since 1970.
    pub received_unix_nano: u64,
}

/// For each pipeline, the requests that it would have exported: traces first, then logs, then metrics.
pub type Replayed = Vec<(PipelineId, Vec<Spliced>)>;

/// Why a replay ended early.
#[derive(Debug, Error)]
pub enum OfflineError {
    /// The pipelines could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The input is not OTLP.
    #[error("the input: {0}")]
    Malformed(#[from] Malformed),
    /// A plugin failed.
    #[error("pipeline {pipeline}: {}", told(refusal))]
    Refused {
        /// The pipeline.
        pipeline: PipelineId,
        /// What a sender would have been told.
        refusal: Refusal,
    },
}

/// There is no sender to send anything again.
fn told(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Unavailable { .. } => {
            "a plugin's call failed; the log has its fault, on stderr".to_owned()
        }
        other => other.to_string(),
    }
}

impl<'m> Offline<'m> {
    /// Builds the pipelines.
    pub fn new(
        manifest: &'m Manifest,
        plugins: &mut BTreeMap<ComponentId, LoadedPlugin>,
    ) -> Result<Self, BuildError> {
        let mut totals = ByConnector::new();
        let mut builder = Builder {
            manifest,
            plugins,
            running: &ByPipeline::new(),
            totals: &mut totals,
            workers: 1,
            lanes: 1,
            eager: 1,
            held: Arc::new(HeldMemory::new(u64::MAX, false)),
            watchers: Watchers::default(),
            ledger: None,
        };
        let pipelines = builder.pipelines()?.into_iter().map(|made| match made {
            PreparedPipeline::New(pipeline) | PreparedPipeline::Kept { pipeline, .. } => pipeline,
        });
        let pipelines: ByPipeline = pipelines
            .map(|pipeline| (pipeline.id.clone(), pipeline))
            .collect();
        for config in &manifest.pipelines {
            let (forwards, connected) = onward(manifest, config, &pipelines);
            if let Some(pipeline) = pipelines.get(&config.id) {
                drop(pipeline.set_destinations(Destinations {
                    forwards,
                    connected,
                    ..Destinations::default()
                }));
            }
        }
        Ok(Offline {
            manifest,
            pipelines,
            totals,
            exported: BTreeMap::new(),
            now: 0,
        })
    }

    /// Feeds requests to every pipeline of their signal that has a receiver, then what connectors measured of them to the
    /// pipelines that take it. The time is what the requests say: plugins that hold rows are asked once a second of it.
    pub fn run(mut self, requests: &[Recorded]) -> Result<Replayed, OfflineError> {
        for one in requests {
            self.wait_until(one.received_unix_nano)?;
            let is_receiver = |id: &ComponentId| self.manifest.receivers.contains_key(id);
            let fed = self.fed(one.signal, is_receiver);
            let batch = Batch::parse(one.signal, one.bytes.clone())?;
            self.feed(&fed, &batch)?;
        }
        self.flush()?;
        for (connector, bytes) in self.measured() {
            let fed = self.fed(Signal::Metrics, |id| *id == connector);
            let batch = Batch::parse(Signal::Metrics, bytes)?;
            self.feed(&fed, &batch)?;
        }
        self.flush()?;
        let mut exported = self.exported;
        let ids = self.pipelines.into_keys();
        Ok(ids
            .map(|id| {
                let out = exported.remove(&id).unwrap_or_default();
                (id, out)
            })
            .collect())
    }

    /// Lets the time pass.
    fn wait_until(&mut self, unix_nano: u64) -> Result<(), OfflineError> {
        let holds = self.pipelines.values().any(|pipeline| {
            let mut joints = pipeline.segments.iter().filter_map(|s| s.joint.as_ref());
            joints.any(|joint| joint.held().is_some())
        });
        if self.now == 0 || !holds {
            self.now = self.now.max(unix_nano);
            return Ok(());
        }
        let mut ticks = 0;
        while let Some(next) = self
            .now
            .checked_add(SECOND)
            .filter(|next| *next <= unix_nano)
        {
            self.now = next;
            ticks += 1;
            // After a day without anything, nothing is to be expected of the next one.
            if ticks > DAY {
                break;
            }
            self.tick(false)?;
        }
        self.now = self.now.max(unix_nano);
        Ok(())
    }

    /// Asks plugins that hold rows, and sends on what they release. Returns whether there was anything.
    fn tick(&mut self, ending: bool) -> Result<bool, OfflineError> {
        let mut result = RunResult::default();
        for pipeline in self.pipelines.values() {
            for segment in 0..pipeline.segments.len() {
                let held = pipeline.joint(segment).and_then(Joint::held);
                for shard in 0..held.map_or(0, HeldTraces::shards) {
                    pipeline.ask(segment, shard, self.now, ending, &mut result);
                }
            }
        }
        while let Some(tick) = result.ticks.pop() {
            let QueuedTick {
                pipeline,
                segment,
                shard,
                kind,
            } = tick;
            match pipeline.joint(segment).and_then(Joint::held) {
                Some(held) if kind == TickKind::Release => {
                    pipeline.release(segment, shard, held, &mut result);
                }
                _ => pipeline.ask(segment, shard, self.now, kind == TickKind::End, &mut result),
            }
        }
        let any = !result.released.is_empty();
        for batch in result.released {
            self.advance_queued(batch)?;
        }
        Ok(any)
    }

    /// The pipelines of a signal that some component feeds, in the order of the manifest.
    fn fed(&self, signal: Signal, feeds: impl Fn(&ComponentId) -> bool) -> Vec<Arc<Pipeline>> {
        let pipelines = self.manifest.pipelines.iter();
        pipelines
            .filter(|config| config.id.signal == signal && config.receivers.iter().any(&feeds))
            .filter_map(|config| self.pipelines.get(&config.id).cloned())
            .collect()
    }

    fn feed(&mut self, pipelines: &[Arc<Pipeline>], batch: &Batch) -> Result<(), OfflineError> {
        if batch.item_count() > 0 {
            for pipeline in pipelines {
                self.advance(pipeline, 0, None, batch.clone())?;
            }
        }
        Ok(())
    }

    /// Sends on what joints hold, until none holds anything.
    fn flush(&mut self) -> Result<(), OfflineError> {
        loop {
            let mut flushed = Vec::new();
            for pipeline in self.pipelines.values() {
                for segment in 0..pipeline.segments.len() {
                    let given = pipeline.joint(segment).map(Joint::flush).into_iter();
                    let given = given.flatten();
                    flushed.extend(
                        given.map(|given| QueuedBatch::new(pipeline, segment, given, self.now)),
                    );
                }
            }
            let any = !flushed.is_empty();
            for batch in flushed {
                self.advance_queued(batch)?;
            }
            if !any && !self.tick(true)? {
                return Ok(());
            }
        }
    }

    /// Runs a batch that a joint gave.
    fn advance_queued(&mut self, queued: QueuedBatch) -> Result<(), OfflineError> {
        let pipeline = queued.pipeline.clone();
        if let Some(joint) = pipeline.joint(queued.segment) {
            joint.done(&queued.given);
        }
        let batch = Batch::parse(pipeline.id.signal, queued.given.batch.bytes)?;
        self.advance(&pipeline, queued.segment + 1, queued.given.shard, batch)
    }

    /// The totals of each connector at the end.
    fn measured(&self) -> Vec<(ComponentId, Bytes)> {
        let totals = self.totals.iter();
        let flushed = totals.filter_map(|(id, totals)| {
            let flushed = totals.flush(self.now, true)?;
            Some((id.clone(), flushed.request.encode_to_vec().into()))
        });
        flushed.collect()
    }

    /// Runs a batch from a segment to the end, and the batches that it completes.
    fn advance(
        &mut self,
        pipeline: &Arc<Pipeline>,
        segment: usize,
        shard: Option<usize>,
        batch: Batch,
    ) -> Result<(), OfflineError> {
        let mut waiting = VecDeque::from([(PipelineUse::of(pipeline), segment, shard, batch)]);
        while let Some((pipeline, segment, shard, batch)) = waiting.pop_front() {
            let refused = |refusal| OfflineError::Refused {
                pipeline: pipeline.id.clone(),
                refusal,
            };
            let step = Step {
                worker: 0,
                shard,
                segment,
                origin: match segment {
                    0 => Origin::Sender,
                    _ => Origin::Batcher,
                },
                received_unix_nano: self.now,
                virtual_now: Some(self.now),
                // A recording has none.
                metadata: &RequestMetadata::default(),
                trace: &TraceContext::default(),
            };
            let mut result = RunResult::default();
            pipeline.run(step, &batch, &mut result).map_err(refused)?;
            let mut queued = result.released;
            for delivery in result.deliveries {
                let (pipeline, segment) = (delivery.pipeline.clone(), delivery.segment);
                let joint = pipeline.joint(segment);
                match joint {
                    _ if delivery.output.spliced.items == 0 => {}
                    None => {
                        let exported = self.exported.entry(pipeline.id.clone());
                        exported.or_default().push(delivery.output.spliced.clone());
                    }
                    Some(joint) => {
                        let full = || refused(Refusal::Internal("a joint has no room".to_owned()));
                        let room = pipeline.reserve(segment, &delivery.output);
                        let given = joint.fill(room.ok_or_else(full)?, &delivery.output);
                        let given = given.into_iter();
                        queued
                            .extend(given.map(|given| {
                                QueuedBatch::new(&pipeline, segment, given, self.now)
                            }));
                    }
                }
                delivery.commit(&Losses::default());
            }
            for batch in queued {
                if let Some(joint) = batch.pipeline.joint(batch.segment) {
                    joint.done(&batch.given);
                }
                let parsed = Batch::parse(batch.pipeline.id.signal, batch.given.batch.bytes)?;
                let (segment, shard) = (batch.segment + 1, batch.given.shard);
                waiting.push_back((batch.pipeline, segment, shard, parsed));
            }
        }
        Ok(())
    }
}
