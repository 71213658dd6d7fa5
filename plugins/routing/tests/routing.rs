//! Routes as the Collector's `routing` connector has them.

use serde_json::{Value, json};
use spanmill_routing::Routing;
use spanmill_sdk::testing::{
    DataPoint, LogRecord, Logs, Metric, Metrics, Routed, RouterKit, Span, Spans,
};
use spanmill_sdk::{ConfigError, PluginError, Signal};

const TRACES: [&str; 3] = ["traces/eu", "traces/us", "traces/rest"];

fn spans() -> Spans {
    Spans::default()
        .resource([("region", "eu")])
        .item(Span::new("a").attr("tier", "gold"))
        .item(Span::new("b"))
        .resource([("region", "us")])
        .item(Span::new("c").attr("tier", "gold"))
        .resource([("region", "ap")])
        .item(Span::new("d"))
}

fn kit(settings: Value) -> RouterKit<Routing> {
    RouterKit::new(settings, Signal::Traces, &TRACES).unwrap()
}

fn names(routed: &Routed<Span>) -> Vec<Vec<&str>> {
    let names = |name: &str| {
        routed
            .to(name)
            .spans()
            .map(|span| span.name.as_str())
            .collect()
    };
    TRACES.iter().map(|name| names(name)).collect()
}

