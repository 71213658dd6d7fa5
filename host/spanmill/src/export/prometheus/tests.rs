pub(in crate::export) mod anything;
mod exposition;
mod kinds;
mod sums;

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::format::Format;
use super::intake::Intake;
use super::page::{Cursor, PIECE, Page};
use super::registry::Limits;
use super::text::Writer;
use crate::export::prometheus::config::PrometheusConfig;

fn config() -> PrometheusConfig {
    PrometheusConfig {
        endpoint: "localhost:0".to_owned(),
        namespace: String::new(),
        const_labels: vec![("cluster".to_owned(), "a\"b".to_owned())],
        send_timestamps: false,
        metric_expiration: Duration::from_secs(300),
        enable_open_metrics: true,
        add_metric_suffixes: true,
        resource_to_telemetry: false,
        exclude_service_attributes: false,
        without_scope_info: true,
        tls: None,
    }
}

/// A whole page.
fn page(intake: &Intake, format: Format, timestamps: bool) -> String {
    let mut cursor = Cursor::new(Writer { format, timestamps });
    let mut page = String::new();
    loop {
        let piece = cursor.write(intake);
        if piece.is_empty() {
            return page;
        }
        page.push_str(&String::from_utf8(piece).unwrap());
    }
}

fn text(intake: &Intake) -> String {
    let page = page(intake, Format::Text, false);
    exposition::read(&page, false);
    page
}

fn open(intake: &Intake) -> String {
    let page = page(intake, Format::OpenMetrics, false);
    exposition::read(&page, true);
    page
}

/// Attributes as OTLP/JSON has them.
fn attributes(pairs: &[(&str, &str)]) -> Value {
    let one = |(key, value): &(&str, &str)| json!({"key": key, "value": {"stringValue": value}});
    pairs.iter().map(one).collect()
}

/// One counter `calls` of one resource.
fn calls(
    resource: &[(&str, &str)],
    point: &[(&str, &str)],
    count: u32,
) -> ExportMetricsServiceRequest {
    metric(
        resource,
        json!({"name": "calls", "sum": {"aggregationTemporality": 2, "isMonotonic": true,
            "dataPoints": [{"attributes": attributes(point), "asInt": count.to_string()}]}}),
    )
}

fn metric(resource: &[(&str, &str)], metric: Value) -> ExportMetricsServiceRequest {
    serde_json::from_value(json!({"resourceMetrics": [{
        "resource": {"attributes": attributes(resource)},
        "scopeMetrics": [{"scope": {"name": "lib", "version": "1"}, "metrics": [metric]}],
    }]}))
    .unwrap()
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
    let intake = Intake::new(&config());
    assert_eq!(intake.take(&metrics(2, 1_234_567)), 0);
    let expected = r#"# TYPE traces_span_metrics_calls_total counter
traces_span_metrics_calls_total{cluster="a\"b",job="shop",span_name="GET /"} 1.234567e+06
# TYPE traces_span_metrics_duration_milliseconds histogram
traces_span_metrics_duration_milliseconds_bucket{cluster="a\"b",job="shop",le="2"} 1
traces_span_metrics_duration_milliseconds_bucket{cluster="a\"b",job="shop",le="10"} 1
traces_span_metrics_duration_milliseconds_bucket{cluster="a\"b",job="shop",le="+Inf"} 3
traces_span_metrics_duration_milliseconds_sum{cluster="a\"b",job="shop"} 31.5
traces_span_metrics_duration_milliseconds_count{cluster="a\"b",job="shop"} 3
"#;
    assert_eq!(text(&intake), expected);
}

#[test]
fn open_metrics_has_exemplars_in_their_bucket_and_an_end() {
    let intake = Intake::new(&config());
    intake.take(&metrics(2, 7));
    let page = open(&intake);
    let exemplar =
        "# {trace_id=\"0102030405060708090a0b0c0d0e0f10\",span_id=\"1112131415161718\"} 20.5 1.5";
    let with: Vec<&str> = page
        .lines()
        .filter(|line| line.ends_with(exemplar))
        .collect();
    assert_eq!(with.len(), 1);
    assert!(with[0].contains("le=\"+Inf\""), "{page}");
    assert!(page.contains("le=\"10.0\"} 1\n"), "{page}");
    assert!(
        page.contains("# TYPE traces_span_metrics_calls counter\n"),
        "{page}"
    );
    assert!(page.contains("span_name=\"GET /\"} 7.0\n"), "{page}");
    assert!(page.ends_with("# EOF\n"));
}

