//! One pass over the messages of a request, filling the columns that the projection asks for.

mod list;
mod put;
mod span;
mod value;

use spanmill_model::{Context, PerContext};

use self::value::value;
use crate::index::{Entry, Group, Index};
use crate::place::Place;
use crate::projection::{ContextPlan, Projection};
use crate::request::Request;
use crate::schema::{DataKind, Layout, NO_COLUMN, number};
use crate::table::{Data, Table};
use crate::texts::Texts;
use crate::validate::{self, DEPTH};
use crate::wire::{DELIMITED, Flaw, Reader};

/// Fills the tables from a request. The request was checked, so a flaw here is a bug, and an error all the same.
pub(crate) fn extract(
    request: &Request,
    projection: &Projection,
    tables: &mut PerContext<Table>,
    texts: &mut Texts,
) -> Result<(), Flaw> {
    let (bytes, index): (&[u8], &Index) = (&request.bytes, &request.index);
    texts.clear(request.item_count());
    for (_, table) in tables.iter_mut() {
        table.clear();
    }
    list(index, tables);
    for &context in index.signal.contexts() {
        let mut below = Below::default();
        if context == Context::Span {
            below.events = Children::of(tables.get_mut(Context::SpanEvent));
            below.links = Children::of(tables.get_mut(Context::SpanLink));
        }
        let table = tables.get_mut(context);
        if table.wanted {
            let rows = match context {
                Context::Span => rows::<true>,
                _ => rows::<false>,
            };
            let plan = projection.context(context);
            rows(table, plan, index, texts, bytes, &mut below)?;
        }
        if context == Context::Span {
            below.events.put_back(tables.get_mut(Context::SpanEvent));
            below.links.put_back(tables.get_mut(Context::SpanLink));
        }
    }
    Ok(())
}

/// Lists the rows that the index has, each with the row above it.
fn list(index: &Index, tables: &mut PerContext<Table>) {
    let mut above: Option<&[Group]> = None;
    for &context in index.signal.contexts() {
        let groups = index.groups(context);
        let is_item = context == index.signal.item();
        if groups.is_none() && !is_item {
            continue;
        }
        let table = tables.get_mut(context);
        match groups {
            Some(groups) => table.entries.extend(groups.iter().map(|group| group.head)),
            None => table.entries.extend_from_slice(&index.items),
        }
        for (row, group) in (0u32..).zip(above.unwrap_or(&[])) {
            let Group { first, last, .. } = *group;
            table.parents.extend((first..last).map(|_| row));
            if context == Context::DataPoint {
                table.data.extend((first..last).map(|_| group.data));
            }
        }
        if let (Context::Metric, Some(groups)) = (context, groups) {
            table.data.extend(groups.iter().map(|group| group.data));
        }
        above = groups;
    }
}

/// Events and links met while walking spans.
#[derive(Default)]
struct Below {
    events: Children,
    links: Children,
}

/// The rows of a table that are found while those above are walked.
#[derive(Default)]
struct Children {
    wanted: bool,
    entries: Vec<Entry>,
    parents: Vec<u32>,
}

impl Children {
    /// Takes the lists out of a table while another is filled.
    fn of(table: &mut Table) -> Self {
        Children {
            wanted: table.wanted,
            entries: std::mem::take(&mut table.entries),
            parents: std::mem::take(&mut table.parents),
        }
    }

    fn put_back(self, table: &mut Table) {
        (table.entries, table.parents) = (self.entries, self.parents);
    }
}

/// Fills one table. Compiled twice, so that the loop over spans has no branch on what a row is.
#[inline(never)]
fn rows<const IS_SPAN: bool>(
    table: &mut Table,
    plan: &ContextPlan,
    index: &Index,
    texts: &mut Texts,
    bytes: &[u8],
    below: &mut Below,
) -> Result<(), Flaw> {
    table.lay_out();
    let idle = table.columns.is_empty() && plan.attributes.is_none();
    if idle && !below.events.wanted && !below.links.wanted {
        return Ok(());
    }
    // The check has listed the attributes of items.
    let noted = (table.context == index.signal.item()).then_some(index);
    let [usual, ..] = &plan.layouts;
    for first in (0..table.rows()).step_by(TOGETHER) {
        let last = table.rows().min(first + TOGETHER);
        for row in first..last {
            let ends = noted.and_then(|index| index.attribute_ends.get(row).copied());
            let layout = match table.point_kind(row) {
                _ if IS_SPAN => usual,
                0 => usual,
                point => plan.layouts.get(point).unwrap_or(usual),
            };
            message::<IS_SPAN>(table, layout, ends, texts, bytes, row, below)?;
        }
        if let (Some(store), Some(plan)) = (&mut table.attributes, &plan.attributes) {
            if let Some(index) = noted {
                table.reading.know(index, first..last);
            }
            table.reading.take(store, plan, texts, bytes)?;
        }
    }
    if let Some(column) = table.columns.get_mut(usual.encoded_size as usize)
        && let Data::Narrow(sizes) = &mut column.data
    {
        for (size, entry) in sizes.iter_mut().zip(&table.entries) {
            *size = entry.end - entry.body;
        }
    }
    let Some(groups) = index.groups(table.context) else {
        return Ok(());
    };
    if usual.schema_url != NO_COLUMN {
        for (row, group) in groups.iter().enumerate() {
            schema_url(table, usual, texts, bytes, row, group.body)?;
        }
    }
    if table.context == Context::Metric {
        metric_data(table, usual, texts, bytes, groups)?;
    }
    Ok(())
}

/// How many rows have their attributes read together: few enough for the nearest cache.
const TOGETHER: usize = 32;

