//! Where each resource, scope and span of a request starts and ends, found in the one pass that checks it.

use std::sync::Arc;

use bytes::Bytes;

use crate::limits::{Found, ITEMS, ItemLimits, ParseError, SPANS};
use crate::schema::{Message, number};
use crate::validate::attributes::Place;
use crate::validate::{self, DEPTH};
use crate::wire::{DELIMITED, Flaw, Reader};
use crate::workspace::Spliced;

/// A request that is not OTLP. Nothing of it may be processed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed OTLP at byte {offset}: {what}")]
pub struct Malformed {
    /// Where the message (of a span, or above) begins or the flaw was met, in bytes.
    pub offset: usize,
    /// What is wrong.
    pub what: &'static str,
}

impl Malformed {
    pub(crate) fn too_large() -> Self {
        Malformed {
            offset: MAX_BYTES,
            what: "the request is larger than 1 GiB",
        }
    }
}

/// Requests from this size on are refused, so that offsets fit 31 bits.
pub(crate) const MAX_BYTES: usize = 1 << 30;

/// A field that holds a message: tag at `start`, content in `body..end`.
/// A message that was not sent has all three alike, where it would be inserted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) start: u32,
    pub(crate) body: u32,
    pub(crate) end: u32,
}

impl Entry {
    pub(crate) fn reader<'a>(&self, bytes: &'a [u8]) -> Reader<'a> {
        Reader::new(bytes, self.body as usize, self.end as usize)
    }
}

/// A `ResourceSpans` or `ScopeSpans`, and the resource or scope in it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Group {
    pub(crate) whole: Entry,
    pub(crate) head: Entry,
    /// The rows below: scopes of a resource, spans of a scope.
    pub(crate) first: u32,
    pub(crate) last: u32,
}

/// The parts of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    pub(crate) resources: Vec<Group>,
    pub(crate) scopes: Vec<Group>,
    pub(crate) spans: Vec<Entry>,
    /// Every attribute of every span, in order.
    pub(crate) attributes: Vec<Place>,
    /// For each span, the end of its attributes in that list, and the position behind those that stand together first.
    pub(crate) attribute_ends: Vec<(u32, u32)>,
    /// How many other messages there are, resources, scopes and spans included.
    pub(crate) others: usize,
}

impl Index {
    /// Room for what so many bytes usually hold.
    fn with_room_for(bytes: usize) -> Self {
        Index {
            spans: Vec::with_capacity(bytes / 320),
            attribute_ends: Vec::with_capacity(bytes / 320),
            ..Index::default()
        }
    }
}

/// A checked `ExportTraceServiceRequest`. Clones share it.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) bytes: Bytes,
    pub(crate) index: Arc<Index>,
}

impl Request {
    /// Checks a request and finds its spans. What passes is well-formed to its last byte.
    pub fn parse(bytes: Bytes) -> Result<Self, Malformed> {
        Self::parse_within(bytes, &ItemLimits::NONE).map_err(|error| match error {
            ParseError::Malformed(malformed) => malformed,
            // There are no limits.
            ParseError::TooMany { .. } => Malformed::too_large(),
        })
    }

    /// The same of a request that may hold only so much. It is not looked at beyond the limit.
    pub fn parse_within(bytes: Bytes, limits: &ItemLimits) -> Result<Self, ParseError> {
        if bytes.len() > MAX_BYTES {
            return Err(Malformed::too_large().into());
        }
        let mut index = Index::with_room_for(bytes.len());
        let mut found = Found::new(Vec::with_capacity(bytes.len() / 40), limits.items);
        let mut reader = Reader::new(&bytes, 0, bytes.len());
        let checked = request(&mut reader, &bytes, &mut index, &mut found, limits.spans);
        match checked.and_then(|()| found.check().map_err(|flaw| (0, flaw))) {
            Ok(()) => {
                index.attributes = found.attributes;
                index.others = found.others;
                Ok(Request {
                    bytes,
                    index: Arc::new(index),
                })
            }
            Err((_, Flaw::TooManySpans)) => Err(ParseError::TooMany {
                what: SPANS,
                limit: limits.spans,
            }),
            Err((_, Flaw::TooManyItems)) => Err(ParseError::TooMany {
                what: ITEMS,
                limit: limits.items,
            }),
            Err((offset, flaw)) => Err(Malformed {
                offset,
                what: flaw.what(),
            }
            .into()),
        }
    }

