//! What two answers to the same batch come to: not whether they are written alike.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use spanmill_otlp::{Outcome, OutcomeError, Workspace};

use super::report::Difference;
use crate::metrics::Measured;
use crate::pipeline::chain::ConnectorPiece;

/// Trace ids that are kept of one batch.
const SAMPLES: usize = 5;

/// Compares a processor's outcome with its shadow's. Each comes with its stage, and both are for the batch in
/// `workspace`, which the shadow has been shown. Fails if the shadow's breaks the contract.
pub(super) fn outcomes(
    workspace: &Workspace,
    live: (usize, &Outcome),
    shadow: (usize, &Outcome),
) -> Result<Difference, OutcomeError> {
    let shadow = applied(workspace, shadow)?;
    // It was applied once; if it cannot be now, there is nothing to compare with.
    let Ok(live) = applied(workspace, live) else {
        return Ok(Difference::default());
    };
    Ok(compare(live, shadow))
}

/// Compares what two connectors give to other pipelines.
pub(super) fn pieces(live: &[ConnectorPiece], shadow: &[ConnectorPiece]) -> Difference {
    let same =
        live.len() == shadow.len() && live.iter().zip(shadow).all(|(live, shadow)| live == shadow);
    Difference {
        edits: u64::from(!same),
        ..Difference::default()
    }
}

/// What is left of a batch: the row that each span had, and the spans.
struct Left {
    rows: Vec<u32>,
    request: ExportTraceServiceRequest,
    before: Vec<Vec<u8>>,
}

fn applied(
    workspace: &Workspace,
    (stage, outcome): (usize, &Outcome),
) -> Result<Left, OutcomeError> {
    let mut workspace = workspace.clone();
    let before = trace_ids(&mut workspace.clone());
    // An outcome is checked against what its stage was shown last.
    let _ = workspace.view(stage);
    workspace.apply_noting(stage, outcome, None)?;
    let rows = workspace.item_rows();
    let rows = workspace.regroup()?.unwrap_or(rows);
    let spliced = workspace.splice();
    Ok(Left {
        rows,
        request: ExportTraceServiceRequest::decode(spliced.bytes).unwrap_or_default(),
        before,
    })
}

/// The trace id of every row.
fn trace_ids(workspace: &mut Workspace) -> Vec<Vec<u8>> {
    let rows = workspace.item_rows();
    let request = ExportTraceServiceRequest::decode(workspace.splice().bytes).unwrap_or_default();
    let mut ids = Vec::new();
    for (row, (_, _, span)) in rows.into_iter().zip(spans(&request)) {
        ids.resize(row as usize, Vec::new());
        ids.push(span.trace_id.clone());
    }
    ids
}

type Found<'a> = (
    Option<&'a Resource>,
    Option<&'a InstrumentationScope>,
    &'a Span,
);

fn spans(request: &ExportTraceServiceRequest) -> impl Iterator<Item = Found<'_>> {
    request.resource_spans.iter().flat_map(|resource| {
        resource.scope_spans.iter().flat_map(|scope| {
            let found = |span| (resource.resource.as_ref(), scope.scope.as_ref(), span);
            scope.spans.iter().map(found)
        })
    })
}

/// The spans that are left, by the rows that they had.
fn by_row(left: &Left) -> Vec<(u32, Found<'_>)> {
    let rows = left.rows.iter().copied();
    let mut found: Vec<_> = rows.zip(spans(&left.request)).collect();
    found.sort_by_key(|(row, _)| *row);
    found
}

