//! What workers do.

use std::sync::Arc;

use spanmill_otlp::ItemLimits;
use tokio::sync::oneshot;

use super::coalesce::Coalescing;
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
    pub(super) result: Result<RanBatch, Refusal>,
}

/// What came of a batch.
#[derive(Default)]
pub(super) struct RanBatch {
    /// What is to be handed over. Nothing of a request that shared a batch: another one's sender sees to it.
    pub(super) deliveries: Vec<Delivery>,
    /// The memory that this takes.
    pub(super) memory: Option<Reservation>,
    /// The requests that shared the batch, if there were several.
    pub(super) coalesced: Option<Coalesced>,
}

/// The requests of one batch. Whoever hands over the batch answers for all of them.
pub(super) struct Coalesced {
    /// The request of the one who hands over.
    pub(super) own: PendingRequest,
    /// The others, and how many items each has.
    pub(super) others: Vec<(RequestWork, u64)>,
}

/// A request to be run, and where to say what became of it.
pub(super) struct RequestWork {
    pub(super) pending: PendingRequest,
    pub(super) reply: Reply,
}

/// A request to be run.
pub(super) struct PendingRequest {
    /// What the request may hold.
    pub(super) items: ItemLimits,
    pub(super) request: Received,
    pub(super) pipelines: Arc<[PipelineUse]>,
    pub(super) received_unix_nano: u64,
    /// The trace of the service's work on it.
    pub(super) trace: TraceContext,
    /// Whether it may share a batch with others: `None` if not.
    pub(super) coalescing: Option<Arc<Coalescing>>,
}
