//! Checks a message to its last byte: framing, wire types, nesting, UTF-8, the lengths of ids. What passes here decodes
//! everywhere downstream, and what prost would refuse is refused.

use crate::limits::Found;
pub(crate) mod attributes;
mod span;

use self::attributes::Place;
use crate::ascii::is_ascii;
use crate::key_value;
use crate::schema::{Kind, Message};
use crate::wire::{DELIMITED, FIXED32, FIXED64, Flaw, Reader, VARINT};

/// Levels of nesting that decoders allow (prost's limit, and protobuf's own default).
pub(crate) const DEPTH: u32 = 100;

/// Checks the rest of a message. `left` is how many levels deeper it may go. Its attributes are counted in `found`, and
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

/// Checks a span: most begin with the same fields in the same order. Lists its attributes, and returns the position
/// behind those that stand together first.
pub(crate) fn row(reader: &mut Reader<'_>, left: u32, found: &mut Found) -> Result<usize, Flaw> {
    reader.advance(span::head(reader.rest()));
    fields(reader, Message::Span, left, found)
}

fn fields(
    reader: &mut Reader<'_>,
    message: Message,
    left: u32,
    found: &mut Found,
) -> Result<usize, Flaw> {
    let fields = message.fields();
    let attribute_tag = message.attribute_tag();
    let mut together = 0;
    while !reader.is_done() {
        if attribute_tag != 0 && left >= 2 && reader.rest().first() == Some(&attribute_tag) {
            // Attributes of the plain shape are checked many at a time, until one is met that is not plain.
            reader.attributes(attribute_tag, &mut found.attributes)?;
            if together == 0 {
                together = reader.pos();
            }
            if message == Message::Span {
                reader.advance(span::tail(reader.rest()));
            }
            if reader.is_done() {
                break;
            }
        }
        let start = reader.pos();
        let (number, wire) = reader.tag()?;
        let kind = fields
            .get(number as usize)
            .copied()
            .unwrap_or(Kind::Unknown);
        match (kind, wire) {
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
            (Kind::Message(inner), DELIMITED) => {
                if inner == Message::KeyValue {
                    found.attributes.push(Place::odd(start));
                    found.check()?;
                } else {
                    found.other()?;
                }
                nested(reader, inner, left, found)?;
            }
            (Kind::Unknown, _) => reader.skip(number, wire, left)?,
            _ => return Err(Flaw::WireType),
        }
    }
    Ok(together)
}

/// Checks a nested message whose tag was just read.
fn nested(
    reader: &mut Reader<'_>,
    inner: Message,
    left: u32,
    found: &mut Found,
) -> Result<(), Flaw> {
    if left == 0 {
        return Err(Flaw::TooDeep);
    }
    let body = reader.delimited()?;
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

/// Whether an `AnyValue` is surely well-formed: an ASCII text or a small number.
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
