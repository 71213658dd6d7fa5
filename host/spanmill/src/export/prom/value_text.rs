//! Attributes' values as the text of a label, as the Collector's `AsString` writes them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

use crate::otlp_json::name_of_double;

/// An attribute's value as text: lists and maps as JSON, bytes in base64, no value as an empty text.
pub(in crate::export) fn of(attribute: &KeyValue) -> String {
    let value = attribute
        .value
        .as_ref()
        .and_then(|value| value.value.as_ref());
    match value {
        None | Some(Value::StringValueStrindex(_)) => String::new(),
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BoolValue(flag)) => flag.to_string(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => {
            name_of_double(*number).map_or_else(|| double(*number), str::to_owned)
        }
        Some(Value::BytesValue(bytes)) => STANDARD.encode(bytes),
        Some(Value::ArrayValue(_) | Value::KvlistValue(_)) => {
            let mut out = String::new();
            // JSON has no NaN and no infinity; the Collector then writes an empty text.
            match write_json(&mut out, value) {
                Some(()) => out,
                None => String::new(),
            }
        }
    }
}

/// A double as in JSON: plain between 1e-6 and 1e21, else with an exponent.
fn double(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    match text.contains("e-") {
        true => text,
        false => text.replace('e', "e+"),
    }
}

/// Appends a value as JSON, keys in order; the last value of a repeated key counts. Returns `None` for a
/// number that JSON cannot write.
fn write_json(out: &mut String, value: Option<&Value>) -> Option<()> {
    let inside = |value: &AnyValue, out: &mut String| write_json(out, value.value.as_ref());
    match value {
        None | Some(Value::StringValueStrindex(_)) => out.push_str("null"),
        Some(Value::StringValue(text)) => write_text(out, text),
        Some(Value::BoolValue(flag)) => out.push_str(&flag.to_string()),
        Some(Value::IntValue(number)) => out.push_str(&number.to_string()),
        Some(Value::DoubleValue(number)) if !number.is_finite() => return None,
        Some(Value::DoubleValue(number)) => out.push_str(&double(*number)),
        // The Collector treats empty bytes as no value.
        Some(Value::BytesValue(bytes)) if bytes.is_empty() => out.push_str("null"),
        Some(Value::BytesValue(bytes)) => write_text(out, &STANDARD.encode(bytes)),
        Some(Value::ArrayValue(array)) => {
            out.push('[');
            for (place, item) in array.values.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                inside(item, out)?;
            }
            out.push(']');
        }
        Some(Value::KvlistValue(list)) => {
            let pairs = list.values.iter().map(|pair| (&pair.key, &pair.value));
            let sorted: BTreeMap<_, _> = pairs.collect();
            out.push('{');
            for (place, (key, value)) in sorted.into_iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write_text(out, key);
                out.push(':');
                match value {
                    Some(value) => inside(value, out)?,
                    None => out.push_str("null"),
                }
            }
            out.push('}');
        }
    }
    Some(())
}

fn write_text(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};

    use super::*;

    fn attribute(key: &str, value: Option<Value>) -> KeyValue {
        KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value }),
            ..KeyValue::default()
        }
    }

    fn text(value: Option<Value>) -> String {
        of(&attribute("k", value))
    }

    fn list(values: impl IntoIterator<Item = Option<Value>>) -> Option<Value> {
        let values = values.into_iter().map(|value| AnyValue { value });
        Some(Value::ArrayValue(ArrayValue {
            values: values.collect(),
        }))
    }

    #[test]
    fn values_look_as_in_the_collector() {
        for (value, expected) in [
            (Value::StringValue("<a>".to_owned()), "<a>"),
            (Value::BoolValue(true), "true"),
            (Value::IntValue(-7), "-7"),
            (Value::DoubleValue(1.0), "1"),
            (Value::DoubleValue(0.1), "0.1"),
            (Value::DoubleValue(1e20), "100000000000000000000"),
            (Value::DoubleValue(1e21), "1e+21"),
            (Value::DoubleValue(1e-7), "1e-7"),
            (Value::DoubleValue(f64::NEG_INFINITY), "-Infinity"),
            (Value::BytesValue(vec![1, 2]), "AQI="),
            (Value::BytesValue(Vec::new()), ""),
        ] {
            assert_eq!(text(Some(value)), expected);
        }
        assert_eq!(text(None), "");
    }

    #[test]
    fn lists_and_maps_are_json() {
        let mixed = list([
            Some(Value::DoubleValue(1e17)),
            Some(Value::DoubleValue(1e22)),
            Some(Value::BytesValue(Vec::new())),
            None,
            Some(Value::StringValue("<\u{8}\"".to_owned())),
        ]);
        assert_eq!(
            text(mixed),
            r#"[100000000000000000,1e+22,null,null,"<\b\""]"#
        );
        let map = Value::KvlistValue(KeyValueList {
            values: vec![
                attribute("z", Some(Value::BytesValue(vec![1, 2]))),
                attribute("a", list([Some(Value::DoubleValue(0.5))])),
                attribute("z", Some(Value::BoolValue(false))),
            ],
        });
        assert_eq!(text(Some(map)), r#"{"a":[0.5],"z":false}"#);
        let endless = list([Some(Value::IntValue(1)), Some(Value::DoubleValue(f64::NAN))]);
        assert_eq!(text(endless), "");
    }
}
