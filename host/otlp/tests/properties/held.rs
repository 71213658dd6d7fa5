//! Rows that are held, and rows that are cut by trace: none is lost, none changed, and each trace goes one way.

use std::collections::BTreeMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::prelude::*;
use prost::Message;
use spanmill_otlp::{
    Assembly, CellColumn, Context, Outcome, OutcomeError, Pool, Projection, Request, Signal,
    StageContract, Verdicts, Workspace, Write, shard_of,
};

use super::{log_requests, requests};

fn workspace(contract: StageContract) -> Workspace {
    Workspace::new(Arc::new(Projection::new(vec![contract], &[]).unwrap()))
}

fn contract() -> StageContract {
    let writes = [r#"resource.attributes["held"]"#.to_owned()];
    StageContract::parse(&[], &writes).unwrap().holding()
}

fn verdicts(context: Context, rows: Vec<u8>) -> Outcome {
    Outcome {
        verdicts: vec![Verdicts { context, rows }],
        ..Outcome::default()
    }
}

/// Marks every resource.
fn marked(mut outcome: Outcome, pool_len: u32) -> Outcome {
    outcome.texts = Pool {
        ends: vec![3],
        bytes: b"yes".to_vec(),
    };
    outcome.writes.push(Write {
        field: 0,
        rows: Vec::new(),
        values: CellColumn {
            kinds: vec![1],
            bits: vec![u64::from(pool_len)],
        },
    });
    outcome
}

/// Each item of a request with its trace id, encoded, and with what is around it.
fn items(request: &Request) -> Vec<(u128, Vec<u8>)> {
    let item = |row: spanmill_otlp::Row<'_>| {
        let mut bytes = Vec::new();
        request.resource_fields(row.resource, &mut bytes);
        request.scope_fields(row.scope, &mut bytes);
        bytes.extend_from_slice(row.bytes);
        (row.trace_id, bytes)
    };
    request.rows().map(item).collect()
}

fn trace_ids(bytes: &[u8]) -> Vec<u128> {
    let id = |id: &Vec<u8>| <[u8; 16]>::try_from(id.as_slice()).map_or(0, u128::from_be_bytes);
    let decoded = ExportTraceServiceRequest::decode(bytes).unwrap();
    let scopes = decoded.resource_spans.iter().flat_map(|it| &it.scope_spans);
    scopes
        .flat_map(|it| &it.spans)
        .map(|it| id(&it.trace_id))
        .collect()
}

proptest! {
    #[test]
    fn shards_hold_every_row_once(request in requests::requests(), shards in 1usize..6) {
        let request = Request::parse(Signal::Traces, request.encode_to_vec().into()).unwrap();
        let expected = trace_ids(request.bytes());
        prop_assert_eq!(request.rows().map(|row| row.trace_id).collect::<Vec<_>>(), expected);
        check_shards(&request, shards)?;
    }

    #[test]
    fn shards_hold_every_log_record_once(request in log_requests::requests(), shards in 1usize..6) {
        let request = Request::parse(Signal::Logs, request.encode_to_vec().into()).unwrap();
        check_shards(&request, shards)?;
    }

    #[test]
    fn what_is_held_leaves_as_edited_and_the_rest_goes_on(
        request in requests::requests(),
        verdict in proptest::collection::vec(0u8..3, 0..40),
        is_marked: bool,
    ) {
        let request = Request::parse(Signal::Traces, request.encode_to_vec().into()).unwrap();
        let ids = trace_ids(request.bytes());
        let rows: Vec<u8> = ids
            .iter()
            .enumerate()
            .map(|(row, id)| match verdict.get(row) {
                Some(2) if *id == 0 => 0,
                verdict => verdict.copied().unwrap_or(0),
            })
            .collect();
        let mut workspace = workspace(contract());
        workspace.load(request.clone(), 1).unwrap();
        workspace.view(0).unwrap();
        let mut outcome = verdicts(Context::Span, rows.clone());
        if is_marked {
            outcome = marked(outcome, workspace.pool_len(0));
        }
        let applied = workspace.apply(0, &outcome).unwrap();
        let count = |wanted: u8| rows.iter().filter(|verdict| **verdict == wanted).count();
        prop_assert_eq!(applied.dropped_items, count(1));
        prop_assert_eq!(applied.held_items, count(2));
        let held = workspace.held();
        prop_assert_eq!(held.is_some(), count(2) > 0);
        let left = workspace.splice();
        let ids_of = |wanted: u8| {
            let of = ids.iter().zip(&rows).filter(|(_, verdict)| **verdict == wanted);
            of.map(|(id, _)| *id).collect::<Vec<_>>()
        };
        prop_assert_eq!(trace_ids(&left.bytes), ids_of(0));
        let Some(held) = held else { return Ok(()) };
        prop_assert_eq!(trace_ids(held.bytes()), ids_of(2));
        // Put together again, it is the same.
        let mut assembly = Assembly::new(Signal::Traces);
        let mut last = (None, None);
        let mut fields = Vec::new();
        for row in held.rows() {
            if last.0.replace(row.resource) != Some(row.resource) {
                fields.clear();
                held.resource_fields(row.resource, &mut fields);
                assembly.begin_resource(&fields);
                last.1 = None;
            }
            if last.1.replace(row.scope) != Some(row.scope) {
                fields.clear();
                held.scope_fields(row.scope, &mut fields);
                assembly.begin_scope(&fields);
            }
            assembly.item(row.bytes);
        }
        let again = ExportTraceServiceRequest::decode(assembly.finish().bytes).unwrap();
        let mut decoded = ExportTraceServiceRequest::decode(held.bytes().clone()).unwrap();
        // One that was empty before stays with what goes on.
        decoded.resource_spans.retain_mut(|it| {
            it.scope_spans.retain(|it| !it.spans.is_empty());
            !it.scope_spans.is_empty()
        });
        if is_marked {
            for it in &decoded.resource_spans {
                let attributes = &it.resource.as_ref().unwrap().attributes;
                prop_assert!(attributes.iter().any(|it| it.key == "held"));
            }
        }
        prop_assert_eq!(again, decoded);
    }
}

