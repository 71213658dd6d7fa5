//! Attributes to test with.

use crate::Value;
use crate::nested;

/// An attribute's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Attr {
    /// A key without a value.
    Empty,
    /// A string.
    Text(String),
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A double.
    Double(f64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// An array.
    Array(Vec<Attr>),
    /// A map.
    Map(Vec<(String, Attr)>),
}

impl Attr {
    /// Calls `take` with the value, arrays and maps encoded.
    pub(super) fn with_value(&self, take: &mut dyn FnMut(Value<'_>)) {
        match self {
            Attr::Empty => take(Value::Empty),
            Attr::Text(text) => take(Value::Text(text)),
            Attr::Bool(flag) => take(Value::Bool(*flag)),
            Attr::Int(number) => take(Value::Int(*number)),
            Attr::Double(number) => take(Value::Double(*number)),
            Attr::Bytes(bytes) => take(Value::Bytes(bytes)),
            Attr::Array(items) => {
                let mut encoded = Vec::new();
                for item in items {
                    item.with_value(&mut |value| nested::push_item(&mut encoded, &value));
                }
                take(Value::Array(&encoded))
            }
            Attr::Map(entries) => {
                let mut encoded = Vec::new();
                for (key, entry) in entries {
                    entry.with_value(&mut |value| nested::push_entry(&mut encoded, key, &value));
                }
                take(Value::Map(&encoded))
            }
        }
    }

    /// The value of a cell; `None` for absent.
    pub(super) fn from_value(value: Value<'_>) -> Option<Attr> {
        Some(match value {
            Value::Absent => return None,
            Value::Empty => Attr::Empty,
            Value::Text(text) => Attr::Text(text.to_owned()),
            Value::Bool(flag) => Attr::Bool(flag),
            Value::Int(number) => Attr::Int(number),
            Value::Double(number) => Attr::Double(number),
            Value::Bytes(bytes) => Attr::Bytes(bytes.to_vec()),
            Value::Array(array) => {
                Attr::Array(nested::items(array).filter_map(Attr::from_value).collect())
            }
            Value::Map(map) => Attr::Map(
                nested::entries(map)
                    .filter_map(|(key, value)| Some((key.to_owned(), Attr::from_value(value)?)))
                    .collect(),
            ),
        })
    }
}

impl From<&str> for Attr {
    fn from(text: &str) -> Self {
        Attr::Text(text.to_owned())
    }
}

impl From<String> for Attr {
    fn from(text: String) -> Self {
        Attr::Text(text)
    }
}

impl From<bool> for Attr {
    fn from(flag: bool) -> Self {
        Attr::Bool(flag)
    }
}

impl From<i64> for Attr {
    fn from(number: i64) -> Self {
        Attr::Int(number)
    }
}

impl From<i32> for Attr {
    fn from(number: i32) -> Self {
        Attr::Int(number.into())
    }
}

impl From<f64> for Attr {
    fn from(number: f64) -> Self {
        Attr::Double(number)
    }
}

/// Attributes in the order they are sent.
pub type AttrList = Vec<(String, Attr)>;

/// The first value of a key.
pub fn find<'a>(attributes: &'a AttrList, key: &str) -> Option<&'a Attr> {
    attributes
        .iter()
        .find(|(candidate, _)| candidate == key)
        .map(|(_, value)| value)
}

/// Gives a type with `attributes` a builder and accessors for them.
macro_rules! attributed {
    ($($name:ident),*) => {$(
        impl $name {
            /// Adds an attribute.
            #[must_use]
            pub fn attr(mut self, key: &str, value: impl Into<crate::testing::Attr>) -> Self {
                self.attributes.push((key.to_owned(), value.into()));
                self
            }

            /// The value of an attribute.
            pub fn get(&self, key: &str) -> Option<&crate::testing::Attr> {
                crate::testing::find(&self.attributes, key)
            }

            /// The keys of the attributes, in order.
            pub fn keys(&self) -> Vec<&str> {
                self.attributes.iter().map(|(key, _)| key.as_str()).collect()
            }
        }
    )*};
}
pub(super) use attributed;
