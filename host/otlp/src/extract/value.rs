//! One field's value, read into its column.

use super::list;
use super::put::{put, zigzag};
use crate::any_value::any_value;
use crate::kind;
use crate::schema::{Home, number};
use crate::table::{Column, Data};
use crate::texts::Texts;
use crate::wire::{DELIMITED, FIXED32, FIXED64, Flaw, Reader, VARINT};

/// Reads one field's value into its column.
#[inline]
pub(super) fn value(
    column: &mut Column,
    texts: &mut Texts,
    bytes: &[u8],
    reader: &mut Reader<'_>,
    (number, wire): (u32, u8),
    row: usize,
) -> Result<(), Flaw> {
    match (&mut column.data, wire) {
        (Data::Text(indices), DELIMITED) => {
            let text = reader.delimited()?;
            if let Some(index) = indices.get_mut(row) {
                *index = if text.is_empty() {
                    crate::ABSENT
                } else {
                    let from = bytes.get(reader.pos() - text.len()..).unwrap_or(&[]);
                    texts.intern_from(from, text.len(), column.readers)
                };
            }
        }
        (Data::Narrow(values), VARINT) => put(values, row, narrow(column.home, reader.varint()?)),
        (Data::Narrow(values), FIXED32) => put(values, row, reader.fixed32()?),
        (Data::Wide(values), FIXED64) => put(values, row, reader.fixed64()?),
        (Data::Wide(values), DELIMITED) => {
            let id = reader.delimited()?;
            let id = <[u8; 8]>::try_from(id).map_or(0, u64::from_be_bytes);
            put(values, row, id);
        }
        (Data::TraceId(words), DELIMITED) => {
            let id = reader.delimited()?;
            let id = <[u8; 16]>::try_from(id).map_or(0, u128::from_be_bytes);
            put(words, row * 2, (id >> 64) as u64);
            put(words, row * 2 + 1, id as u64);
        }
        (Data::Cells(..), _) => cell(column, texts, bytes, reader, (number, wire), row)?,
        _ => return Err(Flaw::WireType),
    }
    Ok(())
}

/// The number of a varint: a bool is 0 or 1, however it was sent.
#[inline]
fn narrow(home: Home, value: u64) -> u32 {
    match home {
        Home::Data(number::IS_MONOTONIC) => u32::from(value != 0),
        _ => value as u32,
    }
}

/// Reads the value of a field that crosses as a cell.
#[inline(never)]
fn cell(
    column: &mut Column,
    texts: &mut Texts,
    bytes: &[u8],
    reader: &mut Reader<'_>,
    (number, wire): (u32, u8),
    row: usize,
) -> Result<(), Flaw> {
    if let Home::List(list) = column.home {
        return list::add(&mut column.list, list, reader, wire);
    }
    let (kind, value) = match wire {
        FIXED64 => match (column.home, number) {
            (Home::PointValue, number::AS_INT) => (kind::INT, reader.fixed64()?),
            _ => (kind::DOUBLE, reader.fixed64()?),
        },
        // Zigzag, the only varint there is.
        VARINT => (kind::INT, zigzag(reader.varint()?)),
        DELIMITED => {
            let body = reader.delimited()?;
            let value = any_value(bytes, reader.pos() - body.len(), reader.pos())?;
            (value.kind, value.pooled(column.readers, texts, bytes))
        }
        _ => return Err(Flaw::WireType),
    };
    if let Data::Cells(kinds, bits) = &mut column.data {
        put(kinds, row, kind);
        put(bits, row, value);
    }
    Ok(())
}
