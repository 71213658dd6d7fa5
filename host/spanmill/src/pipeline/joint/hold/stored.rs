//! Held rows on disk: found there at the start, and written behind.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use spanmill_otlp::{Request, Signal, shard_of};
use spanmill_runtime::Snapshot;

use super::shard::{Shard, lock};
use crate::config::{ComponentId, PipelineId};
use crate::episode::{Episode, Log};
use crate::storage::{Generation, PreviousRun, ShardWriter, StorageError, StoredRows, StoredState};

/// How many traces are written anew at a time, so that old files can be deleted.
const ANEW: usize = 4096;
/// About how many bytes of them make a record.
const RECORD: usize = 640 * 1024;

/// Where a component's held rows are stored.
pub(super) struct StoredTraces {
    component: ComponentId,
    generation: Generation,
    writers: Vec<Mutex<ShardWriter>>,
    /// What the plugin's instances knew when the process before ended.
    states: Mutex<Vec<Option<StoredState>>>,
    /// While nothing can be written.
    failing: Episode,
}

impl StoredTraces {
    pub(super) fn new(component: ComponentId, generation: Generation, shards: usize) -> Self {
        let writer = |shard| ShardWriter::new(generation.path(), shard, shards, generation.fsync());
        StoredTraces {
            component,
            writers: (0..shards).map(|shard| Mutex::new(writer(shard))).collect(),
            states: Mutex::default(),
            failing: Episode::default(),
            generation,
        }
    }

    /// Takes in what an earlier run has left.
    pub(super) fn take_in(
        &self,
        pipeline: &PipelineId,
        previous: &PreviousRun,
        shards: &[Mutex<Shard>],
    ) -> Result<(), StorageError> {
        let (component, signal) = (&self.component, pipeline.signal);
        let mut items = 0;
        let mut malformed = 0_u64;
        previous.each(|rows| match take_back(signal, &rows, shards) {
            Ok(taken) => items += taken,
            Err(Malformed) => malformed += 1,
        })?;
        if malformed > 0 {
            tracing::warn!(%pipeline, %component, "{malformed} stored requests are no OTLP, and are passed over");
        }
        self.write(shards)?;
        let states = previous.states(shards.len());
        if items > 0 {
            let what = signal.items();
            tracing::info!(%pipeline, %component, "{items} {what} that were held before the restart are held again");
            if states.iter().all(Option::is_none) {
                tracing::warn!(%pipeline, %component,
                    "what was decided before the restart is not known any more: there were more or fewer workers, or none had said yet what it knew");
            }
        }
        *self.states.lock().unwrap_or_else(PoisonError::into_inner) = states;
        self.generation.replaces(previous.generations())
    }

    /// What the instance of a shard knew when the process before ended; once.
    pub(super) fn take_state(&self, shard: usize) -> Option<Snapshot> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let StoredState(state) = states.get_mut(shard)?.take()?;
        Some(state)
    }

    /// How often what changed is written.
    pub(super) fn interval(&self) -> Duration {
        self.generation.interval()
    }

    /// Writes what has changed, and logs if that fails.
    pub(super) fn write_behind(&self, shards: &[Mutex<Shard>]) {
        let component = &self.component;
        match self.write(shards) {
            Ok(()) => {
                if let Some(tally) = self.failing.end() {
                    tracing::info!(%component, "held rows can be stored again, after {:.1?}", tally.lasted);
                }
            }
            Err(error) => match self.failing.meet(0) {
                Log::Begin => tracing::error!(%component, %error,
                    "held rows cannot be stored: what a kill would lose grows, and senders are asked to wait once it reaches limits.held_mib"),
                Log::StillOn(tally) => tracing::error!(%component, %error,
                    "held rows have not been stored for {:.0?}", tally.lasted),
                Log::Nothing => {}
            },
        }
    }

    fn write(&self, shards: &[Mutex<Shard>]) -> Result<(), StorageError> {
        for (shard, writer) in shards.iter().zip(&self.writers) {
            write_anew(&mut lock(shard));
            let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
            let written = writer.write(|work| {
                if let Some(journal) = &mut lock(shard).journal {
                    work(journal);
                }
            });
            written.map_err(|cause| StorageError::Io {
                path: self.generation.path().to_owned(),
                cause,
            })?;
        }
        Ok(())
    }

    /// Deletes the files, if the plugin was told of the end and nothing is held any more.
    pub(super) fn end(&self, shards: &[Mutex<Shard>]) {
        let is_over = |shard: &Mutex<Shard>| {
            let shard = lock(shard);
            let is_empty = shard
                .journal
                .as_ref()
                .is_some_and(|journal| journal.is_empty());
            is_empty && shard.has_ended
        };
        if shards.iter().all(is_over) {
            self.generation.delete();
        }
    }
}

/// A stored request that is no OTLP.
struct Malformed;

/// Has the shards hold again what was stored. Returns how many items that are.
fn take_back(
    signal: Signal,
    rows: &StoredRows<'_>,
    shards: &[Mutex<Shard>],
) -> Result<usize, Malformed> {
    let parse = |bytes| Request::parse(signal, bytes).map_err(|_| Malformed);
    let request = parse(Bytes::copy_from_slice(rows.request))?;
    let none = shards.len();
    let target = |item| match request.trace_id(item) {
        trace if rows.is_gone(trace) => none as u32,
        trace => shard_of(trace, none) as u32,
    };
    let targets: Vec<u32> = (0..request.item_count()).map(target).collect();
    let mut items = 0;
    for (shard, part) in shards.iter().zip(request.split_by(&targets, none + 1)) {
        if part.items > 0 {
            items += part.items;
            lock(shard).hold(&parse(part.bytes)?, rows.received_unix_nano);
        }
    }
    Ok(items)
}

/// Has traces written anew that keep an old file from being deleted.
fn write_anew(shard: &mut Shard) {
    let Shard { store, journal, .. } = shard;
    let Some(journal) = journal else {
        return;
    };
    let mut wanted = journal.in_the_way(store.bytes(), ANEW).into();
    while let Some(shown) = store.show(&mut wanted, RECORD) {
        journal.held_anew(&shown.batch.bytes, &shown.traces, shown.received_unix_nano);
    }
}
