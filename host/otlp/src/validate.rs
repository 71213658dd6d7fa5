//! Checks a message to its last byte: framing, wire types, nesting, UTF-8, the lengths of ids. What passes here decodes
//! everywhere downstream, and what prost would refuse is refused.

use crate::limits::Found;
pub(crate) mod attributes;
mod log;
mod shape;
mod span;

use crate::ascii::is_ascii;
use crate::key_value;
use crate::place::Place;
use crate::schema::{Kind, Message};
use crate::wire::{DELIMITED, FIXED32, FIXED64, Flaw, Reader, VARINT};

/// Levels of nesting that decoders allow (prost's limit, and protobuf's own default).
pub(crate) const DEPTH: u32 = 100;

/// Checks the rest of a message. `left` is how many levels deeper it may go. Its attributes are counted in `found`, but
/// not listed.
pub(crate) fn message(
    reader: &mut Reader<'_>,
    message: Message,
    left: u32,
    found: &mut Found,
) -> Result<(), Flaw> {
    let before = found.attributes.len();
    fields(reader, message, left, found)?;
    found.others += found.attributes.len().saturating_sub(before);
    found.attributes.truncate(before);
    Ok(())
}

/// Checks a span, log record or data point. Lists its attributes, and returns the position behind those that stand
/// together first.
pub(crate) fn item(
    reader: &mut Reader<'_>,
    message: Message,
    left: u32,
    found: &mut Found,
) -> Result<usize, Flaw> {
    match message {
        Message::Span => reader.advance(span::head(reader.rest())),
        Message::Log => reader.advance(log::head(reader.rest())),
        _ => {}
    }
    fields(reader, message, left, found)
}

fn fields(
    reader: &mut Reader<'_>,
    message: Message,
    left: u32,
    found: &mut Found,
) -> Result<usize, Flaw> {
    let attribute_tag = message.attribute_tag();
    let mut together = 0;
    let mut has_value = false;
    while !reader.is_done() {
        if attribute_tag != 0 && left >= 2 && reader.rest().first() == Some(&attribute_tag) {
            // Attributes of the plain shape are checked many at a time, until one is met that is not plain.
            attributes::check(reader, attribute_tag, &mut found.attributes)?;
            if together == 0 {
                together = reader.pos();
            }
            match message {
                Message::Span => reader.advance(span::tail(reader.rest())),
                Message::Log => reader.advance(log::tail(reader.rest())),
                _ => {}
            }
            if reader.is_done() {
                break;
            }
        }
        let start = reader.pos();
        let tag = reader.tag()?;
        if let Some(inner) = field(reader, message, tag, left, found)? {
            match inner {
                Message::KeyValue => {
                    found.attributes.push(Place::odd(start));
                    found.check()?;
                }
                _ => found.other()?,
            }
            // Decoders differ in whether the second replaces the first or is merged with it, so that one of them could
            // show what a plugin did not see. Of the simple kinds of values the last counts for all of them.
            let is_value = match message {
                Message::KeyValue | Message::Log => inner == Message::AnyValue,
                Message::AnyValue => true,
                _ => false,
            };
            if is_value && std::mem::replace(&mut has_value, true) {
                return Err(Flaw::Repeated);
            }
            nested(reader, inner, left, found)?;
        }
    }
    Ok(together)
}

/// Checks a field whose tag was just read, unless it holds a message: then returns which.
#[inline]
pub(crate) fn field(
    reader: &mut Reader<'_>,
    message: Message,
    (number, wire): (u32, u8),
    left: u32,
    found: &mut Found,
) -> Result<Option<Message>, Flaw> {
    let kind = message.fields().get(number as usize);
    match (kind.copied().unwrap_or(Kind::Unknown), wire) {
        (Kind::Varint, VARINT) => drop(reader.varint()?),
        (Kind::Fixed64, FIXED64) => drop(reader.fixed64()?),
        (Kind::Fixed32, FIXED32) => drop(reader.fixed32()?),
        (Kind::Bytes, DELIMITED) => drop(reader.delimited()?),
        (Kind::Id(length), DELIMITED) => {
            let id = reader.delimited()?;
            if !id.is_empty() && id.len() != usize::from(length) {
                return Err(Flaw::IdLength);
            }
        }
        (Kind::Text, DELIMITED) => text(reader.delimited()?)?,
        (Kind::Message(inner), DELIMITED) => return Ok(Some(inner)),
        (Kind::Varints, VARINT) => {
            found.numbers(1)?;
            reader.varint()?;
        }
        (Kind::Varints, DELIMITED) => {
            let packed = reader.delimited()?;
            let mut packed = Reader::new(packed, 0, packed.len());
            while !packed.is_done() {
                found.numbers(1)?;
                packed.varint()?;
            }
        }
        (Kind::Fixed64s, FIXED64) => {
            found.numbers(1)?;
            reader.fixed64()?;
        }
        (Kind::Fixed64s, DELIMITED) => {
            let (numbers, rest) = reader.delimited()?.as_chunks::<8>();
            found.numbers(numbers.len())?;
            if !rest.is_empty() {
                return Err(Flaw::Truncated);
            }
        }
        (Kind::Unknown, _) => reader.skip(number, wire, left)?,
        _ => return Err(Flaw::WireType),
    }
    Ok(None)
}

/// Checks a nested message whose tag was just read.
pub(crate) fn nested(
    reader: &mut Reader<'_>,
    inner: Message,
    left: u32,
    found: &mut Found,
) -> Result<(), Flaw> {
    if left == 0 {
        return Err(Flaw::TooDeep);
    }
    let body = reader.delimited()?;
    if inner == Message::AnyValue && is_plain(body) {
        return Ok(());
    }
    if inner == Message::KeyValue
        && left >= 2
        && let Some((key, value)) = key_value::split(body)
        && is_ascii(key)
        && is_plain(value)
    {
        return Ok(());
    }
    let inside = &mut Reader::new(body, 0, body.len());
    message(inside, inner, left - 1, found)
}

/// Whether an `AnyValue` is of a shape that is always well-formed: an ASCII text or a small number.
#[inline]
fn is_plain(value: &[u8]) -> bool {
    match value {
        [0x10 | 0x18, 0..0x80] => true,
        _ => key_value::text(value).is_some_and(is_ascii),
    }
}

/// Checks a string. Most are short and ASCII.
#[inline]
fn text(bytes: &[u8]) -> Result<(), Flaw> {
    if is_ascii(bytes) || std::str::from_utf8(bytes).is_ok() {
        Ok(())
    } else {
        Err(Flaw::Utf8)
    }
}
