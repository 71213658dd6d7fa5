//! Whose work it is.

use std::fmt;

use crate::config::{ComponentId, PipelineId};

/// Requests from this size on are not short, whatever their queue is.
pub(super) const LARGE: usize = 1024 * 1024;

/// Whose work it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pipeline) enum Owner {
    /// Requests of a receiver, large ones apart.
    Receiver { id: ComponentId, is_large: bool },
    /// Batches of the batcher behind a segment of a pipeline.
    Batcher { pipeline: PipelineId },
    /// Batches of one shard's traces, and what is due for traces that it holds: one after the other, since one instance
    /// does it all.
    Shard {
        pipeline: PipelineId,
        segment: usize,
        shard: usize,
    },
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Receiver { id, .. } => id.fmt(f),
            Owner::Batcher { pipeline } | Owner::Shard { pipeline, .. } => pipeline.fmt(f),
        }
    }
}

impl Owner {
    /// Requests of so many bytes that a receiver took.
    pub(in crate::pipeline) fn receiver(id: &ComponentId, bytes: usize) -> Self {
        Owner::Receiver {
            id: id.clone(),
            is_large: bytes >= LARGE,
        }
    }

    /// Whether its work is done by one worker at a time, in order.
    pub(super) fn is_serial(&self) -> bool {
        matches!(self, Owner::Shard { .. })
    }

    pub(super) fn is_large(&self) -> bool {
        matches!(self, Owner::Receiver { is_large: true, .. })
    }
}
