//! What receivers, workers and deliveries of all pipelines share.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};

use spanmill_otlp::ItemLimits;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::joint::HeldMemory;
use super::scheduler::Scheduler;
use super::segments::Pipeline;
use super::watch::Watchers;
use super::work::Work;
use crate::episode::Episode;
use crate::ledger::Ledger;
use crate::losses::Losses;
use crate::memory::Budget;
use crate::received::ReceivedItems;
use crate::tracer::Tracer;

/// The pipelines, and the work that waits for them.
pub(super) struct Shared {
    /// Those that run, and those that were replaced and hold batches still.
    pub(super) pipelines: Mutex<Vec<Arc<Pipeline>>>,
    /// Set once the first pipelines are there.
    pub(super) begun: (Mutex<bool>, Condvar),
    pub(super) scheduler: Scheduler<Work>,
    pub(super) in_flight: Budget,
    pub(super) items: ItemLimits,
    pub(super) held: Arc<HeldMemory>,
    /// Who looks at what passes.
    pub(super) watchers: Watchers,
    pub(super) ledger: Option<Arc<Ledger>>,
    /// While requests are refused because those under way hold all the memory.
    pub(super) crowded: Episode,
    pub(super) losses: Losses,
    /// Whether requests from several addresses may not share a batch: some plugin tells addresses apart.
    pub(super) tells_addresses_apart: AtomicBool,
    /// Headers that some plugin may copy into what it writes, in lower case.
    pub(super) copied_headers: RwLock<BTreeSet<String>>,
    /// What receivers have taken and refused.
    pub(super) received: Arc<ReceivedItems>,
    /// Spans of the service's own work.
    pub(super) tracer: Tracer,
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) tasks: TaskTracker,
    /// Past the deadline of a drain: stop trying.
    pub(super) abort: CancellationToken,
    /// Rung when a batch that a batcher gave is in other hands, or lost.
    pub(super) done: Notify,
}

impl Shared {
    pub(super) fn begin(&self) {
        let (begun, bell) = &self.begun;
        *begun.lock().unwrap_or_else(PoisonError::into_inner) = true;
        bell.notify_all();
    }

    /// Makes a worker's instances, once there are pipelines, before it takes any work.
    pub(super) fn warm(&self, worker: usize) {
        let (begun, bell) = &self.begun;
        let guard = begun.lock().unwrap_or_else(PoisonError::into_inner);
        drop(bell.wait_while(guard, |begun| !*begun));
        let pipelines = self.pipelines().clone();
        pipelines.iter().for_each(|pipeline| pipeline.warm(worker));
    }

    pub(super) fn pipelines(&self) -> MutexGuard<'_, Vec<Arc<Pipeline>>> {
        self.pipelines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
