//! JSON as the Collector's two encoders write it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::base64::base64;
use super::{entries, items};
use crate::Value;

/// How deep arrays and maps are followed; what lies deeper reads as null.
const DEPTH_LIMIT: u32 = 32;

/// Which of the Collector's encoders to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonStyle {
    /// That of `AsString`: `1e-7`, and `<` as it is.
    Plain,
    /// That of OTTL's functions: `1e-07`, and `<` as `\u003c`.
    Ottl,
}

/// JSON has no way to write a NaN or an infinity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotFinite;

/// Appends a value as JSON. Keys are sorted; of a key that stands twice, the last value counts.
pub fn write_json(out: &mut String, value: &Value<'_>, style: JsonStyle) -> Result<(), NotFinite> {
    write_nested(out, value, style, 0)
}

fn write_nested(
    out: &mut String,
    value: &Value<'_>,
    style: JsonStyle,
    depth: u32,
) -> Result<(), NotFinite> {
    if depth > DEPTH_LIMIT {
        out.push_str("null");
        return Ok(());
    }
    match value {
        // To both encoders, bytes that are empty are none.
        Value::Absent | Value::Empty | Value::Bytes([]) => out.push_str("null"),
        Value::Text(text) => write_text(out, text, style),
        Value::Bytes(bytes) => {
            out.push('"');
            out.push_str(&base64(bytes));
            out.push('"');
        }
        Value::Double(number) => write_double(out, *number, style)?,
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Int(number) => {
            // Writing to a string does not fail.
            let _ = write!(out, "{number}");
        }
        Value::Array(array) => {
            out.push('[');
            for (place, item) in items(array).enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write_nested(out, &item, style, depth + 1)?;
            }
            out.push(']');
        }
        Value::Map(map) => {
            let sorted: BTreeMap<&str, Value<'_>> = entries(map).collect();
            out.push('{');
            for (place, (key, value)) in sorted.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write_text(out, key, style);
                out.push(':');
                write_nested(out, value, style, depth + 1)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

/// Plain between 1e-6 and 1e21, else with an exponent.
fn write_double(out: &mut String, value: f64, style: JsonStyle) -> Result<(), NotFinite> {
    if !value.is_finite() {
        return Err(NotFinite);
    }
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-6..1e21).contains(&magnitude) {
        let _ = write!(out, "{value}");
        return Ok(());
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    let zero = match style {
        JsonStyle::Ottl if exponent.len() == 1 => "0",
        _ => "",
    };
    let _ = write!(out, "{digits}e{sign}{zero}{exponent}");
    Ok(())
}

fn write_text(out: &mut String, text: &str, style: JsonStyle) {
    let ottl = style == JsonStyle::Ottl;
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' if !ottl => out.push_str("\\b"),
            '\u{c}' if !ottl => out.push_str("\\f"),
            '<' | '>' | '&' if !ottl => out.push(character),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", character as u32);
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

/// A double as the Collector's `AsString` writes it.
pub fn double_text(value: f64) -> String {
    let mut out = String::new();
    if write_double(&mut out, value, JsonStyle::Plain).is_err() {
        out.push_str(match value {
            _ if value.is_nan() => "NaN",
            _ if value > 0.0 => "Infinity",
            _ => "-Infinity",
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nested::{push_entry, push_item};

    fn json(value: &Value<'_>, style: JsonStyle) -> Result<String, NotFinite> {
        let mut out = String::new();
        write_json(&mut out, value, style).map(|()| out)
    }

    #[test]
    fn the_two_styles_differ_in_exponents_and_escapes() {
        for (value, plain, ottl) in [
            (0.0, "0", "0"),
            (-0.0, "-0", "-0"),
            (2.0, "2", "2"),
            (1e-6, "0.000001", "0.000001"),
            (1.5e-7, "1.5e-7", "1.5e-07"),
            (-1e-10, "-1e-10", "-1e-10"),
            (1e20, "100000000000000000000", "100000000000000000000"),
            (1e21, "1e+21", "1e+21"),
            (1e300, "1e+300", "1e+300"),
        ] {
            let value = Value::Double(value);
            assert_eq!(json(&value, JsonStyle::Plain).unwrap(), plain);
            assert_eq!(json(&value, JsonStyle::Ottl).unwrap(), ottl);
        }
        let text = Value::Text("<&>\"\\\u{8}\u{c}\n\u{1}\u{2028}\u{7f}");
        assert_eq!(
            json(&text, JsonStyle::Plain).unwrap(),
            "\"<&>\\\"\\\\\\b\\f\\n\\u0001\\u2028\u{7f}\""
        );
        assert_eq!(
            json(&text, JsonStyle::Ottl).unwrap(),
            "\"\\u003c\\u0026\\u003e\\\"\\\\\\u0008\\u000c\\n\\u0001\\u2028\u{7f}\""
        );
    }

    #[test]
    fn keys_are_sorted_and_empty_bytes_are_null() {
        let mut map = Vec::new();
        push_entry(&mut map, "b", &Value::Bytes(b"hello"));
        push_entry(&mut map, "a", &Value::Bytes(b""));
        push_entry(&mut map, "b", &Value::Int(2));
        push_entry(&mut map, "c", &Value::Bool(true));
        assert_eq!(
            json(&Value::Map(&map), JsonStyle::Plain).unwrap(),
            r#"{"a":null,"b":2,"c":true}"#
        );
    }

    #[test]
    fn what_is_not_finite_has_no_json_at_any_depth() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut array = Vec::new();
            push_item(&mut array, &Value::Double(value));
            for value in [Value::Double(value), Value::Array(&array)] {
                assert_eq!(json(&value, JsonStyle::Ottl), Err(NotFinite));
            }
        }
    }
}
