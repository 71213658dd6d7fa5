//! What the filter drops, and what it refuses.

use serde_json::json;
use spanmill_filter::Filter;
use spanmill_sdk::testing::{Event, Kit, Span, Spans};
use spanmill_sdk::{ConfigError, Level};

fn spans() -> Spans {
    Spans::new()
        .resource([("service.name", "cart")])
        .scope("lib", "1")
        .span(Span::new("probe").attr("http.route", "/healthz"))
        .span(
            Span::new("order")
                .attr("http.route", "/orders")
                .event(Event::new("retry"))
                .event(Event::new("log")),
        )
        .resource([("service.name", "debug")])
        .scope("other", "1")
        .span(
            Span::new("noise")
                .attr("http.route", 7)
                .event(Event::new("retry")),
        )
}

#[track_caller]
fn left(settings: serde_json::Value) -> Vec<String> {
    let out = Kit::<Filter>::new(settings).unwrap().run(&spans());
    out.span_names().into_iter().map(str::to_owned).collect()
}

fn problems(settings: serde_json::Value) -> Vec<(String, String)> {
    match Kit::<Filter>::new(settings) {
        Err(ConfigError::Settings(problems)) => problems
            .into_iter()
            .map(|problem| (problem.path, problem.message))
            .collect(),
        other => panic!("{:?}", other.map(|_| ())),
    }
}

#[test]
fn any_true_condition_drops() {
    let settings = json!({"error_mode": "ignore", "traces": {"span": [
        r#"attributes["http.route"] == "/healthz""#,
        r#"name == "nothing" or resource.attributes["service.name"] == "debug""#,
    ]}});
    let mut kit = Kit::<Filter>::new(settings).unwrap();
    assert_eq!(
        kit.reads(),
        [
            r#"span.attributes["http.route"]"#,
            "span.name",
            r#"resource.attributes["service.name"]"#
        ]
    );
    assert!(kit.writes().is_empty());
    let out = kit.run(&spans());
    assert_eq!(out.span_names(), ["order"]);
    assert_eq!(out.count("spans_filtered"), 2);
    assert_eq!(out.left.resources.len(), 1);
}

#[test]
fn a_resource_condition_drops_all_its_spans() {
    assert_eq!(
        left(json!({"traces": {"resource": [r#"attributes["service.name"] == "cart""#]}})),
        ["noise"]
    );
    assert_eq!(
        left(json!({"trace_conditions": [r#"scope.name == "lib""#]})),
        ["noise"]
    );
}

#[test]
fn dropped_events_keep_their_span() {
    let out = Kit::<Filter>::new(
        json!({"traces": {"spanevent": [r#"name == "retry""#, r#"name == "log""#]}}),
    )
    .unwrap()
    .run(&spans());
    assert_eq!(out.span_names(), ["probe", "order", "noise"]);
    assert!(out.left.spans().all(|span| span.events.is_empty()));
    assert_eq!(
        (
            out.count("spans_filtered"),
            out.count("span_events_filtered")
        ),
        (0, 3)
    );
    // A condition on events that reads no field of theirs.
    let settings =
        json!({"traces": {"spanevent": [r#"resource.attributes["service.name"] == "cart""#]}});
    let out = Kit::<Filter>::new(settings).unwrap().run(&spans());
    assert_eq!(out.dropped(spanmill_sdk::Context::SpanEvent), [0, 1]);
}

#[test]
fn flat_conditions_infer_their_context() {
    let conditions = json!({"trace_conditions": [
        r#"resource.attributes["service.name"] == "debug""#,
        r#"span.attributes["http.route"] == "/healthz""#,
        r#"spanevent.name == "retry" and span.name == "order""#,
    ]});
    let out = Kit::<Filter>::new(conditions).unwrap().run(&spans());
    assert_eq!(out.span_names(), ["order"]);
    assert_eq!(out.span(0).event_names(), ["log"]);
}

#[test]
fn groups_have_a_context_and_an_error_mode() {
    let group = |mode: &str| {
        json!({"error_mode": "silent", "trace_conditions": [
            {"context": "span", "conditions": [r#"HasPrefix(attributes["http.route"], "/h")"#], "error_mode": mode},
        ]})
    };
    assert_eq!(left(group("silent")), ["order", "noise"]);
    let out = Kit::<Filter>::new(group("ignore")).unwrap().run(&spans());
    assert_eq!(
        out.logs,
        [(
            Level::Warn,
            "condition 1 of the span conditions failed on 1 row: \
             a function expected a string but got another type"
                .to_owned()
        )]
    );
    assert!(
        Kit::<Filter>::new(group("propagate"))
            .unwrap()
            .try_run(&spans())
            .is_err()
    );
}

#[test]
fn nothing_asked_for_drops_nothing() {
    for settings in [
        json!({}),
        json!({"traces": {"span": []}, "metrics": {"metric": []}, "logs": null}),
    ] {
        assert_eq!(left(settings), ["probe", "order", "noise"]);
    }
    let empty = Kit::<Filter>::new(json!({"traces": {"span": ["true"]}}))
        .unwrap()
        .run(&Spans::new());
    assert!(empty.dropped(spanmill_sdk::Context::Span).is_empty());
}

#[test]
fn every_mistake_is_named_at_once() {
    assert_eq!(
        problems(
            json!({"traces": {"span": ["nmae == \"x\"", "name == \"x\"", "name == "], "resource": ["name == \"\""]}})
        ),
        [
            (
                "/traces/resource/0",
                "column 1: a resource has no field `name`"
            ),
            (
                "/traces/span/0",
                "column 1: a span has no field `nmae`; did you mean `name`?"
            ),
            (
                "/traces/span/2",
                "column 9: expected a value, found the end"
            ),
        ]
        .map(|(path, message)| (path.to_owned(), message.to_owned()))
    );
    let paths = |settings| {
        problems(settings)
            .into_iter()
            .map(|problem| problem.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        paths(
            json!({"metrics": {"metric": ["x"]}, "log_conditions": ["y"], "spans": {"include": {"match_type": "strict"}}})
        ),
        ["/spans"]
    );
    assert_eq!(
        paths(json!({"trace_conditions": ["span.name == \"a\""], "traces": {"span": ["true"]}})),
        ["/trace_conditions"]
    );
    assert_eq!(
        paths(json!({"trace_conditions": [{"context": "metric", "conditions": []}]})),
        ["/trace_conditions/0/context"]
    );
    assert_eq!(
        problems(json!({"trace_conditions": ["name == \"a\""]}))[0].1,
        "column 1: a path must name its context here; write `span.name`"
    );
    assert_eq!(
        problems(json!({"trces": {}}))[0].1,
        "unknown key `trces`; did you mean `traces`?"
    );
    assert_eq!(paths(json!({"error_mode": "explode"})), ["/error_mode"]);
}
