//! One pass over a request: everything is checked, and the rows are listed, level by level of the signal's tree.

use spanmill_model::{Context, Signal};

use super::{Entry, Group, Index};
use crate::limits::{Found, ItemLimits};
use crate::schema::{DataKind, Message, message_of, number};
use crate::validate::{self, DEPTH};
use crate::wire::{DELIMITED, Flaw, Reader};

type Located<T> = Result<T, (usize, Flaw)>;

/// Checks a request to its last byte and lists its rows. An error says where.
pub(crate) fn walk(bytes: &[u8], signal: Signal, limits: &ItemLimits) -> Located<Index> {
    let mut walk = Walk {
        bytes,
        index: Index::with_room_for(signal, bytes.len()),
        found: Found::new(Vec::with_capacity(bytes.len() / 40), limits.items),
        most: limits.spans,
    };
    walk.request()?;
    let Walk {
        mut index, found, ..
    } = walk;
    found.check().map_err(|flaw| (0, flaw))?;
    index.elements = found.elements();
    index.numbers = found.numbers;
    index.attributes = found.attributes;
    Ok(index)
}

/// What is found so far.
struct Walk<'a> {
    bytes: &'a [u8],
    index: Index,
    found: Found,
    /// How many items there may be.
    most: usize,
}

/// Steps over the length of a message field and returns its place.
fn enter(reader: &mut Reader<'_>, start: usize) -> Located<Entry> {
    let body = reader.delimited().map_err(|flaw| (start, flaw))?;
    let end = reader.pos();
    Ok(Entry {
        start: start as u32,
        body: (end - body.len()) as u32,
        end: end as u32,
    })
}

