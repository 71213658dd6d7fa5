//! Items go under the resources that they name, and nothing is lost on the way.

use serde_json::{Value, json};
use spanmill_groupbyattrs::GroupByAttrs;
use spanmill_sdk::Signal;
use spanmill_sdk::testing::{
    Attr, DataPoint, Item, Items, Kit, LogRecord, Logs, Metric, MetricType, Metrics, Span, Spans,
};

fn kit(settings: Value) -> Kit<GroupByAttrs> {
    Kit::grouping(settings).unwrap()
}

/// What stands under each resource: its attributes, and by scope the names of items.
fn shape<T: Item>(items: &Items<T>, name: impl Fn(&T) -> String) -> Vec<String> {
    let resources = items.resources.iter().map(|it| {
        let attributes = it.resource.attributes.iter();
        let attributes: Vec<String> = attributes
            .map(|(key, value)| match value {
                Attr::Text(text) => format!("{key}={text}"),
                other => format!("{key}={other:?}"),
            })
            .collect();
        let scopes = it.scopes.iter().map(|scope| {
            let items: Vec<String> = scope.items.iter().map(&name).collect();
            format!("{}[{}]", scope.scope.name, items.join(" "))
        });
        let scopes: Vec<String> = scopes.collect();
        format!("{} {}", attributes.join(","), scopes.join(" "))
    });
    resources.collect()
}

fn spans(items: &Spans) -> Vec<String> {
    shape(items, |span| span.name.clone())
}

fn point(host: &str, id: &str, value: i64) -> DataPoint {
    DataPoint::int(value).attr("host.name", host).attr("id", id)
}

#[test]
fn the_example_of_the_collectors_readme() {
    let sum = Metric::new("mixed", MetricType::Sum);
    let gauge = Metric::gauge("g1")
        .point(point("A", "eth0", 1))
        .point(point("A", "eth0", 2))
        .point(point("B", "eth0", 3));
    let metrics = Metrics::new()
        .resource([("host.name", "localhost"), ("source", "prom")])
        .metric(gauge.clone())
        .metric(gauge)
        .metric(
            Metric::gauge("mixed")
                .point(point("A", "eth0", 4))
                .point(point("B", "eth0", 5)),
        )
        .metric(sum.point(point("A", "eth0", 6)))
        .metric(Metric::gauge("stays").point(DataPoint::int(7).attr("id", "eth0")));
    let out = kit(json!({"keys": ["host.name"]})).run(&metrics);
    let shape = shape(&out.left, |metric| {
        format!(
            "{}:{:?}:{}",
            metric.name,
            metric.metric_type,
            metric.points.len()
        )
    });
    assert_eq!(
        shape,
        [
            "host.name=A,source=prom [g1:Gauge:4 mixed:Gauge:1 mixed:Sum:1]",
            "host.name=B,source=prom [g1:Gauge:2 mixed:Gauge:1]",
            "host.name=localhost,source=prom [stays:Gauge:1]",
        ]
    );
    let mut points = out.left.points();
    assert!(points.all(|point| point.attributes.len() == 1 && point.attributes[0].0 == "id"));
    assert_eq!(out.count("processor_groupbyattrs_num_grouped_metrics"), 9);
    assert_eq!(
        out.count("processor_groupbyattrs_num_non_grouped_metrics"),
        1
    );
}

#[test]
fn spans_with_some_of_the_keys_and_with_none() {
    let named = |name: &str| Span::new(name);
    let items = Spans::new()
        .resource([("a", "1")])
        .scope("s", "1")
        .span(named("none"))
        .span(named("both").attr("a", "2").attr("b", true))
        .span(named("first").attr("a", "2"))
        .span(named("second").attr("b", true).attr("c", 1))
        .span(named("again").attr("b", true).attr("a", "2"))
        .scope("t", "1")
        .span(named("other").attr("a", "2").attr("b", true));
    let out = kit(json!({"keys": ["a", "b"]})).run(&items);
    assert_eq!(
        spans(&out.left),
        [
            "a=1 s[none]",
            "a=2,b=Bool(true) s[both again] t[other]",
            "a=2 s[first]",
            "a=1,b=Bool(true) s[second]",
        ]
    );
    let second = out.left.spans().find(|span| span.name == "second");
    assert_eq!(second.unwrap().attributes, [("c".to_owned(), Attr::Int(1))]);
    assert_eq!(out.count("processor_groupbyattrs_num_grouped_spans"), 5);
    assert_eq!(out.count("processor_groupbyattrs_num_non_grouped_spans"), 1);
}

