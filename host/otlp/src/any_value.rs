//! Values of any kind as they stand on the wire.

use crate::kind;
use crate::texts::Texts;
use crate::validate::DEPTH;
use crate::wire::{DELIMITED, FIXED64, Flaw, Reader, VARINT};

/// Where a text stands in the request.
#[derive(Clone, Copy, Default)]
pub(crate) struct Extent {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Extent {
    #[inline]
    pub(crate) fn last(reader: &Reader<'_>, text: &[u8]) -> Self {
        Extent {
            start: reader.pos() - text.len(),
            end: reader.pos(),
        }
    }

    /// The text, and what runs on from its beginning.
    #[inline]
    pub(crate) fn of(self, bytes: &[u8]) -> (&[u8], &[u8]) {
        let text = bytes.get(self.start..self.end).unwrap_or(&[]);
        (text, bytes.get(self.start..).unwrap_or(&[]))
    }
}

/// An `AnyValue` as it stands on the wire: pooled kinds by place, others by bits.
#[derive(Clone, Copy)]
pub(crate) struct RawValue {
    pub(crate) kind: u8,
    pub(crate) bits: u64,
    pub(crate) place: Extent,
}

pub(crate) const EMPTY: RawValue = RawValue {
    kind: kind::EMPTY,
    bits: 0,
    place: Extent { start: 0, end: 0 },
};

/// Reads an `AnyValue`.
#[inline]
pub(crate) fn any_value(bytes: &[u8], start: usize, end: usize) -> Result<RawValue, Flaw> {
    let mut reader = Reader::new(bytes, start, end);
    let mut value = EMPTY;
    // Of several cases of the oneof, the last counts.
    while !reader.is_done() {
        let (number, wire) = reader.tag()?;
        let (kind, bits, payload): (u8, u64, &[u8]) = match (number, wire) {
            (1, DELIMITED) => (kind::TEXT, 0, reader.delimited()?),
            (2, VARINT) => (kind::BOOL, u64::from(reader.varint()? != 0), &[]),
            (3, VARINT) => (kind::INT, reader.varint()?, &[]),
            (4, FIXED64) => (kind::DOUBLE, reader.fixed64()?, &[]),
            (5, DELIMITED) => (kind::ARRAY, 0, reader.delimited()?),
            (6, DELIMITED) => (kind::MAP, 0, reader.delimited()?),
            (7, DELIMITED) => (kind::BYTES, 0, reader.delimited()?),
            (8, VARINT) => {
                reader.varint()?;
                (kind::EMPTY, 0, &[])
            }
            (unknown, wire) => {
                reader.skip(unknown, wire, DEPTH)?;
                continue;
            }
        };
        value = RawValue {
            kind,
            bits,
            place: Extent::last(&reader, payload),
        };
    }
    Ok(value)
}

impl RawValue {
    /// The value's bits as a cell has them, its text in the pool if it has one.
    #[inline]
    pub(crate) fn pooled(self, readers: u64, texts: &mut Texts, bytes: &[u8]) -> u64 {
        match kind::is_pooled(self.kind) {
            true => {
                let (text, from) = self.place.of(bytes);
                u64::from(texts.intern_from(from, text.len(), readers))
            }
            false => self.bits,
        }
    }
}
