//! The threads that run batches.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use spanmill_otlp::{Batch, ItemLimits};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::queued::flush_when_due;
use super::chain::Origin;
use super::delivery::Delivery;
use super::intake::{Feed, Intake};
use super::joint::{HeldMemory, Joint};
use super::scheduler::{Owner, Scheduler};
use super::segments::{Destinations, Pipeline, PipelineUse, QueuedBatch, RunResult, Step};
use super::ticks::{QueuedTick, tick_when_due};
use crate::config::{ComponentId, Limits};
use crate::episode::Episode;
use crate::losses::{Losses, Reason};
use crate::memory::{Budget, Reservation, Shortage};
use crate::panics::contained;
use crate::receive::Received;
use crate::refusal::Refusal;

/// Requests of one receiver that wait for each worker; more wait in their connections.
const QUEUE_PER_WORKER: usize = 16;

/// What a worker does.
pub(super) enum Work {
    Request(RequestWork),
    QueuedBatch(QueuedBatch),
}

/// Where what became of a request goes.
pub(super) type Reply = oneshot::Sender<Result<(Vec<Delivery>, Reservation), Refusal>>;

/// A request to be run.
pub(super) struct RequestWork {
    /// What the request may hold.
    pub(super) items: ItemLimits,
    pub(super) request: Received,
    pub(super) pipelines: Arc<[PipelineUse]>,
    pub(super) received_unix_nano: u64,
    pub(super) reply: Reply,
}

/// How many threads run batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerCount {
    /// Those that take any work.
    pub workers: usize,
    /// Whether there is one more, which takes short work while slow work occupies all others.
    pub has_spare: bool,
}

impl WorkerCount {
    /// As many as are asked for, or one a core and a spare one.
    pub fn new(asked: Option<usize>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        WorkerCount {
            workers: asked.unwrap_or(cores).max(1),
            has_spare: asked.is_none(),
        }
    }

    /// Lanes that each segment has: one for each thread.
    pub(super) fn lanes(self) -> usize {
        self.workers + usize::from(self.has_spare)
    }
}

/// What bounds the work.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// What requests under way may hold together.
    pub in_flight: Budget,
    /// What one request may hold.
    pub items: ItemLimits,
    /// What plugins may hold until they decide.
    pub held: Arc<HeldMemory>,
    /// Where losses are counted.
    pub losses: Losses,
}

impl Bounds {
    /// Those that a manifest sets.
    pub fn of(limits: &Limits, losses: Losses) -> Self {
        Bounds {
            in_flight: Budget::new(limits.in_flight()),
            items: limits.request,
            held: Arc::new(HeldMemory::new(limits.held())),
            losses,
        }
    }
}

