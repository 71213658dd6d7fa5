//! The crate against prost: whatever is done to bytes equals the same done to decoded structs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy frees test functions from these, and not what they call"
)]

mod choices;
mod columns;
mod connect;
mod edits;
mod every_signal;
mod export;
mod grouped;
mod held;
mod log_requests;
mod logs;
mod metric_requests;
mod metrics;
mod requests;
mod seen;
mod senders;
mod verdicts;
mod wire;

use std::sync::Arc;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::span::Link;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use proptest::prelude::*;
use prost::Message;
use spanmill_otlp::{
    Batch, Joined, Outcome, Projection, Request, RowSet, Signal, StageContract, Touched, Workspace,
    Write,
};

use edits::{cells, contract, outcome, plans, reference, text_index};
use export::Export as _;

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_untouched_batch_leaves_as_it_came(request in requests::requests()) {
        let bytes = Bytes::from(request.encode_to_vec());
        let parsed = Request::parse(Signal::Traces, bytes.clone()).unwrap();
        let spans: usize = request.resource_spans.iter().flat_map(|r| &r.scope_spans).map(|s| s.spans.len()).sum();
        prop_assert_eq!(parsed.item_count(), spans);
        let projection = Projection::new(vec![contract()], &Workspace::span_id_paths()).unwrap();
        let mut workspace = Workspace::new(Arc::new(projection));
        workspace.load(parsed, 1).unwrap();
        workspace.view(0).unwrap();
        workspace.apply(0, &Outcome::default()).unwrap();
        let out = workspace.splice();
        prop_assert_eq!(out.bytes, bytes);
        prop_assert_eq!(out.items, spans);
    }

    #[test]
    fn edits_of_bytes_equal_edits_of_structs(request in requests::requests(), plans in prop::collection::vec(plans(), 1..4)) {
        let contracts = plans.iter().map(|_| contract()).collect();
        let projection = Projection::new(contracts, &[]).unwrap();
        let mut workspace = Workspace::new(Arc::new(projection));
        // Two rounds: memory kept from the first batch must not show in the second.
        for _ in 0..2 {
            let mut expected = request.clone();
            workspace.load(Request::parse(Signal::Traces, Bytes::from(request.encode_to_vec())).unwrap(), 1).unwrap();
            for (stage, plan) in plans.iter().enumerate() {
                let view = workspace.view(stage).unwrap();
                let seen = (0..4).map(|n| text_index(&view, &format!("v{n}")).is_some()).collect();
                let outcome = outcome(plan, &view);
                workspace.apply(stage, &outcome).unwrap();
                reference(plan, &mut expected, &seen);
            }
            let out = workspace.splice();
            let decoded = ExportTraceServiceRequest::decode(out.bytes.clone()).unwrap();
            prop_assert_eq!(&decoded, &expected);
            prop_assert!(Request::parse(Signal::Traces, out.bytes).unwrap().item_count() == out.items);
        }
    }

    /// Nothing is edited that is not noted, and what is noted as left or dropped is.
    #[test]
    fn what_an_outcome_does_is_noted_span_by_span(request in requests::requests(), plans in prop::collection::vec(plans(), 1..4)) {
        let contracts = plans.iter().map(|_| contract()).collect();
        let projection = Projection::new(contracts, &Workspace::span_id_paths()).unwrap();
        let mut workspace = Workspace::new(Arc::new(projection));
        workspace.load(Request::parse(Signal::Traces, Bytes::from(request.encode_to_vec())).unwrap(), 1).unwrap();
        let before = request.placed();
        let rows = before.len() as u32;
        let mut noted = RowSet::none(before.len());
        for (stage, plan) in plans.iter().enumerate() {
            let outcome = outcome(plan, &workspace.view(stage).unwrap());
            let alive = workspace.left_items();
            let is_alive = |row| alive.as_ref().is_none_or(|alive| alive.has(row));
            let mut touched = Touched::default();
            workspace.apply_noting(stage, &outcome, Some(&mut touched)).unwrap();
            let fields = touched.writes.iter().map(|(_, rows)| rows);
            for of in fields.chain(touched.dropped_below.iter().map(|(_, rows)| rows)) {
                prop_assert!(!of.is_empty());
                for row in (0..rows).filter(|row| of.has(*row)) {
                    prop_assert!(is_alive(row), "what was dropped before is not edited");
                    noted.insert(row);
                }
            }
        }
        let left = workspace.left_items();
        let is_left = |row: &u32| left.as_ref().is_none_or(|left| left.has(*row));
        let ids = workspace.item_ids().map(|ids| ids.span_ids.len());
        prop_assert_eq!(ids, Some(before.len()));
        let spliced = workspace.splice();
        let after = ExportTraceServiceRequest::decode(spliced.bytes).unwrap().placed();
        let kept: Vec<u32> = (0..rows).filter(is_left).collect();
        prop_assert_eq!(kept.len(), after.len());
        for (row, after) in kept.iter().zip(&after) {
            prop_assert!(noted.has(*row) || before[*row as usize] == *after, "row {row} was edited, and that is not noted");
        }
    }

    #[test]
    fn a_batch_in_parts_is_edited_part_by_part_and_whole_again(
        request in requests::requests(),
        plans in prop::collection::vec(plans(), 0..3),
        about in 1usize..400,
        dropped in prop::collection::vec(any::<bool>(), 1..4),
    ) {
        let bytes = Bytes::from(request.encode_to_vec());
        let contracts = plans.iter().map(|_| contract()).collect();
        let mut workspace = Workspace::new(Arc::new(Projection::new(contracts, &[]).unwrap()));
        let batch = Batch::in_parts(Signal::Traces, bytes.clone(), about).unwrap();
        let joined: Vec<u8> = batch.parts().iter().flat_map(|part| part.bytes().to_vec()).collect();
        prop_assert_eq!(&joined, &bytes);
        let mut out = Joined::new(batch.bytes().clone());
        let mut expected = ExportTraceServiceRequest::default();
        for (part, is_dropped) in batch.parts().iter().zip(dropped.iter().cycle()) {
            let mut edited = ExportTraceServiceRequest::decode(part.bytes().clone()).unwrap();
            workspace.load_next(part, &out, 1).unwrap();
            for (stage, plan) in plans.iter().enumerate() {
                let view = workspace.view(stage).unwrap();
                let seen = (0..4).map(|n| text_index(&view, &format!("v{n}")).is_some()).collect();
                let outcome = outcome(plan, &view);
                workspace.apply(stage, &outcome).unwrap();
                reference(plan, &mut edited, &seen);
            }
            match is_dropped {
                true => out.leave_out(part),
                false => {
                    workspace.splice_onto(&mut out);
                    expected.resource_spans.extend(edited.resource_spans);
                }
            }
        }
        let out = out.finish();
        let decoded = ExportTraceServiceRequest::decode(out.bytes.clone()).unwrap();
        prop_assert_eq!(&decoded, &expected);
        prop_assert_eq!(Request::parse(Signal::Traces, out.bytes.clone()).unwrap().item_count(), out.items);
        if plans.is_empty() && !dropped.contains(&true) {
            // What nobody touched is not even copied.
            prop_assert_eq!(out.bytes.as_ptr(), bytes.as_ptr());
        }
    }
}

