//! Requests to start from.

pub mod logs;
pub mod metrics;
pub mod traces;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.21.0";

fn pair(key: &str, value: Option<Value>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: value.map(|value| AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn text(value: &str) -> Option<Value> {
    Some(Value::StringValue(value.to_owned()))
}

fn attributes(number: u8) -> Vec<KeyValue> {
    let inner = vec![pair("inner", text("é")), pair("none", None)];
    let mut all = vec![
        pair("k1", text("v1")),
        pair("http.route", text("/api/v1/users")),
        pair("count", Some(Value::IntValue(-1))),
        pair("ratio", Some(Value::DoubleValue(0.5))),
        pair("on", Some(Value::BoolValue(true))),
        pair("raw", Some(Value::BytesValue(vec![0, 255]))),
        pair(
            "map",
            Some(Value::KvlistValue(KeyValueList { values: inner })),
        ),
        pair(
            "list",
            Some(Value::ArrayValue(ArrayValue {
                values: vec![AnyValue {
                    value: Some(Value::IntValue(1)),
                }],
            })),
        ),
        pair("empty", None),
        pair("k1", text("again")),
    ];
    all.rotate_left(usize::from(number) % 10);
    all.truncate(usize::from(number % 11));
    all
}

fn resource(number: u8) -> Option<Resource> {
    (number % 3 != 2).then(|| Resource {
        attributes: attributes(number + 2),
        ..Resource::default()
    })
}

fn scope(number: u8) -> Option<InstrumentationScope> {
    (number % 2 == 0).then(|| InstrumentationScope {
        name: "lib".to_owned(),
        version: "1".to_owned(),
        attributes: attributes(number),
        ..InstrumentationScope::default()
    })
}
