//! Evaluates the conditions, from resources down, and turns them into verdicts.

use spanmill_ottl::{Conditions, OttlError, Position, inferred_context, parse};
use spanmill_sdk::{
    AppliedRules, Batch, ConfigError, Context, Contract, Counter, KeptRules, NarrowField, Outcome,
    PluginError, Problems, Processor, Reasons, Signal,
};

use crate::reasons::{Checks, note, rule};
use crate::settings::{Line, Settings, Stage, contexts};

/// The filter processor.
#[derive(Debug)]
pub struct Filter {
    /// Stages one after the other; each from resource down.
    stages: Vec<(Signal, Vec<Checks>)>,
    /// By which conditions items of the batch are dropped.
    reasons: KeptRules,
    /// The rows dropped so far, of the signal's own contexts, each behind the one above it.
    dropped: Vec<(Context, Vec<u8>)>,
    /// Needed if there are conditions on data points.
    metric_type: Option<NarrowField>,
    counters: [(Context, Counter); 4],
}

/// Adds a condition to those of its context.
fn add(
    signal: Signal,
    line: &Line,
    stage: &mut [Checks],
    contract: &mut Contract,
) -> Result<(), OttlError> {
    let condition = parse(&line.text)?;
    let context = match line.context.or_else(|| inferred_context(&condition)) {
        Some(context) => context,
        // Paths without a context are refused below, with the one that is most likely meant.
        None => own(signal)[0],
    };
    match stage
        .iter_mut()
        .find(|checks| checks.conditions.context() == context)
    {
        Some(Checks { conditions, rules }) => {
            conditions.add_parsed(&condition, line.context.is_none(), contract)?;
            rules.push(rule(&line.path, &line.text));
            Ok(())
        }
        None => {
            let message = format!("{signal} are not filtered by {} fields", context.prefix());
            Err(OttlError::at(Position::START, message))
        }
    }
}

fn compile(
    stage: &Stage,
    lambdas: bool,
    contract: &mut Contract,
    problems: &mut Problems,
) -> Vec<Checks> {
    let contexts = contexts(stage.signal).into_iter();
    let mut compiled: Vec<Checks> = contexts
        .map(|context| Checks {
            conditions: Conditions::new(context, stage.error_mode).with_lambdas(lambdas),
            rules: Vec::new(),
        })
        .collect();
    for line in &stage.lines {
        if let Err(error) = add(stage.signal, line, &mut compiled, contract) {
            problems.push(line.path.clone(), error.to_string());
        }
    }
    compiled
}

/// The contexts of a signal whose rows are dropped, each behind the one above it.
fn own(signal: Signal) -> &'static [Context] {
    match signal {
        Signal::Traces => &[Context::Span, Context::SpanEvent],
        Signal::Logs => &[Context::Log],
        Signal::Metrics => &[Context::Metric, Context::DataPoint],
    }
}

