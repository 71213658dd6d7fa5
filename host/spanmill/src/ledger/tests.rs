use std::sync::Arc;

use spanmill_admin::{SpanStep, StepKind};
use spanmill_otlp::{ItemIds, RowSet};

use super::*;

/// Ids of spans: each with the number of its trace.
fn run(spans: &[(u64, u64)]) -> PartRun {
    let trace_ids: Vec<u64> = spans.iter().flat_map(|(trace, _)| [0, *trace]).collect();
    let span_ids: Vec<u64> = spans.iter().map(|(_, span)| *span).collect();
    PartRun::of(ItemIds {
        trace_ids: &trace_ids,
        span_ids: &span_ids,
    })
}

fn stage(component: &str) -> Arc<StageName> {
    Arc::new(StageName {
        component: component.to_owned(),
        hash: "abc".into(),
        kind: StepKind::Kept,
        writes: ["span.name".to_owned(), "span.attributes".to_owned()].into(),
    })
}

fn rows(rows: &[bool]) -> RowSet {
    rows.iter().copied().collect()
}

fn rules(rules: &[&str], of_each: &[u32]) -> Option<AppliedRules> {
    AppliedRules::of(spanmill_runtime::AppliedRules {
        rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
        of_each: of_each.to_vec(),
    })
}

fn pipeline() -> Arc<str> {
    "traces".into()
}

/// Kind, reason and what was written of each step of a span.
fn told(ledger: &Ledger, trace: u128, span: u64) -> Vec<(StepKind, Option<String>, Vec<String>)> {
    let report = ledger.trace(trace).expect("the trace is known");
    let span_id = format!("{span:016x}");
    let span = report
        .spans
        .into_iter()
        .find(|span| span.span_id == span_id);
    let told = |step: SpanStep| (step.kind, step.reason, step.wrote);
    let steps = span.expect("the span is known").steps;
    steps.into_iter().map(told).collect()
}

fn step(kind: StepKind, reason: Option<&str>) -> (StepKind, Option<String>, Vec<String>) {
    (kind, reason.map(str::to_owned), Vec::new())
}

#[test]
fn each_span_is_followed_by_its_own_row_and_rule() {
    let ledger = Ledger::new(1 << 20, 5);
    let mut part = run(&[(1, 10), (1, 11), (2, 20), (1, 12)]);
    let mut filter = Step::new(&stage("filter"), StepResult::Answered);
    filter.left = Some(rows(&[true, false, true, true]));
    filter.rules = rules(&["span 0"], &[u32::MAX, 0, u32::MAX, u32::MAX]);
    part.push(filter);
    // It is shown three rows: those with the numbers 0, 2 and 3.
    let mut sampler = Step::new(&stage("sampler"), StepResult::Answered);
    sampler.left = Some(rows(&[true, false, false, false]));
    sampler.held = Some(rows(&[false, false, false, true]));
    sampler.wrote = vec![(Wrote::Field(1), rows(&[true, false, false, false]))];
    sampler.rules = rules(&["a", "b"], &[1, 0, u32::MAX]);
    part.push(sampler);
    let handover = Handover::default();
    ledger.note(Record::run(7, &pipeline(), part, Some(&handover)));
    handover.went_to(vec!["otlp".to_owned()]);

    let kept = step(StepKind::Kept, None);
    let changed = (
        StepKind::Changed,
        Some("b".to_owned()),
        vec!["span.attributes".to_owned()],
    );
    let left = step(StepKind::Left, None);
    assert_eq!(told(&ledger, 1, 10), [kept.clone(), changed, left]);
    assert_eq!(
        told(&ledger, 1, 11),
        [step(StepKind::Dropped, Some("span 0"))]
    );
    assert_eq!(
        told(&ledger, 1, 12),
        [kept.clone(), step(StepKind::Held, None)]
    );
    assert_eq!(
        told(&ledger, 2, 20),
        [kept, step(StepKind::Dropped, Some("a"))]
    );
    assert!(ledger.trace(3).is_none());
}

