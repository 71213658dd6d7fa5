//! The fields that nearly every span begins and ends with, read without looking them up.

use super::put::put;
use super::value::value;
use crate::schema::{Layout, NO_COLUMN};
use crate::table::{Column, Data, Table};
use crate::texts::Texts;
use crate::validate::DEPTH;
use crate::wire::{Flaw, Reader};

/// The fields that nearly every span begins with, in the order of their numbers: each is the only one
/// whose bytes fit here, so that nothing has to be looked up.
#[inline]
pub(super) fn head(
    table: &mut Table,
    layout: &Layout,
    texts: &mut Texts,
    bytes: &[u8],
    reader: &mut Reader<'_>,
    row: usize,
) -> Result<(), Flaw> {
    let [_, trace, span, state, parent, name, kind, start, end, ..] = layout.by_number;
    let columns = &mut table.columns;
    if let Some(id) = sized::<18>(reader, [0x0a, 16])
        && let Some(column) = columns.get_mut(trace as usize)
        && let (Data::TraceId(words), Some(id)) = (&mut column.data, id.last_chunk::<16>())
    {
        let id = u128::from_be_bytes(*id);
        if let Some(place) = words.get_mut(row * 2..row * 2 + 2) {
            place.copy_from_slice(&[(id >> 64) as u64, id as u64]);
        }
    }
    if let Some(id) = sized::<10>(reader, [0x12, 8])
        && let Some(column) = columns.get_mut(span as usize)
        && let (Data::Wide(ids), Some(id)) = (&mut column.data, id.last_chunk::<8>())
    {
        put(ids, row, u64::from_be_bytes(*id));
    }
    if reader.rest().first() == Some(&0x1a) {
        field(columns.get_mut(state as usize), texts, bytes, reader, row)?;
    }
    if let Some(id) = sized::<10>(reader, [0x22, 8])
        && let Some(column) = columns.get_mut(parent as usize)
        && let (Data::Wide(ids), Some(id)) = (&mut column.data, id.last_chunk::<8>())
    {
        put(ids, row, u64::from_be_bytes(*id));
    }
    let at = reader.pos();
    if let Some(&[0x2a, length @ 1..0x80]) = reader.rest().first_chunk::<2>() {
        reader.advance(2 + usize::from(length));
        if let Some(column) = found(columns, name, row, at)
            && let Data::Text(names) = &mut column.data
        {
            let from = bytes.get(at + 2..).unwrap_or(&[]);
            let text = texts.intern_from(from, usize::from(length), column.readers);
            put(names, row, text);
        }
    }
    let at = reader.pos();
    if let Some(&[0x30, value @ 0..0x80]) = reader.rest().first_chunk::<2>() {
        reader.advance(2);
        if let Some(column) = found(columns, kind, row, at)
            && let Data::Narrow(kinds) = &mut column.data
        {
            put(kinds, row, u32::from(value));
        }
    }
    for (tag, slot) in [(0x39, start), (0x41, end)] {
        let at = reader.pos();
        if let Some((&[first, ref time @ ..], _)) = reader.rest().split_first_chunk::<9>()
            && first == tag
        {
            reader.advance(9);
            if let Some(column) = found(columns, slot, row, at)
                && let Data::Wide(times) = &mut column.data
            {
                put(times, row, u64::from_le_bytes(*time));
            }
        }
    }
    Ok(())
}

/// The column of a field, which notes where the field is.
#[inline(always)]
fn found(columns: &mut [Column], slot: u8, row: usize, start: usize) -> Option<&mut Column> {
    let column = columns.get_mut(slot as usize)?;
    column.found(row, start);
    Some(column)
}

/// Status code and flags, which nearly every span ends with.
#[inline]
pub(super) fn tail(table: &mut Table, layout: &Layout, reader: &mut Reader<'_>, row: usize) {
    let [_, _, _, code_column] = layout.nested;
    if reader.rest().first_chunk::<2>() == Some(&[0x7a, 0]) {
        reader.advance(2);
    } else if let Some(&[0x7a, 2, 0x18, code @ 0..0x80]) = reader.rest().first_chunk::<4>() {
        reader.advance(4);
        if let Some(column) = table.columns.get_mut(code_column as usize)
            && let Data::Narrow(codes) = &mut column.data
        {
            put(codes, row, u32::from(code));
        }
    }
    let [.., flags] = layout.by_number;
    if let Some([0x85, 1, ..]) = reader.rest().first_chunk::<6>()
        && flags == NO_COLUMN
    {
        reader.advance(6);
    }
}

/// Steps over the next field if it begins with this tag and length, and takes `LENGTH` bytes in all.
#[inline(always)]
fn sized<'a, const LENGTH: usize>(
    reader: &mut Reader<'a>,
    head: [u8; 2],
) -> Option<&'a [u8; LENGTH]> {
    let field = reader.rest().first_chunk::<LENGTH>()?;
    if field.first_chunk::<2>() != Some(&head) {
        return None;
    }
    reader.advance(LENGTH);
    Some(field)
}

/// Reads the next field, whatever it is, into a column.
#[inline(never)]
fn field(
    column: Option<&mut Column>,
    texts: &mut Texts,
    bytes: &[u8],
    reader: &mut Reader<'_>,
    row: usize,
) -> Result<(), Flaw> {
    let start = reader.pos();
    let (number, wire) = reader.tag()?;
    match column {
        None => reader.skip(number, wire, DEPTH),
        Some(column) => {
            column.found(row, start);
            value(column, texts, bytes, reader, (number, wire), row)
        }
    }
}
