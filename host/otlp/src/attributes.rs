//! Attribute lists as columns.

use crate::known::Keys;
use crate::projection::AttributePlan;
use crate::schema::number;
use crate::texts::Texts;
use crate::validate::DEPTH;
use crate::window::Window;
use crate::wire::{DELIMITED, FIXED64, Flaw, Reader, VARINT};

/// The contract's cell kinds.
pub(crate) mod kind {
    pub(crate) const ABSENT: u8 = 0;
    pub(crate) const TEXT: u8 = 1;
    pub(crate) const BOOL: u8 = 2;
    pub(crate) const INT: u8 = 3;
    pub(crate) const DOUBLE: u8 = 4;
    pub(crate) const BYTES: u8 = 5;
    pub(crate) const ARRAY: u8 = 6;
    pub(crate) const MAP: u8 = 7;
    pub(crate) const EMPTY: u8 = 8;

    /// Whether the bits of a kind are a pool index.
    pub(crate) const fn is_pooled(kind: u8) -> bool {
        matches!(kind, TEXT | BYTES | ARRAY | MAP)
    }
}

/// The attributes of every row of a context, those that are wanted.
#[derive(Clone, Default)]
pub(crate) struct Store {
    pub(crate) ends: Vec<u32>,
    pub(crate) keys: Vec<u32>,
    pub(crate) kinds: Vec<u8>,
    pub(crate) bits: Vec<u64>,
    /// Where each entry's bytes are: an offset into the request, or a patch (see `patch`).
    pub(crate) sources: Vec<u32>,
    known: Keys,
    /// The key before, in this row.
    before: u32,
}

/// A new entry that waits for the edits of its list to be done.
pub(crate) struct Pending {
    pub(crate) row: u32,
    pub(crate) key: u32,
    pub(crate) kind: u8,
    pub(crate) bits: u64,
    pub(crate) source: u32,
}

/// Where a text stands in the request.
#[derive(Clone, Copy, Default)]
struct Place {
    start: usize,
    end: usize,
}

impl Place {
    fn last(reader: &Reader<'_>, text: &[u8]) -> Self {
        Place {
            start: reader.pos() - text.len(),
            end: reader.pos(),
        }
    }

    /// The text, and what runs on from its beginning.
    #[inline]
    fn of(self, bytes: &[u8]) -> (&[u8], &[u8]) {
        let text = bytes.get(self.start..self.end).unwrap_or(&[]);
        (text, bytes.get(self.start..).unwrap_or(&[]))
    }
}

/// An `AnyValue` as it stands on the wire: pooled kinds by place, others by bits.
#[derive(Clone, Copy)]
struct RawValue {
    kind: u8,
    bits: u64,
    place: Place,
}

const EMPTY: RawValue = RawValue {
    kind: kind::EMPTY,
    bits: 0,
    place: Place { start: 0, end: 0 },
};

impl Store {
    pub(crate) fn clear(&mut self) {
        self.ends.clear();
        self.keys.clear();
        self.kinds.clear();
        self.bits.clear();
        self.sources.clear();
        self.known.clear();
        self.before = 0;
    }

    /// Closes a row.
    #[inline]
    pub(crate) fn end_row(&mut self) {
        self.ends.push(self.keys.len() as u32);
        self.before = 0;
    }

