//! The sending queue before an exporter: bounded, with its consumers, retries, and an end that says what was left.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::retry::Backoff;
use super::{Counters, Export, ExportError, Payload};
use crate::config::{ComponentId, Retry, SendingQueue, Sizer};
use crate::receive::Spare;

/// Why an exporter did not take a batch.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// The queue is full: the sender should try again later.
    #[error("exporter {exporter}: the sending queue is full")]
    Full {
        /// The exporter's id.
        exporter: ComponentId,
    },
    /// Without a queue: exporting failed, and may succeed later.
    #[error("exporter {exporter}: {message}")]
    Retryable {
        /// The exporter's id.
        exporter: ComponentId,
        /// What happened.
        message: String,
        /// How long to wait at least.
        after: Option<Duration>,
    },
    /// Without a queue: exporting failed for good.
    #[error("exporter {exporter}: {message}")]
    Permanent {
        /// The exporter's id.
        exporter: ComponentId,
        /// What happened.
        message: String,
    },
    /// The exporter was told to end.
    #[error("exporter {exporter}: shutting down")]
    ShuttingDown {
        /// The exporter's id.
        exporter: ComponentId,
    },
}

impl Refused {
    /// Whether the sender should try again.
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Refused::Permanent { .. })
    }
}

/// An exporter as a pipeline holds it. Clones are the same exporter.
#[derive(Clone)]
pub struct Exporter {
    shared: Arc<Shared>,
    queue: Option<Arc<Queue>>,
    tasks: TaskTracker,
    address: Option<SocketAddr>,
    handle: Option<Arc<Handle>>,
}

/// A second handle of the socket that an exporter serves, and its endpoint.
pub(super) type Handle = (String, std::net::TcpListener);

/// What the consumers need.
struct Shared {
    id: ComponentId,
    export: Box<dyn Export>,
    retry: Retry,
    timeout: Duration,
    counters: Counters,
    /// Items taken and neither sent nor given up.
    pending: AtomicU64,
    /// Once draining: when to stop trying.
    deadline: watch::Sender<Option<Instant>>,
    /// Past the deadline: drop everything.
    abort: CancellationToken,
}

struct Queue {
    settings: SendingQueue,
    room: Arc<Semaphore>,
    capacity: usize,
    jobs: async_channel::Sender<Job>,
}

struct Job {
    payload: Payload,
    /// Its place in the queue, until it is done: batches in flight count, as in the Collector.
    _place: OwnedSemaphorePermit,
    done: Option<oneshot::Sender<Result<(), Refused>>>,
}

/// How an exporter behaves towards its pipeline; see [`Exporter::new`].
#[derive(Clone, Debug)]
pub(super) struct Behaviour {
    pub queue: Option<SendingQueue>,
    pub retry: Retry,
    /// The deadline of one attempt; zero: none.
    pub timeout: Duration,
}

impl Exporter {
    /// Starts the consumers; must be called within a tokio runtime.
    pub(super) fn new(id: ComponentId, export: Box<dyn Export>, behaviour: Behaviour) -> Self {
        let shared = Arc::new(Shared {
            id,
            export,
            retry: behaviour.retry,
            timeout: behaviour.timeout,
            counters: Counters::default(),
            pending: AtomicU64::new(0),
            deadline: watch::Sender::new(None),
            abort: CancellationToken::new(),
        });
        let tasks = TaskTracker::new();
        let queue = behaviour.queue.map(|settings| {
            // Bounded by the semaphore: a job stands for its permits.
            let (jobs, receiver) = async_channel::unbounded();
            for _ in 0..settings.num_consumers {
                tasks.spawn(consume(Arc::clone(&shared), receiver.clone()));
            }
            let capacity = usize::try_from(settings.queue_size).unwrap_or(usize::MAX);
            let capacity = capacity.min(Semaphore::MAX_PERMITS);
            Arc::new(Queue {
                settings,
                room: Arc::new(Semaphore::new(capacity)),
                capacity,
                jobs,
            })
        });
        Self {
            shared,
            queue,
            tasks,
            address: None,
            handle: None,
        }
    }

    /// The exporter serves others at an address.
    pub(super) fn at(mut self, address: SocketAddr, handle: Option<Handle>) -> Self {
        self.address = Some(address);
        self.handle = handle.map(Arc::new);
        self
    }