#[test]
fn exemplars_outlive_flushes_that_bring_none() {
    let intake = Intake::new(&config());
    intake.take(&metrics(2, 7));
    let mut later = metrics(2, 9);
    for metric in &mut later.resource_metrics[0].scope_metrics[0].metrics {
        if let Some(Data::Histogram(histogram)) = &mut metric.data {
            histogram.data_points[0].exemplars.clear();
        }
    }
    intake.take(&later);
    assert!(open(&intake).contains("# {trace_id=\"0102"));
}

#[test]
fn series_not_updated_are_forgotten() {
    let intake = Intake::new(&PrometheusConfig {
        metric_expiration: Duration::ZERO,
        ..config()
    });
    intake.take(&metrics(2, 7));
    assert_eq!(text(&intake), "");
}

#[test]
fn scopes_are_labels_unless_they_are_not_wanted() {
    let config = PrometheusConfig {
        without_scope_info: false,
        const_labels: Vec::new(),
        ..config()
    };
    let intake = Intake::new(&config);
    intake.take(&calls(&[], &[], 1));
    assert!(text(&intake).contains(
        "calls_total{otel_scope_name=\"lib\",otel_scope_schema_url=\"\",otel_scope_version=\"1\"} 1\n"
    ));
}

#[test]
fn keys_that_become_one_label_are_joined_in_their_order() {
    let config = PrometheusConfig {
        const_labels: Vec::new(),
        resource_to_telemetry: true,
        ..config()
    };
    let intake = Intake::new(&config);
    let resource = [("service.name", "shop"), ("job", "j1"), ("instance", "i1")];
    let point = [
        ("a_b", "under"),
        ("a.b", "dot"),
        ("", "nothing"),
        ("__name__", "me"),
        ("service.name", "of the point"),
    ];
    intake.take(&calls(&resource, &point, 1));
    let page = text(&intake);
    assert!(page.contains(
        "calls_total{a_b=\"dot;under\",instance=\"i1\",job=\"j1;shop\",key_=\"nothing\",key__name__=\"me\",service_name=\"shop\"} 1\n"
    ), "{page}");
}

