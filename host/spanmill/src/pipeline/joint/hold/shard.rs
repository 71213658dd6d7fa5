//! What one shard holds, and what is to be done with it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use spanmill_otlp::Request;

use super::store::TraceStore;
use crate::storage::ShardJournal;

pub(super) struct Shard {
    pub(super) store: TraceStore,
    /// What is to be stored of it, if it is.
    pub(super) journal: Option<ShardJournal>,
    /// Traces to be shown to the plugin again.
    pub(super) review: VecDeque<u128>,
    /// The instance does not know of what is held yet: it is asked once it has been shown all of that.
    pub(super) is_recalling: bool,
    /// What the store took when that was last counted.
    pub(super) counted: usize,
    /// The plugin was told that this is the end.
    pub(super) has_ended: bool,
    /// The plugin is about to be asked.
    pub(super) is_asked: bool,
}

impl Shard {
    /// One that holds nothing.
    pub(super) fn new(store: TraceStore) -> Mutex<Self> {
        Mutex::new(Shard {
            store,
            journal: None,
            review: VecDeque::new(),
            is_recalling: false,
            counted: 0,
            has_ended: false,
            is_asked: false,
        })
    }

    /// Takes rows in.
    pub(super) fn hold(&mut self, request: &Request, received_unix_nano: u64) {
        self.store.hold(request, received_unix_nano);
        if let Some(journal) = &mut self.journal {
            let traces = (0..request.item_count()).map(|item| request.trace_id(item));
            journal.held(request.bytes(), traces, received_unix_nano);
        }
    }

    /// About how much memory it takes.
    pub(super) fn memory(&self) -> usize {
        let journal = self.journal.as_ref().map_or(0, ShardJournal::memory);
        self.store.bytes().saturating_add(journal)
    }
}

pub(super) fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