    /// Leaves its socket to an exporter that takes its place.
    pub fn hand_on(&self, spare: &mut Spare) {
        if let Some(handle) = &self.handle {
            spare.add(&handle.0, &handle.1);
        }
    }

    /// Where it can be scraped, if it can.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Whether the other is the same exporter.
    pub fn is(&self, other: &Exporter) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// The exporter's id.
    pub fn id(&self) -> &ComponentId {
        &self.shared.id
    }

    /// What it has counted.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// How much is queued or in flight, in the unit of the queue's sizer; 0 without a queue.
    pub fn queue_size(&self) -> u64 {
        self.queue.as_ref().map_or(0, |queue| {
            let used = queue
                .capacity
                .saturating_sub(queue.room.available_permits());
            u64::try_from(used).unwrap_or(u64::MAX)
        })
    }

    /// How much the queue can hold, in the unit of its sizer; 0 without a queue.
    pub fn queue_capacity(&self) -> u64 {
        self.queue
            .as_ref()
            .map_or(0, |queue| u64::try_from(queue.capacity).unwrap_or(u64::MAX))
    }

    /// Takes a batch. With a queue this is done at once, or as soon as there is room if the settings say to wait.
    /// Without one, or if the settings say to wait for the result, it is done when the batch is exported.
    pub async fn enqueue(&self, payload: Payload) -> Result<(), Refused> {
        if self.tasks.is_closed() {
            return Err(self.shutting_down());
        }
        let Some(queue) = &self.queue else {
            // Draining waits for this.
            let _running = self.tasks.token();
            return self.shared.run(payload, true).await;
        };
        let counters = self.shared.counters.of(payload.signal);
        let size = queue.size(&payload);
        let place = if queue.settings.block_on_overflow {
            Arc::clone(&queue.room).acquire_many_owned(size).await.ok()
        } else {
            Arc::clone(&queue.room).try_acquire_many_owned(size).ok()
        };
        let Some(place) = place else {
            if self.tasks.is_closed() {
                return Err(self.shutting_down());
            }
            counters.add_enqueue_failed(payload.items);
            let exporter = self.shared.id.clone();
            return Err(Refused::Full { exporter });
        };
        let (done, result) = match queue.settings.wait_for_result {
            true => {
                let (done, result) = oneshot::channel();
                (Some(done), Some(result))
            }
            false => (None, None),
        };
        let items = payload.items;
        self.shared.pending.fetch_add(items, Relaxed);
        let job = Job {
            payload,
            _place: place,
            done,
        };
        if queue.jobs.try_send(job).is_err() {
            self.shared.pending.fetch_sub(items, Relaxed);
            return Err(self.shutting_down());
        }
        match result {
            Some(result) => result.await.unwrap_or_else(|_| Err(self.shutting_down())),
            None => Ok(()),
        }
    }

    /// Takes no more batches and sends what it has, until `deadline`; returns how many items were left then. They are
    /// counted as failed.
    pub async fn drain(&self, deadline: Instant) -> u64 {
        self.tasks.close();
        self.shared.deadline.send_replace(Some(deadline));
        if let Some(queue) = &self.queue {
            queue.room.close();
            queue.jobs.close();
        }
        if tokio::time::timeout_at(deadline, self.tasks.wait())
            .await
            .is_err()
        {
            self.shared.abort.cancel();
            self.tasks.wait().await;
        }
        let left = self.shared.pending.swap(0, Relaxed);
        if left > 0 {
            warn!(exporter = %self.shared.id, items = left, "the time to shut down is over; what was not sent is lost");
        }
        left
    }

    fn shutting_down(&self) -> Refused {
        Refused::ShuttingDown {
            exporter: self.shared.id.clone(),
        }
    }
}

impl Queue {
    fn size(&self, payload: &Payload) -> u32 {
        let size = match self.settings.sizer {
            Sizer::Requests => 1,
            Sizer::Items => payload.items,
            Sizer::Bytes => u64::try_from(payload.bytes.len()).unwrap_or(u64::MAX),
        };
        // What is larger than the whole queue is taken when the queue is empty: refusing it would lose it.
        let capacity = u32::try_from(self.capacity).unwrap_or(u32::MAX);
        u32::try_from(size).unwrap_or(u32::MAX).min(capacity)
    }
}

