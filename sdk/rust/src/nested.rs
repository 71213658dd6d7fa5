//! Reads what stands inside arrays and maps, and writes values as text the way the Collector does.
//!
//! Arrays and maps cross in OTLP's own encoding, because few plugins look into them. Malformed input
//! ends the iteration; nothing here panics.

use crate::Value;

mod base64;
mod equality;
mod json;
mod text;

pub use equality::equal;
pub use json::{JsonStyle, NotFinite, double_text, write_json};

/// The values of an encoded `ArrayValue`.
pub fn items(array: &[u8]) -> impl Iterator<Item = Value<'_>> {
    fields(array).filter_map(|field| match field {
        (1, Field::Bytes(bytes)) => Some(any_value(bytes)),
        _ => None,
    })
}

/// The keys and values of an encoded `KeyValueList`.
pub fn entries(map: &[u8]) -> impl Iterator<Item = (&str, Value<'_>)> {
    fields(map).filter_map(|field| match field {
        (1, Field::Bytes(bytes)) => Some(key_value(bytes)),
        _ => None,
    })
}

/// Appends a value to an encoded `ArrayValue`.
pub fn push_item(array: &mut Vec<u8>, value: &Value<'_>) {
    let mut encoded = Vec::new();
    encode(&mut encoded, value);
    push_bytes(array, 1, &encoded);
}

/// Appends a key and a value to an encoded `KeyValueList`.
pub fn push_entry(map: &mut Vec<u8>, key: &str, value: &Value<'_>) {
    let mut encoded = Vec::new();
    encode(&mut encoded, value);
    let mut entry = Vec::new();
    push_bytes(&mut entry, 1, key.as_bytes());
    push_bytes(&mut entry, 2, &encoded);
    push_bytes(map, 1, &entry);
}

/// What a protobuf field holds.
#[derive(Debug)]
pub enum Field<'a> {
    /// A number of any length.
    Number(u64),
    /// Text, bytes or a message.
    Bytes(&'a [u8]),
}

/// The fields of a protobuf message: number and content.
pub(crate) fn fields(mut rest: &[u8]) -> impl Iterator<Item = (u64, Field<'_>)> {
    std::iter::from_fn(move || {
        let key = varint(&mut rest)?;
        let field = match key & 7 {
            0 => Field::Number(varint(&mut rest)?),
            1 => {
                let (word, tail) = rest.split_first_chunk::<8>()?;
                rest = tail;
                Field::Number(u64::from_le_bytes(*word))
            }
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                let (bytes, tail) = rest.split_at_checked(length)?;
                rest = tail;
                Field::Bytes(bytes)
            }
            5 => {
                let (word, tail) = rest.split_first_chunk::<4>()?;
                rest = tail;
                Field::Number(u64::from(u32::from_le_bytes(*word)))
            }
            _ => return None,
        };
        Some((key >> 3, field))
    })
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

pub(crate) fn any_value(bytes: &[u8]) -> Value<'_> {
    let mut value = Value::Empty;
    for field in fields(bytes) {
        value = match field {
            (1, Field::Bytes(text)) => Value::Text(std::str::from_utf8(text).unwrap_or("")),
            (2, Field::Number(flag)) => Value::Bool(flag != 0),
            (3, Field::Number(number)) => Value::Int(number as i64),
            (4, Field::Number(bits)) => Value::Double(f64::from_bits(bits)),
            (5, Field::Bytes(array)) => Value::Array(array),
            (6, Field::Bytes(map)) => Value::Map(map),
            (7, Field::Bytes(bytes)) => Value::Bytes(bytes),
            _ => continue,
        };
    }
    value
}

pub(crate) fn key_value(bytes: &[u8]) -> (&str, Value<'_>) {
    let mut entry = ("", Value::Empty);
    for field in fields(bytes) {
        match field {
            (1, Field::Bytes(key)) => entry.0 = std::str::from_utf8(key).unwrap_or(""),
            (2, Field::Bytes(value)) => entry.1 = any_value(value),
            _ => {}
        }
    }
    entry
}

pub(crate) fn encode(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Absent | Value::Empty => {}
        Value::Text(text) => push_bytes(out, 1, text.as_bytes()),
        Value::Bool(flag) => out.extend([0x10, u8::from(*flag)]),
        Value::Int(number) => {
            out.push(0x18);
            push_varint(out, *number as u64);
        }
        Value::Double(number) => {
            out.push(0x21);
            out.extend(number.to_le_bytes());
        }
        Value::Array(array) => push_bytes(out, 5, array),
        Value::Map(map) => push_bytes(out, 6, map),
        Value::Bytes(bytes) => push_bytes(out, 7, bytes),
    }
}

pub(crate) fn push_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    push_varint(out, field << 3 | 2);
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(crate) fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were_encoded() {
        let mut inner = Vec::new();
        push_entry(&mut inner, "k", &Value::Int(-3));
        let mut array = Vec::new();
        let values = [
            Value::Text("a"),
            Value::Bool(true),
            Value::Double(1.5),
            Value::Bytes(&[1, 2]),
            Value::Empty,
            Value::Map(&inner),
        ];
        values.iter().for_each(|value| push_item(&mut array, value));
        assert_eq!(items(&array).collect::<Vec<_>>(), values);
        assert_eq!(entries(&inner).collect::<Vec<_>>(), [("k", Value::Int(-3))]);
    }

    #[test]
    fn text_is_what_the_collector_writes() {
        let mut map = Vec::new();
        push_entry(&mut map, "b", &Value::Text("<\"x\">"));
        push_entry(&mut map, "a", &Value::Bytes(b"hello"));
        let mut endless = Vec::new();
        push_item(&mut endless, &Value::Double(f64::INFINITY));
        for (value, text) in [
            (Value::Map(&map), r#"{"a":"aGVsbG8=","b":"<\"x\">"}"#),
            (Value::Array(&endless), ""),
            (Value::Double(1.5e-7), "1.5e-7"),
            (Value::Double(f64::NAN), "NaN"),
            (Value::Double(f64::INFINITY), "Infinity"),
            (Value::Double(f64::NEG_INFINITY), "-Infinity"),
            (Value::Int(-7), "-7"),
            (Value::Bytes(b""), ""),
            (Value::Empty, ""),
        ] {
            assert_eq!(value.to_text(), text);
        }
    }

    #[test]
    fn malformed_input_ends_the_iteration() {
        assert_eq!(items(&[0x0a, 0x05, 0x01]).count(), 0);
        assert_eq!(items(&[0xff; 12]).count(), 0);
        assert_eq!(entries(&[0x0a]).count(), 0);
    }

    #[test]
    fn deep_nesting_is_cut_off() {
        let mut array = Vec::new();
        for _ in 0..100 {
            let mut outer = Vec::new();
            push_item(&mut outer, &Value::Array(&array));
            array = outer;
        }
        let text = Value::Array(&array).to_text();
        assert!(text.contains("null"), "{text}");
    }
}