impl Walk<'_> {
    fn request(&mut self) -> Located<()> {
        let mut reader = Reader::new(self.bytes, 0, self.bytes.len());
        while !reader.is_done() {
            let start = reader.pos();
            let at = |flaw| (start, flaw);
            match reader.tag().map_err(at)? {
                (number::RESOURCES, DELIMITED) => {
                    let entry = enter(&mut reader, start)?;
                    self.row(Context::Resource, entry, DEPTH - 1)?;
                }
                (number::RESOURCES, _) => return Err((start, Flaw::WireType)),
                (unknown, wire) => reader.skip(unknown, wire, DEPTH).map_err(at)?,
            }
        }
        Ok(())
    }

    /// Walks the message that is, or is around, a row of a context.
    #[inline]
    fn row(&mut self, context: Context, entry: Entry, depth: u32) -> Located<()> {
        match context {
            Context::Resource => self.resource(entry, depth),
            Context::Scope => self.scope(entry, depth),
            Context::Metric => self.metric(entry, depth),
            item => self.item(message_of(item), entry, depth),
        }
    }

    fn resource(&mut self, body: Entry, depth: u32) -> Located<()> {
        self.group(body)?;
        let first = self.index.scopes.len() as u32;
        let head = self.around(body, Message::Resource, Context::Scope, depth)?;
        self.index.resources.push(Group {
            head,
            body,
            data: DataKind::None,
            first,
            last: self.index.scopes.len() as u32,
        });
        Ok(())
    }

    fn scope(&mut self, body: Entry, depth: u32) -> Located<()> {
        self.group(body)?;
        let (below, first) = match self.index.signal {
            Signal::Traces => (Context::Span, self.index.items.len()),
            Signal::Logs => (Context::Log, self.index.items.len()),
            Signal::Metrics => (Context::Metric, self.index.metrics.len()),
        };
        let head = self.around(body, Message::Scope, below, depth)?;
        let last = match below {
            Context::Metric => self.index.metrics.len(),
            _ => self.index.items.len(),
        };
        self.index.scopes.push(Group {
            head,
            body,
            data: DataKind::None,
            first: first as u32,
            last: last as u32,
        });
        Ok(())
    }

    /// Walks the message around a resource or scope and the rows below; returns the place of the first.
    #[inline]
    fn around(
        &mut self,
        body: Entry,
        message: Message,
        below: Context,
        depth: u32,
    ) -> Located<Entry> {
        let reader = &mut body.reader(self.bytes);
        let mut head = None;
        while !reader.is_done() {
            let start = reader.pos();
            let at = |flaw| (start, flaw);
            match reader.tag().map_err(at)? {
                (number::ROWS, DELIMITED) => {
                    let entry = enter(reader, start)?;
                    self.row(below, entry, depth - 1)?;
                }
                (number::HEAD, DELIMITED) => {
                    let entry = enter(reader, start)?;
                    let own = &mut entry.reader(self.bytes);
                    validate::message(own, message, depth - 1, &mut self.found).map_err(at)?;
                    // Merging two, as decoders do, would let the first hide from a plugin.
                    if head.replace(entry).is_some() {
                        return Err((start, Flaw::Repeated));
                    }
                }
                (number::SCHEMA_URL, DELIMITED) => {
                    let url = reader.delimited().map_err(at)?;
                    std::str::from_utf8(url).map_err(|_| at(Flaw::Utf8))?;
                }
                (number::HEAD | number::ROWS | number::SCHEMA_URL, _) => {
                    return Err((start, Flaw::WireType));
                }
                (unknown, wire) => reader.skip(unknown, wire, depth).map_err(at)?,
            }
        }
        Ok(head.unwrap_or(Entry::missing(body.body)))
    }

    fn metric(&mut self, head: Entry, depth: u32) -> Located<()> {
        self.group(head)?;
        let first = self.index.items.len() as u32;
        let reader = &mut head.reader(self.bytes);
        let mut data = None;
        while !reader.is_done() {
            let start = reader.pos();
            let at = |flaw| (start, flaw);
            let tag = reader.tag().map_err(at)?;
            match (DataKind::of_field(tag.0), tag) {
                (Some(kind), (_, DELIMITED)) => {
                    let body = enter(reader, start)?;
                    // Decoders differ in what they make of two.
                    if data.replace((kind, body)).is_some() {
                        return Err((start, Flaw::Repeated));
                    }
                    self.found.other().map_err(at)?;
                    self.points(kind, body, depth - 1)?;
                }
                (Some(_), _) => return Err((start, Flaw::WireType)),
                (None, tag) => {
                    let found = &mut self.found;
                    let field = validate::field(reader, Message::Metric, tag, depth, found);
                    if let Some(metadata) = field.map_err(at)? {
                        self.found.other().map_err(at)?;
                        validate::nested(reader, metadata, depth, &mut self.found).map_err(at)?;
                    }
                }
            }
        }
        let (data, body) = data.unwrap_or((DataKind::None, Entry::missing(head.end)));
        self.index.metrics.push(Group {
            head,
            body,
            data,
            first,
            last: self.index.items.len() as u32,
        });
        Ok(())
    }

    /// Walks what holds a metric's points.
    fn points(&mut self, kind: DataKind, body: Entry, depth: u32) -> Located<()> {
        let reader = &mut body.reader(self.bytes);
        while !reader.is_done() {
            let start = reader.pos();
            let at = |flaw| (start, flaw);
            match reader.tag().map_err(at)? {
                (number::DATA_POINTS, DELIMITED) => {
                    let entry = enter(reader, start)?;
                    self.item(kind.point(), entry, depth - 1)?;
                }
                (number::DATA_POINTS, _) => return Err((start, Flaw::WireType)),
                tag => {
                    let found = &mut self.found;
                    validate::field(reader, kind.message(), tag, depth, found).map_err(at)?;
                }
            }
        }
        Ok(())
    }

    /// Checks a span, log record or data point.
    #[inline]
    fn item(&mut self, message: Message, entry: Entry, depth: u32) -> Located<()> {
        let at = |flaw| (entry.start as usize, flaw);
        self.found.other().map_err(at)?;
        if self.index.items.len() >= self.most {
            return Err(at(Flaw::TooManyItems));
        }
        let own = &mut entry.reader(self.bytes);
        let together = validate::item(own, message, depth, &mut self.found).map_err(at)?;
        let attributes = self.found.attributes.len() as u32;
        self.index
            .attribute_ends
            .push((attributes, together as u32));
        self.index.items.push(entry);
        Ok(())
    }

    fn group(&mut self, entry: Entry) -> Located<()> {
        let at = |flaw| (entry.start as usize, flaw);
        self.found.group().map_err(at)
    }
}
