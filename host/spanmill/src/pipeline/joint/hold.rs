//! Spans and log records that a plugin holds until it decides on their traces: kept by the host, in one store for each
//! shard, whose instance is the only one that decides on them.

mod blocks;
mod groups;
mod packed;
mod shard;
mod store;
mod stored;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use spanmill_otlp::{Request, Signal};
use spanmill_runtime::{Decision, Decisions, Snapshot};

use self::shard::{Shard, lock};
pub(in crate::pipeline) use self::store::HeldBatch;
use self::store::TraceStore;
use self::stored::StoredTraces;
use super::passing::{JointBatch, SegmentOutput, passing_bytes};
use super::room::{Room, RoomReservation};
use crate::config::{ComponentId, PipelineId};
use crate::storage::{ShardJournal, StorageError, StorageSettings, Storages};

/// Bytes that are on their way to the next segment at most.
const MAX_PASSING: usize = 128 * 1024 * 1024;
/// About how many bytes make a batch of released rows, or one that is shown again.
const BATCH: usize = 640 * 1024;

/// About how many bytes are compressed at a time: a few milliseconds' work.
const PACKED_AT_ONCE: usize = 512 * 1024;

/// What held rows of all pipelines take, and may take, in bytes.
#[derive(Debug)]
pub struct HeldMemory {
    used: AtomicU64,
    limit: u64,
    is_compressed: bool,
    /// Where rows may be stored; `None`: nowhere, whatever the manifest says.
    storages: Option<Storages>,
}

impl HeldMemory {
    /// None used yet. `is_compressed` says whether rows of traces that have been quiet for a while are compressed.
    pub fn new(limit: u64, is_compressed: bool) -> Self {
        HeldMemory {
            used: AtomicU64::new(0),
            limit,
            is_compressed,
            storages: None,
        }
    }

    /// The same, for a service, whose held rows are stored if the manifest says so.
    pub fn stored(mut self) -> Self {
        self.storages = Some(Storages::default());
        self
    }

    /// The directories that rows are stored in; `None` if nothing is stored.
    pub(in crate::pipeline) fn storages(&self) -> Option<&Storages> {
        self.storages.as_ref()
    }

    /// Whether there is room for so many bytes more.
    fn has_room(&self, bytes: usize) -> bool {
        self.used.load(Relaxed).saturating_add(bytes as u64) <= self.limit
    }

    /// What one store takes has changed.
    fn resize(&self, before: usize, now: usize) {
        match now.checked_sub(before) {
            Some(more) => self.used.fetch_add(more as u64, Relaxed),
            None => self.used.fetch_sub((before - now) as u64, Relaxed),
        };
    }
}

/// What a component holds, in all its shards.
pub(in crate::pipeline) struct HeldTraces {
    component: ComponentId,
    shards: Vec<Mutex<Shard>>,
    /// The shards whose instance says that it has no room for more traces.
    full: Vec<AtomicBool>,
    /// What is not held: rows that were kept or released, until they are in other hands.
    passing: Room,
    memory: Arc<HeldMemory>,
    /// What the manifest says of where they are stored.
    storage: Option<StorageSettings>,
    stored: Option<StoredTraces>,
}

impl HeldTraces {
    pub(in crate::pipeline) fn new(
        component: ComponentId,
        signal: Signal,
        shards: usize,
        memory: Arc<HeldMemory>,
    ) -> Self {
        let shard = || {
            Shard::new(match memory.is_compressed {
                true => TraceStore::new(signal).compressing(),
                false => TraceStore::new(signal),
            })
        };
        HeldTraces {
            component,
            shards: (0..shards).map(|_| shard()).collect(),
            full: (0..shards).map(|_| AtomicBool::new(false)).collect(),
            passing: Room::new(usize::MAX, MAX_PASSING),
            memory,
            storage: None,
            stored: None,
        }
    }

    /// The same, with everything stored that is held, and with what an earlier run has left.
    ///
    /// # Errors
    ///
    /// If that cannot be read, or nothing can be written.
    pub(in crate::pipeline) fn recovered(
        mut self,
        storages: &Storages,
        storage: StorageSettings,
        pipeline: &PipelineId,
    ) -> Result<Self, StorageError> {
        let (generation, previous) =
            storages.open(&storage, &pipeline.to_string(), self.component.as_str())?;
        for shard in &mut self.shards {
            let shard = shard.get_mut().unwrap_or_else(PoisonError::into_inner);
            shard.journal = Some(ShardJournal::default());
        }
        let stored = StoredTraces::new(self.component.clone(), generation, self.shards.len());
        stored.take_in(pipeline, &previous, &self.shards)?;
        // Its memory is counted from now on.
        (0..self.shards.len()).for_each(|shard| drop(self.shard(shard)));
        self.stored = Some(stored);
        self.storage = Some(storage);
        Ok(self)
    }

    /// Where it is stored, if it is.
    fn stored(&self) -> Option<&StoredTraces> {
        self.stored.as_ref()
    }