#[inline]
fn message<const IS_SPAN: bool>(
    table: &mut Table,
    layout: &Layout,
    noted: Option<(u32, u32)>,
    texts: &mut Texts,
    bytes: &[u8],
    row: usize,
    below: &mut Below,
) -> Result<(), Flaw> {
    let Some(entry) = table.entries.get(row) else {
        return Ok(());
    };
    let mut reader = entry.reader(bytes);
    if IS_SPAN {
        span::head(table, layout, texts, bytes, &mut reader, row)?;
    }
    while !reader.is_done() {
        let start = reader.pos();
        if reader.rest().first() == Some(&layout.attribute_tag) {
            match (&table.attributes, noted) {
                // The check has listed these.
                (_, Some((_, together))) if together as usize > start => {
                    reader.advance(together as usize - start);
                    if IS_SPAN {
                        span::tail(table, layout, &mut reader, row);
                    }
                }
                (Some(_), None) => {
                    let places = &mut table.reading.places;
                    validate::attributes::find(&mut reader, layout.attribute_tag, places);
                }
                _ => {}
            }
            if reader.pos() > start {
                continue;
            }
        }
        let (number, wire) = reader.tag()?;
        if number == layout.attributes && noted.is_none() && table.attributes.is_some() {
            table.reading.places.push(Place::odd(start));
        }
        if IS_SPAN && wire == DELIMITED {
            match number {
                number::SPAN_EVENTS | number::SPAN_LINKS => {
                    let body = reader.delimited()?;
                    let list = match number {
                        number::SPAN_EVENTS => &mut below.events,
                        _ => &mut below.links,
                    };
                    if list.wanted {
                        let end = reader.pos();
                        list.entries.push(Entry {
                            start: start as u32,
                            body: (end - body.len()) as u32,
                            end: end as u32,
                        });
                        list.parents.push(row as u32);
                    }
                    continue;
                }
                number::SPAN_STATUS => {
                    let body = reader.delimited()?;
                    if layout.has_nested {
                        let end = reader.pos();
                        let status = Reader::new(bytes, end - body.len(), end);
                        nested(table, layout, texts, bytes, (status, None), row)?;
                    }
                    continue;
                }
                _ => {}
            }
        }
        if layout.has_buckets
            && matches!(number, number::POSITIVE | number::NEGATIVE)
            && wire == DELIMITED
        {
            let buckets = reader.delimited()?;
            let [positive, negative] = &layout.buckets;
            let columns = match number {
                number::POSITIVE => positive,
                _ => negative,
            };
            list::buckets(table, columns, buckets, row)?;
            continue;
        }
        let slot = layout.by_number.get(number as usize);
        match table
            .columns
            .get_mut(slot.map_or(NO_COLUMN, |slot| *slot) as usize)
        {
            Some(column) => {
                column.found(row, start);
                value(column, texts, bytes, &mut reader, (number, wire), row)?;
            }
            None => reader.skip(number, wire, DEPTH)?,
        }
    }
    if layout.has_lists {
        list::finish(table, texts, row);
    }
    if table.attributes.is_some() {
        let places = table.reading.places.len() as u32;
        table.reading.ends.push(places);
    }
    Ok(())
}

/// Reads the fields of a span's status, or of what holds a metric's points, which are of some kind.
fn nested(
    table: &mut Table,
    layout: &Layout,
    texts: &mut Texts,
    bytes: &[u8],
    (mut reader, points): (Reader<'_>, Option<DataKind>),
    row: usize,
) -> Result<(), Flaw> {
    while !reader.is_done() {
        let start = reader.pos();
        let (number, wire) = reader.tag()?;
        let slot = match points {
            Some(kind) if !kind.has(number) => None,
            _ => layout.nested.get(number as usize).copied(),
        };
        let column = table.columns.get_mut(slot.unwrap_or(NO_COLUMN) as usize);
        match column {
            Some(column) => {
                // A status is written as a whole.
                if points.is_some() {
                    column.found(row, start);
                }
                value(column, texts, bytes, &mut reader, (number, wire), row)?;
            }
            None => reader.skip(number, wire, DEPTH)?,
        }
    }
    Ok(())
}

/// Reads what metrics say of their points.
fn metric_data(
    table: &mut Table,
    layout: &Layout,
    texts: &mut Texts,
    bytes: &[u8],
    groups: &[Group],
) -> Result<(), Flaw> {
    if let Some(column) = table.columns.get_mut(layout.data_kind as usize)
        && let Data::Narrow(kinds) = &mut column.data
    {
        for (kind, group) in kinds.iter_mut().zip(groups) {
            *kind = group.data as u32;
        }
    }
    if layout.has_nested {
        for (row, group) in groups.iter().enumerate() {
            if group.data.has(number::TEMPORALITY) {
                let body = (group.body.reader(bytes), Some(group.data));
                nested(table, layout, texts, bytes, body, row)?;
            }
        }
    }
    Ok(())
}

fn schema_url(
    table: &mut Table,
    layout: &Layout,
    texts: &mut Texts,
    bytes: &[u8],
    row: usize,
    body: Entry,
) -> Result<(), Flaw> {
    let mut reader = body.reader(bytes);
    while !reader.is_done() {
        match (
            reader.tag()?,
            table.columns.get_mut(layout.schema_url as usize),
        ) {
            ((number::SCHEMA_URL, DELIMITED), Some(column)) => {
                let tag = (number::SCHEMA_URL, DELIMITED);
                value(column, texts, bytes, &mut reader, tag, row)?;
            }
            ((number, wire), _) => reader.skip(number, wire, DEPTH)?,
        }
    }
    Ok(())
}