#[test]
fn unknown_fields_survive_edits_beside_them() {
    // Field 60 in the request, resource spans, scope spans, span and status: numbers OTLP does not use.
    let unknown = [0xe2, 0x03, 3, b'n', b'e', b'w'];
    let nest = |number: u8, inner: &[u8]| {
        let mut out = vec![number << 3 | 2, inner.len() as u8];
        out.extend_from_slice(inner);
        out
    };
    let join = |parts: &[&[u8]]| parts.concat();
    let status = nest(15, &join(&[&[0x18, 1], &unknown]));
    let span = nest(2, &join(&[&nest(5, b"old"), &status, &unknown]));
    let scope = nest(2, &join(&[&unknown, &span]));
    let bytes = join(&[&nest(1, &join(&[&scope, &unknown])), &unknown]);
    let mut workspace = Workspace::new(Arc::new(Projection::new(vec![contract()], &[]).unwrap()));
    workspace
        .load(
            Request::parse(Signal::Traces, Bytes::from(bytes.clone())).unwrap(),
            1,
        )
        .unwrap();
    workspace.view(0).unwrap();
    let write = |field, value| Write {
        field,
        rows: vec![0],
        values: cells([value]),
    };
    let outcome = Outcome {
        writes: vec![write(0, (0, 0)), write(3, (3, 2))],
        ..Outcome::default()
    };
    workspace.apply(0, &outcome).unwrap();
    let out = workspace.splice().bytes;
    assert_eq!(
        out.windows(unknown.len())
            .filter(|window| *window == unknown)
            .count(),
        5
    );
    let decoded = ExportTraceServiceRequest::decode(out).unwrap();
    let span = &decoded.resource_spans[0].scope_spans[0].spans[0];
    assert_eq!(
        (span.name.as_str(), span.status.as_ref().unwrap().code),
        ("", 2)
    );
}