    /// What the instance of a shard knew when the process before ended; once.
    pub(in crate::pipeline) fn stored_state(&self, shard: usize) -> Option<Snapshot> {
        self.stored()?.take_state(shard)
    }

    /// Whether held rows are stored, so that they outlive the process.
    pub(in crate::pipeline) fn is_stored(&self) -> bool {
        self.stored.is_some()
    }

    /// How often they are written.
    pub(in crate::pipeline) fn storage_interval(&self) -> Option<Duration> {
        self.stored().map(StoredTraces::interval)
    }

    /// Writes what has become held, and what is held no longer, since it was last called. Blocks until it is written.
    pub(in crate::pipeline) fn write_behind(&self) {
        if let Some(stored) = self.stored() {
            stored.write_behind(&self.shards);
        }
    }

    /// What the manifest says of where it is stored.
    pub(in crate::pipeline) fn storage(&self) -> Option<&StorageSettings> {
        self.storage.as_ref()
    }

    pub(in crate::pipeline) fn component(&self) -> &ComponentId {
        &self.component
    }

    pub(in crate::pipeline) fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Whether traces that have been quiet for a while are compressed.
    pub(in crate::pipeline) fn is_compressed(&self) -> bool {
        self.memory.is_compressed
    }

    /// Whether so many bytes more can be held, and the plugin takes more.
    pub(in crate::pipeline) fn has_room(&self, bytes: usize) -> bool {
        self.memory.has_room(bytes) && !self.full.iter().any(|full| full.load(Relaxed))
    }

    /// Released rows that are on their way have other bytes than before.
    pub(in crate::pipeline) fn resized(&self, items: usize, before: usize, now: usize) {
        self.passing.give_back(items, before);
        self.passing.add(items, now);
    }

    pub(super) fn reserve(&self, output: &SegmentOutput) -> Option<RoomReservation<'_>> {
        let bytes = passing_bytes(&output.spliced, &output.metadata);
        self.passing.reserve(output.spliced.items, bytes)
    }

    pub(super) fn done(&self, given: &JointBatch) {
        let bytes = passing_bytes(&given.batch, &given.metadata);
        self.passing.give_back(given.batch.items, bytes);
        if let Some(released) = &given.released
            && let Some(mut shard) = given.shard.and_then(|shard| self.shard(shard))
            && let Some(journal) = &mut shard.shard.journal
        {
            journal.gone(released.traces.iter().copied(), released.journal_number);
        }
    }

    /// Items on their way to the next segment.
    pub(in crate::pipeline) fn passing_items(&self) -> usize {
        self.passing.held_items()
    }

    /// Items held, and on their way to the next segment.
    pub(super) fn held_items(&self) -> usize {
        let shards = self.shards.iter();
        let held: usize = shards.map(|shard| lock(shard).store.items()).sum();
        held.saturating_add(self.passing.held_items())
    }

    /// What a shard holds. Only who has the shard's lane may change it.
    pub(in crate::pipeline) fn shard(&self, shard: usize) -> Option<HeldShard<'_>> {
        Some(HeldShard {
            held: self,
            shard: lock(self.shards.get(shard)?),
            full: self.full.get(shard)?,
        })
    }
}

/// What one shard holds.
pub(in crate::pipeline) struct HeldShard<'a> {
    held: &'a HeldTraces,
    shard: MutexGuard<'a, Shard>,
    full: &'a AtomicBool,
}

