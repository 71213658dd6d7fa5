//! The processor: learns of traces what its policies ask, holds their spans, and follows what was decided.

use std::collections::VecDeque;

use spanmill_sdk::{
    Batch, ConfigError, Context, Contract, NarrowField, Outcome, PluginError, Problems, Processor,
    Sharding, TraceIdField, WideField,
};
use spanmill_traces::{Phase, TOGETHER, Tracked};

use crate::compile::{Compiled, compile};
use crate::condition::{Condition, Scratch};
use crate::counters::Counters;
use crate::marks::Marks;
use crate::reasons::{CACHED_NOT_SAMPLED, EARLIER_NOT_SAMPLED, Earlier, Given, TOO_LARGE};
use crate::settings::Settings;
use crate::traces::{DecisionCache, SampledBy, Trace, Traces};

/// The tail sampler.
#[derive(Debug)]
pub struct TailSampling {
    pub(crate) limits: Limits,
    pub(crate) compiled: Compiled,
    pub(crate) traces: Traces,
    pub(crate) sampled: DecisionCache,
    pub(crate) not_sampled: DecisionCache,
    /// Traces that were decided on outside a tick, which the next one has to say: whether each is sampled.
    pub(crate) unsaid: Vec<(u128, bool)>,
    /// Traces whose root span was received, and when they are decided on.
    pub(crate) rooted: VecDeque<(u64, u128)>,
    /// Traces that are to be shown again.
    pub(crate) to_review: Vec<u128>,
    /// Traces that are due and have not been shown again yet.
    pub(crate) overdue: Vec<u128>,
    pub(crate) counters: Counters,
    pub(crate) marks: Marks,
    /// The reasons for what is answered.
    pub(crate) given: Given,
    fields: Fields,
    /// The bits and bounds, in ms, of the conditions on latency.
    latencies: Vec<(usize, i64, Option<i64>)>,
    /// The first of each two bits of which only one is ever set.
    pairs: Vec<usize>,
    scratch: Scratch,
}

/// What the settings allow.
#[derive(Debug)]
pub(crate) struct Limits {
    pub wait: u64,
    /// 0: root spans hurry nothing.
    pub wait_after_root: u64,
    pub traces: usize,
    /// 0: none.
    pub bytes: u64,
    /// 0: none.
    pub trace_bytes: u64,
    pub first_match: bool,
    pub block: bool,
    pub drop_pending: bool,
}

/// What is read of each span, besides what conditions ask.
#[derive(Debug)]
struct Fields {
    trace_id: TraceIdField,
    parent: Option<WideField>,
    times: Option<(WideField, WideField)>,
    size: Option<NarrowField>,
}

