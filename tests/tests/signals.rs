//! Traces, logs and metrics: each from both protocols, through its own pipelines, to every exporter.

use bytes::Bytes;
use http::Method;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Summary, SummaryDataPoint,
};
use prost::Message as _;
use serde_json::Value;
use spanmill_tests::{Answer, Backend, GrpcSender, Spanmill, http, request, span, within};
use tonic::Code;

const PROTOBUF: &str = "application/x-protobuf";

fn logs(bodies: &[&str]) -> Bytes {
    let record = |body: &&str| LogRecord {
        time_unix_nano: 7,
        body: Some(AnyValue {
            value: Some(Any::StringValue((*body).to_owned())),
        }),
        attributes: vec![KeyValue {
            key: "k".to_owned(),
            value: Some(AnyValue {
                value: Some(Any::IntValue(-1)),
            }),
            ..KeyValue::default()
        }],
        trace_id: vec![9; 16],
        ..LogRecord::default()
    };
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs: vec![ScopeLogs {
                log_records: bodies.iter().map(record).collect(),
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    };
    // A field that nobody knows goes through as well.
    let mut bytes = request.encode_to_vec();
    bytes.extend([0xfa, 0x06, 0x01, 0x00]);
    bytes.into()
}

/// A gauge of so many points, and a summary.
fn metrics(points: i64) -> Bytes {
    let point = |value| NumberDataPoint {
        value: Some(Number::AsInt(value)),
        ..NumberDataPoint::default()
    };
    let metric = |name: &str, data| Metric {
        name: name.to_owned(),
        data: Some(data),
        ..Metric::default()
    };
    let gauge = Gauge {
        data_points: (0..points).map(point).collect(),
    };
    let summary = Summary {
        data_points: vec![SummaryDataPoint::default()],
    };
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            scope_metrics: vec![ScopeMetrics {
                metrics: vec![
                    metric("gauge", Data::Gauge(gauge)),
                    metric("summary", Data::Summary(summary)),
                ],
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    };
    request.encode_to_vec().into()
}

fn traces() -> Bytes {
    let one = request("shop", vec![span(1, "one", vec![])]);
    one.encode_to_vec().into()
}

fn manifest(backend: &Backend, processors: &str, exporters: &str) -> String {
    let address = backend.address();
    format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}, http: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  batch: {{timeout: 60s, send_batch_size: 4}}
exporters:
  otlp: {{endpoint: "{address}", tls: {{insecure: true}}, compression: none, sending_queue: {{num_consumers: 1}}}}
  otlphttp: {{endpoint: "http://{address}", sending_queue: {{num_consumers: 1}}}}
  file: {{path: out.jsonl}}
  debug: {{verbosity: detailed}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [{processors}], exporters: [{exporters}]}}
    logs: {{receivers: [otlp], processors: [{processors}], exporters: [{exporters}]}}
    metrics: {{receivers: [otlp], processors: [{processors}], exporters: [{exporters}]}}
"#
    )
}

