//! The sending queue before an exporter: bounded in the unit of its sizer and in bytes, with its consumers.

mod batching;
mod job;

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::Payload;
use super::sender::Sender;
use crate::episode::{Episode, Log};
use crate::export::settings::{SendingQueue, Sizer};
use crate::losses::Reason;
use crate::memory::Budget;
use batching::MergedBatch;
pub(super) use job::QueueSlot;
use job::{Job, ResultSender};

/// A queue in memory.
pub(super) struct Queue {
    pub(super) settings: SendingQueue,
    room: Arc<Semaphore>,
    pub(super) capacity: usize,
    /// What all queues may hold together.
    memory: Budget,
    jobs: async_channel::Sender<Job>,
    /// While it is full.
    full: Episode,
}

impl Queue {
    /// Starts the consumers; must be called within a tokio runtime.
    pub(super) fn start(
        settings: SendingQueue,
        memory: Budget,
        sender: &Arc<Sender>,
        tasks: &TaskTracker,
    ) -> Arc<Self> {
        // Bounded by the room: a job stands for its permits.
        let (jobs, receiver) = async_channel::unbounded();
        let capacity = usize::try_from(settings.queue_size).unwrap_or(usize::MAX);
        let capacity = capacity.min(Semaphore::MAX_PERMITS);
        let consumers = settings.num_consumers;
        let queue = Arc::new(Queue {
            settings,
            room: Arc::new(Semaphore::new(capacity)),
            capacity,
            memory,
            jobs,
            full: Episode::default(),
        });
        let Some(batch) = queue.settings.batch.clone() else {
            for _ in 0..consumers {
                let (sender, queue) = (Arc::clone(sender), Arc::clone(&queue));
                tasks.spawn(consume(sender, queue, receiver.clone()));
            }
            return queue;
        };
        let (batches, ready) = async_channel::bounded(1);
        tasks.spawn(batching::run(batch, receiver, batches));
        for _ in 0..consumers {
            let (sender, queue) = (Arc::clone(sender), Arc::clone(&queue));
            tasks.spawn(consume_batches(sender, queue, ready.clone()));
        }
        queue
    }

    /// How much is queued or in flight, in the unit of the sizer.
    pub(super) fn size(&self) -> usize {
        self.capacity.saturating_sub(self.room.available_permits())
    }

    fn weight(&self, payload: &Payload) -> u32 {
        let size = match self.settings.sizer {
            Sizer::Requests => 1,
            Sizer::Items => payload.items,
            Sizer::Bytes => u64::try_from(payload.bytes.len()).unwrap_or(u64::MAX),
        };
        // What is larger than the whole queue is taken when the queue is empty: refusing it would lose it.
        let capacity = u32::try_from(self.capacity).unwrap_or(u32::MAX);
        u32::try_from(size).unwrap_or(u32::MAX).min(capacity)
    }

    /// Room for a batch: at once, or as soon as there is some if the settings say to wait. `None` if the queue is full
    /// or closed.
    pub(super) async fn reserve(&self, payload: &Payload) -> Option<QueueSlot> {
        let weight = self.weight(payload);
        let room = if self.settings.block_on_overflow {
            Arc::clone(&self.room).acquire_many_owned(weight).await.ok()
        } else {
            Arc::clone(&self.room).try_acquire_many_owned(weight).ok()
        };
        let bytes = payload.bytes.len();
        let bytes = bytes.saturating_add(payload.metadata.memory_bytes());
        let memory = self.memory.reserve(bytes)?;
        Some(QueueSlot::new(room?, memory))
    }

    /// Notes that a batch found no room.
    pub(super) fn refused(&self, sender: &Sender, payload: &Payload) {
        let exporter = &sender.id;
        let capacity = self.capacity;
        let waiting = sender.waiting.total();
        let what = payload.signal.items();
        match self.full.meet(payload.items) {
            Log::Begin => {
                let limit = match self.size() < capacity {
                    true => "the memory that queues may use is used up",
                    false => "the sending queue is full",
                };
                warn!(%exporter, capacity, waiting, "{limit}: batches are refused, senders are asked to wait")
            }
            Log::StillOn(tally) => warn!(%exporter, capacity, waiting,
                "the sending queue has been full for {:.0?}; {} batches with {} {what} were refused",
                tally.lasted, tally.times, tally.items),
            Log::Nothing => {}
        }
    }

    /// Notes that there may be room again. A quarter must be free, so that a queue at its edge is not logged each time.
    fn has_room(&self, sender: &Sender) {
        if !self.full.is_on() || self.room.available_permits() < self.capacity.div_ceil(4) {
            return;
        }
        if let Some(tally) = self.full.end() {
            let exporter = &sender.id;
            info!(%exporter, refused_batches = tally.times, refused_items = tally.items,
                "the sending queue has room again, after {:.1?}; {} batches were refused meanwhile", tally.lasted, tally.times);
        }
    }

    /// Puts a batch in its place. Returns it if the queue was closed.
    pub(super) fn put(
        &self,
        sender: &Sender,
        payload: Payload,
        place: QueueSlot,
        done: Option<ResultSender>,
    ) -> Result<(), Payload> {
        sender.waiting.add(&payload);
        let job = Job {
            payload,
            place,
            done,
        };
        self.jobs.try_send(job).map_err(|error| {
            let job = error.into_inner();
            sender.waiting.remove(&job.payload);
            job.payload
        })
    }

    /// Takes no more.
    pub(super) fn close(&self) {
        self.room.close();
        self.jobs.close();
    }
}

async fn consume(sender: Arc<Sender>, queue: Arc<Queue>, jobs: async_channel::Receiver<Job>) {
    while let Ok(Job {
        payload,
        place,
        done,
    }) = jobs.recv().await
    {
        let result = sender.send(&payload).await;
        sender.waiting.remove(&payload);
        match (done, result) {
            (Some(done), result) => {
                // Nobody waits any more: the task that did was cancelled at shutdown, and nobody has the batch.
                if let Err(Err(error)) = done.send(result) {
                    sender.lose(&payload, Reason::ShutDown, payload.items);
                    tracing::debug!(exporter = %sender.id, ?error, "nobody waits for a failed batch");
                }
            }
            (None, Err(error)) => sender.drop_batch(&payload, &error),
            (None, Ok(())) => {}
        }
        drop(place);
        queue.has_room(&sender);
    }
}

async fn consume_batches(
    sender: Arc<Sender>,
    queue: Arc<Queue>,
    batches: async_channel::Receiver<MergedBatch>,
) {
    while let Ok(batch) = batches.recv().await {
        batch.send(&sender).await;
        queue.has_room(&sender);
    }
}
