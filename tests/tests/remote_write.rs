//! A real Prometheus and a real VictoriaMetrics take what the remote write exporter posts, and have what was sent.

use serde_json::{Value, json};
use spanmill_tests::prometheus::{Prometheus, VictoriaMetrics};
use spanmill_tests::{Measured, Spanmill};

async fn start(url: &str, exporter: &str) -> Spanmill {
    Spanmill::start(&format!(
        r#"
receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:0"}}}}}}
exporters:
  prometheusremotewrite: {{endpoint: "{url}", {exporter}}}
service:
  pipelines:
    metrics: {{receivers: [otlp], exporters: [prometheusremotewrite]}}
"#
    ))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_has_metrics_of_every_kind() {
    let prometheus = Prometheus::receiving().await;
    let exporter = "external_labels: {cluster: eu}, send_metadata: true";
    let spanmill = start(&prometheus.write_url(), exporter).await;
    let shop = Measured::by("shop", &[("host.name", "n1")]);
    shop.send(&spanmill, shop.every_kind(1)).await;
    for (expression, expected) in [
        (
            r#"load{job="shop",instance="i1",cluster="eu",otel_scope_name="lib"}"#,
            0.5,
        ),
        ("calls_total", 7.0),
        ("queued", 3.0),
        (r#"took_seconds_bucket{le="1"}"#, 1.0),
        (r#"took_seconds_bucket{le="+Inf"}"#, 6.0),
        ("took_seconds_sum", 20.5),
        (r#"rpc{quantile="0.99"}"#, 2.0),
        ("rpc_count", 9.0),
        ("histogram_count(waited_seconds)", 10.0),
        ("histogram_sum(waited_seconds)", 7.5),
        (r#"target_info{job="shop",host_name="n1"}"#, 1.0),
    ] {
        let series = prometheus
            .query_until(expression, |series| !series.is_empty())
            .await;
        assert_eq!(series[0].1, expected, "{expression}");
    }
    assert!(!prometheus.exemplars("took_seconds_bucket").await.is_empty());
    assert!(!prometheus.exemplars("calls_total").await.is_empty());
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_come_in_their_order_and_ends_are_marked() {
    let prometheus = Prometheus::receiving().await;
    // A request for each series, many at a time.
    let spanmill = start(&prometheus.write_url(), "max_batch_size_bytes: 1").await;
    let shop = Measured::by("shop", &[]);
    let load = |points: Vec<Value>| json!({"name": "load", "gauge": {"dataPoints": points}});
    let points = [5, 2, 9].map(|second| shop.point(second, json!({"asInt": second.to_string()})));
    let other = [1, 3].map(|second| {
        let attributes = json!([{"key": "k", "value": {"stringValue": "v"}}]);
        shop.point(second, json!({"asInt": "1", "attributes": attributes}))
    });
    shop.send(&spanmill, vec![load([&points[..], &other].concat())])
        .await;
    for second in 10..30 {
        let point = shop.point(second, json!({"asInt": second.to_string()}));
        shop.send(&spanmill, vec![load(vec![point])]).await;
    }
    let end = shop.point(31, json!({"flags": 1}));
    shop.send(&spanmill, vec![load(vec![end])]).await;
    let gone = r#"load{k=""}"#;
    prometheus
        .query_until("load", |series| series.len() == 1)
        .await;
    spanmill.stop().await;
    assert!(prometheus.query(gone).await.is_empty());
    let seconds = [2, 5, 9].into_iter().chain(10..30);
    let expected: Vec<(f64, f64)> = seconds.map(|one| (shop.millis(one), one as f64)).collect();
    assert_eq!(prometheus.samples(gone).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn victoria_metrics_has_what_was_sent() {
    let victoria = VictoriaMetrics::receiving().await;
    let exporter = "resource_to_telemetry_conversion: {enabled: true, exclude_service_attributes: true}, namespace: my";
    let spanmill = start(&victoria.write_url(), exporter).await;
    let shop = Measured::by("shop", &[("host.name", "n1")]);
    let mut metrics = shop.every_kind(1);
    // It has no native histograms.
    metrics.retain(|metric| metric["name"] != "waited");
    shop.send(&spanmill, metrics).await;
    let series = victoria.series(r#"{job="shop"}"#, 13).await;
    let value = |name: &str| {
        let mut found = series
            .iter()
            .filter(|one| one["metric"]["__name__"] == name);
        let one = found.next().unwrap_or_else(|| panic!("{name}: {series:?}"));
        assert_eq!(one["metric"]["host_name"], "n1");
        assert!(one["metric"]["service_name"].is_null());
        assert_eq!(one["timestamps"][0].as_f64(), Some(shop.millis(1)));
        one["values"][0].as_f64().unwrap()
    };
    for (name, expected) in [
        ("my_load", 0.5),
        ("my_calls_total", 7.0),
        ("my_queued", 3.0),
        ("my_took_seconds_count", 6.0),
        ("my_rpc_sum", 4.5),
        ("my_target_info", 1.0),
    ] {
        assert_eq!(value(name), expected, "{name}");
    }
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_backend_refuses_is_counted_and_the_rest_is_there() {
    let prometheus = Prometheus::receiving().await;
    let spanmill = start(
        &prometheus.write_url(),
        "max_batch_size_bytes: 1, target_info: {enabled: false}",
    )
    .await;
    let shop = Measured::by("shop", &[]);
    let gauge = |name: &str, second: u64| {
        let point = shop.point(second, json!({"asInt": "1"}));
        json!({"name": name, "gauge": {"dataPoints": [point]}})
    };
    shop.send(&spanmill, vec![gauge("a", 9)]).await;
    prometheus
        .query_until("a", |series| !series.is_empty())
        .await;
    // Out of order.
    shop.send(&spanmill, vec![gauge("a", 3), gauge("b", 3)])
        .await;
    prometheus
        .query_until("b", |series| !series.is_empty())
        .await;
    spanmill.terminate();
    let ended = spanmill.ended().await;
    assert_eq!(ended.code, Some(1));
    let last = ended.log.last().unwrap();
    let lost = "exporter prometheusremotewrite: 1 data points (rejected by the backend in batches that it took)";
    assert!(last.contains(lost), "{last}");
}
