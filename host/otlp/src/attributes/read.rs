//! Reads attribute lists, some rows at a time, in two passes of small loops: first which keys the attributes have and
//! whether those are wanted, then their values.

use std::ops::Range;

use super::Store;
use super::keys::{Keys, UNWANTED};
use crate::any_value::{EMPTY, Extent, RawValue, any_value};
use crate::index::Index;
use crate::kind;
use crate::place::{ODD, Place};
use crate::projection::AttributePlan;
use crate::schema::number;
use crate::texts::Texts;
use crate::validate::DEPTH;
use crate::window::WIDTH;
use crate::wire::{DELIMITED, Flaw, Reader};

/// The state between the passes.
#[derive(Clone, Default)]
pub(crate) struct Reading {
    keys: Keys,
    /// The attributes of the rows at hand, and where each row's end.
    pub(crate) places: Vec<Place>,
    pub(crate) ends: Vec<u32>,
    wanted: Vec<Wanted>,
}

/// An attribute that a stage asked for.
#[derive(Clone, Copy)]
struct Wanted {
    place: Place,
    /// Number and pool index of its key.
    number: u32,
    name: u32,
}

impl Reading {
    pub(crate) fn clear(&mut self) {
        self.keys.clear();
        self.places.clear();
        self.ends.clear();
    }

    /// Takes the places of the attributes of some items from the index.
    pub(crate) fn know(&mut self, index: &Index, items: Range<usize>) {
        let end_of = |item: usize| index.attribute_ends.get(item).map_or(0, |ends| ends.0);
        let first = items.start.checked_sub(1).map_or(0, end_of);
        let end = end_of(items.end.saturating_sub(1));
        let places = index.attributes.get(first as usize..end as usize);
        self.places.clear();
        self.places.extend_from_slice(places.unwrap_or(&[]));
        self.ends.clear();
        let ends = index.attribute_ends.get(items).unwrap_or(&[]);
        self.ends.extend(ends.iter().map(|(end, _)| end - first));
    }

    /// Takes the attributes of the rows whose places are known into a store.
    pub(crate) fn take(
        &mut self,
        store: &mut Store,
        plan: &AttributePlan,
        texts: &mut Texts,
        bytes: &[u8],
    ) -> Result<(), Flaw> {
        self.wanted.clear();
        let begun = store.keys.len();
        let mut places = &*self.places;
        let mut first = 0;
        for &end in &self.ends {
            let row = places.split_off(..(end - first) as usize).unwrap_or(&[]);
            let wanted = &mut self.wanted;
            find(row, &mut self.keys, wanted, plan, texts, bytes)?;
            store.ends.push((begun + wanted.len()) as u32);
            first = end;
        }
        self.places.clear();
        self.ends.clear();
        texts.make_room(self.wanted.len());
        let end = begun + self.wanted.len();
        store.kinds.resize(end, 0);
        store.bits.resize(end, 0);
        let wanted = self.wanted.iter();
        store.keys.extend(wanted.clone().map(|wanted| wanted.name));
        store
            .sources
            .extend(wanted.map(|wanted| wanted.place.start));
        let kinds = store.kinds.get_mut(begun..).unwrap_or(&mut []);
        let bits = store.bits.get_mut(begun..).unwrap_or(&mut []);
        fill(&self.wanted, &self.keys, kinds, bits, plan, texts, bytes)
    }
}

/// The first pass, for one row: which keys the attributes have, and whether they are wanted.
#[inline(never)]
fn find(
    row: &[Place],
    keys: &mut Keys,
    wanted: &mut Vec<Wanted>,
    plan: &AttributePlan,
    texts: &mut Texts,
    bytes: &[u8],
) -> Result<(), Flaw> {
    let mut number = 0;
    for place in row {
        let name;
        (number, name) = match follow(keys, number, place, bytes) {
            Some(next) => next,
            None => locate(keys, number, place, plan, texts, bytes)?,
        };
        if name != UNWANTED {
            wanted.push(Wanted {
                place: *place,
                number,
                name,
            });
        }
    }
    Ok(())
}

