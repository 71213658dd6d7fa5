//! Held spans and log records of one shard, by trace: as bytes, each resource and scope once, nothing that keeps the batch
//! they came in.

use std::collections::{BTreeMap, HashMap, VecDeque};

use spanmill_otlp::{Assembly, Request, Row, Signal, Spliced};

use super::blocks::{Blocks, Chain};
use super::groups::{Groups, ScopeRef};
use super::packed::{PackedRun, Packer};

/// What is held of one trace.
struct HeldTrace {
    /// Which trace came first: counts up.
    number: u64,
    received_unix_nano: u64,
    items: u32,
    /// The period in which the last item came.
    touched: u32,
    /// Whether it waits among those released.
    is_released: bool,
    /// Bytes of the items, as they came.
    bytes: usize,
    /// The first items, compressed, and the last, as they came: for each its scope, its length and its bytes.
    packed: Vec<PackedRun>,
    plain: Chain,
}

/// Fewer traces are in the processor's caches anyway.
const CACHED: usize = 4096;
/// How many rows have their traces fetched at a time.
const TOGETHER: usize = 64;

/// Memory for a run that is larger than this is not kept.
const LARGE: usize = 256 * 1024;

/// What an entry of the map takes beside the items' bytes.
const TRACE: usize = 16 + std::mem::size_of::<HeldTrace>() + 8;

/// Held items of one shard.
pub(super) struct TraceStore {
    signal: Signal,
    traces: HashMap<u128, HeldTrace>,
    groups: Groups,
    blocks: Blocks,
    next_number: u64,
    items: usize,
    bytes: usize,
    /// Memory for the items at hand.
    run: Vec<u8>,
    /// Traces that were released, and wait to be put into batches.
    released: VecDeque<u128>,
    /// `None`: nothing is compressed.
    quiet: Option<Quiet>,
}

/// Which traces have been quiet for long enough to be compressed.
#[derive(Default)]
struct Quiet {
    packer: Packer,
    period: u32,
    /// Traces that items came for in this period, and in the one before.
    now: Vec<u128>,
    before: Vec<u128>,
    /// Those to be looked at.
    waiting: Vec<u128>,
}

/// Items of some traces, as one request.
#[derive(Debug)]
pub(in crate::pipeline) struct HeldBatch {
    pub(in crate::pipeline) signal: Signal,
    pub(in crate::pipeline) traces: Vec<u128>,
    pub(in crate::pipeline) batch: Spliced,
    /// When the oldest of them was received.
    pub(in crate::pipeline) received_unix_nano: u64,
    /// Of released rows that are stored: the last record of the journal that may have any of them.
    pub(in crate::pipeline) journal_number: Option<u64>,
}

impl TraceStore {
    pub(super) fn new(signal: Signal) -> Self {
        TraceStore {
            signal,
            traces: HashMap::new(),
            groups: Groups::default(),
            blocks: Blocks::default(),
            next_number: 0,
            items: 0,
            bytes: 0,
            run: Vec::new(),
            released: VecDeque::new(),
            quiet: None,
        }
    }

    /// The same, where traces that are quiet are compressed.
    pub(super) fn compressing(mut self) -> Self {
        self.quiet = Some(Quiet::default());
        self
    }

    /// Items held, those that wait to be put into batches included.
    pub(super) fn items(&self) -> usize {
        self.items
    }

