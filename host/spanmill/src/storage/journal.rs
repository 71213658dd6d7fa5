//! A shard's journal: what has become held and what is held no longer, gathered as it happens and written behind.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use spanmill_runtime::Snapshot;

use super::record::Record;
use super::replay::{StoredState, segment_name, state_name};
use super::segment::SegmentFile;

/// A file is begun anew after so many bytes of records.
const SEGMENT: usize = 16 * 1024 * 1024;
/// Records that are compressed together.
const BLOCK: usize = 1024 * 1024;
/// Files that have become mostly useless are left alone up to so many bytes.
const SLACK: usize = 64 * 1024 * 1024;

/// What a trace that is held takes in the map.
const TRACE: usize = 48;

/// What has yet to be written of a shard, and where what was written stands.
pub struct ShardJournal {
    /// The number of the last record.
    number: u64,
    /// Records by segment, in order, in blocks.
    pending: VecDeque<(u64, Vec<u8>)>,
    pending_bytes: usize,
    live: HashMap<u128, LiveTrace>,
    /// The segments there are.
    segments: BTreeMap<u64, SegmentUse>,
    current: u64,
    /// Segments nothing of which is of use any more.
    useless: Vec<u64>,
    state: Option<Vec<u8>>,
}

/// Where rows of a trace stand that is held.
struct LiveTrace {
    /// The first segment that has any.
    segment: u64,
    /// The last record that has any.
    number: u64,
}

#[derive(Default)]
struct SegmentUse {
    bytes: usize,
    /// How many traces have their first rows here.
    traces: usize,
}

impl Default for ShardJournal {
    fn default() -> Self {
        ShardJournal {
            number: 0,
            pending: VecDeque::new(),
            pending_bytes: 0,
            live: HashMap::new(),
            segments: BTreeMap::from([(0, SegmentUse::default())]),
            current: 0,
            useless: Vec::new(),
            state: None,
        }
    }
}

impl ShardJournal {
    /// About how much memory it takes.
    pub fn memory(&self) -> usize {
        let state = self.state.as_ref().map_or(0, Vec::len);
        self.pending_bytes + state + self.live.len() * TRACE
    }

    /// Bytes that have yet to be written.
    pub fn pending(&self) -> usize {
        self.pending_bytes
    }

    /// The number of the last record: all rows that are held by now stand in it or before.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whether no row is held any more.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// Notes that all rows of an OTLP request are held, which are of these traces.
    pub fn held(
        &mut self,
        request: &[u8],
        traces: impl Iterator<Item = u128>,
        received_unix_nano: u64,
    ) {
        self.number += 1;
        let number = self.number;
        self.record(&Record::Held {
            number,
            received_unix_nano,
            request,
        });
        let current = self.current;
        let mut new = 0;
        for trace in traces {
            let live = self.live.entry(trace).or_insert_with(|| {
                new += 1;
                LiveTrace {
                    segment: current,
                    number,
                }
            });
            live.number = number;
        }
        if let Some(segment) = self.segments.get_mut(&current) {
            segment.traces += new;
        }
    }

    /// Notes that rows of these traces are held no longer, as far as they stand in the record `number` or before.
    pub fn gone(&mut self, traces: impl Iterator<Item = u128>, number: u64) {
        let mut gone = Vec::new();
        for trace in traces {
            let Some(live) = self.live.get(&trace) else {
                continue;
            };
            gone.push((trace, number));
            if live.number > number {
                continue;
            }
            if let Some(segment) = self.segments.get_mut(&live.segment) {
                segment.traces = segment.traces.saturating_sub(1);
            }
            self.live.remove(&trace);
        }
        if gone.is_empty() {
            return;
        }
        self.record(&Record::Gone(gone));
        if self.live.capacity() > 4096 && self.live.len() < self.live.capacity() / 8 {
            self.live.shrink_to(self.live.len() * 2);
        }
        self.give_up_segments();
    }

    /// Traces whose rows keep the oldest file from being deleted, most of which is of no use any more; at most `most` of
    /// them. `held` is how many bytes are held.
    pub fn in_the_way(&self, held: usize, most: usize) -> Vec<u128> {
        let bytes: usize = self.segments.values().map(|segment| segment.bytes).sum();
        if bytes < held.saturating_mul(4).saturating_add(SLACK) {
            return Vec::new();
        }
        let Some((&oldest, _)) = self.segments.first_key_value() else {
            return Vec::new();
        };
        if oldest == self.current {
            return Vec::new();
        }
        let live = self.live.iter();
        let of_oldest = live.filter(|(_, live)| live.segment == oldest);
        of_oldest.map(|(trace, _)| *trace).take(most).collect()
    }

    /// Notes traces anew, all of whose rows are in an OTLP request, so that nothing before is needed.
    pub fn held_anew(&mut self, request: &[u8], traces: &[u128], received_unix_nano: u64) {
        self.gone(traces.iter().copied(), self.number);
        self.held(request, traces.iter().copied(), received_unix_nano);
    }

