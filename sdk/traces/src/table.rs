//! What is known of traces: a few words each, found by id and walked in the order they came.

use std::collections::VecDeque;

use hashbrown::HashTable;

use crate::mixer::Mixer;

/// What is to become of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It is not decided on.
    Waiting,
    /// It is not decided on, and what the policies ask is not known before it has been shown again.
    Unknown,
    /// It is decided on, and its spans go on.
    Sampled,
    /// It is decided on, and its spans are dropped.
    NotSampled,
    /// It is forgotten; its place is still in the order.
    Gone,
}

/// What is known of one trace.
pub trait Tracked {
    /// Its id.
    fn id(&self) -> u128;
    /// When its first span was received, ns since 1970.
    fn arrived(&self) -> u64;
    /// What is to become of it.
    fn phase(&self) -> Phase;
    /// Notes what is to become of it.
    fn set_phase(&mut self, phase: Phase);
    /// Bytes of its spans as encoded.
    fn bytes(&self) -> u32;
    /// Notes the bytes of its spans.
    fn set_bytes(&mut self, bytes: u32);
    /// Forgets what was learned of its spans, bytes and phase included, which are about to be shown again.
    fn forget_spans(&mut self);

    /// Whether it waits for a decision.
    fn is_undecided(&self) -> bool {
        matches!(self.phase(), Phase::Waiting | Phase::Unknown)
    }
}

/// Entries of a chunk: a table grows by chunks, so that it is never copied.
const CHUNK: usize = 1024;

/// What is known of fewer traces is in the processor's caches anyway.
const CACHED: usize = 4096;
/// How many traces are to be fetched at a time by [`Traces::prefetch`].
pub const TOGETHER: usize = 64;

/// The traces of one instance. Each has `words` further words, which the policies use.
#[derive(Debug)]
pub struct Traces<T> {
    mixer: Mixer,
    index: HashTable<u32>,
    chunks: Vec<Vec<T>>,
    words: usize,
    word_chunks: Vec<Vec<u32>>,
    free: Vec<u32>,
    /// All traces in the order they came, and those that are gone until they are swept.
    order: VecDeque<u32>,
    /// How many at the front of the order have been decided on, or are waited for otherwise.
    passed: usize,
    /// Bytes of the spans that wait.
    waiting_bytes: u64,
    /// How many are not decided on.
    waiting: usize,
}

impl<T: Tracked> Traces<T> {
    /// An empty table.
    pub fn new(words: usize) -> Self {
        Traces {
            mixer: Mixer::default(),
            index: HashTable::new(),
            chunks: Vec::new(),
            words,
            word_chunks: Vec::new(),
            free: Vec::new(),
            order: VecDeque::new(),
            passed: 0,
            waiting_bytes: 0,
            waiting: 0,
        }
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        *self = Traces::new(self.words);
    }

    /// How many there are, decided on or not.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// How many are not decided on.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Bytes of the spans that wait.
    pub fn waiting_bytes(&self) -> u64 {
        self.waiting_bytes
    }

    /// What is known of the trace in a slot.
    pub fn trace(&self, slot: u32) -> &T {
        &self.chunks[slot as usize / CHUNK][slot as usize % CHUNK]
    }

    /// What is known of the trace in a slot, to be changed.
    pub fn trace_mut(&mut self, slot: u32) -> &mut T {
        &mut self.chunks[slot as usize / CHUNK][slot as usize % CHUNK]
    }

    /// The words of a trace.
    pub fn words(&self, slot: u32) -> &[u32] {
        let at = slot as usize % CHUNK * self.words;
        &self.word_chunks[slot as usize / CHUNK][at..at + self.words]
    }

    /// The words of a trace, to be changed.
    pub fn words_mut(&mut self, slot: u32) -> &mut [u32] {
        let at = slot as usize % CHUNK * self.words;
        &mut self.word_chunks[slot as usize / CHUNK][at..at + self.words]
    }

    /// The slot of a trace; `None` if nothing is known of it.
    #[inline]
    pub fn find(&self, id: u128) -> Option<u32> {
        let hash = self.mixer.hash(id);
        let found = self.index.find(hash, |slot| self.trace(*slot).id() == id);
        found.copied()
    }

    /// Has the processor fetch what is known of some traces, two words each, the high one first, which are looked at next. Of many
    /// traces nothing is in its caches; looked up one right behind the other, they are waited for together.
    pub fn prefetch(&self, ids: &[[u64; 2]]) {
        if self.index.len() < CACHED {
            return;
        }
        let mut fetched = 0;
        for &[high, low] in ids {
            if let Some(slot) = self.find(u128::from(high) << 64 | u128::from(low)) {
                fetched ^= self.words(slot).first().copied().unwrap_or(0);
            }
        }
        std::hint::black_box(fetched);
    }

