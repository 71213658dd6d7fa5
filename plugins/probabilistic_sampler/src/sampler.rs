//! Decides span by span, and writes into the trace state of kept spans how they were chosen.

use spanmill_sdk::{
    ABSENT, AttributeField, Batch, Cell, ConfigError, Context, Contract, Outcome, PluginError,
    Processor, TextField, TraceIdField, Values, WriteField,
};

use crate::hash::{bucket, hash_all, randomness, seeded};
use crate::priority::{Priority, priority};
use crate::settings::Settings;
use crate::trace_state::{TraceState, parse, threshold_digits};

/// The randomness of a span that has none: every threshold keeps it.
const NO_RANDOMNESS: &str = "ffffffffffffff";

/// The probabilistic sampler.
#[derive(Debug)]
pub struct ProbabilisticSampler {
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
    dropped: Vec<u8>,
    /// What a trace state was made of last; spans of a trace mostly come one after the other.
    last: Option<(u64, u64, u32, bool, u32)>,
    text: String,
    /// The trace state of a span that had none and is kept by its hash; its randomness stands from [`DIGITS`] on.
    plain: Vec<u8>,
}

/// Where the randomness stands in `ot=rv:00000000000000;th:8`.
const DIGITS: usize = 6;

impl Processor for ProbabilisticSampler {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        settings.check()?;
        let kept_buckets = settings.kept_buckets();
        let threshold = threshold_digits(u64::from(0x4000 - kept_buckets) << 42);
        Ok(ProbabilisticSampler {
            seeded: seeded(settings.hash_seed),
            kept_buckets,
            plain: format!("ot=rv:{NO_RANDOMNESS};th:{threshold}").into_bytes(),
            threshold,
            fail_closed: settings.fail_closed,
            trace_id: contract.read_trace_id("span.trace_id"),
            trace_state: contract.read_text("span.trace_state"),
            priority: contract.read_attribute(Context::Span, "sampling.priority"),
            write_trace_state: contract.write("span.trace_state"),
            hashes: Vec::new(),
            dropped: Vec::new(),
            last: None,
            text: String::new(),
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
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
        // Indices of texts are those of this batch.
        self.last = None;
        let mut kept = 0u64;
        for (row, verdict) in dropped.iter_mut().enumerate() {
            let wish = if prioritised {
                priority(priorities.get(row, &batch.texts))
            } else {
                Priority::Defer
            };
            let hash = self.hashes.get(row).copied().unwrap_or(0);
            let state = states.get(row).copied().unwrap_or(ABSENT);
            // The common case first: nothing but the hash has a say.
            if wish == Priority::Drop
                || (wish == Priority::Defer
                    && state == ABSENT
                    && bucket(hash) >= self.kept_buckets
                    && self.fail_closed)
            {
                continue;
            }
            let [high, low] =
                [2 * row, 2 * row + 1].map(|word| ids.get(word).copied().unwrap_or(0));
            if self.decide(
                batch,
                outcome,
                row,
                Span {
                    high,
                    low,
                    hash,
                    state,
                    wish,
                },
            ) {
                *verdict = 0;
                kept += 1;
            }
        }
        let lost = dropped.len() as u64 - kept;
        if lost > 0 {
            outcome.drop_rows(Context::Span, &dropped);
            spanmill_sdk::count("spans_not_sampled", lost);
        }
        if kept > 0 {
            spanmill_sdk::count("spans_sampled", kept);
        }
        self.dropped = dropped;
        Ok(())
    }
}

/// What a decision depends on.
struct Span {
    high: u64,
    low: u64,
    hash: u32,
    state: u32,
    wish: Priority,
}

impl ProbabilisticSampler {
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
                if let Some(place) = self.plain.get_mut(DIGITS..DIGITS + digits.len()) {
                    place.copy_from_slice(&digits);
                }
                let text = outcome.bytes(&self.plain);
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

/// 14 hex digits.
fn hex_digits(value: u64) -> [u8; 14] {
    std::array::from_fn(|place| b"0123456789abcdef"[(value >> (52 - 4 * place)) as usize & 15])
}
