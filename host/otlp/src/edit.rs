//! Edits of one table: its columns, so that the next stage sees them, and patches of the request.

mod encoder;
mod field;
mod lists;

use spanmill_model::{Context, Field};

use crate::ABSENT;
use crate::alive::Alive;
use crate::attributes::{Pending, Store, row_of};
use crate::index::Group;
use crate::kind;
use crate::patch::{Encoded, Owner, Patches};
use crate::path::Target;
use crate::projection::AttributePlan;
use crate::schema::{POINT_KINDS, attributes_number};
use crate::table::{Data, Table};
use crate::texts::Texts;
use crate::wire::Flaw;
pub(crate) use encoder::{Encoder, Entry};
pub(crate) use lists::ListEdits;

/// One table being edited, and all that goes with it.
pub(crate) struct Editor<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) context: Context,
    /// The rows with rows below them, of metrics.
    pub(crate) groups: &'a [Group],
    pub(crate) table: &'a mut Table,
    pub(crate) alive: &'a Alive,
    pub(crate) attributes: Option<&'a AttributePlan>,
    pub(crate) texts: &'a mut Texts,
    pub(crate) patches: &'a mut Patches,
    /// The number of the attributes' field, by the kind of data points.
    pub(crate) numbers: [u32; POINT_KINDS],
    pub(crate) encoder: &'a mut Encoder,
    pub(crate) lists: &'a mut ListEdits,
}

/// The number of the attributes' field, by the kind of data points.
pub(crate) fn attribute_numbers(context: Context) -> [u32; POINT_KINDS] {
    [0, 1, 2, 3].map(|point| attributes_number(context, point))
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
            Target::Fixed(field) => {
                for row in 0..rows {
                    let row = self.alive.base(row);
                    if let Some(new) = self.text_of(field, row).and_then(new_of) {
                        self.write_field(field, row, (kind::TEXT, u64::from(new)))?;
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
            // Not to be written, which was checked when it was declared.
            Target::Request(_) => {}
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

    fn text_of(&self, field: &'static Field, row: u32) -> Option<u32> {
        let at = row as usize;
        match &self.table.column(field)?.data {
            Data::Text(indices) => indices.get(at).copied(),
            Data::Cells(kinds, bits) if kinds.get(at) == Some(&kind::TEXT) => {
                bits.get(at).map(|&bits| bits as u32)
            }
            _ => None,
        }
    }

    /// Writes one field of some of the batch's own rows.
    pub(crate) fn write(
        &mut self,
        target: &Target,
        cells: impl Iterator<Item = (u32, (u8, u64))>,
    ) -> Result<(), Flaw> {
        match target {
            Target::Fixed(field) => {
                for (row, value) in cells {
                    self.write_field(field, row, value)?;
                }
            }
            Target::Attribute(key) => {
                let readers = self.attributes.map_or(0, |plan| plan.list_readers);
                let key = self.texts.intern(key.as_bytes(), readers);
                for (row, value) in cells {
                    self.write_attribute(key, row, value)?;
                }
            }
            Target::Attributes | Target::Request(_) => {}
        }
        Ok(())
    }

    fn write_attribute(&mut self, key: u32, row: u32, value: (u8, u64)) -> Result<(), Flaw> {
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
        match is_set {
            true => Ok(()),
            false => self.append(row, key, value),
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

    fn owner(&self, row: u32) -> Owner {
        Owner::head(self.context, row)
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
        let range = self.encode(row, key, value)?;
        let owner = self.owner(row);
        let Some(store) = &mut self.table.attributes else {
            return Ok(());
        };
        if let (Some(kind), Some(bits), Some(source)) = (
            store.kinds.get_mut(entry),
            store.bits.get_mut(entry),
            store.sources.get_mut(entry),
        ) {
            (*kind, *bits) = value;
            *source = self.patches.replace(self.bytes, owner, *source, range);
        }
        Ok(())
    }

    pub(crate) fn remove_entry(&mut self, entry: usize, row: u32) {
        let owner = self.owner(row);
        let Some(store) = &mut self.table.attributes else {
            return;
        };
        if let (Some(kind), Some(source)) =
            (store.kinds.get_mut(entry), store.sources.get_mut(entry))
        {
            *kind = kind::ABSENT;
            *source = self.patches.replace(self.bytes, owner, *source, (0, 0));
            self.lists.has_holes = true;
        }
    }

    pub(crate) fn append(&mut self, row: u32, key: u32, value: (u8, u64)) -> Result<(), Flaw> {
        let Some(&entry) = self.table.entries.get(row as usize) else {
            return Ok(());
        };
        let range = self.encode(row, key, value)?;
        let source = self.patches.insert(self.owner(row), entry, range);
        if let Some(plan) = self.attributes {
            self.texts.grant(key, plan.list_readers);
        }
        self.lists.pending.push(Pending {
            row,
            key,
            kind: value.0,
            bits: value.1,
            source,
        });
        Ok(())
    }

    /// Encodes an entry and lets the key's readers read its text; returns its range in the arena.
    fn encode(&mut self, row: u32, key: u32, value: (u8, u64)) -> Result<(u32, u32), Flaw> {
        let (kind, bits) = value;
        let point = self.table.point_kind(row as usize);
        let number = self.numbers.get(point).copied().unwrap_or(0);
        let entry = Entry {
            context: self.context,
            number,
            key,
            value,
        };
        if let Some(range) = self.encoder.find(&entry) {
            return Ok(range);
        }
        self.patches.have_room()?;
        let is_pooled = kind::is_pooled(kind);
        if let (true, Some(plan)) = (is_pooled, self.attributes) {
            let readers = self
                .lists
                .readers(key, || plan.wants(self.texts.get(key)).1);
            self.texts.grant(bits as u32, readers);
        }
        let text = match is_pooled {
            true => self.texts.get(bits as u32),
            false => &[],
        };
        let range =
            self.patches
                .key_value(number, self.texts.get(key), Encoded { kind, bits, text });
        self.encoder.keep(entry, range);
        Ok(range)
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
