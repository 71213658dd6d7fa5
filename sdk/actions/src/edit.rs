//! New values made from old ones.

use sha2::{Digest, Sha256};
use spanmill_sdk::{Batch, Cell, Outcome, Value, parse_double};

use crate::action::Target;

/// What a cell holds; texts may be the batch's or new ones.
fn value<'a>(batch: &Batch<'a>, outcome: &'a Outcome, cell: Cell) -> Value<'a> {
    let bytes = |index: u32| {
        outcome
            .added(index)
            .unwrap_or_else(|| batch.texts.bytes(index))
    };
    match cell {
        Cell::Absent => Value::Absent,
        Cell::Empty => Value::Empty,
        Cell::Text(index) => Value::Text(std::str::from_utf8(bytes(index)).unwrap_or("")),
        Cell::Bool(flag) => Value::Bool(flag),
        Cell::Int(number) => Value::Int(number),
        Cell::Double(number) => Value::Double(number),
        Cell::Bytes(index) => Value::Bytes(bytes(index)),
        Cell::Array(index) => Value::Array(bytes(index)),
        Cell::Map(index) => Value::Map(bytes(index)),
    }
}

/// The text of a cell of kind text.
pub(crate) fn text<'a>(batch: &Batch<'a>, outcome: &'a Outcome, cell: Cell) -> Option<&'a str> {
    match value(batch, outcome, cell) {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// The hash of a value: SHA-256 in hex; of bytes, arrays, maps and nothing an empty text, as in the Collector.
pub(crate) fn hash(batch: &Batch<'_>, outcome: &mut Outcome, cell: Cell) -> Cell {
    let digest = match value(batch, outcome, cell) {
        Value::Text(text) => Sha256::digest(text),
        Value::Bool(flag) => Sha256::digest([u8::from(flag)]),
        Value::Int(number) => Sha256::digest(number.to_le_bytes()),
        Value::Double(number) => Sha256::digest(number.to_le_bytes()),
        _ => return Cell::Text(outcome.text("")),
    };
    let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble & 15)];
    let mut hex = [0; 64];
    for (pair, byte) in hex.as_chunks_mut::<2>().0.iter_mut().zip(digest) {
        *pair = [digit(byte >> 4), digit(byte)];
    }
    Cell::Text(outcome.bytes(&hex))
}

/// A value of another type; the same where it cannot be converted.
pub(crate) fn convert(
    batch: &Batch<'_>,
    outcome: &mut Outcome,
    cell: Cell,
    target: Target,
) -> Cell {
    match (target, value(batch, outcome, cell)) {
        (_, Value::Absent) | (Target::Text, Value::Text(_)) => cell,
        (Target::Text, other) => {
            let text = other.to_text().into_owned();
            Cell::Text(outcome.text(&text))
        }
        (Target::Int, Value::Double(number)) => Cell::Int(number as i64),
        (Target::Int, Value::Bool(flag)) => Cell::Int(i64::from(flag)),
        (Target::Int, Value::Text(text)) => text.parse().map_or(cell, Cell::Int),
        (Target::Double, Value::Int(number)) => Cell::Double(number as f64),
        (Target::Double, Value::Bool(flag)) => Cell::Double(f64::from(u8::from(flag))),
        (Target::Double, Value::Text(text)) => parse_double(text).map_or(cell, Cell::Double),
        _ => cell,
    }
}