    /// How many items there are, as [`ItemLimits::items`] counts them.
    pub(crate) fn item_count(&self) -> usize {
        // Resources, scopes and spans are among the others.
        self.index
            .attributes
            .len()
            .saturating_add(self.index.others)
    }

    /// How many spans there are.
    pub fn span_count(&self) -> usize {
        self.index.spans.len()
    }

    /// Cuts the request into requests of at most `max` spans each, in order.
    pub fn split(&self, max: usize) -> Vec<Spliced> {
        crate::splice::split(self, max)
    }

    /// The request as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

type Located<T> = Result<T, (usize, Flaw)>;

/// Steps over the length of a message field and gives its place.
fn enter(reader: &mut Reader<'_>, start: usize) -> Located<Entry> {
    let at = |flaw| (start, flaw);
    let body = reader.delimited().map_err(at)?;
    let end = reader.pos();
    Ok(Entry {
        start: start as u32,
        body: (end - body.len()) as u32,
        end: end as u32,
    })
}

fn request(
    reader: &mut Reader<'_>,
    bytes: &[u8],
    index: &mut Index,
    found: &mut Found,
    max_spans: usize,
) -> Located<()> {
    while !reader.is_done() {
        let start = reader.pos();
        let at = |flaw| (start, flaw);
        match reader.tag().map_err(at)? {
            (number::REQUEST_RESOURCE_SPANS, DELIMITED) => {
                let whole = enter(reader, start)?;
                let first = index.scopes.len() as u32;
                found.group().map_err(at)?;
                let head = group(whole, bytes, index, found, max_spans, Level::Resource)?;
                let last = index.scopes.len() as u32;
                index.resources.push(Group {
                    whole,
                    head,
                    first,
                    last,
                });
            }
            (number::REQUEST_RESOURCE_SPANS, _) => return Err((start, Flaw::WireType)),
            (unknown, wire) => reader.skip(unknown, wire, DEPTH).map_err(at)?,
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Resource,
    Scope,
}

/// Walks a `ResourceSpans` or `ScopeSpans`; returns the place of its resource or scope.
fn group(
    whole: Entry,
    bytes: &[u8],
    index: &mut Index,
    found: &mut Found,
    max_spans: usize,
    level: Level,
) -> Located<Entry> {
    let reader = &mut whole.reader(bytes);
    let (depth, head_type) = match level {
        Level::Resource => (DEPTH - 1, Message::Resource),
        Level::Scope => (DEPTH - 2, Message::Scope),
    };
    let mut head = None;
    while !reader.is_done() {
        let start = reader.pos();
        let at = |flaw| (start, flaw);
        match reader.tag().map_err(at)? {
            (number::HEAD, DELIMITED) => {
                let entry = enter(reader, start)?;
                validate::message(&mut entry.reader(bytes), head_type, depth - 1, found)
                    .map_err(at)?;
                // Merging two, as decoders do, would let the first hide from a plugin.
                if head.replace(entry).is_some() {
                    return Err((start, Flaw::Repeated));
                }
            }
            (number::ROWS, DELIMITED) => {
                let entry = enter(reader, start)?;
                if level == Level::Resource {
                    found.group().map_err(at)?;
                    let first = index.spans.len() as u32;
                    let head = group(entry, bytes, index, found, max_spans, Level::Scope)?;
                    let last = index.spans.len() as u32;
                    index.scopes.push(Group {
                        whole: entry,
                        head,
                        first,
                        last,
                    });
                } else {
                    found.other().map_err(at)?;
                    if index.spans.len() >= max_spans {
                        return Err((start, Flaw::TooManySpans));
                    }
                    let together =
                        validate::row(&mut entry.reader(bytes), depth - 1, found).map_err(at)?;
                    let attributes = found.attributes.len() as u32;
                    index.attribute_ends.push((attributes, together as u32));
                    index.spans.push(entry);
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
    Ok(head.unwrap_or(Entry {
        start: whole.body,
        body: whole.body,
        end: whole.body,
    }))
}