    /// About how much memory it takes: what it keeps of items, resources and scopes, and of the map.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.saturating_add(self.groups.bytes())
    }

    /// Whether anything of a trace is held.
    pub(super) fn has(&self, trace: u128) -> bool {
        self.traces.contains_key(&trace)
    }

    /// How many traces it holds.
    pub(super) fn traces(&self) -> usize {
        self.traces.len()
    }

    /// Adds every item of a request, all of which have a trace id.
    pub(super) fn hold(&mut self, request: &Request, received_unix_nano: u64) {
        let mut scope_of: Option<(u32, ScopeRef)> = None;
        let (mut run_of, mut run_items) = (0, 0);
        let rows: Vec<Row<'_>> = request.rows().collect();
        for (at, row) in rows.iter().enumerate() {
            if at % TOGETHER == 0 {
                self.prefetch(rows.iter().skip(at).take(TOGETHER));
            }
            let scope = match scope_of {
                Some((number, scope)) if number == row.scope => scope,
                _ => self.groups.scope(request, row.resource, row.scope),
            };
            scope_of = Some((row.scope, scope));
            // A request is smaller than that.
            let Ok(length) = u32::try_from(row.bytes.len()) else {
                continue;
            };
            if row.trace_id != run_of {
                self.end_run(run_of, run_items, received_unix_nano);
                (run_of, run_items) = (row.trace_id, 0);
            }
            self.groups.refer(scope);
            self.run.extend_from_slice(&scope.number().to_le_bytes());
            self.run.extend_from_slice(&length.to_le_bytes());
            self.run.extend_from_slice(row.bytes);
            run_items += 1;
        }
        self.end_run(run_of, run_items, received_unix_nano);
        self.groups.sweep();
    }

    /// Has the processor fetch the traces of some rows, which are looked at next. Of many traces nothing is in its caches; looked
    /// up one right behind the other, they are waited for together.
    fn prefetch<'a>(&self, rows: impl Iterator<Item = &'a Row<'a>>) {
        if self.traces.len() < CACHED {
            return;
        }
        let known = rows.filter_map(|row| self.traces.get(&row.trace_id));
        std::hint::black_box(known.map(|trace| trace.items).fold(0, u32::wrapping_add));
    }

    /// Puts the run at hand to its trace.
    fn end_run(&mut self, trace_id: u128, items: u32, received_unix_nano: u64) {
        if self.run.is_empty() {
            return;
        }
        let period = self.quiet.as_ref().map_or(0, |quiet| quiet.period);
        let trace = self.traces.entry(trace_id).or_insert_with(|| {
            self.bytes += TRACE;
            self.next_number += 1;
            HeldTrace {
                number: self.next_number,
                received_unix_nano,
                items: 0,
                // Not this one, so that it is noted below.
                touched: period.wrapping_sub(1),
                is_released: false,
                bytes: 0,
                packed: Vec::new(),
                plain: Chain::EMPTY,
            }
        });
        if trace.touched != period
            && let Some(quiet) = &mut self.quiet
        {
            trace.touched = period;
            quiet.now.push(trace_id);
        }
        let before = trace.plain.memory();
        // There is room: what is held is bounded by far less.
        self.blocks.append(&mut trace.plain, &self.run);
        trace.bytes += self.run.len();
        trace.items += items;
        self.items += items as usize;
        self.bytes += trace.plain.memory() - before;
        self.run.clear();
        if self.run.capacity() > LARGE {
            self.run = Vec::new();
        }
    }

    /// Lets a trace go on with the next batches. Returns how many items it has; 0 if it is not held, or was released.
    pub(super) fn release(&mut self, trace_id: u128) -> usize {
        match self.traces.get_mut(&trace_id) {
            Some(trace) if !trace.is_released => {
                trace.is_released = true;
                self.released.push_back(trace_id);
                trace.items as usize
            }
            _ => 0,
        }
    }

    /// Lets all traces go on, the oldest first. Returns how many items they have.
    pub(super) fn release_all(&mut self) -> usize {
        let all = self.oldest_first();
        all.into_iter().map(|id| self.release(id)).sum()
    }

    /// All traces that were not released, the oldest first.
    pub(super) fn oldest_first(&self) -> VecDeque<u128> {
        let mut ids: Vec<(u64, u128)> = self
            .traces
            .iter()
            .filter(|(_, trace)| !trace.is_released)
            .map(|(id, trace)| (trace.number, *id))
            .collect();
        ids.sort_unstable();
        ids.into_iter().map(|(_, id)| id).collect()
    }

    /// Forgets a trace that was not released. Returns how many items it had.
    pub(super) fn drop_trace(&mut self, trace_id: u128) -> usize {
        match self.traces.get(&trace_id) {
            Some(trace) if !trace.is_released => {
                self.take(trace_id).map_or(0, |trace| trace.items as usize)
            }
            _ => 0,
        }
    }

    fn take(&mut self, trace_id: u128) -> Option<HeldTrace> {
        let mut trace = self.traces.remove(&trace_id)?;
        self.items = self.items.saturating_sub(trace.items as usize);
        self.bytes = self.bytes.saturating_sub(trace.memory());
        self.run.clear();
        self.blocks.read(&trace.plain, &mut self.run);
        self.blocks.clear(&mut trace.plain);
        items(&self.run).for_each(|(scope, _)| self.groups.unrefer(scope));
        self.run.clear();
        let scopes = trace.packed.iter().flat_map(PackedRun::scopes);
        scopes.for_each(|scope| self.groups.unrefer(ScopeRef::from_number(scope)));
        if self.traces.capacity() > 4096 && self.traces.len() < self.traces.capacity() / 8 {
            self.traces.shrink_to(self.traces.len() * 2);
        }
        Some(trace)
    }

    /// A period is over: traces for which nothing has come during all of it are to be compressed.
    pub(super) fn end_period(&mut self) {
        let Some(quiet) = &mut self.quiet else {
            return;
        };
        quiet.period = quiet.period.wrapping_add(1);
        let before = std::mem::take(&mut quiet.now);
        quiet.waiting.append(&mut quiet.before);
        quiet.before = before;
        // Where work does not keep up, what waits is bounded by what is held.
        if quiet.waiting.len() > 2 * self.traces.len() + 4096 {
            quiet.waiting.sort_unstable();
            quiet.waiting.dedup();
            quiet.waiting.retain(|id| self.traces.contains_key(id));
        }
    }

    /// Whether traces are to be compressed.
    pub(super) fn has_quiet(&self) -> bool {
        let quiet = self.quiet.as_ref();
        quiet.is_some_and(|quiet| !quiet.waiting.is_empty())
    }

    /// Compresses some of the traces that are quiet, of about `about` bytes.
    pub(super) fn pack(&mut self, about: usize) {
        let Some(quiet) = &mut self.quiet else {
            return;
        };
        let mut bytes = 0;
        while bytes < about
            && let Some(id) = quiet.waiting.pop()
        {
            let Some(trace) = self.traces.get_mut(&id) else {
                continue;
            };
            let age = quiet.period.wrapping_sub(trace.touched);
            if trace.is_released || trace.plain.is_empty() || age < 2 {
                continue;
            }
            bytes += trace.plain.memory();
            let before = trace.memory();
            self.run.clear();
            self.blocks.read(&trace.plain, &mut self.run);
            let scopes: Vec<u32> = items(&self.run).map(|(scope, _)| scope.number()).collect();
            if let Some(packed) = quiet.packer.pack(&self.run, &scopes) {
                trace.packed.reserve_exact(1);
                trace.packed.push(packed);
                self.blocks.clear(&mut trace.plain);
            }
            self.run.clear();
            self.bytes = self.bytes.saturating_sub(before) + trace.memory();
        }
        if quiet.waiting.is_empty() {
            quiet.waiting = Vec::new();
        }
    }

    /// Forgets resources and scopes that nothing held is of.
    pub(super) fn sweep(&mut self) {
        self.groups.sweep();
    }

    /// Whether released traces wait.
    pub(super) fn has_released(&self) -> bool {
        !self.released.is_empty()
    }

    /// Takes the next batch of released traces, of about `about` bytes; `None` if none waits.
    pub(super) fn next_released(&mut self, about: usize) -> Option<HeldBatch> {
        let mut taken = Vec::new();
        let mut bytes = 0;
        while bytes < about
            && let Some(id) = self.released.pop_front()
        {
            if let Some(trace) = self.traces.get(&id) {
                bytes += trace.bytes;
                taken.push(id);
            }
        }
        let batch = self.assemble(taken)?;
        for id in &batch.traces {
            drop(self.take(*id));
        }
        self.sweep();
        Some(batch)
    }

    /// Takes from the front of `wanted` what makes a batch of about `about` bytes, and returns it as it is held; `None` if
    /// nothing of it is. Traces that were released are not shown any more.
    pub(super) fn show(&self, wanted: &mut VecDeque<u128>, about: usize) -> Option<HeldBatch> {
        let mut shown = Vec::new();
        let mut bytes = 0;
        while bytes < about
            && let Some(id) = wanted.pop_front()
        {
            if let Some(trace) = self.traces.get(&id).filter(|trace| !trace.is_released) {
                bytes += trace.bytes;
                shown.push(id);
            }
        }
        self.assemble(shown)
    }

    /// Writes what is held of some traces as one request, each resource and scope once; `None` if there are none.
    fn assemble(&self, ids: Vec<u128>) -> Option<HeldBatch> {
        let traces: Vec<&HeldTrace> = ids.iter().filter_map(|id| self.traces.get(id)).collect();
        let received = traces.iter().map(|trace| trace.received_unix_nano).min()?;
        let mut all = Vec::with_capacity(traces.iter().map(|trace| trace.bytes).sum());
        for trace in &traces {
            let packed = trace.packed.iter();
            packed.for_each(|packed| all.extend_from_slice(&packed.unpacked()));
            self.blocks.read(&trace.plain, &mut all);
        }
        let mut by_scope: BTreeMap<(u32, u32), Vec<&[u8]>> = BTreeMap::new();
        for (scope, bytes) in items(&all) {
            let resource = self.groups.resource_of(scope);
            by_scope
                .entry((resource, scope.number()))
                .or_default()
                .push(bytes);
        }
        let mut assembly = Assembly::new(self.signal);
        let mut resource = None;
        for ((of, scope), items) in by_scope {
            if resource != Some(of) {
                assembly.begin_resource(self.groups.resource_fields(of));
                resource = Some(of);
            }
            assembly.begin_scope(self.groups.scope_fields(scope));
            items.into_iter().for_each(|item| assembly.item(item));
        }
        Some(HeldBatch {
            signal: self.signal,
            traces: ids,
            batch: assembly.finish(),
            received_unix_nano: received,
            journal_number: None,
        })
    }
}

#[cfg(test)]
impl TraceStore {
    /// Has it learn from so many bytes how to compress.
    pub(super) fn learning_from(mut self, bytes: usize) -> Self {
        self.quiet = Some(Quiet {
            packer: Packer::with_dictionary(bytes),
            ..Quiet::default()
        });
        self
    }

    /// By how much what is compressed takes less than it would.
    pub(super) fn saved(&self) -> isize {
        let plain = |trace: &HeldTrace| TRACE + Chain::memory_for(trace.bytes);
        let of = |trace: &HeldTrace| plain(trace) as isize - trace.memory() as isize;
        self.traces.values().map(of).sum()
    }
}

impl HeldTrace {
    /// About how much memory it takes.
    fn memory(&self) -> usize {
        let packed = self.packed.iter().map(PackedRun::memory);
        TRACE + self.plain.memory() + packed.sum::<usize>()
    }
}

/// The items of a run: each one's scope and bytes.
fn items(data: &[u8]) -> impl Iterator<Item = (ScopeRef, &[u8])> {
    let mut left = data;
    std::iter::from_fn(move || {
        let (scope, rest) = left.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        left = rest;
        Some((ScopeRef::from_number(u32::from_le_bytes(*scope)), bytes))
    })
}
