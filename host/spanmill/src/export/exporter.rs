//! An exporter as a pipeline holds it: with a queue or without, and an end that says what was left.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::counters::Tally;
use super::queue::{Queue, QueueSlot};
use super::registry::Registry;
use super::sender::{SendError, Sender};
use super::{Export, ExportError, Failure, Payload};
use crate::export::settings::{Retry, SendingQueue};
use crate::losses::{Losses, Reason};
use crate::memory::Budget;
use spanmill_manifest::ComponentId;
use spanmill_net::Spare;

/// Why an exporter did not accept a batch.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EnqueueError {
    /// The queue is full: the sender should try again later.
    #[error("exporter {exporter}: the sending queue is full")]
    Full {
        /// The exporter's id.
        exporter: ComponentId,
    },
    /// The sender waits for the result: exporting failed, and may succeed later.
    #[error("exporter {exporter}: {failure}")]
    Retryable {
        /// The exporter's id.
        exporter: ComponentId,
        /// What happened.
        failure: Failure,
        /// How long to wait at least.
        after: Option<Duration>,
    },
    /// The sender waits for the result: exporting failed for good.
    #[error("exporter {exporter}: {failure}")]
    Permanent {
        /// The exporter's id.
        exporter: ComponentId,
        /// What happened.
        failure: Failure,
    },
    /// The exporter is shutting down.
    #[error("exporter {exporter}: shutting down")]
    ShuttingDown {
        /// The exporter's id.
        exporter: ComponentId,
    },
}

impl EnqueueError {
    /// Whether the sender should try again.
    pub fn is_retryable(&self) -> bool {
        !matches!(self, EnqueueError::Permanent { .. })
    }

    /// Why the batch is lost for this exporter, if it is not tried again.
    pub fn reason(&self) -> Reason {
        match self {
            EnqueueError::Full { .. } => Reason::NoRoom,
            EnqueueError::Retryable { .. } => Reason::RetriesOver,
            EnqueueError::Permanent { .. } => Reason::Refused,
            EnqueueError::ShuttingDown { .. } => Reason::ShutDown,
        }
    }
}

/// An exporter as a pipeline holds it. Clones are the same exporter.
#[derive(Clone)]
pub struct Exporter {
    sender: Arc<Sender>,
    queue: Option<Arc<Queue>>,
    tasks: TaskTracker,
    /// The scheme and address that it serves others at.
    address: Option<(&'static str, SocketAddr)>,
    handle: Option<Arc<Handle>>,
}

/// Room for one batch at an exporter. Dropped unused, it is free again.
pub struct SendPermit {
    exporter: Exporter,
    /// `None` without a queue.
    place: Option<QueueSlot>,
}

/// A second handle of the socket that an exporter serves, and its endpoint.
pub(super) type Handle = (String, std::net::TcpListener);

/// What exporters share with the rest of the process.
#[derive(Clone, Debug)]
pub struct Shared {
    /// Where they count what they lose.
    pub losses: Losses,
    /// What their queues may hold together.
    pub queue_memory: Budget,
    /// Lists them for reports.
    pub registry: Registry,
}

/// How an exporter behaves towards its pipeline; see [`Exporter::new`].
#[derive(Clone, Debug)]
pub(super) struct Behaviour {
    pub queue: Option<SendingQueue>,
    pub retry: Retry,
    /// The deadline of one attempt; zero: none.
    pub timeout: Duration,
    /// Where it sends to, for messages.
    pub endpoint: String,
    /// Where it counts.
    pub tally: Tally,
}

impl Exporter {
    /// Starts the consumers; must be called within a tokio runtime.
    pub(super) fn new(
        id: ComponentId,
        export: Box<dyn Export>,
        behaviour: Behaviour,
        shared: &Shared,
    ) -> Self {
        let sender = Arc::new(Sender::new(
            id,
            export,
            behaviour.retry,
            behaviour.timeout,
            behaviour.endpoint,
            behaviour.tally,
            shared.losses.clone(),
        ));
        shared.losses.watch(&sender);
        let tasks = TaskTracker::new();
        let queue = behaviour
            .queue
            .map(|settings| Queue::start(settings, shared.queue_memory.clone(), &sender, &tasks));
        shared.registry.add(&sender, queue.as_ref());
        Self {
            sender,
            queue,
            tasks,
            address: None,
            handle: None,
        }
    }

    /// The exporter serves others at an address.
    pub(super) fn at(
        mut self,
        scheme: &'static str,
        address: SocketAddr,
        handle: Option<Handle>,
    ) -> Self {
        self.address = Some((scheme, address));
        self.handle = handle.map(Arc::new);
        self
    }

    /// Leaves its socket to an exporter that takes its place.
    pub fn hand_on(&self, spare: &mut Spare) {
        if let Some(handle) = &self.handle {
            spare.add(&handle.0, &handle.1);
        }
    }

    /// Whether it takes nothing more, and has sent all that it had.
    pub(super) fn is_drained(&self) -> bool {
        self.tasks.is_closed() && self.tasks.is_empty()
    }

    /// Where it can be scraped, if it can.
    pub fn address(&self) -> Option<(&'static str, SocketAddr)> {
        self.address
    }

