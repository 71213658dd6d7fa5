//! One pass over the messages of a request, filling the columns that the projection asks for.

use crate::index::{Entry, Request};
use crate::path::Context;
use crate::projection::{AttributePlan, Projection};
use crate::schema::number;
use crate::table::{Column, Data, NONE, Table};
use crate::texts::Texts;
use crate::validate::DEPTH;
use crate::window::Window;
use crate::wire::{DELIMITED, FIXED32, FIXED64, Flaw, Reader, VARINT};

/// Events and links met while walking spans.
#[derive(Default)]
struct Nested<'a> {
    events: Option<(&'a mut Vec<Entry>, &'a mut Vec<u32>)>,
    links: Option<(&'a mut Vec<Entry>, &'a mut Vec<u32>)>,
}

/// Fills the tables from a request. The request was checked, so a flaw here is a bug, and an error all the same.
pub(crate) fn extract(
    request: &Request,
    projection: &Projection,
    tables: &mut [Table; 5],
    texts: &mut Texts,
) -> Result<(), Flaw> {
    let bytes: &[u8] = &request.bytes;
    let [resources, scopes, spans, events, links] = tables;
    texts.clear(request.span_count());
    for table in [
        &mut *resources,
        &mut *scopes,
        &mut *spans,
        &mut *events,
        &mut *links,
    ] {
        table.clear();
    }
    let index = &request.index;
    resources
        .entries
        .extend(index.resources.iter().map(|group| group.head));
    scopes
        .entries
        .extend(index.scopes.iter().map(|group| group.head));
    spans.entries.extend_from_slice(&index.spans);
    for (row, group) in (0u32..).zip(&index.resources) {
        scopes
            .parents
            .extend((group.first..group.last).map(|_| row));
    }
    for (row, group) in (0u32..).zip(&index.scopes) {
        spans.parents.extend((group.first..group.last).map(|_| row));
    }
    for (groups, table) in [
        (&index.resources, &mut *resources),
        (&index.scopes, &mut *scopes),
    ] {
        rows(table, projection, texts, bytes, &mut Nested::default())?;
        if table.schema_url != NONE {
            for (row, group) in groups.iter().enumerate() {
                schema_url(table, texts, bytes, row, group.whole)?;
            }
        }
    }
    let mut nested = Nested {
        events: events
            .wanted
            .then_some((&mut events.entries, &mut events.parents)),
        links: links
            .wanted
            .then_some((&mut links.entries, &mut links.parents)),
    };
    rows(spans, projection, texts, bytes, &mut nested)?;
    for table in [events, links] {
        if table.wanted {
            rows(table, projection, texts, bytes, &mut Nested::default())?;
        }
    }
    Ok(())
}

/// Fills one table.
fn rows(
    table: &mut Table,
    projection: &Projection,
    texts: &mut Texts,
    bytes: &[u8],
    nested: &mut Nested<'_>,
) -> Result<(), Flaw> {
    table.lay_out();
    let plan = projection.context(table.context).attributes.as_ref();
    let idle = table.columns.is_empty() && plan.is_none();
    if idle && nested.events.is_none() && nested.links.is_none() {
        return Ok(());
    }
    for row in 0..table.rows() {
        message(table, plan, texts, bytes, row, nested)?;
    }
    Ok(())
}

