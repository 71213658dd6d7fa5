//! What is read and written, beside what the library reads and writes.

mod both_ways;
#[path = "../../../otlp/tests/properties/requests.rs"]
#[allow(dead_code)]
mod requests;

use expect_test::expect;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, EntityRef, KeyValueList};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::{Value, json};

use spanmill_model::Signal;

fn to_protobuf(json: &[u8]) -> Result<bytes::Bytes, super::JsonError> {
    super::to_protobuf(json, Signal::Traces)
}

fn read(json: &str) -> ExportTraceServiceRequest {
    let bytes = to_protobuf(json.as_bytes()).unwrap_or_else(|error| panic!("{error}: {json}"));
    ExportTraceServiceRequest::decode(bytes).unwrap()
}

fn of_span(span: &Value) -> String {
    json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).to_string()
}

fn span(span: Value) -> Span {
    let mut request = read(&of_span(&span));
    request.resource_spans[0].scope_spans[0].spans.remove(0)
}

/// What an attribute's value is read as; `None` if it is refused.
fn value(any: Value) -> Option<Any> {
    let text = of_span(&json!({"attributes": [{"key": "k", "value": any}]}));
    let request = ExportTraceServiceRequest::decode(to_protobuf(text.as_bytes()).ok()?).unwrap();
    let span = &request.resource_spans[0].scope_spans[0].spans[0];
    Some(span.attributes[0].value.clone()?.value.unwrap())
}

fn refused(json: &str) -> String {
    to_protobuf(json.as_bytes()).unwrap_err().to_string()
}

fn span_refused(span: Value) -> String {
    refused(&of_span(&span))
}

#[test]
fn numbers_may_be_strings() {
    let read = span(json!({
        "flags": "257", "droppedAttributesCount": "3", "droppedEventsCount": 4, "startTimeUnixNano": "5",
        "endTimeUnixNano": u64::MAX, "kind": 77,
    }));
    assert_eq!((read.flags, read.dropped_attributes_count), (257, 3));
    assert_eq!((read.dropped_events_count, read.kind), (4, 77));
    assert_eq!(read.start_time_unix_nano, 5);
    assert_eq!(read.end_time_unix_nano, u64::MAX);
    let double = |value: Value| match self::value(json!({"doubleValue": value})) {
        Some(Any::DoubleValue(value)) => Some(value),
        None => None,
        other => panic!("{other:?}"),
    };
    assert_eq!(double(json!("1.5")), Some(1.5));
    assert_eq!(double(json!("-2e-3")), Some(-0.002));
    assert_eq!(double(json!(7)), Some(7.0));
    assert_eq!(double(json!("Infinity")), Some(f64::INFINITY));
    assert_eq!(double(json!("-Infinity")), Some(f64::NEG_INFINITY));
    assert!(double(json!("NaN")).unwrap().is_nan());
    for wrong in ["", "inf", "nan", "1.5 ", "+1", "0x1", "1e999", "."] {
        assert_eq!(double(json!(wrong)), None, "{wrong}");
    }
    let int = |value: Value| self::value(json!({"intValue": value}));
    assert_eq!(
        int(json!("-9223372036854775808")),
        Some(Any::IntValue(i64::MIN))
    );
    assert_eq!(int(json!(i64::MAX)), Some(Any::IntValue(i64::MAX)));
    for wrong in [
        json!("9223372036854775808"),
        json!(1.5),
        json!("1.0"),
        json!("+1"),
        json!(true),
    ] {
        assert_eq!(int(wrong.clone()), None, "{wrong}");
    }
}

#[test]
fn what_is_the_default_is_still_a_value() {
    let cases = [
        (json!({"stringValue": ""}), Any::StringValue(String::new())),
        (json!({"boolValue": false}), Any::BoolValue(false)),
        (json!({"intValue": 0}), Any::IntValue(0)),
        (json!({"doubleValue": 0}), Any::DoubleValue(0.0)),
        (json!({"bytesValue": ""}), Any::BytesValue(Vec::new())),
        (
            json!({"arrayValue": {}}),
            Any::ArrayValue(ArrayValue::default()),
        ),
        (
            json!({"kvlistValue": {}}),
            Any::KvlistValue(KeyValueList::default()),
        ),
        (
            json!({"array_value": {"values": []}}),
            Any::ArrayValue(ArrayValue::default()),
        ),
    ];
    for (json, expected) in cases {
        assert_eq!(value(json.clone()), Some(expected), "{json}");
    }
    let any = value(json!({"arrayValue": {"values": [{}, {"stringValue": null}]}}));
    let empty = AnyValue::default;
    assert_eq!(
        any,
        Some(Any::ArrayValue(ArrayValue {
            values: vec![empty(), empty()]
        }))
    );
}

