//! A real Prometheus scrapes the service while telemetry of every signal flows, and answers what the Collector's public dashboards
//! ask: the numbers are those that the senders and the sink counted themselves.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message as _;
use serde_json::json;
use spanmill_tests::prometheus::{Prometheus, Series};
use spanmill_tests::{
    Answer, Arrivals, Backend, DEADLINE, GrpcSender, Spanmill, post, request, span,
};
use tonic::Code;

const SPANS: u64 = 25;
const RECORDS: u64 = 7;
const POINTS: u64 = 3;
const RECEIVERS: [&str; 3] = [
    "receiver otlp grpc",
    "receiver otlp http",
    "receiver otlp/second grpc",
];

fn manifest(backend: &Backend, second: &Backend) -> String {
    format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}, http: {{endpoint: "127.0.0.1:0"}}}}}}
  otlp/second: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
exporters:
  otlp: {{endpoint: "{}", tls: {{insecure: true}}}}
  otlp/second:
    endpoint: "{}"
    tls: {{insecure: true}}
    sending_queue: {{queue_size: 5, num_consumers: 1}}
service:
  telemetry: {{metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: 0}}}}}}}}]}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlp]}}
    logs: {{receivers: [otlp], exporters: [otlp]}}
    metrics: {{receivers: [otlp], exporters: [otlp]}}
    traces/second: {{receivers: [otlp/second], exporters: [otlp/second]}}
"#,
        backend.address(),
        second.address()
    )
}

fn traces() -> Bytes {
    let spans = (1..=SPANS).map(|number| span(number, "one", vec![]));
    request("shop", spans.collect()).encode_to_vec().into()
}

fn logs() -> Bytes {
    let records = (0..RECORDS).map(|_| json!({"body": {"stringValue": "a line"}}));
    let records: Vec<_> = records.collect();
    let request = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]});
    let request: ExportLogsServiceRequest = serde_json::from_value(request).unwrap();
    request.encode_to_vec().into()
}

fn metrics() -> Bytes {
    let points = (1..=POINTS).map(|at| json!({"asInt": "1", "timeUnixNano": at.to_string()}));
    let points: Vec<_> = points.collect();
    let metric = json!({"name": "load", "gauge": {"dataPoints": points}});
    let request = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]});
    let request: ExportMetricsServiceRequest = serde_json::from_value(request).unwrap();
    request.encode_to_vec().into()
}

/// What the senders counted: items of requests that were answered with success, by signal and protocol.
#[derive(Default)]
struct Sent {
    spans: AtomicU64,
    spans_http: AtomicU64,
    records: AtomicU64,
    points: AtomicU64,
    done: AtomicBool,
}

impl Sent {
    fn count(counter: &AtomicU64, items: u64) {
        counter.fetch_add(items, Ordering::SeqCst);
    }
}

/// Sends requests of every signal, one after the other, until told to end.
async fn load(spanmill: [std::net::SocketAddr; 2], sent: Arc<Sent>) {
    let [grpc, http] = spanmill;
    let sender = GrpcSender::connect(grpc).await;
    while !sent.done.load(Ordering::SeqCst) {
        sender.send_bytes(traces()).await.unwrap();
        Sent::count(&sent.spans, SPANS);
        sender.send_logs(logs()).await.unwrap();
        Sent::count(&sent.records, RECORDS);
        sender.send_metrics(metrics()).await.unwrap();
        Sent::count(&sent.points, POINTS);
        let reply = post(http, "application/x-protobuf", traces()).await;
        assert_eq!(reply.status, 200);
        Sent::count(&sent.spans_http, SPANS);
    }
}

/// The values of an expression's series, by a label of theirs.
fn by(series: &[Series], label: &str) -> BTreeMap<String, f64> {
    let value = |(labels, value): &Series| (labels.get(label).cloned().unwrap_or_default(), *value);
    series.iter().map(value).collect()
}

