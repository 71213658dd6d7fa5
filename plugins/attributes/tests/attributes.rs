//! What the actions do to spans, and which spans they are done to.

use serde_json::{Value as Json, json};
use spanmill_attributes::Attributes;
use spanmill_sdk::ConfigError;
use spanmill_sdk::testing::{Attr, Kit, Span, Spans};

fn one(actions: Json, span: Span) -> Span {
    let mut kit = Kit::<Attributes>::new(json!({ "actions": actions })).unwrap();
    kit.run(&Spans::of([span])).span(0).clone()
}

#[test]
fn insert_update_and_upsert() {
    let span = one(
        json!([
            {"key": "there", "value": 1, "action": "insert"},
            {"key": "new", "value": 2.5, "action": "insert"},
            {"key": "there", "value": "b", "action": "UPDATE"},
            {"key": "missing", "value": "b", "action": "update"},
            {"key": "copy", "from_attribute": "there", "action": "upsert"},
            {"key": "none", "from_attribute": "missing", "action": "upsert"},
            {"key": "fallback", "from_attribute": "missing", "default_value": true, "action": "upsert"},
            {"key": "list", "value": ["a", 1, {"k": null}], "action": "upsert"},
        ]),
        Span::new("s").attr("there", "a"),
    );
    let list = Attr::Array(vec![
        "a".into(),
        1.into(),
        Attr::Map(vec![("k".to_owned(), Attr::Empty)]),
    ]);
    let mut attributes = span.attributes.clone();
    attributes.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(
        attributes,
        [
            ("copy", "b".into()),
            ("fallback", true.into()),
            ("list", list),
            ("new", 2.5.into()),
            ("there", "b".into())
        ]
        .map(|(key, value)| (key.to_owned(), value))
    );
}

