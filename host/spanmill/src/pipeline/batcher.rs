//! The `batch` processor: requests in, larger requests out. OTLP requests are joined by putting their
//! bytes one after the other.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use spanmill_otlp::{Request, Spliced};
use tokio::sync::Notify;

use crate::config;

/// Bytes that a batcher holds at most, in batches under way as well.
const MAX_BYTES: usize = 128 * 1024 * 1024;
/// Batches of full size that may be under way at once.
const MAX_BATCHES: usize = 8;

/// Collects requests until they make a batch.
pub(super) struct Batcher {
    config: config::Batch,
    state: Mutex<State>,
    /// Rung when the first request of a batch comes in.
    pub(super) begun: Notify,
}

#[derive(Default)]
struct State {
    parts: Vec<Bytes>,
    spans: usize,
    begun: Option<Instant>,
    /// Spans and bytes taken and not yet done with.
    held_spans: usize,
    held_bytes: usize,
}

impl Batcher {
    pub(super) fn new(config: config::Batch) -> Self {
        Batcher {
            config,
            state: Mutex::default(),
            begun: Notify::new(),
        }
    }

    /// Its settings.
    pub(super) fn config(&self) -> &config::Batch {
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

    /// Takes a request in; gives the batches that are ready now. Nothing if there is no room: what was taken
    /// before has nowhere to go.
    pub(super) fn push(&self, request: Spliced) -> Option<Vec<Spliced>> {
        let mut state = self.state();
        let room = self
            .size()
            .max(self.max_size())
            .max(8192)
            .saturating_mul(MAX_BATCHES);
        // A request larger than all the room is taken when nothing else is held.
        if state.held_spans > 0
            && (state.held_spans.saturating_add(request.spans) > room
                || state.held_bytes.saturating_add(request.bytes.len()) > MAX_BYTES)
        {
            return None;
        }
        state.held_spans += request.spans;
        state.held_bytes += request.bytes.len();
        state.spans += request.spans;
        state.parts.push(request.bytes);
        if state.spans >= self.size() || self.config.timeout.is_zero() {
            return Some(self.take(state, self.size()));
        }
        if state.begun.is_none() {
            state.begun = Some(Instant::now());
            drop(state);
            self.begun.notify_one();
        }
        Some(Vec::new())
    }

    /// When the requests at hand must be sent; nothing if there are none.
    pub(super) fn due(&self) -> Option<Instant> {
        self.state().begun.map(|begun| begun + self.config.timeout)
    }

    /// Everything at hand, as batches.
    pub(super) fn flush(&self) -> Vec<Spliced> {
        self.take(self.state(), 0)
    }

    /// Makes batches of what is at hand; a rest smaller than `keep` stays.
    fn take(&self, mut state: MutexGuard<'_, State>, keep: usize) -> Vec<Spliced> {
        let spans = std::mem::take(&mut state.spans);
        let parts = std::mem::take(&mut state.parts);
        state.begun = None;
        let joined = join(parts);
        if spans == 0 {
            return Vec::new();
        }
        let max = self.config.send_batch_max_size;
        if max == 0 || spans as u64 <= max {
            return vec![Spliced {
                bytes: joined,
                spans,
            }];
        }
        // The parts were checked when they came.
        let Ok(request) = Request::parse(joined.clone()) else {
            return vec![Spliced {
                bytes: joined,
                spans,
            }];
        };
        let mut batches = request.split(self.max_size());
        let rest = batches.pop_if(|last| last.spans < keep);
        // Splitting repeats resources and scopes, so the bytes differ from those taken.
        let now: usize = batches
            .iter()
            .chain(&rest)
            .map(|batch| batch.bytes.len())
            .sum();
        state.held_bytes = (state.held_bytes + now).saturating_sub(joined.len());
        if let Some(rest) = rest {
            state.spans = rest.spans;
            state.parts.push(rest.bytes);
            state.begun = Some(Instant::now());
            drop(state);
            self.begun.notify_one();
        }
        batches
    }

    /// A batch was delivered, or given up.
    pub(super) fn done(&self, batch: &Spliced) {
        let mut state = self.state();
        state.held_spans = state.held_spans.saturating_sub(batch.spans);
        state.held_bytes = state.held_bytes.saturating_sub(batch.bytes.len());
    }

    /// Spans taken and not done with.
    pub(super) fn held_spans(&self) -> usize {
        self.state().held_spans
    }
}

fn join(mut parts: Vec<Bytes>) -> Bytes {
    if parts.len() == 1 {
        return parts.pop().unwrap_or_default();
    }
    let mut joined = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
    parts.iter().for_each(|part| joined.extend_from_slice(part));
    joined.freeze()
}
