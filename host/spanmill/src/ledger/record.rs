//! What is noted at a time: a part of a batch on its way through a chain, or what a plugin decided on held traces.

use std::sync::Arc;

use spanmill_admin::StepKind;
use spanmill_otlp::{ItemIds, RowSet};

use super::handover::{Destination, Handover};

/// A version of a component in its pipeline.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StageName {
    /// The component's id.
    pub(crate) component: String,
    /// The version's hash.
    pub(crate) hash: Arc<str>,
    /// What it does with a span that it neither drops, holds nor changes.
    pub(crate) kind: StepKind,
    /// The paths that it may write, in the order declared.
    pub(crate) writes: Box<[String]>,
}

/// What is noted at a time.
pub(crate) struct Record {
    at_unix_nano: u64,
    /// The pipeline.
    pub(super) pipeline: Arc<str>,
    pub(super) noted: Noted,
}

pub(super) enum Noted {
    Run(PartRun, Option<Destination>),
    Decided(Decided),
}

/// A part of a batch on its way through a chain.
#[derive(Debug, Default)]
pub(crate) struct PartRun {
    pub(super) spans: Spans,
    pub(super) steps: Vec<Step>,
    /// The same spans come once more, in another order, with the steps that follow.
    is_continued: bool,
}

/// The ids of some spans, in order. Neighbours of one trace share its id.
#[derive(Debug, Default)]
pub(super) struct Spans {
    traces: Box<[u128]>,
    /// For each of them the row behind its last span.
    ends: Box<[u32]>,
    span_ids: Box<[u64]>,
}

/// What a stage did with the spans that it was shown.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) stage: Arc<StageName>,
    pub(crate) result: StepResult,
    /// The spans that are left behind it; `None`: all that there were.
    pub(crate) left: Option<RowSet>,
    /// Those it holds; `None`: none.
    pub(crate) held: Option<RowSet>,
    /// What it wrote: the number of a path of its own, or the name of what it dropped below, and the spans.
    pub(crate) wrote: Vec<(Wrote, RowSet)>,
    pub(crate) rules: Option<AppliedRules>,
}

/// What a stage wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrote {
    /// A field that it declared, by its number.
    Field(u32),
    /// Rows of a context were dropped.
    Dropped(&'static str),
}

