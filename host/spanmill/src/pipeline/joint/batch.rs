//! The `batch` processor: requests in, larger requests out. OTLP requests are joined by putting their
//! bytes one after the other.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use spanmill_otlp::{Request, Signal, Spliced};
use tokio::sync::Notify;

use super::room::{Room, RoomReservation};
use crate::config;

/// Bytes that a batcher holds at most, in batches under way as well.
const MAX_BYTES: usize = 128 * 1024 * 1024;
/// Batches of full size that may be under way at once.
const MAX_BATCHES: usize = 8;

/// Collects requests until they make a batch.
pub(in crate::pipeline) struct Batcher {
    signal: Signal,
    config: config::Batch,
    state: Mutex<State>,
    room: Room,
    /// Rung when the first request of a batch comes in.
    pub(in crate::pipeline) begun: Notify,
}

#[derive(Default)]
struct State {
    parts: Vec<Bytes>,
    items: usize,
    begun: Option<Instant>,
}

impl Batcher {
    pub(in crate::pipeline) fn new(signal: Signal, config: config::Batch) -> Self {
        let items = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        let full = items(config.send_batch_size.max(config.send_batch_max_size)).max(8192);
        Batcher {
            signal,
            room: Room::new(full.saturating_mul(MAX_BATCHES), MAX_BYTES),
            config,
            state: Mutex::default(),
            begun: Notify::new(),
        }
    }

    /// Its settings.
    pub(in crate::pipeline) fn config(&self) -> &config::Batch {
        &self.config
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn size(&self) -> usize {
        usize::try_from(self.config.send_batch_size).unwrap_or(usize::MAX)
    }

    fn max_size(&self) -> usize {
        usize::try_from(self.config.send_batch_max_size).unwrap_or(usize::MAX)
    }

    /// Reserves room for a request, or returns `None` if there is none.
    pub(in crate::pipeline) fn reserve(&self, request: &Spliced) -> Option<RoomReservation<'_>> {
        self.room.reserve(request.items, request.bytes.len())
    }

    /// Takes a request in that room was reserved for; returns the batches that are ready now.
    pub(in crate::pipeline) fn push(&self, request: Spliced) -> Vec<Spliced> {
        let mut state = self.state();
        state.items += request.items;
        state.parts.push(request.bytes);
        if state.items >= self.size() || self.config.timeout.is_zero() {
            return self.take(state, self.size());
        }
        if state.begun.is_none() {
            state.begun = Some(Instant::now());
            drop(state);
            self.begun.notify_one();
        }
        Vec::new()
    }

    /// How long the requests at hand may still wait; `None` if there are none.
    pub(in crate::pipeline) fn due_in(&self) -> Option<Duration> {
        let begun = self.state().begun?;
        Some(self.config.timeout.saturating_sub(begun.elapsed()))
    }

    /// Takes everything at hand, as batches.
    pub(in crate::pipeline) fn flush(&self) -> Vec<Spliced> {
        self.take(self.state(), 0)
    }

    /// Makes batches of what is at hand; a rest smaller than `keep` stays.
    fn take(&self, mut state: MutexGuard<'_, State>, keep: usize) -> Vec<Spliced> {
        let items = std::mem::take(&mut state.items);
        let parts = std::mem::take(&mut state.parts);
        state.begun = None;
        let joined = join(parts);
        if items == 0 {
            return Vec::new();
        }
        let max = self.config.send_batch_max_size;
        if max == 0 || items as u64 <= max {
            return vec![Spliced {
                bytes: joined,
                items,
            }];
        }
        // The parts were checked when they came.
        let Ok(request) = Request::parse(self.signal, joined.clone()) else {
            return vec![Spliced {
                bytes: joined,
                items,
            }];
        };
        let mut batches = request.split(self.max_size());
        let rest = batches.pop_if(|last| last.items < keep);
        // Splitting repeats resources and scopes, so the bytes differ from those taken.
        let now: usize = batches
            .iter()
            .chain(&rest)
            .map(|batch| batch.bytes.len())
            .sum();
        self.room.resize(joined.len(), now);
        if let Some(rest) = rest {
            state.items = rest.items;
            state.parts.push(rest.bytes);
            state.begun = Some(Instant::now());
            drop(state);
            self.begun.notify_one();
        }
        batches
    }

    /// Gives back the room of a batch, or of a part of it, that was delivered or dropped.
    pub(in crate::pipeline) fn done(&self, batch: &Spliced) {
        self.room.give_back(batch.items, batch.bytes.len());
    }

    /// Items taken and not done with.
    pub(in crate::pipeline) fn held_items(&self) -> usize {
        self.room.held_items()
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