#[test]
fn the_last_of_several_values_counts() {
    let text = |any: &str| {
        let span = format!(r#"{{"attributes": [{{"key": "k", "value": {any}}}]}}"#);
        format!(r#"{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{span}]}}]}}]}}"#)
    };
    let cases = [
        (
            r#"{"kvlistValue": {"values": [{"key": "a"}]}, "intValue": "5", "boolValue": null}"#,
            Any::IntValue(5),
        ),
        (
            r#"{"stringValue": "gone", "arrayValue": {}}"#,
            Any::ArrayValue(ArrayValue::default()),
        ),
        (
            r#"{"stringValue": "gone", "stringValue": "kept"}"#,
            Any::StringValue("kept".into()),
        ),
    ];
    for (any, expected) in cases {
        let bytes = to_protobuf(text(any).as_bytes()).unwrap();
        // Nothing of the others is left for anyone to find.
        assert!(!bytes.windows(4).any(|window| window == b"gone"));
        let request = ExportTraceServiceRequest::decode(bytes).unwrap();
        let span = &request.resource_spans[0].scope_spans[0].spans[0];
        assert_eq!(
            span.attributes[0].value.clone().unwrap().value,
            Some(expected)
        );
    }
}

#[test]
fn both_spellings_of_names() {
    let request = read(
        r#"{"resource_spans": [{"schema_url": "u", "resource": {"dropped_attributes_count": 2,
        "entity_refs": [{"type": "service", "id_keys": ["service.name"], "descriptionKeys": ["a", "b"]}]},
        "scope_spans": [{"spans": [{"trace_id": "5b8efff798038103d269b633813fc60c", "span_id": "EEE19B7EC3C1B174",
        "parent_span_id": "", "start_time_unix_nano": 1, "trace_state": "a=b"}]}]}]}"#,
    );
    let resource_spans = &request.resource_spans[0];
    assert_eq!(resource_spans.schema_url, "u");
    let resource = resource_spans.resource.as_ref().unwrap();
    assert_eq!(resource.dropped_attributes_count, 2);
    let expected = EntityRef {
        r#type: "service".into(),
        id_keys: vec!["service.name".into()],
        description_keys: vec!["a".into(), "b".into()],
        ..EntityRef::default()
    };
    assert_eq!(resource.entity_refs, [expected]);
    let span = &resource_spans.scope_spans[0].spans[0];
    assert_eq!((span.trace_id.len(), span.span_id[0]), (16, 0xee));
    assert!(span.parent_span_id.is_empty());
    assert_eq!(span.trace_state, "a=b");
}

#[test]
fn ids_have_their_length() {
    let wrong = [
        json!({"traceId": "5b8e"}),
        json!({"traceId": "5b8efff798038103d269b633813fc60"}),
        json!({"traceId": "zz8efff798038103d269b633813fc60c"}),
        json!({"traceId": "W47/95gDgQPSabYzgT/GDA=="}),
        json!({"spanId": "5b8efff798038103d269b633813fc60c"}),
        json!({"parentSpanId": "12"}),
        json!({"links": [{"traceId": "12", "spanId": "34"}]}),
        json!({"links": [{"spanId": 34}]}),
    ];
    for span in wrong {
        let why = span_refused(span.clone());
        assert!(
            why.contains("hexadecimal digits, or empty"),
            "{span}: {why}"
        );
    }
    let read = span(json!({"traceId": "", "links": [{"spanId": "eee19b7ec3c1b174"}]}));
    assert!(read.trace_id.is_empty());
    assert_eq!(read.links[0].span_id.len(), 8);
}

