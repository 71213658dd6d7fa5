//! Values while a statement or a condition runs.

use std::borrow::Cow;

use spanmill_sdk::Value;
use spanmill_sdk::nested::{self, JsonStyle, NotFinite, write_json};

use crate::moment::Moment;

/// Why something failed on a row, without any value of it.
pub(crate) type Failure = &'static str;

/// A value while a statement or a condition runs.
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
    Time(Moment),
    /// In ns.
    Duration(i64),
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

    /// The value as telemetry may hold it; nil is a value that is empty.
    pub(crate) fn to_value(&self) -> Result<Value<'_>, Failure> {
        Ok(match self {
            Datum::Nil => Value::Empty,
            Datum::Bool(flag) => Value::Bool(*flag),
            Datum::Int(number) => Value::Int(*number),
            Datum::Float(number) => Value::Double(*number),
            Datum::Text(text) => Value::Text(text),
            Datum::Bytes(bytes) => Value::Bytes(bytes),
            Datum::List(list) => Value::Array(list),
            Datum::Map(map) => Value::Map(map),
            Datum::TraceId(_) | Datum::SpanId(_) => {
                return Err("an id is no value of an attribute; take its `string`");
            }
            Datum::Time(_) | Datum::Duration(_) => {
                return Err(
                    "a time or a duration is no value of an attribute; make it a number or a string",
                );
            }
        })
    }

    /// A text of its own.
    pub(crate) fn text(text: impl Into<String>) -> Datum<'static> {
        Datum::Text(Cow::Owned(text.into()))
    }

    /// The same value, borrowed from this one.
    pub(crate) fn borrowed(&self) -> Datum<'_> {
        match self {
            Datum::Text(text) => Datum::Text(Cow::Borrowed(text)),
            Datum::Bytes(bytes) => Datum::Bytes(Cow::Borrowed(bytes)),
            Datum::List(array) => Datum::List(Cow::Borrowed(array)),
            Datum::Map(map) => Datum::Map(Cow::Borrowed(map)),
            other => other.scalar().unwrap_or(Datum::Nil),
        }
    }

    /// The same value, which borrows nothing.
    pub(crate) fn into_owned(self) -> Datum<'static> {
        match self {
            Datum::Text(text) => Datum::Text(Cow::Owned(text.into_owned())),
            Datum::Bytes(bytes) => Datum::Bytes(Cow::Owned(bytes.into_owned())),
            Datum::List(list) => Datum::List(Cow::Owned(list.into_owned())),
            Datum::Map(map) => Datum::Map(Cow::Owned(map.into_owned())),
            other => other.scalar().unwrap_or(Datum::Nil),
        }
    }

    /// What has no memory of its own.
    fn scalar(&self) -> Option<Datum<'static>> {
        Some(match self {
            Datum::Nil => Datum::Nil,
            Datum::Bool(flag) => Datum::Bool(*flag),
            Datum::Int(number) => Datum::Int(*number),
            Datum::Float(number) => Datum::Float(*number),
            Datum::TraceId(id) => Datum::TraceId(*id),
            Datum::SpanId(id) => Datum::SpanId(*id),
            Datum::Time(moment) => Datum::Time(*moment),
            Datum::Duration(nanoseconds) => Datum::Duration(*nanoseconds),
            Datum::Text(_) | Datum::Bytes(_) | Datum::List(_) | Datum::Map(_) => return None,
        })
    }

    /// As text, where a function takes whatever is like a string; `None` for nil.
    pub(crate) fn text_like(&self) -> Result<Option<Cow<'_, str>>, Failure> {
        let value = match self {
            Datum::Nil => return Ok(None),
            Datum::Text(text) => return Ok(Some(Cow::Borrowed(text))),
            Datum::Bytes(bytes) => return Ok(Some(Cow::Owned(hex(bytes)))),
            Datum::TraceId([high, low]) => {
                let bytes = [high.to_be_bytes(), low.to_be_bytes()];
                return Ok(Some(Cow::Owned(numbers(bytes.as_flattened()))));
            }
            Datum::SpanId(id) => return Ok(Some(Cow::Owned(numbers(&id.to_be_bytes())))),
            Datum::Time(moment) => {
                return Ok(Some(Cow::Owned(format!("\"{}\"", moment.rfc3339()))));
            }
            Datum::Duration(nanoseconds) => {
                return Ok(Some(Cow::Owned(nanoseconds.to_string())));
            }
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

/// Lists as they are put together.
#[derive(Debug, Default)]
pub(crate) struct ListBuilder(Vec<u8>);

impl ListBuilder {
    pub(crate) fn push(&mut self, item: &Datum<'_>) -> Result<(), Failure> {
        nested::push_item(&mut self.0, &item.to_value()?);
        Ok(())
    }

    pub(crate) fn push_value(&mut self, item: &Value<'_>) {
        nested::push_item(&mut self.0, item);
    }

    pub(crate) fn finish(self) -> Datum<'static> {
        Datum::List(Cow::Owned(self.0))
    }
}

/// Maps as they are put together.
#[derive(Debug, Default)]
pub(crate) struct MapBuilder(Vec<u8>);

impl MapBuilder {
    pub(crate) fn push(&mut self, key: &str, entry: &Datum<'_>) -> Result<(), Failure> {
        nested::push_entry(&mut self.0, key, &entry.to_value()?);
        Ok(())
    }

    pub(crate) fn push_value(&mut self, key: &str, entry: &Value<'_>) {
        nested::push_entry(&mut self.0, key, entry);
    }

    pub(crate) fn finish(self) -> Datum<'static> {
        Datum::Map(Cow::Owned(self.0))
    }
}

/// An id that is no string is a JSON array of its bytes to the Collector; `.string` gives the hex digits.
fn numbers(bytes: &[u8]) -> String {
    let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
    format!("[{}]", numbers.join(","))
}

/// Hex digits, two a byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
