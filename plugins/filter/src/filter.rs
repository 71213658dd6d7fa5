//! Evaluates the conditions, from resources down, and turns them into verdicts.

use spanmill_ottl::{Conditions, ErrorMode, OttlError, inferred_context, parse};
use spanmill_sdk::{
    Batch, ConfigError, Context, Contract, Counter, Outcome, PluginError, Problems, Processor,
};

use crate::settings::{Line, Settings, Stage};

/// The filter processor.
#[derive(Debug)]
pub struct Filter {
    /// Stages one after the other; each from resource down to span event.
    stages: Vec<[Conditions; 4]>,
    dropped_spans: Vec<u8>,
    dropped_events: Vec<u8>,
    spans_filtered: Counter,
    span_events_filtered: Counter,
}

const CONTEXTS: [Context; 4] = [
    Context::Resource,
    Context::Scope,
    Context::Span,
    Context::SpanEvent,
];

fn add(line: &Line, stage: &mut [Conditions; 4], contract: &mut Contract) -> Result<(), OttlError> {
    let condition = parse(&line.text)?;
    let context = match line.context.or_else(|| inferred_context(&condition)) {
        Some(context) => context,
        // Paths without a context are refused below, with the one that is most likely meant.
        None => Context::Span,
    };
    match stage
        .iter_mut()
        .find(|conditions| conditions.context() == context)
    {
        Some(conditions) => conditions.add_parsed(&condition, line.context.is_none(), contract),
        None => Err(OttlError {
            column: 1,
            message: "span links are not filtered".to_owned(),
        }),
    }
}

fn compile(stage: &Stage, contract: &mut Contract, problems: &mut Problems) -> [Conditions; 4] {
    let mode: ErrorMode = stage.error_mode;
    let mut compiled = CONTEXTS.map(|context| Conditions::new(context, mode));
    for line in &stage.lines {
        if let Err(error) = add(line, &mut compiled, contract) {
            problems.push(line.path.clone(), error.to_string());
        }
    }
    compiled
}

impl Processor for Filter {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        let mut problems = Problems::new();
        let stages = settings.stages()?;
        let stages = stages
            .iter()
            .map(|stage| compile(stage, contract, &mut problems))
            .collect();
        problems.check()?;
        Ok(Filter {
            stages,
            dropped_spans: Vec::new(),
            dropped_events: Vec::new(),
            spans_filtered: contract.counter("spans_filtered"),
            span_events_filtered: contract.counter("span_events_filtered"),
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        let Filter {
            stages,
            dropped_spans: spans,
            dropped_events: events,
            ..
        } = self;
        for (dropped, context) in [
            (&mut *spans, Context::Span),
            (&mut *events, Context::SpanEvent),
        ] {
            dropped.clear();
            dropped.resize(batch.rows(context), 0);
        }
        for conditions in stages.iter_mut().flatten() {
            if conditions.is_empty() {
                continue;
            }
            let context = conditions.context();
            let result = match context {
                Context::Span => conditions.evaluate(batch, spans),
                Context::SpanEvent => conditions.evaluate(batch, events),
                _ => conditions.evaluate(batch, &[]),
            };
            let holds = result.map_err(|error| PluginError::Batch(error.to_string()))?;
            match context {
                Context::Span => merge(spans, holds),
                Context::SpanEvent => merge(events, holds),
                Context::Scope => spread(spans, batch.parents(Context::Span), holds),
                _ => {
                    let scopes = batch.parents(Context::Scope);
                    for (span, &scope) in spans.iter_mut().zip(batch.parents(Context::Span)) {
                        let resource = scopes.get(scope as usize).copied().unwrap_or(u32::MAX);
                        *span |= holds.get(resource as usize).copied().unwrap_or(0);
                    }
                }
            }
            // The events of a dropped span are not asked about.
            if context != Context::SpanEvent {
                spread(events, batch.parents(Context::SpanEvent), spans);
            }
        }
        self.decide(batch, outcome);
        Ok(())
    }
}

fn merge(dropped: &mut [u8], holds: &[u8]) {
    for (dropped, &holds) in dropped.iter_mut().zip(holds) {
        *dropped |= holds;
    }
}

fn spread(dropped: &mut [u8], parents: &[u32], holds: &[u8]) {
    for (dropped, &parent) in dropped.iter_mut().zip(parents) {
        *dropped |= holds.get(parent as usize).copied().unwrap_or(0);
    }
}

impl Filter {
    fn decide(&self, batch: &Batch<'_>, outcome: &mut Outcome) {
        let dropped = self
            .dropped_spans
            .iter()
            .filter(|&&dropped| dropped != 0)
            .count();
        if dropped > 0 {
            outcome.drop_rows(Context::Span, &self.dropped_spans);
            self.spans_filtered.add(dropped as u64);
        }
        let parents = batch.parents(Context::SpanEvent);
        let kept = |row: usize| {
            let span = parents.get(row).copied().unwrap_or(u32::MAX) as usize;
            self.dropped_spans.get(span) == Some(&0)
        };
        let mut events = 0;
        for (row, &dropped) in self.dropped_events.iter().enumerate() {
            if dropped != 0 && kept(row) {
                outcome.drop_row(Context::SpanEvent, row);
                events += 1;
            }
        }
        if events > 0 {
            self.span_events_filtered.add(events);
        }
    }
}