impl Processor for TailSampling {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        let mut problems = Problems::new();
        let trace_id = contract.read_trace_id("span.trace_id");
        let mut compiled = compile(&settings.policies, contract, &mut problems);
        settings.check(problems)?;
        compiled.place_keys();
        let (mut latencies, mut pairs) = (Vec::new(), Vec::new());
        for asked in &compiled.asked {
            match &asked.condition {
                Condition::Latency(lower, upper) => latencies.push((asked.bit, *lower, *upper)),
                Condition::Ottl(..) => pairs.push(asked.bit),
                _ => {}
            }
        }
        let wait_after_root = settings.decision_wait_after_root_received.0 as u64;
        let counts_bytes = settings.max_bytes > 0
            || settings.maximum_trace_size_bytes > 0
            || settings.counts_bytes();
        let fields = Fields {
            trace_id,
            parent: (wait_after_root > 0).then(|| contract.read_wide("span.parent_span_id")),
            times: (!latencies.is_empty()).then(|| {
                (
                    contract.read_wide("span.start_time_unix_nano"),
                    contract.read_wide("span.end_time_unix_nano"),
                )
            }),
            size: counts_bytes.then(|| contract.read_narrow("span.encoded_size")),
        };
        // One instance keeps each limit for all traces.
        contract.shard(match compiled.has_limits {
            true => Sharding::Whole,
            false => Sharding::ByTrace,
        });
        let cache = &settings.decision_cache;
        let marks = Marks::declare(
            settings.record_policy,
            settings.use_trace_state,
            &compiled,
            contract,
        );
        let names = compiled.policies.iter();
        let names = names.map(|named| (named.name.clone(), named.subs.clone()));
        Ok(TailSampling {
            given: Given::new(names),
            limits: Limits {
                wait: settings.decision_wait.0 as u64,
                wait_after_root,
                traces: settings.num_traces as usize,
                bytes: settings.max_bytes,
                trace_bytes: settings.maximum_trace_size_bytes,
                first_match: settings.sample_on_first_match,
                block: settings.block_on_overflow,
                drop_pending: settings.drop_pending_traces_on_shutdown,
            },
            traces: Traces::new(compiled.words() + marks.words()),
            sampled: DecisionCache::new(cache.sampled_cache_size as usize),
            not_sampled: DecisionCache::new(cache.non_sampled_cache_size as usize),
            unsaid: Vec::new(),
            rooted: VecDeque::new(),
            to_review: Vec::new(),
            overdue: Vec::new(),
            counters: Counters::declare(&compiled, contract),
            marks,
            fields,
            latencies,
            pairs,
            scratch: Scratch::default(),
            compiled,
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        let columns = self.learn(batch);
        let mut last: Option<(u128, Followed)> = None;
        let (mut released, mut cached_drops) = (0, 0);
        self.given.rules.begin(columns.ids.len());
        for (row, &[high, low]) in columns.ids.iter().enumerate() {
            if row % TOGETHER == 0 {
                let next = columns.ids.get(row..).unwrap_or(&[]);
                self.traces.prefetch(&next[..next.len().min(TOGETHER)]);
            }
            let id = u128::from(high) << 64 | u128::from(low);
            // What has no trace cannot be held, and goes on.
            if id == 0 {
                continue;
            }
            let mut followed = match last {
                Some((last, followed)) if last == id => followed,
                _ => self.followed(id, batch.received_unix_nano),
            };
            if let Followed::Slot(slot) = followed
                && !self.add(slot, row, batch, &columns)
            {
                followed = Followed::TooLarge;
            }
            last = Some((id, followed));
            match followed {
                Followed::Slot(_) => outcome.hold_row(Context::Span, row),
                Followed::Sampled(by) => {
                    self.explain_row(row, by, Earlier::Decided);
                    self.marks.mark(row, by, false, batch, outcome);
                }
                Followed::Dropped => {
                    self.given.rules.item(row, EARLIER_NOT_SAMPLED);
                    outcome.drop_row(Context::Span, row);
                }
                Followed::TooLarge => {
                    self.given.rules.item(row, TOO_LARGE);
                    outcome.drop_row(Context::Span, row);
                }
                Followed::CachedSampled(by) => {
                    released += 1;
                    self.explain_row(row, by, Earlier::Cached);
                    self.marks.mark(row, by, true, batch, outcome);
                }
                Followed::CachedDropped => {
                    cached_drops += 1;
                    self.given.rules.item(row, CACHED_NOT_SAMPLED);
                    outcome.drop_row(Context::Span, row);
                }
            }
        }
        self.counters.follow_cache(released, cached_drops);
        Ok(())
    }
}

/// What a span's trace says about it.
#[derive(Debug, Clone, Copy)]
enum Followed {
    /// The trace is not decided on.
    Slot(u32),
    Sampled(SampledBy),
    Dropped,
    /// It has just become too large.
    TooLarge,
    CachedSampled(SampledBy),
    CachedDropped,
}

/// The columns of a batch that every span is asked for.
struct Columns<'a> {
    ids: &'a [[u64; 2]],
    scopes: &'a [u32],
    resources: &'a [u32],
    parents: &'a [u64],
    starts: &'a [u64],
    ends: &'a [u64],
    sizes: &'a [u32],
}

impl TailSampling {
    /// Whether it knows how long traces take.
    pub(crate) fn reads_times(&self) -> bool {
        self.fields.times.is_some()
    }

