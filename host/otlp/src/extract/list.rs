//! Lists of numbers in data points, as arrays. A field may come in pieces, so a row's list is put together before it goes
//! into the pool.

use super::put::{put, zigzag};
use crate::kind;
use crate::schema::{ListKind, number};
use crate::table::{Data, Table};
use crate::texts::Texts;
use crate::validate::DEPTH;
use crate::wire::{DELIMITED, FIXED64, Flaw, Reader, VARINT, put_tag, put_varint, varint_len};

/// Adds what a field holds to a list.
pub(super) fn add(
    list: &mut Vec<u8>,
    kind: ListKind,
    reader: &mut Reader<'_>,
    wire: u8,
) -> Result<(), Flaw> {
    let put = match kind {
        ListKind::Counts => int,
        ListKind::Bounds => double,
        ListKind::Quantiles => return quantile(list, reader),
    };
    match wire {
        FIXED64 => put(list, reader.fixed64()?),
        DELIMITED => {
            let (values, _) = reader.delimited()?.as_chunks::<8>();
            values
                .iter()
                .for_each(|value| put(list, u64::from_le_bytes(*value)));
        }
        _ => return Err(Flaw::WireType),
    }
    Ok(())
}

/// Reads the positive or negative buckets of a row.
pub(super) fn buckets(
    table: &mut Table,
    columns: &[u8; 3],
    buckets: &[u8],
    row: usize,
) -> Result<(), Flaw> {
    let [_, offset, counts] = *columns;
    // What is not sent is 0 where there are buckets.
    if let Some(column) = table.columns.get_mut(offset as usize)
        && let Data::Cells(kinds, _) = &mut column.data
    {
        put(kinds, row, kind::INT);
    }
    let mut reader = Reader::new(buckets, 0, buckets.len());
    while !reader.is_done() {
        let (number, wire) = reader.tag()?;
        let column = match number {
            number::OFFSET => table.columns.get_mut(offset as usize),
            number::COUNTS => table.columns.get_mut(counts as usize),
            _ => None,
        };
        let Some(column) = column else {
            reader.skip(number, wire, DEPTH)?;
            continue;
        };
        match (number, wire, &mut column.data) {
            (number::OFFSET, VARINT, Data::Cells(_, bits)) => {
                put(bits, row, zigzag(reader.varint()?));
            }
            (number::COUNTS, VARINT, _) => int(&mut column.list, reader.varint()?),
            (number::COUNTS, DELIMITED, _) => {
                let packed = reader.delimited()?;
                let mut packed = Reader::new(packed, 0, packed.len());
                while !packed.is_done() {
                    int(&mut column.list, packed.varint()?);
                }
            }
            _ => return Err(Flaw::WireType),
        }
    }
    Ok(())
}

/// Puts the lists of a row into the pool.
#[inline(never)]
pub(super) fn finish(table: &mut Table, texts: &mut Texts, row: usize) {
    for column in &mut table.columns {
        let Data::Cells(kinds, bits) = &mut column.data else {
            continue;
        };
        if !column.list.is_empty() {
            let text = texts.intern(&column.list, column.readers);
            put(kinds, row, kind::ARRAY);
            put(bits, row, u64::from(text));
            column.list.clear();
        }
    }
}

fn int(list: &mut Vec<u8>, value: u64) {
    put_tag(list, number::VALUES, DELIMITED);
    put_varint(list, 1 + varint_len(value) as u64);
    put_tag(list, number::INT, VARINT);
    put_varint(list, value);
}

/// How many bytes a double takes in an array.
const DOUBLE: u64 = 11;

fn double(list: &mut Vec<u8>, bits: u64) {
    put_tag(list, number::VALUES, DELIMITED);
    put_varint(list, 9);
    put_tag(list, number::DOUBLE, FIXED64);
    list.extend_from_slice(&bits.to_le_bytes());
}

/// Adds a quantile and its value, as an array of two.
fn quantile(list: &mut Vec<u8>, reader: &mut Reader<'_>) -> Result<(), Flaw> {
    let body = reader.delimited()?;
    let mut reader = Reader::new(body, 0, body.len());
    let (mut quantile, mut value) = (0, 0);
    while !reader.is_done() {
        match reader.tag()? {
            (number::QUANTILE, FIXED64) => quantile = reader.fixed64()?,
            (number::QUANTILE_VALUE, FIXED64) => value = reader.fixed64()?,
            (unknown, wire) => reader.skip(unknown, wire, DEPTH)?,
        }
    }
    put_tag(list, number::VALUES, DELIMITED);
    put_varint(list, 2 + 2 * DOUBLE);
    put_tag(list, number::ARRAY, DELIMITED);
    put_varint(list, 2 * DOUBLE);
    double(list, quantile);
    double(list, value);
    Ok(())
}
