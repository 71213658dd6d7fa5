//! `sending_queue.batch`: requests from the queue are joined, or cut, before they are sent.
//!
//! One task takes requests in their order and hands batches to the consumers, of which one may wait. Requests keep their room in
//! the queue until all of their items are done with, so what is joined is bounded by the queue.

mod cut;
mod source;

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use super::job::Job;
use crate::export::Payload;
use crate::export::settings::{BatchSizer, QueueBatch};
use crate::metadata::RequestMetadata;
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
        out,
    };
    loop {
        let next = match batcher.due() {
            None => jobs.recv().await,
            Some((key, at)) => {
                tokio::select! {
                    biased;
                    () = tokio::time::sleep_until(at) => {
                        batcher.flush(&key).await;
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
    while let Some(key) = batcher.pending.keys().next().cloned() {
        batcher.flush(&key).await;
    }
}

/// What is joined with each other: requests of one signal whose senders said the same under `partition_by`.
type BatchKey = (Signal, RequestMetadata);

struct Batcher {
    settings: QueueBatch,
    /// Those that have something at hand: no more than there are requests in the queue.
    pending: BTreeMap<BatchKey, PendingBatch>,
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
        self.parts.push(batch.payload.bytes);
        self.shares.extend(batch.shares);
    }

    fn into_batch(self, (signal, metadata): BatchKey) -> MergedBatch {
        let payload = Payload {
            signal,
            bytes: join(self.parts),
            items: self.items,
            metadata,
        };
        MergedBatch {
            payload,
            shares: self.shares,
        }
    }
}

impl Batcher {
    /// The batch that is due next, and when.
    fn due(&self) -> Option<(BatchKey, Instant)> {
        let due = self.pending.iter();
        let due = due.filter_map(|(key, pending)| Some((key, pending.due?)));
        let next = due.min_by_key(|(_, at)| *at);
        next.map(|(key, at)| (key.clone(), at))
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
        }
        self.pending.insert(key, pending);
    }

    async fn flush(&mut self, key: &BatchKey) {
        if let Some(pending) = self.pending.remove(key) {
            self.send(pending.into_batch(key.clone())).await;
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
