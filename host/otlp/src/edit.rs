//! Edits of one table: its columns, so that the next stage sees them, and patches of the request.

use crate::ABSENT;
use crate::attributes::{Pending, Store, kind};
use crate::patch::{Encoded, Patches};
use crate::path::{Context, Fixed, Home, Shape, Target};
use crate::projection::AttributePlan;
use crate::stage::{Alive, row_of};
use crate::table::{Data, MISSING, Table};
use crate::texts::Texts;
use crate::wire::{FIXED64, Flaw, VARINT, put_delimited, put_tag, put_varint};

/// One table being edited, and all that goes with it.
pub(crate) struct Editor<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) context: Context,
    pub(crate) table: &'a mut Table,
    pub(crate) alive: &'a Alive,
    pub(crate) attributes: Option<&'a AttributePlan>,
    pub(crate) texts: &'a mut Texts,
    pub(crate) patches: &'a mut Patches,
    /// The last key and value encoded, and where: writes of every row repeat it.
    pub(crate) last: Option<(u32, u8, u64, (u32, u32))>,
    pub(crate) pending: Vec<Pending>,
    pub(crate) holes: bool,
}

impl Editor<'_> {
    /// Replaces texts in every row alive.
    pub(crate) fn replace(&mut self, target: &Target, replaced: &[u32]) -> Result<(), Flaw> {
        let rows = self.alive.count(self.table) as u32;
        let new_of = |index: u32| {
            replaced
                .get(index as usize)
                .copied()
                .filter(|&new| new != ABSENT)
        };
        match target {
            Target::Fixed(fixed) => {
                for row in 0..rows {
                    let row = self.alive.base(row);
                    if let Some(new) = self.text_of(fixed, row).and_then(new_of) {
                        self.write(target, row, (kind::TEXT, u64::from(new)))?;
                    }
                }
            }
            Target::Attribute(key) => {
                let Some(key) = self.texts.find(key.as_bytes()) else {
                    return Ok(());
                };
                for row in 0..rows {
                    let row = self.alive.base(row);
                    let mut from = 0;
                    while let Some((store, entry)) = self.find(row, key, from) {
                        from = entry + 1;
                        if let Some(new) = text_at(store, entry).and_then(new_of) {
                            self.set_entry(entry, row, (kind::TEXT, u64::from(new)))?;
                        }
                    }
                }
            }
            Target::Attributes => {
                let mut entries = Vec::new();
                if let Some(store) = &self.table.attributes {
                    replaced_entries(store, replaced, &mut entries);
                }
                let mut row = 0;
                for (entry, new) in entries {
                    let ends = self.table.attributes.as_ref().map(|store| &store.ends[..]);
                    row = row_of(ends.unwrap_or(&[]), entry as u32, row);
                    if self.alive.has(row) {
                        self.set_entry(entry, row, (kind::TEXT, u64::from(new)))?;
                    }
                }
            }
        }
        Ok(())
    }

    fn text_of(&self, fixed: &'static Fixed, row: u32) -> Option<u32> {
        let column = self
            .table
            .columns
            .iter()
            .find(|column| std::ptr::eq(column.fixed, fixed))?;
        match &column.data {
            Data::Text(indices) => indices.get(row as usize).copied(),
            _ => None,
        }
    }

    /// Writes one field of one of the batch's own rows.
    pub(crate) fn write(
        &mut self,
        target: &Target,
        row: u32,
        value: (u8, u64),
    ) -> Result<(), Flaw> {
        match target {
            Target::Fixed(fixed) => self.write_fixed(fixed, row, value),
            Target::Attributes => Ok(()),
            Target::Attribute(key) => {
                let plan = self.attributes;
                let readers = plan.map_or(0, |plan| plan.list_readers);
                let key = self.texts.intern(key.as_bytes(), readers);
                let mut is_set = value.0 == kind::ABSENT;
                let mut from = 0;
                // A key may stand twice. None of its old values may survive the write.
                while let Some((_, entry)) = self.find(row, key, from) {
                    from = entry + 1;
                    if is_set {
                        self.remove_entry(entry, row);
                    } else {
                        self.set_entry(entry, row, value)?;
                        is_set = true;
                    }
                }
                if !is_set {
                    self.append(row, key, value)?;
                }
                Ok(())
            }
        }
    }

    /// The first entry of a row with a key, from an entry on.
    #[inline]
    fn find(&self, row: u32, key: u32, from: usize) -> Option<(&Store, usize)> {
        let store = self.table.attributes.as_ref()?;
        let entries = store.entries(row);
        let from = from.max(entries.start);
        let keys = store.keys.get(from..entries.end)?;
        let at = keys.iter().position(|&known| known == key)?;
        Some((store, from + at))
    }

    fn write_fixed(
        &mut self,
        fixed: &'static Fixed,
        row: u32,
        value: (u8, u64),
    ) -> Result<(), Flaw> {
        let (kind, bits) = value;
        self.patches.have_room()?;
        let Some(&entry) = self.table.entries.get(row as usize) else {
            return Ok(());
        };
        let owner = (self.context, row);
        let columns = &mut self.table.columns;
        let Some(column) = columns
            .iter_mut()
            .find(|column| std::ptr::eq(column.fixed, fixed))
        else {
            return Ok(());
        };
        let at = row as usize;
        match &mut column.data {
            Data::Narrow(values) => put(values, at, bits as u32),
            Data::Wide(values) => put(values, at, bits),
            Data::Text(indices) => {
                put(
                    indices,
                    at,
                    if kind == kind::TEXT {
                        bits as u32
                    } else {
                        ABSENT
                    },
                );
            }
            Data::TraceId(_) => return Ok(()),
        }
        if kind == kind::TEXT {
            self.texts.grant(bits as u32, column.readers);
        }
        let number = match fixed.home {
            Home::Own(number) => number,
            Home::Status(number) => {
                let mut encoded = Vec::new();
                encode_field(&mut encoded, fixed, number, value, self.texts);
                return self
                    .patches
                    .status(self.bytes, row, entry, number, &encoded);
            }
            Home::SchemaUrl => return Ok(()),
        };
        let from = self.patches.arena.len() as u32;
        encode_field(&mut self.patches.arena, fixed, number, value, self.texts);
        let range = (from, self.patches.arena.len() as u32);
        if let Some(source) = column.sources.get_mut(at) {
            *source = match *source {
                MISSING if range.0 == range.1 => MISSING,
                MISSING => self.patches.insert(owner, entry, range),
                known => self.patches.replace(self.bytes, owner, known, range),
            };
        }
        // The last of several counts; once it is written, the others must not show through.
        let (bytes, patches) = (self.bytes, &mut *self.patches);
        column.repeats.retain(|(repeated, source)| {
            if *repeated == row {
                patches.replace(bytes, owner, *source, (0, 0));
            }
            *repeated != row
        });
        Ok(())
    }

    pub(crate) fn set_entry(
        &mut self,
        entry: usize,
        row: u32,
        value: (u8, u64),
    ) -> Result<(), Flaw> {
        let Some(key) = self
            .table
            .attributes
            .as_ref()
            .and_then(|store| store.keys.get(entry))
        else {
            return Ok(());
        };
        let key = *key;
        let range = self.encode(key, value)?;
        let Some(store) = &mut self.table.attributes else {
            return Ok(());
        };
        if let (Some(kind), Some(bits), Some(source)) = (
            store.kinds.get_mut(entry),
            store.bits.get_mut(entry),
            store.sources.get_mut(entry),
        ) {
            (*kind, *bits) = value;
            *source = self
                .patches
                .replace(self.bytes, (self.context, row), *source, range);
        }
        Ok(())
    }

    pub(crate) fn remove_entry(&mut self, entry: usize, row: u32) {
        let Some(store) = &mut self.table.attributes else {
            return;
        };
        if let (Some(kind), Some(source)) =
            (store.kinds.get_mut(entry), store.sources.get_mut(entry))
        {
            *kind = kind::ABSENT;
            *source = self
                .patches
                .replace(self.bytes, (self.context, row), *source, (0, 0));
            self.holes = true;
        }
    }

    pub(crate) fn append(&mut self, row: u32, key: u32, value: (u8, u64)) -> Result<(), Flaw> {
        let Some(&entry) = self.table.entries.get(row as usize) else {
            return Ok(());
        };
        let range = self.encode(key, value)?;
        let source = self.patches.insert((self.context, row), entry, range);
        if let Some(plan) = self.attributes {
            self.texts.grant(key, plan.list_readers);
        }
        self.pending.push(Pending {
            row,
            key,
            kind: value.0,
            bits: value.1,
            source,
        });
        Ok(())
    }

    /// Encodes an entry and lets the key's readers read its text.
    fn encode(&mut self, key: u32, value: (u8, u64)) -> Result<(u32, u32), Flaw> {
        let (kind, bits) = value;
        if let Some((last_key, last_kind, last_bits, range)) = self.last
            && (last_key, last_kind, last_bits) == (key, kind, bits)
        {
            return Ok(range);
        }
        self.patches.have_room()?;
        let pooled = kind::is_pooled(kind);
        if let (true, Some(plan)) = (pooled, self.attributes) {
            let (_, readers) = plan.wants(self.texts.get(key));
            self.texts.grant(bits as u32, readers);
        }
        let text = if pooled {
            self.texts.get(bits as u32)
        } else {
            &[]
        };
        let number = self.context.attributes_number();
        let range =
            self.patches
                .key_value(number, self.texts.get(key), Encoded { kind, bits, text });
        self.last = Some((key, kind, bits, range));
        Ok(range)
    }

    /// Brings the list up to date after removals and appends by key.
    pub(crate) fn finish(mut self) {
        if let Some(store) = &mut self.table.attributes
            && (self.holes || !self.pending.is_empty())
        {
            self.pending.sort_by_key(|pending| pending.row);
            store.close_holes();
            store.insert(&self.pending);
        }
    }
}

