//! `sending_queue.batch`: requests from the queue are joined, or cut, before they are sent.
//!
//! One task takes requests in their order and hands batches to the consumers, of which one may wait. Requests keep their room in
//! the queue until all of their items are done with, so what is joined is bounded by the queue.

mod cut;
mod source;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use super::job::Job;
use crate::export::Payload;
use crate::export::settings::{BatchSizer, QueueBatch};
pub(super) use source::{MergedBatch, Share};
use spanmill_model::{PerSignal, Signal};

/// Joins requests until there are no more.
pub(super) async fn run(
    settings: QueueBatch,
    jobs: async_channel::Receiver<Job>,
    out: async_channel::Sender<MergedBatch>,
) {
    let mut batcher = Batcher {
        settings,
        held: PerSignal::default(),
        out,
    };
    loop {
        let next = match batcher.due() {
            None => jobs.recv().await,
            Some((signal, at)) => {
                tokio::select! {
                    biased;
                    () = tokio::time::sleep_until(at) => {
                        batcher.flush(signal).await;
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
    for signal in Signal::ALL {
        batcher.flush(signal).await;
    }
}

struct Batcher {
    settings: QueueBatch,
    held: PerSignal<PendingBatch>,
    out: async_channel::Sender<MergedBatch>,
}

/// What is joined of a signal so far.
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

    fn take(&mut self, signal: Signal) -> Option<MergedBatch> {
        let held = std::mem::take(self);
        if held.shares.is_empty() {
            return None;
        }
        let payload = Payload {
            signal,
            bytes: join(held.parts),
            items: held.items,
        };
        Some(MergedBatch {
            payload,
            shares: held.shares,
        })
    }
}

impl Batcher {
    /// The signal whose batch is due next, and when.
    fn due(&self) -> Option<(Signal, Instant)> {
        let due = self.held.iter();
        let due = due.filter_map(|(signal, held)| Some((signal, held.due?)));
        due.min_by_key(|(_, at)| *at)
    }

    async fn add(&mut self, job: Job) {
        let signal = job.payload.signal;
        let QueueBatch {
            sizer,
            min_size,
            max_size,
            flush_timeout,
            ..
        } = self.settings;
        let held = self.held.get_mut(signal);
        held.put(MergedBatch::of(job));
        if max_size > 0 && held.size(sizer) > max_size {
            let Some(batch) = held.take(signal) else {
                return;
            };
            let mut batches = cut::cut(batch, sizer, max_size).await;
            if let Some(rest) = batches.pop() {
                held.put(rest);
            }
            for batch in batches {
                self.send(batch).await;
            }
        }
        let held = self.held.get_mut(signal);
        if held.size(sizer) >= min_size {
            self.flush(signal).await;
        } else if held.due.is_none() {
            held.due = Instant::now().checked_add(flush_timeout);
        }
    }

    async fn flush(&mut self, signal: Signal) {
        if let Some(batch) = self.held.get_mut(signal).take(signal) {
            self.send(batch).await;
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
