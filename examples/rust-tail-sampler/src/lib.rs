//! Keeps whole traces that have an error or are slow, and a share of the others. Spans are held in the host until their trace
//! is decided on.

mod settings;
#[cfg(test)]
mod tests;
mod traces;

use std::collections::BTreeSet;

use spanmill_sdk::{
    About, Batch, ConfigError, Context, Contract, Counter, Decisions, NarrowField, Outcome,
    PluginError, Processor, Sharding, Ticker, TraceIdField, WideField,
};

use settings::Settings;
use traces::{Decided, Trace, Waiting};

/// OTLP's status code of an error.
const ERROR: u32 = 2;

/// The bits of a trace id that are random, as W3C's Trace Context and OpenTelemetry's samplers have it.
const RANDOM: u64 = (1 << 56) - 1;

/// The plugin. It hands no state on: the instance that takes its place is shown what is held by [`Ticker::review`], after a
/// swap as after a fault, and decides by its own settings. Late spans of traces that were decided on before are judged anew.
pub struct TailSampler {
    settings: Settings,
    waiting: Waiting,
    decided: Decided,
    fields: Fields,
    counters: Counters,
}

/// What is read of each span.
struct Fields {
    trace_id: TraceIdField,
    code: NarrowField,
    start: WideField,
    end: WideField,
}

/// Traces by what was decided.
struct Counters {
    errors: Counter,
    slow: Counter,
    sampled: Counter,
    dropped: Counter,
}

impl Fields {
    /// The trace of each span, and what the span tells of it. The trace is 0 where a span has none.
    fn spans(&self, batch: &Batch<'_>) -> impl Iterator<Item = (u128, Trace)> {
        let received = batch.received_unix_nano;
        let (ids, _) = batch.trace_ids(self.trace_id).as_chunks::<2>();
        let codes = batch.narrow(self.code);
        let times = batch.wide(self.start).iter().zip(batch.wide(self.end));
        let spans = ids.iter().zip(codes).zip(times);
        spans.map(move |(([high, low], &code), (&start, &end))| {
            let id = u128::from(*high) << 64 | u128::from(*low);
            let has_error = code == ERROR;
            (
                id,
                Trace {
                    received,
                    has_error,
                    start,
                    end,
                },
            )
        })
    }
}

impl Processor for TailSampler {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        settings.check()?;
        contract.shard(Sharding::ByTrace);
        Ok(TailSampler {
            settings,
            waiting: Waiting::default(),
            decided: Decided::default(),
            fields: Fields {
                trace_id: contract.read_trace_id("span.trace_id"),
                code: contract.read_narrow("span.status.code"),
                start: contract.read_wide("span.start_time_unix_nano"),
                end: contract.read_wide("span.end_time_unix_nano"),
            },
            counters: Counters {
                errors: contract.counter("traces_kept_for_an_error"),
                slow: contract.counter("traces_kept_as_slow"),
                sampled: contract.counter("traces_sampled"),
                dropped: contract.counter("traces_dropped"),
            },
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        for (row, (id, span)) in self.fields.spans(batch).enumerate() {
            // What has no trace cannot be held, and goes on.
            if id == 0 {
                continue;
            }
            match self.decided.is_kept(id) {
                Some(true) => {}
                Some(false) => outcome.drop_row(Context::Span, row),
                None => {
                    self.waiting.add(id, span);
                    outcome.hold_row(Context::Span, row);
                }
            }
        }
        Ok(())
    }
}

impl Ticker for TailSampler {
    fn tick(
        &mut self,
        now: u64,
        ending: bool,
        decisions: &mut Decisions,
    ) -> Result<(), PluginError> {
        loop {
            let is_full = self.waiting.len() > self.settings.most_traces;
            let wait = self.settings.wait;
            let is_due =
                |trace: &Trace| ending || is_full || trace.received.saturating_add(wait) <= now;
            let Some((id, trace)) = self.waiting.take_oldest_if(is_due) else {
                return Ok(());
            };
            let is_kept = self.decide(id, &trace);
            self.decided.add(id, is_kept, self.settings.most_traces);
            match is_kept {
                true => decisions.release(id),
                false => decisions.drop_trace(id),
            }
        }
    }

    fn review(&mut self, batch: &Batch<'_>) -> Result<(), PluginError> {
        // What is shown takes the place of what was known.
        let ids: BTreeSet<u128> = self.fields.spans(batch).map(|(id, _)| id).collect();
        for id in ids {
            self.waiting.forget(id);
        }
        for (id, span) in self.fields.spans(batch) {
            self.waiting.add(id, span);
        }
        Ok(())
    }
}

impl TailSampler {
    /// Whether a trace is kept.
    fn decide(&self, id: u128, trace: &Trace) -> bool {
        let slower_than = self.settings.slower_than;
        let (is_kept, counter) = if trace.has_error {
            (true, self.counters.errors)
        } else if slower_than.is_some_and(|least| trace.duration() > least) {
            (true, self.counters.slow)
        } else if is_sampled(id, self.settings.share) {
            (true, self.counters.sampled)
        } else {
            (false, self.counters.dropped)
        };
        counter.add(1);
        is_kept
    }
}

/// Whether a trace is in a share, by the random bits of its id: the same in each service that keeps as much.
fn is_sampled(id: u128, share: f64) -> bool {
    let threshold = (1.0 - share) * (RANDOM + 1) as f64;
    (id as u64 & RANDOM) >= threshold as u64
}

impl About for TailSampler {
    const NAME: &'static str = "tail_sampler";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Keeps whole traces that have an error or are slow, and a share of the others";
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

spanmill_sdk::register_processor!(TailSampler, ticker, about);
