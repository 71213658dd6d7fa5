//! Work that waits for a worker: batches that joints gave, and what is due for rows that plugins hold.

use std::sync::Arc;

use super::joint::JointBatch;
use super::segments::{Pipeline, PipelineUse};

/// A batch that a joint gave, on its way through the next segment.
pub(super) struct QueuedBatch {
    pub(super) pipeline: PipelineUse,
    /// The segment whose joint it came from.
    pub(super) segment: usize,
    pub(super) given: JointBatch,
    pub(super) received_unix_nano: u64,
    /// Refusals so far.
    pub(super) attempts: u32,
}

impl QueuedBatch {
    /// A batch that the joint behind a segment gives.
    pub(super) fn new(
        pipeline: &Arc<Pipeline>,
        segment: usize,
        given: JointBatch,
        received_unix_nano: u64,
    ) -> Self {
        QueuedBatch {
            pipeline: PipelineUse::of(pipeline),
            segment,
            given,
            received_unix_nano,
            attempts: 0,
        }
    }
}

/// Something due in one shard of a segment.
pub(super) struct QueuedTick {
    pub(super) pipeline: PipelineUse,
    pub(super) segment: usize,
    pub(super) shard: usize,
    pub(super) kind: TickKind,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TickKind {
    /// The plugin is asked.
    Ask,
    /// The plugin is told that this is the end; what it holds then is released.
    End,
    /// Rows that were released go on.
    Release,
    /// Rows of traces that are quiet are compressed.
    Pack,
    /// Time has passed, for plugins that measure what has not come.
    Time,
}

impl QueuedTick {
    pub(super) fn new(
        pipeline: &Arc<Pipeline>,
        segment: usize,
        shard: usize,
        kind: TickKind,
    ) -> Self {
        QueuedTick {
            pipeline: PipelineUse::of(pipeline),
            segment,
            shard,
            kind,
        }
    }
}