/// The second pass: the values.
#[inline(never)]
fn fill(
    wanted: &[Wanted],
    keys: &Keys,
    kinds: &mut [u8],
    bits: &mut [u64],
    plan: &AttributePlan,
    texts: &mut Texts,
    bytes: &[u8],
) -> Result<(), Flaw> {
    for ((wanted, kind), bits) in wanted.iter().zip(kinds).zip(bits) {
        let place = &wanted.place;
        let readers = match keys.readers(wanted.number) {
            Some(readers) => readers,
            None => plan.wants(odd(bytes, place.start)?.0.of(bytes).0).1,
        };
        (*kind, *bits) = match place.text_length() {
            Some(length) => {
                let from = bytes.get(place.value_start() + 2..).unwrap_or(&[]);
                let text = texts.intern_from(from, usize::from(length), readers);
                (kind::TEXT, u64::from(text))
            }
            None => value(place, readers, texts, bytes)?,
        };
    }
    Ok(())
}

/// Number and pool index of an attribute's key, if it is the key that usually comes next.
#[inline(always)]
fn follow(keys: &Keys, before: u32, place: &Place, bytes: &[u8]) -> Option<(u32, u32)> {
    let at = place.start as usize + 4;
    let from = bytes.get(at..at + WIDTH)?.first_chunk()?;
    keys.follow(before, from, place.key_length)
}

/// Number and pool index of any key.
#[inline(never)]
fn locate(
    keys: &mut Keys,
    before: u32,
    place: &Place,
    plan: &AttributePlan,
    texts: &mut Texts,
    bytes: &[u8],
) -> Result<(u32, u32), Flaw> {
    let at = place.start as usize + 4;
    let key = match place.key_length {
        ODD => odd(bytes, place.start)?.0.of(bytes).0,
        length => bytes.get(at..at + usize::from(length)).unwrap_or(&[]),
    };
    Ok(keys.locate(before, key, plan, texts))
}

/// The varint of up to four bytes in a value of `length` bytes, read without a branch on its length.
#[inline(always)]
fn number(bytes: &[u8], start: usize, length: u8) -> Option<u32> {
    let number = bytes.get(start + 1..start + 5)?.first_chunk::<4>()?;
    let all = u32::MAX >> (40 - 8 * u32::from(length)).min(31);
    let bits = u32::from_le_bytes(*number) & all & 0x7f7f_7f7f;
    Some(bits & 0x7f | bits >> 1 & 0x3f80 | bits >> 2 & 0x1f_c000 | bits >> 3 & 0xfe0_0000)
}

/// A value that is not a text, or not of the plain shape.
#[inline(never)]
fn value(place: &Place, readers: u64, texts: &mut Texts, bytes: &[u8]) -> Result<(u8, u64), Flaw> {
    let start = place.value_start();
    let value = match (place.key_length, place.value_length, place.value) {
        (ODD, ..) => odd(bytes, place.start)?.1,
        (_, length @ 2..=5, [0x18, _]) if let Some(number) = number(bytes, start, length) => {
            return Ok((kind::INT, u64::from(number)));
        }
        (_, length, _) => any_value(bytes, start, start + usize::from(length))?,
    };
    Ok((value.kind, value.pooled(readers, texts, bytes)))
}

/// Key and value of an attribute of any shape, whose field begins at `start`.
#[cold]
fn odd(bytes: &[u8], start: u32) -> Result<(Extent, RawValue), Flaw> {
    let mut reader = Reader::new(bytes, start as usize, bytes.len());
    reader.tag()?;
    let body = reader.delimited()?;
    key_value(bytes, Extent::last(&reader, body))
}

/// A `KeyValue` of any shape.
fn key_value(bytes: &[u8], extent: Extent) -> Result<(Extent, RawValue), Flaw> {
    let mut reader = Reader::new(bytes, extent.start, extent.end);
    let mut key = Extent::default();
    let mut value = EMPTY;
    while !reader.is_done() {
        match reader.tag()? {
            (number::KEY, DELIMITED) => {
                let text = reader.delimited()?;
                key = Extent::last(&reader, text);
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
