//! What is known of the traces that wait, and of those that were decided on.

use std::collections::{BTreeMap, VecDeque};

/// What is known of a trace of which spans are held.
#[derive(Clone, Copy, Debug)]
pub struct Trace {
    /// When its first span was received.
    pub received: u64,
    /// Whether a span has an error.
    pub has_error: bool,
    /// When the earliest span started, and when the latest ended.
    pub start: u64,
    pub end: u64,
}

impl Trace {
    /// How long it took, in ns.
    pub fn duration(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// The traces that wait, and the order they came in.
#[derive(Default)]
pub struct Waiting {
    traces: BTreeMap<u128, Trace>,
    order: VecDeque<u128>,
}

impl Waiting {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.traces.len()
    }

    /// Adds a span to what is known of its trace.
    pub fn add(&mut self, id: u128, span: Trace) {
        let trace = self.traces.entry(id).or_insert_with(|| {
            self.order.push_back(id);
            span
        });
        trace.received = trace.received.min(span.received);
        trace.has_error |= span.has_error;
        trace.start = trace.start.min(span.start);
        trace.end = trace.end.max(span.end);
    }

    /// Forgets a trace, of which everything is going to be shown again.
    pub fn forget(&mut self, id: u128) {
        if self.traces.remove(&id).is_some() {
            self.order.retain(|known| *known != id);
        }
    }

    /// Takes the oldest trace out, if it fits.
    pub fn take_oldest_if(&mut self, fits: impl Fn(&Trace) -> bool) -> Option<(u128, Trace)> {
        let id = *self.order.front()?;
        let trace = *self.traces.get(&id)?;
        if !fits(&trace) {
            return None;
        }
        self.order.pop_front();
        self.traces.remove(&id);
        Some((id, trace))
    }
}

/// What was decided on the latest traces, for spans that come late.
#[derive(Default)]
pub struct Decided {
    are_kept: BTreeMap<u128, bool>,
    order: VecDeque<u128>,
}

impl Decided {
    /// Whether a trace was kept; `None` if nothing is known of it.
    pub fn is_kept(&self, id: u128) -> Option<bool> {
        self.are_kept.get(&id).copied()
    }

    /// Notes a decision, and forgets the oldest of more than `most`.
    pub fn add(&mut self, id: u128, is_kept: bool, most: usize) {
        if self.are_kept.insert(id, is_kept).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > most {
            if let Some(oldest) = self.order.pop_front() {
                self.are_kept.remove(&oldest);
            }
        }
    }
}
