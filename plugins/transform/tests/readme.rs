//! The example of the README is taken as it stands, and does something.

use serde_json::{Map, Value};
use spanmill_sdk::testing::{
    Attr, DataPoint, Kit, LogRecord, Logs, Metric, Metrics, Number, Span, Spans,
};
use spanmill_transform::Transform;

/// The lists of the example, each line an item.
fn example() -> Value {
    let readme = include_str!("../README.md");
    let example = readme
        .split("```yaml")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    let mut settings = Map::new();
    let mut list = String::new();
    for line in example.lines().map(str::trim) {
        if let Some(item) = line.strip_prefix("- ") {
            let items = settings
                .entry(list.clone())
                .or_insert(Value::Array(Vec::new()));
            items.as_array_mut().unwrap().push(item.into());
        } else if let Some((key, value)) = line.split_once(':') {
            match value.trim() {
                "" => key.clone_into(&mut list),
                value => drop(settings.insert(key.to_owned(), value.into())),
            }
        }
    }
    Value::Object(settings)
}

#[test]
fn the_example_does_what_it_says() {
    let mut kit = Kit::<Transform>::new(example()).unwrap();
    let span = Span::new("GET /users/42")
        .attr("http.response.status_code", 503)
        .attr("url.template", "/users/{id}")
        .attr("http.request.header.authorization", "secret");
    let changed = kit.run(&Spans::new().resource([("service.name", "shop")]).span(span));
    let span = changed.span(0);
    assert_eq!(
        (span.name.as_str(), span.status_code),
        ("GET /users/{id}", 2)
    );
    assert_eq!(
        span.keys(),
        ["http.response.status_code", "url.template", "http.route"]
    );
    assert_eq!(
        changed.resource(0).keys(),
        ["service.name", "deployment.environment.name"]
    );

    let logs = Logs::new()
        .log(LogRecord::new(
            r#"{"level": "error", "user": {"id": "u1"}}"#,
        ))
        .log(LogRecord::new("password=secret"));
    let changed = kit.run(&logs);
    assert_eq!(changed.item(0).get("user.id"), Some(&Attr::from("u1")));
    assert_eq!(
        (
            changed.item(0).severity_number,
            changed.item(1).severity_number
        ),
        (17, 0)
    );
    assert_eq!(changed.item(1).body, Some("password=***".into()));

    let point = DataPoint::double(250.0)
        .attr("http.route", "/")
        .attr("host", "a");
    let metric = Metric {
        unit: "ms".to_owned(),
        ..Metric::gauge("queue.wait")
    };
    let changed = kit.run(&Metrics::new().metric(metric.point(point)));
    let metric = changed.item(0);
    assert_eq!(metric.unit, "s");
    assert_eq!(metric.points[0].value, Some(Number::Double(0.25)));
    assert_eq!(metric.points[0].keys(), ["http.route"]);
}
