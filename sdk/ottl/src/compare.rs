//! The Collector's rules of comparison: numbers compare as numbers, nil equals nil and empty bytes only, and values
//! of different types are not equal and not ordered.

use std::cmp::Ordering;

use spanmill_sdk::{Value, nested};

use crate::ast::Comparison;
use crate::datum::Datum;

pub(crate) fn compare(left: &Datum<'_>, operator: Comparison, right: &Datum<'_>) -> bool {
    use Datum::{Bool, Bytes, Duration, Float, Int, List, Map, Nil, SpanId, Text, Time, TraceId};
    let ordering = match (left, right) {
        // Nil equals nil, so it is also less or equal.
        (Nil, Nil) => Some(Ordering::Equal),
        (Nil, Bytes(bytes)) | (Bytes(bytes), Nil) if bytes.is_empty() => Some(Ordering::Equal),
        (Bytes(left), Bytes(right)) if left.is_empty() != right.is_empty() => None,
        (Bool(left), Bool(right)) => Some(left.cmp(right)),
        (Int(left), Int(right)) => Some(left.cmp(right)),
        (Int(left), Float(right)) => return floats(*left as f64, operator, *right),
        (Float(left), Int(right)) => return floats(*left, operator, *right as f64),
        (Float(left), Float(right)) => return floats(*left, operator, *right),
        (Text(left), Text(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
        (Bytes(left), Bytes(right)) => Some(left.cmp(right)),
        (List(left), List(right)) => {
            let equal = nested::equal(Value::Array(left), Value::Array(right));
            return equality(equal, operator);
        }
        (Map(left), Map(right)) => {
            let equal = nested::equal(Value::Map(left), Value::Map(right));
            return equality(equal, operator);
        }
        (Time(left), Time(right)) => Some(left.cmp_time(right)),
        (Duration(left), Duration(right)) => Some(left.cmp(right)),
        (TraceId(left), TraceId(right)) => return equality(left == right, operator),
        (SpanId(left), SpanId(right)) => return equality(left == right, operator),
        _ => None,
    };
    match ordering {
        None => operator == Comparison::NotEqual,
        Some(ordering) => holds(ordering, operator),
    }
}

fn equality(equal: bool, operator: Comparison) -> bool {
    match operator {
        Comparison::Equal => equal,
        Comparison::NotEqual => !equal,
        _ => false,
    }
}

pub(crate) fn holds(ordering: Ordering, operator: Comparison) -> bool {
    match operator {
        Comparison::Equal => ordering.is_eq(),
        Comparison::NotEqual => ordering.is_ne(),
        Comparison::Less => ordering.is_lt(),
        Comparison::LessEqual => ordering.is_le(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::GreaterEqual => ordering.is_ge(),
    }
}

fn floats(left: f64, operator: Comparison, right: f64) -> bool {
    match left.partial_cmp(&right) {
        Some(ordering) => holds(ordering, operator),
        // NaN is not equal to anything, and not ordered.
        None => operator == Comparison::NotEqual,
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use Comparison::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};

    #[test]
    fn mixed_types_follow_the_collector() {
        let text = |text| Datum::Text(Cow::Borrowed(text));
        for (left, right, holds) in [
            (
                Datum::Int(2),
                Datum::Float(2.0),
                &[Equal, LessEqual, GreaterEqual][..],
            ),
            (
                Datum::Float(1.5),
                Datum::Int(2),
                &[NotEqual, Less, LessEqual],
            ),
            (Datum::Int(2), text("2"), &[NotEqual]),
            (text("b"), text("a"), &[NotEqual, Greater, GreaterEqual]),
            (Datum::Nil, Datum::Nil, &[Equal, LessEqual, GreaterEqual]),
            (Datum::Nil, text(""), &[NotEqual]),
            (Datum::Int(0), Datum::Nil, &[NotEqual]),
            (
                Datum::Bool(false),
                Datum::Bool(true),
                &[NotEqual, Less, LessEqual],
            ),
            (Datum::Bool(true), Datum::Int(1), &[NotEqual]),
            (Datum::Float(f64::NAN), Datum::Float(f64::NAN), &[NotEqual]),
        ] {
            for operator in [Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual] {
                assert_eq!(
                    compare(&left, operator, &right),
                    holds.contains(&operator),
                    "{left:?} {operator:?} {right:?}"
                );
            }
        }
    }
}
