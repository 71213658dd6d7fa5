//! The span attribute `sampling.priority`, which overrides the hash.

use spanmill_sdk::{Value, parse_double};

/// What the attribute asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// Nothing: the hash decides.
    Defer,
    Keep,
    Drop,
}

pub(crate) fn priority(value: Value<'_>) -> Priority {
    let number = match value {
        Value::Int(number) => number as f64,
        Value::Double(number) => number,
        Value::Text(text) => match parse_double(text) {
            Some(number) => number,
            None => return Priority::Defer,
        },
        _ => return Priority::Defer,
    };
    if number == 0.0 {
        Priority::Drop
    } else if number > 0.0 {
        Priority::Keep
    } else {
        Priority::Defer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_type_count() {
        for (value, expected) in [
            (Value::Int(0), Priority::Drop),
            (Value::Int(2), Priority::Keep),
            (Value::Int(-1), Priority::Defer),
            (Value::Double(0.0), Priority::Drop),
            (Value::Double(0.1), Priority::Keep),
            (Value::Text("0"), Priority::Drop),
            (Value::Text("1.0"), Priority::Keep),
            (Value::Text("1_0"), Priority::Keep),
            (Value::Text("inf"), Priority::Keep),
            (Value::Text("1e400"), Priority::Defer),
            (Value::Text("yes"), Priority::Defer),
            (Value::Bool(true), Priority::Defer),
            (Value::Absent, Priority::Defer),
        ] {
            assert_eq!(priority(value), expected, "{value:?}");
        }
    }
}
