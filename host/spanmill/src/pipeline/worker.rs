//! The threads that run batches, and the way in and out.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use spanmill_otlp::{Batch, Spliced};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::delivery::Delivery;
use super::segments::{Batched, Pipeline, Ran};
use crate::receive::{Refusal, TraceIntake};

/// Requests being processed or waiting for a worker, in KiB. More is refused.
const IN_FLIGHT_KIB: usize = 256 * 1024;
/// Requests waiting for each worker; more wait in their connections.
const QUEUE_PER_WORKER: usize = 16;
const AFTER_OVERLOAD: Duration = Duration::from_secs(1);
/// Between attempts to get a batch of a batcher on its way.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Between looks at whether everything was delivered.
const PATIENCE: Duration = Duration::from_millis(5);
/// Attempts after which a batch that its plugins keep refusing is given up: about five minutes.
const MAX_ATTEMPTS: u32 = 18;

enum Work {
    Request {
        bytes: Bytes,
        pipelines: Arc<[Arc<Pipeline>]>,
        received_unix_nano: u64,
        reply: oneshot::Sender<Result<Vec<Delivery>, Refusal>>,
    },
    Batched(Batched),
}

/// The running traces pipelines. Clones are the same.
#[derive(Clone)]
pub struct Pipelines {
    shared: Arc<Shared>,
}

struct Shared {
    /// Those that run, and those that were replaced and hold batches still.
    pipelines: Mutex<Vec<Arc<Pipeline>>>,
    work: async_channel::Sender<Work>,
    in_flight: Arc<Semaphore>,
    runtime: tokio::runtime::Handle,
    tasks: TaskTracker,
    /// Past the deadline of a drain: stop trying.
    abort: CancellationToken,
    lost_spans: AtomicU64,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Spans that were taken and could not be delivered.
    pub lost_spans: u64,
}

/// The threads of running pipelines, to be joined at the end.
pub(super) struct Workers(Vec<JoinHandle<()>>);

impl Pipelines {
    /// Starts the workers, without pipelines; must be called within a tokio runtime.
    pub(super) fn start(workers: usize) -> std::io::Result<(Self, Workers)> {
        let (work, queue) = async_channel::bounded(workers * QUEUE_PER_WORKER);
        let shared = Arc::new(Shared {
            pipelines: Mutex::default(),
            work,
            in_flight: Arc::new(Semaphore::new(IN_FLIGHT_KIB)),
            runtime: tokio::runtime::Handle::current(),
            tasks: TaskTracker::new(),
            abort: CancellationToken::new(),
            lost_spans: AtomicU64::new(0),
        });
        let mut threads = Vec::with_capacity(workers);
        for worker in 0..workers {
            let (shared, queue) = (Arc::clone(&shared), queue.clone());
            let thread = std::thread::Builder::new().name(format!("worker-{worker}"));
            threads.push(thread.spawn(move || work_on(worker, &shared, &queue))?);
        }
        Ok((Pipelines { shared }, Workers(threads)))
    }

    /// Takes a pipeline in; it gets what a [`Feed`] leads to it.
    pub(super) fn add(&self, pipeline: Arc<Pipeline>) {
        for segment in 0..pipeline.segments.len() {
            let flusher = flush_when_due(Arc::clone(&self.shared), Arc::clone(&pipeline), segment);
            self.shared.runtime.spawn(flusher);
        }
        self.shared.pipelines().push(pipeline);
    }

    /// Lets go of a pipeline that no feed leads to any more, once everything in it is delivered.
    pub async fn retire(&self, pipeline: Arc<Pipeline>) {
        pipeline.retired.cancel();
        loop {
            let held = self.shared.flush(&pipeline).await;
            // Held here and in the list: no request or batch refers to it.
            if held == 0 && Arc::strong_count(&pipeline) <= 2 {
                break;
            }
            tokio::time::sleep(PATIENCE).await;
        }
        let same = |one: &Arc<Pipeline>| Arc::ptr_eq(one, &pipeline);
        self.shared.pipelines().retain(|one| !same(one));
    }

    /// The way in for a receiver.
    pub fn intake(&self, feed: Arc<Feed>) -> Intake {
        Intake {
            shared: Arc::clone(&self.shared),
            feed,
        }
    }

