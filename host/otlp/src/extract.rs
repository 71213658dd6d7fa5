//! One pass over the messages of a request, filling the columns that the projection asks for.

mod span;
mod value;

use self::value::value;
use crate::index::{Entry, Index, Request};
use crate::path::Context;
use crate::projection::Projection;
use crate::schema::number;
use crate::table::{NONE, Table};
use crate::texts::Texts;
use crate::validate::DEPTH;
use crate::validate::attributes::Place;
use crate::wire::{DELIMITED, Flaw, Reader};

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
        rows(
            table,
            projection,
            None,
            texts,
            bytes,
            &mut Nested::default(),
        )?;
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
    rows(spans, projection, Some(index), texts, bytes, &mut nested)?;
    for table in [events, links] {
        if table.wanted {
            rows(
                table,
                projection,
                None,
                texts,
                bytes,
                &mut Nested::default(),
            )?;
        }
    }
    Ok(())
}

/// Fills one table. `index` has the attributes of its rows, if the check has noted them.
fn rows(
    table: &mut Table,
    projection: &Projection,
    index: Option<&Index>,
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
    for first in (0..table.rows()).step_by(TOGETHER) {
        let last = table.rows().min(first + TOGETHER);
        for row in first..last {
            let ends = index.and_then(|index| index.attribute_ends.get(row).copied());
            message(table, ends, texts, bytes, row, nested)?;
        }
        if let (Some(store), Some(plan)) = (&mut table.attributes, plan) {
            if let Some(index) = index {
                store.reading.know(index, first..last);
            }
            store.take(plan, texts, bytes)?;
        }
    }
    Ok(())
}

/// So many rows at a time have their attributes taken, which are few enough to stay in the nearest cache.
const TOGETHER: usize = 32;

#[inline]
fn message(
    table: &mut Table,
    known: Option<(u32, u32)>,
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
    let attribute_tag = (attributes_number << 3) as u8 | DELIMITED;
    let mut reader = entry.reader(bytes);
    if is_span {
        span::head(table, texts, bytes, &mut reader, row)?;
    }
    while !reader.is_done() {
        let start = reader.pos();
        if reader.rest().first() == Some(&attribute_tag) {
            match (&mut table.attributes, known) {
                // The check has been here, and has noted the attributes of spans.
                (_, Some((_, together))) if together as usize > start => {
                    reader.advance(together as usize - start);
                    span::tail(table, &mut reader, row);
                }
                (Some(store), None) => reader.places(attribute_tag, &mut store.reading.places),
                _ => {}
            }
            if reader.pos() > start {
                continue;
            }
        }
        let (number, wire) = reader.tag()?;
        if number == attributes_number
            && known.is_none()
            && let Some(store) = &mut table.attributes
        {
            store.reading.places.push(Place::odd(start));
        }
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
        store.reading.ends.push(store.reading.places.len() as u32);
    }
    Ok(())
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