    /// The entries of a row.
    #[inline]
    pub(crate) fn entries(&self, row: u32) -> std::ops::Range<usize> {
        let end = self.ends.get(row as usize).copied().unwrap_or(0) as usize;
        let start = match (row as usize).checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or(0) as usize,
            None => 0,
        };
        start..end
    }

    #[inline]
    pub(crate) fn push(&mut self, key: u32, kind: u8, bits: u64, source: u32) {
        self.keys.push(key);
        self.kinds.push(kind);
        self.bits.push(bits);
        self.sources.push(source);
    }

    /// Takes removed entries out of the lists.
    pub(crate) fn close_holes(&mut self) {
        let (mut to, mut from) = (0, 0);
        for end in &mut self.ends {
            for at in from..*end as usize {
                if self.kinds.get(at) == Some(&kind::ABSENT) {
                    continue;
                }
                move_entry(&mut self.keys, at, to);
                move_entry(&mut self.kinds, at, to);
                move_entry(&mut self.bits, at, to);
                move_entry(&mut self.sources, at, to);
                to += 1;
            }
            from = *end as usize;
            *end = to as u32;
        }
        self.resize(to);
    }

    /// Puts new entries at the ends of their rows' lists. They are in order of their rows.
    pub(crate) fn insert(&mut self, pending: &[Pending]) {
        let mut from = self.keys.len();
        let mut to = from + pending.len();
        self.resize(to);
        let mut rest = pending.iter().rev().peekable();
        // From the back, so that nothing is written over that is still to be moved.
        for row in (0..self.ends.len()).rev() {
            if rest.peek().is_none() {
                break;
            }
            let start = row.checked_sub(1).and_then(|row| self.ends.get(row));
            let start = start.copied().unwrap_or(0) as usize;
            if let Some(end) = self.ends.get_mut(row) {
                *end = to as u32;
            }
            while let Some(new) = rest.next_if(|new| new.row as usize == row) {
                to -= 1;
                put(&mut self.keys, to, new.key);
                put(&mut self.kinds, to, new.kind);
                put(&mut self.bits, to, new.bits);
                put(&mut self.sources, to, new.source);
            }
            for at in (start..from).rev() {
                to -= 1;
                move_entry(&mut self.keys, at, to);
                move_entry(&mut self.kinds, at, to);
                move_entry(&mut self.bits, at, to);
                move_entry(&mut self.sources, at, to);
            }
            from = start;
        }
    }

    fn resize(&mut self, count: usize) {
        self.keys.resize(count, 0);
        self.kinds.resize(count, 0);
        self.bits.resize(count, 0);
        self.sources.resize(count, 0);
    }

    /// Takes in the attributes that the reader stands before, as many as come one after the other.
    #[inline]
    pub(crate) fn read(
        &mut self,
        plan: &AttributePlan,
        texts: &mut Texts,
        bytes: &[u8],
        reader: &mut Reader<'_>,
        tag: u8,
    ) -> Result<(), Flaw> {
        let mut whole = bytes.get(reader.pos()..).unwrap_or(&[]);
        let mut left = reader.rest().len();
        loop {
            let start = bytes.len() - whole.len();
            let Some(plain) = Plain::new(whole, left, tag) else {
                if left == 0 || whole.first() != Some(&tag) {
                    reader.advance(start - reader.pos());
                    return Ok(());
                }
                reader.advance(start - reader.pos());
                reader.tag()?;
                let body = reader.delimited()?;
                let place = Place::last(reader, body);
                let (key, value) = key_value(bytes, place)?;
                self.take_any(plan, texts, bytes, key, value, start as u32);
                whole = bytes.get(reader.pos()..).unwrap_or(&[]);
                left = reader.rest().len();
                continue;
            };
            whole = whole.get(plain.length..).unwrap_or(&[]);
            left -= plain.length;
            let Some(key) = plain.key.get(..plain.key_length) else {
                continue;
            };
            let window = Window::new(plain.key, plain.key_length);
            let Some((name, known)) = self
                .known
                .locate(&mut self.before, window, key, plan, texts)
            else {
                continue;
            };
            let (kind, bits) = match plain.value {
                [0x0a, length] if usize::from(length) + 2 == plain.value_length => {
                    let text = plain.text.get(..usize::from(length)).unwrap_or(&[]);
                    let index = known.intern(texts, plain.text, text);
                    (kind::TEXT, u64::from(index))
                }
                [0x18, low @ 0..0x80] if plain.value_length == 2 => (kind::INT, u64::from(low)),
                [0x18, low @ 0x80..=0xff]
                    if plain.value_length == 3
                        && let Some(&high @ 0..0x80) = plain.text.first() =>
                {
                    (kind::INT, u64::from(low & 0x7f) | u64::from(high) << 7)
                }
                _ => {
                    let end = start + plain.length;
                    let value = any_value(bytes, end - plain.value_length, end)?;
                    let bits = if kind::is_pooled(value.kind) {
                        let (text, from) = value.place.of(bytes);
                        u64::from(known.intern(texts, from, text))
                    } else {
                        value.bits
                    };
                    (value.kind, bits)
                }
            };
            self.push(name, kind, bits, start as u32);
        }
    }

    /// Takes in an attribute of any shape.
    fn take_any(
        &mut self,
        plan: &AttributePlan,
        texts: &mut Texts,
        bytes: &[u8],
        key: Place,
        value: RawValue,
        source: u32,
    ) {
        let (key, from) = key.of(bytes);
        let window = Window::new(from, key.len());
        let Some((name, known)) = self
            .known
            .locate(&mut self.before, window, key, plan, texts)
        else {
            return;
        };
        let bits = if kind::is_pooled(value.kind) {
            let (text, from) = value.place.of(bytes);
            u64::from(known.intern(texts, from, text))
        } else {
            value.bits
        };
        self.push(name, value.kind, bits, source);
    }
}