#[test]
fn a_written_field_stands_where_the_old_one_stood() {
    let mut request = requests::one_span();
    let writes = [
        ("span.name", (0, 0)),
        ("span.kind", (3, 3)),
        ("span.start_time_unix_nano", (3, 7)),
        ("span.end_time_unix_nano", (3, 8)),
        ("span.status.code", (3, 2)),
    ];
    let paths = writes.map(|(path, _)| path.to_owned());
    let contract = StageContract::parse(&[], &paths).unwrap();
    let projection = Projection::new(vec![contract], &[]).unwrap();
    let mut workspace = Workspace::new(Arc::new(projection));
    let bytes = request.encode_to_vec().into();
    workspace
        .load(Request::parse(Signal::Traces, bytes).unwrap(), 1)
        .unwrap();
    workspace.view(0).unwrap();
    let writes = writes.iter().zip(0..).map(|((_, value), field)| Write {
        field,
        rows: vec![0],
        values: cells([*value]),
    });
    let outcome = Outcome {
        writes: writes.collect(),
        ..Outcome::default()
    };
    workspace.apply(0, &outcome).unwrap();
    let span = &mut request.resource_spans[0].scope_spans[0].spans[0];
    span.name.clear();
    (
        span.kind,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
    ) = (3, 7, 8);
    span.status.as_mut().unwrap().code = 2;
    assert_eq!(workspace.splice().bytes, request.encode_to_vec());
}

#[test]
fn ids_have_the_length_that_otlp_gives_them() {
    let parsed = |change: &dyn Fn(&mut Span, Vec<u8>), length: usize| {
        let mut request = requests::one_span();
        let span = &mut request.resource_spans[0].scope_spans[0].spans[0];
        span.links = vec![Link::default()];
        change(span, vec![1; length]);
        Request::parse(Signal::Traces, Bytes::from(request.encode_to_vec()))
    };
    type Change = fn(&mut Span, Vec<u8>);
    let ids: [(usize, Change); 5] = [
        (16, |span, id| span.trace_id = id),
        (8, |span, id| span.span_id = id),
        (8, |span, id| span.parent_span_id = id),
        (16, |span, id| span.links[0].trace_id = id),
        (8, |span, id| span.links[0].span_id = id),
    ];
    for (right, change) in ids {
        for length in [0, 1, 7, 8, 9, 15, 16, 17, 32, 200] {
            let result = parsed(&change, length);
            match length == 0 || length == right {
                true => assert_eq!(result.unwrap().item_count(), 1),
                false => assert!(result.unwrap_err().what.contains("another length")),
            }
        }
    }
}

