use serde_json::json;
use spanmill_sdk::testing::{Attr, Kit, Span, Spans};
use spanmill_sdk::{Level, RestoreError};

use super::FirstSeen;
use super::known::Known;

/// A service with spans of these names.
fn spans_of(service: &str, names: &[&str]) -> Spans {
    let spans = Spans::new().resource([("service.name", service)]);
    names
        .iter()
        .fold(spans, |spans, name| spans.span(Span::new(name)))
}

/// The names of the spans that are marked.
fn marked(kit: &mut Kit<FirstSeen>, spans: &Spans) -> Vec<String> {
    let left = kit.run(spans).left;
    let is_marked = |span: &&Span| span.get("first_seen") == Some(&Attr::Bool(true));
    let marked = left.spans().filter(is_marked);
    marked.map(|span| span.name.clone()).collect()
}

#[test]
fn the_first_span_of_each_operation_is_marked() {
    let mut kit = Kit::<FirstSeen>::new(json!({})).unwrap();
    let spans = spans_of("cart", &["GET /cart", "GET /cart", "POST /cart"]);
    assert_eq!(marked(&mut kit, &spans), ["GET /cart", "POST /cart"]);
    assert_eq!(marked(&mut kit, &spans), [""; 0]);
    assert_eq!(
        marked(&mut kit, &spans_of("shop", &["GET /cart"])),
        ["GET /cart"]
    );
}

#[test]
fn a_service_without_a_name_is_one_too() {
    let mut kit = Kit::<FirstSeen>::new(json!({})).unwrap();
    let nameless = Spans::of([Span::new("work"), Span::new("")]);
    assert_eq!(marked(&mut kit, &nameless), ["work", ""]);
    assert_eq!(marked(&mut kit, &nameless), [""; 0]);
}

#[test]
fn beyond_the_limit_nothing_is_marked_and_the_log_says_so_once() {
    let mut kit = Kit::<FirstSeen>::new(json!({"limit": 1})).unwrap();
    let out = kit.run(&spans_of("cart", &["a", "b", "c"]));
    assert_eq!(out.count("operations_marked"), 1);
    assert!(matches!(out.logs.as_slice(), [(Level::Warn, _)]));
    let out = kit.run(&spans_of("cart", &["d"]));
    assert_eq!((out.logs.len(), out.count("operations_marked")), (0, 0));
}

#[test]
fn what_was_seen_survives_a_swap() {
    let mut old = Kit::<FirstSeen>::new(json!({})).unwrap();
    marked(&mut old, &spans_of("cart", &["GET /cart", "größer"]));
    let (format, data) = old.snapshot();
    let mut new = Kit::<FirstSeen>::new(json!({"limit": 3})).unwrap();
    new.restore(format, &data).unwrap();
    let spans = spans_of("cart", &["GET /cart", "größer", "POST /cart", "PUT /cart"]);
    assert_eq!(marked(&mut new, &spans), ["POST /cart"]);
}

#[test]
fn a_state_that_is_none_is_refused() {
    let mut known = Known::default();
    known.insert("cart", "GET /cart");
    known.insert("car", "tGET /cart");
    let data = known.to_bytes();
    assert_eq!((known.len(), data.len()), (2, 16));
    assert_eq!(Known::from_bytes(&data), Some(known));
    let mut kit = Kit::<FirstSeen>::new(json!({})).unwrap();
    let why = "not a list of hashes";
    let wrong = kit.restore(1, &data[1..]);
    assert!(matches!(wrong, Err(RestoreError::Data(told)) if told == why));
    assert!(matches!(kit.restore(2, &data), Err(RestoreError::Format)));
}

#[test]
fn every_mistake_in_the_settings_is_told() {
    let refused = |settings| {
        let error = Kit::<FirstSeen>::new(settings).err();
        error.map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(
        refused(json!({"attribute": "", "limit": 0})),
        "/attribute: must not be empty; /limit: must be between 1 and 200000"
    );
    assert_eq!(
        refused(json!({"limits": 1})),
        "/limits: unknown key `limits`; did you mean `limit`?"
    );
}
