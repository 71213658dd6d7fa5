//! What a scalar's text stands for, as the Collector's YAML library has it: YAML 1.2's core schema, and of YAML 1.1 octal
//! numbers with a leading zero, binary ones, and underscores between digits.

use crate::source::TextRange;
use crate::tree::{Node, Value};

/// A scalar; only a plain one can be anything but text.
pub fn scalar(place: TextRange, raw: String, plain: bool) -> Node {
    let value = if plain {
        plain_value(&raw)
    } else {
        Value::Text(raw.clone())
    };
    Node {
        place,
        value,
        raw,
        from_env: false,
    }
}

fn plain_value(raw: &str) -> Value {
    match raw {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Value::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        _ => {}
    }
    let text = || Value::Text(raw.to_owned());
    if !raw.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return text();
    }
    let digits = raw.replace('_', "");
    if let Some(value) = integer(&digits) {
        return Value::Int(value);
    }
    match digits.parse::<f64>() {
        Ok(value) if is_float(&digits) => Value::Float(value),
        _ => text(),
    }
}

/// Parses an integer in any notation; `None` if it fits neither an i64 nor a u64.
fn integer(digits: &str) -> Option<i128> {
    let (negative, magnitude) = match digits.strip_prefix(['-', '+']) {
        Some(rest) => (digits.starts_with('-'), rest),
        None => (false, digits),
    };
    let (radix, magnitude) = match magnitude.get(..2) {
        Some("0x" | "0X") => (16, magnitude.get(2..)?),
        Some("0o" | "0O") => (8, magnitude.get(2..)?),
        Some("0b" | "0B") => (2, magnitude.get(2..)?),
        Some(_) if magnitude.starts_with('0') => (8, magnitude.get(1..)?),
        _ => (10, magnitude),
    };
    // Rust would take another sign.
    if !magnitude.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let magnitude = i128::from_str_radix(magnitude, radix).ok()?;
    let value = if negative { -magnitude } else { magnitude };
    (i128::from(i64::MIN)..=i128::from(u64::MAX))
        .contains(&value)
        .then_some(value)
}

/// Whether it is a number with fraction or exponent, or a whole one too large for an integer.
fn is_float(digits: &str) -> bool {
    let rest = digits.strip_prefix(['-', '+']).unwrap_or(digits);
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (rest, None),
    };
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_exponent = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && are_digits(exponent)
    });
    are_digits(whole)
        && are_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && has_exponent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(raw: &str) -> String {
        match plain_value(raw) {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => format!("bool {value}"),
            Value::Int(value) => format!("int {value}"),
            Value::Float(value) => format!("float {value}"),
            Value::Text(text) => format!("text {text}"),
            Value::List(_) | Value::Map(_) => unreachable!(),
        }
    }

    #[test]
    fn scalars_are_what_the_collector_reads() {
        let cases = [
            ("~", "null"),
            ("True", "bool true"),
            ("yes", "text yes"),
            ("17", "int 17"),
            ("-5", "int -5"),
            ("+5", "int 5"),
            ("0", "int 0"),
            ("017", "int 15"),
            ("-017", "int -15"),
            ("0o17", "int 15"),
            ("0x1f", "int 31"),
            ("-0x1F", "int -31"),
            ("0b101", "int 5"),
            ("1_000", "int 1000"),
            ("0x_ff", "int 255"),
            ("9223372036854775808", "int 9223372036854775808"),
            ("18446744073709551615", "int 18446744073709551615"),
            ("18446744073709551616", "float 18446744073709552000"),
            ("-9223372036854775809", "float -9223372036854776000"),
            ("08", "float 8"),
            ("1.", "float 1"),
            (".5", "float 0.5"),
            ("-.5", "float -0.5"),
            ("1e3", "float 1000"),
            ("1_000.5", "float 1000.5"),
            ("1.5e-7", "float 0.00000015"),
            ("+.Inf", "float inf"),
            ("-.inf", "float -inf"),
            (".NAN", "float NaN"),
            ("inf", "text inf"),
            ("1e", "text 1e"),
            (".", "text ."),
            ("-", "text -"),
            ("0x", "text 0x"),
            ("0x+1", "text 0x+1"),
            ("--1", "text --1"),
            ("1.2.3", "text 1.2.3"),
            ("127.0.0.1:1", "text 127.0.0.1:1"),
            ("_1", "text _1"),
            ("1s", "text 1s"),
        ];
        for (raw, expected) in cases {
            assert_eq!(shown(raw), expected, "{raw}");
        }
    }
}
