//! A trace's way, put together of what was noted.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use spanmill_admin::{SpanReport, SpanStep, StepKind, TraceReport};
use spanmill_otlp::RowSet;

use super::handover::Whereabouts;
use super::record::{
    Decided, Decision, Noted, PartRun, Record, StageName, Step, StepResult, Wrote,
};

/// Spans of a trace that are told of at most.
const SPANS: usize = 10_000;

/// What became of a trace, by records in the order they were noted; `None` if they have none of its spans.
pub(super) fn report<'r>(
    trace_id: u128,
    since_unix_nano: u64,
    records: impl Iterator<Item = &'r Record>,
) -> Option<TraceReport> {
    let mut found = Found::default();
    for record in records {
        let at = At {
            time: time(record.at_unix_nano()),
            pipeline: &record.pipeline,
        };
        match &record.noted {
            Noted::Run(run, destination) => {
                let whereabouts = destination.as_ref().map(|destination| destination.now());
                found.run(&at, trace_id, run, whereabouts.as_ref());
            }
            Noted::Decided(decided) => found.decided(&at, trace_id, decided),
        }
    }
    (!found.spans.is_empty()).then(|| TraceReport {
        trace_id: format!("{trace_id:032x}"),
        since: time(since_unix_nano),
        spans: found.spans,
        spans_left_out: found.left_out,
    })
}

/// As reports have it.
pub(super) fn time(unix_nano: u64) -> String {
    let at = UNIX_EPOCH.checked_add(Duration::from_nanos(unix_nano));
    humantime::format_rfc3339_millis(at.unwrap_or(UNIX_EPOCH)).to_string()
}

/// When and where something was done.
struct At<'a> {
    time: String,
    pipeline: &'a str,
}

impl At<'_> {
    fn step(&self, stage: Option<&StageName>, kind: StepKind) -> SpanStep {
        SpanStep {
            time: self.time.clone(),
            pipeline: self.pipeline.to_owned(),
            component: stage.map(|stage| stage.component.clone()),
            version: stage.map(|stage| stage.hash.to_string()),
            kind,
            reason: None,
            wrote: Vec::new(),
            to: Vec::new(),
        }
    }
}

/// The spans of a trace, found so far.
#[derive(Default)]
struct Found {
    /// Where each stands among `spans`; beyond their end if it is left out.
    numbers: BTreeMap<u64, usize>,
    spans: Vec<SpanReport>,
    left_out: u64,
}

impl Found {
    fn span(&mut self, span_id: u64) -> Option<&mut SpanReport> {
        let number = self.numbers.get(&span_id).copied();
        let number = number.unwrap_or_else(|| {
            let number = self.spans.len();
            if number < SPANS {
                self.numbers.insert(span_id, number);
                self.spans.push(SpanReport {
                    span_id: format!("{span_id:016x}"),
                    steps: Vec::new(),
                });
                return number;
            }
            self.numbers.insert(span_id, usize::MAX);
            self.left_out += 1;
            usize::MAX
        });
        self.spans.get_mut(number)
    }

    fn run(&mut self, at: &At<'_>, trace_id: u128, run: &PartRun, to: Option<&Whereabouts>) {
        for (row, span_id) in run.spans.of_trace(trace_id) {
            if let Some(span) = self.span(span_id) {
                // It is here by now.
                let waited = |step: &SpanStep| {
                    step.kind == StepKind::Waiting && step.pipeline == at.pipeline
                };
                span.steps.retain(|step| !waited(step));
                walk(at, run, row, to, &mut span.steps);
            }
        }
    }

    fn decided(&mut self, at: &At<'_>, trace_id: u128, decided: &Decided) {
        let mut traces = decided.traces.iter().enumerate();
        let Some((place, (_, decision))) = traces.find(|(_, (id, _))| *id == trace_id) else {
            return;
        };
        let rule = decided
            .rules
            .as_ref()
            .and_then(|rules| rules.of_place(place));
        let kind = match decision {
            Decision::Release => StepKind::Released,
            Decision::Drop => StepKind::Dropped,
        };
        for span in &mut self.spans {
            let here = span
                .steps
                .iter()
                .rev()
                .find(|step| step.pipeline == at.pipeline);
            // Whichever version held it: another may decide.
            let is_held = here.is_some_and(|step| {
                step.kind == StepKind::Held
                    && step.component.as_deref() == Some(&decided.stage.component)
            });
            if is_held {
                let mut step = at.step(Some(&decided.stage), kind);
                step.reason = decided.by_host.or(rule).map(str::to_owned);
                span.steps.push(step);
            }
        }
    }
}

/// Follows a span through the stages.
fn walk(at: &At<'_>, run: &PartRun, row: u32, to: Option<&Whereabouts>, steps: &mut Vec<SpanStep>) {
    // What the stage at hand was shown.
    let mut shown: Option<&RowSet> = None;
    for step in &run.steps {
        let (mut own, goes_on) = taken(at, step, row);
        if step.result == StepResult::Answered
            && let Some(rules) = &step.rules
        {
            let place = match shown {
                None => row as usize,
                Some(shown) => (0..row).filter(|row| shown.has(*row)).count(),
            };
            own.reason = rules.of_place(place).map(str::to_owned);
        }
        steps.push(own);
        if !goes_on {
            return;
        }
        shown = step.left.as_ref().or(shown);
    }
    let kind = match to {
        None => return,
        Some(Whereabouts::Onward) => StepKind::Waiting,
        Some(Whereabouts::UnderWay) => StepKind::HandingOver,
        Some(Whereabouts::NotTaken) => StepKind::NotTaken,
        Some(Whereabouts::To(_)) => StepKind::Left,
    };
    let mut end = at.step(None, kind);
    if let Some(Whereabouts::To(names)) = to {
        end.to = names.to_vec();
    }
    steps.push(end);
}

/// What a stage did with a span, and whether it goes on.
fn taken(at: &At<'_>, step: &Step, row: u32) -> (SpanStep, bool) {
    let failed = |kind: StepKind, fault: &str| SpanStep {
        reason: Some(fault.to_owned()),
        ..at.step(Some(&step.stage), kind)
    };
    match step.result {
        StepResult::Passed(fault) => return (failed(StepKind::Passed, fault), true),
        StepResult::Dropped(fault) => return (failed(StepKind::DroppedOnError, fault), false),
        StepResult::Lost(fault) => return (failed(StepKind::Lost, fault), false),
        StepResult::Refused(fault) => return (failed(StepKind::Refused, fault), false),
        StepResult::Answered => {}
    }
    let mut wrote: Vec<String> = Vec::new();
    for (what, _) in step.wrote.iter().filter(|(_, rows)| rows.has(row)) {
        wrote.extend(match what {
            Wrote::Field(number) => step.stage.writes.get(*number as usize).cloned(),
            Wrote::Dropped(below) => Some(format!("{below} (dropped)")),
        });
    }
    let is_in = |rows: &Option<RowSet>| rows.as_ref().map(|rows| rows.has(row));
    let (kind, goes_on) = match (is_in(&step.held), is_in(&step.left)) {
        (Some(true), _) => (StepKind::Held, false),
        (_, Some(false)) => (StepKind::Dropped, false),
        _ if wrote.is_empty() => (step.stage.kind, true),
        _ => (StepKind::Changed, true),
    };
    let step = SpanStep {
        wrote,
        ..at.step(Some(&step.stage), kind)
    };
    (step, goes_on)
}
