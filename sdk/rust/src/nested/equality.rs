//! Whether two values are equal, whatever their encoding.

use std::collections::BTreeMap;

use super::{entries, items};
use crate::Value;

/// How deep values are compared; what lies deeper, which no host lets in, is not equal.
const DEPTH_LIMIT: u32 = 128;

/// Whether two values are of one type and equal; maps may have their keys in any order. 1 and 1.0 are not equal.
pub fn equal(left: Value<'_>, right: Value<'_>) -> bool {
    equal_at(left, right, 0)
}

fn equal_at(left: Value<'_>, right: Value<'_>, depth: u32) -> bool {
    match (left, right) {
        _ if depth > DEPTH_LIMIT => false,
        (Value::Array(left), Value::Array(right)) => {
            let mut right = items(right);
            items(left).all(|left| {
                let right = right.next();
                right.is_some_and(|right| equal_at(left, right, depth + 1))
            }) && right.next().is_none()
        }
        (Value::Map(left), Value::Map(right)) => {
            // Of a key that stands twice, the first value counts.
            let (mut values, mut count) = (BTreeMap::new(), 0);
            for (key, value) in entries(right) {
                values.entry(key).or_insert(value);
                count += 1;
            }
            entries(left).count() == count
                && entries(left).all(|(key, left)| {
                    let right = values.get(key);
                    right.is_some_and(|right| equal_at(left, *right, depth + 1))
                })
        }
        (left, right) => left == right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nested::{push_entry, push_item};

    fn map(entries: &[(&str, Value<'_>)]) -> Vec<u8> {
        let mut map = Vec::new();
        for (key, value) in entries {
            push_entry(&mut map, key, value);
        }
        map
    }

    fn array(values: &[Value<'_>]) -> Vec<u8> {
        let mut array = Vec::new();
        values.iter().for_each(|value| push_item(&mut array, value));
        array
    }

    #[test]
    fn maps_are_equal_in_any_order_and_lists_in_theirs() {
        let (one, two) = (("a", Value::Int(1)), ("b", Value::Text("x")));
        let (there, back) = (map(&[one, two]), map(&[two, one]));
        assert!(equal(Value::Map(&there), Value::Map(&back)));
        assert!(!equal(Value::Map(&there), Value::Map(&map(&[one]))));
        assert!(!equal(Value::Map(&map(&[one])), Value::Map(&there)));
        let (there, back) = (array(&[one.1, two.1]), array(&[two.1, one.1]));
        assert!(equal(Value::Array(&there), Value::Array(&there)));
        assert!(!equal(Value::Array(&there), Value::Array(&back)));
        assert!(!equal(Value::Array(&there), Value::Array(&array(&[one.1]))));
        assert!(!equal(Value::Array(&there), Value::Map(&there)));
    }

    #[test]
    fn types_must_be_the_same() {
        for (left, right, same) in [
            (Value::Int(1), Value::Double(1.0), false),
            (Value::Double(0.0), Value::Double(-0.0), true),
            (Value::Double(f64::NAN), Value::Double(f64::NAN), false),
            (Value::Text("1"), Value::Int(1), false),
            (Value::Empty, Value::Empty, true),
            (Value::Bytes(b"a"), Value::Bytes(b"a"), true),
        ] {
            let (in_list, in_other) = (array(&[left]), array(&[right]));
            assert_eq!(equal(left, right), same);
            assert_eq!(equal(Value::Array(&in_list), Value::Array(&in_other)), same);
        }
    }
}
