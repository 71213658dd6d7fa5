//! One field's value, read into its column.

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
    wire: u8,
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
        (Data::Narrow(values), VARINT) => put(values, row, reader.varint()? as u32),
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
        _ => return Err(Flaw::WireType),
    }
    Ok(())
}

#[inline]
pub(super) fn put<T>(values: &mut [T], row: usize, value: T) {
    if let Some(place) = values.get_mut(row) {
        *place = value;
    }
}
