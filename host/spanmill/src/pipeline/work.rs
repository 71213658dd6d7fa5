//! What workers do.

use std::sync::Arc;

use spanmill_otlp::ItemLimits;
use tokio::sync::oneshot;

use super::delivery::Delivery;
use super::queued::{QueuedBatch, QueuedTick};
use super::segments::PipelineUse;
use crate::memory::Reservation;
use crate::receive::Received;
use crate::refusal::Refusal;
use crate::tracer::TraceContext;

/// What a worker does.
pub(super) enum Work {
    Request(RequestWork),
    Batched(QueuedBatch),
    Tick(QueuedTick),
}

/// Where what became of a request goes.
pub(super) type Reply = oneshot::Sender<RanRequest>;

/// What became of a request.
pub(super) struct RanRequest {
    /// How many spans, log records or data points it has; 0 if it is not OTLP.
    pub(super) items: u64,
    pub(super) result: Result<(Vec<Delivery>, Reservation), Refusal>,
}

/// A request to be run.
pub(super) struct RequestWork {
    /// What the request may hold.
    pub(super) items: ItemLimits,
    pub(super) request: Received,
    pub(super) pipelines: Arc<[PipelineUse]>,
    pub(super) received_unix_nano: u64,
    /// The trace of the service's work on it.
    pub(super) trace: TraceContext,
    pub(super) reply: Reply,
}