    /// Has the plugin's state written, in place of the one before.
    pub fn set_state(&mut self, snapshot: &Snapshot) {
        self.state = Some(StoredState::encode(snapshot));
    }

    fn record(&mut self, record: &Record<'_>) {
        let full = self.segments.get(&self.current);
        if full.is_some_and(|segment| segment.bytes >= SEGMENT) {
            self.current += 1;
            self.segments.insert(self.current, SegmentUse::default());
            self.give_up_segments();
        }
        let begins = self
            .pending
            .back()
            .is_none_or(|(segment, block)| *segment != self.current || block.len() >= BLOCK);
        if begins {
            self.pending.push_back((self.current, Vec::new()));
        }
        let Some((_, block)) = self.pending.back_mut() else {
            return;
        };
        let before = block.len();
        record.write(block);
        let added = block.len() - before;
        self.pending_bytes += added;
        if let Some(segment) = self.segments.get_mut(&self.current) {
            segment.bytes += added;
        }
    }

    /// Gives up the oldest segments as long as nothing in them is of use. Later ones say what is gone from earlier ones, so
    /// that the order matters.
    fn give_up_segments(&mut self) {
        while let Some(oldest) = self.segments.first_entry()
            && *oldest.key() != self.current
            && oldest.get().traces == 0
        {
            self.useless.push(oldest.remove_entry().0);
        }
        // What was not written yet need not be.
        let oldest = self
            .segments
            .first_key_value()
            .map_or(0, |(number, _)| *number);
        while let Some((segment, block)) = self.pending.front()
            && *segment < oldest
        {
            self.pending_bytes = self.pending_bytes.saturating_sub(block.len());
            self.pending.pop_front();
        }
    }
}

/// Writes a shard's journal.
pub struct ShardWriter {
    folder: PathBuf,
    shard: usize,
    shards: usize,
    fsync: bool,
    file: Option<(u64, SegmentFile)>,
}

impl ShardWriter {
    /// Writes one of `shards` shards into a generation's folder.
    pub fn new(folder: &Path, shard: usize, shards: usize, fsync: bool) -> Self {
        ShardWriter {
            folder: folder.to_owned(),
            shard,
            shards,
            fsync,
            file: None,
        }
    }

    /// Writes everything there is to write. `journal` does something with the journal, which it locks for as long as that
    /// takes, which is not for long.
    ///
    /// # Errors
    ///
    /// What the system says. What was not written is tried again the next time.
    pub fn write(
        &mut self,
        mut journal: impl FnMut(&mut dyn FnMut(&mut ShardJournal)),
    ) -> io::Result<()> {
        loop {
            let mut next = None;
            journal(&mut |journal| next = journal.pending.pop_front());
            let Some((segment, block)) = next else {
                break;
            };
            let written = self.append(segment, &block);
            let mut block = Some(block);
            journal(&mut |journal| match (&written, block.take()) {
                (Err(_), Some(block)) => journal.pending.push_front((segment, block)),
                (_, block) => {
                    let written = block.map_or(0, |block| block.len());
                    journal.pending_bytes = journal.pending_bytes.saturating_sub(written);
                }
            });
            written?;
        }
        let (mut useless, mut state) = (Vec::new(), None);
        journal(&mut |journal| {
            useless = std::mem::take(&mut journal.useless);
            state = journal.state.take();
        });
        if let Some(state) = state {
            self.write_state(&state)?;
        }
        let mut useless = useless.into_iter();
        while let Some(segment) = useless.next() {
            if let Err(error) = self.delete(segment) {
                journal(&mut |journal| {
                    let again = std::iter::once(segment).chain(useless.clone());
                    journal.useless = again.chain(journal.useless.drain(..)).collect();
                });
                return Err(error);
            }
        }
        Ok(())
    }

    fn append(&mut self, segment: u64, block: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some((number, file)) if *number == segment => file,
            _ => {
                let path = self.folder.join(segment_name(self.shard, segment));
                let file = SegmentFile::create(&path)?;
                &mut self.file.insert((segment, file)).1
            }
        };
        file.append(block, self.fsync)
    }

    fn write_state(&self, state: &[u8]) -> io::Result<()> {
        let path = self.folder.join(state_name(self.shard, self.shards));
        let part = path.with_extension("part");
        fs::write(&part, state)?;
        if self.fsync {
            fs::File::open(&part)?.sync_all()?;
        }
        fs::rename(&part, &path)
    }

    fn delete(&mut self, segment: u64) -> io::Result<()> {
        self.file.take_if(|(number, _)| *number == segment);
        match fs::remove_file(self.folder.join(segment_name(self.shard, segment))) {
            // It was given up before anything of it was written.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            deleted => deleted,
        }
    }
}
