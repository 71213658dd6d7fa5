//! `sending_queue.batch`: requests from the queue are joined, or cut, before they are sent.
//!
//! One task takes requests in their order and hands batches to the consumers, of which one may wait. Requests keep their room in
//! the queue until all of their items are done with, so what is joined is bounded by the queue.

mod cut;
mod source;

use std::collections::{BTreeMap, VecDeque};

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use super::job::Job;
use crate::export::Payload;
use crate::export::settings::{BatchSizer, QueueBatch};
use crate::metadata::RequestMetadata;
use crate::tracer::TraceContext;
pub(super) use source::{MergedBatch, Share};
use spanmill_model::Signal;

/// Joins requests until there are no more.
pub(super) async fn run(
    settings: QueueBatch,
    jobs: async_channel::Receiver<Job>,
    out: async_channel::Sender<MergedBatch>,
) {
    let mut batcher = Batcher {
        settings,
        pending: BTreeMap::new(),
        due: VecDeque::new(),
        out,
    };
    loop {
        let next = match batcher.due() {
            None => jobs.recv().await,
            Some(at) => {
                tokio::select! {
                    biased;
                    () = tokio::time::sleep_until(at) => {
                        batcher.flush_due(at).await;
                        continue;
                    }
                    next = jobs.recv() => next,
                }
            }
        };
        match next {
            Ok(job) => batcher.add(job).await,
            Err(_) => break,
        }
    }
    while let Some((key, pending)) = batcher.pending.pop_first() {
        batcher.send(pending.into_batch(key)).await;
    }
}

/// What is joined with each other: requests of one signal whose senders said the same under `partition_by`.
type BatchKey = (Signal, RequestMetadata);

struct Batcher {
    settings: QueueBatch,
    /// Those that have something at hand: no more than there are requests in the queue.
    pending: BTreeMap<BatchKey, PendingBatch>,
    /// When batches are due, in order, since all wait equally long. Some have been sent before that.
    due: VecDeque<(Instant, BatchKey)>,
    out: async_channel::Sender<MergedBatch>,
}

/// What is joined so far.
#[derive(Default)]
struct PendingBatch {
    parts: Vec<Bytes>,
    shares: Vec<Share>,
    items: u64,
    bytes: u64,
    /// When it is sent, whatever its size.
    due: Option<Instant>,
    /// When the oldest of it was received.
    received_unix_nano: u64,
    /// The trace of the only request so far.
    trace: Option<TraceContext>,
}

impl PendingBatch {
    fn size(&self, sizer: BatchSizer) -> u64 {
        match sizer {
            BatchSizer::Items => self.items,
            BatchSizer::Bytes => self.bytes,
        }
    }

    fn put(&mut self, batch: MergedBatch) {
        self.items = self.items.saturating_add(batch.payload.items);
        let bytes = u64::try_from(batch.payload.bytes.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(bytes);
        self.trace = match self.trace {
            None => Some(batch.payload.trace),
            // It is of several requests.
            Some(_) => Some(TraceContext::default()),
        };
        self.received_unix_nano = match self.received_unix_nano {
            0 => batch.payload.received_unix_nano,
            known => known.min(batch.payload.received_unix_nano),
        };
        self.parts.push(batch.payload.bytes);
        self.shares.extend(batch.shares);
    }

    fn into_batch(self, (signal, metadata): BatchKey) -> MergedBatch {
        let payload = Payload {
            signal,
            bytes: join(self.parts),
            items: self.items,
            metadata,
            received_unix_nano: self.received_unix_nano,
            trace: self.trace.unwrap_or_default(),
        };
        MergedBatch {
            payload,
            shares: self.shares,
        }
    }
}

impl Batcher {
    /// When the next batch is due.
    fn due(&mut self) -> Option<Instant> {
        while let Some((at, key)) = self.due.front() {
            if self.is_due(*at, key) {
                return Some(*at);
            }
            self.due.pop_front();
        }
        None
    }

    /// Whether a batch still waits for a time.
    fn is_due(&self, at: Instant, key: &BatchKey) -> bool {
        let pending = self.pending.get(key);
        pending.is_some_and(|pending| pending.due == Some(at))
    }

    /// Notes when a batch is due, and forgets those that were sent before their time.
    fn wait(&mut self, at: Instant, key: BatchKey) {
        if self.due.len() > self.pending.len().saturating_mul(2).saturating_add(16) {
            let mut due = std::mem::take(&mut self.due);
            due.retain(|(at, key)| self.is_due(*at, key));
            self.due = due;
        }
        self.due.push_back((at, key));
    }

    async fn add(&mut self, job: Job) {
        let metadata = job.payload.metadata.only(&self.settings.partition_by);
        let key = (job.payload.signal, metadata);
        let QueueBatch {
            sizer,
            min_size,
            max_size,
            flush_timeout,
            ..
        } = self.settings;
        let mut pending = self.pending.remove(&key).unwrap_or_default();
        pending.put(MergedBatch::of(job));
        if max_size > 0 && pending.size(sizer) > max_size {
            let mut batches = cut::cut(pending.into_batch(key.clone()), sizer, max_size).await;
            pending = PendingBatch::default();
            if let Some(rest) = batches.pop() {
                pending.put(rest);
            }
            for batch in batches {
                self.send(batch).await;
            }
        }
        if pending.size(sizer) >= min_size {
            return self.send(pending.into_batch(key)).await;
        }
        if pending.due.is_none() {
            pending.due = Instant::now().checked_add(flush_timeout);
            if let Some(at) = pending.due {
                self.wait(at, key.clone());
            }
        }
        self.pending.insert(key, pending);
    }

    /// Sends what is due at a time.
    async fn flush_due(&mut self, at: Instant) {
        while let Some((_, key)) = self.due.pop_front_if(|(due, _)| *due <= at) {
            if let Some(pending) = self.pending.remove(&key) {
                match pending.due.is_some_and(|due| due <= at) {
                    true => self.send(pending.into_batch(key)).await,
                    // Another batch of the same senders, begun since.
                    false => drop(self.pending.insert(key, pending)),
                }
            }
        }
    }

    async fn send(&self, batch: MergedBatch) {
        // Consumers stay until this task has ended.
        let _ = self.out.send(batch).await;
    }
}

/// Requests of one signal as one: what is repeated in them stands one behind the other.
fn join(mut parts: Vec<Bytes>) -> Bytes {
    if parts.len() == 1 {
        return parts.pop().unwrap_or_default();
    }
    let length = parts.iter().map(Bytes::len).fold(0, usize::saturating_add);
    let mut joined = BytesMut::with_capacity(length);
    parts.iter().for_each(|part| joined.extend_from_slice(part));
    joined.freeze()
}
