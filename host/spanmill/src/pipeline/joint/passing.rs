//! What comes to a joint, and what a joint gives.

use spanmill_otlp::Spliced;

use crate::metadata::RequestMetadata;
use crate::tracer::TraceContext;

/// What has left a segment.
pub(in crate::pipeline) struct SegmentOutput {
    pub(in crate::pipeline) spliced: Spliced,
    /// The same by shard, if it is led to shards next.
    pub(in crate::pipeline) by_shard: Vec<(usize, Spliced)>,
    /// The shard that ran it, if the segment has them.
    pub(in crate::pipeline) shard: Option<usize>,
    /// What its sender said beside it.
    pub(in crate::pipeline) metadata: RequestMetadata,
    /// The trace of the request that it is of.
    pub(in crate::pipeline) trace: TraceContext,
}

/// A batch that a joint gives.
pub(in crate::pipeline) struct JointBatch {
    /// The shard of the next segment that is to run it; `None`: any worker.
    pub(in crate::pipeline) shard: Option<usize>,
    pub(in crate::pipeline) batch: Spliced,
    /// What its sender said beside it, as far as that is one and the same for all of the batch.
    pub(in crate::pipeline) metadata: RequestMetadata,
    /// The trace of the request that it is of, if it is of one.
    pub(in crate::pipeline) trace: TraceContext,
    /// Of stored rows that a plugin has released: which traces they are of.
    pub(in crate::pipeline) released: Option<ReleasedTraces>,
}

/// Traces whose rows were held and stored, and are no longer once they are delivered.
pub(in crate::pipeline) struct ReleasedTraces {
    pub(in crate::pipeline) traces: Vec<u128>,
    /// The last record of the journal that may have any of the rows.
    pub(in crate::pipeline) journal_number: u64,
}

/// The memory of a batch on its way from a joint, and of what its sender said beside it.
pub(super) fn passing_bytes(batch: &Spliced, metadata: &RequestMetadata) -> usize {
    batch.bytes.len().saturating_add(metadata.memory_bytes())
}
