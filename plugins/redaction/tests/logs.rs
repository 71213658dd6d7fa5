//! Log records, bodies included, and data points. What is expected is what the Collector (0.158) made of the same records.

use serde_json::{Value as Json, json};
use spanmill_redaction::Redaction;
use spanmill_sdk::Signal;
use spanmill_sdk::testing::{Attr, DataPoint, Kit, LogRecord, Logs, Metric, MetricType, Metrics};

fn attr(json: &Json) -> Attr {
    match json {
        Json::Null => Attr::Empty,
        Json::Bool(flag) => Attr::Bool(*flag),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Attr::Int(number),
            None => Attr::Double(number.as_f64().unwrap()),
        },
        Json::String(text) => Attr::Text(text.clone()),
        Json::Array(items) => Attr::Array(items.iter().map(attr).collect()),
        Json::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| (key.clone(), attr(value)));
            Attr::Map(entries.collect())
        }
    }
}

fn json_of(attr: &Attr) -> Json {
    match attr {
        Attr::Empty => Json::Null,
        Attr::Text(text) => json!(text),
        Attr::Bool(flag) => json!(flag),
        Attr::Int(number) => json!(number),
        Attr::Double(number) => json!(number),
        Attr::Bytes(bytes) => json!(bytes),
        Attr::Array(items) => items.iter().map(json_of).collect(),
        Attr::Map(entries) => object(entries),
    }
}

fn object(entries: &[(String, Attr)]) -> Json {
    let entries = entries
        .iter()
        .map(|(key, value)| (key.clone(), json_of(value)));
    Json::Object(entries.collect())
}

const CARD: &str = "4111111111111111";

/// Records with a card in an attribute, and all sorts of bodies; one with neither.
fn records() -> Logs {
    let nested = json!({
        "card": CARD, "n": 4_111_111_111_111_111_i64, "safe": CARD, "secret": "x", "num_secret": 7, "gone": 1,
        "list": ["a", CARD, {"secret": "y", "card": format!("ok {CARD}")}],
        "m": {"gone": 1, "safe": {"a": 1}, "deep": {"card": format!("{CARD} {CARD}")}},
    });
    let bodies = [
        json!(format!("card {CARD}")),
        json!("clean"),
        json!(format!("ok {CARD}")),
        json!(4_111_111_111_111_111_i64),
        json!(12),
        json!(true),
        json!(1.5),
        json!(null),
        nested,
        json!([CARD, {"card": CARD}, ["x", [CARD]]]),
        json!(format!("{CARD}\nsecond")),
    ];
    let records = (0i64..).zip(bodies).map(|(number, body)| match body {
        Json::Null => LogRecord::default().attr("n", number),
        body => LogRecord::new(attr(&body))
            .attr("card", CARD)
            .attr("n", number),
    });
    let logs = Logs::new().resource([("card", CARD)]);
    records.fold(logs, Logs::log)
}

/// Redacts the records, and compares body and attributes with those expected, line by line.
fn check(settings: Json, expected: &str) {
    let mut kit = Kit::<Redaction>::new(settings).unwrap();
    assert_eq!(kit.signals(), Signal::ALL);
    let out = kit.run(&records());
    assert_ne!(out.resource(0).get("card"), Some(&CARD.into()));
    assert_eq!(out.left.logs().count(), expected.lines().count());
    for (record, expected) in out.left.logs().zip(expected.lines()) {
        let (body, attributes) = expected.split_once(" | ").unwrap();
        let parse = |text| serde_json::from_str::<Json>(text).unwrap();
        let found = record.body.as_ref().map_or(Json::Null, json_of);
        assert_eq!(found, parse(body));
        assert_eq!(object(&record.attributes), parse(attributes));
    }
}

#[test]
fn bodies_are_masked_as_attributes_are() {
    let settings = json!({"blocked_values": ["4[0-9]{15}"], "allow_all_keys": true});
    check(settings.clone(), MASKED);
    let out = Kit::<Redaction>::new(settings).unwrap().run(&records());
    assert_eq!(out.count("attributes_masked"), 11);
    assert_eq!(out.count("body_values_masked"), 13);
    assert_eq!(out.count("body_values_removed"), 0);
}