    /// Whether it knows how many bytes traces have.
    pub(crate) fn reads_sizes(&self) -> bool {
        self.fields.size.is_some()
    }

    /// The reason why a span follows what sampled its trace.
    fn explain_row(&mut self, row: usize, by: SampledBy, earlier: Earlier) {
        if let Some(rule) = self.given.policy(by.policies, earlier) {
            self.given.rules.item(row, &rule);
        }
    }

    /// The trace of each span.
    pub(crate) fn ids<'a>(&self, batch: &Batch<'a>) -> impl Iterator<Item = u128> + use<'a> {
        let (ids, _) = batch.trace_ids(self.fields.trace_id).as_chunks::<2>();
        let id = |&[high, low]: &[u64; 2]| u128::from(high) << 64 | u128::from(low);
        ids.iter().map(id)
    }

    /// Asks the conditions about all spans of a batch.
    fn learn<'a>(&mut self, batch: &Batch<'a>) -> Columns<'a> {
        let stride = self.compiled.bit_words();
        let words = &mut self.scratch.words;
        words.clear();
        words.resize(batch.rows(Context::Span) * stride, 0);
        for asked in &mut self.compiled.asked {
            asked
                .condition
                .evaluate(batch, asked.bit, stride, &mut self.scratch);
        }
        self.marks.begin();
        let wide = |field: Option<WideField>| field.map_or(&[][..], |field| batch.wide(field));
        let times = self.fields.times;
        Columns {
            ids: batch.trace_ids(self.fields.trace_id).as_chunks::<2>().0,
            scopes: batch.parents(Context::Span),
            resources: batch.parents(Context::Scope),
            parents: wide(self.fields.parent),
            starts: wide(times.map(|(start, _)| start)),
            ends: wide(times.map(|(_, end)| end)),
            sizes: self.fields.size.map_or(&[], |field| batch.narrow(field)),
        }
    }

    /// What was decided on a trace; one of which nothing is known waits from now on.
    fn followed(&mut self, id: u128, received_unix_nano: u64) -> Followed {
        if let Some(by) = self.sampled.get(id) {
            return Followed::CachedSampled(by);
        }
        if self.not_sampled.get(id).is_some() {
            return Followed::CachedDropped;
        }
        let Some(slot) = self.traces.find(id) else {
            self.counters.new_traces += 1;
            return Followed::Slot(self.traces.insert(Trace::new(id, received_unix_nano)));
        };
        let trace = self.traces.trace(slot);
        match trace.phase {
            Phase::Sampled => Followed::Sampled(SampledBy {
                policies: (trace.policy, trace.sub_policy),
                threshold: trace.threshold,
            }),
            Phase::NotSampled => Followed::Dropped,
            _ => Followed::Slot(slot),
        }
    }

    /// Adds a span to what is known of its trace. Returns whether the trace still waits: one that has become too large does
    /// not.
    fn add(&mut self, slot: u32, row: usize, batch: &Batch<'_>, columns: &Columns<'_>) -> bool {
        if let Some(size) = columns.sizes.get(row) {
            self.traces.add_bytes(slot, *size);
        }
        let stride = self.compiled.bit_words();
        let trace = self.traces.trace_mut(slot);
        trace.spans = trace.spans.saturating_add(1);
        if self.limits.trace_bytes > 0 && u64::from(trace.bytes) > self.limits.trace_bytes {
            let id = trace.id;
            self.counters.too_large += 1;
            self.unsaid.push((id, false));
            self.settle(slot, id, false, SampledBy::NOTHING);
            return false;
        }
        if columns.parents.get(row) == Some(&0) {
            let due = batch
                .received_unix_nano
                .saturating_add(self.limits.wait_after_root);
            self.rooted.push_back((due, trace.id));
        }
        let mut took = 0;
        if let (Some(&start), Some(&end)) = (columns.starts.get(row), columns.ends.get(row)) {
            // A time of 0 counts as not known, as in the Collector.
            if trace.start == 0 || start < trace.start {
                trace.start = start;
            }
            if trace.end == 0 || end > trace.end {
                trace.end = end;
            }
            let nanoseconds = i128::from(trace.end as i64) - i128::from(trace.start as i64);
            let longest = i128::from(i64::MAX);
            took = (nanoseconds.clamp(-longest - 1, longest) / 1_000_000) as i64;
        }
        let met = &mut self.scratch.words[row * stride..(row + 1) * stride];
        let words = self.traces.words_mut(slot);
        if !columns.starts.is_empty() {
            for &(bit, lower, upper) in &self.latencies {
                if took > lower && upper.is_none_or(|upper| took <= upper) {
                    met[bit / 32] |= 1 << (bit % 32);
                }
            }
        }
        for &bit in &self.pairs {
            let is_set = |bit: usize| words[bit / 32] >> (bit % 32) & 1 == 1;
            if is_set(bit) || is_set(bit + 1) {
                met[bit / 32] &= !(1 << (bit % 32));
                met[(bit + 1) / 32] &= !(1 << ((bit + 1) % 32));
            }
        }
        for (word, met) in words.iter_mut().zip(met.iter()) {
            *word |= met;
        }
        self.add_keys(slot, row, batch, columns);
        self.marks.learn(row, batch, self.traces.words_mut(slot));
        true
    }

    /// Notes which values of attributes pick the trace's buckets: the first that its spans have.
    fn add_keys(&mut self, slot: u32, row: usize, batch: &Batch<'_>, columns: &Columns<'_>) {
        let front = self.compiled.bit_words();
        for (at, keyed) in self.compiled.keyed.iter_mut().enumerate() {
            let word = &mut self.traces.words_mut(slot)[front + at];
            if *word == 0 {
                let scope = columns
                    .scopes
                    .get(row)
                    .map_or(usize::MAX, |row| *row as usize);
                let resource = columns.resources.get(scope);
                let resource = resource.map_or(usize::MAX, |row| *row as usize);
                *word = keyed.number(batch, row, resource);
            }
        }
    }

    /// Keeps a decision as long as it is to be remembered.
    pub(crate) fn settle(&mut self, slot: u32, id: u128, is_sampled: bool, by: SampledBy) {
        let seed = self.traces.trace(slot).arrived;
        let (cache, phase) = match is_sampled {
            true => (&mut self.sampled, Phase::Sampled),
            false => (&mut self.not_sampled, Phase::NotSampled),
        };
        if cache.is_in_use() {
            cache.put(id, by, seed);
            self.traces.remove(slot);
            return;
        }
        let trace = self.traces.trace_mut(slot);
        (trace.policy, trace.sub_policy) = by.policies;
        trace.threshold = by.threshold;
        self.traces.decide(slot, phase);
    }

    /// Takes spans that are shown again in place of what is known of their traces.
    pub(crate) fn relearn(&mut self, batch: &Batch<'_>) {
        let columns = self.learn(batch);
        let id_of = |&[high, low]: &[u64; 2]| u128::from(high) << 64 | u128::from(low);
        // Each trace comes whole: it is forgotten once, at its first span of the batch.
        let mut begun: Vec<u32> = Vec::new();
        for (row, id) in columns.ids.iter().map(id_of).enumerate() {
            // It was decided on, and only a cache knows: by now the host is told, or the next tick does.
            if self.sampled.get(id).is_some() || self.not_sampled.get(id).is_some() {
                continue;
            }
            let slot = match self.traces.find(id) {
                Some(slot) => slot,
                None => self.traces.insert(Trace::new(id, batch.received_unix_nano)),
            };
            let trace = self.traces.trace(slot);
            if !trace.is_undecided() {
                // It was decided on, but the host does not know.
                let is_sampled = trace.phase == Phase::Sampled;
                if !self.unsaid.iter().any(|(unsaid, _)| *unsaid == id) {
                    self.unsaid.push((id, is_sampled));
                }
                continue;
            }
            if begun.last() != Some(&slot) && !begun.contains(&slot) {
                begun.push(slot);
                self.traces.forget_spans(slot);
            }
            self.add(slot, row, batch, &columns);
        }
    }
}
