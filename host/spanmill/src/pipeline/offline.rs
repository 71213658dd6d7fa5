//! Pipelines without a network and without threads: the same chains, one batch after the other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use spanmill_otlp::{Batch, Malformed, Spliced};
use thiserror::Error;

use super::build::{BuildError, Builder, ByConnector, ByPipeline, PreparedPipeline};
use super::chain::Origin;
use super::load::LoadedPlugin;
use super::joint::{HeldMemory, SegmentOutput};
use super::run::{RunResult, Step};
use super::segments::{Destinations, Pipeline, PipelineUse};
use crate::config::{ComponentId, Manifest, PipelineId, Signal};
use crate::losses::Losses;
use crate::refusal::Refusal;

/// The pipelines of a manifest, to be fed by hand.
pub struct Offline<'m> {
    manifest: &'m Manifest,
    pipelines: ByPipeline,
    totals: ByConnector,
    /// What each pipeline would have exported so far.
    exported: BTreeMap<PipelineId, Vec<Spliced>>,
}

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
    #[error("pipeline {pipeline}: {refusal}")]
    Refused {
        /// The pipeline.
        pipeline: PipelineId,
        /// What a sender would have been told.
        refusal: Refusal,
    },
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
            held: Arc::new(HeldMemory::new(u64::MAX)),
        };
        let pipelines = builder.pipelines()?.into_iter().map(|made| match made {
            PreparedPipeline::New(pipeline) | PreparedPipeline::Kept { pipeline, .. } => pipeline,
        });
        let pipelines: ByPipeline = pipelines
            .map(|pipeline| (pipeline.id.clone(), pipeline))
            .collect();
        for config in &manifest.pipelines {
            let forwards = manifest.forwards(config);
            let forwards = forwards.filter_map(|onward| pipelines.get(&onward.id));
            if let Some(pipeline) = pipelines.get(&config.id) {
                drop(pipeline.set_destinations(Destinations {
                    forwards: forwards.map(PipelineUse::of).collect(),
                    ..Destinations::default()
                }));
            }
        }
        Ok(Offline {
            manifest,
            pipelines,
            totals,
            exported: BTreeMap::new(),
        })
    }

    /// Feeds requests to every pipeline of their signal that has a receiver, then what connectors measured of them to the
    /// pipelines that take it.
    pub fn run(mut self, requests: &[Recorded]) -> Result<Replayed, OfflineError> {
        let end = requests.iter().map(|one| one.received_unix_nano).max();
        let end = end.unwrap_or(0);
        for one in requests {
            let is_receiver = |id: &ComponentId| self.manifest.receivers.contains_key(id);
            let fed = self.fed(one.signal, is_receiver);
            let batch = Batch::parse(one.signal, one.bytes.clone())?;
            self.feed(&fed, &batch, one.received_unix_nano)?;
        }
        self.flush(end)?;
        for (connector, bytes) in self.measured(end) {
            let fed = self.fed(Signal::Metrics, |id| *id == connector);
            let batch = Batch::parse(Signal::Metrics, bytes)?;
            self.feed(&fed, &batch, end)?;
        }
        self.flush(end)?;
        let mut exported = self.exported;
        let ids = self.pipelines.into_keys();
        Ok(ids
            .map(|id| {
                let out = exported.remove(&id).unwrap_or_default();
                (id, out)
            })
            .collect())
    }

    /// The pipelines of a signal that some component feeds, in the order of the manifest.
    fn fed(&self, signal: Signal, feeds: impl Fn(&ComponentId) -> bool) -> Vec<Arc<Pipeline>> {
        let pipelines = self.manifest.pipelines.iter();
        pipelines
            .filter(|config| config.id.signal == signal && config.receivers.iter().any(&feeds))
            .filter_map(|config| self.pipelines.get(&config.id).cloned())
            .collect()
    }

    fn feed(
        &mut self,
        pipelines: &[Arc<Pipeline>],
        batch: &Batch,
        received_unix_nano: u64,
    ) -> Result<(), OfflineError> {
        if batch.item_count() > 0 {
            for pipeline in pipelines {
                self.advance(pipeline, 0, batch.clone(), received_unix_nano)?;
            }
        }
        Ok(())
    }

    /// Sends on what batchers hold, until none holds anything.
    fn flush(&mut self, end: u64) -> Result<(), OfflineError> {
        loop {
            let mut flushed = Vec::new();
            for pipeline in self.pipelines.values() {
                for segment in 0..pipeline.segments.len() {
                    let Some(batcher) = pipeline.batcher(segment) else {
                        continue;
                    };
                    for batch in batcher.flush() {
                        batcher.done(&batch);
                        flushed.push((Arc::clone(pipeline), segment + 1, batch));
                    }
                }
            }
            if flushed.is_empty() {
                return Ok(());
            }
            for (pipeline, segment, batch) in flushed {
                let batch = Batch::parse(pipeline.id.signal, batch.bytes)?;
                self.advance(&pipeline, segment, batch, end)?;
            }
        }
    }

    /// The totals of each connector at the end.
    fn measured(&self, end: u64) -> Vec<(ComponentId, Bytes)> {
        let totals = self.totals.iter();
        let flushed = totals.filter_map(|(id, totals)| {
            let flushed = totals.flush(end, true)?;
            Some((id.clone(), flushed.request.encode_to_vec().into()))
        });
        flushed.collect()
    }

    /// Runs a batch from a segment to the end, and the batches that it completes.
    fn advance(
        &mut self,
        pipeline: &Arc<Pipeline>,
        segment: usize,
        batch: Batch,
        received_unix_nano: u64,
    ) -> Result<(), OfflineError> {
        let mut waiting = VecDeque::from([(PipelineUse::of(pipeline), segment, batch)]);
        while let Some((pipeline, segment, batch)) = waiting.pop_front() {
            let refused = |refusal| OfflineError::Refused {
                pipeline: pipeline.id.clone(),
                refusal,
            };
            let step = Step {
                worker: 0,
                segment,
                origin: match segment {
                    0 => Origin::Sender,
                    _ => Origin::Batcher,
                },
                received_unix_nano,
            };
            let mut deliveries = Vec::new();
            pipeline
                .run(step, &batch, &mut deliveries)
                .map_err(refused)?;
            for delivery in deliveries {
                let (pipeline, segment) = (delivery.pipeline.clone(), delivery.segment);
                let left = delivery.spliced.clone();
                delivery.commit(&Losses::default());
                match pipeline.batcher(segment) {
                    _ if left.items == 0 => {}
                    None => {
                        let exported = self.exported.entry(pipeline.id.clone());
                        exported.or_default().push(left);
                    }
                    Some(batcher) => {
                        let full = || {
                            refused(Refusal::Internal(
                                "the batch processor has no room".to_owned(),
                            ))
                        };
                        let room = batcher.reserve(&left).ok_or_else(full)?;
                        for batch in room.fill(left) {
                            batcher.done(&batch);
                            let batch = Batch::parse(pipeline.id.signal, batch.bytes)?;
                            waiting.push_back((pipeline.clone(), segment + 1, batch));
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