/// Waits until an expression gives these values, by a label.
async fn gives(prometheus: &Prometheus, expression: &str, label: &str, expected: &[(&str, u64)]) {
    #[expect(clippy::cast_precision_loss, reason = "counts of a test")]
    let expected: BTreeMap<String, f64> = expected
        .iter()
        .map(|(of, value)| ((*of).to_owned(), *value as f64))
        .collect();
    let seen = Mutex::new(BTreeMap::new());
    let is_so = |series: &[Series]| {
        let values = by(series, label);
        let is_so = values == expected;
        *seen.lock().unwrap() = values;
        is_so
    };
    let asked = prometheus.query_until(expression, is_so);
    if tokio::time::timeout(DEADLINE / 2, asked).await.is_err() {
        panic!(
            "{expression} gives {:?}, not {expected:?}",
            seen.lock().unwrap()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_dashboards_ask_is_what_was_counted_outside() {
    let (backend, second) = (Backend::start().await, Backend::start().await);
    let spanmill = Spanmill::start(&manifest(&backend, &second)).await;
    let prometheus = Prometheus::scraping(spanmill.address("telemetry http")).await;
    let [grpc, http, refusing] = RECEIVERS.map(|of| spanmill.address(of));

    let sent = Arc::new(Sent::default());
    let senders: Vec<_> = (0..4)
        .map(|_| tokio::spawn(load([grpc, http], Arc::clone(&sent))))
        .collect();
    // The panels "Spans rate", "Metric points rate" and "Log records rate" while telemetry flows.
    for panel in [
        "sum(rate(otelcol_receiver_accepted_spans_total{receiver=~\"otlp\",job=\"spanmill\"}[10s])) by (receiver)",
        "sum(rate(otelcol_receiver_accepted_metric_points_total{receiver=~\"otlp\",job=\"spanmill\"}[10s])) by (receiver)",
        "sum(rate(otelcol_receiver_accepted_log_records_total{receiver=~\"otlp\",job=\"spanmill\"}[10s])) by (receiver)",
        "sum(rate(otelcol_exporter_sent_spans_total{exporter=~\"otlp\",job=\"spanmill\"}[10s])) by (exporter)",
        "sum(rate(otelcol_exporter_sent_metric_points_total{exporter=~\"otlp\",job=\"spanmill\"}[10s])) by (exporter)",
        "sum(rate(otelcol_exporter_sent_log_records_total{exporter=~\"otlp\",job=\"spanmill\"}[10s])) by (exporter)",
    ] {
        let flows = |series: &[Series]| series.len() == 1 && series[0].1 > 0.0;
        prometheus.query_until(panel, flows).await;
    }

    // A backend that does not answer, until its queue is full.
    second.open(false);
    let sender = GrpcSender::connect(refusing).await;
    let (mut taken, mut refused) = (0, 0);
    while refused < 3 {
        match sender.send_bytes(traces()).await {
            Ok(()) => taken += 1,
            Err(status) => {
                assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
                refused += 1;
            }
        }
    }
    let capacity = "sum(otelcol_exporter_queue_capacity) by (exporter)";
    let size = "sum(otelcol_exporter_queue_size) by (exporter)";
    // The other exporter's queue has something in it while telemetry flows.
    let full = "sum(otelcol_exporter_queue_size{exporter=\"otlp/second\",data_type=\"traces\"}) by (exporter)";
    gives(&prometheus, full, "exporter", &[("otlp/second", taken)]).await;
    let capacities = prometheus.query(capacity).await;
    assert_eq!(by(&capacities, "exporter")["otlp/second"], 5.0);

    sent.done.store(true, Ordering::SeqCst);
    for sender in senders {
        sender.await.unwrap();
    }
    let of = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
    let (spans, spans_http) = (of(&sent.spans), of(&sent.spans_http));
    let (records, points) = (of(&sent.records), of(&sent.points));
    assert!(
        spans >= 4 * SPANS && spans_http >= 4 * SPANS,
        "{spans} {spans_http}"
    );

    // Accepted and refused, by component, protocol and signal.
    let accepted = "sum(otelcol_receiver_accepted_spans_total) by (receiver)";
    let all = [("otlp", spans + spans_http), ("otlp/second", taken * SPANS)];
    gives(&prometheus, accepted, "receiver", &all).await;
    let accepted = "sum(otelcol_receiver_accepted_spans_total{receiver=\"otlp\"}) by (transport)";
    let protocols = [("grpc", spans), ("http", spans_http)];
    gives(&prometheus, accepted, "transport", &protocols).await;
    for (signal, items) in [("log_records", records), ("metric_points", points)] {
        let accepted = format!("sum(otelcol_receiver_accepted_{signal}_total > 0) by (receiver)");
        gives(&prometheus, &accepted, "receiver", &[("otlp", items)]).await;
        let exported = format!("sum(otelcol_exporter_sent_{signal}_total > 0) by (exporter)");
        gives(&prometheus, &exported, "exporter", &[("otlp", items)]).await;
    }
    let lost = [("otlp/second", refused * SPANS)];
    let expression = "sum(otelcol_receiver_refused_spans_total > 0) by (receiver)";
    gives(&prometheus, expression, "receiver", &lost).await;
    let expression = "sum(otelcol_exporter_enqueue_failed_spans_total > 0) by (exporter)";
    gives(&prometheus, expression, "exporter", &lost).await;

    // What the sink has, by signal, is what is said to be sent.
    let at_sink = Arrivals::of(&backend.taken());
    let points_of = |metric: &Metric| match &metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        other => panic!("{other:?} was not sent"),
    };
    let at_points = at_sink.metrics.iter().map(|(_, metric)| points_of(metric));
    let points_at_sink: usize = at_points.sum();
    let counted = [at_sink.spans.len(), at_sink.logs.len(), points_at_sink];
    let expected = [spans + spans_http, records, points];
    assert_eq!(counted.map(|items| items as u64), expected);
    let expression = "sum(otelcol_exporter_sent_spans_total{exporter=\"otlp\"}) by (exporter)";
    gives(
        &prometheus,
        expression,
        "exporter",
        &[("otlp", spans + spans_http)],
    )
    .await;

    // The backend takes one of the requests that wait, and refuses the others for good.
    second.answer(|number| match number {
        1 => Answer::Take,
        _ => Answer::Invalid,
    });
    second.open(true);
    let expression = "sum(otelcol_exporter_send_failed_spans_total > 0) by (exporter)";
    let failed = [("otlp/second", (taken - 1) * SPANS)];
    gives(&prometheus, expression, "exporter", &failed).await;
    let expression =
        "sum(otelcol_exporter_sent_spans_total{exporter=\"otlp/second\"}) by (exporter)";
    gives(
        &prometheus,
        expression,
        "exporter",
        &[("otlp/second", SPANS)],
    )
    .await;
    gives(
        &prometheus,
        size,
        "exporter",
        &[("otlp", 0), ("otlp/second", 0)],
    )
    .await;
    assert_eq!(second.spans(1).await.len(), usize::try_from(SPANS).unwrap());
    // What the backend refused is told at the end as well.
    spanmill.terminate();
    let ended = spanmill.ended().await;
    let lost = format!(
        "{} spans were accepted and not delivered",
        (taken - 1) * SPANS
    );
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.log.iter().any(|line| line.contains(&lost)),
        "{:?}",
        ended.log
    );
}