#[test]
fn a_decision_is_told_of_spans_that_its_component_holds_and_of_no_others() {
    let ledger = Ledger::new(1 << 20, 5);
    let mut part = run(&[(1, 10), (1, 11)]);
    let mut sampler = Step::new(&stage("sampler"), StepResult::Answered);
    sampler.left = Some(rows(&[false, false]));
    sampler.held = Some(rows(&[true, false]));
    part.push(sampler);
    ledger.note(Record::run(7, &pipeline(), part, None));
    let decided = |component, rule| Decided {
        stage: stage(component),
        traces: vec![(9, Decision::Drop), (1, Decision::Release)],
        rules: rules(&["other", rule], &[0, 1]),
        by_host: None,
    };
    ledger.note(Record::decided(8, &pipeline(), decided("another", "no")));
    ledger.note(Record::decided(
        8,
        &"traces/b".into(),
        decided("sampler", "no"),
    ));
    ledger.note(Record::decided(
        9,
        &pipeline(),
        decided("sampler", "errors"),
    ));
    let held = step(StepKind::Held, None);
    let released = step(StepKind::Released, Some("errors"));
    assert_eq!(told(&ledger, 1, 10), [held, released]);
    assert_eq!(told(&ledger, 1, 11), [step(StepKind::Dropped, None)]);
}

#[test]
fn what_waits_in_a_joint_is_told_until_it_is_met_behind_it() {
    let ledger = Ledger::new(1 << 20, 5);
    let handover = Handover::default();
    ledger.note(Record::run(
        7,
        &pipeline(),
        run(&[(1, 10)]),
        Some(&handover),
    ));
    assert_eq!(told(&ledger, 1, 10), [step(StepKind::HandingOver, None)]);
    handover.went_onward();
    assert_eq!(told(&ledger, 1, 10), [step(StepKind::Waiting, None)]);
    let behind = Handover::default();
    ledger.note(Record::run(8, &pipeline(), run(&[(1, 10)]), Some(&behind)));
    drop(behind);
    // Nobody had said that it was taken.
    assert_eq!(told(&ledger, 1, 10), [step(StepKind::NotTaken, None)]);
}

#[test]
fn the_oldest_is_forgotten_and_no_more_memory_is_taken_than_there_is() {
    let bytes: u64 = 256 * 1024;
    let ledger = Ledger::new(bytes, 5);
    assert_eq!(ledger.since_unix_nano(), 5);
    for number in 1..=2_000u64 {
        let spans: Vec<(u64, u64)> = (0..50).map(|span| (number, span)).collect();
        ledger.note(Record::run(100 + number, &pipeline(), run(&spans), None));
        let taken: usize = ledger.shards.iter().map(|shard| lock(shard).bytes).sum();
        assert!(taken as u64 <= bytes, "{taken} bytes after {number}");
    }
    assert!(ledger.trace(1).is_none() && ledger.trace(2_000).is_some());
    // Whatever came later than it says is there.
    let since = ledger.since_unix_nano();
    assert!(since > 100, "{since}");
    assert!((since - 99..=2_000).all(|number| ledger.trace(u128::from(number)).is_some()));
    // One that is larger than a shard may be is not kept either.
    let huge: Vec<(u64, u64)> = (0..100_000).map(|span| (9_999, span)).collect();
    ledger.note(Record::run(5_000, &pipeline(), run(&huge), None));
    assert!(ledger.trace(9_999).is_none());
    let taken: usize = ledger.shards.iter().map(|shard| lock(shard).bytes).sum();
    assert!(taken as u64 <= bytes, "{taken} bytes");
}

#[test]
fn more_spans_than_a_report_has_room_for_are_counted() {
    let ledger = Ledger::new(64 << 20, 5);
    let spans: Vec<(u64, u64)> = (0..10_007).map(|span| (1, span)).collect();
    for _ in 0..2 {
        let mut part = run(&spans);
        part.push(Step::new(&stage("filter"), StepResult::Passed("trap")));
        ledger.note(Record::run(7, &pipeline(), part, None));
    }
    let report = ledger.trace(1).expect("it is known");
    assert_eq!((report.spans.len(), report.spans_left_out), (10_000, 7));
    let passed = step(StepKind::Passed, Some("trap"));
    assert_eq!(told(&ledger, 1, 3), [passed.clone(), passed]);
}
