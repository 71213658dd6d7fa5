//! A real Prometheus takes what the exporter writes, whatever came in, and finds in it what was sent.

use opentelemetry_proto::tonic::trace::v1::Span;
use spanmill_tests::prometheus::{Prometheus, Series};
use spanmill_tests::{GrpcSender, Spanmill, request, span, text};

/// spanmetrics by these attributes, for Prometheus.
async fn start(dimensions: &str, exporter: &str) -> Spanmill {
    Spanmill::start(&format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
connectors:
  spanmetrics: {{metrics_flush_interval: 100ms, exemplars: {{enabled: true}}, dimensions: [{dimensions}]}}
exporters:
  prometheus: {{endpoint: "127.0.0.1:0", {exporter}}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [spanmetrics]}}
    metrics: {{receivers: [spanmetrics], exporters: [prometheus]}}
"#
    ))
    .await
}

async fn send(spanmill: &Spanmill, service: &str, spans: Vec<Span>) {
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    sender.send(&request(service, spans)).await.unwrap();
}

fn sum(series: &[Series]) -> f64 {
    series.iter().map(|(_, value)| value).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_and_exemplars_are_those_of_the_spans_sent() {
    let spanmill = start("{name: http.route}", "enable_open_metrics: true").await;
    let prometheus = Prometheus::scraping(spanmill.address("exporter prometheus http")).await;
    assert_eq!(prometheus.scraped().await, "");
    let route = |number: u64| match number % 3 {
        0 => vec![],
        _ => vec![text("http.route", "/cart")],
    };
    for first in [1, 31] {
        let spans = (first..first + 30).map(|n| span(n, "GET", route(n)));
        send(&spanmill, "shop", spans.collect()).await;
    }
    let calls = r#"traces_span_metrics_calls_total{service_name="shop"}"#;
    let series = prometheus
        .query_until(calls, |series| sum(series) >= 60.0)
        .await;
    let of = |route: &str| {
        let labels = |(labels, _): &&Series| labels.get("http_route").map_or("", |l| l) == route;
        series.iter().find(labels).unwrap().1
    };
    assert_eq!((of("/cart"), of("")), (40.0, 20.0), "{series:?}");
    let counts = "traces_span_metrics_duration_milliseconds_count";
    assert_eq!(sum(&prometheus.query(counts).await), 60.0);
    let within = r#"traces_span_metrics_duration_milliseconds_bucket{le="+Inf"}"#;
    assert_eq!(sum(&prometheus.query(within).await), 60.0);
    let exemplars = prometheus
        .exemplars("traces_span_metrics_duration_milliseconds_bucket")
        .await;
    assert!(!exemplars.is_empty());
    assert!(exemplars.iter().all(|one| one["trace_id"].is_string()));
    spanmill.stop().await;
}

/// What is written of a text: control characters, on which parsers disagree, are replaced.
fn shown(text: &str) -> String {
    let one = |c: char| match c {
        '\n' | '\t' => c,
        c if c.is_control() || c == '\u{2028}' => '\u{fffd}',
        c => c,
    };
    text.chars().map(one).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_that_collide_or_hold_anything_are_read() {
    let names = [
        "a.b",
        "a_b",
        "a-b",
        "0",
        "le",
        "job",
        "instance",
        "__name__",
        "naïve key",
        "\u{1}",
    ];
    let dimensions =
        names.map(|name| format!("{{name: {}}}", serde_json::to_string(name).unwrap()));
    for open_metrics in [false, true] {
        let exporter = format!(
            "enable_open_metrics: {open_metrics}, send_timestamps: true, resource_to_telemetry_conversion: {{enabled: true}}"
        );
        let spanmill = start(&dimensions[..].join(", "), &exporter).await;
        let prometheus = Prometheus::scraping(spanmill.address("exporter prometheus http")).await;
        let values = [
            "",
            "\"",
            "\\",
            "\n\r\t",
            "\0\u{7f}\u{2028}",
            "# EOF\n",
            "}} 1\nx 2",
            "日本 🦀",
        ];
        let shown = values.map(shown);
        let spans = values.iter().zip(1..).map(|(value, number)| {
            let attributes = names.iter().map(|name| text(name, value)).collect();
            span(number, value, attributes)
        });
        send(&spanmill, "\"shop\"\\\n", spans.collect()).await;
        let all = "traces_span_metrics_calls_total";
        let series = prometheus
            .query_until(all, |series| sum(series) >= values.len() as f64)
            .await;
        assert_eq!(sum(&series), values.len() as f64);
        assert_eq!(series.len(), values.len(), "{series:?}");
        assert_eq!(prometheus.scraped().await, "");
        for (labels, _) in &series {
            // To Prometheus an empty label is none.
            let name = labels.get("span_name").cloned().unwrap_or_default();
            assert!(shown.contains(&name), "{labels:?}");
            assert_eq!(labels["service_name"], "\"shop\"\\\n");
        }
        spanmill.stop().await;
    }
}
