//! The way to the worker that sees all of a trace.

use spanmill_otlp::{Batch, Spliced};

use super::passing::{JointBatch, SegmentOutput, passing_bytes};
use super::room::{Room, RoomReservation};

/// Bytes that are on their way to shards at most.
const MAX_BYTES: usize = 128 * 1024 * 1024;

/// Cuts requests by trace, for a segment with an instance for each shard.
pub(in crate::pipeline) struct TraceShards {
    count: usize,
    room: Room,
}

impl TraceShards {
    pub(in crate::pipeline) fn new(count: usize) -> Self {
        TraceShards {
            count,
            room: Room::new(usize::MAX, MAX_BYTES),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// What each shard gets of a batch; those that get nothing are left out.
    pub(in crate::pipeline) fn split(&self, batch: &Batch) -> Vec<(usize, Spliced)> {
        let mut parts = batch.parts().iter();
        let mut shards: Vec<(Vec<Spliced>, usize)> = vec![(Vec::new(), 0); self.count];
        for part in &mut parts {
            let split = part.split_by_trace(self.count);
            for ((pieces, items), piece) in shards.iter_mut().zip(split) {
                if piece.items > 0 {
                    *items += piece.items;
                    pieces.push(piece);
                }
            }
        }
        let there = shards.into_iter().enumerate();
        there
            .filter(|(_, (_, items))| *items > 0)
            .map(|(shard, (pieces, items))| {
                let bytes =
                    super::batch::join(pieces.into_iter().map(|piece| piece.bytes).collect());
                (shard, Spliced { bytes, items })
            })
            .collect()
    }

    pub(super) fn reserve(&self, output: &SegmentOutput) -> Option<RoomReservation<'_>> {
        let by_shard = output.by_shard.iter();
        let items = by_shard.clone().map(|(_, batch)| batch.items).sum();
        let bytes = by_shard.map(|(_, batch)| passing_bytes(batch, &output.metadata));
        self.room.reserve(items, bytes.sum())
    }

    pub(super) fn done(&self, given: &JointBatch) {
        let bytes = passing_bytes(&given.batch, &given.metadata);
        self.room.give_back(given.batch.items, bytes);
    }

    pub(super) fn held_items(&self) -> usize {
        self.room.held_items()
    }
}