#[test]
fn delete_hash_and_convert() {
    let span = one(
        json!([
            {"key": "gone", "action": "delete"},
            {"key": "mail", "action": "hash"},
            {"key": "flag", "action": "hash"},
            {"key": "bytes", "action": "hash"},
            {"key": "code", "action": "convert", "converted_type": "int"},
            {"key": "word", "action": "convert", "converted_type": "int"},
            {"key": "number", "action": "convert", "converted_type": "string"},
            {"key": "ratio", "action": "convert", "converted_type": "double"},
        ]),
        Span::new("s")
            .attr("gone", 1)
            .attr("mail", "abc")
            .attr("flag", true)
            .attr("bytes", Attr::Bytes(vec![1]))
            .attr("code", "200")
            .attr("word", "ok")
            .attr("number", 5)
            .attr("ratio", "0.5"),
    );
    assert_eq!(
        span.attributes,
        [
            (
                "mail",
                Attr::from("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
            ),
            (
                "flag",
                "4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a".into()
            ),
            ("bytes", "".into()),
            ("code", 200.into()),
            ("word", "ok".into()),
            ("number", "5".into()),
            ("ratio", 0.5.into()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
    );
}

#[test]
fn convert_reads_and_writes_numbers_as_the_collector_does() {
    let not_finite = Attr::Array(vec![f64::NAN.into()]);
    for (to, value, expected) in [
        ("double", "1_000".into(), Attr::from(1000.0)),
        ("double", "0x1p-1".into(), 0.5.into()),
        ("double", "-Inf".into(), f64::NEG_INFINITY.into()),
        ("double", "-nan".into(), "-nan".into()),
        ("double", "1e400".into(), "1e400".into()),
        ("double", "1__0".into(), "1__0".into()),
        ("int", "1_000".into(), "1_000".into()),
        ("int", 1e30.into(), i64::MAX.into()),
        ("int", (-1e30).into(), i64::MIN.into()),
        ("string", f64::NAN.into(), "NaN".into()),
        ("string", f64::INFINITY.into(), "Infinity".into()),
        ("string", 1e-7.into(), "1e-7".into()),
        (
            "string",
            Attr::Array(vec!["<".into(), Attr::Bytes(vec![])]),
            r#"["<",null]"#.into(),
        ),
        ("string", not_finite, "".into()),
    ] {
        let actions = json!([{"key": "k", "action": "convert", "converted_type": to}]);
        let span = one(actions, Span::new("s").attr("k", value.clone()));
        assert_eq!(span.get("k"), Some(&expected), "{value:?} to {to}");
    }
}

#[test]
fn extract_puts_groups_into_attributes() {
    let actions = json!([{
        "key": "http.url", "action": "extract",
        "pattern": r"^(?P<http_protocol>.*):\/\/(?P<http_domain>[^\/]*)",
    }]);
    let mut kit = Kit::<Attributes>::new(json!({ "actions": actions })).unwrap();
    let out = kit.run(&Spans::of([
        Span::new("a")
            .attr("http.url", "https://x.org/p")
            .attr("http_domain", "old"),
        Span::new("b").attr("http.url", "https://x.org/p"),
        Span::new("c").attr("http.url", "nothing"),
        Span::new("d").attr("http.url", 5),
    ]));
    assert_eq!(out.span(0).get("http_domain"), Some(&"x.org".into()));
    assert_eq!(out.span(1).get("http_protocol"), Some(&"https".into()));
    assert_eq!(
        (out.span(2).attributes.len(), out.span(3).attributes.len()),
        (1, 1)
    );
}

#[test]
fn patterns_find_keys() {
    let actions = json!([
        {"key": "token.new", "value": "x", "action": "insert"},
        {"key": "extra", "pattern": "^token", "action": "delete"},
        {"pattern": "mail$", "action": "hash"},
        {"key": "kept", "value": "y", "action": "upsert"},
    ]);
    let mut kit = Kit::<Attributes>::new(json!({ "actions": actions })).unwrap();
    assert_eq!(
        kit.reads(),
        ["span.attributes", "log.attributes", "datapoint.attributes"]
    );
    let out = kit.run(&Spans::of([
        Span::new("s")
            .attr("extra", 1)
            .attr("token.a", 1)
            .attr("b", 2)
            .attr("e-mail", "abc"),
        Span::new("t").attr("kept", "z"),
    ]));
    assert_eq!(out.span(0).keys(), ["b", "e-mail", "kept"]);
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(out.span(0).get("e-mail"), Some(&hash.into()));
    assert_eq!(out.span(1).get("kept"), Some(&"y".into()));
}

#[test]
fn include_compares_values_of_any_type() {
    let list = Attr::Array(vec![1.into(), "a".into()]);
    let map = Attr::Map(vec![
        ("x".to_owned(), 1.into()),
        ("y".to_owned(), list.clone()),
    ]);
    let values: Vec<Attr> = vec![list, map, 1e-7.into(), f64::INFINITY.into(), true.into()];
    let marked = |match_type: &str, value: Json| {
        let include =
            json!({"match_type": match_type, "attributes": [{"key": "k", "value": value}]});
        let actions = json!([{"key": "mark", "value": true, "action": "upsert"}]);
        let mut kit =
            Kit::<Attributes>::new(json!({"include": include, "actions": actions})).unwrap();
        let spans = values
            .iter()
            .map(|value| Span::new("s").attr("k", value.clone()));
        let out = kit.run(&Spans::of(spans));
        let marks = out
            .left
            .spans()
            .map(|span| u8::from(span.get("mark").is_some()));
        marks.collect::<Vec<_>>()
    };
    for (match_type, value, expected) in [
        ("strict", json!([1, "a"]), [1, 0, 0, 0, 0]),
        ("strict", json!([1.0, "a"]), [0, 0, 0, 0, 0]),
        ("strict", json!({"y": [1, "a"], "x": 1}), [0, 1, 0, 0, 0]),
        ("strict", json!({"x": 1}), [0, 0, 0, 0, 0]),
        ("strict", json!(1e-7), [0, 0, 1, 0, 0]),
        ("strict", json!(true), [0, 0, 0, 0, 1]),
        ("regexp", json!("^0.0000001$"), [0, 0, 1, 0, 0]),
        ("regexp", json!("^.Inf$"), [0, 0, 0, 1, 0]),
        ("regexp", json!("^true$"), [0, 0, 0, 0, 1]),
    ] {
        assert_eq!(
            marked(match_type, value.clone()),
            expected,
            "{match_type} {value}"
        );
    }
}

#[test]
fn include_and_exclude_choose_spans() {
    let spans = Spans::new()
        .resource([("service.name", "cart"), ("zone", "a")])
        .scope("lib", "1.0")
        .span(Span::new("GET /").kind(2).attr("n", 1))
        .span(Span::new("work").kind(1).attr("n", "one"))
        .resource([("zone", "b")])
        .span(Span::new("GET /b").kind(2));
    let marked = |include: Json, exclude: Json| {
        let mut settings = json!({"actions": [{"key": "mark", "value": true, "action": "upsert"}]});
        for (key, value) in [("include", include), ("exclude", exclude)] {
            if !value.is_null() {
                settings[key] = value;
            }
        }
        let out = Kit::<Attributes>::new(settings).unwrap().run(&spans);
        out.left
            .spans()
            .map(|span| u8::from(span.get("mark").is_some()))
            .collect::<Vec<_>>()
    };
    for (properties, expected) in [
        (
            json!({"match_type": "strict", "services": ["cart"]}),
            [1, 1, 0],
        ),
        (
            json!({"match_type": "regexp", "services": ["nil"]}),
            [0, 0, 1],
        ),
        (
            json!({"match_type": "strict", "span_names": ["work"]}),
            [0, 1, 0],
        ),
        (
            json!({"match_type": "regexp", "span_names": ["^GET"], "services": ["cart"]}),
            [1, 0, 0],
        ),
        (
            json!({"match_type": "strict", "span_kinds": ["SPAN_KIND_SERVER"]}),
            [1, 0, 1],
        ),
        (
            json!({"match_type": "regexp", "span_kinds": ["INTERNAL|CLIENT"]}),
            [0, 1, 0],
        ),
        (
            json!({"match_type": "strict", "attributes": [{"key": "n"}]}),
            [1, 1, 0],
        ),
        (
            json!({"match_type": "strict", "attributes": [{"key": "n", "value": 1}]}),
            [1, 0, 0],
        ),
        (
            json!({"match_type": "strict", "attributes": [{"key": "n", "value": "1"}]}),
            [0, 0, 0],
        ),
        (
            json!({"match_type": "regexp", "attributes": [{"key": "n", "value": "1|one"}]}),
            [1, 1, 0],
        ),
        (
            json!({"match_type": "strict", "resources": [{"key": "zone", "value": "b"}]}),
            [0, 0, 1],
        ),
        (
            json!({"match_type": "strict", "libraries": [{"name": "lib"}]}),
            [1, 1, 0],
        ),
        (
            json!({"match_type": "strict", "libraries": [{"name": "lib", "version": "2.0"}]}),
            [0, 0, 0],
        ),
    ] {
        assert_eq!(
            marked(properties.clone(), Json::Null),
            expected,
            "include {properties}"
        );
        assert_eq!(
            marked(Json::Null, properties.clone()),
            expected.map(|meant| 1 - meant),
            "exclude {properties}"
        );
    }
    let include = json!({"match_type": "strict", "services": ["cart"]});
    assert_eq!(
        marked(
            include,
            json!({"match_type": "strict", "span_names": ["work"]})
        ),
        [1, 0, 0]
    );
}

#[test]
fn values_of_the_request() {
    let mut kit = Kit::<Attributes>::new(json!({"actions": [
        {"key": "tenant", "action": "insert", "from_context": "metadata.X-Tenant"},
        {"key": "roles", "action": "upsert", "from_context": "x-role"},
        {"key": "client.address", "action": "upsert", "from_context": "client.address"},
        {"key": "kept", "action": "update", "from_context": "metadata.missing"},
        {"key": "absent", "action": "upsert", "from_context": "metadata.missing"},
        {"key": "fallback", "action": "upsert", "from_context": "metadata.missing", "default_value": "none"},
        {"key": "tenant.copy", "action": "upsert", "from_attribute": "tenant"},
    ]}))
    .unwrap();
    let spans = Spans::of([Span::new("s").attr("kept", 1)])
        .header("x-tenant", "blue")
        .header("x-role", "admin")
        .header("X-Role", "dev")
        .from_address([192, 0, 2, 7]);
    let mut attributes = kit.run(&spans).span(0).attributes.clone();
    attributes.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(
        attributes,
        [
            ("client.address", Attr::from("192.0.2.7")),
            ("fallback", "none".into()),
            ("kept", 1.into()),
            ("roles", "admin;dev".into()),
            ("tenant", "blue".into()),
            ("tenant.copy", "blue".into()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
    );
    // Nothing is known of the next.
    let unknown = kit.run(&Spans::of([Span::new("s")]));
    let fallback = ("fallback".to_owned(), Attr::from("none"));
    assert_eq!(unknown.span(0).attributes, [fallback]);
}

#[test]
fn a_value_has_one_source() {
    for action in [
        json!({"key": "a", "action": "insert", "value": 1, "from_context": "metadata.b"}),
        json!({"key": "a", "action": "insert", "from_attribute": "b", "from_context": "metadata.b"}),
    ] {
        let Err(ConfigError::Settings(problems)) =
            Kit::<Attributes>::new(json!({ "actions": [action] }))
        else {
            panic!("taken")
        };
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].message.contains("exclude each other"));
    }
}

#[test]
fn every_mistake_is_named_at_once() {
    let Err(ConfigError::Settings(problems)) = Kit::<Attributes>::new(json!({
        "include": {"match_type": "fuzzy", "metric_names": ["m"]},
        "exclude": {"match_type": "regexp", "span_names": ["("], "attributes": [{"key": "a", "value": 5}]},
        "actions": [
            {"key": "a", "action": "insert"},
            {"action": "upsert", "value": 1},
            {"key": "a", "action": "delete", "value": 1},
            {"key": "a", "action": "extract", "pattern": "(x)"},
            {"key": "a", "action": "convert", "converted_type": "bool"},
            {"key": "a", "action": "upsert", "from_context": "auth.subject"},
            {"key": "a", "action": "explode"},
            {"action": "hash"},
            {"key": "ok", "action": "hash"},
        ],
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
            "/exclude",
            "/include/match_type",
            "/exclude/span_names/0",
            "/exclude/attributes/0/value",
            "/actions/0",
            "/actions/1/key",
            "/actions/2/value",
            "/actions/3/pattern",
            "/actions/4/converted_type",
            "/actions/5/from_context",
            "/actions/6/action",
            "/actions/7",
        ]
    );
}
