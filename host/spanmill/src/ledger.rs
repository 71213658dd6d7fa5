//! What became of the spans of recent traces: which plugin, rule and version kept, changed or dropped each. Off unless the
//! manifest asks for it, and bounded: what is oldest is forgotten.
//!
//! A part of a batch is one [`Record`]: the ids of its spans, and for each stage sets of rows. So noting costs little a span,
//! and nothing is looked up but when somebody asks: [`Ledger::trace`] goes through what there is.

mod handover;
mod record;
mod trace;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use spanmill_admin::TraceReport;

pub(crate) use handover::Handover;
pub(crate) use record::{
    AppliedRules, Decided, Decision, PartRun, Record, StageName, Step, StepResult, Wrote,
};

/// What is written at the same time goes to different shards.
const SHARDS: usize = 8;

/// The ledger of a service.
pub(crate) struct Ledger {
    shards: [Mutex<Shard>; SHARDS],
    /// Bytes that a shard may take.
    share: usize,
    /// Records so far; the number of the next.
    next: AtomicU64,
    /// When it was begun.
    begun_unix_nano: u64,
}

#[derive(Default)]
struct Shard {
    /// The oldest first, each with its number.
    records: VecDeque<(u64, Arc<Record>)>,
    bytes: usize,
    /// When the newest of those was noted that are forgotten.
    forgotten_unix_nano: u64,
}

impl Ledger {
    /// One that takes so many bytes.
    pub(crate) fn new(bytes: u64, now_unix_nano: u64) -> Self {
        let share = bytes / SHARDS as u64;
        Ledger {
            shards: Default::default(),
            share: usize::try_from(share).unwrap_or(usize::MAX),
            next: AtomicU64::new(0),
            begun_unix_nano: now_unix_nano,
        }
    }

    /// Takes a record in, and forgets the oldest ones of its shard that there is no room for beside it.
    pub(crate) fn note(&self, record: Record) {
        let number = self.next.fetch_add(1, Relaxed);
        let from = (number % SHARDS as u64) as usize;
        let (before, behind) = self.shards.split_at(from);
        let mut shards = behind.iter().chain(before);
        // One that nobody is writing to; what reads one has it for a moment only.
        let free = shards.find_map(|shard| shard.try_lock().ok());
        let mut shard = match (free, behind.first()) {
            (Some(free), _) => free,
            (None, Some(own)) => lock(own),
            (None, None) => return,
        };
        shard.note(number, record, self.share);
    }

    /// Since when nothing is forgotten, RFC 3339.
    pub(crate) fn since(&self) -> String {
        trace::time(self.since_unix_nano())
    }

    fn since_unix_nano(&self) -> u64 {
        let forgotten = self.shards.iter().map(|s| lock(s).forgotten_unix_nano);
        forgotten.max().unwrap_or(0).max(self.begun_unix_nano)
    }

    /// What became of a trace; `None` if nothing of it is known any more.
    pub(crate) fn trace(&self, trace_id: u128) -> Option<TraceReport> {
        let mut records: Vec<(u64, Arc<Record>)> = Vec::new();
        for shard in &self.shards {
            // Looked at when the lock is free again: workers write meanwhile.
            let all: Vec<(u64, Arc<Record>)> = lock(shard).records.iter().cloned().collect();
            let of_trace = |(_, record): &(u64, Arc<Record>)| record.has_trace(trace_id);
            records.extend(all.into_iter().filter(of_trace));
        }
        records.sort_unstable_by_key(|(number, _)| *number);
        let records = records.iter().map(|(_, record)| &**record);
        trace::report(trace_id, self.since_unix_nano(), records)
    }
}

impl Shard {
    fn note(&mut self, number: u64, record: Record, share: usize) {
        self.bytes = self.bytes.saturating_add(record.memory_bytes());
        self.records.push_back((number, Arc::new(record)));
        while self.bytes > share
            && let Some((_, oldest)) = self.records.pop_front()
        {
            self.bytes = self.bytes.saturating_sub(oldest.memory_bytes());
            self.forgotten_unix_nano = self.forgotten_unix_nano.max(oldest.at_unix_nano());
        }
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