fn compare(live: Left, shadow: Left) -> Difference {
    let mut difference = Difference::default();
    let mut differs = |row: u32| {
        // Only ids as the specification has them lead anywhere.
        if let Some(id) = live.before.get(row as usize).filter(|id| id.len() == 16)
            && difference.trace_ids.len() < SAMPLES
        {
            difference.trace_ids.push(id.clone());
        }
    };
    let (ours, theirs) = (by_row(&live), by_row(&shadow));
    let mut ours = ours.iter().map(|(row, found)| (row, *found)).peekable();
    let mut theirs = theirs.iter().map(|(row, found)| (row, *found)).peekable();
    let (mut verdicts, mut edits) = (0, 0);
    loop {
        match (ours.peek(), theirs.peek()) {
            (Some((row, one)), Some((other_row, other))) if row == other_row => {
                if one != other {
                    edits += 1;
                    differs(**row);
                }
                ours.next();
                theirs.next();
            }
            (Some((row, _)), Some((other_row, _))) => {
                verdicts += 1;
                if row < other_row {
                    differs(**row);
                    ours.next();
                } else {
                    differs(**other_row);
                    theirs.next();
                }
            }
            (Some((row, _)), None) => {
                verdicts += 1;
                differs(**row);
                ours.next();
            }
            (None, Some((row, _))) => {
                verdicts += 1;
                differs(**row);
                theirs.next();
            }
            (None, None) => break,
        }
    }
    difference.verdicts = verdicts;
    difference.edits = edits;
    difference
}

/// Compares what a connector measured with what its shadow did, series by series.
pub(super) fn measured(live: &Measured, shadow: &Measured) -> Difference {
    let (ours, theirs) = (live.summary(), shadow.summary());
    let differ = |one: &(u64, f64), other: Option<&(u64, f64)>| {
        // Sums may be added up in another order.
        other.is_none_or(|other| {
            one.0 != other.0 || (one.1 - other.1).abs() > one.1.abs().max(other.1.abs()) * 1e-9
        })
    };
    let ours_differ = ours
        .iter()
        .filter(|(series, sum)| differ(sum, theirs.get(*series)));
    let only_theirs = theirs.keys().filter(|series| !ours.contains_key(*series));
    Difference {
        measurements: (ours_differ.count() + only_theirs.count()) as u64,
        ..Difference::default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
    use spanmill_otlp::{
        ABSENT, CellColumn, Context, Groups, Projection, Request, Signal, StageContract, Verdicts,
    };

    use super::*;

    /// A batch of three spans, shown to two stages that may write resources.
    fn workspace() -> Workspace {
        let span = |number: u8| Span {
            trace_id: vec![number; 16],
            span_id: vec![number; 8],
            ..Span::default()
        };
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                scope_spans: vec![ScopeSpans {
                    spans: vec![span(1), span(2), span(3)],
                    ..ScopeSpans::default()
                }],
                ..ResourceSpans::default()
            }],
        };
        let contract = StageContract::parse(&[], &["resource.attributes".to_owned()]).unwrap();
        let projection = Projection::new(vec![contract.clone(), contract], &[]).unwrap();
        let mut workspace = Workspace::new(Arc::new(projection));
        let bytes = request.encode_to_vec().into();
        let request = Request::parse(Signal::Traces, bytes).unwrap();
        workspace.load(request, 1).unwrap();
        workspace.view(1).unwrap();
        workspace
    }

    /// Puts spans into two groups, and drops some.
    fn outcome(of_each: [u32; 3], dropped: [u8; 3]) -> Outcome {
        let mut outcome = Outcome::default();
        outcome.verdicts.push(Verdicts {
            context: Context::Span,
            rows: dropped.to_vec(),
        });
        let mut groups = Groups {
            of_each: of_each.to_vec(),
            ends: vec![1, 2],
            keys: vec![0, 0],
            values: CellColumn {
                kinds: vec![3, 3],
                bits: vec![7, 8],
            },
            ..Groups::default()
        };
        groups.texts.ends = vec![1];
        groups.texts.bytes = b"k".to_vec();
        outcome.groups = Some(Box::new(groups));
        outcome
    }

    #[test]
    fn spans_are_compared_wherever_they_have_gone() {
        let live = outcome([1, 0, 1], [0, 0, 0]);
        for (shadow, verdicts, edits) in [
            (outcome([1, 0, 1], [0, 0, 0]), 0, 0),
            (outcome([1, 0, ABSENT], [0, 0, 0]), 0, 1),
            (outcome([0, 1, 0], [0, 0, 0]), 0, 3),
            (outcome([1, 0, 1], [0, 1, 0]), 1, 0),
            (outcome([0, 0, 1], [0, 1, 0]), 1, 1),
        ] {
            let difference = outcomes(&workspace(), (0, &live), (1, &shadow)).unwrap();
            assert_eq!((difference.verdicts, difference.edits), (verdicts, edits));
        }
    }
}
