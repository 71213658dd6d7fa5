//! Statements on log records, as people write them.

use serde_json::json;
use spanmill_sdk::testing::{Attr, Changed, Kit, LogRecord, Logs};
use spanmill_transform::Transform;

/// What statements for logs make of a record.
fn after(statements: &[&str], record: LogRecord) -> LogRecord {
    let settings = json!({
        "error_mode": "propagate",
        "log_statements": [{"context": "log", "statements": statements}],
    });
    let logs = Logs {
        received_unix_nano: 1_700_000_000_000_000_000,
        ..Logs::new()
    };
    let mut kit = Kit::<Transform>::new(settings).unwrap();
    let changed: Changed<LogRecord> = kit.run(&logs.log(record));
    changed.item(0).clone()
}

fn map(entries: &[(&str, Attr)]) -> Attr {
    let entries = entries.iter();
    Attr::Map(
        entries
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect(),
    )
}

#[test]
fn json_bodies_are_taken_apart() {
    let body = r#"{"level":"warn","user":{"id":7,"tags":["a","b"]},"msg":"late"}"#;
    let record = after(
        &[
            r#"merge_maps(cache, ParseJSON(body), "upsert") where IsMatch(body, "^\\{")"#,
            r#"set(attributes["user.id"], cache["user"]["id"])"#,
            r#"set(attributes["tag"], cache["user"]["tags"][1])"#,
            r#"set(severity_text, cache["level"])"#,
            r#"set(severity_number, SEVERITY_NUMBER_WARN) where severity_text == "warn""#,
            r#"set(body, cache["msg"])"#,
        ],
        LogRecord::new(body),
    );
    assert_eq!(record.get("user.id"), Some(&Attr::Double(7.0)));
    assert_eq!(record.get("tag"), Some(&"b".into()));
    assert_eq!(
        (record.severity_number, record.severity_text.as_str()),
        (13, "warn")
    );
    assert_eq!(record.body, Some("late".into()));
    let record = after(
        &[
            "set(body, ParseJSON(body))",
            r#"set(body["user"]["id"], 8)"#,
        ],
        LogRecord::new(body),
    );
    let user = map(&[
        ("id", 8.into()),
        ("tags", Attr::Array(vec!["a".into(), "b".into()])),
    ]);
    assert_eq!(
        record.body,
        Some(map(&[
            ("level", "warn".into()),
            ("user", user),
            ("msg", "late".into())
        ]))
    );
    let record = after(
        &["set(attributes, ParseJSON(body))", "flatten(attributes)"],
        LogRecord::new(body).attr("old", 1),
    );
    let mut keys = record.keys();
    keys.sort_unstable();
    assert_eq!(
        keys,
        ["level", "msg", "user.id", "user.tags.0", "user.tags.1"]
    );
}

#[test]
fn lines_of_other_kinds_are_taken_apart() {
    let get = |statement: &str, body: &str| {
        let record = after(&[statement], LogRecord::new(body));
        record.attributes
    };
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, Attr)> {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).into()))
            .collect()
    };
    assert_eq!(
        get(
            r#"merge_maps(attributes, ParseKeyValue(body), "upsert")"#,
            r#"level=info msg="it is late" code=7"#
        ),
        pairs(&[("level", "info"), ("msg", "it is late"), ("code", "7")])
    );
    assert_eq!(
        get(
            r#"merge_maps(attributes, ParseCSV(body, "a,b,c"), "upsert")"#,
            r#"1,"2,3",4"#
        ),
        pairs(&[("a", "1"), ("b", "2,3"), ("c", "4")])
    );
    assert_eq!(
        get(
            r#"merge_maps(attributes, ExtractGrokPatterns(body, "%{IP:client.address} %{WORD:method} %{NUMBER:took:double}", true), "upsert")"#,
            "10.0.0.1 GET 2.5"
        ),
        [
            ("client.address".to_owned(), "10.0.0.1".into()),
            ("method".to_owned(), "GET".into()),
            ("took".to_owned(), Attr::Double(2.5)),
        ]
    );
    assert_eq!(
        get(
            r#"set(attributes["t"], UnixNano(Time(body, "%Y-%m-%d %H:%M:%S")))"#,
            "2023-11-14 22:13:20"
        ),
        [("t".to_owned(), Attr::Int(1_700_000_000_000_000_000))]
    );
    let xml = r#"<a x="1"><b>two</b></a>"#;
    assert_eq!(
        get(
            r#"set(attributes["b"], ParseSimplifiedXML(body)["a"]["b"])"#,
            xml
        ),
        pairs(&[("b", "two")])
    );
    assert_eq!(
        get(
            r#"set(attributes["x"], ParseXML(body)["attributes"]["x"])"#,
            xml
        ),
        pairs(&[("x", "1")])
    );
}

