//! Attribute lists as columns. Keys come in the same order from span to span, and values repeat, so
//! each position remembers what it last saw and compares before it hashes.

use crate::pair;
use crate::projection::AttributePlan;
use crate::schema::number;
use crate::texts::Texts;
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

/// What an attribute position last saw; places are in the request.
#[derive(Clone, Copy, Default)]
struct Position {
    key_start: usize,
    key_end: usize,
    key: u32,
    wanted: bool,
    readers: u64,
    value_start: usize,
    value_end: usize,
    value: u32,
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
    positions: Vec<Position>,
}

/// An `AnyValue` as it stands on the wire: pooled kinds by place, others by bits.
#[derive(Clone, Copy)]
struct RawValue<'a> {
    kind: u8,
    bits: u64,
    payload: &'a [u8],
    end: usize,
}

impl Store {
    pub(crate) fn clear(&mut self) {
        self.ends.clear();
        self.keys.clear();
        self.kinds.clear();
        self.bits.clear();
        self.sources.clear();
        self.positions.clear();
    }

    /// Closes a row.
    #[inline]
    pub(crate) fn end_row(&mut self) {
        self.ends.push(self.keys.len() as u32);
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

    /// Takes in the `KeyValue` in `start..end`, the `ordinal`th of its row. `tag` is where its field begins.
    #[inline]
    pub(crate) fn read(
        &mut self,
        plan: &AttributePlan,
        texts: &mut Texts,
        bytes: &[u8],
        place: (usize, usize, usize),
        ordinal: usize,
    ) -> Result<(), Flaw> {
        let (tag, start, end) = place;
        let body = bytes.get(start..end).unwrap_or(&[]);
        let (key, key_end, value) = match pair::split(body) {
            Some((key, any)) => {
                let value = match pair::text(any) {
                    Some(payload) => RawValue {
                        kind: kind::TEXT,
                        bits: 0,
                        payload,
                        end,
                    },
                    None => any_value(bytes, end - any.len(), end)?,
                };
                (key, end - any.len() - 2, value)
            }
            None => key_value(bytes, start, end)?,
        };
        if ordinal >= self.positions.len() {
            self.positions.resize(ordinal + 1, Position::default());
        }
        let Some(position) = self.positions.get_mut(ordinal) else {
            return Ok(());
        };
        let known = bytes
            .get(position.key_start..position.key_end)
            .unwrap_or(&[]);
        if !pair::same(known, key) || position.key_end == 0 {
            let (wanted, readers) = look_up(plan, key);
            *position = Position {
                key_start: key_end - key.len(),
                key_end,
                key: if wanted {
                    texts.intern(key, plan.list_readers)
                } else {
                    crate::ABSENT
                },
                wanted,
                readers,
                ..Position::default()
            };
        }
        if !position.wanted {
            return Ok(());
        }
        let bits = if kind::is_pooled(value.kind) {
            let last = bytes
                .get(position.value_start..position.value_end)
                .unwrap_or(&[]);
            if !pair::same(last, value.payload) || position.value_end == 0 {
                position.value = texts.intern(value.payload, position.readers);
                position.value_start = value.end - value.payload.len();
                position.value_end = value.end;
            }
            u64::from(position.value)
        } else {
            value.bits
        };
        let key = position.key;
        self.push(key, value.kind, bits, tag as u32);
        Ok(())
    }
}

/// A `KeyValue` of any shape: its key, where that ends, and its value.
fn key_value(bytes: &[u8], start: usize, end: usize) -> Result<(&[u8], usize, RawValue<'_>), Flaw> {
    let mut reader = Reader::new(bytes, start, end);
    let mut key: &[u8] = &[];
    let mut key_end = start;
    let mut value = RawValue {
        kind: kind::EMPTY,
        bits: 0,
        payload: &[],
        end: 0,
    };
    while !reader.is_done() {
        match reader.tag()? {
            (number::KEY, DELIMITED) => {
                key = reader.delimited()?;
                key_end = reader.pos();
            }
            (number::VALUE, DELIMITED) => {
                let body = reader.delimited()?;
                value = any_value(bytes, reader.pos() - body.len(), reader.pos())?;
            }
            (unknown, wire) => reader.skip(unknown, wire, crate::validate::DEPTH)?,
        }
    }
    Ok((key, key_end, value))
}

/// Whether a key is wanted, and who may read its values.
fn look_up(plan: &AttributePlan, key: &[u8]) -> (bool, u64) {
    let by_key = plan.keys.iter().find(|(wanted, _)| **wanted == *key);
    let readers = by_key.map_or(0, |(_, readers)| *readers) | plan.list_readers;
    (plan.all || by_key.is_some(), readers)
}

#[inline]
fn any_value(bytes: &[u8], start: usize, end: usize) -> Result<RawValue<'_>, Flaw> {
    let mut reader = Reader::new(bytes, start, end);
    let mut value = RawValue {
        kind: kind::EMPTY,
        bits: 0,
        payload: &[],
        end: 0,
    };
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
                reader.skip(unknown, wire, crate::validate::DEPTH)?;
                continue;
            }
        };
        value = RawValue {
            kind,
            bits,
            payload,
            end: reader.pos(),
        };
    }
    Ok(value)
}
