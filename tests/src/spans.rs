//! Spans to send, and spans that were received.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

/// A span with what it stands under.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Its resource.
    pub resource: Resource,
    /// Its scope.
    pub scope: InstrumentationScope,
    /// The span.
    pub span: Span,
}

/// All spans of some requests, in order.
pub fn flatten(requests: &[ExportTraceServiceRequest]) -> Vec<Found> {
    let mut found = Vec::new();
    for resource in requests.iter().flat_map(|request| &request.resource_spans) {
        for scope in &resource.scope_spans {
            found.extend(scope.spans.iter().map(|span| Found {
                resource: resource.resource.clone().unwrap_or_default(),
                scope: scope.scope.clone().unwrap_or_default(),
                span: span.clone(),
            }));
        }
    }
    found
}

/// An attribute whose value is a text.
pub fn text(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

/// Keys and values as JSON would write them, in order.
pub fn attributes(attributes: &[KeyValue]) -> Vec<(String, String)> {
    let value = |attribute: &KeyValue| match attribute.value.as_ref().and_then(|v| v.value.as_ref())
    {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(flag)) => flag.to_string(),
        other => format!("{other:?}"),
    };
    attributes
        .iter()
        .map(|attribute| (attribute.key.clone(), value(attribute)))
        .collect()
}

/// The value of a resource's `service.name`.
pub fn service(found: &Found) -> String {
    let all = attributes(&found.resource.attributes);
    let service = all.into_iter().find(|(key, _)| key == "service.name");
    service.map(|(_, value)| value).unwrap_or_default()
}

/// A span whose ids follow from a number, which is not 0.
pub fn span(number: u64, name: &str, attributes: Vec<KeyValue>) -> Span {
    // Spread, as random ids are.
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut trace_id = spread.to_be_bytes().to_vec();
    trace_id.extend(number.to_be_bytes());
    Span {
        trace_id,
        span_id: span_id(number),
        name: name.to_owned(),
        kind: 2,
        start_time_unix_nano: 1_700_000_000_000_000_000,
        end_time_unix_nano: 1_700_000_000_025_000_000,
        attributes,
        ..Span::default()
    }
}

/// The span id of [`span`].
pub fn span_id(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// A request of one resource and one scope.
pub fn request(service: &str, spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope = InstrumentationScope {
        name: "spanmill-tests".to_owned(),
        version: "1".to_owned(),
        ..InstrumentationScope::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![text("service.name", service)],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope),
                spans,
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    }
}
