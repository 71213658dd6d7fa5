//! Spans by consistent sampling: by the randomness that their trace state or trace id has, and what earlier samplers decided.

use std::collections::HashMap;

use spanmill_sampling::threshold::{NEVER, hex};
use spanmill_sampling::trace_state::{TraceState, parse, threshold_digits};
use spanmill_sdk::{
    ABSENT, AttributeField, Batch, Cell, Context, Contract, Counter, Outcome, TextField,
    TraceIdField, WriteField,
};

use crate::priority::{Priority, priority};
use crate::rule::{Carried, Decision, Rule};
use crate::settings::Settings;

/// Samples spans.
#[derive(Debug)]
pub(crate) struct ConsistentSpans {
    rule: Rule,
    failure: u64,
    trace_id: TraceIdField,
    trace_state: TextField,
    priority: AttributeField,
    write_trace_state: WriteField,
    /// What each trace state of the batch says.
    known: HashMap<u32, Carried>,
    /// What becomes of a trace state with a threshold, or with the one that came along; none: it stays.
    written: HashMap<(u32, Option<u64>), Option<u32>>,
    spans_sampled: Counter,
    spans_not_sampled: Counter,
}

impl ConsistentSpans {
    pub(crate) fn new(rule: Rule, settings: &Settings, contract: &mut Contract) -> Self {
        ConsistentSpans {
            rule,
            failure: settings.failure(),
            trace_id: contract.read_trace_id("span.trace_id"),
            trace_state: contract.read_text("span.trace_state"),
            priority: contract.read_attribute(Context::Span, "sampling.priority"),
            write_trace_state: contract.write("span.trace_state"),
            known: HashMap::new(),
            written: HashMap::new(),
            spans_sampled: contract.counter("spans_sampled"),
            spans_not_sampled: contract.counter("spans_not_sampled"),
        }
    }

    pub(crate) fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) {
        let (ids, _) = batch.trace_ids(self.trace_id).as_chunks::<2>();
        let states = batch.text(self.trace_state);
        let priorities = batch.attribute(self.priority);
        self.known.clear();
        self.written.clear();
        let (mut kept, mut dropped) = (0, 0);
        // Spans of a trace mostly come one after the other.
        let mut last = (ABSENT, Carried::default());
        for (row, &[high, low]) in ids.iter().enumerate() {
            let state = states.get(row).copied().unwrap_or(ABSENT);
            if state != last.0 {
                let known = self.known.entry(state);
                let carried = *known.or_insert_with(|| carried(batch, state));
                last = (state, carried);
            }
            let randomness = low & (NEVER - 1);
            let trace = ((high, low) != (0, 0)).then_some(randomness);
            let mut decision = self.rule.decide(last.1, trace, self.failure);
            match priority(priorities.get(row, &batch.texts)) {
                Priority::Keep => decision.threshold = 0,
                Priority::Drop => decision.threshold = NEVER,
                Priority::Defer => {}
            }
            if decision.is_kept() {
                kept += 1;
                self.write(batch, row, state, &decision, outcome);
            } else {
                dropped += 1;
                outcome.drop_row(Context::Span, row);
            }
        }
        for (counter, count) in [
            (self.spans_sampled, kept),
            (self.spans_not_sampled, dropped),
        ] {
            if count > 0 {
                counter.add(count);
            }
        }
    }

    /// Writes the threshold into a span's trace state, which spans of one threshold share.
    fn write(
        &mut self,
        batch: &Batch<'_>,
        row: usize,
        state: u32,
        decision: &Decision,
        outcome: &mut Outcome,
    ) {
        if !decision.may_write {
            return;
        }
        let threshold = decision.writes_threshold().then_some(decision.threshold);
        let written = self.written.entry((state, threshold));
        let text = *written.or_insert_with(|| {
            let before = batch.texts.get(state);
            let new = with_threshold(&parse(before)?, threshold);
            (new != before).then(|| outcome.text(&new))
        });
        if let Some(text) = text {
            outcome.set(self.write_trace_state, row as u32, Cell::Text(text));
        }
    }
}

/// What a trace state says of earlier decisions.
fn carried(batch: &Batch<'_>, state: u32) -> Carried {
    match parse(batch.texts.get(state)) {
        Some(state) => Carried {
            randomness: state.randomness.and_then(hex),
            threshold: state.threshold.map(|(threshold, _)| threshold),
            is_malformed: false,
        },
        None => Carried {
            is_malformed: true,
            ..Carried::default()
        },
    }
}

/// A trace state with a threshold; without one, with that which came along.
fn with_threshold(state: &TraceState<'_>, threshold: Option<u64>) -> String {
    let digits = threshold.map(threshold_digits);
    let digits = digits.as_deref();
    let mut text = String::new();
    let known = state.threshold.map(|(_, digits)| digits);
    state.write(&mut text, state.randomness, digits.or(known));
    text
}
