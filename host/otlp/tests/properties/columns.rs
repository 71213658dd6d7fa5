//! Extracted columns against decoded structs, over batches in which keys and values repeat, change and
//! return: what one span or batch taught must not show in the next.

use std::sync::Arc;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::prelude::*;
use prost::Message;
use spanmill_otlp::{ColumnView, Context, Projection, Request, Signal, StageContract, Workspace};

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
            let id = |bytes: usize| match number % 5 {
                0 => Vec::new(),
                _ => vec![number as u8 ^ 0x8f; bytes],
            };
            spans.push(Span {
                trace_id: id(16),
                span_id: id(8),
                trace_state: ["", "a=b"][number / 2 % 2].to_owned(),
                parent_span_id: if number % 3 == 0 { Vec::new() } else { id(8) },
                name: text(number),
                kind: (number % 6) as i32,
                start_time_unix_nano: [0, 1 << 63 | number as u64][number % 2],
                end_time_unix_nano: [0, number as u64][number / 3 % 2],
                attributes: shape.iter().map(attribute).collect(),
                status: [
                    None,
                    Some(("", 0)),
                    Some(("", 2)),
                    Some(("no", 0)),
                    Some(("no", 300)),
                ][number % 5]
                    .map(|(message, code)| Status {
                        message: message.to_owned(),
                        code,
                    }),
                flags: [0, 0x101, 7][number / 2 % 3],
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
pub fn cell(value: &Option<AnyValue>) -> (u8, u64, Vec<u8>) {
    match value.as_ref().and_then(|any| any.value.as_ref()) {
        None => (8, 0, Vec::new()),
        Some(Value::StringValue(text)) => (1, 0, text.clone().into_bytes()),
        Some(Value::BoolValue(value)) => (2, u64::from(*value), Vec::new()),
        Some(Value::IntValue(value)) => (3, *value as u64, Vec::new()),
        Some(Value::DoubleValue(value)) => (4, value.to_bits(), Vec::new()),
        Some(Value::BytesValue(bytes)) => (5, 0, bytes.clone()),
        Some(Value::ArrayValue(array)) => (6, 0, array.encode_to_vec()),
        Some(Value::KvlistValue(map)) => (7, 0, map.encode_to_vec()),
        Some(other) => panic!("no test makes {other:?}"),
    }
}

const FIELDS: [&str; 12] = [
    "span.name",
    "span.attributes",
    "span.kind",
    "span.status.code",
    "span.flags",
    "span.start_time_unix_nano",
    "span.end_time_unix_nano",
    "span.span_id",
    "span.parent_span_id",
    "span.trace_id",
    "span.trace_state",
    "span.status.message",
];

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
    let narrow = |column: usize, field: &dyn Fn(&Span) -> u32| match &table.columns[column] {
        ColumnView::Narrow(values) => {
            assert_eq!(*values, spans.iter().map(field).collect::<Vec<_>>())
        }
        other => panic!("{other:?}"),
    };
    narrow(2, &|span| span.kind as u32);
    narrow(3, &|span| {
        span.status.as_ref().map_or(0, |status| status.code as u32)
    });
    narrow(4, &|span| span.flags);
    let wide = |column: usize, field: &dyn Fn(&Span) -> u64| match &table.columns[column] {
        ColumnView::Wide(values) => {
            assert_eq!(*values, spans.iter().map(field).collect::<Vec<_>>())
        }
        other => panic!("{other:?}"),
    };
    wide(5, &|span| span.start_time_unix_nano);
    wide(6, &|span| span.end_time_unix_nano);
    let id = |bytes: &[u8]| <[u8; 8]>::try_from(bytes).map_or(0, u64::from_be_bytes);
    wide(7, &|span| id(&span.span_id));
    wide(8, &|span| id(&span.parent_span_id));
    let ColumnView::TraceId(words) = &table.columns[9] else {
        panic!("trace ids");
    };
    for (words, span) in words.chunks(2).zip(spans) {
        let (high, low) = span.trace_id.split_at(span.trace_id.len() / 2);
        assert_eq!(words, [id(high), id(low)]);
    }
    for (column, field) in [
        (
            10,
            (|span: &Span| span.trace_state.clone()) as fn(&Span) -> String,
        ),
        (11, |span| span.status.clone().unwrap_or_default().message),
    ] {
        let ColumnView::Text(indices) = &table.columns[column] else {
            panic!("texts");
        };
        for (&index, span) in indices.iter().zip(spans) {
            let seen = texts.get(index as usize).copied().unwrap_or_default();
            assert_eq!(seen, field(span).as_bytes());
        }
    }
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
        let reads = FIELDS.map(str::to_owned);
        let contract = StageContract::parse(&reads, &[]).unwrap();
        let projection = Projection::new(vec![contract], &[]).unwrap();
        let mut workspace = Workspace::new(Arc::new(projection));
        for runs in &batches {
            let spans = spans(runs);
            let request = Request::parse(Signal::Traces, encode(spans.clone())).unwrap();
            workspace.load(request, 1).unwrap();
            check(&mut workspace, &spans);
        }
    }
}

/// A field with a length, and a message in messages.
fn nest(number: u8, inner: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, inner.len() as u8], inner].concat()
}

#[test]
fn attributes_are_found_wherever_they_stand_and_however_their_tags_are_written() {
    let pair = |key: &str, value: &[u8]| [nest(1, key.as_bytes()), nest(2, value)].concat();
    let plain = |key: &str| nest(9, &pair(key, &nest(1, b"v")));
    let odd = nest(9, &pair("odd", &nest(5, b"")));
    let swapped = nest(9, &[nest(2, &nest(1, b"v")), nest(1, b"swapped")].concat());
    let inner = pair("long tag", &nest(1, b"v"));
    // The tag takes two bytes where one would do, which decoders take.
    let long_tag = [&[0xca, 0, inner.len() as u8], &inner[..]].concat();
    let other = [0x30, 2];
    let groups: [&[Vec<u8>]; 4] = [
        &[
            plain("a"),
            other.to_vec(),
            plain("b"),
            odd.clone(),
            plain("c"),
        ],
        &[long_tag.clone(), plain("a"), plain("b")],
        &[plain("a"), long_tag, other.to_vec(), swapped.clone()],
        &[swapped, nest(5, b"name"), plain("a"), odd],
    ];
    let expected: [&[&str]; 4] = [
        &["a", "b", "odd", "c"],
        &["long tag", "a", "b"],
        &["a", "long tag", "swapped"],
        &["swapped", "a", "odd"],
    ];
    let contract = StageContract::parse(&["span.attributes".to_owned()], &[]).unwrap();
    let projection = Projection::new(vec![contract], &[]).unwrap();
    let mut workspace = Workspace::new(Arc::new(projection));
    for (fields, expected) in groups.iter().zip(expected) {
        let span = nest(2, &fields.concat());
        let request = Request::parse(Signal::Traces, nest(1, &nest(2, &span)).into()).unwrap();
        workspace.load(request, 1).unwrap();
        let view = workspace.view(0).unwrap();
        let ColumnView::Attributes(lists) = &view.tables[Context::Span as usize].columns[0] else {
            panic!("attributes");
        };
        let keys: Vec<&[u8]> = lists
            .keys
            .iter()
            .map(|&key| {
                let ends = view.texts.ends;
                let start = if key == 0 { 0 } else { ends[key as usize - 1] };
                &view.texts.bytes[start as usize..ends[key as usize] as usize]
            })
            .collect();
        assert_eq!(
            keys,
            expected
                .iter()
                .map(|key| key.as_bytes())
                .collect::<Vec<_>>()
        );
    }
}
