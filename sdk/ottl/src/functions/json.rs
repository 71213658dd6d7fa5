//! JSON, read straight into the encoding that telemetry holds maps and lists in.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use spanmill_sdk::{Value, nested};

use crate::datum::{Datum, Failure};
use crate::duplicates::last_of_each;

/// A value that owns its memory.
pub(super) enum Owned {
    Empty,
    Bool(bool),
    Float(f64),
    Text(String),
    List(Vec<u8>),
    Map(Vec<u8>),
}

impl Owned {
    fn value(&self) -> Value<'_> {
        match self {
            Owned::Empty => Value::Empty,
            Owned::Bool(flag) => Value::Bool(*flag),
            Owned::Float(number) => Value::Double(*number),
            Owned::Text(text) => Value::Text(text),
            Owned::List(list) => Value::Array(list),
            Owned::Map(map) => Value::Map(map),
        }
    }
}

struct Seed;

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Owned;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Owned, D::Error> {
        deserializer.deserialize_any(Seed)
    }
}

impl<'de> Visitor<'de> for Seed {
    type Value = Owned;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Owned, E> {
        Ok(Owned::Empty)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Owned, E> {
        Ok(Owned::Bool(flag))
    }

    // Every number is a double to the Collector.
    fn visit_i64<E>(self, number: i64) -> Result<Owned, E> {
        Ok(Owned::Float(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Owned, E> {
        Ok(Owned::Float(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Owned, E> {
        Ok(Owned::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Owned, E> {
        Ok(Owned::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Owned, E> {
        Ok(Owned::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Owned, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Seed)? {
            nested::push_item(&mut list, &item.value());
        }
        Ok(Owned::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Owned, A::Error> {
        let mut map = Vec::new();
        let mut seen: Vec<(String, Owned)> = Vec::new();
        while let Some(key) = entries.next_key()? {
            seen.push((key, entries.next_value_seed(Seed)?));
        }
        for (key, value) in &last_of_each(seen) {
            nested::push_entry(&mut map, key, &value.value());
        }
        Ok(Owned::Map(map))
    }
}

/// A map or a list of JSON.
pub(super) fn parsed(text: &str) -> Result<Datum<'static>, Failure> {
    const WRONG: Failure =
        "ParseJSON got a string that is not JSON, or is nested more than 127 levels deep";
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let owned = Seed.deserialize(&mut deserializer).map_err(|_| WRONG)?;
    deserializer.end().map_err(|_| WRONG)?;
    match owned {
        Owned::List(list) => Ok(Datum::List(list.into())),
        Owned::Map(map) => Ok(Datum::Map(map.into())),
        _ => Err("ParseJSON got JSON that is neither an object nor a list"),
    }
}
