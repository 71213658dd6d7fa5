//! Spans: decides one by one, and writes into the trace state of those kept how they were chosen.

use spanmill_sdk::{
    ABSENT, AppliedRules, AttributeField, Batch, Cell, Context, Contract, Counter, KeptRules,
    Outcome, TextField, TraceIdField, Values, WriteField,
};

use crate::hash::{bucket, hash_all, randomness, seeded};
use crate::priority::{Priority, priority};
use crate::settings::Settings;
use spanmill_sampling::trace_state::{TraceState, parse, threshold_digits};

/// The randomness of a span that has none: every threshold keeps it.
const NO_RANDOMNESS: &str = "ffffffffffffff";

/// Samples spans.
#[derive(Debug)]
pub(crate) struct SpanSampler {
    seeded: u32,
    /// Hashes in buckets below this one are kept; 0: none is.
    kept_buckets: u32,
    /// The same as the digits of a rejection threshold.
    threshold: String,
    fail_closed: bool,
    trace_id: TraceIdField,
    trace_state: TextField,
    priority: AttributeField,
    write_trace_state: WriteField,
    hashes: Vec<u32>,
    rows: Vec<u32>,
    texts: Vec<u32>,
    dropped: Vec<u8>,
    /// What a trace state was made of last; spans of a trace mostly come one after the other.
    last: Option<(u64, u64, u32, bool, u32)>,
    text: String,
    /// The trace state of a span that had none and is kept by its hash; its randomness stands from [`DIGITS`] on.
    plain: Vec<u8>,
    /// What decides on each span of the batch.
    reasons: KeptRules,
    /// The settings that may have, as they are told.
    rules: Rules,
    spans_sampled: Counter,
    spans_not_sampled: Counter,
}

/// What decides on spans.
#[derive(Debug)]
struct Rules {
    percentage: String,
    fail_closed: String,
}

/// The attribute that overrides the hash.
const PRIORITY: &str = "sampling.priority";

/// Where the randomness stands in `ot=rv:00000000000000;th:8`.
const DIGITS: usize = 6;

impl SpanSampler {
    pub(crate) fn new(settings: &Settings, contract: &mut Contract) -> Self {
        let kept_buckets = settings.kept_buckets();
        let threshold = threshold_digits(settings.threshold());
        SpanSampler {
            seeded: seeded(settings.hash_seed),
            kept_buckets,
            plain: format!("ot=rv:{NO_RANDOMNESS};th:{threshold}").into_bytes(),
            threshold,
            fail_closed: settings.fail_closed,
            reasons: KeptRules::default(),
            rules: Rules {
                percentage: format!("sampling_percentage: {}", settings.sampling_percentage),
                fail_closed: format!("fail_closed: {}", settings.fail_closed),
            },
            trace_id: contract.read_trace_id("span.trace_id"),
            trace_state: contract.read_text("span.trace_state"),
            priority: contract.read_attribute(Context::Span, PRIORITY),
            write_trace_state: contract.write("span.trace_state"),
            hashes: Vec::new(),
            rows: Vec::new(),
            texts: Vec::new(),
            dropped: Vec::new(),
            last: None,
            text: String::new(),
            spans_sampled: contract.counter("spans_sampled"),
            spans_not_sampled: contract.counter("spans_not_sampled"),
        }
    }

