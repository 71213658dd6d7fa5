//! Counts as the Collector's `count` connector makes them.

use serde_json::{Value, json};
use spanmill_count::Count;
use spanmill_sdk::testing::{
    Attr, ConnectorKit, DataPoint, Event, LogRecord, Logs, Measured, Metric, Metrics, Span, Spans,
};
use spanmill_sdk::{ConfigError, PluginError};

fn kit(settings: Value) -> ConnectorKit<Count> {
    ConnectorKit::new(settings).unwrap()
}

fn counts(measured: &[Measured]) -> Vec<u64> {
    measured.iter().map(|it| it.count).collect()
}

fn spans() -> Spans {
    Spans::new()
        .resource([("service.name", "shop")])
        .item(
            Span::new("a")
                .attr("env", "prod")
                .event(Event::new("x").attr("env", "test")),
        )
        .item(
            Span::new("b")
                .attr("env", "dev")
                .event(Event::new("y"))
                .event(Event::new("z")),
        )
        .resource([("service.name", "bank")])
        .item(Span::new("c"))
}

#[test]
fn everything_is_counted_by_resource_without_settings() {
    let mut kit = kit(Value::Null);
    kit.run(&spans());
    kit.run(&spans());
    let found = kit.metric("trace.span.count");
    let services: Vec<(&str, u64)> = found
        .iter()
        .map(|it| (it.resource[0].1.as_str(), it.count))
        .collect();
    assert_eq!(services, [("bank", 2), ("shop", 4)]);
    assert_eq!(counts(&kit.metric("trace.span.event.count")), [6]);
    kit.run(&Logs::of([LogRecord::new("one"), LogRecord::new("two")]));
    assert_eq!(counts(&kit.metric("log.record.count")), [2]);
    kit.run(&Metrics::of([
        Metric::gauge("g")
            .point(DataPoint::int(1))
            .point(DataPoint::int(2)),
        Metric::gauge("h").point(DataPoint::int(3)),
    ]));
    assert_eq!(counts(&kit.metric("metric.count")), [2]);
    assert_eq!(counts(&kit.metric("metric.datapoint.count")), [3]);
}

#[test]
fn the_order_of_a_resources_attributes_does_not_matter() {
    let mut kit = kit(json!({}));
    kit.run(
        &Spans::new()
            .resource([("a", "1"), ("b", "2")])
            .item(Span::new("x")),
    );
    kit.run(
        &Spans::new()
            .resource([("b", "2"), ("a", "1")])
            .item(Span::new("x")),
    );
    assert_eq!(kit.series_named(), 1);
    assert_eq!(counts(&kit.metric("trace.span.count")), [2]);
}

#[test]
fn metrics_of_ones_own_take_the_place_of_the_usual_ones() {
    let mut kit = kit(json!({
        "spans": {
            "prod.or.c": {
                "description": "some",
                "conditions": ["attributes[\"env\"] == \"prod\"", "name == \"c\""],
            },
            "by.env": {"attributes": [{"key": "env"}]},
            "by.env.or.none": {"attributes": [{"key": "env", "default_value": "none"}]},
        },
        "spanevents": {},
    }));
    kit.run(&spans());
    assert_eq!(counts(&kit.metric("prod.or.c")), [1, 1]);
    let by = |kit: &ConnectorKit<Count>, name: &str| -> Vec<(String, u64)> {
        let found = kit.metric(name);
        let mut found: Vec<_> = found
            .iter()
            .map(|it| (it.get("env").unwrap().to_owned(), it.count))
            .collect();
        found.sort();
        found
    };
    let one = |name: &str| (name.to_owned(), 1);
    assert_eq!(by(&kit, "by.env"), [one("dev"), one("prod")]);
    assert_eq!(
        by(&kit, "by.env.or.none"),
        [one("dev"), one("none"), one("prod")]
    );
    assert!(kit.metric("trace.span.count").is_empty());
    assert_eq!(
        counts(&kit.metric("trace.span.event.count")),
        [3],
        "a section without a metric is none"
    );
}

#[test]
fn an_attribute_is_the_rows_own_else_its_scopes_else_its_resources() {
    let mut kit = kit(json!({
        "spanevents": {"by.env": {"attributes": [{"key": "env", "default_value": 7}, {"key": "service.name"}]}},
    }));
    kit.run(&spans());
    let found = kit.metric("by.env");
    let mut found: Vec<(&str, &str, u64)> = found
        .iter()
        .map(|it| {
            (
                it.get("env").unwrap(),
                it.get("service.name").unwrap(),
                it.count,
            )
        })
        .collect();
    found.sort_unstable();
    assert_eq!(found, [("7", "shop", 2), ("test", "shop", 1)]);
}

#[test]
fn a_condition_that_fails_refuses_the_batch_and_the_next_one_counts() {
    let mut kit = kit(json!({
        "spans": {
            "a": {},
            "b": {"conditions": ["Substring(attributes[\"env\"], 0, 4) == \"prod\""]},
        },
    }));
    assert!(matches!(kit.try_run(&spans()), Err(PluginError::Batch(_))));
    kit.run(&Spans::of([Span::new("x").attr("env", "production")]));
    assert_eq!(counts(&kit.metric("a")), [1]);
    assert_eq!(counts(&kit.metric("b")), [1]);
}

#[test]
fn rows_without_an_attribute_are_not_asked_about() {
    let mut kit = kit(json!({
        "spans": {
            "a": {
                "conditions": ["Substring(attributes[\"env\"], 0, 4) == \"prod\""],
                "attributes": [{"key": "env"}, {"key": "zone", "default_value": "x"}],
            },
        },
    }));
    // A span whose environment is too short to cut would fail the batch; one without any does not.
    kit.run(&Spans::of([
        Span::new("x").attr("env", "production"),
        Span::new("y"),
    ]));
    assert_eq!(counts(&kit.metric("a")), [1]);
}

#[test]
fn a_default_may_be_a_list_or_a_map_and_is_the_same_as_such_a_value() {
    let mut kit = kit(json!({
        "spans": {
            "a": {"attributes": [{"key": "list", "default_value": [1, "a"]}]},
            "b": {"attributes": [{"key": "map", "default_value": {"k": true}}]},
        },
    }));
    let list = Attr::Array(vec![1.into(), "a".into()]);
    let map = Attr::Map(vec![("k".to_owned(), true.into())]);
    kit.run(&Spans::of([
        Span::new("x").attr("list", list).attr("map", map),
        Span::new("y"),
    ]));
    for (metric, key, text) in [("a", "list", r#"[1,"a"]"#), ("b", "map", r#"{"k":true}"#)] {
        let found = kit.metric(metric);
        assert_eq!(counts(&found), [2]);
        assert_eq!(found[0].get(key), Some(text));
    }
}

#[test]
fn every_mistake_is_reported_where_it_stands() {
    let settings = json!({
        "spans": {
            "a/b": {"conditions": ["colour == 1"], "attributes": [{"key": ""}, {"key": "k"}, {"key": "k"}]},
        },
        "metrics": {"m": {"attributes": [{"key": "k"}]}},
        "logs": {"": {}},
        "profiles": {},
    });
    let Err(ConfigError::Settings(problems)) = ConnectorKit::<Count>::new(settings) else {
        panic!("the settings were taken");
    };
    let paths: Vec<&str> = problems.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "/profiles",
            "/spans/a~1b/conditions/0",
            "/spans/a~1b/attributes/0/key",
            "/spans/a~1b/attributes/2/key",
            "/metrics/m/attributes/0",
            "/logs/",
        ]
    );
}
