//! Checks a message to its last byte: framing, wire types, nesting, UTF-8. What passes here decodes
//! everywhere downstream, and what prost would refuse is refused.

use crate::pair;
use crate::plain;
use crate::schema::{Kind, Message};
use crate::wire::{DELIMITED, FIXED32, FIXED64, Flaw, Reader, VARINT};

/// Levels of nesting that decoders allow (prost's limit, and protobuf's own default).
pub(crate) const DEPTH: u32 = 100;

/// Checks the rest of a message. `left` is how many levels deeper it may go.
pub(crate) fn message(reader: &mut Reader<'_>, message: Message, left: u32) -> Result<(), Flaw> {
    let fields = message.fields();
    // Attributes of the plain shape are checked many at a time, until some are met that are not plain.
    let mut plain_tag = if left >= 2 {
        message.attribute_tag()
    } else {
        0
    };
    while !reader.is_done() {
        if plain_tag != 0 && reader.rest().first() == Some(&plain_tag) {
            match plain::attributes(reader.rest(), plain_tag) {
                0 => plain_tag = 0,
                length => {
                    reader.advance(length);
                    continue;
                }
            }
        }
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
            (Kind::Text, DELIMITED) => text(reader.delimited()?)?,
            (Kind::Message(inner), DELIMITED) => nested(reader, inner, left)?,
            (Kind::Unknown, _) => reader.skip(number, wire, left)?,
            _ => return Err(Flaw::WireType),
        }
    }
    Ok(())
}

/// Checks a span: most begin with the same fields in the same order.
pub(crate) fn span(reader: &mut Reader<'_>, left: u32) -> Result<(), Flaw> {
    reader.advance(plain::span_head(reader.rest()));
    message(reader, Message::Span, left)
}

/// Checks a nested message whose tag was just read.
pub(crate) fn nested(reader: &mut Reader<'_>, inner: Message, left: u32) -> Result<(), Flaw> {
    if left == 0 {
        return Err(Flaw::TooDeep);
    }
    let body = reader.delimited()?;
    if inner == Message::KeyValue
        && left >= 2
        && let Some((key, value)) = pair::split(body)
        && pair::is_ascii(key)
        && is_plain(value)
    {
        return Ok(());
    }
    message(&mut Reader::new(body, 0, body.len()), inner, left - 1)
}

/// Whether an `AnyValue` is surely well-formed: an ASCII text or a small number.
#[inline]
fn is_plain(value: &[u8]) -> bool {
    match value {
        [0x10 | 0x18, 0..0x80] => true,
        _ => pair::text(value).is_some_and(pair::is_ascii),
    }
}

/// Checks a string. Most are short and ASCII.
#[inline]
fn text(bytes: &[u8]) -> Result<(), Flaw> {
    if pair::is_ascii(bytes) || std::str::from_utf8(bytes).is_ok() {
        Ok(())
    } else {
        Err(Flaw::Utf8)
    }
}