#[test]
fn resources_go_where_the_first_route_that_holds_says_and_others_to_the_default() {
    let mut kit = kit(json!({
        "default_pipelines": ["traces/rest"],
        "table": [
            {"condition": "attributes[\"region\"] == \"eu\"", "pipelines": ["traces/eu"]},
            {"statement": "route() where resource.attributes[\"region\"] == \"us\"", "pipelines": ["traces/us", "traces/rest"]},
            {"condition": "attributes[\"region\"] != nil", "pipelines": ["traces/rest"]},
        ],
    }));
    let routed = kit.run(&spans());
    assert_eq!(names(&routed), [vec!["a", "b"], vec!["c"], vec!["c", "d"]]);
    assert_eq!(routed.dropped, 0);
    assert_eq!(kit.reads(), [r#"resource.attributes["region"]"#]);
}

#[test]
fn without_a_default_what_no_route_takes_is_dropped() {
    let mut kit = kit(json!({
        "table": [{"condition": "attributes[\"region\"] == \"eu\"", "pipelines": ["traces/eu"]}],
    }));
    let routed = kit.run(&spans());
    assert_eq!(names(&routed), [vec!["a", "b"], vec![], vec![]]);
    assert_eq!(routed.dropped, 2);
}

#[test]
fn spans_are_moved_out_of_their_resource_and_copies_stay_for_later_routes() {
    let table = |action: &str| {
        json!({
            "default_pipelines": ["traces/rest"],
            "table": [
                {"context": "span", "condition": "attributes[\"tier\"] == \"gold\"", "pipelines": ["traces/us"], "action": action},
                {"context": "resource", "condition": "attributes[\"region\"] == \"eu\"", "pipelines": ["traces/eu"]},
            ],
        })
    };
    let moved = kit(table("move")).run(&spans());
    assert_eq!(names(&moved), [vec!["b"], vec!["a", "c"], vec!["d"]]);
    let copied = kit(table("copy")).run(&spans());
    assert_eq!(
        names(&copied),
        [vec!["a", "b"], vec!["a", "c"], vec!["c", "d"]]
    );
}

#[test]
fn a_route_without_a_condition_takes_everything() {
    let mut kit = kit(json!({
        "table": [{"statement": "route()", "pipelines": ["traces/eu", "traces/us"]}],
    }));
    let all = vec!["a", "b", "c", "d"];
    assert_eq!(names(&kit.run(&spans())), [all.clone(), all, vec![]]);
}

#[test]
fn log_records_and_metrics_are_routed_one_by_one() {
    let logs = Logs::of([
        LogRecord::new("fine").severity(9, "INFO"),
        LogRecord::new("broken").severity(17, "ERROR"),
    ]);
    let settings = json!({
        "default_pipelines": ["logs/cheap"],
        "table": [{
            "context": "log",
            "condition": "severity_number >= SEVERITY_NUMBER_ERROR",
            "pipelines": ["logs/errors"],
        }],
    });
    let mut kit =
        RouterKit::<Routing>::new(settings, Signal::Logs, &["logs/cheap", "logs/errors"]).unwrap();
    let routed = kit.run(&logs);
    let severities = |name: &str| -> Vec<u32> {
        let logs = routed.to(name).logs();
        logs.map(|record| record.severity_number).collect()
    };
    assert_eq!(severities("logs/cheap"), [9]);
    assert_eq!(severities("logs/errors"), [17]);

    let metrics = Metrics::of([
        Metric::gauge("one")
            .point(DataPoint::int(1).attr("k", "a"))
            .point(DataPoint::int(2)),
        Metric::gauge("two").point(DataPoint::int(3)),
    ]);
    let settings = json!({
        "table": [
            {"context": "datapoint", "condition": "attributes[\"k\"] == \"a\"", "pipelines": ["metrics/a"]},
            {"context": "metric", "condition": "name == \"one\"", "pipelines": ["metrics/b"]},
        ],
    });
    let mut kit =
        RouterKit::<Routing>::new(settings, Signal::Metrics, &["metrics/a", "metrics/b"]).unwrap();
    let routed = kit.run(&metrics);
    let points = |name: &str| routed.to(name).points().count();
    assert_eq!((points("metrics/a"), points("metrics/b")), (1, 1));
    assert_eq!(routed.dropped, 1);
}

#[test]
fn a_condition_that_fails_is_no_match_unless_errors_propagate() {
    let settings = |mode: &str| {
        json!({
            "error_mode": mode,
            "default_pipelines": ["traces/rest"],
            "table": [{"condition": "Substring(attributes[\"region\"], 5, 1) == \"x\"", "pipelines": ["traces/eu"]}],
        })
    };
    for mode in ["ignore", "silent"] {
        let routed = kit(settings(mode)).run(&spans());
        assert_eq!(names(&routed), [vec![], vec![], vec!["a", "b", "c", "d"]]);
    }
    let failed = kit(settings("propagate")).try_run(&spans());
    assert!(matches!(failed, Err(PluginError::Batch(_))));
}

#[test]
fn requests_go_by_their_headers() {
    let settings = || {
        json!({
            "default_pipelines": ["traces/rest"],
            "table": [
                {"context": "request", "condition": "request[\"X-Tenant\"] == \"acme\"", "pipelines": ["traces/eu"]},
                {"context": "request", "condition": " request[\"x-tenant\"]!=\"acme\" ", "pipelines": ["traces/us"], "action": "copy"},
                {"condition": "attributes[\"region\"] == \"ap\"", "pipelines": ["traces/us"]},
            ],
        })
    };
    let all = || vec!["a", "b", "c", "d"];
    let routed = |spans: Spans| kit(settings()).run(&spans);
    let acme = routed(spans().header("x-tenant", "acme"));
    assert_eq!(names(&acme), [all(), vec![], vec![]]);
    // One of several values is enough.
    let both = routed(
        spans()
            .header("x-tenant", "other")
            .header("x-tenant", "acme"),
    );
    assert_eq!(names(&both), [all(), vec![], vec![]]);
    let other = routed(spans().header("x-tenant", "other"));
    assert_eq!(names(&other), [vec![], all(), vec!["a", "b", "c"]]);
    // A header that was not sent is not another one.
    assert_eq!(
        names(&routed(spans())),
        [vec![], vec!["d"], vec!["a", "b", "c"]]
    );
    assert_eq!(
        kit(settings()).reads(),
        [
            r#"request.metadata["X-Tenant"]"#,
            r#"request.metadata["x-tenant"]"#,
            r#"resource.attributes["region"]"#
        ]
    );
}

#[test]
fn a_condition_on_a_request_compares_a_header_with_a_text() {
    for condition in [
        "request[\"a\"]",
        "request[\"a\"] == \"b\" != \"c\"",
        "request[a] == \"b\"",
        "request[\"a\"] == \"b\" and request[\"c\"] == \"d\"",
        "request[\"a\"][\"b\"] == \"c\"",
        "request[\"\"] == \"b\"",
        "request[\"a\"] == b",
        "attributes[\"a\"] == \"b\"",
    ] {
        let settings = json!({
            "table": [{"context": "request", "condition": condition, "pipelines": ["traces/eu"]}],
        });
        let Err(ConfigError::Settings(problems)) =
            RouterKit::<Routing>::new(settings, Signal::Traces, &TRACES)
        else {
            panic!("{condition} was taken");
        };
        assert_eq!(problems[0].path, "/table/0/condition");
        assert!(problems[0].message.contains("request[\"<header>\"]"));
    }
}

#[test]
fn every_mistake_is_reported_where_it_stands() {
    let settings = json!({
        "default_pipelines": ["traces/rset"],
        "table": [
            {"pipelines": ["traces/eu"]},
            {"condition": "true", "statement": "route()", "pipelines": ["traces/eu"]},
            {"condition": "true"},
            {"context": "log", "condition": "true", "pipelines": ["traces/eu"]},
            {"context": "request", "statement": "route()", "pipelines": ["traces/eu"]},
            {"statement": "delete_key(attributes, \"a\")", "pipelines": ["traces/eu"]},
            {"statement": "route() where colour == 1", "pipelines": ["traces/eu"]},
            {"condition": "true", "pipelines": ["traces/eu"], "action": "throw"},
            {"condition": "true", "pipelines": ["logs/eu"]},
        ],
    });
    let Err(ConfigError::Settings(problems)) =
        RouterKit::<Routing>::new(settings, Signal::Traces, &TRACES)
    else {
        panic!("the settings were taken");
    };
    let paths: Vec<&str> = problems
        .iter()
        .map(|problem| problem.path.as_str())
        .collect();
    assert_eq!(
        paths,
        [
            "/default_pipelines/0",
            "/table/0",
            "/table/1",
            "/table/2/pipelines",
            "/table/3/context",
            "/table/4",
            "/table/5/statement",
            "/table/7/action",
            "/table/8/pipelines/0",
            "/table/6/statement",
        ]
    );
    assert!(problems[0].message.ends_with("did you mean `traces/rest`?"));
    assert!(
        problems[9].message.starts_with("column 15:"),
        "{}",
        problems[9].message
    );
    let Err(empty) = RouterKit::<Routing>::new(json!({}), Signal::Traces, &TRACES) else {
        panic!("no table was taken");
    };
    assert_eq!(empty.to_string(), "/table: must have a route at least");
}
