//! Sanitizers of URLs and of what is asked of databases. What texts become is what the Collector's own libraries made of them.

use serde_json::{Value, json};
use spanmill_redaction::Redaction;
use spanmill_sdk::testing::{Attr, Kit, LogRecord, Logs, Span, Spans};

fn kit(mut settings: Value) -> Kit<Redaction> {
    let all = settings.as_object_mut().unwrap();
    all.entry("allow_all_keys").or_insert(json!(true));
    Kit::new(settings).unwrap()
}

fn one(settings: Value, span: Span) -> Span {
    kit(settings).run(&Spans::of([span])).span(0).clone()
}

const SERVER: u32 = 2;
const CLIENT: u32 = 3;

fn urls() -> Value {
    json!({"url_sanitizer": {"enabled": true, "attributes": ["url.path"]}})
}

fn sql() -> Value {
    json!({"db_sanitizer": {
        "sql": {"enabled": true, "attributes": ["db.query.text"]},
        "redis": {"enabled": true, "attributes": ["db.query.text"]},
        "mongo": {"enabled": true, "attributes": ["db.query.text"]},
    }})
}

fn query(system: &str, text: &str) -> Span {
    Span::new("query")
        .kind(CLIENT)
        .attr("db.system", system)
        .attr("db.query.text", text)
        .attr("other", text)
}

#[test]
fn only_the_attributes_named_are_taken_for_urls() {
    let mut settings = urls();
    settings["summary"] = json!("debug");
    settings["blocked_values"] = json!(["secret"]);
    let span = Span::new("GET")
        .attr("url.path", "/users/42/secret?token=x")
        .attr("other", "/users/42");
    let span = one(settings, span);
    // What is masked is a segment that is no word.
    assert_eq!(span.get("url.path"), Some(&"/users/*/*".into()));
    assert_eq!(span.get("other"), Some(&"/users/42".into()));
    assert_eq!(span.get("redaction.masked.keys"), Some(&"url.path".into()));
    assert_eq!(span.get("redaction.masked.count"), Some(&Attr::Int(1)));
}

#[test]
fn names_with_paths_are_sanitized_where_a_span_is_one_of_http() {
    let name = |settings: Value, span: Span| one(settings, span).name;
    let span = |name: &str| Span::new(name).kind(SERVER);
    assert_eq!(name(urls(), span("GET /users/42")), "GET /users/*");
    assert_eq!(
        name(urls(), span("42")),
        "42",
        "nothing says that it is a path"
    );
    let route = |name: &str| span(name).attr("http.route", "/x");
    assert_eq!(name(urls(), route("GET cart?id=7")), "GET cart");
    assert_eq!(
        name(urls(), route("/42/43")),
        "/42/43",
        "nothing but stars says nothing"
    );
    assert_eq!(name(urls(), Span::new("/users/42").kind(1)), "/users/42");
    let mut off = urls();
    off["url_sanitizer"]["sanitize_span_name"] = json!(false);
    assert_eq!(name(off, span("/users/42")), "/users/42");
    let mut allowed = urls();
    allowed["allowed_values"] = json!(["^/users/"]);
    assert_eq!(name(allowed, span("/users/42")), "/users/42");
    // An attribute that is removed says nothing any more.
    let mut removed = urls();
    removed["allow_all_keys"] = json!(false);
    assert_eq!(name(removed, route("GET cart?id=7")), "GET cart?id=7");
}

