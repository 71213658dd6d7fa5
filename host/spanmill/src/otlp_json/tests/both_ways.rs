//! Requests of every kind, from protobuf to JSON and back.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exemplar::Value as ExemplarValue;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as PointValue;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary,
    SummaryDataPoint,
};
use proptest::prelude::*;
use prost::Message as _;
use serde_json::{Value, json};

use super::requests;
use crate::otlp_json::{NotProtobuf, signal_of, to_json, to_protobuf};
use spanmill_model::Signal;

fn written(protobuf: &[u8], signal: Signal) -> String {
    let mut json = Vec::new();
    to_json(protobuf, signal, &mut json).unwrap();
    String::from_utf8(json).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_library_writes_is_read_as_it_was(request in requests::requests()) {
        let json = serde_json::to_vec(&request).unwrap();
        let read = to_protobuf(&json, Signal::Traces).unwrap();
        prop_assert_eq!(ExportTraceServiceRequest::decode(read).unwrap(), request);
    }

    #[test]
    fn what_is_written_is_read_as_it_was(request in requests::requests()) {
        let protobuf = request.encode_to_vec();
        let json = written(&protobuf, Signal::Traces);
        prop_assert!(!json.contains('\n'));
        let read = to_protobuf(json.as_bytes(), Signal::Traces).unwrap();
        prop_assert_eq!(ExportTraceServiceRequest::decode(read).unwrap(), request);
    }

    #[test]
    fn any_bytes_are_written_or_refused(
        request in requests::requests(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = request.encode_to_vec();
        for (at, byte) in changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        let mut json = Vec::new();
        match to_json(&bytes, Signal::Traces, &mut json) {
            Ok(()) => {
                serde_json::from_slice::<Value>(&json).unwrap();
            }
            // What decoders take is written.
            Err(NotProtobuf) => prop_assert!(ExportTraceServiceRequest::decode(bytes.as_slice()).is_err()),
        }
    }
}

fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

#[test]
fn numbers_that_json_has_no_notation_for() {
    let values = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -0.0,
        1e300,
        5e-324,
    ];
    let mut request = requests::one_span();
    let list = values.map(|value| AnyValue {
        value: Some(Any::DoubleValue(value)),
    });
    let list = Any::ArrayValue(ArrayValue {
        values: list.to_vec(),
    });
    request.resource_spans[0].scope_spans[0].spans[0].attributes = vec![attribute("v", list)];
    let json = written(&request.encode_to_vec(), Signal::Traces);
    let parsed: Value = serde_json::from_str(&json).unwrap();
    let span = &parsed["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    let found: Vec<&Value> = span["attributes"][0]["value"]["arrayValue"]["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| &value["doubleValue"])
        .collect();
    assert_eq!(
        found[..3],
        [&json!("NaN"), &json!("Infinity"), &json!("-Infinity")]
    );
    let read = to_protobuf(json.as_bytes(), Signal::Traces).unwrap();
    // Bit for bit, which not even NaN equals.
    assert_eq!(read, request.encode_to_vec());
}

#[test]
fn a_span_in_json() {
    let json = written(&requests::one_span().encode_to_vec(), Signal::Traces);
    assert_eq!(
        json,
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"01010101010101010101010101010101","spanId":"0202020202020202","parentSpanId":"0303030303030303","name":"name","kind":2,"startTimeUnixNano":"5","endTimeUnixNano":"6","attributes":[{"key":"k","value":{"stringValue":"v"}}],"status":{"code":1},"flags":257}]}]}]}"#
    );
    assert_eq!(written(&[], Signal::Traces), "{}");
}

