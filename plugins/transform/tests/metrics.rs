//! Statements on metrics and data points, as people write them.

use serde_json::json;
use spanmill_sdk::testing::{Changed, DataPoint, Kit, Metric, Metrics, Number};
use spanmill_transform::Transform;

fn metrics() -> Metrics {
    Metrics::new()
        .resource([("service.name", "cart")])
        .metric(
            Metric::sum("http.requests")
                .point(DataPoint::int(3).attr("path", "/users/1"))
                .point(DataPoint::int(4)),
        )
        .metric(Metric::gauge("temperature").point(DataPoint::double(20.0)))
        .metric(Metric::histogram("latency").point(DataPoint::counted(2, 5.0)))
}

fn after(statements: &[&str]) -> Changed<Metric> {
    let settings = json!({"error_mode": "propagate", "metric_statements": statements});
    Kit::<Transform>::new(settings).unwrap().run(&metrics())
}

#[test]
fn metrics_are_renamed_and_described() {
    let changed = after(&[
        r#"set(metric.name, Concat(["shop", metric.name], "."))"#,
        r#"set(metric.description, "Sum") where metric.type == METRIC_DATA_TYPE_SUM"#,
        r#"set(metric.unit, "s") where metric.name == "shop.latency""#,
        r#"set(metric.is_monotonic, false) where metric.type == METRIC_DATA_TYPE_SUM"#,
        r#"set(metric.aggregation_temporality, AGGREGATION_TEMPORALITY_DELTA)"#,
        r#"set(metric.metadata["team"], "a") where HasAttrKeyOnDatapoint("path")"#,
    ]);
    assert_eq!(
        changed.metric_names(),
        ["shop.http.requests", "shop.temperature", "shop.latency"]
    );
    let first = changed.item(0);
    assert_eq!(
        (
            first.description.as_str(),
            first.is_monotonic,
            first.aggregation_temporality
        ),
        ("Sum", 0, 1)
    );
    assert_eq!(first.metadata, [("team".to_owned(), "a".into())]);
    assert_eq!(changed.item(1).aggregation_temporality, 0);
    assert_eq!(
        (
            changed.item(2).unit.as_str(),
            changed.item(2).aggregation_temporality
        ),
        ("s", 1)
    );
}

#[test]
fn points_are_converted_and_know_their_metric() {
    let changed = after(&[
        r#"set(datapoint.value_double, datapoint.value_double * 1.8 + 32.0) where metric.name == "temperature""#,
        r#"set(metric.unit, "F") where metric.name == "temperature""#,
        r#"replace_pattern(datapoint.attributes["path"], "[0-9]+", "{id}")"#,
        r#"set(datapoint.attributes["service"], resource.attributes["service.name"])"#,
        r#"set(datapoint.value_int, 0) where metric.name == "http.requests" and datapoint.attributes["path"] == nil"#,
        r#"set(datapoint.attributes["count"], datapoint.count)"#,
    ]);
    assert_eq!(changed.item(1).points[0].value, Some(Number::Double(68.0)));
    assert_eq!(changed.item(1).unit, "F");
    let points = &changed.item(0).points;
    assert_eq!(points[0].get("path"), Some(&"/users/{id}".into()));
    assert_eq!(points[0].value, Some(Number::Int(3)));
    assert_eq!(points[1].value, Some(Number::Int(0)));
    assert_eq!(points[1].keys(), ["service"]);
    assert_eq!(changed.item(2).points[0].get("count"), Some(&2.into()));
}
