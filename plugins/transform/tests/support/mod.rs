//! What tests of statements on spans share.

use serde_json::json;
use spanmill_sdk::testing::{Changed, Kit, Span, Spans};
use spanmill_transform::Transform;

/// A request to a server.
pub fn span() -> Span {
    Span::new("GET /users/42")
        .kind(2)
        .ids(0x0a0b, 0x0c0d)
        .times(1_700_000_000_000_000_000, 1_700_000_000_250_000_000)
        .attr("http.method", "GET")
        .attr("http.url", "https://shop.example/users/42?token=abc")
        .attr("http.status_code", 503)
        .attr("user.email", "ann@example.com")
}

/// What is left of spans under some settings.
pub fn run(settings: serde_json::Value, spans: &Spans) -> Changed {
    Kit::<Transform>::new(settings).unwrap().run(spans)
}

/// What statements for spans make of one.
pub fn after(statements: &[&str], span: Span) -> Span {
    let settings = json!({
        "error_mode": "propagate",
        "trace_statements": [{"context": "span", "statements": statements}],
    });
    let spans = Spans::new().resource([("service.name", "cart")]).span(span);
    run(settings, &spans).span(0).clone()
}
