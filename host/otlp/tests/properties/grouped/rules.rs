//! The rules that groups are held to, and what is kept beside them.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use spanmill_otlp::{
    CellColumn, Context, Groups, Outcome, OutcomeError, Pool, Projection, Request, Signal,
    StageContract, Verdicts, Workspace,
};

use super::contract;
use crate::export::Export;
use crate::requests;

fn loaded() -> Workspace {
    let reader = StageContract::parse(&["span.name".to_owned()], &[]).unwrap();
    let contracts = vec![contract(), reader];
    let mut workspace = Workspace::new(Arc::new(Projection::new(contracts, &[]).unwrap()));
    let bytes = requests::one_span().encode_to_vec();
    workspace
        .load(Request::parse(Signal::Traces, bytes.into()).unwrap(), 1)
        .unwrap();
    workspace.view(0).unwrap();
    workspace.view(1).unwrap();
    workspace
}

fn one_group(workspace: &Workspace) -> Groups {
    Groups {
        of_each: vec![0],
        texts: Pool {
            ends: vec![1],
            bytes: b"k".to_vec(),
        },
        ends: vec![1],
        keys: vec![workspace.pool_len(0)],
        values: CellColumn {
            kinds: vec![3],
            bits: vec![7],
        },
    }
}

fn applied(stage: usize, change: impl FnOnce(&mut Groups)) -> Result<(), OutcomeError> {
    let mut workspace = loaded();
    let mut groups = one_group(&workspace);
    change(&mut groups);
    let outcome = Outcome {
        groups: Some(Box::new(groups)),
        ..Outcome::default()
    };
    workspace.apply(stage, &outcome).map(drop)
}

#[test]
fn groups_that_break_a_rule_are_refused() {
    assert_eq!(applied(0, |_| {}), Ok(()));
    assert_eq!(applied(1, |_| {}), Err(OutcomeError::GroupsUndeclared));
    let group = OutcomeError::Group {
        group: 1,
        groups: 1,
    };
    assert_eq!(applied(0, |it| it.of_each = vec![1]), Err(group));
    assert!(matches!(
        applied(0, |it| it.of_each = vec![0, 0]),
        Err(OutcomeError::Length { .. })
    ));
    assert!(matches!(
        applied(0, |it| it.ends = vec![2]),
        Err(OutcomeError::Order(_))
    ));
    assert!(matches!(
        applied(0, |it| it.values.kinds = vec![0]),
        Err(OutcomeError::Kind { kind: 0, .. })
    ));
    assert!(matches!(
        applied(0, |it| it.values.kinds = vec![1]),
        Err(OutcomeError::Text(7))
    ));
    assert!(matches!(
        applied(0, |it| it.texts.bytes = vec![0xff]),
        Err(OutcomeError::Encoding(_))
    ));
    // Of the batch's own texts, none was declared to be read.
    assert_eq!(
        applied(0, |it| it.keys = vec![0]),
        Err(OutcomeError::Text(0))
    );
}

#[test]
fn a_resource_is_not_repeated_beyond_measure() {
    // Eight thousand spans below a resource of 32 KiB.
    let mut request = requests::one_span();
    let resource = &mut request.resource_spans[0];
    let big = Value::StringValue("x".repeat(32 * 1024));
    resource.resource = Some(Resource {
        attributes: vec![KeyValue {
            key: "big".to_owned(),
            value: Some(AnyValue { value: Some(big) }),
            ..KeyValue::default()
        }],
        ..Resource::default()
    });
    let span = resource.scope_spans[0].spans[0].clone();
    resource.scope_spans[0].spans = vec![span; 8000];
    let bytes = request.encode_to_vec();
    let mut workspace = Workspace::new(Arc::new(Projection::new(vec![contract()], &[]).unwrap()));
    let mut apply = |groups: u32| {
        let parsed = Request::parse(Signal::Traces, bytes.clone().into()).unwrap();
        workspace.load(parsed, 1).unwrap();
        workspace.view(0).unwrap();
        let one = one_group(&workspace);
        let each = 0..groups as usize;
        let outcome = Outcome {
            groups: Some(Box::new(Groups {
                of_each: (0..8000).map(|row| row % groups).collect(),
                ends: (1..=groups).collect(),
                keys: vec![one.keys[0]; groups as usize],
                values: CellColumn {
                    kinds: vec![3; groups as usize],
                    bits: each.map(|it| it as u64).collect(),
                },
                ..one
            })),
            ..Outcome::default()
        };
        let applied = workspace.apply(0, &outcome).map(drop);
        (applied, workspace.splice())
    };
    let (refused, left) = apply(8000);
    assert!(matches!(refused, Err(OutcomeError::Repeated { .. })));
    assert_eq!(
        left.bytes, bytes,
        "an outcome that is refused changes nothing"
    );
    let (taken, left) = apply(100);
    assert_eq!((taken, left.items), (Ok(()), 8000));
}

