//! Extracted columns against decoded structs, over batches in which keys and values repeat, change and
//! return: what one span or batch taught must not show in the next.

use std::sync::Arc;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use proptest::prelude::*;
use prost::Message;
use spanmill_otlp::{ColumnView, Context, Projection, Request, StageContract, Workspace};

/// Keys and texts around the lengths at which other code takes over.
fn text(number: usize) -> String {
    let length = [
        0, 1, 7, 8, 15, 16, 30, 31, 32, 33, 64, 65, 125, 126, 127, 128, 300,
    ][number % 17];
    let mut text = "x".repeat(length);
    text.push_str(["", "a", "b", "é"][number / 17 % 4]);
    text
}

fn value(number: usize) -> Option<Value> {
    Some(match number % 9 {
        0 => return None,
        1 => Value::IntValue([0, 1, 127, 128, 16383, 16384, -1, i64::MAX][number / 9 % 8]),
        2 => Value::BoolValue(number.is_multiple_of(2)),
        3 => Value::DoubleValue(number as f64 * -0.1),
        4 => Value::BytesValue(vec![0xff; number % 40]),
        5 => Value::ArrayValue(ArrayValue {
            values: vec![AnyValue { value: None }; number % 3],
        }),
        _ => Value::StringValue(text(number / 9)),
    })
}

/// Like spans: how many, keys and values by number, and whether the values change from span to span.
type Run = (usize, Vec<(usize, usize)>, bool);

fn runs() -> impl Strategy<Value = Vec<Run>> {
    let shape = prop::collection::vec((0usize..80, 0usize..700), 0..7);
    prop::collection::vec((1usize..20, shape, any::<bool>()), 0..6)
}

fn spans(runs: &[Run]) -> Vec<Span> {
    let mut spans = Vec::new();
    for (count, shape, changes) in runs {
        for number in 0..*count {
            let attribute = |&(key, content): &(usize, usize)| KeyValue {
                key: text(key),
                value: Some(AnyValue {
                    value: value(content + if *changes { number * 9 } else { 0 }),
                }),
                ..KeyValue::default()
            };
            spans.push(Span {
                name: text(number),
                attributes: shape.iter().map(attribute).collect(),
                ..Span::default()
            });
        }
    }
    spans
}

fn encode(spans: Vec<Span>) -> Bytes {
    let scope_spans = vec![ScopeSpans {
        spans,
        ..ScopeSpans::default()
    }];
    let resource_spans = vec![ResourceSpans {
        scope_spans,
        ..ResourceSpans::default()
    }];
    let request = ExportTraceServiceRequest { resource_spans };
    request.encode_to_vec().into()
}

/// What the contract makes of a value: its kind, and its bits or bytes.
fn cell(value: &Option<AnyValue>) -> (u8, u64, Vec<u8>) {
    match value.as_ref().and_then(|any| any.value.as_ref()) {
        None => (8, 0, Vec::new()),
        Some(Value::StringValue(text)) => (1, 0, text.clone().into_bytes()),
        Some(Value::BoolValue(value)) => (2, u64::from(*value), Vec::new()),
        Some(Value::IntValue(value)) => (3, *value as u64, Vec::new()),
        Some(Value::DoubleValue(value)) => (4, value.to_bits(), Vec::new()),
        Some(Value::BytesValue(bytes)) => (5, 0, bytes.clone()),
        Some(Value::ArrayValue(array)) => (6, 0, array.encode_to_vec()),
        Some(other) => panic!("no test makes {other:?}"),
    }
}

fn check(workspace: &mut Workspace, spans: &[Span]) {
    let view = workspace.view(0).unwrap();
    let texts: Vec<&[u8]> = (0..view.texts.ends.len())
        .map(|at| {
            let start = if at == 0 { 0 } else { view.texts.ends[at - 1] };
            &view.texts.bytes[start as usize..view.texts.ends[at] as usize]
        })
        .collect();
    let mut distinct = texts.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), texts.len(), "a text stands twice");
    let table = &view.tables[Context::Span as usize];
    let (ColumnView::Text(names), ColumnView::Attributes(lists)) =
        (&table.columns[0], &table.columns[1])
    else {
        panic!("two columns");
    };
    let mut start = 0;
    for ((span, &name), &end) in spans.iter().zip(*names).zip(lists.ends) {
        match span.name.as_str() {
            "" => assert_eq!(name, u32::MAX),
            text => assert_eq!(texts[name as usize], text.as_bytes()),
        }
        assert_eq!((end - start) as usize, span.attributes.len());
        for (at, attribute) in (start as usize..).zip(&span.attributes) {
            assert_eq!(texts[lists.keys[at] as usize], attribute.key.as_bytes());
            let (kind, bits) = (lists.values.kinds[at], lists.values.bits[at]);
            let seen = match kind {
                1 | 5 | 6 | 7 => (kind, 0, texts[bits as usize].to_vec()),
                _ => (kind, bits, Vec::new()),
            };
            assert_eq!(seen, cell(&attribute.value), "{}", attribute.key);
        }
        start = end;
    }
    assert_eq!((names.len(), lists.ends.len()), (spans.len(), spans.len()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn columns_hold_what_was_sent(batches in prop::collection::vec(runs(), 1..4)) {
        let reads = ["span.name".to_owned(), "span.attributes".to_owned()];
        let contract = StageContract::parse(&reads, &[]).unwrap();
        let projection = Projection::new(vec![contract], &[]).unwrap();
        let mut workspace = Workspace::new(Arc::new(projection));
        for runs in &batches {
            let spans = spans(runs);
            let request = Request::parse(encode(spans.clone())).unwrap();
            workspace.load(request, 1).unwrap();
            check(&mut workspace, &spans);
        }
    }
}