fn check_shards(request: &Request, shards: usize) -> Result<(), TestCaseError> {
    let parts = request.split_by_trace(shards);
    prop_assert_eq!(parts.len(), shards);
    let mut found: BTreeMap<(u128, Vec<u8>), usize> = BTreeMap::new();
    for (shard, part) in parts.iter().enumerate() {
        let part_request = Request::parse(request.signal(), part.bytes.clone()).unwrap();
        prop_assert_eq!(part_request.item_count(), part.items);
        for (id, bytes) in items(&part_request) {
            let own = if id == 0 { 0 } else { shard_of(id, shards) };
            prop_assert_eq!(own, shard);
            *found.entry((id, bytes)).or_default() += 1;
        }
    }
    let mut expected: BTreeMap<(u128, Vec<u8>), usize> = BTreeMap::new();
    for item in items(request) {
        *expected.entry(item).or_default() += 1;
    }
    prop_assert_eq!(found, expected);
    Ok(())
}

#[test]
fn a_request_of_one_trace_is_not_copied() {
    let bytes = ExportLogsServiceRequest::default().encode_to_vec();
    let request = Request::parse(Signal::Logs, bytes.into()).unwrap();
    let parts = request.split_by_trace(4);
    assert_eq!(parts[0].bytes.as_ptr(), request.bytes().as_ptr());
    assert!(parts[1..].iter().all(|part| part.items == 0));
}

#[test]
fn only_what_has_a_trace_is_held_and_only_by_those_who_may() {
    // A span with a trace id and one without.
    let mut assembly = Assembly::new(Signal::Traces);
    let mut span = vec![0x0a, 16];
    span.extend([7; 16]);
    assembly.item(&span);
    assembly.item(&[]);
    let bytes = assembly.finish().bytes;
    let hold = |contract: StageContract, outcome: &Outcome| {
        let mut workspace = workspace(contract);
        let request = Request::parse(Signal::Traces, bytes.clone()).unwrap();
        workspace.load(request, 1).unwrap();
        workspace.view(0).unwrap();
        workspace
            .apply(0, outcome)
            .map(|applied| applied.held_items)
    };
    let first = verdicts(Context::Span, vec![2, 0]);
    assert_eq!(hold(contract(), &first), Ok(1));
    assert_eq!(
        hold(StageContract::default(), &first),
        Err(OutcomeError::Hold)
    );
    assert_eq!(
        hold(contract(), &verdicts(Context::Span, vec![0, 2])),
        Err(OutcomeError::HoldTrace(1))
    );
    assert_eq!(
        hold(contract(), &verdicts(Context::Span, vec![3, 0])),
        Err(OutcomeError::Verdict(3))
    );
    let reads = ["spanevent.name".to_owned()];
    let events = StageContract::parse(&reads, &[]).unwrap().holding();
    assert_eq!(
        hold(events.clone(), &verdicts(Context::SpanEvent, vec![])),
        Ok(0)
    );
}

#[test]
fn an_items_size_is_that_of_its_message_as_it_came() {
    let reads = ["span.encoded_size".to_owned()];
    let mut workspace = workspace(StageContract::parse(&reads, &[]).unwrap());
    let mut assembly = Assembly::new(Signal::Traces);
    assembly.item(&[]);
    assembly.item(&[0x2a, 1, b'a']);
    let mut long = vec![0x2a, 0xc8, 1];
    long.resize(3 + 200, b'a');
    assembly.item(&long);
    let request = Request::parse(Signal::Traces, assembly.finish().bytes).unwrap();
    workspace.load(request, 1).unwrap();
    let view = workspace.view(0).unwrap();
    let spans = view.tables.iter().find(|it| it.context == Context::Span);
    match spans.unwrap().columns.as_slice() {
        [spanmill_otlp::ColumnView::Narrow(sizes)] => assert_eq!(*sizes, [0, 3, 203]),
        columns => panic!("{columns:?}"),
    }
    // Nobody may write it.
    assert!(StageContract::parse(&[], &reads).is_err());
}