    pub(crate) fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) {
        let ids = batch.trace_ids(self.trace_id);
        let states = batch.text(self.trace_state);
        let priorities = batch.attribute(self.priority);
        let prioritised = match priorities {
            Values::Text(indices) => indices.iter().any(|&index| index != ABSENT),
            Values::Cells(_) => true,
        };
        hash_all(self.seeded, ids, &mut self.hashes);
        let mut dropped = std::mem::take(&mut self.dropped);
        dropped.clear();
        dropped.resize(batch.rows(Context::Span), 1);
        let unmarked = states.iter().all(|&state| state == ABSENT);
        let kept = if unmarked && !prioritised && self.kept_buckets > 0 && !has_zero(ids) {
            self.keep_by_hash(ids, outcome, &mut dropped)
        } else {
            self.keep(batch, outcome, &mut dropped)
        };
        let lost = dropped.len() - kept;
        if lost > 0 {
            outcome.drop_rows(Context::Span, &dropped);
            self.spans_not_sampled.add(lost as u64);
        }
        if kept > 0 {
            self.spans_sampled.add(kept as u64);
        }
        self.dropped = dropped;
        if self.reasons.are_wanted() {
            self.explain_batch(batch);
        }
    }

    /// Whether what decides on each span is to be kept.
    pub(crate) fn explain(&mut self, on: bool) {
        self.reasons.explain(on);
    }

    /// What decided on each span of the last batch.
    pub(crate) fn why(&mut self) -> AppliedRules {
        self.reasons.take()
    }

    fn explain_batch(&mut self, batch: &Batch<'_>) {
        let rows = batch.rows(Context::Span);
        let mut reasons = std::mem::take(&mut self.reasons);
        reasons.begin(rows);
        if let Some(applied) = reasons.get_mut() {
            let Rules {
                percentage,
                fail_closed,
            } = &self.rules;
            let rules = [PRIORITY, percentage, fail_closed].map(|rule| applied.rule(rule));
            for row in 0..rows {
                applied.set(row, rules[self.decided_by(batch, row) as usize]);
            }
        }
        self.reasons = reasons;
    }

    /// What [`SpanSampler::decide`] went by.
    fn decided_by(&self, batch: &Batch<'_>, row: usize) -> DecidedBy {
        let priorities = batch.attribute(self.priority);
        if priority(priorities.get(row, &batch.texts)) != Priority::Defer {
            return DecidedBy::Priority;
        }
        let ids = batch.trace_ids(self.trace_id);
        let is_missing = ids.get(2 * row..2 * row + 2) == Some(&[0, 0]);
        let state = batch.text(self.trace_state).get(row).copied();
        match parse(batch.texts.get(state.unwrap_or(ABSENT))) {
            None => DecidedBy::FailClosed,
            Some(_) if self.kept_buckets == 0 => DecidedBy::Percentage,
            Some(state) if state.randomness.is_some() || state.threshold.is_some() => {
                DecidedBy::FailClosed
            }
            Some(_) if is_missing => DecidedBy::FailClosed,
            Some(_) => DecidedBy::Percentage,
        }
    }
}

/// What a decision went by.
#[derive(Debug, Clone, Copy)]
enum DecidedBy {
    Priority,
    Percentage,
    FailClosed,
}

/// What a decision depends on.
struct Span {
    high: u64,
    low: u64,
    hash: u32,
    state: u32,
    wish: Priority,
}

impl SpanSampler {
    /// A batch of which nothing but the hashes has a say: no span has a trace state, and none lacks a trace id.
    /// How many are kept.
    #[inline(never)]
    fn keep_by_hash(&mut self, ids: &[u64], outcome: &mut Outcome, dropped: &mut [u8]) -> usize {
        let mut kept = 0;
        self.rows.clear();
        self.rows.resize(dropped.len(), 0);
        // Without a branch on what is random.
        for ((row, &hash), verdict) in (0..).zip(&self.hashes).zip(dropped) {
            let is_kept = bucket(hash) < self.kept_buckets;
            self.rows[kept] = row;
            kept += usize::from(is_kept);
            *verdict = u8::from(!is_kept);
        }
        self.rows.truncate(kept);
        self.texts.clear();
        let (ids, _) = ids.as_chunks::<2>();
        let mut last = ([0; 2], ABSENT);
        for &row in &self.rows {
            let id = ids[row as usize];
            if id != last.0 {
                let digits = hex_digits(randomness(self.hashes[row as usize]));
                last = (id, plain_text(&mut self.plain, digits, outcome));
            }
            self.texts.push(last.1);
        }
        outcome.set_texts(self.write_trace_state, &self.rows, &self.texts);
        kept
    }

    /// Any batch, span by span. How many are kept.
    #[inline(never)]
    fn keep(&mut self, batch: &Batch<'_>, outcome: &mut Outcome, dropped: &mut [u8]) -> usize {
        let ids = batch.trace_ids(self.trace_id);
        let states = batch.text(self.trace_state);
        let priorities = batch.attribute(self.priority);
        // Indices of texts are those of this batch.
        self.last = None;
        let mut kept = 0;
        for (row, verdict) in dropped.iter_mut().enumerate() {
            let [high, low] =
                [2 * row, 2 * row + 1].map(|word| ids.get(word).copied().unwrap_or(0));
            let span = Span {
                high,
                low,
                hash: self.hashes.get(row).copied().unwrap_or(0),
                state: states.get(row).copied().unwrap_or(ABSENT),
                wish: priority(priorities.get(row, &batch.texts)),
            };
            if span.wish != Priority::Drop && self.decide(batch, outcome, row, span) {
                *verdict = 0;
                kept += 1;
            }
        }
        kept
    }

