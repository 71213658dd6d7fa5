//! Requests that wait for a worker, run as one batch.
//!
//! Small requests cost more to move than to process, so a worker takes all that wait for the same pipelines, joins them, and runs
//! and exports them once. Nobody waits for others to come: where nothing waits, requests run one by one.
//!
//! No sender notices what others sent. A request that is malformed is taken out. If anything else goes wrong, each request is run
//! by itself, and for a moment none shares a batch. Requests whose senders said different things in headers that are kept,
//! those whose processing is traced, and those from several addresses where a plugin looks at addresses never share one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use spanmill_otlp::JoinedRequests;

use super::chain::Origin;
use super::run::Step;
use super::scheduler::Owner;
use super::shared::Shared;
use super::work::{PendingRequest, RanBatch, RequestWork, Work};
use super::worker::memory_needed;
use crate::panics::contained;
use crate::tracer::TraceContext;

/// Bytes that requests may have together: with its columns, such a batch stays in the cache of a core.
const BYTES: usize = 512 * 1024;
/// Malformed requests that are taken out of a batch before the rest of it is run one by one.
const TAKEN_OUT: usize = 4;

impl PendingRequest {
    /// Whether another request may share a batch with this one; `apart` if only one from the same address.
    fn joins(&self, other: &PendingRequest, apart: bool) -> bool {
        let (own, others) = (&self.request.metadata, &other.request.metadata);
        self.coalescing.is_some()
            && self.request.signal == other.request.signal
            && Arc::ptr_eq(&self.pipelines, &other.pipelines)
            && own.has_headers_of(others)
            && (!apart || own.has_address_of(others))
    }

    /// Lets its receiver's requests run one by one for a moment.
    pub(super) fn pause(&self) {
        if let Some(coalescing) = &self.coalescing {
            coalescing.pause();
        }
    }

    /// The request, to be run by itself.
    pub(super) fn alone(mut self) -> Self {
        self.coalescing = None;
        self
    }
}

impl Shared {
    /// Runs a request, together with those that wait behind it if they may share a batch.
    pub(super) fn run_requests(self: &Arc<Self>, worker: usize, owner: &Owner, first: RequestWork) {
        let others = match &first.pending.coalescing {
            Some(coalescing) if coalescing.is_on() => {
                let mut bytes = first.pending.request.bytes.len();
                let apart = self.tells_addresses_apart.load(Relaxed);
                self.scheduler.more(owner, |work| match work {
                    Work::Request(other) if other.pending.joins(&first.pending, apart) => {
                        let more = bytes.saturating_add(other.pending.request.bytes.len());
                        if more > BYTES {
                            return false;
                        }
                        bytes = more;
                        true
                    }
                    _ => false,
                })
            }
            _ => Vec::new(),
        };
        if others.is_empty() {
            return self.run_alone(worker, owner, first);
        }
        let mut group = RequestGroup {
            together: vec![first],
            apart: Vec::new(),
        };
        group
            .together
            .extend(others.into_iter().filter_map(|work| match work {
                Work::Request(other) => Some(other),
                _ => None,
            }));
        // A bug that one request meets must not cost the others theirs.
        let together = || self.run_together(worker, owner, &mut group);
        drop(catch_unwind(AssertUnwindSafe(|| contained(together))));
        for request in group.together.into_iter().chain(group.apart) {
            let alone = || self.run_alone(worker, owner, request);
            drop(catch_unwind(AssertUnwindSafe(|| contained(alone))));
        }
    }

    /// Runs a group's requests as one batch. Those that are left in it are to be run one by one.
    fn run_together(self: &Arc<Self>, worker: usize, owner: &Owner, group: &mut RequestGroup) {
        let mut memory = self.in_flight.nothing();
        if memory.grow_to(group.bytes()).is_err() {
            return;
        }
        let Some(joined) = group.join() else {
            return;
        };
        let Some(RequestWork { pending: first, .. }) = group.together.first() else {
            return;
        };
        // Of one sender after all, perhaps; a plugin that looks at addresses may have come after the requests were chosen.
        let metadata = &first.request.metadata;
        let mut others = group.together.iter().map(|work| &work.pending.request);
        let several = match others.all(|other| other.metadata.has_address_of(metadata)) {
            true => None,
            false => Some(metadata.of_several()),
        };
        let metadata = several.as_ref().unwrap_or(metadata);
        let needed = memory_needed(&joined.batch, metadata);
        if memory.grow_to(needed).is_err() {
            return;
        }
        let pending = group.together.iter().map(|work| &work.pending);
        let received = pending.map(|pending| pending.received_unix_nano).min();
        let step = Step {
            worker,
            shard: None,
            segment: 0,
            origin: Origin::Senders,
            received_unix_nano: received.unwrap_or(first.received_unix_nano),
            virtual_now: None,
            metadata,
            trace: &TraceContext::default(),
        };
        match self.run_batch(step, owner, joined.batch, memory, &first.pipelines) {
            Ok((deliveries, memory)) => self.finish(
                owner,
                RanBatch {
                    deliveries,
                    memory,
                    requests: group.take(joined.items, joined.requests),
                },
            ),
            Err(_) => first.pause(),
        }
    }
}

/// Requests that may share a batch.
struct RequestGroup {
    together: Vec<RequestWork>,
    /// Those that were taken out.
    apart: Vec<RequestWork>,
}

impl RequestGroup {
    fn bytes(&self) -> usize {
        let lengths = self
            .together
            .iter()
            .map(|work| work.pending.request.bytes.len());
        lengths.fold(0, usize::saturating_add)
    }

    /// The requests as one batch, without those that are malformed; `None` if they are better run one by one.
    fn join(&mut self) -> Option<JoinedRequests> {
        for _ in 0..TAKEN_OUT {
            let PendingRequest { request, items, .. } = &self.together.first()?.pending;
            let requests = self
                .together
                .iter()
                .map(|work| work.pending.request.bytes.clone());
            let requests: Vec<Bytes> = requests.collect();
            match JoinedRequests::parse(request.signal, &requests, items) {
                Ok(joined) => return Some(joined),
                Err(at) if at < self.together.len() && self.together.len() > 2 => {
                    self.apart.push(self.together.remove(at));
                }
                Err(_) => return None,
            }
        }
        None
    }

    /// Takes the requests out, with the bytes and items of each.
    fn take(&mut self, items: Vec<usize>, requests: Vec<Bytes>) -> Vec<(RequestWork, u64)> {
        let parts = self.together.drain(..).zip(items).zip(requests);
        let works = parts.map(|((mut work, items), bytes)| {
            // What it came in is not needed any more.
            work.pending.request.bytes = bytes;
            (work, items as u64)
        });
        works.collect()
    }
}
