//! Random trace requests.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::prelude::*;

/// Values of any kind.
pub fn values() -> impl Strategy<Value = AnyValue> {
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

/// Attributes, of which some have one key.
pub fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let key = prop_oneof![3 => "k[0-6]", 1 => "\\PC{0,6}"];
    let attribute =
        (key, prop::option::weighted(0.95, values())).prop_map(|(key, value)| pair(key, value));
    prop::collection::vec(attribute, 0..6)
}

/// An id of so many bytes, or none.
pub fn id(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![Just(0), Just(length)]
        .prop_flat_map(|length| prop::collection::vec(any::<u8>(), length))
}

/// A scope, or none.
pub fn scopes() -> impl Strategy<Value = Option<InstrumentationScope>> {
    let scope = ("s[0-2]?", attributes()).prop_map(|(name, attributes)| InstrumentationScope {
        name,
        attributes,
        ..Default::default()
    });
    prop::option::of(scope)
}

/// A resource, or none.
pub fn resources() -> impl Strategy<Value = Option<Resource>> {
    let resource = attributes().prop_map(|attributes| Resource {
        attributes,
        ..Default::default()
    });
    prop::option::of(resource)
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
    let link = (id(16), attributes()).prop_map(|(trace_id, attributes)| Link {
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
    let scope_spans = (scopes(), prop::collection::vec(spans(), 0..5), "u?").prop_map(
        |(scope, spans, schema_url)| ScopeSpans {
            scope,
            spans,
            schema_url,
        },
    );
    let resource_spans = (resources(), prop::collection::vec(scope_spans, 0..3), "u?").prop_map(
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