#[inline]
fn message(
    table: &mut Table,
    plan: Option<&AttributePlan>,
    texts: &mut Texts,
    bytes: &[u8],
    row: usize,
    nested: &mut Nested<'_>,
) -> Result<(), Flaw> {
    let Some(entry) = table.entries.get(row) else {
        return Ok(());
    };
    let is_span = table.context == Context::Span;
    let attributes_number = table.context.attributes_number();
    let attributes_tag = (attributes_number << 3) as u8 | DELIMITED;
    let mut reader = entry.reader(bytes);
    if is_span {
        head(table, texts, bytes, &mut reader, row)?;
    }
    while !reader.is_done() {
        let start = reader.pos();
        if let (Some(store), Some(plan)) = (&mut table.attributes, plan)
            && reader.rest().first() == Some(&attributes_tag)
        {
            store.read(plan, texts, bytes, &mut reader, attributes_tag)?;
            continue;
        }
        let (number, wire) = reader.tag()?;
        if is_span && wire == DELIMITED {
            match number {
                number::SPAN_EVENTS | number::SPAN_LINKS => {
                    let body = reader.delimited()?;
                    let list = if number == number::SPAN_EVENTS {
                        &mut nested.events
                    } else {
                        &mut nested.links
                    };
                    if let Some((entries, parents)) = list {
                        let end = reader.pos();
                        entries.push(Entry {
                            start: start as u32,
                            body: (end - body.len()) as u32,
                            end: end as u32,
                        });
                        parents.push(row as u32);
                    }
                    continue;
                }
                number::SPAN_STATUS => {
                    let body = reader.delimited()?;
                    if table.status_code != NONE || table.status_message != NONE {
                        let end = reader.pos();
                        status(
                            table,
                            texts,
                            bytes,
                            Reader::new(bytes, end - body.len(), end),
                            row,
                        )?;
                    }
                    continue;
                }
                _ => {}
            }
        }
        let slot = table
            .by_number
            .get(number as usize)
            .copied()
            .unwrap_or(NONE);
        match table.columns.get_mut(slot as usize) {
            Some(column) => {
                column.found(row, start);
                value(column, texts, bytes, &mut reader, wire, row)?;
            }
            None => reader.skip(number, wire, DEPTH)?,
        }
    }
    if let Some(store) = &mut table.attributes {
        store.end_row();
    }
    Ok(())
}

/// The fields that nearly every span begins with, in the order of their numbers: each is the only one
/// whose bytes fit here, so that nothing has to be looked up.
#[inline]
fn head(
    table: &mut Table,
    texts: &mut Texts,
    bytes: &[u8],
    reader: &mut Reader<'_>,
    row: usize,
) -> Result<(), Flaw> {
    let [_, trace, span, state, parent, name, kind, start, end, ..] = table.by_number;
    let mut take = |slot: u8, tag: u8, length: Option<u8>, whole: usize| -> Result<(), Flaw> {
        let rest = reader.rest();
        let fits = match (rest.first_chunk::<2>(), length) {
            (Some([first, second]), Some(length)) => *first == tag && *second == length,
            (Some([first, _]), None) => *first == tag,
            (None, _) => false,
        };
        if !fits || rest.len() < whole {
            return Ok(());
        }
        match table.columns.get_mut(slot as usize) {
            None if whole > 0 => reader.advance(whole),
            None => {
                let (number, wire) = reader.tag()?;
                reader.skip(number, wire, DEPTH)?;
            }
            Some(column) => {
                column.found(row, reader.pos());
                reader.advance(1);
                value(column, texts, bytes, reader, tag & 7, row)?;
            }
        }
        Ok(())
    };
    take(trace, 0x0a, Some(16), 18)?;
    take(span, 0x12, Some(8), 10)?;
    take(state, 0x1a, None, 0)?;
    take(parent, 0x22, Some(8), 10)?;
    take(name, 0x2a, None, 0)?;
    take(kind, 0x30, None, 0)?;
    take(start, 0x39, None, 9)?;
    take(end, 0x41, None, 9)
}

fn status(
    table: &mut Table,
    texts: &mut Texts,
    bytes: &[u8],
    mut reader: Reader<'_>,
    row: usize,
) -> Result<(), Flaw> {
    while !reader.is_done() {
        let (number, wire) = reader.tag()?;
        let slot = match number {
            number::STATUS_CODE => table.status_code,
            number::STATUS_MESSAGE => table.status_message,
            _ => NONE,
        };
        match table.columns.get_mut(slot as usize) {
            Some(column) => value(column, texts, bytes, &mut reader, wire, row)?,
            None => reader.skip(number, wire, DEPTH)?,
        }
    }
    Ok(())
}

fn schema_url(
    table: &mut Table,
    texts: &mut Texts,
    bytes: &[u8],
    row: usize,
    whole: Entry,
) -> Result<(), Flaw> {
    let mut reader = whole.reader(bytes);
    while !reader.is_done() {
        match (
            reader.tag()?,
            table.columns.get_mut(table.schema_url as usize),
        ) {
            ((number::SCHEMA_URL, DELIMITED), Some(column)) => {
                value(column, texts, bytes, &mut reader, DELIMITED, row)?;
            }
            ((number, wire), _) => reader.skip(number, wire, DEPTH)?,
        }
    }
    Ok(())
}

/// Reads one field's value into its column.
#[inline]
fn value(
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
                    texts.intern_known(Window::new(from, text.len()), text, column.readers)
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
fn put<T>(values: &mut [T], row: usize, value: T) {
    if let Some(place) = values.get_mut(row) {
        *place = value;
    }
}
