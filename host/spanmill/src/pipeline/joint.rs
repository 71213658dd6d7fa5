//! What stands between two segments of a pipeline: a `batch` processor, or the way to a worker that sees whole traces, or
//! what is held until its trace is decided on.
//!
//! A joint takes a request whole or not at all. From then on it owns the request, and gives out batches, which workers run
//! through the next segment. What it has taken counts as held until a delivery owns it.

mod batch;
mod hold;
mod passing;
mod room;
mod shards;

use std::sync::Arc;

pub(super) use batch::Batcher;
pub use hold::HeldMemory;
pub(super) use hold::{HeldBatch, HeldShard, HeldTraces};
pub(super) use passing::{JointBatch, ReleasedTraces, SegmentOutput};
pub(super) use room::RoomReservation;
pub(super) use shards::TraceShards;

use crate::config::{self, ComponentId, PipelineId};
use crate::storage::{StorageError, StorageSettings};

/// Which joint stands where. Pipelines with the same joints can take each other's place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum JointPlan {
    Batch(config::Batch),
    ByTrace {
        shards: usize,
    },
    Hold {
        component: ComponentId,
        shards: usize,
        /// Where what is held is stored, if it is.
        storage: Option<StorageSettings>,
    },
}

pub(super) enum Joint {
    /// Joins and cuts.
    Batch(Batcher),
    /// Leads each trace to the one worker that sees all of it.
    ByTrace(TraceShards),
    /// Keeps what the plugin before it holds, and passes on what it lets go.
    Hold(HeldTraces),
}

impl Joint {
    /// # Errors
    ///
    /// If held rows are to be stored and cannot be.
    pub(super) fn new(
        pipeline: &PipelineId,
        plan: JointPlan,
        memory: &Arc<HeldMemory>,
    ) -> Result<Self, StorageError> {
        let signal = pipeline.signal;
        Ok(match plan {
            JointPlan::Batch(batch) => Joint::Batch(Batcher::new(signal, batch)),
            JointPlan::ByTrace { shards } => Joint::ByTrace(TraceShards::new(shards)),
            JointPlan::Hold {
                component,
                shards,
                storage,
            } => {
                let held = HeldTraces::new(component, signal, shards, Arc::clone(memory));
                Joint::Hold(match memory.storages().zip(storage) {
                    Some((storages, storage)) => held.recovered(storages, storage, pipeline)?,
                    None => held,
                })
            }
        })
    }

    /// Reserves room for what left the segment before it, or returns `None` if there is none.
    pub(super) fn reserve(&self, output: &SegmentOutput) -> Option<RoomReservation<'_>> {
        match self {
            Joint::Batch(batcher) => batcher.reserve(output),
            Joint::ByTrace(shards) => shards.reserve(output),
            Joint::Hold(held) => held.reserve(output),
        }
    }

    /// Takes what left the segment before it; returns the batches that are ready now.
    pub(super) fn fill(
        &self,
        room: RoomReservation<'_>,
        output: &SegmentOutput,
    ) -> Vec<JointBatch> {
        room.keep();
        match self {
            Joint::Batch(batcher) => batcher.push(output.spliced.clone(), &output.metadata),
            Joint::ByTrace(_) => {
                let shards = output.by_shard.iter();
                shards
                    .map(|(shard, batch)| JointBatch {
                        shard: Some(*shard),
                        batch: batch.clone(),
                        metadata: output.metadata.clone(),
                        trace: output.trace.clone(),
                        released: None,
                    })
                    .collect()
            }
            Joint::Hold(_) => vec![JointBatch {
                shard: output.shard,
                batch: output.spliced.clone(),
                metadata: output.metadata.clone(),
                trace: output.trace.clone(),
                released: None,
            }],
        }
    }

    /// Gives back the room of a batch that is in other hands, or lost.
    pub(super) fn done(&self, batch: &JointBatch) {
        match self {
            Joint::Batch(batcher) => batcher.done(batch),
            Joint::ByTrace(shards) => shards.done(batch),
            Joint::Hold(held) => held.done(batch),
        }
    }

    /// Items taken and not yet in other hands.
    pub(super) fn held_items(&self) -> usize {
        match self {
            Joint::Batch(batcher) => batcher.held_items(),
            Joint::ByTrace(shards) => shards.held_items(),
            Joint::Hold(held) => held.held_items(),
        }
    }

    /// Takes out everything that waits for more to join it. Held traces stay: their plugin decides.
    pub(super) fn flush(&self) -> Vec<JointBatch> {
        match self {
            Joint::Batch(batcher) => batcher.flush(),
            Joint::ByTrace(_) | Joint::Hold(_) => Vec::new(),
        }
    }

    /// What it is.
    pub(super) fn plan(&self) -> JointPlan {
        match self {
            Joint::Batch(batcher) => JointPlan::Batch(batcher.config().clone()),
            Joint::ByTrace(shards) => JointPlan::ByTrace {
                shards: shards.count(),
            },
            Joint::Hold(held) => JointPlan::Hold {
                component: held.component().clone(),
                shards: held.shards(),
                storage: held.storage().cloned(),
            },
        }
    }

    /// What waits for its time: `None` for what has none.
    pub(super) fn batcher(&self) -> Option<&Batcher> {
        match self {
            Joint::Batch(batcher) => Some(batcher),
            _ => None,
        }
    }

    /// What it holds for a plugin.
    pub(super) fn held(&self) -> Option<&HeldTraces> {
        match self {
            Joint::Hold(held) => Some(held),
            _ => None,
        }
    }
}
