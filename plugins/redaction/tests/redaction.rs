//! What is removed, masked and summed up.

use serde_json::json;
use spanmill_redaction::Redaction;
use spanmill_sdk::ConfigError;
use spanmill_sdk::testing::{Attr, Changed, Event, Kit, Span, Spans};

fn run(settings: serde_json::Value, spans: &Spans) -> Changed {
    Kit::<Redaction>::new(settings).unwrap().run(spans)
}

fn one(settings: serde_json::Value, span: Span) -> Span {
    run(settings, &Spans::of([span])).span(0).clone()
}

const CARD: &str = "4111111111111111";

#[test]
fn blocked_values_are_masked_wherever_they_stand() {
    let spans = Spans::new()
        .resource([("note", CARD), ("host", "h")])
        .scope("s", "1")
        .span(
            Span::new(CARD)
                .attr("card", format!("card {CARD}!"))
                .attr("mail", "a@b.com, 4111111111111111")
                .attr("clean", "fine")
                .attr("number", 4_111_111_111_111_111_i64)
                .event(Event::new("e").attr("card", CARD)),
        );
    let settings = json!({
        "allow_all_keys": true,
        "blocked_values": ["4[0-9]{12}(?:[0-9]{3})?", r"\w+@\w+\.com"],
    });
    let out = run(settings, &spans);
    assert_eq!(out.resource(0).get("note"), Some(&"****".into()));
    let span = out.span(0);
    assert_eq!(span.get("card"), Some(&"card ****!".into()));
    assert_eq!(span.get("mail"), Some(&"****, ****".into()));
    assert_eq!(span.get("clean"), Some(&"fine".into()));
    assert_eq!(
        span.get("number"),
        Some(&4_111_111_111_111_111_i64.into()),
        "only strings are looked at"
    );
    assert_eq!(span.events[0].get("card"), Some(&"****".into()));
    assert_eq!(span.name, CARD, "names are no attributes");
    assert_eq!(out.count("attributes_masked"), 4);
}

#[test]
fn keys_that_are_not_allowed_go() {
    let settings = json!({"allowed_keys": ["a", "mail"], "ignored_keys": ["safe"], "blocked_values": ["@"], "summary": "debug"});
    let span = one(
        settings,
        Span::new("s")
            .attr("b", 1)
            .attr("a", "x")
            .attr("secret", "y")
            .attr("safe", "a@b")
            .attr("mail", "a@b"),
    );
    let text = |text: &str| Attr::from(text);
    assert_eq!(
        span.attributes,
        [
            ("a".to_owned(), text("x")),
            ("safe".to_owned(), text("a@b")),
            ("mail".to_owned(), text("a****b")),
            ("redaction.redacted.keys".to_owned(), text("b,secret")),
            ("redaction.redacted.count".to_owned(), Attr::Int(2)),
            ("redaction.masked.keys".to_owned(), text("mail")),
            ("redaction.masked.count".to_owned(), Attr::Int(1)),
            ("redaction.ignored.count".to_owned(), Attr::Int(1)),
        ]
    );
}

#[test]
fn without_allowed_keys_nothing_is_allowed() {
    let span = one(
        json!({}),
        Span::new("s")
            .attr("a", "x")
            .attr("redaction.masked.count", 1),
    );
    assert_eq!(span.keys(), ["redaction.masked.count"]);
}

#[test]
fn an_earlier_summary_is_added_to() {
    let settings =
        json!({"allow_all_keys": true, "blocked_values": ["secret"], "summary": "debug"});
    let span = one(
        settings,
        Span::new("s")
            .attr("redaction.masked.keys", "z,a")
            .attr("m", "secret")
            .attr("redaction.masked.count", 2),
    );
    assert_eq!(span.get("redaction.masked.keys"), Some(&"a,m,z".into()));
    assert_eq!(span.get("redaction.masked.count"), Some(&3.into()));
    assert_eq!(
        span.keys(),
        ["redaction.masked.keys", "m", "redaction.masked.count"]
    );
}

