use proptest::prelude::*;
use spanmill_sdk::Signal;
use spanmill_sdk::testing::{
    Attr, Columns, DataPoint, Event, Item, Items, LogRecord, Logs, Metric, Metrics, Span, Spans,
};

use super::*;
use crate::contexts::inferred_context;

mod values;

fn spans() -> Spans {
    let map = Attr::Map(vec![(
        "a".to_owned(),
        Attr::Array(vec![1.into(), "x".into()]),
    )]);
    Spans::new()
        .resource([("service.name", "cart"), ("env", "prod")])
        .scope("lib", "1.2")
        .span(
            Span::new("GET /healthz")
                .kind(2)
                .status(2, "boom")
                .ids(0x0102, 0x0304)
                .times(1_000, 5_000)
                .trace_state("ot=th:8,vendor=x")
                .attr("http.route", "/healthz")
                .attr("size", 12)
                .attr("ratio", 0.5)
                .attr("nested", map)
                .event(Event::new("exception").attr("type", "io")),
        )
        .span(
            Span::new("work")
                .kind(1)
                .parent(7)
                .attr("http.route", 5)
                .attr("ok", true),
        )
        .resource([("service.name", "pay")])
        .span(
            Span::new("")
                .attr("http.route", "/pay")
                .event(Event::new("retry")),
        )
}

