//! `spanmill explain`: what became of each span of a recent trace.

use spanmill_admin::{SpanReport, SpanStep, StepKind, TraceReport};

use super::admin;
use super::admin::AdminArgs;
use super::output::{Failure, say};
use super::table::aligned;

pub(super) fn trace(admin: &AdminArgs, trace_id: &str, json: bool) -> Result<(), Failure> {
    let client = admin::client(admin)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(client.trace(trace_id))?;
    match json {
        true => say(serde_json::to_string_pretty(&report)?),
        false => lines(&report).iter().for_each(say),
    }
    Ok(())
}

/// Span ids that stand in one line; more are counted.
const IDS: usize = 8;
/// Digits of a version's hash.
const HASH: usize = 12;

fn lines(report: &TraceReport) -> Vec<String> {
    let spans = report.spans.len() as u64 + report.spans_left_out;
    let mut lines = vec![format!(
        "trace {}, {}; what came before {} may be forgotten",
        report.trace_id,
        counted(spans, "span"),
        report.since
    )];
    if report.spans_left_out > 0 {
        lines.push(format!(
            "{} are not shown",
            counted(report.spans_left_out, "span")
        ));
    }
    // Spans that went the same way are told of once.
    let mut ways: Vec<Vec<&SpanReport>> = Vec::new();
    for span in &report.spans {
        let same = |way: &&mut Vec<&SpanReport>| {
            way.first().is_some_and(|first| first.steps == span.steps)
        };
        match ways.iter_mut().find(same) {
            Some(way) => way.push(span),
            None => ways.push(vec![span]),
        }
    }
    for way in ways {
        lines.push(String::new());
        lines.push(heading(&way));
        let steps = way.first().map_or(&[][..], |span| &span.steps);
        let rows: Vec<Vec<String>> = steps.iter().map(row).collect();
        lines.extend(
            aligned(&rows, 5)
                .into_iter()
                .map(|line| format!("  {line}")),
        );
    }
    lines
}

fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

fn heading(way: &[&SpanReport]) -> String {
    let ids = way.iter().take(IDS).map(|span| span.span_id.as_str());
    let mut ids = ids.collect::<Vec<_>>().join(", ");
    if way.len() > IDS {
        ids.push_str(&format!(" and {} more", way.len() - IDS));
    }
    match way.len() {
        1 => format!("span {ids}"),
        many => format!("{many} spans: {ids}"),
    }
}

fn row(step: &SpanStep) -> Vec<String> {
    let version = step.version.as_deref().unwrap_or("-");
    vec![
        step.time.clone(),
        step.pipeline.clone(),
        step.component.clone().unwrap_or_else(|| "-".to_owned()),
        version.get(..HASH).unwrap_or(version).to_owned(),
        what(step),
    ]
}

/// What was done, in words.
fn what(step: &SpanStep) -> String {
    let reason = step.reason.as_deref();
    let by_rule = |what: &str| match reason {
        Some(rule) => format!("{what}: {rule}"),
        None => what.to_owned(),
    };
    let after_fault =
        |what: &str| format!("{what} after a fault ({})", reason.unwrap_or("unknown"));
    match step.kind {
        StepKind::Kept => by_rule("kept"),
        StepKind::Changed => {
            let changed = format!("changed {}", step.wrote.join(", "));
            by_rule(&changed)
        }
        StepKind::Measured => "measured".to_owned(),
        StepKind::Recorded => "records made of it".to_owned(),
        StepKind::Routed => "routed".to_owned(),
        StepKind::Dropped => by_rule("dropped"),
        StepKind::Held => by_rule("held"),
        StepKind::Released => by_rule("released"),
        StepKind::Passed => after_fault("passed"),
        StepKind::DroppedOnError => after_fault("dropped"),
        StepKind::Lost => after_fault("lost"),
        StepKind::Refused => after_fault("refused to its sender"),
        StepKind::Waiting => "waits to go on".to_owned(),
        StepKind::HandingOver => "is being handed over".to_owned(),
        StepKind::Left if step.to.is_empty() => "left".to_owned(),
        StepKind::Left => format!("left to {}", step.to.join(", ")),
        StepKind::NotTaken => "was not taken by what follows".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(component: Option<&str>, kind: StepKind, reason: Option<&str>) -> SpanStep {
        SpanStep {
            time: "2026-11-21T03:44:47.123Z".to_owned(),
            pipeline: "traces".to_owned(),
            component: component.map(str::to_owned),
            version: component.map(|_| "9f86d081884c7d659a2f".to_owned()),
            kind,
            reason: reason.map(str::to_owned),
            wrote: vec!["span.name".to_owned()],
            to: vec!["otlp".to_owned(), "debug".to_owned()],
        }
    }

    #[test]
    fn spans_that_went_the_same_way_are_told_of_once() {
        let kept = vec![
            step(Some("attributes"), StepKind::Changed, None),
            step(None, StepKind::Left, None),
        ];
        let dropped = vec![step(
            Some("filter/health"),
            StepKind::Dropped,
            Some("span 0"),
        )];
        let span = |number: u64, steps: &[SpanStep]| SpanReport {
            span_id: format!("{number:016x}"),
            steps: steps.to_vec(),
        };
        let report = TraceReport {
            trace_id: "7".repeat(32),
            since: "2026-11-21T03:44:00.000Z".to_owned(),
            spans: vec![span(1, &kept), span(2, &dropped), span(3, &kept)],
            spans_left_out: 0,
        };
        assert_eq!(
            lines(&report),
            [
                "trace 77777777777777777777777777777777, 3 spans; what came before 2026-11-21T03:44:00.000Z may be forgotten",
                "",
                "2 spans: 0000000000000001, 0000000000000003",
                "  2026-11-21T03:44:47.123Z  traces  attributes  9f86d081884c  changed span.name",
                "  2026-11-21T03:44:47.123Z  traces  -           -             left to otlp, debug",
                "",
                "span 0000000000000002",
                "  2026-11-21T03:44:47.123Z  traces  filter/health  9f86d081884c  dropped: span 0",
            ]
        );
    }

    #[test]
    fn every_kind_of_step_reads_as_a_sentence_and_names_its_fault() {
        for (kind, expected) in [
            (StepKind::Passed, "passed after a fault (trap)"),
            (StepKind::DroppedOnError, "dropped after a fault (trap)"),
            (StepKind::Lost, "lost after a fault (trap)"),
            (
                StepKind::Refused,
                "refused to its sender after a fault (trap)",
            ),
            (StepKind::Held, "held: trap"),
            (StepKind::Routed, "routed"),
        ] {
            assert_eq!(what(&step(Some("filter"), kind, Some("trap"))), expected);
        }
    }
}