/// What came of each signal over gRPC, as bytes, in the order of the methods' names.
fn bodies(backend: &Backend, end: &str) -> Vec<Bytes> {
    let taken = backend.taken();
    let of_path = taken.iter().filter(|one| one.path.ends_with(end));
    of_path.map(|one| one.body.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_every_signal_go_through_untouched_over_both_protocols() {
    let backend = Backend::start().await;
    let spanmill = Spanmill::start(&manifest(&backend, "", "otlp, otlphttp")).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    let address = spanmill.address("receiver otlp http");
    sender.send_bytes(traces()).await.unwrap();
    sender.send_logs(logs(&["a"])).await.unwrap();
    sender.send_metrics(metrics(2)).await.unwrap();
    for (path, body) in [
        ("/v1/traces", traces()),
        ("/v1/logs", logs(&["a"])),
        ("/v1/metrics", metrics(2)),
    ] {
        let headers = [("content-type", PROTOBUF)];
        let reply = http(address, Method::POST, path, &headers, body).await;
        assert_eq!(
            (reply.status.as_u16(), reply.body.len()),
            (200, 0),
            "{path}"
        );
    }
    backend.requests(12).await;
    spanmill.stop().await;
    for (method, path, body) in [
        ("TraceService/Export", "/v1/traces", traces()),
        ("LogsService/Export", "/v1/logs", logs(&["a"])),
        ("MetricsService/Export", "/v1/metrics", metrics(2)),
    ] {
        assert_eq!(
            bodies(&backend, method),
            [body.clone(), body.clone()],
            "{method}"
        );
        assert_eq!(bodies(&backend, path), [body.clone(), body], "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_counted_in_records_and_points() {
    let backend = Backend::start().await;
    let spanmill = Spanmill::start(&manifest(&backend, "batch", "otlp")).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    sender.send_logs(logs(&["a", "b", "c"])).await.unwrap();
    sender.send_metrics(metrics(2)).await.unwrap();
    assert_eq!(backend.seen_so_far(), 0);
    sender.send_logs(logs(&["d"])).await.unwrap();
    // Two points of the gauge and the summary's.
    sender.send_metrics(metrics(0)).await.unwrap();
    backend.requests(2).await;
    spanmill.stop().await;
    let records = bodies(&backend, "LogsService/Export");
    let decoded = ExportLogsServiceRequest::decode(records[0].clone()).unwrap();
    let scopes = decoded.resource_logs.iter().flat_map(|r| &r.scope_logs);
    assert_eq!(
        scopes.map(|scope| scope.log_records.len()).sum::<usize>(),
        4
    );
    let points = bodies(&backend, "MetricsService/Export");
    let decoded = ExportMetricsServiceRequest::decode(points[0].clone()).unwrap();
    assert_eq!(decoded.resource_metrics.len(), 2);
    assert_eq!((records.len(), points.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn json_comes_in_and_goes_out_of_file_and_debug() {
    let backend = Backend::start().await;
    let spanmill = Spanmill::start(&manifest(&backend, "", "file, debug")).await;
    let address = spanmill.address("receiver otlp http");
    let sent = [
        (
            "/v1/logs",
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityNumber":17,"body":{"stringValue":"no room"},"eventName":"full"}]}]}]}"#,
        ),
        (
            "/v1/metrics",
            r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"heat","gauge":{"dataPoints":[{"asDouble":21.5}]}}]}]}]}"#,
        ),
    ];
    for (path, body) in sent {
        let headers = [("content-type", "application/json")];
        let reply = http(address, Method::POST, path, &headers, body).await;
        assert_eq!(reply.text(), r#"{"partialSuccess":{}}"#);
    }
    let lines = std::fs::read_to_string(spanmill.file("out.jsonl")).unwrap();
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let sent = sent.map(|(_, body)| serde_json::from_str::<Value>(body).unwrap());
    assert_eq!(lines, sent);
    let stdout = spanmill.stop().await.stdout.join("\n");
    for line in [
        "SeverityNumber: Error(17)",
        "EventName: full",
        "Body: Str(no room)",
        "     -> Name: heat",
        "Value: 21.500000",
    ] {
        assert!(stdout.contains(line), "{stdout}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_is_counted_in_its_own_items() {
    let backend = Backend::start().await;
    backend.answer(|_| Answer::Invalid);
    let spanmill = Spanmill::start(&manifest(&backend, "", "otlp")).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    sender.send_logs(logs(&["a", "b"])).await.unwrap();
    sender.send_metrics(metrics(4)).await.unwrap();
    backend.seen(2).await;
    spanmill.terminate();
    let ended = spanmill.ended().await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(
        ended.log.last().unwrap(),
        "error: ended; 2 log records, 5 data points were accepted and not delivered: exporter otlp: 2 log records (refused by the backend); exporter otlp: 5 data points (refused by the backend)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_otlp_is_refused() {
    let backend = Backend::start().await;
    let spanmill = Spanmill::start(&manifest(&backend, "", "otlp")).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    let address = spanmill.address("receiver otlp http");
    // Field 1 says that it is longer than what follows.
    let broken = &b"\x0a\x05abc"[..];
    for refused in [
        sender.send_logs(broken).await,
        sender.send_metrics(broken).await,
    ] {
        assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    }
    for path in ["/v1/logs", "/v1/metrics"] {
        for (kind, body) in [
            (PROTOBUF, broken),
            (
                "application/json",
                br#"{"resourceLogs":7,"resourceMetrics":7}"#,
            ),
        ] {
            let reply = http(address, Method::POST, path, &[("content-type", kind)], body).await;
            assert_eq!(reply.status.as_u16(), 400, "{path}: {}", reply.text());
        }
    }
    sender.send_logs(logs(&["good"])).await.unwrap();
    sender.send_metrics(metrics(1)).await.unwrap();
    backend.requests(2).await;
    spanmill.stop().await;
}

/// A manifest whose pipelines of logs and metrics have plugins in them.
fn processed(backend: &Backend) -> String {
    format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  filter:
    logs: {{log_record: ['IsMatch(body, "health")']}}
    metrics: {{datapoint: ['attributes["drop"] == true']}}
  redaction: {{allow_all_keys: true, blocked_values: ['[a-z]+@example\.com']}}
  attributes: {{actions: [{{key: seen, value: 1, action: insert}}]}}
  resource: {{attributes: [{{key: region, value: eu-1, action: upsert}}]}}
connectors:
  spanmetrics: {{metrics_flush_interval: 100ms}}
exporters:
  otlp: {{endpoint: "{}", tls: {{insecure: true}}, sending_queue: {{num_consumers: 1}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [spanmetrics]}}
    logs: {{receivers: [otlp], processors: [filter, redaction, attributes, resource], exporters: [otlp]}}
    metrics: {{receivers: [otlp, spanmetrics], processors: [filter, attributes, resource], exporters: [otlp]}}
"#,
        backend.address()
    )
}

fn text(value: Option<&AnyValue>) -> &str {
    match value.and_then(|any| any.value.as_ref()) {
        Some(Any::StringValue(text)) => text,
        other => panic!("no text: {other:?}"),
    }
}

fn keys(attributes: &[KeyValue]) -> Vec<&str> {
    let mut keys: Vec<_> = attributes.iter().map(|one| one.key.as_str()).collect();
    keys.sort_unstable();
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_process_log_records() {
    let backend = Backend::start().await;
    let spanmill = Spanmill::start(&processed(&backend)).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    let sent = logs(&["GET /health", "mail jane@example.com now", "plain"]);
    sender.send_logs(sent).await.unwrap();
    // Nothing of this one is left.
    sender.send_logs(logs(&["health"])).await.unwrap();
    backend.requests(1).await;
    spanmill.stop().await;
    let all = bodies(&backend, "LogsService/Export");
    assert_eq!(all.len(), 1);
    let decoded = ExportLogsServiceRequest::decode(all[0].clone()).unwrap();
    let resource = &decoded.resource_logs[0];
    assert_eq!(
        keys(&resource.resource.as_ref().unwrap().attributes),
        ["region"]
    );
    let records = &resource.scope_logs[0].log_records;
    let bodies: Vec<&str> = records.iter().map(|one| text(one.body.as_ref())).collect();
    assert_eq!(bodies, ["mail **** now", "plain"]);
    for record in records {
        assert!(keys(&record.attributes).starts_with(&["k"]), "{record:?}");
        assert!(keys(&record.attributes).contains(&"seen"), "{record:?}");
        assert_eq!(record.trace_id, [9; 16]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_process_metrics_that_are_received_and_those_that_connectors_measure() {
    let backend = Backend::start().await;
    let spanmill = Spanmill::start(&processed(&backend)).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    sender.send_metrics(metrics(2)).await.unwrap();
    sender.send_bytes(traces()).await.unwrap();
    let all = within("metrics of both kinds", async {
        for requests in 1.. {
            backend.requests(requests).await;
            let all = backend.metrics();
            let metrics = all.iter().flat_map(|one| &one.resource_metrics);
            let scopes = metrics.flat_map(|one| &one.scope_metrics);
            let names = scopes.flat_map(|one| &one.metrics);
            let names: Vec<&str> = names.map(|metric| metric.name.as_str()).collect();
            if names.contains(&"gauge") && names.contains(&"traces.span.metrics.calls") {
                return all;
            }
        }
        unreachable!()
    })
    .await;
    spanmill.stop().await;
    let resources = all.iter().flat_map(|one| &one.resource_metrics);
    for resource in resources {
        let attributes = &resource.resource.as_ref().unwrap().attributes;
        assert!(keys(attributes).contains(&"region"), "{resource:?}");
        for metric in resource.scope_metrics.iter().flat_map(|one| &one.metrics) {
            let points = match metric.data.as_ref().unwrap() {
                Data::Gauge(gauge) => &gauge.data_points,
                Data::Sum(sum) => &sum.data_points,
                _ => continue,
            };
            assert!(!points.is_empty());
            for point in points {
                assert!(keys(&point.attributes).contains(&"seen"), "{metric:?}");
            }
        }
    }
}
