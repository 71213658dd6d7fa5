//! Dimensions that patterns name.

use serde_json::{Value, json};
use spanmill_sdk::testing::{ConnectorKit, Event, Measured, Span, Spans};
use spanmill_spanmetrics::SpanMetrics;

fn kit(settings: Value) -> ConnectorKit<SpanMetrics> {
    ConnectorKit::new(settings).unwrap()
}

/// The attributes behind the built-in ones.
fn further(measured: &Measured) -> Vec<(&str, &str)> {
    let attributes = &measured.attributes[4..];
    attributes
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect()
}

fn spans() -> Spans {
    Spans::new()
        .resource([
            ("service.name", "cart"),
            ("http.zone", "a"),
            ("http.method", "of the resource"),
        ])
        .span(
            Span::new("GET")
                .attr("http.status", 200)
                .attr("http.method", "GET")
                .attr("http.request.size", 3)
                .attr("other", "x"),
        )
        .span(
            Span::new("GET")
                .attr("http.method", "GET")
                .attr("http.status", 200),
        )
        .span(Span::new("GET").attr("http.status", "200"))
}

#[test]
fn what_a_pattern_matches_becomes_a_dimension_the_spans_own_first() {
    let mut kit = kit(json!({"dimensions": [{"glob": "http.*"}, {"name": "other"}]}));
    kit.run(&spans());
    kit.run(&spans());
    let calls = kit.metric("traces.span.metrics.calls");
    let mut found: Vec<_> = calls.iter().map(|it| (further(it), it.count)).collect();
    found.sort();
    let with = |method, status| {
        vec![
            ("http.method", method),
            ("http.status", status),
            ("http.zone", "a"),
        ]
    };
    let mut first = with("GET", "200");
    first.insert(0, ("other", "x"));
    assert_eq!(
        found,
        [
            // The pattern stops at the next dot: the size of the request is none.
            (with("GET", "200"), 2),
            (with("of the resource", "200"), 2),
            (first, 2),
        ]
    );
    assert_eq!(kit.series_named(), 3, "once each, not once a batch");
}

#[test]
fn calls_and_durations_may_have_patterns_of_their_own() {
    let mut kit = kit(json!({
        "dimensions": [{"glob": "http.st*"}],
        "calls_dimensions": [{"glob": "http.request.**"}],
        "histogram": {"dimensions": [{"glob": "oth??"}]},
    }));
    kit.run(&spans());
    let keys = |name: &str| {
        let all = kit.metric(name);
        let mut keys: Vec<String> = all
            .iter()
            .flat_map(|it| further(it).into_iter().map(|(key, _)| key.to_owned()))
            .collect();
        keys.sort();
        keys.dedup();
        keys
    };
    assert_eq!(
        keys("traces.span.metrics.calls"),
        ["http.request.size", "http.status"]
    );
    assert_eq!(
        keys("traces.span.metrics.duration"),
        ["http.status", "other"]
    );
}

#[test]
fn events_have_those_of_their_span_then_their_own() {
    let mut kit = kit(json!({
        "events": {"enabled": true, "dimensions": [{"glob": "exception.*"}]},
        "histogram": {"disable": true},
    }));
    let event = |kind: &str| {
        Event::new("exception")
            .attr("exception.type", kind)
            .attr("exception.message", "m")
    };
    kit.run(
        &Spans::new()
            .resource([("service.name", "s"), ("exception.origin", "resource")])
            .span(
                Span::new("a")
                    .attr("exception.message", "of the span")
                    .event(event("io"))
                    .event(event("io"))
                    .event(event("net")),
            ),
    );
    let events = kit.metric("traces.span.metrics.events");
    let mut found: Vec<_> = events.iter().map(|it| (further(it), it.count)).collect();
    found.sort();
    let with = |kind| {
        vec![
            ("exception.message", "of the span"),
            ("exception.origin", "resource"),
            ("exception.type", kind),
        ]
    };
    assert_eq!(found, [(with("io"), 2), (with("net"), 1)]);
}

#[test]
fn whole_lists_are_read_only_where_patterns_ask() {
    let reads = |settings: Value| {
        let kit = kit(settings);
        let lists = ["span.attributes", "spanevent.attributes"];
        lists.map(|list| kit.reads().contains(&list))
    };
    assert_eq!(reads(json!({})), [false, false]);
    assert_eq!(reads(json!({"dimensions": [{"glob": "a"}]})), [true, false]);
    let of_events = json!({"events": {"enabled": true, "dimensions": [{"glob": "a"}]}});
    assert_eq!(reads(of_events), [true, true]);
    let unused = json!({"histogram": {"disable": true, "dimensions": [{"glob": "a"}]}});
    assert_eq!(reads(unused), [false, false]);
}

#[test]
fn keys_without_effect_are_told() {
    let kit = kit(json!({"dimensions_cache_size": 10, "metric_timestamp_cache_size": 10}));
    assert_eq!(kit.logs().len(), 2);
}
