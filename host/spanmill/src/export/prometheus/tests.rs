use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use serde_json::json;

use super::registry::Registry;
use super::text::{Format, page};
use crate::config::PrometheusExporter;
use std::time::Duration;

fn config() -> PrometheusExporter {
    PrometheusExporter {
        endpoint: "localhost:0".to_owned(),
        namespace: String::new(),
        const_labels: vec![("cluster".to_owned(), "a\"b".to_owned())],
        send_timestamps: false,
        metric_expiration: Duration::from_secs(300),
        enable_open_metrics: true,
        add_metric_suffixes: true,
        resource_to_telemetry: false,
    }
}

fn metrics(temporality: u32, calls: u32) -> ExportMetricsServiceRequest {
    serde_json::from_value(json!({"resourceMetrics": [{
        "resource": {"attributes": [
            {"key": "service.name", "value": {"stringValue": "shop"}},
            {"key": "host.name", "value": {"stringValue": "n1"}},
        ]},
        "scopeMetrics": [{"metrics": [
            {"name": "traces.span.metrics.calls", "sum": {
                "aggregationTemporality": temporality, "isMonotonic": true,
                "dataPoints": [{"attributes": [{"key": "span.name", "value": {"stringValue": "GET /"}}],
                    "timeUnixNano": "5000000", "asInt": calls.to_string()}]}},
            {"name": "traces.span.metrics.duration", "unit": "ms", "histogram": {
                "aggregationTemporality": temporality,
                "dataPoints": [{"attributes": [], "timeUnixNano": "5000000",
                    "count": "3", "sum": 31.5, "explicitBounds": [2.0, 10.0], "bucketCounts": ["1", "0", "2"],
                    "exemplars": [{"timeUnixNano": "1500000000", "asDouble": 20.5,
                        "traceId": "0102030405060708090a0b0c0d0e0f10", "spanId": "1112131415161718"}]}]}},
        ]}],
    }]}))
    .unwrap()
}

#[test]
fn the_text_format_has_names_labels_and_cumulative_buckets() {
    let mut registry = Registry::new(&config());
    assert_eq!(registry.take(&metrics(2, 7)), 0);
    let expected = r#"# HELP target_info Target metadata
# TYPE target_info gauge
target_info{cluster="a\"b",host_name="n1",job="shop"} 1
# TYPE traces_span_metrics_calls_total counter
traces_span_metrics_calls_total{cluster="a\"b",job="shop",span_name="GET /"} 7
# TYPE traces_span_metrics_duration_milliseconds histogram
traces_span_metrics_duration_milliseconds_bucket{cluster="a\"b",job="shop",le="2"} 1
traces_span_metrics_duration_milliseconds_bucket{cluster="a\"b",job="shop",le="10"} 1
traces_span_metrics_duration_milliseconds_bucket{cluster="a\"b",job="shop",le="+Inf"} 3
traces_span_metrics_duration_milliseconds_sum{cluster="a\"b",job="shop"} 31.5
traces_span_metrics_duration_milliseconds_count{cluster="a\"b",job="shop"} 3
"#;
    assert_eq!(page(&mut registry, Format::Text), expected);
}

#[test]
fn open_metrics_has_exemplars_in_their_bucket_and_an_end() {
    let mut registry = Registry::new(&config());
    registry.take(&metrics(2, 7));
    let page = page(&mut registry, Format::OpenMetrics);
    let exemplar =
        "# {trace_id=\"0102030405060708090a0b0c0d0e0f10\",span_id=\"1112131415161718\"} 20.5 1.500";
    let with: Vec<&str> = page
        .lines()
        .filter(|line| line.ends_with(exemplar))
        .collect();
    assert_eq!(with.len(), 1);
    assert!(with[0].contains("le=\"+Inf\""), "{page}");
    assert!(
        page.contains("# TYPE traces_span_metrics_calls counter\n"),
        "{page}"
    );
    assert!(page.ends_with("# EOF\n"));
}

#[test]
fn exemplars_outlive_flushes_that_bring_none() {
    let mut registry = Registry::new(&config());
    registry.take(&metrics(2, 7));
    let mut later = metrics(2, 9);
    for metric in &mut later.resource_metrics[0].scope_metrics[0].metrics {
        if let Some(Data::Histogram(histogram)) = &mut metric.data {
            histogram.data_points[0].exemplars.clear();
        }
    }
    registry.take(&later);
    assert!(page(&mut registry, Format::OpenMetrics).contains("# {trace_id=\"0102"));
}

#[test]
fn deltas_add_up_and_totals_replace() {
    for (temporality, expected) in [(1, "12"), (2, "5")] {
        let mut registry = Registry::new(&config());
        registry.take(&metrics(temporality, 7));
        registry.take(&metrics(temporality, 5));
        let page = page(&mut registry, Format::Text);
        assert!(
            page.contains(&format!("span_name=\"GET /\"}} {expected}\n")),
            "{page}"
        );
    }
}

#[test]
fn series_not_updated_are_forgotten() {
    let mut registry = Registry::new(&PrometheusExporter {
        metric_expiration: Duration::ZERO,
        ..config()
    });
    registry.take(&metrics(2, 7));
    assert_eq!(page(&mut registry, Format::Text), "");
}
