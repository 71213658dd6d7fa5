//! What becomes of names and values, what is said about it, and what a successor knows.

use serde_json::{Value as Json, json};
use spanmill_cardinality_guard::CardinalityGuard;
use spanmill_sdk::testing::{
    Attr, Changed, DataPoint, Kit, LogRecord, Logs, Metric, Metrics, Span, Spans,
};
use spanmill_sdk::{Level, Signal};

const HOUR: u64 = 3_600_000_000_000;

fn kit(settings: Json) -> Kit<CardinalityGuard> {
    Kit::new(settings).unwrap()
}

/// Spans of these names, received at some hour.
fn named<'a>(hour: u64, names: impl IntoIterator<Item = &'a str>) -> Spans {
    let mut spans = Spans::of(names.into_iter().map(Span::new));
    spans.received_unix_nano = hour * HOUR;
    spans
}

/// Spans with an attribute `user` of these values.
fn users<V: Into<Attr>>(hour: u64, values: impl IntoIterator<Item = V>) -> Spans {
    let spans = values.into_iter().map(|it| Span::new("s").attr("user", it));
    let mut spans = Spans::of(spans);
    spans.received_unix_nano = hour * HOUR;
    spans
}

fn user_values(changed: &Changed) -> Vec<Attr> {
    let spans = changed.left.spans();
    spans
        .map(|span| span.get("user").cloned().unwrap_or(Attr::Empty))
        .collect()
}

#[test]
fn span_names_become_templates() {
    let mut kit = kit(json!({"span_names": {}}));
    assert_eq!(kit.signals(), [Signal::Traces]);
    assert_eq!(
        (kit.reads(), kit.writes()),
        (vec!["span.name"], vec!["span.name"])
    );
    let changed = kit.run(&named(
        1,
        ["GET /users/42", "load", "", "GET /users/43", "load"],
    ));
    assert_eq!(
        changed.span_names(),
        ["GET /users/{id}", "load", "", "GET /users/{id}", "load"]
    );
    assert_eq!(changed.count("span_names_templated"), 2);
    assert_eq!(changed.count("span_names_overflowed"), 0);
}

#[test]
fn what_is_learned_in_a_batch_holds_from_the_next_row_on() {
    let settings = json!({"span_names": {}, "max_segment_values": 2});
    let names = ["/u/ann", "/u/bob", "/u/ann", "/u/cid", "/u/ann"];
    let expected = ["/u/ann", "/u/bob", "/u/ann", "/u/{*}", "/u/{*}"];
    let mut whole = kit(settings.clone());
    let changed = whole.run(&named(1, names));
    assert_eq!(changed.span_names(), expected);
    assert_eq!(changed.count("segments_learned"), 1);
    // However the rows are cut into batches, each becomes the same.
    for cut in 1..names.len() {
        let mut parts = kit(settings.clone());
        let first = parts.run(&named(1, names[..cut].iter().copied()));
        let second = parts.run(&named(1, names[cut..].iter().copied()));
        let both = [first.span_names(), second.span_names()].concat();
        assert_eq!(both, expected, "cut at {cut}");
    }
}

#[test]
fn new_values_beyond_the_limit_become_other() {
    let mut kit = kit(json!({"attributes": [{"key": "user", "limit": 2}], "window": "2h"}));
    let changed = kit.run(&users(10, ["a", "b", "c", "a", "c"]));
    let other = || Attr::from("other");
    let expected = ["a".into(), "b".into(), other(), "a".into(), other()];
    assert_eq!(user_values(&changed), expected);
    assert_eq!(changed.count("attributes_overflowed"), 2);
    let (level, message) = &changed.logs[0];
    assert_eq!(*level, Level::Warn);
    assert_eq!(
        message,
        "attribute user: more than 2 values within 7200 s; those that are new become `other`"
    );

    // It is said once in a window; `a` stays in use, and the place of `b` is free after two hours.
    let changed = kit.run(&users(11, ["a", "d"]));
    assert_eq!(user_values(&changed), ["a".into(), other()]);
    assert!(changed.logs.is_empty());
    let changed = kit.run(&users(12, ["a", "d", "b"]));
    assert_eq!(user_values(&changed), ["a".into(), "d".into(), other()]);
    assert_eq!(changed.logs.len(), 1);
}

#[test]
fn values_of_any_type_count() {
    let mut kit = kit(json!({"attributes": [{"key": "user", "limit": 5}], "overflow_value": "*"}));
    let list = |item: i64| Attr::Array(vec![item.into()]);
    let values: Vec<Attr> = vec![
        "1".into(),
        1.into(),
        1.0.into(),
        true.into(),
        list(1),
        list(1),
        list(2),
        2.into(),
        "x".into(),
        "*".into(),
        Attr::Empty,
    ];
    let changed = kit.run(&users(1, values.clone()));
    let mut expected = values;
    for value in &mut expected[6..9] {
        *value = "*".into();
    }
    assert_eq!(user_values(&changed), expected);
}

