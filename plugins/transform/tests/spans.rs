//! Statements on spans, as people write them.

mod support;

use serde_json::json;
use spanmill_sdk::testing::{Attr, Span, Spans};
use support::{after, run, span};

#[track_caller]
fn check(statements: &[&str], expected: Span) {
    assert_eq!(after(statements, span()), expected, "{statements:?}");
}

fn without(mut span: Span, key: &str) -> Span {
    span.attributes.retain(|(known, _)| known != key);
    span
}

fn with(mut span: Span, key: &str, value: impl Into<Attr>) -> Span {
    let value = value.into();
    match span.attributes.iter_mut().find(|(known, _)| known == key) {
        Some((_, known)) => *known = value,
        None => span.attributes.push((key.to_owned(), value)),
    }
    span
}

#[test]
fn attributes_are_set_copied_renamed_and_deleted() {
    check(
        &[r#"set(attributes["env"], "prod")"#],
        with(span(), "env", "prod"),
    );
    check(
        &[r#"set(attributes["http.method"], "POST")"#],
        with(span(), "http.method", "POST"),
    );
    check(
        &[r#"set(attributes["method"], attributes["http.method"])"#],
        with(span(), "method", "GET"),
    );
    // To set something to nil does nothing.
    check(&[r#"set(attributes["a"], attributes["none"])"#], span());
    check(&[r#"set(attributes["http.method"], nil)"#], span());
    check(
        &[
            r#"set(attributes["http.response.status_code"], attributes["http.status_code"]) where attributes["http.status_code"] != nil"#,
            r#"delete_key(attributes, "http.status_code")"#,
        ],
        with(
            without(span(), "http.status_code"),
            "http.response.status_code",
            503,
        ),
    );
    check(
        &[
            r#"delete_key(attributes, "http.url")"#,
            r#"delete_key(attributes, "none")"#,
        ],
        without(span(), "http.url"),
    );
    check(
        &[r#"delete_matching_keys(attributes, "^http\\.(url|method)$")"#],
        without(without(span(), "http.url"), "http.method"),
    );
    check(
        &[r#"keep_keys(attributes, ["http.method", "none"])"#],
        Span {
            attributes: vec![("http.method".to_owned(), "GET".into())],
            ..span()
        },
    );
    check(
        &[r#"keep_matching_keys(attributes, "^http\\.")"#],
        without(span(), "user.email"),
    );
    check(
        &[r#"limit(attributes, 2, ["user.email"])"#],
        Span {
            attributes: vec![
                ("http.method".to_owned(), "GET".into()),
                ("user.email".to_owned(), "ann@example.com".into()),
            ],
            ..span()
        },
    );
    check(&[r#"limit(attributes, 4, [])"#], span());
}

#[test]
fn texts_are_masked_cut_and_replaced() {
    check(
        &[r#"replace_pattern(name, "/users/[0-9]+", "/users/{id}")"#],
        Span {
            name: "GET /users/{id}".to_owned(),
            ..span()
        },
    );
    check(
        &[r#"replace_pattern(attributes["http.url"], "token=[^&]*", "token=***")"#],
        with(
            span(),
            "http.url",
            "https://shop.example/users/42?token=***",
        ),
    );
    check(
        &[r#"replace_pattern(attributes["user.email"], "(\\w+)@(\\w+)", "$1 at ${2}")"#],
        with(span(), "user.email", "ann at example.com"),
    );
    check(
        &[r#"replace_pattern(attributes["user.email"], "^(.*)@", "$1", SHA1)"#],
        with(
            span(),
            "user.email",
            "744cb9a9fb3d5583744ea3ece9b4d819d90bdee2example.com",
        ),
    );
    check(
        &[
            r#"replace_pattern(attributes["user.email"], "ann", "$0", function=ToUpperCase, replacement_format="<%s>")"#,
        ],
        with(span(), "user.email", "<ANN>@example.com"),
    );
    // What is no text stays.
    check(
        &[r#"replace_pattern(attributes["http.status_code"], "5", "4")"#],
        span(),
    );
    check(
        &[r#"replace_match(attributes["user.email"], "*@example.com", "someone")"#],
        with(span(), "user.email", "someone"),
    );
    check(
        &[r#"replace_match(attributes["user.email"], "*@other.com", "x")"#],
        span(),
    );
    check(
        &[r#"replace_all_matches(attributes, "*example*", "***")"#],
        with(with(span(), "http.url", "***"), "user.email", "***"),
    );
    check(
        &[r#"replace_all_patterns(attributes, "value", "example", "EX")"#],
        with(
            with(span(), "http.url", "https://shop.EX/users/42?token=abc"),
            "user.email",
            "ann@EX.com",
        ),
    );
    let renamed = after(
        &[r#"replace_all_patterns(attributes, "key", "^http\\.", "web.")"#],
        span(),
    );
    let mut keys = renamed.keys();
    keys.sort_unstable();
    assert_eq!(
        keys,
        ["user.email", "web.method", "web.status_code", "web.url"]
    );
    check(
        &[r#"truncate_all(attributes, 10)"#],
        with(
            with(span(), "http.url", "https://sh"),
            "user.email",
            "ann@exampl",
        ),
    );
    check(
        &[r#"truncate_all(attributes, 10, truncation_marker="...")"#],
        with(
            with(span(), "http.url", "https:/..."),
            "user.email",
            "ann@exa...",
        ),
    );
    check(
        &[r#"stringify_all(attributes)"#],
        with(span(), "http.status_code", "503"),
    );
}

#[test]
fn fields_of_spans_are_set() {
    check(
        &["set(status.code, STATUS_CODE_ERROR) where attributes[\"http.status_code\"] >= 500"],
        Span {
            status_code: 2,
            ..span()
        },
    );
    check(
        &[
            "set(status.code, 1)",
            "set(status.message, Concat([name, \"failed\"], \" \"))",
        ],
        Span {
            status_code: 1,
            status_message: "GET /users/42 failed".to_owned(),
            ..span()
        },
    );
    check(&["set(kind, SPAN_KIND_CLIENT)"], Span { kind: 3, ..span() });
    check(
        &[r#"set(kind.string, "Producer")"#],
        Span { kind: 4, ..span() },
    );
    check(
        &[r#"set(name, "x") where kind == SPAN_KIND_CLIENT"#],
        span(),
    );
    check(
        &[r#"set(name, Concat([attributes["http.method"], attributes["none"]], " "))"#],
        Span {
            name: "GET <nil>".to_owned(),
            ..span()
        },
    );
    check(
        &["set(end_time_unix_nano, start_time_unix_nano + 1000)"],
        Span {
            end_time_unix_nano: 1_700_000_000_000_001_000,
            ..span()
        },
    );
    check(
        &[r#"set(start_time, start_time - Duration("1s"))"#],
        Span {
            start_time_unix_nano: 1_699_999_999_000_000_000,
            ..span()
        },
    );
    check(
        &[r#"set(trace_state["vendor"], "x")"#],
        Span {
            trace_state: "vendor=x".to_owned(),
            ..span()
        },
    );
    check(
        &[
            r#"set(attributes["trace"], trace_id.string)"#,
            r#"set(attributes["id"], Hex(attributes["http.method"]))"#,
        ],
        with(
            with(span(), "trace", "00000000000000000000000000000a0b"),
            "id",
            "474554",
        ),
    );
}

#[test]
fn values_are_derived_from_others() {
    check(
        &["set(attributes[\"ms\"], (end_time_unix_nano - start_time_unix_nano) / 1000000)"],
        with(span(), "ms", 250),
    );
    check(
        &["set(attributes[\"ms\"], Milliseconds(end_time - start_time))"],
        with(span(), "ms", 250),
    );
    check(
        &[r#"set(attributes["slow"], true) where end_time - start_time > Duration("200ms")"#],
        with(span(), "slow", true),
    );
    check(
        &[r#"set(attributes["host"], URL(attributes["http.url"])["url.domain"])"#],
        with(span(), "host", "shop.example"),
    );
    check(
        &[
            r#"merge_maps(attributes, ExtractPatterns(name, "^(?P<verb>\\w+) (?P<path>.*)$"), "upsert")"#,
        ],
        with(with(span(), "verb", "GET"), "path", "/users/42"),
    );
    check(
        &[r#"set(attributes["part"], Split(name, "/")[2])"#],
        with(span(), "part", "42"),
    );
    check(
        &[r#"set(attributes["code"], String(attributes["http.status_code"]))"#],
        with(span(), "code", "503"),
    );
    check(
        &[r#"set(attributes["hash"], SHA256("hello"))"#],
        with(
            span(),
            "hash",
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        ),
    );
    check(
        &[
            r#"set(attributes["first"], Coalesce([attributes["none"], attributes["http.method"], "x"]))"#,
        ],
        with(span(), "first", "GET"),
    );
    check(
        &[r#"set(attributes["at"], FormatTime(start_time, "%Y-%m-%dT%H:%M:%SZ"))"#],
        with(span(), "at", "2023-11-14T22:13:20Z"),
    );
    check(
        &[
            r#"set(attributes["class"], Concat([Substring(String(attributes["http.status_code"]), 0, 1), "xx"], ""))"#,
        ],
        with(span(), "class", "5xx"),
    );
}

#[test]
fn maps_and_lists_within_attributes_are_changed() {
    let map = |entries: &[(&str, Attr)]| {
        let entries = entries.iter();
        Attr::Map(
            entries
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
        )
    };
    check(
        &[r#"set(attributes["m"], {"a": 1, "b": ["x", 2.5, true]})"#],
        with(
            span(),
            "m",
            map(&[
                ("a", 1.into()),
                ("b", Attr::Array(vec!["x".into(), 2.5.into(), true.into()])),
            ]),
        ),
    );
    check(
        &[
            r#"set(attributes["m"]["a"]["b"], 1)"#,
            r#"set(attributes["m"]["c"], attributes["m"]["a"]["b"] + 1)"#,
        ],
        with(
            span(),
            "m",
            map(&[("a", map(&[("b", 1.into())])), ("c", 2.into())]),
        ),
    );
    check(
        &[r#"set(attributes["l"][1], "x")"#],
        with(span(), "l", Attr::Array(vec![Attr::Empty, "x".into()])),
    );
    check(
        &[
            r#"append(attributes["tags"], "a")"#,
            r#"append(attributes["tags"], values=["b", 3])"#,
        ],
        with(
            span(),
            "tags",
            Attr::Array(vec!["a".into(), "b".into(), 3.into()]),
        ),
    );
    check(
        &[
            r#"append(attributes["http.method"], "HEAD")"#,
            r#"delete_index(attributes["http.method"], 0)"#,
        ],
        with(span(), "http.method", Attr::Array(vec!["HEAD".into()])),
    );
    let nested = with(
        span(),
        "m",
        map(&[("a", map(&[("b", 1.into())])), ("secret", "x".into())]),
    );
    assert_eq!(
        after(
            &[r#"delete_key(attributes["m"], "secret")"#],
            nested.clone()
        ),
        with(span(), "m", map(&[("a", map(&[("b", 1.into())]))]))
    );
    assert_eq!(
        after(&[r#"flatten(attributes)"#], nested.clone()),
        with(with(span(), "m.a.b", 1), "m.secret", "x")
    );
    assert_eq!(
        after(&[r#"flatten(attributes["m"], "p")"#], nested),
        with(
            span(),
            "m",
            map(&[("p.a.b", 1.into()), ("p.secret", "x".into())])
        )
    );
}

#[test]
fn each_statement_sees_what_those_before_it_did() {
    check(
        &[
            r#"set(attributes["a"], name)"#,
            r#"replace_pattern(attributes["a"], "42", "{id}")"#,
            r#"set(name, attributes["a"]) where attributes["a"] == "GET /users/{id}""#,
            r#"delete_key(attributes, "a")"#,
        ],
        Span {
            name: "GET /users/{id}".to_owned(),
            ..span()
        },
    );
    // What is changed back is not written.
    check(
        &[r#"set(name, "x")"#, r#"set(name, "GET /users/42")"#],
        span(),
    );
    // Keys by name and whole lists see each other's work.
    check(
        &[
            r#"set(attributes["a"], 1)"#,
            r#"keep_keys(attributes, ["a", "http.method"])"#,
            r#"set(attributes["n"], Len(attributes))"#,
        ],
        Span {
            attributes: vec![
                ("http.method".to_owned(), "GET".into()),
                ("a".to_owned(), 1.into()),
                ("n".to_owned(), 2.into()),
            ],
            ..span()
        },
    );
}

#[test]
fn the_cache_lives_for_a_row_and_a_group() {
    check(
        &[
            r#"set(cache["n"], name)"#,
            r#"merge_maps(cache, ExtractPatterns(name, "(?P<id>[0-9]+)"), "insert")"#,
            r#"set(attributes["id"], Int(cache["id"]))"#,
            r#"set(attributes["name"], cache["n"])"#,
            r#"set(attributes["none"], cache["none"])"#,
        ],
        with(with(span(), "id", 42), "name", "GET /users/42"),
    );
    let settings = json!({"error_mode": "propagate", "trace_statements": [
        {"context": "span", "statements": ["set(cache[\"a\"], 1)"]},
        {"context": "span", "statements": ["set(attributes[\"a\"], cache[\"a\"])"]},
    ]});
    let changed = run(settings, &Spans::new().span(span()));
    assert_eq!(*changed.span(0), span());
}
