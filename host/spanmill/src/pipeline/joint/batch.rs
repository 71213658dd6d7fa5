//! The `batch` processor: requests in, larger requests out. OTLP requests are joined by putting their
//! bytes one after the other.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use spanmill_otlp::{Request, Signal, Spliced};
use tokio::sync::Notify;

use super::passing::{JointBatch, SegmentOutput, passing_bytes};
use super::room::{Room, RoomReservation};
use crate::config;
use crate::episode::{Episode, Log};
use crate::metadata::RequestMetadata;

/// Bytes that a batcher holds at most, in batches under way as well.
const MAX_BYTES: usize = 128 * 1024 * 1024;
/// Batches of full size that may be under way at once.
const MAX_BATCHES: usize = 8;

/// Collects requests until they make a batch.
pub(in crate::pipeline) struct Batcher {
    signal: Signal,
    config: config::Batch,
    pending: Mutex<PendingBatches>,
    room: Room,
    /// While there are too many senders to be told apart.
    crowded: Episode,
    /// Notified when the first request of a batch comes in.
    pub(in crate::pipeline) begun: Notify,
}

/// What is at hand, by what its senders said under `metadata_keys`.
type PendingBatches = BTreeMap<RequestMetadata, PendingBatch>;

/// Requests that wait for more.
struct PendingBatch {
    parts: Vec<Bytes>,
    items: usize,
    /// The memory that was reserved for them.
    reserved: usize,
    /// When the first of them came.
    begun: Instant,
}

impl Batcher {
    pub(in crate::pipeline) fn new(signal: Signal, config: config::Batch) -> Self {
        let items = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        let full = items(config.send_batch_size.max(config.send_batch_max_size)).max(8192);
        Batcher {
            signal,
            room: Room::new(full.saturating_mul(MAX_BATCHES), MAX_BYTES),
            config,
            pending: Mutex::default(),
            crowded: Episode::default(),
            begun: Notify::new(),
        }
    }

    /// Its settings.
    pub(in crate::pipeline) fn config(&self) -> &config::Batch {
        &self.config
    }

