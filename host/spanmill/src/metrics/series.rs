//! What a series is: the resource it belongs to, and its attributes.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use prost::Message as _;
use spanmill_runtime::AttributeLists;

/// A series as a plugin named it.
pub(super) struct Series {
    pub(super) resource: Vec<KeyValue>,
    pub(super) attributes: Vec<KeyValue>,
    /// Both, encoded: equal keys mean the same series. The resource's holds what tells resources apart.
    pub(super) resource_key: Box<[u8]>,
    pub(super) key: Box<[u8]>,
}

/// The series that an instance of a connector has named so far.
#[derive(Default)]
pub(super) struct Known {
    pub(super) series: Vec<Series>,
    /// The row where the totals last kept each, and the row's generation in the upper half.
    pub(super) places: Vec<u64>,
}

impl Known {
    pub(super) fn push(&mut self, series: Series) {
        self.series.push(series);
        self.places.push(u64::MAX);
    }
}

impl Series {
    /// `resource_key` names the attributes that tell resources apart; empty: all do.
    pub(super) fn new(
        resource: Vec<KeyValue>,
        attributes: Vec<KeyValue>,
        resource_key: &[String],
    ) -> Self {
        let tells = |attribute: &&KeyValue| {
            resource_key.is_empty() || resource_key.contains(&attribute.key)
        };
        // In whatever order they came.
        let mut telling: Vec<&KeyValue> = resource.iter().filter(tells).collect();
        telling.sort_by(|one, other| one.key.cmp(&other.key));
        Series {
            resource_key: encode(telling),
            key: encode(&attributes),
            resource,
            attributes,
        }
    }
}

fn encode<'a>(attributes: impl IntoIterator<Item = &'a KeyValue>) -> Box<[u8]> {
    let mut bytes = Vec::new();
    for attribute in attributes {
        // Writing to a Vec does not fail.
        let _ = attribute.encode_length_delimited(&mut bytes);
    }
    bytes.into_boxed_slice()
}

/// Reads row `row` of attribute lists; nothing if they break the contract. `text` looks a text up.
pub(super) fn attributes<'t>(
    lists: &AttributeLists,
    row: usize,
    text: &impl Fn(u32) -> Option<&'t [u8]>,
) -> Option<Vec<KeyValue>> {
    let end = *lists.ends.get(row)? as usize;
    let start = match row.checked_sub(1) {
        Some(before) => *lists.ends.get(before)? as usize,
        None => 0,
    };
    let keys = lists.keys.get(start..end)?;
    let kinds = lists.values.kinds.get(start..end)?;
    let bits = lists.values.bits.get(start..end)?;
    let utf8 = |index: u32| Some(std::str::from_utf8(text(index)?).ok()?.to_owned());
    let mut out = Vec::with_capacity(keys.len());
    for ((key, kind), bits) in keys.iter().zip(kinds).zip(bits) {
        let index = *bits as u32;
        let value = match kind {
            1 => Some(Value::StringValue(utf8(index)?)),
            2 => Some(Value::BoolValue(*bits != 0)),
            3 => Some(Value::IntValue(*bits as i64)),
            4 => Some(Value::DoubleValue(f64::from_bits(*bits))),
            5 => Some(Value::BytesValue(text(index)?.to_vec())),
            6 => Some(Value::ArrayValue(ArrayValue::decode(text(index)?).ok()?)),
            7 => Some(Value::KvlistValue(KeyValueList::decode(text(index)?).ok()?)),
            8 => None,
            _ => return None,
        };
        out.push(KeyValue {
            key: utf8(*key)?,
            value: Some(AnyValue { value }),
            ..KeyValue::default()
        });
    }
    Some(out)
}
