//! The threads that run batches.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use spanmill_otlp::Batch;

use super::chain::Origin;
use super::delivery::Delivery;
use super::run::{RunResult, Step};
use super::scheduler::Owner;
use super::segments::PipelineUse;
use super::shared::Shared;
use super::work::{PendingRequest, RanBatch, RequestWork, Work};
use crate::memory::{Reservation, Shortage};
use crate::metadata::RequestMetadata;
use crate::panics::contained;
use crate::refusal::Refusal;

/// Requests that take less than this on average may keep the thread that receives them.
const SHORT_ENOUGH: Duration = Duration::from_micros(250);

impl Shared {
    /// Runs one request through its pipelines.
    pub(super) fn run_alone(self: &Arc<Self>, worker: usize, owner: &Owner, mut work: RequestWork) {
        let PendingRequest {
            items,
            request,
            pipelines,
            received_unix_nano,
            trace,
            ..
        } = &mut work.pending;
        let bytes = std::mem::take(&mut request.bytes);
        let batch = match Batch::parse_within(request.signal, bytes, items) {
            Ok(batch) => batch,
            Err(error) => return work.answer(0, Err(error.into())),
        };
        let step = Step {
            worker,
            shard: None,
            segment: 0,
            origin: Origin::Sender,
            received_unix_nano: *received_unix_nano,
            virtual_now: None,
            metadata: &request.metadata,
            trace,
        };
        let items = batch.item_count() as u64;
        let memory = std::mem::replace(&mut request.memory, self.in_flight.nothing());
        match self.run_batch(step, owner, batch, memory, pipelines) {
            Ok((deliveries, memory)) => self.finish(
                owner,
                RanBatch {
                    deliveries,
                    memory,
                    requests: vec![(work, items)],
                },
            ),
            Err(refusal) => work.answer(items, Err(refusal)),
        }
    }

    /// Runs the batch of a sender, or of several, through its pipelines.
    pub(super) fn run_batch(
        &self,
        step: Step<'_>,
        owner: &Owner,
        batch: Batch,
        mut memory: Reservation,
        pipelines: &[PipelineUse],
    ) -> Result<(Vec<Delivery>, Reservation), Refusal> {
        let mut result = RunResult::default();
        if batch.item_count() == 0 {
            return Ok((result.deliveries, memory));
        }
        // Refused before plugins see it: what they count and keep would otherwise count twice.
        let of_metadata = step.metadata.memory_bytes();
        let copies = self.copies_of_headers(&batch, step.metadata);
        let needed = memory_needed(&batch, step.metadata).saturating_add(copies);
        memory.grow_to(needed).map_err(|shortage| match shortage {
            Shortage::ForNow => self.no_room(owner),
            Shortage::ForGood { wanted, total } => Refusal::TooLarge(format!(
                "processing it takes about {} MiB, and limits.in_flight_mib is {}; send smaller ones",
                wanted >> 20,
                total >> 20
            )),
        })?;
        for pipeline in pipelines {
            pipeline.run(step, &batch, &mut result)?;
        }
        drop(batch);
        let deliveries = result.deliveries;
        let left = deliveries.iter().map(|one| one.output.spliced.bytes.len());
        memory.shrink_to(left.sum::<usize>().saturating_add(of_metadata));
        Ok((deliveries, memory))
    }
}

/// Memory that a batch takes while it is run, in bytes.
pub(super) fn memory_needed(batch: &Batch, metadata: &RequestMetadata) -> usize {
    let length = batch.bytes().len();
    length
        .saturating_add(batch.memory_bytes())
        .saturating_add(metadata.memory_bytes())
}

impl Shared {
    /// Runs a request on the thread that has received it, in the place of a worker that has nothing to do; gives it back if that
    /// cannot be.
    pub(super) fn run_here(
        self: &Arc<Self>,
        owner: &Owner,
        work: RequestWork,
    ) -> Option<RequestWork> {
        let Some(place) = self.scheduler.borrow(owner, SHORT_ENOUGH) else {
            return Some(work);
        };
        let began = Instant::now();
        let run = || self.run_alone(place.worker, owner, work);
        drop(catch_unwind(AssertUnwindSafe(|| contained(run))));
        self.scheduler.done(owner, began.elapsed());
        None
    }
}

/// A worker's life.
pub(super) fn work(worker: usize, shared: &Arc<Shared>, next: impl Fn() -> Option<(Owner, Work)>) {
    while let Some((owner, work)) = next() {
        let began = Instant::now();
        // A bug must cost one batch, not the worker.
        let run = || match work {
            Work::Request(request) => shared.run_requests(worker, &owner, request),
            Work::Batched(batched) => shared.run_batched(worker, batched),
            Work::Tick(tick) => shared.run_tick(tick),
        };
        // The panic was logged; a request's sender is told.
        drop(catch_unwind(AssertUnwindSafe(|| contained(run))));
        shared.scheduler.done(&owner, began.elapsed());
    }
}
