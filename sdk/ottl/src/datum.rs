//! Values while a condition runs.

use std::borrow::Cow;

use spanmill_sdk::Value;
use spanmill_sdk::nested::{self, JsonStyle, NotFinite, write_json};

use crate::ast::Key;

/// A value while a condition runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Datum<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    /// An encoded array.
    List(Cow<'a, [u8]>),
    /// An encoded map.
    Map(Cow<'a, [u8]>),
    TraceId([u64; 2]),
    SpanId(u64),
}

impl<'a> Datum<'a> {
    pub(crate) fn from_value(value: Value<'a>) -> Self {
        match value {
            Value::Absent | Value::Empty => Datum::Nil,
            Value::Text(text) => Datum::Text(Cow::Borrowed(text)),
            Value::Bool(flag) => Datum::Bool(flag),
            Value::Int(number) => Datum::Int(number),
            Value::Double(number) => Datum::Float(number),
            Value::Bytes(bytes) => Datum::Bytes(Cow::Borrowed(bytes)),
            Value::Array(array) => Datum::List(Cow::Borrowed(array)),
            Value::Map(map) => Datum::Map(Cow::Borrowed(map)),
        }
    }

    /// The same value, borrowed from this one.
    pub(crate) fn borrowed(&self) -> Datum<'_> {
        match self {
            Datum::Nil => Datum::Nil,
            Datum::Bool(flag) => Datum::Bool(*flag),
            Datum::Int(number) => Datum::Int(*number),
            Datum::Float(number) => Datum::Float(*number),
            Datum::Text(text) => Datum::Text(Cow::Borrowed(text)),
            Datum::Bytes(bytes) => Datum::Bytes(Cow::Borrowed(bytes)),
            Datum::List(array) => Datum::List(Cow::Borrowed(array)),
            Datum::Map(map) => Datum::Map(Cow::Borrowed(map)),
            Datum::TraceId(id) => Datum::TraceId(*id),
            Datum::SpanId(id) => Datum::SpanId(*id),
        }
    }

    /// As text, where a function takes whatever is like a string; `None` for nil.
    pub(crate) fn text_like(&self) -> Result<Option<Cow<'_, str>>, &'static str> {
        let value = match self {
            Datum::Nil => return Ok(None),
            Datum::Text(text) => return Ok(Some(Cow::Borrowed(text))),
            Datum::Bytes(bytes) => return Ok(Some(Cow::Owned(hex(bytes)))),
            Datum::TraceId([high, low]) => {
                let bytes = [high.to_be_bytes(), low.to_be_bytes()];
                return Ok(Some(Cow::Owned(numbers(bytes.as_flattened()))));
            }
            Datum::SpanId(id) => return Ok(Some(Cow::Owned(numbers(&id.to_be_bytes())))),
            Datum::Bool(flag) => Value::Bool(*flag),
            Datum::Int(number) => Value::Int(*number),
            Datum::Float(number) => Value::Double(*number),
            Datum::List(array) => Value::Array(array),
            Datum::Map(map) => Value::Map(map),
        };
        let mut out = String::new();
        write_json(&mut out, &value, JsonStyle::Ottl)
            .map_err(|NotFinite| "NaN and infinities have no text")?;
        Ok(Some(Cow::Owned(out)))
    }
}

/// What keys lead to inside a value; nil where there is no such key. A value that is there without being one that can be
/// indexed is an error, and so is a place beyond a list's end.
pub(crate) fn indexed<'a>(value: Value<'a>, keys: &[Key]) -> Result<Datum<'a>, &'static str> {
    let mut value = value;
    for key in keys {
        let found = match (value, key) {
            (Value::Absent, _) => None,
            (Value::Map(map), Key::Text(key)) => {
                let mut entries = nested::entries(map);
                entries.find_map(|(known, value)| (known == key).then_some(value))
            }
            (Value::Array(list), Key::Int(place)) => {
                let place = usize::try_from(*place).ok();
                let found = place.and_then(|place| nested::items(list).nth(place));
                Some(found.ok_or("the index is beyond the list")?)
            }
            _ => return Err("only maps and lists are indexed"),
        };
        match found {
            Some(found) => value = found,
            None => return Ok(Datum::Nil),
        }
    }
    Ok(Datum::from_value(value))
}

/// An id that is no string is a JSON array of its bytes to the Collector; `.string` gives the hex digits.
fn numbers(bytes: &[u8]) -> String {
    let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
    format!("[{}]", numbers.join(","))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