    fn pending(&self) -> MutexGuard<'_, PendingBatches> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn size(&self) -> usize {
        usize::try_from(self.config.send_batch_size).unwrap_or(usize::MAX)
    }

    /// Reserves room for a request, or returns `None` if there is none, or if as many senders as may be told apart have
    /// something at hand already.
    pub(in crate::pipeline) fn reserve(
        &self,
        output: &SegmentOutput,
    ) -> Option<RoomReservation<'_>> {
        let metadata = output.metadata.only(&self.config.metadata_keys);
        let limit = self.config.metadata_cardinality_limit;
        if limit > 0 {
            let pending = self.pending();
            if pending.len() >= limit && !pending.contains_key(&metadata) {
                drop(pending);
                self.at_limit(limit);
                return None;
            }
        }
        let bytes = passing_bytes(&output.spliced, &metadata);
        self.room.reserve(output.spliced.items, bytes)
    }

    /// Logs that senders are asked to wait for others.
    fn at_limit(&self, limit: usize) {
        let signal = self.signal;
        match self.crowded.meet(0) {
            Log::Begin => tracing::warn!(%signal, limit,
                "batch: as many senders as metadata_cardinality_limit tells apart have something at hand: others are asked to wait; raise it, or lower the timeout"),
            Log::StillOn(tally) => tracing::warn!(%signal, limit, refused = tally.times,
                "batch: senders beyond metadata_cardinality_limit have been asked to wait for {:.0?}, {} times", tally.lasted, tally.times),
            Log::Nothing => {}
        }
    }

    /// Takes a request in that room was reserved for; returns the batches that are ready now.
    pub(in crate::pipeline) fn push(
        &self,
        request: Spliced,
        metadata: &RequestMetadata,
    ) -> Vec<JointBatch> {
        let metadata = metadata.only(&self.config.metadata_keys);
        let bytes = passing_bytes(&request, &metadata);
        let mut pending = self.pending();
        let mut is_new = false;
        let of_sender = pending.entry(metadata.clone()).or_insert_with(|| {
            is_new = true;
            PendingBatch::new()
        });
        of_sender.items += request.items;
        of_sender.reserved += bytes;
        of_sender.parts.push(request.bytes);
        if of_sender.items >= self.size() || self.config.timeout.is_zero() {
            return self.take(&mut pending, &metadata, self.size());
        }
        drop(pending);
        if is_new {
            self.begun.notify_one();
        }
        Vec::new()
    }

    /// How long the requests at hand may still wait; `None` if there are none.
    pub(in crate::pipeline) fn due_in(&self) -> Option<Duration> {
        let pending = self.pending();
        let begun = pending.values().map(|batch| batch.begun).min()?;
        Some(self.config.timeout.saturating_sub(begun.elapsed()))
    }

    /// Takes what has waited long enough, as batches.
    pub(in crate::pipeline) fn flush_due(&self) -> Vec<JointBatch> {
        self.flush_older_than(self.config.timeout)
    }

    /// Takes everything at hand, as batches.
    pub(in crate::pipeline) fn flush(&self) -> Vec<JointBatch> {
        self.flush_older_than(Duration::ZERO)
    }

    fn flush_older_than(&self, age: Duration) -> Vec<JointBatch> {
        let mut pending = self.pending();
        let due = pending
            .iter()
            .filter(|(_, batch)| batch.begun.elapsed() >= age);
        let due: Vec<RequestMetadata> = due.map(|(metadata, _)| metadata.clone()).collect();
        let taken = due
            .iter()
            .map(|metadata| self.take(&mut pending, metadata, 0));
        taken.flatten().collect()
    }

    /// Makes batches of what is at hand of a sender; a rest smaller than `keep` stays.
    fn take(
        &self,
        pending: &mut PendingBatches,
        metadata: &RequestMetadata,
        keep: usize,
    ) -> Vec<JointBatch> {
        let Some(taken) = pending.remove(metadata) else {
            return Vec::new();
        };
        if let Some(tally) = self.crowded.end() {
            tracing::info!(signal = %self.signal, refused = tally.times, "batch: there is room for another sender again, after {:.1?}", tally.lasted);
        }
        let joined = Spliced {
            bytes: join(taken.parts),
            items: taken.items,
        };
        let max = self.config.send_batch_max_size;
        let mut batches = match max == 0 || joined.items as u64 <= max {
            true => vec![joined],
            // The parts were checked when they came.
            false => match Request::parse(self.signal, joined.bytes.clone()) {
                Ok(request) => request.split(usize::try_from(max).unwrap_or(usize::MAX)),
                Err(_) => vec![joined],
            },
        };
        let rest = match batches.len() {
            1 => None,
            _ => batches.pop_if(|last| last.items < keep),
        };
        // Requests that were joined share what their sender said; splitting repeats resources and scopes.
        let all = batches.iter().chain(&rest);
        let now = all.map(|batch| passing_bytes(batch, metadata)).sum();
        self.room.resize(taken.reserved, now);
        if let Some(rest) = rest {
            let left = PendingBatch {
                items: rest.items,
                reserved: passing_bytes(&rest, metadata),
                parts: vec![rest.bytes],
                ..PendingBatch::new()
            };
            pending.insert(metadata.clone(), left);
            self.begun.notify_one();
        }
        let batches = batches.into_iter().map(|batch| JointBatch {
            shard: None,
            batch,
            released: None,
            trace: Default::default(),
            metadata: metadata.clone(),
        });
        batches.collect()
    }

    /// Gives back the room of a batch that was delivered or dropped.
    pub(in crate::pipeline) fn done(&self, given: &JointBatch) {
        let bytes = passing_bytes(&given.batch, &given.metadata);
        self.room.give_back(given.batch.items, bytes);
    }

    /// Items taken and not done with, and the memory they take.
    #[cfg(test)]
    pub(in crate::pipeline) fn held(&self) -> (usize, usize) {
        self.room.held_now()
    }

    /// Items taken and not done with.
    pub(in crate::pipeline) fn held_items(&self) -> usize {
        self.room.held_items()
    }
}

impl PendingBatch {
    fn new() -> Self {
        PendingBatch {
            parts: Vec::new(),
            items: 0,
            reserved: 0,
            begun: Instant::now(),
        }
    }
}

/// Puts requests one behind the other: that is a request too.
pub(super) fn join(mut parts: Vec<Bytes>) -> Bytes {
    if parts.len() == 1 {
        return parts.pop().unwrap_or_default();
    }
    let mut joined = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
    parts.iter().for_each(|part| joined.extend_from_slice(part));
    joined.freeze()
}
