//! Statements that change what stands above or below a span, and the names of spans.

mod support;

use serde_json::json;
use spanmill_sdk::testing::{Event, Span, Spans};
use support::{after, run, span};

#[test]
fn resources_and_scopes_are_changed_from_above_and_from_below() {
    let spans = Spans::new()
        .resource([("service.name", "cart"), ("host.name", "a")])
        .scope("lib", "1")
        .span(span())
        .span(Span::new("second").attr("tenant", "t2"))
        .resource([("service.name", "pay")])
        .span(Span::new("third"));
    let settings = json!({"trace_statements": [
        r#"set(resource.attributes["deployment.environment"], "prod")"#,
        r#"delete_key(resource.attributes, "host.name")"#,
    ]});
    let changed = run(settings, &spans);
    assert_eq!(
        changed.resource(0).keys(),
        ["service.name", "deployment.environment"]
    );
    assert_eq!(
        changed.resource(1).keys(),
        ["service.name", "deployment.environment"]
    );
    // Of rows below one resource, each sees what those before it did to it.
    let settings = json!({"error_mode": "propagate", "trace_statements": [
        r#"set(resource.attributes["first"], span.name) where resource.attributes["first"] == nil"#,
        r#"set(scope.name, "renamed") where span.name == "second""#,
        r#"set(span.attributes["of"], resource.attributes["first"])"#,
    ]});
    let changed = run(settings, &spans);
    assert_eq!(
        changed.resource(0).get("first"),
        Some(&"GET /users/42".into())
    );
    assert_eq!(changed.resource(1).get("first"), Some(&"third".into()));
    assert_eq!(changed.span(1).get("of"), Some(&"GET /users/42".into()));
    assert_eq!(changed.left.resources[0].scopes[0].scope.name, "renamed");
}

#[test]
fn events_are_changed_and_know_their_span() {
    let spans = Spans::new().span(
        span()
            .event(Event::new("exception").attr("exception.message", "card 4111 1111"))
            .event(Event::new("retry")),
    );
    let settings = json!({"error_mode": "propagate", "trace_statements": [
        r#"replace_pattern(spanevent.attributes["exception.message"], "[0-9]{4}", "****")"#,
        r#"set(spanevent.attributes["span"], span.name) where spanevent.name == "retry""#,
        r#"set(span.status.code, STATUS_CODE_ERROR) where spanevent.name == "exception""#,
    ]});
    let changed = run(settings, &spans);
    let events = &changed.span(0).events;
    assert_eq!(
        events[0].get("exception.message"),
        Some(&"card **** ****".into())
    );
    assert_eq!(events[1].get("span"), Some(&"GET /users/42".into()));
    assert_eq!(changed.span(0).status_code, 2);
}

#[test]
fn spans_are_named_by_the_conventions() {
    let named = |span: Span| {
        let statement = r#"set_semconv_span_name("1.37.0", "original")"#;
        let span = after(&[statement], span);
        (span.name.clone(), span.get("original").cloned())
    };
    let server = Span::new("x").kind(2).attr("http.request.method", "GET");
    assert_eq!(
        named(server.clone().attr("http.route", "/users/{id}")),
        ("GET /users/{id}".to_owned(), Some("x".into()))
    );
    assert_eq!(named(server).0, "GET");
    let database = Span::new("x")
        .kind(3)
        .attr("db.system", "mysql")
        .attr("db.operation", "SELECT")
        .attr("db.name", "shop")
        .attr("db.collection.name", "orders");
    assert_eq!(named(database).0, "SELECT shop.orders");
    let rpc = Span::new("x")
        .kind(3)
        .attr("rpc.system", "grpc")
        .attr("rpc.service", "Cart")
        .attr("rpc.method", "Add");
    assert_eq!(named(rpc).0, "Cart/Add");
    let messaging = Span::new("x")
        .kind(4)
        .attr("messaging.system", "kafka")
        .attr("messaging.operation", "publish")
        .attr("messaging.destination.name", "orders");
    assert_eq!(named(messaging).0, "publish orders");
    assert_eq!(named(Span::new("x").kind(1)), ("x".to_owned(), None));
}