    /// Adds a trace of which nothing is known, as the latest.
    pub fn insert(&mut self, trace: T) -> u32 {
        if self.index.is_empty() {
            self.reseed(trace.arrived());
        }
        let id = trace.id();
        let slot = match self.free.pop() {
            Some(slot) => {
                *self.trace_mut(slot) = trace;
                self.words_mut(slot).fill(0);
                slot
            }
            None => self.push(trace),
        };
        let Self {
            mixer,
            index,
            chunks,
            ..
        } = self;
        let hash_of = |slot: &u32| {
            let trace: &T = &chunks[*slot as usize / CHUNK][*slot as usize % CHUNK];
            mixer.hash(trace.id())
        };
        index.insert_unique(mixer.hash(id), slot, hash_of);
        self.order.push_back(slot);
        self.waiting += 1;
        slot
    }

    /// Takes a new seed, which only an empty table can.
    fn reseed(&mut self, seed: u64) {
        self.mixer = Mixer::new(seed);
    }

    fn push(&mut self, trace: T) -> u32 {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
            self.word_chunks.push(vec![0; CHUNK * self.words]);
        }
        let chunk = self.chunks.len() - 1;
        self.chunks[chunk].push(trace);
        (chunk * CHUNK + self.chunks[chunk].len() - 1) as u32
    }

    /// Adds bytes to a trace that waits.
    pub fn add_bytes(&mut self, slot: u32, bytes: u32) {
        let trace = self.trace_mut(slot);
        let before = trace.bytes();
        let after = before.saturating_add(bytes);
        trace.set_bytes(after);
        self.waiting_bytes += u64::from(after - before);
    }

    /// Forgets what was learned of the spans of a trace, which are about to be shown again.
    pub fn forget_spans(&mut self, slot: u32) {
        let trace = self.trace_mut(slot);
        let bytes = u64::from(trace.bytes());
        trace.forget_spans();
        self.waiting_bytes -= bytes;
        self.words_mut(slot).fill(0);
    }

    /// Notes a decision.
    pub fn decide(&mut self, slot: u32, phase: Phase) {
        let trace = self.trace_mut(slot);
        let was_waiting = trace.is_undecided();
        let bytes = u64::from(trace.bytes());
        trace.set_phase(phase);
        if was_waiting {
            self.waiting_bytes -= bytes;
            self.waiting -= 1;
        }
    }

    /// Forgets a trace.
    pub fn remove(&mut self, slot: u32) {
        self.decide(slot, Phase::Gone);
        let id = self.trace(slot).id();
        let hash = self.mixer.hash(id);
        if let Ok(entry) = self.index.find_entry(hash, |known| *known == slot) {
            entry.remove();
        }
    }

    /// The oldest trace that is not passed.
    pub fn next(&self) -> Option<u32> {
        self.order.get(self.passed).copied()
    }

    /// Goes on behind [`Traces::next`].
    pub fn pass(&mut self) {
        self.passed = (self.passed + 1).min(self.order.len());
    }

    /// The oldest trace; those that are gone are swept.
    pub fn oldest(&mut self) -> Option<u32> {
        while let Some(&slot) = self.order.front() {
            if self.trace(slot).phase() != Phase::Gone {
                return Some(slot);
            }
            self.order.pop_front();
            self.passed = self.passed.saturating_sub(1);
            self.free.push(slot);
        }
        None
    }

    /// Sweeps traces that are gone where they are the most, so that the order is never much longer than needed.
    pub fn sweep(&mut self) {
        if self.order.len() < 2 * self.index.len() + CHUNK {
            return;
        }
        let (mut kept, mut passed) = (VecDeque::with_capacity(self.index.len()), 0);
        for (at, slot) in std::mem::take(&mut self.order).into_iter().enumerate() {
            if self.trace(slot).phase() == Phase::Gone {
                self.free.push(slot);
                continue;
            }
            passed += usize::from(at < self.passed);
            kept.push_back(slot);
        }
        self.order = kept;
        self.passed = passed;
    }

    /// All traces that are not gone, in the order they came.
    pub fn in_order(&self) -> impl Iterator<Item = u32> {
        let slots = self.order.iter().copied();
        slots.filter(|slot| self.trace(*slot).phase() != Phase::Gone)
    }
}

#[cfg(test)]
mod tests;