#[test]
fn what_was_done_to_a_body_is_summed_up_in_the_attributes() {
    let settings = json!({
        "blocked_values": ["4[0-9]{15}"], "allow_all_keys": true, "summary": "debug", "ignored_keys": ["safe"],
        "blocked_key_patterns": ["secret"], "allowed_values": ["^ok "],
    });
    check(settings, SUMMED_UP);
}

#[test]
fn keys_inside_a_body_are_removed_unless_allowed() {
    let settings = json!({
        "blocked_values": ["4[0-9]{15}"], "summary": "info", "blocked_key_patterns": ["secret"], "hash_function": "md5",
        "allowed_keys": ["card", "n", "secret", "list", "m", "deep", "safe", "num_secret"],
    });
    check(settings.clone(), HASHED);
    let out = Kit::<Redaction>::new(settings).unwrap().run(&records());
    assert_eq!(out.count("body_values_removed"), 3);
}

#[test]
fn a_body_that_is_not_there_reads_as_an_empty_text() {
    let settings = json!({"blocked_values": ["^$"], "allow_all_keys": true});
    let mut kit = Kit::<Redaction>::new(settings).unwrap();
    let out = kit.run(&Logs::of([LogRecord::default(), LogRecord::new("x")]));
    assert_eq!(out.log_bodies(), ["****", "x"]);
}

#[test]
fn data_points_of_every_type_are_redacted() {
    let types = [
        MetricType::Gauge,
        MetricType::Sum,
        MetricType::Histogram,
        MetricType::ExponentialHistogram,
        MetricType::Summary,
    ];
    let point = DataPoint::default().attr("card", CARD).attr("b", 1);
    let metrics = types.map(|of| Metric::new(CARD, of).point(point.clone()));
    let metrics = metrics.into_iter().fold(
        Metrics::new().resource([("a", CARD)]).scope("s", "1"),
        Metrics::metric,
    );
    let settings =
        json!({"blocked_values": ["4[0-9]{15}"], "allowed_keys": ["a", "card"], "summary": "info"});
    let out = Kit::<Redaction>::new(settings).unwrap().run(&metrics);
    assert_eq!(out.resource(0).get("a"), Some(&"****".into()));
    assert_eq!(out.metric_names(), [CARD; 5], "names are no attributes");
    for point in out.left.points() {
        let expected = [
            ("card", Attr::from("****")),
            ("redaction.redacted.count", 1.into()),
            ("redaction.masked.count", 1.into()),
        ];
        let expected = expected.map(|(key, value)| (key.to_owned(), value));
        assert_eq!(point.attributes, expected);
    }
}

const MASKED: &str = r#""card ****" | {"card": "****", "n": 0}
"clean" | {"card": "****", "n": 1}
"ok ****" | {"card": "****", "n": 2}
"****" | {"card": "****", "n": 3}
12 | {"card": "****", "n": 4}
true | {"card": "****", "n": 5}
1.5 | {"card": "****", "n": 6}
null | {"n": 7}
{"card": "****", "gone": 1, "list": ["a", "****", {"card": "ok ****", "secret": "y"}], "m": {"deep": {"card": "**** ****"}, "gone": 1, "safe": {"a": 1}}, "n": "****", "num_secret": 7, "safe": "****", "secret": "x"} | {"card": "****", "n": 8}
["****", {"card": "****"}, ["x", ["****"]]] | {"card": "****", "n": 9}
"****\nsecond" | {"card": "****", "n": 10}"#;