    /// Whether the span is kept; if so, its trace state is written.
    fn decide(&mut self, batch: &Batch<'_>, outcome: &mut Outcome, row: usize, span: Span) -> bool {
        let must = span.wish == Priority::Keep;
        if span.state == ABSENT && !must && (span.high, span.low) != (0, 0) && self.kept_buckets > 0
        {
            let kept = bucket(span.hash) < self.kept_buckets;
            if kept {
                self.write_plain(outcome, row, &span);
            }
            return kept;
        }
        let Some(state) = parse(batch.texts.get(span.state)) else {
            return must || !self.fail_closed;
        };
        if self.kept_buckets == 0 {
            // Nothing is sampled but by priority. A threshold that came along is not lowered.
            if must {
                let threshold = state
                    .threshold
                    .filter(|threshold| threshold.0 > 0)
                    .map_or("0", |threshold| threshold.1);
                self.write(outcome, row, &state, state.randomness, threshold);
            }
            return must;
        }
        if state.randomness.is_some() || state.threshold.is_some() {
            // Consistent sampling is at work: mixing it with hashes is an error.
            return must || !self.fail_closed;
        }
        let missing = span.high == 0 && span.low == 0;
        let (kept, everything) = if must {
            (true, true)
        } else if missing {
            (!self.fail_closed, true)
        } else {
            (bucket(span.hash) < self.kept_buckets, false)
        };
        if kept {
            self.write_shared(outcome, row, &state, &span, missing, everything);
        }
        kept
    }

    /// Writes the trace state of a span that had none.
    fn write_plain(&mut self, outcome: &mut Outcome, row: usize, span: &Span) {
        let text = match self.last {
            Some((high, low, ABSENT, false, text)) if (high, low) == (span.high, span.low) => text,
            _ => {
                let digits = hex_digits(randomness(span.hash));
                let text = plain_text(&mut self.plain, digits, outcome);
                self.last = Some((span.high, span.low, ABSENT, false, text));
                text
            }
        };
        outcome.set(self.write_trace_state, row as u32, Cell::Text(text));
    }

    /// Writes the trace state, which consecutive spans of a trace share.
    fn write_shared(
        &mut self,
        outcome: &mut Outcome,
        row: usize,
        state: &TraceState<'_>,
        span: &Span,
        missing: bool,
        everything: bool,
    ) {
        if let Some((high, low, old, all, text)) = self.last
            && (high, low, old, all) == (span.high, span.low, span.state, everything)
        {
            outcome.set(self.write_trace_state, row as u32, Cell::Text(text));
            return;
        }
        let digits = hex_digits(randomness(span.hash));
        let randomness = if missing {
            NO_RANDOMNESS
        } else {
            std::str::from_utf8(&digits).unwrap_or(NO_RANDOMNESS)
        };
        let threshold = std::mem::take(&mut self.threshold);
        let shown = if everything { "0" } else { &threshold };
        let text = self.write(outcome, row, state, Some(randomness), shown);
        self.threshold = threshold;
        self.last = Some((span.high, span.low, span.state, everything, text));
    }

    fn write(
        &mut self,
        outcome: &mut Outcome,
        row: usize,
        state: &TraceState<'_>,
        randomness: Option<&str>,
        threshold: &str,
    ) -> u32 {
        self.text.clear();
        state.write(&mut self.text, randomness, Some(threshold));
        let text = outcome.text(&self.text);
        outcome.set(self.write_trace_state, row as u32, Cell::Text(text));
        text
    }
}

/// Whether an id of two words is zero, which is none.
fn has_zero(ids: &[u64]) -> bool {
    ids.as_chunks::<2>().0.contains(&[0; 2])
}

/// Adds the text that `plain` becomes with this randomness.
fn plain_text(plain: &mut [u8], digits: [u8; 14], outcome: &mut Outcome) -> u32 {
    if let Some(place) = plain.get_mut(DIGITS..DIGITS + digits.len()) {
        place.copy_from_slice(&digits);
    }
    outcome.bytes(plain)
}

/// 14 hex digits.
fn hex_digits(value: u64) -> [u8; 14] {
    let [high, low] = [value >> 24, value & 0xff_ffff].map(eight_digits);
    std::array::from_fn(|place| match place {
        0..8 => high[place],
        _ => low[place - 6],
    })
}

/// The last 32 bits as hex digits: each half byte gets a byte, and all become digits at once.
fn eight_digits(value: u64) -> [u8; 8] {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let value = value & 0xffff_ffff;
    let value = (value | value << 16) & 0x0000_ffff_0000_ffff;
    let value = (value | value << 8) & 0x00ff_00ff_00ff_00ff;
    let value = (value | value << 4) & (EACH * 0x0f);
    // 10 and more become letters, which do not follow on the digits.
    let letters = (value + EACH * 6) >> 4 & EACH;
    let gap = u64::from(b'a' - b'9' - 1);
    (value + EACH * u64::from(b'0') + letters * gap).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_hexadecimal() {
        for value in [
            0,
            1,
            0x01_2345_6789_abcd,
            0xfe_dcba_9876_5432,
            (1 << 56) - 1,
        ] {
            let digits = hex_digits(value);
            assert_eq!(
                std::str::from_utf8(&digits).unwrap(),
                format!("{value:014x}")
            );
        }
    }
}
