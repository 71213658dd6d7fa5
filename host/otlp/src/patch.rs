//! Edits as replaced byte ranges of the request: what is not patched is copied as it came.

use std::collections::HashMap;

use spanmill_model::Context;

use crate::index::Entry;
use crate::kind;
use crate::schema::number;
use crate::validate::DEPTH;
use crate::wire::{
    DELIMITED, FIXED64, Flaw, Reader, VARINT, put_delimited, put_tag, put_varint, varint_len,
};

/// Marks an entry's source as the number of a patch rather than an offset.
pub(crate) const PATCHED: u32 = 1 << 31;

/// The message that a patch is in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    pub(crate) context: Context,
    pub(crate) row: u32,
    /// True for the message with the rows below, false for the one with the row's own fields.
    pub(crate) is_body: bool,
}

impl Owner {
    /// The message with a row's own fields.
    pub(crate) fn head(context: Context, row: u32) -> Self {
        Owner {
            context,
            row,
            is_body: false,
        }
    }

    /// The message with the rows below a row.
    pub(crate) fn body(context: Context, row: u32) -> Self {
        Owner {
            context,
            row,
            is_body: true,
        }
    }
}

/// A range of the request and what stands there instead; an empty range inserts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patch {
    pub(crate) owner: Owner,
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// The new bytes, in the arena.
    pub(crate) from: u32,
    pub(crate) to: u32,
}

/// The edits of a batch.
#[derive(Clone, Default)]
pub(crate) struct Patches {
    pub(crate) list: Vec<Patch>,
    pub(crate) arena: Vec<u8>,
    /// Maps a span to the patch of its status, so that a second write adds to the first.
    statuses: HashMap<u32, u32>,
}

/// A value with its text looked up.
#[derive(Clone, Copy)]
pub(crate) struct Encoded<'a> {
    pub(crate) kind: u8,
    pub(crate) bits: u64,
    pub(crate) text: &'a [u8],
}

/// Limit on new bytes, those that others have replaced since included. Far beyond what a checked outcome
/// writes, unless it writes one place over and over.
pub(crate) const MAX_ARENA: usize = 512 * 1024 * 1024;

/// How much of the arena survives from batch to batch.
const KEPT: usize = 16 * 1024 * 1024;