#[test]
fn what_is_known_of_the_request() {
    let sent = || {
        spans()
            .header("X-Tenant", "blue")
            .header("x-role", "admin")
            .header("x-role", "dev")
            .from_address([192, 0, 2, 7])
    };
    for (condition, expected) in [
        (r#"otelcol.client.metadata["x-tenant"][0] == "blue""#, 1),
        (r#"otelcol.client.metadata["x-tenant"] == ["blue"]"#, 1),
        (r#"otelcol.client.metadata["x-tenant"] == "blue""#, 0),
        (r#"otelcol.grpc.metadata["X-TENANT"] != nil"#, 1),
        (r#"otelcol.client.metadata["x-role"][1] == "dev""#, 1),
        (r#"Len(otelcol.client.metadata["x-role"]) == 2"#, 1),
        (r#"otelcol.client.metadata["missing"] == nil"#, 1),
        (r#"otelcol.client.metadata["missing"][0] == nil"#, 1),
        (r#"otelcol.client.addr == "192.0.2.7""#, 1),
    ] {
        assert_eq!(
            answers_on(sent(), condition, Context::Span),
            [expected; 3],
            "{condition}"
        );
        assert_eq!(
            answers_on(sent(), condition, Context::Resource),
            [expected; 2],
            "{condition}"
        );
    }
    let refused = |condition: &str| {
        let mut conditions = Conditions::new(Context::Span, ErrorMode::Silent);
        let error = conditions.add(condition, &mut Contract::default());
        error.unwrap_err().to_string()
    };
    assert!(refused("otelcol.client.metadata != nil").contains("name the header in brackets"));
    assert!(refused("otelcol.client.auth.attributes != nil").contains("do not authenticate"));
    assert!(refused("otelcol.server != nil").contains("there are `otelcol.client.metadata"));
}

fn answers(condition: &str, context: Context) -> Vec<u8> {
    answers_on(spans(), condition, context)
}

fn answers_on<T: Item>(items: Items<T>, condition: &str, context: Context) -> Vec<u8> {
    let mut contract = Contract::default();
    contract.take(Signal::ALL);
    let mut conditions = Conditions::new(context, ErrorMode::Silent);
    conditions
        .add(condition, &mut contract)
        .unwrap_or_else(|error| panic!("{condition}: {error}"));
    let columns = Columns::new(&items, &contract);
    let batch = columns.batch();
    let answers = conditions.evaluate(&batch, &[]).unwrap().to_vec();
    let frame = Frame::new(&conditions.slots, &batch);
    for (row, &answer) in answers.iter().enumerate() {
        let slow = conditions.list[0].row(&frame, context, row);
        assert_eq!(answer == YES, slow == YES, "{condition} on row {row}");
    }
    answers
}

#[test]
fn conditions_on_spans() {
    for (condition, expected) in [
        (r#"name == "GET /healthz""#, [1, 0, 0]),
        (r#"name == """#, [0, 0, 1]),
        (r#"span.name != "work""#, [1, 0, 1]),
        (r#"attributes["http.route"] == "/healthz""#, [1, 0, 0]),
        (r#"attributes["http.route"] == 5.0"#, [0, 1, 0]),
        (r#"attributes["http.route"] != nil"#, [1, 1, 1]),
        (r#"attributes["size"] == nil"#, [0, 1, 1]),
        (r#"attributes["size"] > 11.5"#, [1, 0, 0]),
        (r#"attributes["ratio"] < 1"#, [1, 0, 0]),
        (r#"attributes["ok"] == true"#, [0, 1, 0]),
        (r#"attributes["nested"]["a"][1] == "x""#, [1, 0, 0]),
        (
            r#"resource.attributes["service.name"] == "cart""#,
            [1, 1, 0],
        ),
        (
            r#"instrumentation_scope.name == "lib" and scope.version == "1.2""#,
            [1, 1, 0],
        ),
        ("kind == SPAN_KIND_SERVER", [1, 0, 0]),
        (r#"kind.string == "Internal""#, [0, 1, 0]),
        (r#"kind.deprecated_string == "SPAN_KIND_SERVER""#, [1, 0, 0]),
        ("status.code == STATUS_CODE_ERROR", [1, 0, 0]),
        (r#"status.message == "boom""#, [1, 0, 0]),
        (
            r#"trace_id.string == "00000000000000000000000000000102""#,
            [1, 0, 0],
        ),
        (
            "trace_id == TraceID(0x00000000000000000000000000000102)",
            [1, 0, 0],
        ),
        (r#"parent_span_id.string == "0000000000000007""#, [0, 1, 0]),
        ("span_id == SpanID(0x0000000000000304)", [1, 0, 0]),
        (r#"trace_state["vendor"] == "x""#, [1, 0, 0]),
        (
            "end_time_unix_nano - start_time_unix_nano >= 4000",
            [1, 0, 0],
        ),
        ("start_time_unix_nano < 1000", [0, 1, 1]),
        ("dropped_events_count == 0", [1, 1, 1]),
        ("IsRootSpan()", [1, 0, 1]),
        (r#"IsMatch(name, "^GET .*z$")"#, [1, 0, 0]),
        (r#"IsMatch(attributes["http.route"], "5|pay")"#, [0, 1, 1]),
        (r#"IsString(attributes["http.route"])"#, [1, 0, 1]),
        (r#"IsInt(attributes["http.route"])"#, [0, 1, 0]),
        (
            r#"IsMap(attributes["nested"]) and IsList(attributes["nested"]["a"])"#,
            [1, 0, 0],
        ),
        (
            r#"IsBool(attributes["ok"]) or IsDouble(attributes["ratio"])"#,
            [1, 1, 0],
        ),
        (r#"Len(attributes["nested"]["a"]) == 2"#, [1, 0, 0]),
        ("Len(attributes) == 2", [0, 1, 0]),
        ("Len(name) > 4", [1, 0, 0]),
        (
            r#"Concat([name, kind.string], "-") == "work-Internal""#,
            [0, 1, 0],
        ),
        (r#"Int("12") == attributes["size"]"#, [1, 0, 0]),
        (r#"Double(attributes["size"]) == 12"#, [1, 0, 0]),
        (r#"String(attributes["size"]) == "12""#, [1, 0, 0]),
        (
            r#"ToUpperCase(name) == "WORK" or ToLowerCase(name) == "get /healthz""#,
            [1, 1, 0],
        ),
        (
            r#"HasPrefix(name, "GET") or HasSuffix(name, "rk")"#,
            [1, 1, 0],
        ),
        (r#"Substring(name, 0, 3) == "GET""#, [1, 0, 0]),
        ("not (true and not false)", [0, 0, 0]),
        // What is known beforehand is not failed by what stands beside it.
        (r#"Substring(name, 0, 99) == "x" or 1 == 1"#, [1, 1, 1]),
        (
            r#"not (Substring(name, 0, 99) == "x" and 0.5 >= 1)"#,
            [1, 1, 1],
        ),
        (r#"not name == "work""#, [1, 0, 1]),
        (r#"name == "work" or name == "" and kind == 0"#, [0, 1, 1]),
    ] {
        assert_eq!(answers(condition, Context::Span), expected, "{condition}");
    }
}

#[test]
fn conditions_on_events_and_resources() {
    assert_eq!(
        answers(r#"name == "exception""#, Context::SpanEvent),
        [1, 0]
    );
    assert_eq!(
        answers(r#"attributes["type"] == "io""#, Context::SpanEvent),
        [1, 0]
    );
    assert_eq!(
        answers(
            r#"span.name == "" and spanevent.name == "retry""#,
            Context::SpanEvent
        ),
        [0, 1]
    );
    assert_eq!(
        answers(
            r#"resource.attributes["env"] == "prod""#,
            Context::SpanEvent
        ),
        [1, 0]
    );
    assert_eq!(
        answers(r#"attributes["env"] == nil"#, Context::Resource),
        [0, 1]
    );
}

#[test]
fn mistakes_are_found_before_anything_runs() {
    for (condition, message) in [
        (
            r#"nmae == "a""#,
            "column 1: a span has no field `nmae`; did you mean `name`?",
        ),
        (
            "status.kode == 1",
            "column 1: a span has no field `status.kode`; did you mean `status.code`?",
        ),
        (
            "kind == SPAN_KIND_SERVR",
            "column 9: there is no SPAN_KIND_SERVR; did you mean SPAN_KIND_SERVER?",
        ),
        (
            r#"IsMatsh(name, "a")"#,
            "column 1: there is no function IsMatsh; did you mean IsMatch?",
        ),
        (
            "Reverse() == name",
            "column 1: the function Reverse is not supported",
        ),
        (
            r#"name == "a" or IsMatch(name, "(")"#,
            "column 16: IsMatch: no valid regular expression: unclosed group",
        ),
        ("IsMatch(name)", "column 1: IsMatch takes (target, pattern)"),
        (
            "HasPrefix(name, 5)",
            "column 17: argument 2 of HasPrefix must be a string",
        ),
        (
            "Len(name)",
            "column 1: Len returns neither true nor false; compare what it returns",
        ),
        ("name[0] == nil", "column 1: `span.name` takes no brackets"),
        (
            "Len(events) == 1",
            "column 5: `span.events` is not offered to plugins: write statements on `spanevent` fields, which run for each event",
        ),
        (
            "spanevent.name == \"a\"",
            "column 1: a span does not see spanevent fields",
        ),
        ("1 / 0 == 1", "column 3: a division by zero"),
        (
            r#"attributes["a"] + "b" == nil"#,
            "column 17: arithmetic takes numbers, not a text",
        ),
        (
            "kind * true > 1",
            "column 6: arithmetic takes numbers, not a boolean",
        ),
    ] {
        let mut contract = Contract::default();
        let error = Conditions::new(Context::Span, ErrorMode::Ignore)
            .add(condition, &mut contract)
            .unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(contract.reads().is_empty());
    }
}

#[test]
fn failures_follow_the_error_mode() {
    let evaluate = |mode, skip: &[u8]| {
        let mut contract = Contract::default();
        let mut conditions = Conditions::new(Context::Span, mode);
        conditions
            .add(
                r#"HasPrefix(attributes["http.route"], "/h")"#,
                &mut contract,
            )
            .unwrap();
        let columns = Columns::new(&spans(), &contract);
        conditions
            .evaluate(&columns.batch(), skip)
            .map(<[u8]>::to_vec)
    };
    assert_eq!(evaluate(ErrorMode::Silent, &[]).unwrap(), [1, 0, 0]);
    assert_eq!(evaluate(ErrorMode::Ignore, &[]).unwrap(), [1, 0, 0]);
    let error = evaluate(ErrorMode::Propagate, &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "condition 1 of the span conditions failed on 1 row: a function expected a string but got another type"
    );
    assert_eq!(
        evaluate(ErrorMode::Propagate, &[0, 1, 0]).unwrap(),
        [1, 0, 0]
    );
}

#[test]
fn the_context_is_inferred_from_paths() {
    let inferred = |text| inferred_context(&parse(text).unwrap());
    assert_eq!(
        inferred(r#"resource.attributes["a"] == 1"#),
        Some(Context::Resource)
    );
    assert_eq!(
        inferred(r#"resource.attributes["a"] == 1 and span.name == "x""#),
        Some(Context::Span)
    );
    assert_eq!(
        inferred(r#"IsMatch(spanevent.name, span.name)"#),
        Some(Context::SpanEvent)
    );
    assert_eq!(inferred(r#"name == "a""#), None);
}

fn operand() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "name",
        r#"attributes["http.route"]"#,
        r#"attributes["size"]"#,
        r#"attributes["none"]"#,
        "kind",
        r#"resource.attributes["service.name"]"#,
        "status.code",
        "start_time_unix_nano",
        "nil",
        "2",
        "0.5",
        r#""work""#,
        r#""cart""#,
        "true",
        "parent_span_id.string",
        r#"Concat([name, kind], "")"#,
        r#"ToLowerCase(attributes["http.route"])"#,
        "scope.name",
    ])
    .prop_map(str::to_owned)
}

fn condition() -> impl Strategy<Value = String> {
    let operator = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let leaf = prop_oneof![
        (operand(), operator, operand())
            .prop_map(|(left, operator, right)| format!("{left} {operator} {right}")),
        operand().prop_map(|target| format!(r#"IsMatch({target}, "[a-w]")"#)),
        Just("IsRootSpan()".to_owned()),
    ];
    leaf.prop_recursive(4, 16, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| format!("not ({inner})")),
            (inner.clone(), inner.clone())
                .prop_map(|(left, right)| format!("({left}) and ({right})")),
            (inner.clone(), inner).prop_map(|(left, right)| format!("({left}) or ({right})")),
        ]
    })
}

proptest! {
    /// Column by column and row by row give the same answers, failures included.
    #[test]
    fn shortcuts_change_no_answer(condition in condition()) {
        let mut contract = Contract::default();
        let mut conditions = Conditions::new(Context::Span, ErrorMode::Silent);
        // Constants of a wrong type are refused; that is not what is tested here.
        prop_assume!(conditions.add(&condition, &mut contract).is_ok());
        let columns = Columns::new(&spans(), &contract);
        let batch = columns.batch();
        let frame = Frame::new(&conditions.slots, &batch);
        let mut mask = Vec::new();
        conditions.list[0].mask(&frame, Context::Span, 0..3, &mut mask, &mut Scratch::default());
        let slow: Vec<u8> = (0..3).map(|row| conditions.list[0].row(&frame, Context::Span, row)).collect();
        prop_assert_eq!(mask, slow);
    }

    /// No text makes the parser panic.
    #[test]
    fn any_text_is_parsed_or_refused(text in r#"[a-zA-Z"'\\(){}\[\].,=<>!+*/ 0-9xé-]{0,40}"#) {
        let mut contract = Contract::default();
        let added = Conditions::new(Context::Span, ErrorMode::Silent).add(&text, &mut contract);
        prop_assert!(added.is_ok() || added.unwrap_err().position.column <= text.chars().count() + 1);
    }
}

/// Texts and other values under one path, which are answered in different ways.
#[test]
fn values_of_any_kind_are_answered_row_by_row_or_by_text() {
    let logs = || {
        let bodies = [
            "a".into(),
            Attr::Int(5),
            "b".into(),
            "a".into(),
            Attr::Bool(true),
        ];
        Logs::of(bodies.map(LogRecord::new)).log(LogRecord::default())
    };
    for (condition, expected) in [
        (r#"body == "a""#, [1, 0, 0, 1, 0, 0]),
        ("body == 5", [0, 1, 0, 0, 0, 0]),
        ("body == nil", [0, 0, 0, 0, 0, 1]),
        (r#"IsMatch(body, "^[a5t]")"#, [1, 1, 0, 1, 1, 0]),
        (r#"body.string == "true""#, [0, 0, 0, 0, 1, 0]),
        ("body != nil and severity_number == 0", [1, 1, 1, 1, 1, 0]),
    ] {
        assert_eq!(
            answers_on(logs(), condition, Context::Log),
            expected,
            "{condition}"
        );
    }
}

#[test]
fn metrics_are_asked_about_their_points_and_points_about_their_metric() {
    let point = |key: &str| DataPoint::int(1).attr(key, "v");
    let metrics = || {
        Metrics::new()
            .metric(Metric::gauge("a"))
            .metric(Metric::sum("b").point(point("x")).point(point("k")))
            .metric(Metric::gauge("c").point(point("k")).point(point("x")))
    };
    for (condition, context, expected) in [
        (
            r#"HasAttrKeyOnDatapoint("k")"#,
            Context::Metric,
            &[0, 1, 1][..],
        ),
        (
            r#"HasAttrOnDatapoint("k", "w")"#,
            Context::Metric,
            &[0, 0, 0],
        ),
        (
            r#"not HasAttrKeyOnDatapoint("k")"#,
            Context::Metric,
            &[1, 0, 0],
        ),
        ("is_monotonic == true", Context::Metric, &[0, 1, 0]),
        (r#"metric.name == "b""#, Context::DataPoint, &[1, 1, 0, 0]),
        (
            "metric.is_monotonic == nil",
            Context::DataPoint,
            &[0, 0, 1, 1],
        ),
        (
            "value_int == 1 and count == nil",
            Context::DataPoint,
            &[1; 4],
        ),
    ] {
        assert_eq!(
            answers_on(metrics(), condition, context),
            expected,
            "{condition}"
        );
    }
}
