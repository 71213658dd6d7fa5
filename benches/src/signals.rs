//! Pre-encoded batches of log records and of data points: most texts of one batch are in no other.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
    number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const TIME: u64 = 1_790_000_000_000_000_000;

fn any_text(text: String) -> Option<AnyValue> {
    Some(AnyValue {
        value: Some(Value::StringValue(text)),
    })
}

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: any_text(value.into()),
        ..KeyValue::default()
    }
}

fn resource(seed: u64) -> Option<Resource> {
    Some(Resource {
        attributes: vec![
            text("service.name", format!("service-{}", seed % 5)),
            text("host.name", format!("host-{seed}")),
        ],
        ..Resource::default()
    })
}

fn scope() -> Option<InstrumentationScope> {
    Some(InstrumentationScope {
        name: "bench".to_owned(),
        ..InstrumentationScope::default()
    })
}

fn attributes(rng: &mut StdRng) -> Vec<KeyValue> {
    vec![
        text(
            "http.request.method",
            ["GET", "POST"][rng.random_range(0..2)],
        ),
        text("http.route", format!("/api/{}", rng.random_range(0..40))),
        text("user.id", format!("user-{}", rng.random_range(0..100_000))),
        KeyValue {
            key: "http.response.status_code".to_owned(),
            value: Some(AnyValue {
                value: Some(Value::IntValue([200, 404, 500][rng.random_range(0..3)])),
            }),
            ..KeyValue::default()
        },
    ]
}

/// A batch of log records.
pub fn logs(count: usize, seed: u64) -> Bytes {
    let mut rng = StdRng::seed_from_u64(seed);
    let record = |number: usize| LogRecord {
        time_unix_nano: TIME + number as u64,
        observed_time_unix_nano: TIME,
        severity_number: 9,
        severity_text: "INFO".to_owned(),
        body: any_text(format!(
            "request {} took {} ms and was answered by shard {}",
            rng.random::<u32>(),
            rng.random_range(0..500),
            rng.random_range(0..8)
        )),
        attributes: attributes(&mut rng),
        flags: 1,
        trace_id: rng.random::<[u8; 16]>().to_vec(),
        span_id: rng.random::<[u8; 8]>().to_vec(),
        ..LogRecord::default()
    };
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: resource(seed),
            scope_logs: vec![ScopeLogs {
                scope: scope(),
                log_records: (0..count).map(record).collect(),
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    };
    request.encode_to_vec().into()
}

/// A batch of data points, ten to a metric: sums and histograms in turn.
pub fn metrics(count: usize, seed: u64) -> Bytes {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut metrics = Vec::new();
    for first in (0..count).step_by(10) {
        let points = first..count.min(first + 10);
        let data = match first % 20 {
            0 => {
                let point = |_| NumberDataPoint {
                    attributes: attributes(&mut rng),
                    start_time_unix_nano: TIME,
                    time_unix_nano: TIME + 1,
                    value: Some(number_data_point::Value::AsInt(7)),
                    ..NumberDataPoint::default()
                };
                Data::Sum(Sum {
                    data_points: points.map(point).collect(),
                    aggregation_temporality: 2,
                    is_monotonic: true,
                })
            }
            _ => {
                let point = |_| HistogramDataPoint {
                    attributes: attributes(&mut rng),
                    start_time_unix_nano: TIME,
                    time_unix_nano: TIME + 1,
                    count: 16,
                    sum: Some(2.5),
                    bucket_counts: vec![1; 16],
                    explicit_bounds: (0..15).map(f64::from).collect(),
                    ..HistogramDataPoint::default()
                };
                Data::Histogram(Histogram {
                    data_points: points.map(point).collect(),
                    aggregation_temporality: 2,
                })
            }
        };
        metrics.push(Metric {
            name: format!("http.server.metric.{first}"),
            unit: "ms".to_owned(),
            data: Some(data),
            ..Metric::default()
        });
    }
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: resource(seed),
            scope_metrics: vec![ScopeMetrics {
                scope: scope(),
                metrics,
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    };
    request.encode_to_vec().into()
}