#[test]
fn the_database_decides_how_a_query_is_read() {
    let text = |span: Span| one(sql(), span).get("db.query.text").unwrap().clone();
    for (system, asked, expected) in [
        (
            "postgresql",
            "SELECT * FROM t1 WHERE a = 'x'",
            "SELECT * FROM t? WHERE a = ?",
        ),
        ("MySQL", "SELECT \"x\" # 7", "SELECT ? # 7"),
        ("redis", "SET key value", "SET key ?"),
        (
            "mongodb",
            r#"{"find": "users", "id": 7}"#,
            r#"{"find":"?","id":"?"}"#,
        ),
        ("mongodb", "no JSON 7", "no JSON 7"),
        ("cassandra", "SELECT 7", "SELECT 7"),
    ] {
        assert_eq!(text(query(system, asked)), expected.into(), "{system}");
    }
    let other = one(sql(), query("redis", "SET a b"));
    assert_eq!(other.get("other"), Some(&"SET a b".into()));
    let unsaid = Span::new("q").attr("db.query.text", "SELECT 7");
    assert_eq!(
        text(unsaid),
        "SELECT 7".into(),
        "nothing says which database"
    );
    let newer = query("redis", "SELECT 7").attr("db.system.name", "sqlite");
    assert_eq!(text(newer), "SELECT ?".into(), "the newer attribute counts");
}

#[test]
fn equal_texts_of_different_databases_fare_differently() {
    let mut kit = kit(sql());
    let text = "SET a 'b'";
    let spans = ["redis", "mysql", "none", "redis"].map(|system| query(system, text));
    let out = kit.run(&Spans::of(spans));
    let texts: Vec<_> = (0..4)
        .map(|span| out.span(span).get("db.query.text").unwrap().clone())
        .collect();
    let expected = ["SET a ?", "SET a ?", text, "SET a ?"].map(Attr::from);
    assert_eq!(texts, expected);
    assert_eq!(out.count("attributes_masked"), 3);
}

#[test]
fn names_of_database_spans_are_sanitized() {
    let named = |settings: Value, span: Span| one(settings, span).name;
    let span = |kind: u32| {
        Span::new("SELECT * FROM t WHERE id = 7")
            .kind(kind)
            .attr("db.system.name", "postgresql")
    };
    for kind in [1, SERVER, CLIENT] {
        assert_eq!(named(sql(), span(kind)), "SELECT * FROM t WHERE id = ?");
    }
    assert_eq!(named(sql(), span(4)), "SELECT * FROM t WHERE id = 7");
    let mut off = sql();
    off["db_sanitizer"]["sanitize_span_name"] = json!(false);
    assert_eq!(named(off, span(CLIENT)), "SELECT * FROM t WHERE id = 7");
    let out = kit(sql()).run(&Spans::of([span(CLIENT), span(CLIENT)]));
    assert_eq!(out.count("span_names_sanitized"), 2);
}

#[test]
fn in_logs_every_sanitizer_has_its_turn() {
    let mut settings = sql();
    settings["summary"] = json!("info");
    let map = Attr::Map(vec![("q".to_owned(), "SELECT 'x'".into())]);
    let records = [
        LogRecord::new("SELECT 7 FROM t").attr("db.query.text", "SELECT 7"),
        LogRecord::new(map),
        LogRecord::new("nothing to see"),
    ];
    let out = kit(settings).run(&Logs::of(records));
    let bodies: Vec<_> = (0..3)
        .map(|record| out.item(record).body.clone().unwrap())
        .collect();
    let map = Attr::Map(vec![("q".to_owned(), "SELECT ?".into())]);
    assert_eq!(
        bodies,
        ["SELECT ? FROM t".into(), map, "nothing to see".into()]
    );
    let first = out.item(0);
    assert_eq!(first.get("db.query.text"), Some(&"SELECT ?".into()));
    assert_eq!(
        first.get("redaction.body.masked.count"),
        Some(&Attr::Int(1))
    );
}

#[test]
fn every_text_of_a_body_is_taken_for_a_url() {
    let out = kit(urls()).run(&Logs::of([LogRecord::new("/users/42"), LogRecord::new(12)]));
    let bodies = [0, 1].map(|record| out.item(record).body.clone().unwrap());
    assert_eq!(bodies, ["/users/*".into(), "*".into()]);
}

#[test]
fn the_name_crosses_only_where_it_is_sanitized() {
    let reads = |settings: Value| kit(settings).reads().contains(&"span.name");
    assert!(!reads(json!({})));
    assert!(reads(urls()));
    assert!(reads(sql()));
    let off = json!({"url_sanitizer": {"enabled": true, "sanitize_span_name": false}});
    assert!(!reads(off));
}