#[test]
fn what_no_decoder_knows_stays_with_its_resource() {
    // Field 99 beside the resource and in it, one beside the scope, and one beside all of them.
    let nest = |number: u8, inner: &[u8]| [&[number << 3 | 2, inner.len() as u8], inner].concat();
    let unknown = |byte: u8| vec![0x9a, 0x06, 1, byte];
    let resource = nest(
        1,
        &[unknown(1), nest(1, b"\x0a\x01k\x12\x02\x18\x01")].concat(),
    );
    let scope = nest(
        2,
        &[unknown(2), nest(2, &nest(5, b"a")), nest(2, &nest(5, b"b"))].concat(),
    );
    let around = nest(1, &[resource, unknown(3), scope].concat());
    let bytes = [around, unknown(4)].concat();
    let mut workspace = Workspace::new(Arc::new(Projection::new(vec![contract()], &[]).unwrap()));
    workspace
        .load(Request::parse(Signal::Traces, bytes.into()).unwrap(), 1)
        .unwrap();
    workspace.view(0).unwrap();
    let one = one_group(&workspace);
    let outcome = Outcome {
        groups: Some(Box::new(Groups {
            of_each: vec![u32::MAX, 0],
            ..one
        })),
        ..Outcome::default()
    };
    workspace.apply(0, &outcome).unwrap();
    let out = workspace.splice().bytes;
    let count = |byte: u8| {
        out.windows(4)
            .filter(|it| **it == unknown(byte)[..])
            .count()
    };
    assert_eq!([1, 2, 3, 4].map(count), [2, 2, 2, 1]);
    let decoded = ExportTraceServiceRequest::decode(out.clone()).unwrap();
    let values = decoded
        .resources()
        .into_iter()
        .map(|it| it[0].value.clone().unwrap().value);
    let values: Vec<_> = values.flatten().collect();
    assert_eq!(values, [Value::IntValue(1), Value::IntValue(7)]);
}

#[test]
fn what_is_held_leaves_as_it_was_and_the_rest_moves() {
    let mut request = requests::one_span();
    let scope = &mut request.resource_spans[0].scope_spans[0];
    let named = |name: &str| Span {
        name: name.to_owned(),
        ..scope.spans[0].clone()
    };
    scope.spans = vec![named("held"), named("moved"), named("stays")];
    let contracts = vec![contract().holding()];
    let projection = Projection::new(contracts, &Workspace::span_id_paths()).unwrap();
    let mut workspace = Workspace::new(Arc::new(projection));
    let parsed = Request::parse(Signal::Traces, request.encode_to_vec().into()).unwrap();
    workspace.load(parsed, 1).unwrap();
    workspace.view(0).unwrap();
    let outcome = Outcome {
        verdicts: vec![Verdicts {
            context: Context::Span,
            rows: vec![2, 0, 0],
        }],
        groups: Some(Box::new(Groups {
            of_each: vec![0, 0, u32::MAX],
            ..one_group(&workspace)
        })),
        ..Outcome::default()
    };
    let applied = workspace.apply(0, &outcome).unwrap();
    assert_eq!((applied.dropped_items, applied.held_items), (0, 1));
    let shape = |request: &ExportTraceServiceRequest| -> Vec<(usize, String)> {
        let placed = request.placed().into_iter();
        let shape = placed.map(|it| {
            let attributes = it.resources().concat().len();
            let spans = &it.resource_spans[0].scope_spans[0].spans;
            (attributes, spans[0].name.clone())
        });
        shape.collect()
    };
    let held = workspace.held().unwrap();
    let held = ExportTraceServiceRequest::decode(held.bytes().clone()).unwrap();
    assert_eq!(shape(&held), [(0, "held".to_owned())]);
    let left = ExportTraceServiceRequest::decode(workspace.splice().bytes).unwrap();
    let expected = [(1, "moved".to_owned()), (0, "stays".to_owned())];
    assert_eq!(shape(&left), expected);
}
