//! Telemetry to measure a plugin with: as services that are instrumented send it.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;

use spanmill_model::Signal;

/// Services in a request.
const SERVICES: usize = 4;
const ROUTES: [&str; 8] = [
    "/healthz",
    "/orders",
    "/orders/{id}",
    "/cart",
    "/checkout",
    "/users/{id}",
    "/search",
    "/ready",
];
const START: u64 = 1_700_000_000_000_000_000;
const MILLISECOND: u64 = 1_000_000;

/// A request with so many items, always the same. Texts repeat as in practice: routes and methods do, user ids mostly do not.
pub(super) fn request(signal: Signal, items: usize) -> Bytes {
    let of_service = |service: usize| (0..items).skip(service).step_by(SERVICES);
    let services = 0..SERVICES.min(items);
    match signal {
        Signal::Traces => ExportTraceServiceRequest {
            resource_spans: services
                .map(|service| ResourceSpans {
                    resource: Some(resource(service)),
                    scope_spans: vec![ScopeSpans {
                        scope: Some(scope()),
                        spans: of_service(service).map(span).collect(),
                        ..ScopeSpans::default()
                    }],
                    ..ResourceSpans::default()
                })
                .collect(),
        }
        .encode_to_vec(),
        Signal::Logs => ExportLogsServiceRequest {
            resource_logs: services
                .map(|service| ResourceLogs {
                    resource: Some(resource(service)),
                    scope_logs: vec![ScopeLogs {
                        scope: Some(scope()),
                        log_records: of_service(service).map(log).collect(),
                        ..ScopeLogs::default()
                    }],
                    ..ResourceLogs::default()
                })
                .collect(),
        }
        .encode_to_vec(),
        Signal::Metrics => ExportMetricsServiceRequest {
            resource_metrics: services
                .map(|service| ResourceMetrics {
                    resource: Some(resource(service)),
                    scope_metrics: vec![ScopeMetrics {
                        scope: Some(scope()),
                        metrics: vec![metric(of_service(service).map(point).collect())],
                        ..ScopeMetrics::default()
                    }],
                    ..ResourceMetrics::default()
                })
                .collect(),
        }
        .encode_to_vec(),
    }
    .into()
}

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn resource(service: usize) -> Resource {
    Resource {
        attributes: vec![
            text("service.name", format!("shop-{service}")),
            text("service.version", "1.4.2"),
            text("deployment.environment.name", "production"),
            text("k8s.pod.name", format!("shop-{service}-7d9c5b6f4-x2x7p")),
        ],
        ..Resource::default()
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "opentelemetry.instrumentation.http".to_owned(),
        version: "0.50".to_owned(),
        ..InstrumentationScope::default()
    }
}

fn route(number: usize) -> &'static str {
    // Not in step with the services.
    let place = number.wrapping_mul(7) / 3 % ROUTES.len();
    ROUTES.get(place).copied().unwrap_or_default()
}

fn request_attributes(number: usize) -> Vec<KeyValue> {
    let method = match number % 3 {
        0 => "POST",
        _ => "GET",
    };
    let status = match number % 20 {
        0 => 500,
        _ => 200,
    };
    vec![
        text("http.request.method", method),
        text("http.route", route(number)),
        attribute("http.response.status_code", Value::IntValue(status)),
        text("server.address", "shop.example.com"),
        text(
            "user_agent.original",
            "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0",
        ),
        text(
            "user.id",
            format!("u-{:08x}", number.wrapping_mul(2_654_435_761) as u32),
        ),
    ]
}

fn id(number: usize, bytes: usize) -> Vec<u8> {
    let spread = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    spread
        .to_be_bytes()
        .repeat(2)
        .into_iter()
        .take(bytes)
        .collect()
}

fn time(number: usize) -> u64 {
    START.saturating_add((number as u64).saturating_mul(MILLISECOND))
}

fn span(number: usize) -> Span {
    let start = time(number);
    Span {
        trace_id: id(number / 8, 16),
        span_id: id(number, 8),
        parent_span_id: match number % 8 {
            0 => Vec::new(),
            _ => id(number - 1, 8),
        },
        name: format!("GET {}", route(number)),
        kind: 1 + (number % 3) as i32,
        start_time_unix_nano: start,
        end_time_unix_nano: start.saturating_add((1 + number as u64 % 40) * MILLISECOND),
        attributes: request_attributes(number),
        status: number.is_multiple_of(20).then(|| Status {
            code: 2,
            message: "timeout".to_owned(),
        }),
        ..Span::default()
    }
}

fn log(number: usize) -> LogRecord {
    let error = number.is_multiple_of(20);
    LogRecord {
        time_unix_nano: time(number),
        observed_time_unix_nano: time(number),
        severity_number: if error { 17 } else { 9 },
        severity_text: if error { "ERROR" } else { "INFO" }.to_owned(),
        body: Some(AnyValue {
            value: Some(Value::StringValue(format!(
                "request {number} to {} done",
                route(number)
            ))),
        }),
        attributes: request_attributes(number),
        trace_id: id(number / 8, 16),
        span_id: id(number, 8),
        ..LogRecord::default()
    }
}

fn point(number: usize) -> NumberDataPoint {
    NumberDataPoint {
        attributes: request_attributes(number),
        start_time_unix_nano: START,
        time_unix_nano: time(number),
        value: Some(number_data_point::Value::AsInt(number as i64)),
        ..NumberDataPoint::default()
    }
}

fn metric(data_points: Vec<NumberDataPoint>) -> Metric {
    Metric {
        name: "http.server.requests".to_owned(),
        unit: "{request}".to_owned(),
        data: Some(Data::Sum(Sum {
            data_points,
            aggregation_temporality: 2,
            is_monotonic: true,
        })),
        ..Metric::default()
    }
}