#[test]
fn info_counts_and_silent_says_nothing() {
    let settings = |summary: &str| json!({"allow_all_keys": true, "blocked_values": ["secret"], "summary": summary});
    let keys = |summary: &str| {
        one(settings(summary), Span::new("s").attr("m", "secret"))
            .keys()
            .join(" ")
    };
    assert_eq!(keys("info"), "m redaction.masked.count");
    assert_eq!(keys("silent"), "m");
    assert_eq!(keys(""), "m");
}

#[test]
fn allowed_values_pass_and_blocked_keys_mask_the_whole() {
    let settings = json!({
        "allow_all_keys": true,
        "blocked_key_patterns": [".*token.*"],
        "allowed_values": [".+@mycompany.com"],
        "blocked_values": ["@"],
        "ignored_key_patterns": ["^safe"],
        "summary": "debug",
    });
    let span = one(
        settings,
        Span::new("s")
            .attr("api_token", "abc")
            .attr("token_mail", "me@mycompany.com")
            .attr("mail", "you@other.com")
            .attr("safe_token", "abc")
            .attr("token_number", 5),
    );
    assert_eq!(span.get("api_token"), Some(&"****".into()));
    assert_eq!(span.get("token_mail"), Some(&"me@mycompany.com".into()));
    assert_eq!(span.get("mail"), Some(&"you****other.com".into()));
    assert_eq!(span.get("safe_token"), Some(&"abc".into()));
    assert_eq!(
        span.get("token_number"),
        Some(&"****".into()),
        "a blocked key masks every type"
    );
    assert_eq!(
        span.get("redaction.masked.keys"),
        Some(&"api_token,mail,token_number".into())
    );
    assert_eq!(
        span.get("redaction.allowed.keys"),
        Some(&"token_mail".into())
    );
    assert_eq!(span.get("redaction.allowed.count"), Some(&1.into()));
    assert_eq!(span.get("redaction.ignored.count"), Some(&1.into()));
}

#[test]
fn all_types_are_looked_at_when_asked() {
    let settings = json!({"allow_all_keys": true, "redact_all_types": true, "blocked_values": ["4[0-9]{12}", "secret"]});
    let map = Attr::Map(vec![("k".to_owned(), "secret".into())]);
    let span = one(
        settings,
        Span::new("s")
            .attr("n", 4_111_111_111_111_i64)
            .attr("m", map)
            .attr("f", 1.5),
    );
    assert_eq!(span.get("n"), Some(&"****".into()));
    assert_eq!(span.get("m"), Some(&r#"{"k":"****"}"#.into()));
    assert_eq!(span.get("f"), Some(&1.5.into()));
}

#[test]
fn hashes_replace_what_matched() {
    let settings =
        json!({"allow_all_keys": true, "hash_function": "md5", "blocked_values": ["abc"]});
    let span = one(settings, Span::new("s").attr("a", "x abc"));
    assert_eq!(
        span.get("a"),
        Some(&"x 900150983cd24fb0d6963f7d28e17f72".into())
    );
}

#[test]
fn every_mistake_is_named_at_once() {
    let error = |settings| Kit::<Redaction>::new(settings).err().unwrap();
    let ConfigError::Settings(problems) = error(json!({
        "blocked_values": ["ok", "("],
        "ignored_key_patterns": ["["],
        "hash_function": "crc32",
        "summary": "loud",
    })) else {
        panic!()
    };
    let paths: Vec<&str> = problems
        .iter()
        .map(|problem| problem.path.as_str())
        .collect();
    assert_eq!(
        paths,
        [
            "/hash_function",
            "/summary",
            "/blocked_values/1",
            "/ignored_key_patterns/0"
        ]
    );
    let key =
        error(json!({"hash_function": "hmac-sha256", "hmac_key": "too-short-secret"})).to_string();
    assert_eq!(
        key,
        "/hmac_key: must be at least 32 bytes long for hmac-sha256; it has 16"
    );
    assert_eq!(
        error(json!({"blocked_value": []})).to_string(),
        "/blocked_value: unknown key `blocked_value`; did you mean `blocked_values`?"
    );
    assert_eq!(
        error(json!({"db_sanitizer": {"sql": {"enable": true}}})).to_string(),
        "/db_sanitizer/sql/enable: unknown key `enable`; did you mean `enabled`?"
    );
}