async fn consume(shared: Arc<Shared>, jobs: async_channel::Receiver<Job>) {
    while let Ok(job) = jobs.recv().await {
        let result = shared.run(job.payload, false).await;
        if let Some(done) = job.done {
            // Nobody waits any more: the sender hung up.
            let _ = done.send(result);
        }
    }
}

/// How a batch ended.
enum End {
    Failed(ExportError),
    /// The exporter had to end first.
    Left,
}

impl Shared {
    /// Exports a batch with all its attempts. `entering`: it is not among the pending ones yet.
    async fn run(&self, payload: Payload, entering: bool) -> Result<(), Refused> {
        if entering {
            self.pending.fetch_add(payload.items, Relaxed);
        }
        let pending = Pending {
            shared: self,
            items: payload.items,
        };
        let counters = self.counters.of(payload.signal);
        let end = tokio::select! {
            biased;
            () = self.abort.cancelled() => Err(End::Left),
            end = self.attempts(&payload) => end,
        };
        let exporter = self.id.clone();
        match end {
            Ok(rejected) => {
                pending.settle();
                let rejected = rejected.min(payload.items);
                counters.add_sent(payload.items - rejected);
                counters.add_send_failed(rejected);
                Ok(())
            }
            Err(End::Left) => {
                // Stays among the pending ones, which draining reports.
                std::mem::forget(pending);
                counters.add_send_failed(payload.items);
                Err(Refused::ShuttingDown { exporter })
            }
            Err(End::Failed(error)) => {
                pending.settle();
                counters.add_send_failed(payload.items);
                warn!(exporter = %self.id, items = payload.items, %error, "a batch is given up");
                Err(match error {
                    ExportError::Permanent(message) => Refused::Permanent { exporter, message },
                    ExportError::Retryable { message, after } => Refused::Retryable {
                        exporter,
                        message,
                        after,
                    },
                })
            }
        }
    }

    async fn attempts(&self, payload: &Payload) -> Result<u64, End> {
        let mut backoff = Backoff::new(&self.retry);
        loop {
            let error = match self.attempt(payload).await {
                Ok(accepted) => {
                    if accepted.rejected > 0 || accepted.remark {
                        warn!(
                            exporter = %self.id, items = payload.items, rejected = accepted.rejected,
                            "the other side took a batch in part only; it is not sent again"
                        );
                    }
                    return Ok(accepted.rejected);
                }
                Err(error) => error,
            };
            let ExportError::Retryable { after, .. } = &error else {
                return Err(End::Failed(error));
            };
            let Some(pause) = backoff.next(*after) else {
                return Err(End::Failed(error));
            };
            info!(exporter = %self.id, items = payload.items, ?pause, %error, "exporting failed; it is tried again");
            self.pause(pause).await?;
        }
    }

    async fn attempt(&self, payload: &Payload) -> Result<super::Accepted, ExportError> {
        let attempt = self.export.export(payload);
        if self.timeout.is_zero() {
            return attempt.await;
        }
        match tokio::time::timeout(self.timeout, attempt).await {
            Ok(result) => result,
            Err(_) => Err(ExportError::retryable(format!(
                "no answer within {:?}",
                self.timeout
            ))),
        }
    }

    /// Waits, unless draining makes the wait pointless: then it is cut short once, and given up when too long.
    async fn pause(&self, pause: Duration) -> Result<(), End> {
        let until = Instant::now() + pause;
        let mut deadline = self.deadline.subscribe();
        let draining = *deadline.borrow_and_update();
        if let Some(deadline) = draining {
            if until >= deadline {
                return Err(End::Left);
            }
            tokio::time::sleep_until(until).await;
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep_until(until) => {}
            _ = deadline.changed() => {}
        }
        Ok(())
    }
}

/// Items among the pending ones. Dropped unsettled (the sender hung up while it waited), they are no longer.
struct Pending<'a> {
    shared: &'a Shared,
    items: u64,
}

impl Pending<'_> {
    fn settle(self) {}
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.shared.pending.fetch_sub(self.items, Relaxed);
    }
}