impl Patches {
    /// Fails when there is no room for another edit.
    pub(crate) fn have_room(&self) -> Result<(), Flaw> {
        match self.arena.len() <= MAX_ARENA {
            true => Ok(()),
            false => Err(Flaw::TooLarge),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.arena.clear();
        // One batch with huge edits must not cost memory for good.
        self.arena.shrink_to(KEPT);
        self.statuses.clear();
    }

    /// Encodes a `KeyValue` as a field; returns its range in the arena.
    pub(crate) fn key_value(&mut self, field: u32, key: &[u8], value: Encoded<'_>) -> (u32, u32) {
        let from = self.arena.len() as u32;
        put_key_value(&mut self.arena, field, key, value);
        (from, self.arena.len() as u32)
    }

    /// Puts new bytes where a field stood, an attribute entry for example; returns its new source.
    pub(crate) fn replace(
        &mut self,
        bytes: &[u8],
        owner: Owner,
        source: u32,
        range: (u32, u32),
    ) -> u32 {
        if source & PATCHED != 0 {
            if let Some(patch) = self.list.get_mut((source & !PATCHED) as usize) {
                (patch.from, patch.to) = range;
            }
            return source;
        }
        let mut reader = Reader::new(bytes, source as usize, bytes.len());
        let field = reader.tag();
        let end = match field.and_then(|(number, wire)| reader.skip(number, wire, DEPTH)) {
            Ok(()) => reader.pos() as u32,
            Err(_) => source,
        };
        self.push(owner, (source, end), range)
    }

    /// Adds a field at the end of a message; returns its source.
    pub(crate) fn insert(&mut self, owner: Owner, entry: Entry, range: (u32, u32)) -> u32 {
        self.push(owner, (entry.end, entry.end), range)
    }

    fn push(&mut self, owner: Owner, cut: (u32, u32), range: (u32, u32)) -> u32 {
        self.list.push(Patch {
            owner,
            start: cut.0,
            end: cut.1,
            from: range.0,
            to: range.1,
        });
        (self.list.len() as u32 - 1) | PATCHED
    }

    /// Writes one field of a span's status and keeps its others.
    pub(crate) fn status(
        &mut self,
        bytes: &[u8],
        row: u32,
        entry: Entry,
        field: u32,
        encoded: &[u8],
    ) -> Result<(), Flaw> {
        let places = occurrences(entry.reader(bytes), number::SPAN_STATUS)?;
        let known = self.statuses.get(&row).copied();
        let mut fields = Vec::new();
        match known.and_then(|at| self.list.get(at as usize)) {
            Some(patch) => {
                let old = self
                    .arena
                    .get(patch.from as usize..patch.to as usize)
                    .unwrap_or(&[]);
                fields.extend_from_slice(old);
            }
            None => {
                for (start, end) in &places {
                    fields.extend_from_slice(
                        bytes.get(*start as usize..*end as usize).unwrap_or(&[]),
                    );
                }
            }
        }
        let mut body = Vec::new();
        let mut outer = Reader::new(&fields, 0, fields.len());
        while !outer.is_done() {
            outer.tag()?;
            let inner = outer.delimited()?;
            let mut reader = Reader::new(inner, 0, inner.len());
            while !reader.is_done() {
                let start = reader.pos();
                let (number, wire) = reader.tag()?;
                reader.skip(number, wire, DEPTH)?;
                if number != field {
                    body.extend_from_slice(inner.get(start..reader.pos()).unwrap_or(&[]));
                }
            }
        }
        body.extend_from_slice(encoded);
        let from = self.arena.len() as u32;
        put_delimited(&mut self.arena, number::SPAN_STATUS, &body);
        let range = (from, self.arena.len() as u32);
        if let Some(patch) = known.and_then(|at| self.list.get_mut(at as usize)) {
            (patch.from, patch.to) = range;
            return Ok(());
        }
        let owner = Owner::head(Context::Span, row);
        let source = match places.split_last() {
            None => self.insert(owner, entry, range),
            Some((last, before)) => {
                for place in before {
                    self.push(owner, *place, (0, 0));
                }
                self.push(owner, *last, range)
            }
        };
        self.statuses.insert(row, source & !PATCHED);
        Ok(())
    }
}

/// Appends a `KeyValue` as a field.
pub(crate) fn put_key_value(out: &mut Vec<u8>, field: u32, key: &[u8], value: Encoded<'_>) {
    let value_len = value.len();
    let key_len = 1 + varint_len(key.len() as u64) + key.len();
    let body = key_len + 1 + varint_len(value_len as u64) + value_len;
    put_tag(out, field, DELIMITED);
    put_varint(out, body as u64);
    put_delimited(out, number::KEY, key);
    put_tag(out, number::VALUE, DELIMITED);
    put_varint(out, value_len as u64);
    value.put(out);
}

/// Where a field stands in a message, tags included.
fn occurrences(mut reader: Reader<'_>, field: u32) -> Result<Vec<(u32, u32)>, Flaw> {
    let mut places = Vec::new();
    while !reader.is_done() {
        let start = reader.pos() as u32;
        let (number, wire) = reader.tag()?;
        reader.skip(number, wire, DEPTH)?;
        if number == field {
            places.push((start, reader.pos() as u32));
        }
    }
    Ok(places)
}

impl Encoded<'_> {
    /// The length of the `AnyValue`'s content.
    pub(crate) fn len(&self) -> usize {
        match self.kind {
            kind::TEXT | kind::ARRAY | kind::MAP | kind::BYTES => {
                1 + varint_len(self.text.len() as u64) + self.text.len()
            }
            kind::BOOL => 2,
            kind::INT => 1 + varint_len(self.bits),
            kind::DOUBLE => 9,
            _ => 0,
        }
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        match self.kind {
            kind::TEXT => put_delimited(out, 1, self.text),
            kind::BOOL => {
                put_tag(out, 2, VARINT);
                put_varint(out, self.bits & 1);
            }
            kind::INT => {
                put_tag(out, 3, VARINT);
                put_varint(out, self.bits);
            }
            kind::DOUBLE => {
                put_tag(out, 4, FIXED64);
                out.extend_from_slice(&self.bits.to_le_bytes());
            }
            kind::ARRAY => put_delimited(out, 5, self.text),
            kind::MAP => put_delimited(out, 6, self.text),
            kind::BYTES => put_delimited(out, 7, self.text),
            _ => {}
        }
    }
}