#[test]
fn records_are_completed() {
    let record = LogRecord::new("password=secret user=ann")
        .severity(9, "")
        .times(0, 5);
    let record = after(
        &[
            r#"set(time_unix_nano, observed_time_unix_nano) where time_unix_nano == 0"#,
            r#"set(severity_text, "INFO") where severity_text == "" and severity_number == SEVERITY_NUMBER_INFO"#,
            r#"replace_pattern(body, "password=\\S+", "password=***")"#,
            r#"set(event_name, "login") where IsMatch(body, "user=")"#,
            r#"set(attributes["now"], UnixSeconds(Now()))"#,
            r#"set(attributes["length"], Len(body.string))"#,
        ],
        record,
    );
    assert_eq!(record.time_unix_nano, 5);
    assert_eq!(record.severity_text, "INFO");
    assert_eq!(record.body, Some("password=*** user=ann".into()));
    assert_eq!(record.event_name, "login");
    assert_eq!(record.get("now"), Some(&Attr::Int(1_700_000_000)));
    assert_eq!(record.get("length"), Some(&Attr::Int(21)));
}

#[test]
fn bodies_of_every_kind_are_written() {
    for (statement, body, expected) in [
        ("set(body, 5)", "x".into(), Attr::Int(5)),
        (
            "set(body, attributes)",
            "x".into(),
            map(&[("k", "v".into())]),
        ),
        ("set(body.string, \"y\")", 7.into(), "y".into()),
        (
            "set(body, body[\"a\"])",
            map(&[("a", true.into())]),
            true.into(),
        ),
        (
            "set(body[0], \"z\")",
            Attr::Array(vec!["x".into()]),
            Attr::Array(vec!["z".into()]),
        ),
        (
            "keep_keys(body, [\"a\"])",
            map(&[("a", 1.into()), ("b", 2.into())]),
            map(&[("a", 1.into())]),
        ),
        (
            "truncate_all(body, 1)",
            map(&[("a", "xyz".into())]),
            map(&[("a", "x".into())]),
        ),
    ] {
        let record = after(
            &[statement],
            LogRecord::new(Attr::clone(&body)).attr("k", "v"),
        );
        assert_eq!(record.body, Some(expected), "{statement}");
    }
}

#[test]
fn ids_are_other_for_every_record_and_the_same_for_the_same_batch() {
    let logs = |time: u64| {
        let records = (0..200).map(|_| LogRecord::new("x").times(time, time));
        Logs {
            received_unix_nano: 1_700_000_000_123_456_789,
            ..Logs::of(records)
        }
    };
    let settings = json!({"log_statements": [
        r#"set(log.attributes["a"], UUID())"#,
        r#"set(log.attributes["b"], UUIDv7())"#,
    ]});
    let ids = |logs: &Logs| -> Vec<String> {
        let mut kit = Kit::<Transform>::new(settings.clone()).unwrap();
        let changed: Changed<LogRecord> = kit.run(logs);
        let ids = changed
            .left
            .logs()
            .flat_map(|record| ["a", "b"].map(|key| record.get(key).cloned()));
        ids.map(|id| match id {
            Some(Attr::Text(id)) => id,
            other => panic!("{other:?}"),
        })
        .collect()
    };
    let (one, same, other) = (ids(&logs(1)), ids(&logs(1)), ids(&logs(2)));
    assert_eq!(one, same);
    let mut all: Vec<&String> = one.iter().chain(&other).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 800);
    assert!(one[0].len() == 36 && &one[0][14..15] == "4");
    assert!(one[1].starts_with("018bcfe5-687b-7"), "{}", one[1]);
}