impl Processor for Filter {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        let mut problems = Problems::new();
        let lambdas = settings.lambdas();
        let stages: Vec<(Signal, Vec<Checks>)> = settings
            .stages()?
            .iter()
            .map(|stage| {
                (
                    stage.signal,
                    compile(stage, lambdas, contract, &mut problems),
                )
            })
            .collect();
        problems.check()?;
        let asks_points = |checks: &Checks| {
            checks.conditions.context() == Context::DataPoint && !checks.rules.is_empty()
        };
        let asks_points = stages
            .iter()
            .any(|(_, stage)| stage.iter().any(asks_points));
        contract.take(Signal::ALL);
        Ok(Filter {
            stages,
            reasons: KeptRules::default(),
            dropped: Vec::new(),
            metric_type: asks_points.then(|| contract.read_narrow("metric.type")),
            counters: [
                (Context::Span, contract.counter("spans_filtered")),
                (Context::SpanEvent, contract.counter("span_events_filtered")),
                (Context::Log, contract.counter("log_records_filtered")),
                (Context::DataPoint, contract.counter("data_points_filtered")),
            ],
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        let Filter {
            stages,
            dropped,
            metric_type,
            reasons,
            ..
        } = self;
        let own = own(batch.signal);
        dropped.resize_with(own.len(), || (Context::Span, Vec::new()));
        for ((context, rows), &of) in dropped.iter_mut().zip(own) {
            *context = of;
            rows.clear();
            rows.resize(batch.rows(of), 0);
        }
        let stages = stages.iter_mut().filter(|(of, _)| *of == batch.signal);
        reasons.begin(batch.rows(batch.signal.item()));
        for checks in stages.flat_map(|(_, stage)| stage) {
            let conditions = &mut checks.conditions;
            if conditions.is_empty() {
                continue;
            }
            let context = conditions.context();
            let known = dropped.iter().find(|(known, _)| *known == context);
            let skip = known.map_or(&[][..], |(_, rows)| rows);
            let holds = conditions.evaluate(batch, skip);
            let holds = holds.map_err(|error| PluginError::Batch(error.to_string()))?;
            match dropped.iter_mut().find(|(known, _)| *known == context) {
                Some((_, rows)) => merge(rows, holds),
                None => spread_above(batch, context, holds, dropped),
            }
            // What stands in a dropped row is not asked about.
            if let [(_, rows), (below, below_rows)] = &mut dropped[..] {
                if *below == Context::DataPoint && context == *below {
                    drop_emptied(batch, *metric_type, rows, below_rows);
                }
                spread(below_rows, batch.parents(*below), rows);
            }
            let item = batch.signal.item();
            if let Some(applied) = reasons.get_mut()
                && let Some((_, rows)) = dropped.iter().find(|(of, _)| *of == item)
            {
                note(applied, checks, batch, item, rows);
            }
        }
        self.decide(batch, outcome);
        Ok(())
    }
}

impl Reasons for Filter {
    fn explain(&mut self, on: bool) {
        self.reasons.explain(on);
        let stages = self.stages.iter_mut();
        stages
            .flat_map(|(_, stage)| stage)
            .for_each(|checks| checks.conditions.keep_first(on));
    }

    fn why(&mut self) -> AppliedRules {
        self.reasons.take()
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

/// Drops the rows below the scopes or resources that a condition holds for.
fn spread_above(
    batch: &Batch<'_>,
    context: Context,
    holds: &[u8],
    dropped: &mut [(Context, Vec<u8>)],
) {
    let Some((first, rows)) = dropped.first_mut() else {
        return;
    };
    if context == Context::Scope {
        return spread(rows, batch.parents(*first), holds);
    }
    let scopes = batch.parents(Context::Scope);
    for (row, &scope) in rows.iter_mut().zip(batch.parents(*first)) {
        let resource = scopes.get(scope as usize).copied().unwrap_or(u32::MAX);
        *row |= holds.get(resource as usize).copied().unwrap_or(0);
    }
}

/// Drops metrics without a data point that is left, those included that came without one; not those without a type.
fn drop_emptied(
    batch: &Batch<'_>,
    metric_type: Option<NarrowField>,
    metrics: &mut [u8],
    points: &[u8],
) {
    let Some(metric_type) = metric_type else {
        return;
    };
    let mut filled = vec![false; metrics.len()];
    for (&dropped, &metric) in points.iter().zip(batch.parents(Context::DataPoint)) {
        if let Some(filled) = filled.get_mut(metric as usize) {
            *filled |= dropped == 0;
        }
    }
    let types = batch.narrow(metric_type);
    for ((metric, filled), &of) in metrics.iter_mut().zip(filled).zip(types) {
        *metric |= u8::from(!filled && of != 0);
    }
}

impl Filter {
    fn decide(&self, batch: &Batch<'_>, outcome: &mut Outcome) {
        let mut above: Option<&[u8]> = None;
        for (context, rows) in &self.dropped {
            let lost = rows.iter().filter(|&&dropped| dropped != 0).count();
            let mut counted = lost;
            match above {
                None if lost > 0 => outcome.drop_rows(*context, rows),
                Some(above) if lost > 0 => {
                    let parents = batch.parents(*context);
                    let kept = |row: usize| {
                        let parent = parents.get(row).copied().unwrap_or(u32::MAX) as usize;
                        above.get(parent) == Some(&0)
                    };
                    let mut own = 0;
                    for (row, &dropped) in rows.iter().enumerate() {
                        // What goes with the row above needs no verdict.
                        if dropped != 0 && kept(row) {
                            outcome.drop_row(*context, row);
                            own += 1;
                        }
                    }
                    // Data points are counted even where their metric goes; a span's events are not.
                    if *context == Context::SpanEvent {
                        counted = own;
                    }
                }
                _ => {}
            }
            let counter = self.counters.iter().find(|(of, _)| of == context);
            if let (Some((_, counter)), 1..) = (counter, counted) {
                counter.add(counted as u64);
            }
            above = Some(rows);
        }
    }
}
