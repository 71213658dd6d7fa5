//! The running pipelines and their threads.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, RwLock};
use std::thread::JoinHandle;

use spanmill_otlp::ItemLimits;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::batches::flush_when_due;
use super::intake::{Feed, Intake};
use super::joint::{HeldMemory, Joint};
use super::saving::{save, save_when_due};
use super::scheduler::Scheduler;
use super::segments::{Destinations, Pipeline};
use super::shared::Shared;
use super::ticks::{pass_time, tick_when_due};
use super::watch::Watchers;
use super::worker::work;
use crate::config::{ComponentId, Limits};
use crate::episode::Episode;
use crate::ledger::Ledger;
use crate::losses::{Losses, Reason};
use crate::memory::Budget;
use crate::processors::available_processors;
use crate::received::ReceivedItems;
use crate::tracer::Tracer;

/// Requests of one receiver that wait for each worker, and may share a batch; more wait in their connections.
const QUEUE_PER_WORKER: usize = 128;

/// How many threads run batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerCount {
    /// Those that take any work.
    pub workers: usize,
    /// Whether there is one more, which takes short work while slow work occupies all others.
    pub has_spare: bool,
}

impl WorkerCount {
    /// As many as are asked for, or one for each processor that the process may use and a spare one.
    pub fn new(asked: Option<usize>) -> Self {
        WorkerCount {
            workers: asked.unwrap_or_else(available_processors).max(1),
            has_spare: asked.is_none(),
        }
    }

    /// Lanes that each segment has: one for each thread.
    pub fn lanes(self) -> usize {
        self.workers + usize::from(self.has_spare)
    }
}

/// What bounds the work.
#[derive(Clone)]
pub struct Bounds {
    /// What requests under way may hold together.
    pub in_flight: Budget,
    /// What one request may hold.
    pub items: ItemLimits,
    /// What plugins may hold until they decide.
    pub held: Arc<HeldMemory>,
    /// Where losses are counted.
    pub losses: Losses,
    /// Where what becomes of spans is noted, if it is.
    pub(crate) ledger: Option<Arc<Ledger>>,
}

impl Bounds {
    /// Those that a manifest sets.
    pub fn of(limits: &Limits, losses: Losses) -> Self {
        Bounds {
            in_flight: Budget::new(limits.in_flight()),
            items: limits.request,
            held: Arc::new(HeldMemory::new(limits.held(), limits.held_compression).stored()),
            losses,
            ledger: None,
        }
    }

    /// The same, with an account of what becomes of spans.
    pub(crate) fn noting(mut self, ledger: Option<Arc<Ledger>>) -> Self {
        self.ledger = ledger;
        self
    }
}

/// The running pipelines. Clones are the same.
#[derive(Clone)]
pub struct Pipelines {
    pub(super) shared: Arc<Shared>,
    /// How many workers take any work: as many shards a segment has at most.
    shards: usize,
}

/// The threads of running pipelines, to be joined at the end.
pub(super) struct Workers(Vec<JoinHandle<()>>);

impl Pipelines {
    /// Starts the workers, without pipelines; must be called within a tokio runtime.
    pub(super) fn start(workers: WorkerCount, bounds: Bounds) -> std::io::Result<(Self, Workers)> {
        let WorkerCount { workers, has_spare } = workers;
        let shared = Arc::new(Shared {
            pipelines: Mutex::default(),
            begun: Default::default(),
            scheduler: Scheduler::new(workers, workers.saturating_mul(QUEUE_PER_WORKER)),
            in_flight: bounds.in_flight,
            items: bounds.items,
            held: bounds.held,
            watchers: Watchers::default(),
            ledger: bounds.ledger,
            crowded: Episode::default(),
            losses: bounds.losses,
            tells_addresses_apart: AtomicBool::new(false),
            copied_headers: RwLock::default(),
            received: Arc::default(),
            tracer: Tracer::default(),
            runtime: tokio::runtime::Handle::current(),
            tasks: TaskTracker::new(),
            abort: CancellationToken::new(),
            done: Notify::new(),
        });
        let mut threads = Vec::with_capacity(workers + 1);
        for worker in 0..workers {
            let shared = Arc::clone(&shared);
            let thread = std::thread::Builder::new().name(format!("worker-{worker}"));
            threads.push(thread.spawn(move || {
                if worker > 0 {
                    shared.warm(worker);
                }
                work(worker, &shared, || shared.scheduler.next(worker));
            })?);
        }
        if has_spare {
            let shared = Arc::clone(&shared);
            let thread = std::thread::Builder::new().name("worker-spare".to_owned());
            threads.push(thread.spawn(move || {
                work(workers, &shared, || shared.scheduler.next_for_spare());
            })?);
        }
        let shards = workers;
        Ok((Pipelines { shared, shards }, Workers(threads)))
    }