#[test]
fn without_keys_equal_resources_are_put_together() {
    let items = Spans::new()
        .resource([("x", "1"), ("y", "2")])
        .scope("s", "1")
        .span(Span::new("one"))
        .scope("t", "1")
        .span(Span::new("two"))
        .resource([("x", "2")])
        .scope("s", "1")
        .span(Span::new("three"))
        .resource([("y", "2"), ("x", "1")])
        .scope("s", "1")
        .span(Span::new("four"))
        .scope("s", "2")
        .span(Span::new("five"));
    for settings in [
        json!({}),
        json!({"keys": null}),
        json!({"keys": []}),
        json!({"keys": [""]}),
    ] {
        let out = kit(settings).run(&items);
        assert_eq!(
            spans(&out.left),
            ["x=1,y=2 s[one four] t[two] s[five]", "x=2 s[three]"]
        );
    }
}

#[test]
fn values_of_any_type_move_as_they_are() {
    let values = [
        Attr::from("1"),
        Attr::from(1),
        Attr::from(1.0),
        Attr::from(true),
        Attr::Array(vec![Attr::from("a"), Attr::from(2)]),
        Attr::Map(vec![("k".to_owned(), Attr::from("v"))]),
        Attr::Bytes(vec![0, 255]),
        Attr::Empty,
    ];
    let records = values.iter().cloned();
    let logs = Logs::of(records.map(|value| LogRecord::new("x").attr("k", value)));
    let out = kit(json!({"keys": ["k"]})).run(&logs);
    let resources = out.left.resources.iter();
    let found: Vec<_> = resources
        .map(|it| it.resource.attributes[0].1.clone())
        .collect();
    assert_eq!(found, values);
    assert!(out.left.logs().all(|record| record.attributes.is_empty()));
}

#[test]
fn resources_that_differ_in_a_schema_stay_apart() {
    let mut items = Spans::new()
        .resource([("x", "1")])
        .span(Span::new("one"))
        .resource([("x", "1")])
        .span(Span::new("two"))
        .resource([("x", "1")])
        .span(Span::new("three"));
    items.resources[1].resource.schema_url = "https://opentelemetry.io/schemas/1.9.0".to_owned();
    let out = kit(json!({})).run(&items);
    assert_eq!(spans(&out.left), ["x=1 [one three]", "x=1 [two]"]);
    assert_eq!(out.left.resources[1], items.resources[1]);
}

#[test]
fn nothing_moves_where_nothing_is_named() {
    let items = Spans::new()
        .resource([("x", "1")])
        .scope("s", "1")
        .span(Span::new("one").attr("k", 1));
    let out = kit(json!({"keys": ["other"]})).run(&items);
    assert_eq!(out.left.resources, items.resources);
    assert_eq!(out.count("processor_groupbyattrs_num_grouped_spans"), 0);
}

#[test]
fn all_signals_are_taken_and_a_key_that_stands_twice_counts_once() {
    let kit = kit(json!({"keys": ["a", "a", "b"]}));
    assert_eq!(
        kit.signals(),
        [Signal::Traces, Signal::Logs, Signal::Metrics]
    );
    assert_eq!(kit.reads().len(), 6);
}

#[test]
fn settings_that_are_not_the_collectors_are_refused() {
    for settings in [
        json!({"key": ["a"]}),
        json!({"keys": "a"}),
        json!({"keys": [1]}),
    ] {
        assert!(Kit::<GroupByAttrs>::grouping(settings).is_err());
    }
}