#[test]
fn a_message_that_comes_in_parts_is_one() {
    // Two statuses: decoders merge them.
    let span = [0x7a, 3, 0x12, 1, b'm', 0x7a, 2, 0x18, 2];
    let bytes = [&[0x0a, 13, 0x12, 11, 0x12, 9][..], &span].concat();
    let json: Value = serde_json::from_str(&written(&bytes, Signal::Traces)).unwrap();
    let span = &json["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(*span, json!({"status": {"message": "m", "code": 2}}));
}

fn metrics() -> ExportMetricsServiceRequest {
    let attributes = vec![attribute("a", Any::BoolValue(false))];
    let exemplars = vec![
        Exemplar {
            filtered_attributes: attributes.clone(),
            time_unix_nano: 3,
            span_id: vec![1; 8],
            trace_id: vec![2; 16],
            value: Some(ExemplarValue::AsDouble(0.0)),
        },
        Exemplar {
            value: Some(ExemplarValue::AsInt(-1)),
            ..Exemplar::default()
        },
    ];
    let number = |value| NumberDataPoint {
        attributes: attributes.clone(),
        start_time_unix_nano: 1,
        time_unix_nano: u64::MAX,
        exemplars: exemplars.clone(),
        flags: 1,
        value,
    };
    let buckets = |offset| {
        Some(Buckets {
            offset,
            bucket_counts: vec![0, 1, u64::MAX],
        })
    };
    let data = [
        Data::Gauge(Gauge {
            data_points: vec![number(Some(PointValue::AsDouble(0.0))), number(None)],
        }),
        Data::Sum(Sum {
            data_points: vec![number(Some(PointValue::AsInt(i64::MIN)))],
            aggregation_temporality: 2,
            is_monotonic: true,
        }),
        Data::Histogram(Histogram {
            data_points: vec![
                HistogramDataPoint {
                    count: 7,
                    sum: Some(0.0),
                    bucket_counts: vec![0, 7],
                    explicit_bounds: vec![0.5, f64::INFINITY],
                    min: Some(-1.0),
                    max: Some(2.0),
                    ..HistogramDataPoint::default()
                },
                HistogramDataPoint::default(),
            ],
            aggregation_temporality: 1,
        }),
        Data::ExponentialHistogram(ExponentialHistogram {
            data_points: vec![ExponentialHistogramDataPoint {
                scale: -3,
                zero_count: 2,
                positive: buckets(i32::MIN),
                negative: buckets(5),
                zero_threshold: 0.25,
                sum: Some(1.0),
                ..ExponentialHistogramDataPoint::default()
            }],
            aggregation_temporality: 2,
        }),
        Data::Summary(Summary {
            data_points: vec![SummaryDataPoint {
                count: 1,
                sum: 2.0,
                quantile_values: vec![ValueAtQuantile {
                    quantile: 0.5,
                    value: 1.5,
                }],
                ..SummaryDataPoint::default()
            }],
        }),
        Data::Gauge(Gauge::default()),
    ];
    let metrics = data.into_iter().map(|data| Metric {
        name: "m".to_owned(),
        unit: "s".to_owned(),
        metadata: attributes.clone(),
        data: Some(data),
        ..Metric::default()
    });
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            scope_metrics: vec![ScopeMetrics {
                metrics: metrics.collect(),
                ..ScopeMetrics::default()
            }],
            schema_url: "u".to_owned(),
            ..ResourceMetrics::default()
        }],
    }
}

#[test]
fn logs_with_every_field() {
    let full = LogRecord {
        time_unix_nano: u64::MAX,
        observed_time_unix_nano: 1,
        severity_number: 9,
        severity_text: "Information".to_owned(),
        body: Some(AnyValue {
            value: Some(Any::KvlistValue(KeyValueList {
                values: vec![attribute("inner", Any::DoubleValue(f64::INFINITY))],
            })),
        }),
        attributes: vec![attribute("app", Any::BytesValue(vec![0, 255]))],
        dropped_attributes_count: 7,
        flags: 0x101,
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        event_name: "device.app.lifecycle".to_owned(),
    };
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs: vec![ScopeLogs {
                log_records: vec![full, LogRecord::default()],
                schema_url: "u".to_owned(),
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    };
    let json = written(&request.encode_to_vec(), Signal::Logs);
    assert_eq!(signal_of(json.as_bytes()), Some(Signal::Logs));
    let read = to_protobuf(json.as_bytes(), Signal::Logs).unwrap();
    assert_eq!(ExportLogsServiceRequest::decode(read).unwrap(), request);
    // As the library writes it, which has no infinity.
    let mut finite = request.clone();
    finite.resource_logs[0].scope_logs[0].log_records[0].body = Some(AnyValue {
        value: Some(Any::StringValue("text".to_owned())),
    });
    let theirs = serde_json::to_vec(&finite).unwrap();
    let read = to_protobuf(&theirs, Signal::Logs).unwrap();
    assert_eq!(ExportLogsServiceRequest::decode(read).unwrap(), finite);
    let named = json.replace(
        "\"severityNumber\":9",
        "\"severity_number\":\"SEVERITY_NUMBER_INFO\"",
    );
    let read = to_protobuf(named.as_bytes(), Signal::Logs).unwrap();
    assert_eq!(ExportLogsServiceRequest::decode(read).unwrap(), request);
}

#[test]
fn metrics_of_every_kind() {
    let request = metrics();
    let json = written(&request.encode_to_vec(), Signal::Metrics);
    let read = to_protobuf(json.as_bytes(), Signal::Metrics).unwrap();
    assert_eq!(ExportMetricsServiceRequest::decode(read).unwrap(), request);
    let parsed: Value = serde_json::from_str(&json).unwrap();
    let metrics = &parsed["resourceMetrics"][0]["scopeMetrics"][0]["metrics"];
    assert_eq!(metrics[0]["gauge"]["dataPoints"][0]["asDouble"], json!(0.0));
    assert_eq!(
        metrics[1]["sum"]["dataPoints"][0]["asInt"],
        json!("-9223372036854775808")
    );
    let histogram = &metrics[2]["histogram"]["dataPoints"][0];
    assert_eq!(histogram["bucketCounts"], json!(["0", "7"]));
    assert_eq!(histogram["explicitBounds"], json!([0.5, "Infinity"]));
    assert_eq!(histogram["sum"], json!(0.0));
    let exponential = &metrics[3]["exponentialHistogram"]["dataPoints"][0];
    assert_eq!(exponential["scale"], json!(-3));
    assert_eq!(exponential["positive"]["offset"], json!(i32::MIN));
}