#[test]
fn a_field_sent_twice_is_cleared_whole() {
    // A decoder takes the last name; once that is cleared, the first must not show through.
    let span = [&[5 << 3 | 2, 6][..], b"secret", &[5 << 3 | 2, 4], b"last"].concat();
    let nest = |number: u8, inner: &[u8]| [&[number << 3 | 2, inner.len() as u8], inner].concat();
    let bytes = nest(1, &nest(2, &nest(2, &span)));
    for (value, expected) in [((0, 0), ""), ((1, 1), "new")] {
        let mut workspace =
            Workspace::new(Arc::new(Projection::new(vec![contract()], &[]).unwrap()));
        let request = Request::parse(Signal::Traces, Bytes::from(bytes.clone())).unwrap();
        workspace.load(request, 1).unwrap();
        let pool = workspace.view(0).unwrap().texts.ends.len() as u64;
        let mut outcome = Outcome::default();
        outcome.texts.bytes = b"new".to_vec();
        outcome.texts.ends = vec![3];
        let value = (value.0, if value.0 == 1 { pool } else { 0 });
        outcome.writes = vec![Write {
            field: 0,
            rows: vec![0],
            values: cells([value]),
        }];
        workspace.apply(0, &outcome).unwrap();
        let out = workspace.splice().bytes;
        let decoded = ExportTraceServiceRequest::decode(out.clone()).unwrap();
        assert_eq!(
            decoded.resource_spans[0].scope_spans[0].spans[0].name,
            expected
        );
        assert!(!out.windows(6).any(|window| window == b"secret"));
    }
}

#[test]
fn parts_end_between_resources_and_none_is_small() {
    let one = requests::one_span().encode_to_vec();
    let spans = |bytes: Vec<u8>, about| -> Vec<usize> {
        let batch = Batch::in_parts(Signal::Traces, Bytes::from(bytes), about).unwrap();
        batch.parts().iter().map(Request::item_count).collect()
    };
    assert_eq!(spans(one.repeat(10), one.len() * 3), [3, 3, 4]);
    assert_eq!(spans(one.repeat(11), one.len() * 3), [3, 3, 3, 2]);
    assert_eq!(spans(one.repeat(4), one.len() * 3), [4]);
    // A resource is never cut, however large.
    assert_eq!(spans(one.repeat(3), one.len() / 2), [1, 1, 1]);
    assert_eq!(spans(Vec::new(), 10), [0]);
}

#[test]
fn what_has_no_spans_goes_with_the_first_part_of_a_split() {
    let mut request = requests::one_span();
    let full = &mut request.resource_spans[0];
    let span = full.scope_spans[0].spans[0].clone();
    full.scope_spans[0].spans = vec![span; 3];
    full.scope_spans.push(ScopeSpans::default());
    request.resource_spans.push(ResourceSpans::default());
    request.resource_spans.push(ResourceSpans {
        scope_spans: vec![ScopeSpans::default()],
        ..ResourceSpans::default()
    });
    let parsed = Request::parse(Signal::Traces, request.encode_to_vec().into()).unwrap();
    let shapes = parsed.split(1).into_iter().map(|part| {
        let decoded = ExportTraceServiceRequest::decode(part.bytes).unwrap();
        let resources = decoded.resource_spans.iter();
        let scopes = resources.map(|resource| resource.scope_spans.len());
        scopes.collect::<Vec<_>>()
    });
    let shapes: Vec<Vec<usize>> = shapes.collect();
    assert_eq!(shapes, [vec![2, 0, 1], vec![1], vec![1]]);
}

#[test]
fn a_request_is_cut_into_many_parts() {
    let mut request = requests::one_span();
    let scope = &mut request.resource_spans[0].scope_spans[0];
    let named = |name: u32| Span {
        name: name.to_string(),
        ..scope.spans[0].clone()
    };
    scope.spans = (0..10_000).map(named).collect();
    request.resource_spans.push(ResourceSpans::default());
    let parsed = Request::parse(Signal::Traces, request.encode_to_vec().into()).unwrap();
    for max in [1, 3, 100, 9_999] {
        let parts = parsed.split(max);
        assert_eq!(parts.len(), 10_000usize.div_ceil(max));
        let mut resources = 0;
        let mut names = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            let decoded = ExportTraceServiceRequest::decode(part.bytes.clone()).unwrap();
            let spans = &decoded.resource_spans[0].scope_spans[0].spans;
            assert_eq!(part.items, spans.len());
            assert_eq!(part.items, max.min(10_000 - number * max));
            names.extend(spans.iter().map(|span| span.name.parse::<u32>().unwrap()));
            resources += decoded.resource_spans.len();
        }
        assert!(names.into_iter().eq(0..10_000));
        assert_eq!(resources, parts.len() + 1);
    }
}
