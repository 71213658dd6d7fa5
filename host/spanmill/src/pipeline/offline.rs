//! Pipelines without a network and without threads: the same chains, one batch after the other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use spanmill_otlp::{Batch, Malformed, Signal, Spliced};
use thiserror::Error;

use super::build::{BuildError, Builder, ByConnector, ByPipeline, Made};
use super::load::LoadedPlugin;
use super::segments::Pipeline;
use crate::config::{ComponentId, Manifest, PipelineId};
use crate::losses::Losses;
use crate::metrics::Flushed;
use crate::refusal::Refusal;

/// The traces pipelines of a manifest, to be fed by hand.
pub struct Offline {
    pipelines: Vec<Arc<Pipeline>>,
    totals: ByConnector,
}

/// What came out.
pub struct Replayed {
    /// For each traces pipeline, the requests it would have exported.
    pub traces: Vec<(PipelineId, Vec<Spliced>)>,
    /// For each connector, its totals at the end.
    pub metrics: Vec<(ComponentId, Flushed)>,
}

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

impl Offline {
    /// Builds the pipelines.
    pub fn new(
        manifest: &Manifest,
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
        let pipelines = pipelines.collect();
        Ok(Offline { pipelines, totals })
    }

    /// Feeds requests to every pipeline, each with the time it was received at.
    pub fn run(self, requests: Vec<(Bytes, u64)>) -> Result<Replayed, OfflineError> {
        let mut end = 0;
        let mut traces = Vec::with_capacity(self.pipelines.len());
        for pipeline in &self.pipelines {
            let mut out = Vec::new();
            for (bytes, received_unix_nano) in &requests {
                end = end.max(*received_unix_nano);
                let batch = Batch::parse(Signal::Traces, bytes.clone())?;
                if batch.item_count() > 0 {
                    advance(pipeline, 0, batch, *received_unix_nano, &mut out)?;
                }
            }
            // What batchers still hold, from the first to the last.
            for segment in 0..pipeline.segments.len() {
                for batch in pipeline
                    .batcher(segment)
                    .map_or_else(Vec::new, |batcher| batcher.flush())
                {
                    advance(
                        pipeline,
                        segment + 1,
                        Batch::parse(Signal::Traces, batch.bytes)?,
                        end,
                        &mut out,
                    )?;
                }
            }
            traces.push((pipeline.id.clone(), out));
        }
        let totals = self.totals.iter();
        let metrics = totals
            .filter_map(|(id, totals)| Some((id.clone(), totals.flush(end, true)?)))
            .collect();
        Ok(Replayed { traces, metrics })
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
                    waiting.push_back((segment + 1, Batch::parse(Signal::Traces, batch.bytes)?));
                }
            }
        }
    }
    Ok(())
}