/// An attribute of the plain shape (see `pair`), by what its lengths say.
struct Plain<'a> {
    /// Of the whole field.
    length: usize,
    /// The key, and all that comes behind it.
    key: &'a [u8],
    key_length: usize,
    value_length: usize,
    /// The value's first two bytes, perhaps of what comes behind it.
    value: [u8; 2],
    /// What comes behind those two.
    text: &'a [u8],
}

impl<'a> Plain<'a> {
    /// The attribute that `bytes` begin with; `left` of them belong to the message.
    #[inline]
    fn new(bytes: &'a [u8], left: usize, tag: u8) -> Option<Self> {
        let (&[first, length, key_tag, key_length], key) = bytes.split_first_chunk::<4>()?;
        let total = usize::from(length) + 2;
        if first != tag || key_tag != 0x0a || length >= 0x80 || total > left {
            return None;
        }
        let key_length = usize::from(key_length);
        let (&[value_tag, value_length, kind, low], text) =
            key.get(key_length..)?.split_first_chunk::<4>()?;
        // That the lengths add up also says that each is a byte.
        let value_length = usize::from(value_length);
        if value_tag != 0x12 || key_length + value_length + 6 != total {
            return None;
        }
        Some(Plain {
            length: total,
            key,
            key_length,
            value_length,
            value: [kind, low],
            text,
        })
    }
}

fn put<T>(values: &mut [T], at: usize, value: T) {
    if let Some(slot) = values.get_mut(at) {
        *slot = value;
    }
}

fn move_entry<T: Copy>(values: &mut [T], from: usize, to: usize) {
    if let Some(&value) = values.get(from) {
        put(values, to, value);
    }
}

/// A `KeyValue` of any shape.
fn key_value(bytes: &[u8], place: Place) -> Result<(Place, RawValue), Flaw> {
    let mut reader = Reader::new(bytes, place.start, place.end);
    let mut key = Place::default();
    let mut value = EMPTY;
    while !reader.is_done() {
        match reader.tag()? {
            (number::KEY, DELIMITED) => {
                let text = reader.delimited()?;
                key = Place::last(&reader, text);
            }
            (number::VALUE, DELIMITED) => {
                let body = reader.delimited()?;
                value = any_value(bytes, reader.pos() - body.len(), reader.pos())?;
            }
            (unknown, wire) => reader.skip(unknown, wire, DEPTH)?,
        }
    }
    Ok((key, value))
}

#[inline]
fn any_value(bytes: &[u8], start: usize, end: usize) -> Result<RawValue, Flaw> {
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
            place: Place::last(&reader, payload),
        };
    }
    Ok(value)
}
