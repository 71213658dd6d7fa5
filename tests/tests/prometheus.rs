//! A real Prometheus takes what the exporter writes, whatever came in, and finds in it what was sent.

use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;
use spanmill_tests::prometheus::{Prometheus, Series};
use spanmill_tests::{GrpcSender, Measured, Spanmill, request, span, text};

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

/// OTLP's metrics for Prometheus.
async fn start_for_metrics(exporter: &str) -> Spanmill {
    Spanmill::start(&format!(
        r#"
receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:0"}}}}}}
exporters:
  prometheus: {{endpoint: "127.0.0.1:0", {exporter}}}
service:
  pipelines:
    metrics: {{receivers: [otlp], exporters: [prometheus]}}
"#
    ))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_of_every_kind_are_scraped() {
    let spanmill = start_for_metrics("enable_open_metrics: true").await;
    let address = spanmill.address("exporter prometheus http");
    let shop = Measured::by("shop", &[("host.name", "n1")]);
    shop.send(&spanmill, shop.every_kind(1)).await;
    // One is scraped in OpenMetrics, the other in protobuf.
    let text = Prometheus::scraping(address).await;
    let native = Prometheus::scraping_native(address).await;
    for prometheus in [&text, &native] {
        assert_eq!(prometheus.scraped().await, "");
        for (expression, expected) in [
            (
                r#"load{job="shop",instance="i1",otel_scope_name="lib"}"#,
                0.5,
            ),
            ("calls_total", 7.0),
            ("queued", 3.0),
            (r#"took_seconds_bucket{le=~"1|1.0"}"#, 1.0),
            (r#"took_seconds_bucket{le="+Inf"}"#, 6.0),
            ("took_seconds_sum", 20.5),
            (r#"rpc{quantile="0.99"}"#, 2.0),
            ("rpc_count", 9.0),
            (r#"target_info{job="shop",host_name="n1"}"#, 1.0),
        ] {
            let series = prometheus
                .query_until(expression, |series| !series.is_empty())
                .await;
            assert_eq!(sum(&series), expected, "{expression}");
        }
        assert!(!prometheus.exemplars("took_seconds_bucket").await.is_empty());
    }
    assert_eq!(sum(&text.query("waited_seconds_count").await), 10.0);
    for (expression, expected) in [
        ("histogram_count(waited_seconds)", 10.0),
        ("histogram_sum(waited_seconds)", 7.5),
        // Two below zero, three at zero, and one in the first bucket above it.
        ("histogram_fraction(-Inf, 0.999, waited_seconds)", 0.6),
    ] {
        let series = native.query(expression).await;
        assert!(
            (sum(&series) - expected).abs() < 0.01,
            "{expression}: {series:?}"
        );
    }
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn native_deltas_add_up_and_a_series_that_ends_is_gone() {
    let spanmill = start_for_metrics("").await;
    let shop = Measured::by("shop", &[]);
    let histogram = |second: u64, offset: i32| {
        let point = json!({"count": "2", "sum": 3.0, "scale": 3, "positive": {"offset": offset, "bucketCounts": ["2"]}});
        json!({"name": "took", "exponentialHistogram": {"aggregationTemporality": 1, "dataPoints": [shop.point(second, point)]}})
    };
    let load = |second: u64, flags: u32| {
        let point = json!({"asInt": "1", "flags": flags});
        json!({"name": "load", "gauge": {"dataPoints": [shop.point(second, point)]}})
    };
    shop.send(&spanmill, vec![histogram(1, 0), load(1, 0)])
        .await;
    shop.send(&spanmill, vec![histogram(2, 400)]).await;
    let prometheus =
        Prometheus::scraping_native(spanmill.address("exporter prometheus http")).await;
    let both = |series: &[Series]| sum(series) == 4.0;
    prometheus.query_until("histogram_count(took)", both).await;
    assert_eq!(sum(&prometheus.query("load").await), 1.0);
    shop.send(&spanmill, vec![load(3, 1)]).await;
    prometheus
        .query_until("load", |series| series.is_empty())
        .await;
    assert_eq!(sum(&prometheus.query("histogram_count(took)").await), 4.0);
    spanmill.stop().await;
}