    /// Whether the other is the same exporter.
    pub fn is(&self, other: &Exporter) -> bool {
        Arc::ptr_eq(&self.sender, &other.sender)
    }

    /// The exporter's id.
    pub fn id(&self) -> &ComponentId {
        &self.sender.id
    }

    /// Whether the last attempt failed.
    pub fn is_failing(&self) -> bool {
        self.sender.is_failing()
    }

    /// Reserves room for a batch. With a queue this is done at once, or as soon as there is room if the settings say to
    /// wait.
    pub async fn reserve(&self, payload: &Payload) -> Result<SendPermit, EnqueueError> {
        if self.tasks.is_closed() {
            return Err(self.shutting_down());
        }
        let place = match &self.queue {
            None => None,
            Some(queue) => match queue.reserve(payload).await {
                Some(place) => Some(place),
                None if self.tasks.is_closed() => return Err(self.shutting_down()),
                None => {
                    queue.refused(&self.sender, payload);
                    let counters = self.sender.tally.own().get(payload.signal);
                    counters.add_enqueue_failed(payload.items);
                    return Err(EnqueueError::Full {
                        exporter: self.sender.id.clone(),
                    });
                }
            },
        };
        Ok(SendPermit {
            exporter: self.clone(),
            place,
        })
    }

    /// Takes a batch: [`Exporter::reserve`] and [`SendPermit::send`] in one.
    pub async fn enqueue(&self, payload: Payload) -> Result<(), EnqueueError> {
        self.reserve(&payload).await?.send(payload).await
    }

    /// Counts a batch as lost for this exporter though others may have it.
    pub(crate) fn lose(&self, payload: &Payload, reason: Reason) {
        self.sender.lose(payload, reason, payload.items);
    }

    /// Takes no more batches and sends what it has, until `deadline`; returns how many items were left then. They are
    /// counted as lost.
    pub async fn drain(&self, deadline: Instant) -> u64 {
        self.tasks.close();
        self.sender.export.end();
        self.sender.deadline.send_replace(Some(deadline));
        if let Some(queue) = &self.queue {
            queue.close();
        }
        let mut left = 0;
        if tokio::time::timeout_at(deadline, self.tasks.wait())
            .await
            .is_err()
        {
            left = self.sender.waiting.total();
            self.sender.abort.cancel();
            self.tasks.wait().await;
        }
        left = left.saturating_add(self.sender.export.close(deadline).await);
        if left > 0 {
            warn!(exporter = %self.sender.id, items = left, "the time to shut down is over; what was not sent is lost");
        }
        left
    }

    fn shutting_down(&self) -> EnqueueError {
        EnqueueError::ShuttingDown {
            exporter: self.sender.id.clone(),
        }
    }

    fn refused(&self, error: SendError) -> EnqueueError {
        let exporter = self.sender.id.clone();
        match error {
            SendError::ShutDown => EnqueueError::ShuttingDown { exporter },
            SendError::Failed(ExportError::Permanent(failure)) => {
                EnqueueError::Permanent { exporter, failure }
            }
            SendError::Failed(ExportError::Retryable { failure, after }) => {
                EnqueueError::Retryable {
                    exporter,
                    failure,
                    after,
                }
            }
        }
    }
}

#[cfg(test)]
impl Exporter {
    /// What it has counted.
    pub fn counters(&self) -> &super::Counters {
        self.sender.tally.own()
    }

    /// How much is queued or in flight, in the unit of the queue's sizer; 0 without a queue.
    pub fn queue_size(&self) -> u64 {
        let size = self.queue.as_ref().map_or(0, |queue| queue.size());
        u64::try_from(size).unwrap_or(u64::MAX)
    }

    /// How much the queue can hold, in the unit of its sizer; 0 without a queue.
    pub fn queue_capacity(&self) -> u64 {
        let capacity = self.queue.as_ref().map_or(0, |queue| queue.capacity);
        u64::try_from(capacity).unwrap_or(u64::MAX)
    }
}

impl SendPermit {
    /// The exporter it is at.
    pub fn exporter(&self) -> &Exporter {
        &self.exporter
    }

    /// Whether [`SendPermit::send`] waits for the backend.
    pub fn is_awaited(&self) -> bool {
        let queue = self.exporter.queue.as_ref();
        queue.is_none_or(|queue| queue.settings.wait_for_result)
    }

    /// Hands the batch over. Without a queue, or if the settings say to wait for the result, this is done when the batch
    /// is exported.
    pub async fn send(self, payload: Payload) -> Result<(), EnqueueError> {
        let exporter = &self.exporter;
        let (Some(queue), Some(place)) = (&exporter.queue, self.place) else {
            // Draining waits for this.
            let _running = exporter.tasks.token();
            let sent = exporter.sender.send(&payload).await;
            return sent.map_err(|error| exporter.refused(error));
        };
        let (done, result) = match queue.settings.wait_for_result {
            true => {
                let (done, result) = oneshot::channel();
                (Some(done), Some(result))
            }
            false => (None, None),
        };
        if queue.put(&exporter.sender, payload, place, done).is_err() {
            return Err(exporter.shutting_down());
        }
        match result {
            Some(result) => match result.await {
                Ok(result) => result.map_err(|error| exporter.refused(error)),
                Err(_) => Err(exporter.shutting_down()),
            },
            None => Ok(()),
        }
    }
}
