//! Trace requests.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

use crate::seeds::{self, attributes};

fn span(number: u8) -> Span {
    Span {
        trace_id: vec![number; 16],
        span_id: vec![number; 8],
        parent_span_id: vec![1; 8],
        trace_state: ["", "ot=th:8", "vendor=x"][usize::from(number % 3)].to_owned(),
        name: format!("GET /{}", number % 4),
        kind: i32::from(number % 6),
        start_time_unix_nano: 1_790_000_000_000_000_000,
        end_time_unix_nano: 1_790_000_000_000_000_000 + u64::from(number),
        attributes: attributes(number),
        events: (0..number % 3)
            .map(|event| Event {
                time_unix_nano: u64::from(event),
                name: "exception".to_owned(),
                attributes: attributes(event + 1),
                dropped_attributes_count: 1,
            })
            .collect(),
        links: (0..number % 2)
            .map(|link| Link {
                trace_id: vec![link; 16],
                attributes: attributes(2),
                ..Link::default()
            })
            .collect(),
        status: (number % 2 == 0).then(|| Status {
            code: 2,
            message: "v1".to_owned(),
        }),
        flags: 0x101,
        ..Span::default()
    }
}

/// A request of so many resources.
pub fn request(resources: u8) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest {
        resource_spans: (0..resources)
            .map(|resource| ResourceSpans {
                resource: seeds::resource(resource),
                scope_spans: (0..resource % 3 + 1)
                    .map(|scope| ScopeSpans {
                        scope: seeds::scope(scope),
                        spans: (0..resources).map(|row| span(row * 5 + scope)).collect(),
                        schema_url: seeds::SCHEMA_URL.to_owned(),
                    })
                    .collect(),
                ..ResourceSpans::default()
            })
            .collect(),
    }
}
