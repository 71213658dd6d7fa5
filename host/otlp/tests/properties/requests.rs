//! Random requests, and the comparison with prost.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::prelude::*;
use prost::Message;
use spanmill_otlp::{Request, Signal};

fn values() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        4 => "v[0-5]".prop_map(Value::StringValue),
        2 => "\\PC{0,20}".prop_map(Value::StringValue),
        1 => any::<bool>().prop_map(Value::BoolValue),
        1 => any::<i64>().prop_map(Value::IntValue),
        1 => (-1e9..1e9f64).prop_map(Value::DoubleValue),
        1 => prop::collection::vec(any::<u8>(), 0..9).prop_map(Value::BytesValue),
    ];
    let leaf = prop::option::weighted(0.95, leaf).prop_map(|value| AnyValue { value });
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|values| Value::ArrayValue(ArrayValue { values })),
            prop::collection::vec(("k[0-3]", inner), 0..3).prop_map(|pairs| {
                let values = pairs
                    .into_iter()
                    .map(|(key, value)| pair(key, Some(value)))
                    .collect();
                Value::KvlistValue(KeyValueList { values })
            }),
        ]
        .prop_map(|value| AnyValue { value: Some(value) })
    })
}

fn pair(key: String, value: Option<AnyValue>) -> KeyValue {
    KeyValue {
        key,
        value,
        ..Default::default()
    }
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let key = prop_oneof![3 => "k[0-6]", 1 => "\\PC{0,6}"];
    let attribute =
        (key, prop::option::weighted(0.95, values())).prop_map(|(key, value)| pair(key, value));
    prop::collection::vec(attribute, 0..6)
}

fn spans() -> impl Strategy<Value = Span> {
    let event =
        (any::<u64>(), "e[0-2]?", attributes()).prop_map(|(time_unix_nano, name, attributes)| {
            Event {
                time_unix_nano,
                name,
                attributes,
                dropped_attributes_count: 1,
            }
        });
    let trace_id = prop_oneof![Just(0usize), Just(16)]
        .prop_flat_map(|length| prop::collection::vec(any::<u8>(), length));
    let link = (trace_id, attributes()).prop_map(|(trace_id, attributes)| Link {
        trace_id,
        attributes,
        flags: 7,
        ..Default::default()
    });
    let status = prop::option::of(
        (0..3i32, "v?[0-3]?").prop_map(|(code, message)| Status { message, code }),
    );
    (
        (
            prop::collection::vec(any::<u8>(), 16),
            "v?[0-3]?",
            0..6i32,
            any::<u64>(),
        ),
        attributes(),
        prop::collection::vec(event, 0..3),
        prop::collection::vec(link, 0..2),
        status,
    )
        .prop_map(
            |((trace_id, name, kind, start), attributes, events, links, status)| Span {
                span_id: trace_id[..8].to_vec(),
                trace_id,
                name,
                kind,
                start_time_unix_nano: start,
                end_time_unix_nano: start / 2,
                attributes,
                events,
                links,
                status,
                flags: 0x101,
                ..Default::default()
            },
        )
}

/// Requests with few distinct texts, so that texts and keys meet.
pub fn requests() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let scope = prop::option::of(("s[0-2]?", attributes()).prop_map(|(name, attributes)| {
        InstrumentationScope {
            name,
            attributes,
            ..Default::default()
        }
    }));
    let scope_spans = (scope, prop::collection::vec(spans(), 0..5), "u?").prop_map(
        |(scope, spans, schema_url)| ScopeSpans {
            scope,
            spans,
            schema_url,
        },
    );
    let resource = prop::option::of(attributes().prop_map(|attributes| Resource {
        attributes,
        ..Default::default()
    }));
    let resource_spans = (resource, prop::collection::vec(scope_spans, 0..3), "u?").prop_map(
        |(resource, scope_spans, schema_url)| ResourceSpans {
            resource,
            scope_spans,
            schema_url,
        },
    );
    prop::collection::vec(resource_spans, 0..4)
        .prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

/// A request of one span that has the fields that nearly every span has.
pub fn one_span() -> ExportTraceServiceRequest {
    let span = Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        parent_span_id: vec![3; 8],
        name: "name".to_owned(),
        kind: 2,
        start_time_unix_nano: 5,
        end_time_unix_nano: 6,
        attributes: vec![pair(
            "k".to_owned(),
            Some(AnyValue {
                value: Some(Value::StringValue("v".to_owned())),
            }),
        )],
        status: Some(Status {
            message: String::new(),
            code: 1,
        }),
        flags: 0x101,
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans {
        spans: vec![span],
        ..ScopeSpans::default()
    }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans,
            ..ResourceSpans::default()
        }],
    }
}

/// Fails unless the parser and prost agree on whether bytes are a request. The two exceptions: a resource
/// or scope sent twice, which prost merges, and an id of a length that no id has. Spanmill refuses both.
pub fn agrees_with_prost(bytes: Vec<u8>) {
    let bytes = Bytes::from(bytes);
    match (
        Request::parse(Signal::Traces, bytes.clone()),
        ExportTraceServiceRequest::decode(bytes.clone()),
    ) {
        (Ok(request), Ok(decoded)) => {
            let spans: usize = decoded
                .resource_spans
                .iter()
                .flat_map(|r| &r.scope_spans)
                .map(|s| s.spans.len())
                .sum();
            assert_eq!(request.item_count(), spans);
            assert!(
                has_right_ids(&decoded),
                "accepted an id of another length: {bytes:?}"
            );
        }
        (Err(error), Ok(_)) => assert!(
            error.what.contains("twice") || error.what.contains("another length"),
            "{error} in {bytes:?}"
        ),
        (Ok(_), Err(error)) => panic!("accepted what prost refuses ({error}): {bytes:?}"),
        (Err(_), Err(_)) => {}
    }
}

/// Whether every id is of the length that OTLP gives it, or not there.
pub fn has_right_ids(request: &ExportTraceServiceRequest) -> bool {
    let right = |id: &[u8], length| id.is_empty() || id.len() == length;
    let mut spans = request
        .resource_spans
        .iter()
        .flat_map(|r| &r.scope_spans)
        .flat_map(|s| &s.spans);
    spans.all(|span| {
        right(&span.trace_id, 16)
            && right(&span.span_id, 8)
            && right(&span.parent_span_id, 8)
            && span
                .links
                .iter()
                .all(|link| right(&link.trace_id, 16) && right(&link.span_id, 8))
    })
}