    /// The first pipelines are there: every worker may begin.
    pub(super) fn have_begun(&self) {
        self.shared.begin();
    }

    /// Takes a pipeline in; it gets what a [`Feed`] leads to it.
    pub(super) fn add(&self, pipeline: Arc<Pipeline>) {
        for (number, segment) in pipeline.segments.iter().enumerate() {
            let (shared, pipeline) = (Arc::clone(&self.shared), Arc::clone(&pipeline));
            let measuring = pass_time(
                Arc::clone(&shared),
                Arc::clone(&pipeline),
                number,
                self.shards,
            );
            self.shared.runtime.spawn(measuring);
            match &segment.joint {
                Some(Joint::Batch(_)) => {
                    let flusher = flush_when_due(shared, pipeline, number);
                    self.shared.runtime.spawn(flusher);
                }
                Some(Joint::Hold(_)) => {
                    let saver = save_when_due(Arc::clone(&shared), Arc::clone(&pipeline), number);
                    self.shared.runtime.spawn(saver);
                    let ticker = tick_when_due(shared, pipeline, number);
                    self.shared.runtime.spawn(ticker);
                }
                Some(Joint::ByTrace(_)) | None => {}
            }
        }
        self.shared.losses.watch(&pipeline);
        self.shared.pipelines().push(pipeline);
    }

    /// Lets go of a pipeline that no feed leads to any more, once everything in it is delivered.
    pub async fn retire(&self, pipeline: Arc<Pipeline>) {
        pipeline.retired.cancel();
        // What a batcher gave may stand in the next batcher by now.
        loop {
            pipeline.unused().await;
            if self.shared.flush(&pipeline) == 0 {
                break;
            }
        }
        // The pipelines that it led to may be let go of, too.
        drop(pipeline.set_destinations(Destinations::default()));
        let same = |one: &Arc<Pipeline>| Arc::ptr_eq(one, &pipeline);
        self.shared.pipelines().retain(|one| !same(one));
    }

    /// What held rows take, and may.
    pub(super) fn held(&self) -> Arc<HeldMemory> {
        Arc::clone(&self.shared.held)
    }

    /// Makes spans of the service's own work.
    pub fn tracer(&self) -> Tracer {
        self.shared.tracer.clone()
    }

    /// Who looks at what passes.
    pub fn watchers(&self) -> Watchers {
        self.shared.watchers.clone()
    }

    /// Where what becomes of spans is noted, if it is.
    pub(crate) fn ledger(&self) -> Option<Arc<Ledger>> {
        self.shared.ledger.clone()
    }

    /// What receivers have taken and refused.
    pub fn received(&self) -> Arc<ReceivedItems> {
        Arc::clone(&self.shared.received)
    }

    /// The way in for a receiver.
    pub fn intake(&self, receiver: ComponentId, feed: Arc<Feed>) -> Intake {
        Intake::new(receiver, Arc::clone(&self.shared), feed, self.shared.items).coalescing()
    }

    /// The way in for a connector, whose requests are as large as its totals.
    pub fn connector_intake(&self, connector: ComponentId, feed: Arc<Feed>) -> Intake {
        let shared = Arc::clone(&self.shared);
        Intake::new(connector, shared, feed, ItemLimits::NONE)
    }

    /// Sends on what batchers hold, until the deadline. Receivers must have stopped.
    pub async fn settle(&self, deadline: Instant) {
        loop {
            let done = self.shared.done.notified();
            tokio::pin!(done);
            done.as_mut().enable();
            let pipelines = self.shared.pipelines().clone();
            let held: usize = pipelines.iter().map(|one| self.shared.flush(one)).sum();
            if held == 0 || tokio::time::timeout_at(deadline, done).await.is_err() {
                return;
            }
        }
    }

    /// As [`Pipelines::settle`], for good; what is left at the deadline counts as lost.
    pub async fn drain(&self, deadline: Instant) {
        self.settle(deadline).await;
        let shared = &self.shared;
        let pipelines = shared.pipelines().clone();
        save(&pipelines).await;
        for pipeline in &pipelines {
            let left = shared.flush(pipeline) as u64;
            let component = format_args!("pipeline {}", pipeline.id);
            let signal = pipeline.id.signal;
            shared.losses.add(component, signal, Reason::ShutDown, left);
        }
        shared.abort.cancel();
        shared.begin();
        shared.scheduler.close();
        shared.tasks.close();
    }
}

impl Workers {
    /// Waits for the threads; they end when the pipelines were drained.
    pub(super) fn join(self) {
        for thread in self.0 {
            // Panics of a batch are caught in the thread.
            let _ = thread.join();
        }
    }
}