impl HeldShard<'_> {
    /// Takes rows in.
    pub(in crate::pipeline) fn hold(&mut self, request: &Request, received_unix_nano: u64) {
        self.shard.hold(request, received_unix_nano);
        if self.shard.has_ended {
            // Nobody will be asked about them.
            self.shard.store.release_all();
        }
    }

    /// Does what the plugin decided. Returns how many items were released, and how many dropped.
    pub(in crate::pipeline) fn decide(&mut self, decisions: &Decisions) -> (usize, usize) {
        let (mut released, mut dropped) = (0, 0);
        let Shard {
            store,
            journal,
            review,
            ..
        } = &mut *self.shard;
        for (trace, decision) in &decisions.traces {
            match decision {
                Decision::Release => released += store.release(*trace),
                Decision::Drop => dropped += store.drop_trace(*trace),
            }
        }
        if let Some(journal) = journal {
            let decided = decisions.traces.iter();
            let dropped = decided
                .filter(|(trace, decision)| *decision == Decision::Drop && !store.has(*trace));
            let number = journal.number();
            journal.gone(dropped.map(|(trace, _)| *trace), number);
        }
        store.sweep();
        // No more than there are: one that asks again and again is not shown them more often.
        let room = store.traces().saturating_sub(review.len());
        review.extend(decisions.review.iter().take(room));
        (released, dropped)
    }

    /// Lets traces go on without a decision. Returns how many items they have.
    pub(in crate::pipeline) fn release(&mut self, traces: &[u128]) -> usize {
        let store = &mut self.shard.store;
        traces.iter().map(|trace| store.release(*trace)).sum()
    }

    /// Has everything that is held shown to the plugin, whose instance does not know of it.
    pub(in crate::pipeline) fn review_all(&mut self) {
        self.shard.review = self.shard.store.oldest_first();
        self.shard.is_recalling = !self.shard.review.is_empty();
    }

    /// Whether the instance has yet to be shown what is held before it is asked.
    pub(in crate::pipeline) fn is_recalling(&self) -> bool {
        self.shard.is_recalling
    }

    /// The next rows to be shown to the plugin; `None` if there are none.
    pub(in crate::pipeline) fn next_review(&mut self) -> Option<HeldBatch> {
        let shard = &mut *self.shard;
        let shown = shard.store.show(&mut shard.review, BATCH);
        shard.is_recalling &= !shard.review.is_empty();
        shown
    }

    /// How many traces are to be shown to the plugin.
    pub(in crate::pipeline) fn reviews(&self) -> usize {
        self.shard.review.len()
    }

    /// The plugin could not be shown these: they come first next time.
    pub(in crate::pipeline) fn not_shown(&mut self, traces: &[u128], is_recalling: bool) {
        for trace in traces.iter().rev() {
            self.shard.review.push_front(*trace);
        }
        self.shard.is_recalling = is_recalling;
    }

    /// Lets everything go: the plugin was told of the end, or does not hold any more. Returns how many items that are.
    pub(in crate::pipeline) fn end(&mut self) -> usize {
        self.set_full(false);
        self.shard.has_ended = true;
        self.shard.review.clear();
        self.shard.is_recalling = false;
        self.shard.store.release_all()
    }

    /// A period is over. Returns whether there is something to compress, and nobody is about to.
    pub(in crate::pipeline) fn end_period(&mut self) -> bool {
        let is_under_way = self.shard.store.has_quiet();
        self.shard.store.end_period();
        !is_under_way && self.shard.store.has_quiet()
    }

    /// Compresses some of what is quiet. Returns whether there is more.
    pub(in crate::pipeline) fn pack(&mut self) -> bool {
        self.shard.store.pack(PACKED_AT_ONCE);
        self.shard.store.has_quiet()
    }

    /// The plugin is to be asked for decisions. Returns whether that is not under way already, and there is any need.
    pub(in crate::pipeline) fn ask(&mut self) -> bool {
        let is_new = !std::mem::replace(&mut self.shard.is_asked, true);
        is_new && !self.shard.has_ended
    }

    /// The plugin is being asked.
    pub(in crate::pipeline) fn asked(&mut self) {
        self.shard.is_asked = false;
    }

    /// Whether the plugin was told of the end.
    pub(in crate::pipeline) fn has_ended(&self) -> bool {
        self.shard.has_ended
    }

    /// Notes whether the plugin has no room for more traces.
    pub(in crate::pipeline) fn set_full(&self, is_full: bool) {
        self.full.store(is_full, Relaxed);
    }

    /// How many items are held.
    pub(in crate::pipeline) fn items(&self) -> usize {
        self.shard.store.items()
    }

    /// Notes what the plugin knows, to be stored.
    pub(in crate::pipeline) fn set_state(&mut self, snapshot: &Snapshot) {
        if let Some(journal) = &mut self.shard.journal {
            journal.set_state(snapshot);
        }
    }

    /// Bytes that have yet to be stored.
    pub(in crate::pipeline) fn unwritten(&self) -> usize {
        let journal = self.shard.journal.as_ref();
        journal.map_or(0, ShardJournal::pending)
    }

    /// The traces that are held and not released, the oldest first.
    pub(in crate::pipeline) fn traces(&self) -> impl Iterator<Item = u128> {
        self.shard.store.oldest_first().into_iter()
    }

    /// Whether anything is held.
    pub(in crate::pipeline) fn is_empty(&self) -> bool {
        self.shard.store.traces() == 0
    }

    /// The next batch of released rows. From now on it counts as on its way.
    pub(in crate::pipeline) fn next_released(&mut self) -> Option<HeldBatch> {
        let mut released = self.shard.store.next_released(BATCH)?;
        let batch = &released.batch;
        self.held.passing.add(batch.items, batch.bytes.len());
        let journal = self.shard.journal.as_ref();
        released.journal_number = journal.map(ShardJournal::number);
        Some(released)
    }

    /// Whether more released rows wait.
    pub(in crate::pipeline) fn has_released(&self) -> bool {
        self.shard.store.has_released()
    }
}

impl Drop for HeldShard<'_> {
    fn drop(&mut self) {
        let now = self.shard.memory();
        self.held.memory.resize(self.shard.counted, now);
        self.shard.counted = now;
    }
}

impl Drop for HeldTraces {
    fn drop(&mut self) {
        if let Some(stored) = self.stored() {
            stored.end(&self.shards);
        }
        for shard in &self.shards {
            self.memory.resize(lock(shard).counted, 0);
        }
    }
}