const SUMMED_UP: &str = r#""card ****" | {"card": "****", "n": 0, "redaction.body.masked.count": 1, "redaction.body.masked.keys": "body", "redaction.masked.count": 1, "redaction.masked.keys": "card"}
"clean" | {"card": "****", "n": 1, "redaction.masked.count": 1, "redaction.masked.keys": "card"}
"ok 4111111111111111" | {"card": "****", "n": 2, "redaction.masked.count": 1, "redaction.masked.keys": "card"}
"****" | {"card": "****", "n": 3, "redaction.body.masked.count": 1, "redaction.body.masked.keys": "body", "redaction.masked.count": 1, "redaction.masked.keys": "card"}
12 | {"card": "****", "n": 4, "redaction.masked.count": 1, "redaction.masked.keys": "card"}
true | {"card": "****", "n": 5, "redaction.masked.count": 1, "redaction.masked.keys": "card"}
1.5 | {"card": "****", "n": 6, "redaction.masked.count": 1, "redaction.masked.keys": "card"}
null | {"n": 7}
{"card": "****", "gone": 1, "list": ["a", "****", {"card": "ok 4111111111111111", "secret": "****"}], "m": {"deep": {"card": "**** ****"}, "gone": 1, "safe": {"a": 1}}, "n": "****", "num_secret": "****", "safe": "4111111111111111", "secret": "****"} | {"card": "****", "n": 8, "redaction.body.allowed.count": 1, "redaction.body.allowed.keys": "list.[2].card", "redaction.body.ignored.count": 2, "redaction.body.masked.count": 7, "redaction.body.masked.keys": "card,list.[1],list.[2].secret,m.deep.card,n,num_secret,secret", "redaction.masked.count": 1, "redaction.masked.keys": "card"}
["****", {"card": "****"}, ["x", ["****"]]] | {"card": "****", "n": 9, "redaction.body.masked.count": 3, "redaction.body.masked.keys": "[0],[1].card,[2].[1].[0]", "redaction.masked.count": 1, "redaction.masked.keys": "card"}
"****\nsecond" | {"card": "****", "n": 10, "redaction.body.masked.count": 1, "redaction.body.masked.keys": "body", "redaction.masked.count": 1, "redaction.masked.keys": "card"}"#;

const HASHED: &str = r#""card 5910f4ea0062a0e29afd3dccc741e3ce" | {"card": "5910f4ea0062a0e29afd3dccc741e3ce", "n": 0, "redaction.body.masked.count": 1, "redaction.masked.count": 1}
"clean" | {"card": "5910f4ea0062a0e29afd3dccc741e3ce", "n": 1, "redaction.masked.count": 1}
"ok 5910f4ea0062a0e29afd3dccc741e3ce" | {"card": "5910f4ea0062a0e29afd3dccc741e3ce", "n": 2, "redaction.body.masked.count": 1, "redaction.masked.count": 1}
"5910f4ea0062a0e29afd3dccc741e3ce" | {"card": "5910f4ea0062a0e29afd3dccc741e3ce", "n": 3, "redaction.body.masked.count": 1, "redaction.masked.count": 1}
12 | {"card": "5910f4ea0062a0e29afd3dccc741e3ce", "n": 4, "redaction.masked.count": 1}
true | {"card": "5910f4ea0062a0e29afd3dccc741e3ce", "n": 5, "redaction.masked.count": 1}
1.5 | {"card": "5910f4ea0062a0e29afd3dccc741e3ce", "n": 6, "redaction.masked.count": 1}
null | {"n": 7}
{"card": "5910f4ea0062a0e29afd3dccc741e3ce", "list": ["a", "5910f4ea0062a0e29afd3dccc741e3ce", {"card": "ok 5910f4ea0062a0e29afd3dccc741e3ce", "secret": "415290769594460e2e485922904f345d"}], "m": {"deep": {"card": "5910f4ea0062a0e29afd3dccc741e3ce 5910f4ea0062a0e29afd3dccc741e3ce"}, "safe": {}}, "n": "5910f4ea0062a0e29afd3dccc741e3ce", "num_secret": "d41d8cd98f00b204e9800998ecf8427e", "safe": "5910f4ea0062a0e29afd3dccc741e3ce", "secret": "9dd4e461268c8034f5c8564e155c67a6"} | {"card": "5910f4ea0062a0e29afd3dccc741e3ce", "n": 8, "redaction.body.masked.count": 9, "redaction.body.redacted.count": 3, "redaction.masked.count": 1}
["5910f4ea0062a0e29afd3dccc741e3ce", {"card": "5910f4ea0062a0e29afd3dccc741e3ce"}, ["x", ["5910f4ea0062a0e29afd3dccc741e3ce"]]] | {"card": "5910f4ea0062a0e29afd3dccc741e3ce", "n": 9, "redaction.body.masked.count": 3, "redaction.masked.count": 1}
"5910f4ea0062a0e29afd3dccc741e3ce\nsecond" | {"card": "5910f4ea0062a0e29afd3dccc741e3ce", "n": 10, "redaction.body.masked.count": 1, "redaction.masked.count": 1}"#;