#[test]
fn nulls_and_unknown_fields() {
    assert_eq!(read("null"), ExportTraceServiceRequest::default());
    let request = read(
        r#"{"resourceSpans": [{"resource": null, "future": [[{"a": [1, "x", null]}], {}], "scopeSpans": [{"scope": null,
        "spans": [{"name": "x", "attributes": null, "status": null, "kind": null, "startTimeUnixNano": null}]}]}]}"#,
    );
    assert_eq!(request.resource_spans[0].resource, None);
    assert_eq!(request.resource_spans[0].scope_spans[0].spans[0].name, "x");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let cases = [
        "[]",
        "1234",
        r#"{"resourceSpans": {}}"#,
        "{\"resourceSpans\": [{},\n{\"scopeSpans\": [{\"spans\": [{}, {\"traceId\": \"secret\"}]}]}]}",
        r#"{"resourceSpans": [{"resource": {}, "resource": {}}]}"#,
        r#"{"resourceSpans": [], "resource_spans": []}"#,
        r#"{"resourceSpans": [null]}"#,
        "{\"resourceSpans\": [",
        "{} {}",
        "\u{feff}{}",
        "{\"resourceSpans\":[],}",
    ];
    let said: Vec<String> = cases
        .iter()
        .map(|json| format!("{json}\n    {}\n", refused(json)))
        .collect();
    expect![[r#"
        []
            the body is JSON, but no OTLP: the request must be an object; see before line 1, column 2
        1234
            the body is JSON, but no OTLP: the request must be an object; see before line 1, column 4
        {"resourceSpans": {}}
            the body is JSON, but no OTLP: resourceSpans must be a list; see before line 1, column 20
        {"resourceSpans": [{},
        {"scopeSpans": [{"spans": [{}, {"traceId": "secret"}]}]}]}
            the body is JSON, but no OTLP: resourceSpans[1].scopeSpans[0].spans[1].traceId must be a string of 32 hexadecimal digits, or empty; see before line 2, column 51
        {"resourceSpans": [{"resource": {}, "resource": {}}]}
            the body is JSON, but no OTLP: resourceSpans[0] has resource twice; see before line 1, column 46
        {"resourceSpans": [], "resource_spans": []}
            the body is JSON, but no OTLP: the request has resourceSpans twice; see before line 1, column 38
        {"resourceSpans": [null]}
            the body is JSON, but no OTLP: resourceSpans[0] is null, which an item of a list cannot be; see before line 1, column 23
        {"resourceSpans": [
            the body ends in the middle of a JSON value
        {} {}
            the body is not JSON: see line 1, column 4
        ﻿{}
            the body is not JSON: see line 1, column 1
        {"resourceSpans":[],}
            the body is not JSON: see line 1, column 21
    "#]].assert_eq(&said.concat());
    let cases = [
        (json!({"name": 5}), "name must be a string"),
        (
            json!({"kind": "server"}),
            "kind must be the number or the name of one of its values",
        ),
        (
            json!({"attributes": {"a": "b"}}),
            "attributes must be a list",
        ),
        (json!({"status": []}), "status must be an object"),
        (
            json!({"droppedAttributesCount": -1}),
            "droppedAttributesCount must be a whole number of 32 bits",
        ),
        (
            json!({"startTimeUnixNano": "-5"}),
            "startTimeUnixNano must be a whole number of 64 bits",
        ),
        (
            json!({"attributes": [{"value": {"bytesValue": "*"}}]}),
            "bytesValue must be a string in base64",
        ),
        (
            json!({"attributes": [{"value": {"boolValue": "true"}}]}),
            "boolValue must be true or false",
        ),
    ];
    for (span, expected) in cases {
        let why = span_refused(span.clone());
        assert!(why.contains(expected), "{span}: {why}");
    }
}

fn nested(levels: usize) -> String {
    let mut text =
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":[{"value":"#.to_owned();
    text += &r#"{"arrayValue":{"values":["#.repeat(levels);
    text += &"]}}".repeat(levels);
    text + "}]}]}]}]}"
}

#[test]
fn as_deep_as_protobuf_may_be() {
    // Five messages lead to the value, and each level is two.
    let bytes = to_protobuf(nested(48).as_bytes()).unwrap();
    assert!(spanmill_otlp::Request::parse(Signal::Traces, bytes).is_ok());
    for levels in [49, 50, 200, 200_000] {
        assert!(refused(&nested(levels)).contains("is nested more than 100 levels deep"));
    }
    // What is left out has no limit, and takes no stack.
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_eq!(
        read(&format!("{{\"future\": {deep}}}"))
            .resource_spans
            .len(),
        0
    );
}

#[test]
fn what_is_written_is_no_larger_than_what_was_sent() {
    let spans = vec!["{}"; 1_000_000].join(",");
    let text = format!("{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[{spans}]}}]}}]}}");
    let bytes = to_protobuf(text.as_bytes()).unwrap();
    assert!(bytes.len() < text.len());
}