#[test]
fn templates_count_as_one_value() {
    let attributes = json!([{"key": "user", "limit": 1, "templates": true}]);
    let mut kit = kit(json!({ "attributes": attributes }));
    let changed = kit.run(&users(1, ["u-10001", "u-10002", "u-10003", "v"]));
    let template = || Attr::from("u-{id}");
    assert_eq!(
        user_values(&changed),
        [template(), template(), template(), "other".into()]
    );
    assert_eq!(changed.count("attributes_templated"), 3);
    assert_eq!(changed.count("attributes_overflowed"), 1);
}

#[test]
fn attributes_of_every_signal_and_of_resources_are_guarded() {
    let mut kit = kit(json!({
        "attributes": [{"key": "user"}, {"key": "user", "context": "resource"}],
        "limit": 1,
    }));
    assert_eq!(kit.signals(), Signal::ALL);
    let logs = Logs::new()
        .resource([("user", "r1")])
        .log(LogRecord::new("a").attr("user", "u1"))
        .resource([("user", "r2")])
        .log(LogRecord::new("b").attr("user", "u1"));
    let changed = kit.run(&logs);
    assert_eq!(changed.resource(0).get("user"), Some(&"r1".into()));
    assert_eq!(changed.resource(1).get("user"), Some(&"other".into()));
    assert_eq!(changed.item(1).get("user"), Some(&"u1".into()));
    // Signals share a key's values.
    let points = ["u1", "u2"].map(|user| DataPoint::int(1).attr("user", user));
    let [one, two] = points;
    let changed = kit.run(&Metrics::of([Metric::gauge("g").point(one).point(two)]));
    let users: Vec<_> = changed
        .left
        .points()
        .map(|it| it.get("user").cloned())
        .collect();
    assert_eq!(users, [Some("u1".into()), Some("other".into())]);
}

#[test]
fn a_successor_knows_what_was_learned() {
    let settings = |limit: u32| {
        json!({
            "span_names": {},
            "attributes": [{"key": "user", "limit": limit}],
            "max_segment_values": 2,
        })
    };
    let mut old = kit(settings(2));
    old.run(&named(1, ["/u/a", "/u/b", "/u/c"]));
    old.run(&users(1, ["a", "b"]));
    let (format, data) = old.snapshot();
    let mut new = kit(settings(3));
    new.restore(format, &data).unwrap();
    assert_eq!(new.run(&named(1, ["/u/z"])).span_names(), ["/u/{*}"]);
    let changed = new.run(&users(1, ["c", "d", "a"]));
    let expected: [Attr; 3] = ["c".into(), "other".into(), "a".into()];
    assert_eq!(
        user_values(&changed),
        expected,
        "the new limit has a place more"
    );

    // Settings that guard something else take nothing over, and nothing is in their way.
    let mut other = kit(json!({"attributes": [{"key": "else"}]}));
    other.restore(format, &data).unwrap();
    // What is no such state costs no instance.
    for length in 0..data.len() {
        assert!(kit(settings(2)).restore(format, &data[..length]).is_err());
    }
    assert!(kit(settings(2)).restore(format + 1, &data).is_err());
    assert!(
        kit(settings(2))
            .restore(format, &[data, vec![0]].concat())
            .is_err()
    );
}

#[test]
fn no_value_is_in_a_log_line() {
    let mut kit = kit(json!({"span_names": {"limit": 1}, "max_segment_values": 1}));
    let changed = kit.run(&named(
        1,
        ["/secret/a", "/secret/b", "/more/secret", "x", "y"],
    ));
    assert_eq!(changed.logs.len(), 1);
    assert!(!changed.logs[0].1.contains("secret"), "{:?}", changed.logs);
}

#[test]
fn every_mistake_is_named() {
    for (settings, message) in [
        (
            json!({}),
            "guards nothing; give span_names (`{}` will do) or attributes",
        ),
        (
            json!({"span_names": {"limit": 0}, "limit": 0}),
            "/limit: must be 1 at least; /span_names/limit: must be 1 at least",
        ),
        (
            json!({"attributes": [{"limit": 5}, {"key": "a"}, {"key": "a", "limit": 0}]}),
            "/attributes/0/key: is required; /attributes/2/key: is guarded already; take it out; \
             /attributes/2/limit: must be 1 at least",
        ),
        (
            json!({"span_names": {}, "window": "10ms", "overflow_value": "", "max_segment_values": 0}),
            "/window: must be 1s at least; /overflow_value: must not be empty; /max_segment_values: must be 1 at least",
        ),
        (
            json!({"attributes": [{"key": "a", "limit": 1_000_000}]}),
            "/memory_mib: the values within the limits take up to 46 MiB, and may have half of it; raise it or lower \
             the limits",
        ),
        (
            json!({"span_names": {}, "memory_mib": 2000}),
            "/memory_mib: must be 1024 at most",
        ),
    ] {
        let error = Kit::<CardinalityGuard>::new(settings).err().unwrap();
        assert_eq!(error.to_string(), message);
    }
    let error =
        Kit::<CardinalityGuard>::new(json!({"attributes": [{"key": "a", "context": "span"}]}));
    let error = error.err().unwrap().to_string();
    assert!(
        error.starts_with("/attributes/0/context: unknown variant `span`"),
        "{error}"
    );
}
