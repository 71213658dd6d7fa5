//! Values as text.

use std::borrow::Cow;

use super::base64::base64;
use super::json::{JsonStyle, NotFinite, double_text, write_json};
use crate::Value;

impl<'a> Value<'a> {
    /// The value as text, as the Collector's `AsString` writes it: numbers in JSON's notation, bytes in
    /// base64, arrays and maps as JSON with sorted keys; absent and empty as nothing, and so an array or a map
    /// with a NaN or an infinity in it, which JSON cannot write.
    pub fn to_text(&self) -> Cow<'a, str> {
        match *self {
            Value::Absent | Value::Empty => Cow::Borrowed(""),
            Value::Text(text) => Cow::Borrowed(text),
            Value::Bool(true) => Cow::Borrowed("true"),
            Value::Bool(false) => Cow::Borrowed("false"),
            Value::Int(value) => Cow::Owned(value.to_string()),
            Value::Double(value) => Cow::Owned(double_text(value)),
            Value::Bytes(bytes) => Cow::Owned(base64(bytes)),
            Value::Array(_) | Value::Map(_) => {
                let mut out = String::new();
                match write_json(&mut out, self, JsonStyle::Plain) {
                    Ok(()) => Cow::Owned(out),
                    Err(NotFinite) => Cow::Borrowed(""),
                }
            }
        }
    }
}