/// The running pipelines. Clones are the same.
#[derive(Clone)]
pub struct Pipelines {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    /// Those that run, and those that were replaced and hold batches still.
    pipelines: Mutex<Vec<Arc<Pipeline>>>,
    /// Set once the first pipelines are there.
    begun: (Mutex<bool>, Condvar),
    pub(super) scheduler: Scheduler<Work>,
    pub(super) in_flight: Budget,
    items: ItemLimits,
    held: Arc<HeldMemory>,
    /// While requests are refused because those under way hold all the memory.
    pub(super) crowded: Episode,
    pub(super) losses: Losses,
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) tasks: TaskTracker,
    /// Past the deadline of a drain: stop trying.
    pub(super) abort: CancellationToken,
    /// Rung when a batch that a batcher gave is in other hands, or lost.
    pub(super) done: Notify,
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
            crowded: Episode::default(),
            losses: bounds.losses,
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
        Ok((Pipelines { shared }, Workers(threads)))
    }

    /// The first pipelines are there: every worker may begin.
    pub(super) fn have_begun(&self) {
        self.shared.begin();
    }

    /// Takes a pipeline in; it gets what a [`Feed`] leads to it.
    pub(super) fn add(&self, pipeline: Arc<Pipeline>) {
        for (number, segment) in pipeline.segments.iter().enumerate() {
            let (shared, pipeline) = (Arc::clone(&self.shared), Arc::clone(&pipeline));
            match &segment.joint {
                Some(Joint::Batch(_)) => {
                    let flusher = flush_when_due(shared, pipeline, number);
                    self.shared.runtime.spawn(flusher);
                }
                Some(Joint::Hold(_)) => {
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

    /// The way in for a receiver.
    pub fn intake(&self, receiver: ComponentId, feed: Arc<Feed>) -> Intake {
        Intake::new(receiver, Arc::clone(&self.shared), feed, self.shared.items)
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

/// The wall clock, ns since 1970.
pub(crate) fn now_unix_nano() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

impl Shared {
    fn begin(&self) {
        let (begun, bell) = &self.begun;
        *begun.lock().unwrap_or_else(PoisonError::into_inner) = true;
        bell.notify_all();
    }

    /// Makes a worker's instances, once there are pipelines, before it takes any work.
    fn warm(&self, worker: usize) {
        let (begun, bell) = &self.begun;
        let guard = begun.lock().unwrap_or_else(PoisonError::into_inner);
        drop(bell.wait_while(guard, |begun| !*begun));
        let pipelines = self.pipelines().clone();
        pipelines.iter().for_each(|pipeline| pipeline.warm(worker));
    }

    fn pipelines(&self) -> MutexGuard<'_, Vec<Arc<Pipeline>>> {
        self.pipelines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one request through its pipelines. What becomes of it is handed over elsewhere.
    fn run(
        &self,
        worker: usize,
        owner: &Owner,
        items: &ItemLimits,
        request: Received,
        pipelines: &[PipelineUse],
        received_unix_nano: u64,
    ) -> Result<(Vec<Delivery>, Reservation), Refusal> {
        let Received {
            signal,
            bytes,
            mut memory,
        } = request;
        let length = bytes.len();
        let batch = Batch::parse_within(signal, bytes, items)?;
        let mut result = RunResult::default();
        if batch.item_count() == 0 {
            return Ok((result.deliveries, memory));
        }
        // Refused before plugins see it: what they count and keep would otherwise count twice.
        let needed = length.saturating_add(batch.memory_bytes());
        memory.grow_to(needed).map_err(|shortage| match shortage {
            Shortage::ForNow => self.no_room(owner),
            Shortage::ForGood { wanted, total } => Refusal::TooLarge(format!(
                "processing it takes about {} MiB, and limits.in_flight_mib is {}; send smaller ones",
                wanted >> 20,
                total >> 20
            )),
        })?;
        let step = Step {
            worker,
            shard: None,
            segment: 0,
            origin: Origin::Sender,
            received_unix_nano,
        };
        for pipeline in pipelines {
            pipeline.run(step, &batch, &mut result)?;
        }
        drop(batch);
        let deliveries = result.deliveries;
        let left = deliveries.iter().map(|one| one.spliced.bytes.len()).sum();
        memory.shrink_to(left);
        Ok((deliveries, memory))
    }
}

/// A worker's life.
fn work(worker: usize, shared: &Arc<Shared>, next: impl Fn() -> Option<(Owner, Work)>) {
    while let Some((owner, work)) = next() {
        let began = std::time::Instant::now();
        // A bug must cost one batch, not the worker.
        let run = || match work {
            Work::Request(RequestWork {
                items,
                request,
                pipelines,
                received_unix_nano,
                reply,
            }) => {
                let ran = shared.run(
                    worker,
                    &owner,
                    &items,
                    request,
                    &pipelines,
                    received_unix_nano,
                );
                // Nobody waits for the answer if the task was cancelled at shutdown.
                let _ = reply.send(ran);
            }
            Work::QueuedBatch(batched) => shared.run_batched(worker, batched),
        };
        // The panic was logged; a request's sender is told.
        drop(catch_unwind(AssertUnwindSafe(|| contained(run))));
        shared.scheduler.done(&owner, began.elapsed());
    }
}