#[test]
fn target_info_is_there_for_what_has_a_job_and_an_instance() {
    let config = PrometheusConfig {
        const_labels: Vec::new(),
        resource_to_telemetry: true,
        ..config()
    };
    let (name, id) = ("service.name", "service.instance.id");
    for (resource, labels) in [
        (
            &[(name, "shop"), (id, "i1"), ("zone", "z")][..],
            Some(r#"instance="i1",job="shop",zone="z""#),
        ),
        (
            &[(name, "shop"), (id, "i1")],
            Some(r#"instance="i1",job="shop""#),
        ),
        (
            &[(name, ""), ("service.namespace", "n"), (id, "i1")],
            Some(r#"instance="i1",job="n/""#),
        ),
        (&[(name, "shop"), ("zone", "z")], None),
        (&[(name, "shop"), ("instance", "i1"), ("zone", "z")], None),
        (&[(name, "shop"), (id, ""), ("zone", "z")], None),
        (&[(name, ""), (id, "i1"), ("zone", "z")], None),
        (
            &[("service.namespace", "n"), (id, "i1"), ("zone", "z")],
            None,
        ),
    ] {
        let intake = Intake::new(&config);
        intake.take(&calls(resource, &[], 1));
        let page = text(&intake);
        let info = page.lines().find(|line| line.starts_with("target_info{"));
        let expected = labels.map(|labels| format!("target_info{{{labels}}} 1"));
        assert_eq!(info, expected.as_deref(), "{resource:?}");
    }
}

#[test]
fn target_info_has_job_and_instance_as_the_series_have_them() {
    for (resource_to_telemetry, job) in [(false, "shop"), (true, "j1;shop")] {
        let intake = Intake::new(&PrometheusConfig {
            const_labels: Vec::new(),
            resource_to_telemetry,
            namespace: "my app".to_owned(),
            ..config()
        });
        let resource = [
            ("service.name", "shop"),
            ("service.instance.id", "i1"),
            ("job", "j1"),
            ("zone", "z"),
        ];
        intake.take(&calls(&resource, &[], 1));
        let page = text(&intake);
        let found_by = format!("{{instance=\"i1\",job=\"{job}\"");
        for series in ["my_app_target_info", "my_app_calls_total"] {
            assert!(page.contains(&format!("{series}{found_by}")), "{page}");
        }
    }
}

#[test]
fn a_restarted_service_has_one_target_info() {
    let intake = Intake::new(&config());
    for pid in ["1", "2", "1"] {
        intake.take(&calls(
            &[
                ("service.name", "shop"),
                ("service.instance.id", "i1"),
                ("process.pid", pid),
            ],
            &[("pid", pid)],
            1,
        ));
    }
    let page = text(&intake);
    let infos: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("target_info{"))
        .collect();
    assert_eq!(
        infos,
        ["target_info{cluster=\"a\\\"b\",instance=\"i1\",job=\"shop\",process_pid=\"2\"} 1"]
    );
}

#[test]
fn control_characters_do_not_get_out() {
    let intake = Intake::new(&config());
    intake.take(&calls(&[], &[("k", "a\u{0}b\u{1b}[1m\r\n\t\"\\")], 1));
    assert!(text(&intake).contains("k=\"a\u{fffd}b\u{fffd}[1m\u{fffd}\\n\t\\\"\\\\\""));
}

#[test]
fn a_histogram_keeps_le_to_itself() {
    let intake = Intake::new(&config());
    intake.take(&metric(
        &[],
        json!({"name": "took", "histogram": {"aggregationTemporality": 2, "dataPoints": [
            {"attributes": attributes(&[("le", "mine")]), "count": "1", "bucketCounts": ["1"]}]}}),
    ));
    assert!(
        text(&intake)
            .contains("took_bucket{cluster=\"a\\\"b\",exported_le=\"mine\",le=\"+Inf\"} 1\n")
    );
}

#[test]
fn of_metrics_that_get_one_name_the_first_kind_is_shown() {
    let intake = Intake::new(&config());
    let histogram = json!({"name": "x", "histogram": {"aggregationTemporality": 2,
        "dataPoints": [{"count": "1", "bucketCounts": ["1"]}]}});
    assert_eq!(intake.take(&metric(&[], histogram)), 0);
    for name in ["x", "x_count", "x.bucket"] {
        let gauge = json!({"name": name, "gauge": {"dataPoints": [{"asInt": "1"}]}});
        assert_eq!(intake.take(&metric(&[], gauge)), 1, "{name}");
    }
    assert!(!text(&intake).contains("gauge"));
}

#[test]
fn a_full_registry_goes_on_with_what_it_has() {
    let limits = Limits {
        series: 3,
        bytes: 1 << 20,
    };
    let intake = Intake::with_limits(&config(), limits);
    let mut rejected = 0;
    for n in 0..10 {
        rejected += intake.take(&calls(&[], &[("n", &n.to_string())], n));
    }
    assert_eq!(rejected, 7);
    assert_eq!(intake.take(&calls(&[], &[("n", "2")], 50)), 0);
    let page = text(&intake);
    assert_eq!(page.lines().filter(|line| line.contains("n=")).count(), 3);
    assert!(page.contains("n=\"2\"} 50\n"), "{page}");

    let few = Limits {
        series: 1000,
        bytes: 4000,
    };
    let intake = Intake::with_limits(&config(), few);
    let long = "x".repeat(1000);
    let taken =
        (0..10).filter(|n| intake.take(&calls(&[], &[("n", &format!("{n}{long}"))], 1)) == 0);
    assert!((1..4).contains(&taken.count()));
}

#[tokio::test]
async fn a_page_comes_in_pieces_and_whole() {
    let intake = Arc::new(Intake::new(&config()));
    let long = "x".repeat(300);
    for n in 0..1500 {
        intake.take(&calls(&[], &[("n", &format!("{n:04}{long}"))], n));
    }
    let gate = Arc::new(Semaphore::new(2));
    let writer = Writer {
        format: Format::Text,
        timestamps: false,
    };
    let mut unread = Page::new(&intake, &gate, writer);
    unread.frame().await.unwrap().unwrap();
    // One that is not read any more holds neither the gate nor the series.
    assert_eq!(gate.available_permits(), 2);
    intake.take(&calls(&[], &[("n", "zz")], 7));

    let mut body = Page::new(&intake, &gate, writer);
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let piece = frame.unwrap().into_data().unwrap();
        assert!(piece.len() <= PIECE);
        whole.extend_from_slice(&piece);
    }
    let whole = String::from_utf8(whole).unwrap();
    assert_eq!(exposition::read(&whole, false).len(), 1501);
    assert!(whole.len() > 3 * PIECE);
}

#[test]
fn a_family_that_goes_while_it_is_read_leaves_a_page_that_can_be_read() {
    let intake = Intake::new(&config());
    let long = "x".repeat(300);
    for n in 0..500 {
        intake.take(&calls(&[], &[("n", &format!("{n:04}{long}"))], n));
    }
    let writer = Writer {
        format: Format::Text,
        timestamps: false,
    };
    let mut cursor = Cursor::new(writer);
    let mut page = cursor.write(&intake);
    intake.registry().families.clear();
    page.extend(cursor.write(&intake));
    let page = String::from_utf8(page).unwrap();
    assert!(exposition::read(&page, false).len() < 500);
}
