//! Conditions that policies ask of spans: answered a column at a time, each text once, and kept as a bit of the trace that
//! has met it.

use std::collections::HashSet;

use spanmill_ottl::{Conditions, FirstOutcome};
use spanmill_pattern::RegexSet;
use spanmill_sampling::trace_state;
use spanmill_sdk::{
    ABSENT, AttributeField, Batch, CellKind, Context, NarrowField, TextField, Values,
};

/// What is asked of each span, and of its resource.
#[derive(Debug)]
pub(crate) enum Condition {
    /// An attribute of the span or of its resource.
    Attribute {
        span: AttributeField,
        resource: AttributeField,
        test: Test,
    },
    /// The status code is one of these.
    StatusCode(NarrowField, Vec<u32>),
    /// The flag `sampled` of W3C's trace context.
    Sampled(NarrowField),
    /// The trace state has one of these values under this key.
    TraceState(TextField, String, HashSet<String>),
    /// How long the spans that came so far take together, in ms: longer than the first, and not longer than the second.
    /// It needs to know the trace, and is asked for each span.
    Latency(i64, Option<i64>),
    /// One of the OTTL conditions on spans, or on their events, holds; the bit behind says that they could not be evaluated before one did.
    Ottl(Box<[Option<Conditions>; 2]>),
}

/// What is asked of an attribute. Values of other types count as empty text, 0 or false.
#[derive(Debug)]
pub(crate) enum Test {
    Exact(HashSet<String>),
    Regex(RegexSet),
    Range(i64, i64),
    Bool(bool),
}

/// Answers about texts, by pool index.
const OPEN: u8 = 0;
const NO: u8 = 1;
const YES: u8 = 2;

/// Memory for the columns at hand.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// For each row of the batch the words that its spans add to those of their traces.
    pub words: Vec<u32>,
    texts: Vec<u8>,
    resources: Vec<bool>,
}

impl Condition {
    /// What it asks about, for people.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Condition::Attribute { .. } => "attributes",
            Condition::StatusCode(..) => "status codes",
            Condition::Sampled(_) => "trace flags",
            Condition::TraceState(..) => "trace states",
            Condition::Latency(..) => "latency",
            Condition::Ottl(..) => "OTTL conditions",
        }
    }

    /// How many bits it keeps.
    pub(crate) fn bits(&self) -> usize {
        match self {
            Condition::Ottl(..) => 2,
            _ => 1,
        }
    }

    /// Answers for all spans of a batch: sets the bit in the words of each row that meets it, of which there are `stride`.
    pub(crate) fn evaluate(
        &mut self,
        batch: &Batch<'_>,
        bit: usize,
        stride: usize,
        scratch: &mut Scratch,
    ) {
        let Scratch {
            words,
            texts,
            resources,
        } = scratch;
        let mut set = |row: usize, bit: usize| {
            if let Some(word) = words.get_mut(row * stride + bit / 32) {
                *word |= 1 << (bit % 32);
            }
        };
        match self {
            Condition::Attribute {
                span,
                resource,
                test,
            } => {
                texts.clear();
                texts.resize(batch.texts.len(), OPEN);
                resources.clear();
                let values = batch.attribute(*resource);
                let count = batch.rows(Context::Resource);
                resources.extend((0..count).map(|row| test.holds(batch, values, row, true, texts)));
                let any = resources.contains(&true);
                let scopes = batch.parents(Context::Scope);
                let values = batch.attribute(*span);
                for (row, &scope) in batch.parents(Context::Span).iter().enumerate() {
                    let of_resource = || {
                        let resource = scopes.get(scope as usize).map(|row| *row as usize);
                        resource.and_then(|row| resources.get(row)) == Some(&true)
                    };
                    if any && of_resource() || test.holds(batch, values, row, false, texts) {
                        set(row, bit);
                    }
                }
            }
            Condition::StatusCode(field, codes) => {
                for (row, code) in batch.narrow(*field).iter().enumerate() {
                    if codes.contains(code) {
                        set(row, bit);
                    }
                }
            }
            Condition::Sampled(field) => {
                for (row, flags) in batch.narrow(*field).iter().enumerate() {
                    if flags & 1 != 0 {
                        set(row, bit);
                    }
                }
            }
            Condition::TraceState(field, key, values) => {
                texts.clear();
                texts.resize(batch.texts.len(), OPEN);
                for (row, &text) in batch.text(*field).iter().enumerate() {
                    let Some(answer) = texts.get_mut(text as usize).filter(|_| text != ABSENT)
                    else {
                        continue;
                    };
                    if *answer == OPEN {
                        let value = trace_state::member(batch.texts.get(text), key);
                        *answer = match value.is_some_and(|value| values.contains(value)) {
                            true => YES,
                            false => NO,
                        };
                    }
                    if *answer == YES {
                        set(row, bit);
                    }
                }
            }
            Condition::Latency(..) => {}
            Condition::Ottl(conditions) => {
                let [spans, events] = &mut **conditions;
                let rows = batch.rows(Context::Span);
                // The span's own conditions come first, then those of its events, one event after the other.
                let mut outcomes = vec![FirstOutcome::NoneHolds; rows];
                if let Some(spans) = spans {
                    outcomes.copy_from_slice(spans.first_outcomes(batch));
                }
                if let Some(events) = events {
                    let found = events.first_outcomes(batch);
                    let spans = batch.parents(Context::SpanEvent);
                    for (&found, &span) in found.iter().zip(spans) {
                        if let Some(outcome) = outcomes.get_mut(span as usize)
                            && *outcome == FirstOutcome::NoneHolds
                        {
                            *outcome = found;
                        }
                    }
                }
                for (row, outcome) in outcomes.into_iter().enumerate() {
                    match outcome {
                        FirstOutcome::NoneHolds => {}
                        FirstOutcome::OneHolds => set(row, bit),
                        FirstOutcome::Failed => set(row, bit + 1),
                    }
                }
            }
        }
    }
}

impl Test {
    /// Whether an attribute of a row meets it. A span's empty text never does; a resource's may.
    #[inline]
    fn holds(
        &self,
        batch: &Batch<'_>,
        values: Values<'_>,
        row: usize,
        is_resource: bool,
        texts: &mut [u8],
    ) -> bool {
        let (kind, bits) = values.cell(row);
        let kind = CellKind::from_number(kind);
        if matches!(kind, None | Some(CellKind::Absent)) {
            return false;
        }
        match self {
            Test::Exact(_) | Test::Regex(_) => {
                if kind != Some(CellKind::Text) {
                    return is_resource && self.matches("");
                }
                let Some(answer) = texts.get_mut(bits as usize) else {
                    return false;
                };
                if *answer == OPEN {
                    *answer = match self.matches(batch.texts.get(bits as u32)) {
                        true => YES,
                        false => NO,
                    };
                }
                *answer == YES && (is_resource || !batch.texts.get(bits as u32).is_empty())
            }
            Test::Range(least, most) => {
                let value = match kind {
                    Some(CellKind::Int) => bits as i64,
                    _ => 0,
                };
                (*least..=*most).contains(&value)
            }
            Test::Bool(wanted) => (kind == Some(CellKind::Bool) && bits != 0) == *wanted,
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Test::Exact(values) => values.contains(text),
            Test::Regex(patterns) => patterns.is_match(text),
            Test::Range(..) | Test::Bool(_) => false,
        }
    }
}
