//! What workers do.

use std::sync::Arc;

use spanmill_otlp::ItemLimits;
use tokio::sync::oneshot;

use super::coalescing::Coalescing;
use super::delivery::Delivery;
use super::queued::{QueuedBatch, QueuedTick};
use super::segments::PipelineUse;
use crate::config::ComponentId;
use crate::memory::Reservation;
use crate::receive::Received;
use crate::received::ReceiverCounts;
use crate::refusal::Refusal;
use crate::tracer::TraceContext;

/// What a worker does.
pub(super) enum Work {
    Request(RequestWork),
    Batched(QueuedBatch),
    Tick(QueuedTick),
}

/// Where the answer to a request goes.
pub(super) type Reply = oneshot::Sender<Result<(), Refusal>>;

/// What came of a batch, to be handed over before its senders are answered.
pub(super) struct RanBatch {
    pub(super) deliveries: Vec<Delivery>,
    /// The memory that this takes.
    pub(super) memory: Reservation,
    /// The requests that the batch is made of, and how many items each has.
    pub(super) requests: Vec<(RequestWork, u64)>,
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
    /// What its receiver counts.
    pub(super) counts: Arc<ReceiverCounts>,
    /// The trace of the service's work on it, and the receiver's name for it if there is one.
    pub(super) trace: TraceContext,
    pub(super) traced: Option<ComponentId>,
    /// Whether it may share a batch with others: `None` if not, as where its processing is traced.
    pub(super) coalescing: Option<Arc<Coalescing>>,
}

impl PendingRequest {
    /// Counts a request that has come to its end; `items` is 0 if nobody knows.
    pub(super) fn count(&self, items: u64, result: Result<(), &Refusal>) {
        let Received {
            signal, transport, ..
        } = self.request;
        self.counts.count(transport, signal, items, result);
        if let Some(receiver) = &self.traced {
            let name = format_args!("receiver/{receiver}/{signal}");
            let error = result.err().map(ToString::to_string);
            self.trace.end(&name, vec![("items", items)], error);
        }
    }
}

impl RequestWork {
    /// Answers the sender.
    pub(super) fn answer(self, items: u64, result: Result<(), Refusal>) {
        self.pending.count(items, result.as_ref().copied());
        // Nobody waits for the answer if the sender has hung up.
        let _ = self.reply.send(result);
    }
}