    /// Sends on what batchers hold, until the deadline. Receivers must have stopped.
    pub async fn drain(&self, deadline: Instant) -> Drained {
        let shared = &self.shared;
        loop {
            let mut held = 0;
            let pipelines = shared.pipelines().clone();
            for pipeline in &pipelines {
                held += shared.flush(pipeline).await;
            }
            if held == 0 {
                break;
            }
            if Instant::now() >= deadline {
                shared.lost_spans.fetch_add(held as u64, Relaxed);
                break;
            }
            tokio::time::sleep(PATIENCE).await;
        }
        shared.abort.cancel();
        shared.work.close();
        shared.tasks.close();
        Drained {
            lost_spans: shared.lost_spans.load(Relaxed),
        }
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

/// The pipelines that a receiver feeds; others may be put in their place at any time.
#[derive(Default)]
pub struct Feed(RwLock<Arc<[Arc<Pipeline>]>>);

impl Feed {
    fn pipelines(&self) -> Arc<[Arc<Pipeline>]> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Feeds these, from the next request on.
    pub(super) fn set(&self, pipelines: Arc<[Arc<Pipeline>]>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = pipelines;
    }
}

/// Where a receiver's requests go.
pub struct Intake {
    shared: Arc<Shared>,
    feed: Arc<Feed>,
}

impl TraceIntake for Intake {
    async fn accept(&self, request: Bytes) -> Result<(), Refusal> {
        let shared = Arc::clone(&self.shared);
        let pipelines = self.feed.pipelines();
        // In a task of its own: a sender that hangs up must not leave a batch half delivered.
        let task = tokio::spawn(async move { shared.accept(request, pipelines).await });
        task.await.unwrap_or_else(|_| {
            Err(Refusal::Internal(
                "the batch could not be processed".to_owned(),
            ))
        })
    }
}

/// The wall clock, ns since 1970.
pub(crate) fn now_unix_nano() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn batched(pipeline: &Arc<Pipeline>, segment: usize, batch: Spliced) -> Batched {
    Batched {
        pipeline: Arc::clone(pipeline),
        segment,
        batch,
        received_unix_nano: now_unix_nano(),
        attempts: 0,
    }
}

impl Shared {
    fn pipelines(&self) -> MutexGuard<'_, Vec<Arc<Pipeline>>> {
        self.pipelines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends on what a pipeline's batchers hold. Gives how many spans they held.
    async fn flush(&self, pipeline: &Arc<Pipeline>) -> usize {
        let mut held = 0;
        for segment in 0..pipeline.segments.len() {
            let Some(batcher) = pipeline.batcher(segment) else {
                continue;
            };
            held += batcher.held_spans();
            for batch in batcher.flush() {
                self.enqueue(batched(pipeline, segment, batch)).await;
            }
        }
        held
    }

    async fn accept(&self, bytes: Bytes, pipelines: Arc<[Arc<Pipeline>]>) -> Result<(), Refusal> {
        let overloaded = Refusal::Overloaded {
            retry_after: AFTER_OVERLOAD,
        };
        let is_shut = |pipeline: &Arc<Pipeline>| {
            let gates = pipeline.ends().gates;
            gates.iter().any(|gate| !gate.is_open())
        };
        if pipelines.iter().any(is_shut) {
            return Err(Refusal::Unavailable {
                retry_after: AFTER_OVERLOAD,
            });
        }
        let kib = u32::try_from(bytes.len() / 1024 + 1).unwrap_or(u32::MAX);
        let Ok(_room) = self.in_flight.try_acquire_many(kib) else {
            return Err(overloaded);
        };
        let (reply, answer) = oneshot::channel();
        let work = Work::Request {
            bytes,
            pipelines,
            received_unix_nano: now_unix_nano(),
            reply,
        };
        if self.work.send(work).await.is_err() {
            return Err(Refusal::Unavailable {
                retry_after: AFTER_OVERLOAD,
            });
        }
        let deliveries = match answer.await {
            Ok(ran) => ran?,
            Err(_) => {
                return Err(Refusal::Internal(
                    "the batch could not be processed".to_owned(),
                ));
            }
        };
        for delivery in &deliveries {
            delivery.send().await?;
        }
        deliveries.into_iter().for_each(Delivery::commit);
        Ok(())
    }

    async fn enqueue(&self, batch: Batched) {
        if let Err(async_channel::SendError(Work::Batched(batch))) =
            self.work.send(Work::Batched(batch)).await
        {
            self.give_up(&batch, "the pipelines have ended");
        }
    }

    fn give_up(&self, batched: &Batched, why: &str) {
        let spans = batched.batch.spans;
        self.lost_spans.fetch_add(spans as u64, Relaxed);
        tracing::error!(pipeline = %batched.pipeline.id, spans, "a batch is lost: {why}");
        self.done(batched);
    }

    fn done(&self, batched: &Batched) {
        if let Some(batcher) = batched.pipeline.batcher(batched.segment) {
            batcher.done(&batched.batch);
        }
    }

    /// Runs one request through its pipelines; batches that batchers give are added to `more`.
    fn run(
        &self,
        worker: usize,
        bytes: Bytes,
        pipelines: &[Arc<Pipeline>],
        received_unix_nano: u64,
        more: &mut VecDeque<Batched>,
    ) -> Result<Vec<Delivery>, Refusal> {
        let batch =
            Batch::parse(bytes).map_err(|malformed| Refusal::Malformed(malformed.to_string()))?;
        let mut deliveries = Vec::with_capacity(pipelines.len());
        if batch.span_count() == 0 {
            return Ok(deliveries);
        }
        for pipeline in pipelines {
            match pipeline.run(worker, 0, &batch, received_unix_nano)? {
                Ran::Delivery(delivery) => deliveries.push(delivery),
                Ran::Batched(ready) => {
                    more.extend(ready.into_iter().map(|batch| batched(pipeline, 0, batch)));
                }
            }
        }
        Ok(deliveries)
    }

    /// Runs a batch that a batcher gave through the segment behind it.
    fn run_batched(
        self: &Arc<Self>,
        worker: usize,
        batched: Batched,
        more: &mut VecDeque<Batched>,
    ) {
        let pipeline = Arc::clone(&batched.pipeline);
        let next = batched.segment + 1;
        let batch = match Batch::parse(batched.batch.bytes.clone()) {
            Ok(batch) => batch,
            Err(malformed) => return self.give_up(&batched, &malformed.to_string()),
        };
        match pipeline.run(worker, next, &batch, batched.received_unix_nano) {
            Ok(Ran::Delivery(delivery)) => {
                let shared = Arc::clone(self);
                self.tasks.spawn_on(
                    async move { shared.deliver(batched, delivery).await },
                    &self.runtime,
                );
            }
            Ok(Ran::Batched(ready)) => {
                self.done(&batched);
                more.extend(
                    ready
                        .into_iter()
                        .map(|batch| self::batched(&pipeline, next, batch)),
                );
            }
            Err(refusal) => {
                let shared = Arc::clone(self);
                self.tasks.spawn_on(
                    async move { shared.try_again(batched, refusal).await },
                    &self.runtime,
                );
            }
        }
    }

    /// Delivers a batch whose senders were answered long ago: it is held until the exporters take it.
    async fn deliver(&self, mut batched: Batched, delivery: Delivery) {
        loop {
            match delivery.send().await {
                Ok(()) => {
                    delivery.commit();
                    return self.done(&batched);
                }
                Err(refusal @ (Refusal::Malformed(_) | Refusal::Internal(_))) => {
                    return self.give_up(&batched, &refusal.to_string());
                }
                Err(_) => self.pause(&mut batched).await,
            }
            if self.abort.is_cancelled() {
                return;
            }
        }
    }

    async fn try_again(&self, mut batched: Batched, refusal: Refusal) {
        if batched.attempts >= MAX_ATTEMPTS {
            return self.give_up(&batched, &refusal.to_string());
        }
        self.pause(&mut batched).await;
        self.enqueue(batched).await;
    }

    async fn pause(&self, batched: &mut Batched) {
        let pause = FIRST_PAUSE
            .saturating_mul(1 << batched.attempts.min(16))
            .min(LONGEST_PAUSE);
        batched.attempts += 1;
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.abort.cancelled() => {}
        }
    }
}

/// A worker's life.
fn work_on(worker: usize, shared: &Arc<Shared>, queue: &async_channel::Receiver<Work>) {
    let mut more = VecDeque::new();
    while let Ok(work) = queue.recv_blocking() {
        // A bug must cost one batch, not the worker.
        let ran = catch_unwind(AssertUnwindSafe(|| match work {
            Work::Request {
                bytes,
                pipelines,
                received_unix_nano,
                reply,
            } => {
                let ran = shared.run(worker, bytes, &pipelines, received_unix_nano, &mut more);
                // Nobody waits for the answer if the task was cancelled at shutdown.
                let _ = reply.send(ran);
            }
            Work::Batched(batched) => more.push_back(batched),
        }));
        if ran.is_err() {
            tracing::error!("a batch made the host panic; please report this");
        }
        while let Some(batched) = more.pop_front() {
            let ran = catch_unwind(AssertUnwindSafe(|| {
                shared.run_batched(worker, batched, &mut more)
            }));
            if ran.is_err() {
                tracing::error!("a batch made the host panic; please report this");
            }
        }
    }
}

/// Sends what a batcher holds when its time is over.
async fn flush_when_due(shared: Arc<Shared>, pipeline: Arc<Pipeline>, segment: usize) {
    let Some(batcher) = pipeline.batcher(segment) else {
        return;
    };
    loop {
        tokio::select! {
            () = batcher.begun.notified() => {}
            () = pipeline.retired.cancelled() => return,
            () = shared.abort.cancelled() => return,
        }
        while let Some(due) = batcher.due() {
            tokio::select! {
                () = tokio::time::sleep_until(due.into()) => {}
                // Whoever retires it flushes it.
                () = pipeline.retired.cancelled() => return,
            }
            if batcher
                .due()
                .is_some_and(|due| due <= std::time::Instant::now())
            {
                for batch in batcher.flush() {
                    shared.enqueue(batched(&pipeline, segment, batch)).await;
                }
            }
        }
    }
}
