//! What a batch says of the traces that its spans belong to.

use std::collections::HashSet;

use spanmill_sdk::{Batch, Context, Texts};
use spanmill_traces::Tracked;

use crate::fingerprint::{self, Rows};
use crate::marks::Said;
use crate::sampler::AdaptiveTailSampling;
use crate::traces::{NOT_DUE, Trace, Trigger};

/// The trace of each span.
pub(crate) fn ids<'a>(
    sampler: &AdaptiveTailSampling,
    batch: &Batch<'a>,
) -> impl Iterator<Item = u128> + use<'a> {
    let (ids, _) = batch.trace_ids(sampler.fields.trace_id).as_chunks::<2>();
    let id = |&[high, low]: &[u64; 2]| u128::from(high) << 64 | u128::from(low);
    ids.iter().map(id)
}

/// The columns of a batch that are looked at for each span that is held.
pub(crate) struct Columns<'a> {
    received_unix_nano: u64,
    texts: Texts<'a>,
    scopes: &'a [u32],
    resources: &'a [u32],
    sizes: &'a [u32],
    fingerprints: fingerprint::Columns<'a>,
}

impl AdaptiveTailSampling {
    /// Asks the conditions about all spans of a batch.
    pub(crate) fn ask<'a>(&mut self, batch: &Batch<'a>) -> Columns<'a> {
        let rows = batch.rows(Context::Span);
        let stride = self.rules.bit_words();
        let words = &mut self.met.words;
        words.clear();
        words.resize(rows * stride, 0);
        let (mut met, mut failed) = (std::mem::take(&mut self.met.roots), 0);
        for (bit, asked) in self.rules.asked.iter_mut().enumerate() {
            failed += asked.evaluate(batch, &mut met);
            let spans = words.chunks_exact_mut(stride);
            for (words, met) in spans.zip(&met) {
                if let Some(word) = words.get_mut(bit / 32) {
                    *word |= u32::from(*met) << (bit % 32);
                }
            }
        }
        match (&mut self.root.condition, self.fields.parent) {
            (Some(root), _) => failed += root.evaluate(batch, &mut met),
            (None, Some(parent)) => {
                met.clear();
                met.extend(batch.wide(parent).iter().map(|parent| *parent == 0));
            }
            (None, None) => met.clear(),
        }
        self.met.roots = met;
        self.fingerprints.begin(batch);
        self.counters.failed(failed);
        Columns {
            received_unix_nano: batch.received_unix_nano,
            texts: batch.texts,
            scopes: batch.parents(Context::Span),
            resources: batch.parents(Context::Scope),
            sizes: self.fields.size.map_or(&[], |size| batch.narrow(size)),
            fingerprints: self.fingerprints.columns(batch),
        }
    }

    /// Adds a span to what is known of its trace, which waits.
    pub(crate) fn add(&mut self, slot: u32, row: usize, columns: &Columns<'_>, said: Said) {
        if let Some(size) = columns.sizes.get(row) {
            self.traces.add_bytes(slot, *size);
        }
        if said.is_malformed {
            self.counters.unparseable();
        }
        let is_root = self.met.roots.get(row) == Some(&true);
        let trace = self.traces.trace_mut(slot);
        trace.spans = trace.spans.saturating_add(1);
        trace.sampled_before = trace.sampled_before.max(said.threshold.unwrap_or(0));
        // Spans of a trace should agree; where they do not, the order in which they come does not matter.
        if let Some(randomness) = said.randomness {
            trace.randomness = trace.randomness.min(randomness);
        }
        if is_root && trace.due == NOT_DUE {
            trace.due = columns.received_unix_nano.saturating_add(self.limits.delay);
            trace.trigger = Trigger::RootSpan;
            self.rooted.push_back((trace.due, slot));
            self.counters.triggered(Trigger::RootSpan);
        }
        let is_full = self.limits.spans > 0 && trace.spans >= self.limits.spans;
        if is_full && trace.trigger != Trigger::SpanLimit {
            if trace.due == NOT_DUE {
                self.counters.triggered(Trigger::SpanLimit);
            }
            trace.due = columns.received_unix_nano;
            trace.trigger = Trigger::SpanLimit;
            self.full.push(trace.id);
        }
        self.add_words(slot, row, is_root, columns);
    }

    fn add_words(&mut self, slot: u32, row: usize, is_root: bool, columns: &Columns<'_>) {
        let front = self.rules.bit_words();
        let words = self.traces.words_mut(slot);
        let (bits, sets) = words.split_at_mut(front.min(words.len()));
        let met = self.met.words.get(row * front..(row + 1) * front);
        for (word, met) in bits.iter_mut().zip(met.unwrap_or_default()) {
            *word |= met;
        }
        if sets.is_empty() {
            return;
        }
        let parent = |parents: &[u32], row: usize| {
            let parent = parents.get(row);
            parent.map_or(usize::MAX, |row| *row as usize)
        };
        let scope = parent(columns.scopes, row);
        let rows = Rows {
            span: row,
            scope,
            resource: parent(columns.resources, scope),
        };
        let (fingerprints, texts) = (&columns.fingerprints, &columns.texts);
        self.fingerprints
            .add(rows, is_root, fingerprints, texts, &mut self.values, sets);
    }

    /// Takes spans that are shown again in place of what is known of their traces.
    pub(crate) fn relearn(&mut self, batch: &Batch<'_>) {
        self.marks.begin();
        let columns = self.ask(batch);
        let states = self.marks.states(batch);
        // Each trace comes whole: it is forgotten once, at its first span of the batch.
        let mut begun: HashSet<u32> = HashSet::new();
        for (row, id) in ids(self, batch).enumerate() {
            let slot = match self.traces.find(id) {
                Some(slot) => slot,
                // It was decided on, and the host is told.
                None if self.sampled.get(id).is_some() || self.dropped.get(id).is_some() => {
                    continue;
                }
                None => self.traces.insert(Trace::new(id, batch.received_unix_nano)),
            };
            if !self.traces.trace(slot).is_undecided() {
                continue;
            }
            if begun.insert(slot) {
                self.traces.forget_spans(slot);
            }
            let said = self.marks.said(states.get(row), batch);
            self.add(slot, row, &columns, said);
        }
    }
}