/// How a stage's call ended. A fault is named by its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepResult {
    /// It answered.
    Answered,
    /// The spans went on without it.
    Passed(&'static str),
    /// They were dropped, as `on_error` asks for.
    Dropped(&'static str),
    /// They were dropped since they would fail again, and there was nobody to tell.
    Lost(&'static str),
    /// The sender was told, who may send them again.
    Refused(&'static str),
}

/// By which rules a plugin answered, by the order of what it was shown.
#[derive(Debug)]
pub(crate) struct AppliedRules {
    rules: Box<[Box<str>]>,
    numbers: Box<[u16]>,
}

/// What a plugin, or the host in its place, decided on held traces.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) stage: Arc<StageName>,
    pub(crate) traces: Vec<(u128, Decision)>,
    pub(crate) rules: Option<AppliedRules>,
    /// Why the host decided, if it did.
    pub(crate) by_host: Option<&'static str>,
}

/// What becomes of a held trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It goes on.
    Release,
    /// It is dropped.
    Drop,
}

impl Record {
    /// A part of a batch that came to the end of a chain. `handover` will say where it goes; `None`: nowhere.
    pub(crate) fn run(
        at_unix_nano: u64,
        pipeline: &Arc<str>,
        run: PartRun,
        handover: Option<&Handover>,
    ) -> Self {
        Record {
            at_unix_nano,
            pipeline: Arc::clone(pipeline),
            noted: Noted::Run(run, handover.map(Handover::destination)),
        }
    }

    /// What was decided.
    pub(crate) fn decided(at_unix_nano: u64, pipeline: &Arc<str>, decided: Decided) -> Self {
        Record {
            at_unix_nano,
            pipeline: Arc::clone(pipeline),
            noted: Noted::Decided(decided),
        }
    }

    /// When it was noted, ns since 1970.
    pub(super) fn at_unix_nano(&self) -> u64 {
        self.at_unix_nano
    }

    /// About what it takes.
    pub(super) fn memory_bytes(&self) -> usize {
        let noted = match &self.noted {
            Noted::Run(run, _) => run.memory_bytes(),
            Noted::Decided(decided) => {
                size_of_val(decided.traces.as_slice()) + rules_bytes(decided.rules.as_ref())
            }
        };
        // With its count, its place in the list, and the destination that it shares with the other parts.
        size_of::<Record>() + 96 + noted
    }

    /// Whether it is about a trace.
    pub(super) fn has_trace(&self, trace_id: u128) -> bool {
        match &self.noted {
            Noted::Run(run, _) => run.spans.traces.contains(&trace_id),
            Noted::Decided(decided) => decided.traces.iter().any(|(of, _)| *of == trace_id),
        }
    }
}

impl PartRun {
    /// Of these spans.
    pub(crate) fn of(ids: ItemIds<'_>) -> Self {
        let (words, _) = ids.trace_ids.as_chunks::<2>();
        let (mut traces, mut ends) = (Vec::new(), Vec::new());
        for (row, [high, low]) in (1u32..).zip(words) {
            let id = u128::from(*high) << 64 | u128::from(*low);
            match ends.last_mut() {
                Some(end) if traces.last() == Some(&id) => *end = row,
                _ => {
                    traces.push(id);
                    ends.push(row);
                }
            }
        }
        PartRun {
            spans: Spans {
                traces: traces.into(),
                ends: ends.into(),
                span_ids: ids.span_ids.into(),
            },
            steps: Vec::new(),
            is_continued: false,
        }
    }

    /// What was noted so far; what follows is noted of the same spans in another order.
    pub(crate) fn continued(self) -> Self {
        PartRun {
            is_continued: true,
            ..self
        }
    }

    /// Whether the spans come once more.
    pub(crate) fn is_continued(&self) -> bool {
        self.is_continued
    }

    /// Adds what the next stage did.
    pub(crate) fn push(&mut self, step: Step) {
        self.steps.push(step);
    }

    fn memory_bytes(&self) -> usize {
        let steps = self.steps.iter().map(Step::memory_bytes);
        size_of_val(&*self.spans.traces)
            + size_of_val(&*self.spans.ends)
            + size_of_val(&*self.spans.span_ids)
            + steps.sum::<usize>()
    }
}

impl Spans {
    /// The rows of a trace, and their span ids.
    pub(super) fn of_trace(&self, trace_id: u128) -> impl Iterator<Item = (u32, u64)> {
        let mut begin = 0;
        let runs = self.traces.iter().zip(&self.ends).map(move |(id, end)| {
            let rows = std::mem::replace(&mut begin, *end)..*end;
            (*id, rows)
        });
        runs.filter(move |(id, _)| *id == trace_id)
            .flat_map(|(_, rows)| rows)
            .filter_map(|row| Some((row, *self.span_ids.get(row as usize)?)))
    }
}

impl Step {
    /// One without effect on the spans: all of them go on.
    pub(crate) fn new(stage: &Arc<StageName>, result: StepResult) -> Self {
        Step {
            stage: Arc::clone(stage),
            result,
            left: None,
            held: None,
            wrote: Vec::new(),
            rules: None,
        }
    }

    fn memory_bytes(&self) -> usize {
        let sets = self.left.iter().chain(&self.held);
        let sets = sets.chain(self.wrote.iter().map(|(_, rows)| rows));
        size_of::<Step>()
            + sets.map(RowSet::memory_bytes).sum::<usize>()
            + size_of_val(self.wrote.as_slice())
            + rules_bytes(self.rules.as_ref())
    }
}

fn rules_bytes(rules: Option<&AppliedRules>) -> usize {
    let Some(AppliedRules { rules, numbers }) = rules else {
        return 0;
    };
    let texts: usize = rules.iter().map(|rule| rule.len()).sum();
    size_of_val(&**rules) + texts + size_of_val(&**numbers)
}

impl AppliedRules {
    /// What a plugin said; `None` if it said nothing.
    pub(crate) fn of(given: spanmill_runtime::AppliedRules) -> Option<Self> {
        let spanmill_runtime::AppliedRules { rules, of_each } = given;
        if !of_each.iter().any(|number| *number != u32::MAX) {
            return None;
        }
        let number = |number: &u32| u16::try_from(*number).unwrap_or(u16::MAX);
        let numbers: Vec<u16> = of_each.iter().map(number).collect();
        Some(AppliedRules {
            rules: rules.into_iter().map(String::into_boxed_str).collect(),
            numbers: match numbers.first() {
                // One for all of them.
                Some(first) if numbers.iter().all(|number| number == first) => [*first].into(),
                _ => numbers.into(),
            },
        })
    }

    /// The rule of what it was shown in this place.
    pub(super) fn of_place(&self, place: usize) -> Option<&str> {
        let number = match &*self.numbers {
            [all] => all,
            numbers => numbers.get(place)?,
        };
        self.rules.get(usize::from(*number)).map(|rule| &**rule)
    }
}
