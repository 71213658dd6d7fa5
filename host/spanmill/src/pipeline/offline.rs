//! Pipelines without a network and without threads: the same chains, one batch after the other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use spanmill_otlp::{Batch, Malformed, Spliced};
use thiserror::Error;

use super::build::{BuildError, Builder, ByConnector, ByPipeline, Made};
use super::load::LoadedPlugin;
use super::segments::Pipeline;
use crate::config::{ComponentId, Manifest, PipelineId, Signal};
use crate::losses::Losses;
use crate::refusal::Refusal;

/// The pipelines of a manifest, to be fed by hand.
pub struct Offline<'m> {
    manifest: &'m Manifest,
    pipelines: Vec<Arc<Pipeline>>,
    totals: ByConnector,
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
            lanes: 1,
            eager: 1,
        };
        let pipelines = builder.pipelines()?.into_iter().map(|made| match made {
            Made::New(pipeline) | Made::Kept { pipeline, .. } => pipeline,
        });
        // Connectors give metrics: what they measure is known once everything else is done.
        let mut pipelines: Vec<_> = pipelines.collect();
        pipelines.sort_by_key(|pipeline| pipeline.id.signal);
        Ok(Offline {
            manifest,
            pipelines,
            totals,
        })
    }

    /// Feeds requests to every pipeline of their signal that has a receiver.
    pub fn run(self, requests: &[Recorded]) -> Result<Replayed, OfflineError> {
        let end = requests.iter().map(|one| one.received_unix_nano).max();
        let end = end.unwrap_or(0);
        let mut replayed = Replayed::new();
        let mut measured: Option<Vec<(ComponentId, Bytes)>> = None;
        for pipeline in &self.pipelines {
            let signal = pipeline.id.signal;
            let mut out = Vec::new();
            let config = self.manifest.pipelines.iter();
            let config = config.filter(|config| config.id == pipeline.id);
            let sources = config.flat_map(|config| &config.receivers);
            let (connectors, receivers): (Vec<_>, Vec<_>) =
                sources.partition(|id| self.manifest.connectors.contains_key(*id));
            let of_signal = requests.iter().filter(|one| one.signal == signal);
            for one in of_signal.filter(|_| !receivers.is_empty()) {
                let batch = Batch::parse(signal, one.bytes.clone())?;
                if batch.item_count() > 0 {
                    advance(pipeline, 0, batch, one.received_unix_nano, &mut out)?;
                }
            }
            if !connectors.is_empty() {
                let measured = measured.get_or_insert_with(|| self.measured(end));
                let from = |id: &ComponentId| connectors.contains(&id);
                for (_, bytes) in measured.iter().filter(|(id, _)| from(id)) {
                    let batch = Batch::parse(signal, bytes.clone())?;
                    advance(pipeline, 0, batch, end, &mut out)?;
                }
            }
            // What batchers still hold, from the first to the last.
            for segment in 0..pipeline.segments.len() {
                for batch in pipeline
                    .batcher(segment)
                    .map_or_else(Vec::new, |batcher| batcher.flush())
                {
                    let batch = Batch::parse(signal, batch.bytes)?;
                    advance(pipeline, segment + 1, batch, end, &mut out)?;
                }
            }
            replayed.push((pipeline.id.clone(), out));
        }
        Ok(replayed)
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
}

/// Runs a batch from a segment to the end, and the batches that it completes.
fn advance(
    pipeline: &Arc<Pipeline>,
    segment: usize,
    batch: Batch,
    received_unix_nano: u64,
    out: &mut Vec<Spliced>,
) -> Result<(), OfflineError> {
    let mut waiting = VecDeque::from([(segment, batch)]);
    while let Some((segment, batch)) = waiting.pop_front() {
        let refused = |refusal| OfflineError::Refused {
            pipeline: pipeline.id.clone(),
            refusal,
        };
        let delivery = pipeline
            .run(0, segment, &batch, received_unix_nano)
            .map_err(refused)?;
        let left = delivery.spliced.clone();
        delivery.commit(&Losses::default());
        match pipeline.batcher(segment) {
            _ if left.items == 0 => {}
            None => out.push(left),
            Some(batcher) => {
                let full = || {
                    refused(Refusal::Internal(
                        "the batch processor has no room".to_owned(),
                    ))
                };
                let room = batcher.reserve(&left).ok_or_else(full)?;
                for batch in room.fill(left) {
                    batcher.done(&batch);
                    waiting
                        .push_back((segment + 1, Batch::parse(pipeline.id.signal, batch.bytes)?));
                }
            }
        }
    }
    Ok(())
}