fn put<T>(values: &mut [T], at: usize, value: T) {
    if let Some(slot) = values.get_mut(at) {
        *slot = value;
    }
}

/// Encodes a fixed field; nothing for one that is cleared.
fn encode_field(out: &mut Vec<u8>, fixed: &Fixed, number: u32, value: (u8, u64), texts: &Texts) {
    match value {
        (kind::TEXT, index) => put_delimited(out, number, texts.get(index as u32)),
        (kind::INT, bits) if fixed.shape == Shape::Wide => {
            put_tag(out, number, FIXED64);
            out.extend_from_slice(&bits.to_le_bytes());
        }
        (kind::INT, bits) => {
            put_tag(out, number, VARINT);
            put_varint(out, bits);
        }
        _ => {}
    }
}

/// The entries whose texts are replaced, and by which.
// Eight at a time: most are not, and are so passed by without a branch on each.
#[inline(never)]
fn replaced_entries(store: &Store, replaced: &[u32], out: &mut Vec<(usize, u32)>) {
    let new_of = |kind: u8, bits: u64| match (kind, replaced.get(bits as usize)) {
        (kind::TEXT, Some(&new)) => new,
        _ => ABSENT,
    };
    let (kinds, last_kinds) = store.kinds.as_chunks::<8>();
    let (bits, last_bits) = store.bits.as_chunks::<8>();
    let mut put = |from: usize, kinds: &[u8], bits: &[u64]| {
        for (entry, (&kind, &bits)) in (from..).zip(kinds.iter().zip(bits)) {
            let new = new_of(kind, bits);
            if new != ABSENT {
                out.push((entry, new));
            }
        }
    };
    for (number, (kinds, bits)) in kinds.iter().zip(bits).enumerate() {
        let entries = kinds.iter().zip(bits);
        let all = entries.fold(ABSENT, |all, (&kind, &bits)| all & new_of(kind, bits));
        if all != ABSENT {
            put(number * 8, kinds, bits);
        }
    }
    put(kinds.len() * 8, last_kinds, last_bits);
}

fn text_at(store: &Store, entry: usize) -> Option<u32> {
    match store.kinds.get(entry) {
        Some(&kind::TEXT) => store.bits.get(entry).map(|&bits| bits as u32),
        _ => None,
    }
}
