//! Metrics and log records as the Collector's `exceptions` connector makes them.

use serde_json::{Value, json};
use spanmill_exceptions::{ExceptionLogs, ExceptionMetrics};
use spanmill_sdk::ConfigError;
use spanmill_sdk::testing::{
    Attr, ConnectorKit, Event, LogRecord, Logs, RecordKit, Span, Spans, find,
};

fn exception(kind: &str, message: &str) -> Event {
    Event::new("exception")
        .attr("exception.type", kind)
        .attr("exception.message", message)
}

fn spans() -> Spans {
    let trace = Span::new("GET /cart")
        .kind(2)
        .status(2, "")
        .ids(7, 9)
        .attr("http.method", "GET")
        .attr("span.name", "no such name")
        .event(exception("IOError", "gone").attr("exception.stacktrace", "at line 1"))
        .event(Event::new("retry"))
        .event(exception("IOError", "gone"));
    Spans::new()
        .resource([("service.name", "shop"), ("region", "eu")])
        .item(trace)
        .item(Span::new("fine"))
        // Without the name of a service it is not looked at.
        .resource([("region", "eu")])
        .item(Span::new("unnamed").event(exception("IOError", "gone")))
}

#[test]
fn exceptions_are_counted_by_service_span_and_dimension() {
    let mut kit = ConnectorKit::<ExceptionMetrics>::new(Value::Null).unwrap();
    kit.run(&spans());
    let found = kit.metric("exceptions");
    assert_eq!(found.len(), 1);
    let attributes: Vec<(&str, &str)> = found[0]
        .attributes
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        attributes,
        [
            ("service.name", "shop"),
            ("span.name", "GET /cart"),
            ("span.kind", "SPAN_KIND_SERVER"),
            ("status.code", "STATUS_CODE_ERROR"),
            ("exception.type", "IOError"),
            ("exception.message", "gone"),
        ]
    );
    assert_eq!((found[0].count, found[0].exemplars.len()), (2, 0));
}

#[test]
fn dimensions_are_the_spans_else_the_exceptions_else_the_resources_and_exemplars_are_spans() {
    let settings = json!({
        "dimensions": [
            {"name": "http.method"},
            {"name": "exception.type"},
            {"name": "region"},
            {"name": "tenant", "default": "none"},
            {"name": "missing"},
        ],
        "exemplars": {"enabled": true},
    });
    let mut kit = ConnectorKit::<ExceptionMetrics>::new(settings).unwrap();
    kit.run(&spans());
    let found = kit.metric("exceptions");
    let value = |key: &str| found[0].get(key);
    assert_eq!(value("http.method"), Some("GET"));
    assert_eq!(value("exception.type"), Some("IOError"));
    assert_eq!(value("region"), Some("eu"));
    assert_eq!(value("tenant"), Some("none"));
    assert_eq!(value("missing"), None);
    assert_eq!(value("exception.message"), None);
    assert_eq!((found[0].count, &found[0].exemplars[..]), (2, &[0, 0][..]));
}

#[test]
fn each_exception_becomes_a_log_record_of_its_resource() {
    let mut kit = RecordKit::<ExceptionLogs>::new(json!({})).unwrap();
    let made: Logs = kit.run::<_, LogRecord>(&spans());
    assert_eq!(made.resources.len(), 1);
    let resource = &made.resources[0];
    assert_eq!(
        find(&resource.resource.attributes, "region"),
        Some(&Attr::from("eu"))
    );
    assert_eq!(resource.scopes[0].scope.name, "exceptionsconnector");
    let records: Vec<&LogRecord> = made.logs().collect();
    assert_eq!(records.len(), 2);
    let first = records[0];
    assert_eq!(
        (first.severity_number, first.severity_text.as_str()),
        (17, "ERROR")
    );
    assert_eq!(first.trace_id, 7u128.to_be_bytes());
    assert_eq!(first.span_id, 9u64.to_be_bytes());
    let keys: Vec<&str> = first
        .attributes
        .iter()
        .map(|(key, _)| key.as_str())
        .collect();
    assert_eq!(
        keys,
        [
            "http.method",
            "span.name",
            "span.kind",
            "status.code",
            "service.name",
            "exception.stacktrace",
            "exception.type",
            "exception.message",
        ]
    );
    let value = |record: &LogRecord, key: &str| find(&record.attributes, key).cloned();
    assert_eq!(value(first, "span.name"), Some(Attr::from("GET /cart")));
    assert_eq!(
        value(first, "exception.stacktrace"),
        Some(Attr::from("at line 1"))
    );
    assert_eq!(
        value(records[1], "exception.stacktrace"),
        Some(Attr::from(""))
    );
}

#[test]
fn a_batch_without_exceptions_makes_nothing() {
    let mut kit = RecordKit::<ExceptionLogs>::new(json!({})).unwrap();
    let made: Logs =
        kit.run::<_, LogRecord>(&Spans::of([Span::new("fine").event(Event::new("e"))]));
    assert_eq!(made.logs().count(), 0);
}

#[test]
fn dimensions_are_named_once() {
    let settings =
        json!({"dimensions": [{"name": "a"}, {"name": "a"}, {"name": "span.kind"}, {"name": ""}]});
    let Err(ConfigError::Settings(problems)) = ConnectorKit::<ExceptionMetrics>::new(settings)
    else {
        panic!("the settings were taken");
    };
    let paths: Vec<&str> = problems.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "/dimensions/1/name",
            "/dimensions/2/name",
            "/dimensions/3/name"
        ]
    );
}
