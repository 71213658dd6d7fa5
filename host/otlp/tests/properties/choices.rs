//! Random choices, a number for each row and matter.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use proptest::prelude::*;

/// What a plan chooses for each row, matter by matter.
#[derive(Clone, Debug)]
pub struct Choices(Vec<Vec<u8>>);

impl Choices {
    /// A number below `of` for a row.
    pub fn pick(&self, matter: usize, row: usize, of: u8) -> u8 {
        let numbers = &self.0[matter];
        numbers[row % numbers.len()] % of
    }

    /// The rows of so many for which a number below `of` is 0.
    pub fn rows(&self, matter: usize, rows: usize, of: u8) -> Vec<u32> {
        let mut picked = Vec::new();
        for row in 0..rows {
            if self.pick(matter, row, of) == 0 {
                picked.push(row as u32);
            }
        }
        picked
    }
}

/// Choices in so many matters.
pub fn choices(matters: usize) -> impl Strategy<Value = Choices> {
    let numbers = prop::collection::vec(any::<u8>(), 23);
    prop::collection::vec(numbers, matters).prop_map(Choices)
}

/// A value that is there.
pub fn any_value(value: Value) -> Option<AnyValue> {
    Some(AnyValue { value: Some(value) })
}

/// A text.
pub fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

/// Writes an attribute as the contract says: to the first entry with the key, and the others go.
pub fn set(attributes: &mut Vec<KeyValue>, key: &str, value: Option<Value>) {
    let at = attributes.iter().position(|attribute| attribute.key == key);
    attributes.retain(|attribute| attribute.key != key);
    if let Some(value) = value {
        let attribute = KeyValue {
            key: key.to_owned(),
            value: any_value(value),
            ..Default::default()
        };
        // Those with the key were all behind the first of them.
        attributes.insert(at.unwrap_or(attributes.len()), attribute);
    }
}

/// Replaces a text wherever it stands as a value.
pub fn replace(attributes: &mut [KeyValue], old: &str, new: &str) {
    for attribute in attributes {
        if attribute.value == any_value(text(old)) {
            attribute.value = any_value(text(new));
        }
    }
}
