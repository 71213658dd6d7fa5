//! What keys in brackets lead to.

use spanmill_sdk::{Value, nested};

use crate::datum::{Datum, Failure, ListBuilder, MapBuilder};

/// What keys lead to inside a value of telemetry; nil where there is no such key. A value that is there without being one
/// that can be indexed is an error, and so is a place beyond a list's end.
pub(crate) fn within<'a>(value: Value<'a>, keys: &[Datum<'_>]) -> Result<Value<'a>, Failure> {
    let mut value = value;
    for key in keys {
        let found = match (value, key) {
            (Value::Absent, _) => None,
            (Value::Map(map), Datum::Text(key)) => entry(map, key),
            (Value::Array(list), Datum::Int(place)) => {
                Some(item(list, *place).ok_or("the index is beyond the list")?)
            }
            (_, Datum::Text(_) | Datum::Int(_)) => {
                return Err("only maps and lists are indexed, by strings and by numbers");
            }
            _ => return Err("a key must be a string or a whole number"),
        };
        match found {
            Some(found) => value = found,
            None => return Ok(Value::Absent),
        }
    }
    Ok(value)
}

/// What keys lead to inside what a function gave; a key that is not there is an error.
pub(crate) fn within_result(
    result: &Datum<'_>,
    keys: &[Datum<'_>],
) -> Result<Datum<'static>, Failure> {
    if let (Datum::Bytes(bytes), [Datum::Int(place)]) = (result, keys) {
        let byte = usize::try_from(*place).ok().and_then(|at| bytes.get(at));
        let byte = byte.ok_or("the index is beyond the list")?;
        return Ok(Datum::Int(i64::from(*byte)));
    }
    let mut value = match result {
        Datum::Map(map) => Value::Map(map),
        Datum::List(list) => Value::Array(list),
        _ => Value::Empty,
    };
    for key in keys {
        value = match (value, key) {
            (Value::Map(map), Datum::Text(key)) => {
                entry(map, key).ok_or("what a function gave does not have the key")?
            }
            (Value::Array(list), Datum::Int(place)) => {
                item(list, *place).ok_or("the index is beyond the list")?
            }
            (_, Datum::Text(_) | Datum::Int(_)) => {
                return Err("only maps and lists are indexed, by strings and by numbers");
            }
            _ => return Err("a key must be a string or a whole number"),
        };
    }
    Ok(Datum::from_value(value).into_owned())
}

fn entry<'a>(map: &'a [u8], wanted: &str) -> Option<Value<'a>> {
    nested::entries(map).find_map(|(key, value)| (key == wanted).then_some(value))
}

fn item(list: &[u8], place: i64) -> Option<Value<'_>> {
    nested::items(list).nth(usize::try_from(place).ok()?)
}

/// More items than this are not made to reach a place in a list that is not there.
const MOST_ITEMS: i64 = 10_000;

/// A value with something else where keys lead to; what is missing on the way is made.
pub(crate) fn put(
    root: Value<'_>,
    keys: &[Datum<'_>],
    new: &Value<'_>,
) -> Result<Datum<'static>, Failure> {
    let Some((key, rest)) = keys.split_first() else {
        return Ok(Datum::from_value(*new).into_owned());
    };
    let inside = |value: Value<'_>| put(value, rest, new);
    match (root, key) {
        (Value::Map(map), Datum::Text(key)) => {
            let mut built = MapBuilder::default();
            let mut found = false;
            for (known, value) in nested::entries(map) {
                if known == key && !found {
                    found = true;
                    built.push(known, &inside(value)?)?;
                } else {
                    built.push_value(known, &value);
                }
            }
            if !found {
                built.push(key, &inside(Value::Empty)?)?;
            }
            Ok(built.finish())
        }
        (Value::Array(list), Datum::Int(place)) => {
            let mut built = ListBuilder::default();
            let mut found = false;
            for (at, value) in nested::items(list).enumerate() {
                if at as i64 == *place {
                    found = true;
                    built.push(&inside(value)?)?;
                } else {
                    built.push_value(&value);
                }
            }
            match found {
                true => Ok(built.finish()),
                false => Err("the index is beyond the list"),
            }
        }
        (Value::Absent | Value::Empty, Datum::Text(key)) => {
            let mut built = MapBuilder::default();
            built.push(key, &inside(Value::Empty)?)?;
            Ok(built.finish())
        }
        (Value::Absent | Value::Empty, Datum::Int(place)) => {
            if !(0..MOST_ITEMS).contains(place) {
                return Err("the index is beyond what a list may get");
            }
            let mut built = ListBuilder::default();
            (0..*place).for_each(|_| built.push_value(&Value::Empty));
            built.push(&inside(Value::Empty)?)?;
            Ok(built.finish())
        }
        (_, Datum::Text(_) | Datum::Int(_)) => {
            Err("only maps and lists are indexed, by strings and by numbers")
        }
        _ => Err("a key must be a string or a whole number"),
    }
}
