//! Attributes that were encoded a short while ago: many rows are given the same.

use spanmill_model::Context;

/// How many are kept; a power of two.
const KEPT: usize = 32;

/// An attribute as it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Who may read its text depends on it.
    pub(crate) context: Context,
    /// The number of its field.
    pub(crate) number: u32,
    /// The pool index of its key.
    pub(crate) key: u32,
    pub(crate) value: (u8, u64),
}

impl Entry {
    fn slot(&self) -> usize {
        let (kind, bits) = self.value;
        let mixed = bits ^ u64::from(self.key).rotate_left(32) ^ u64::from(kind);
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % KEPT
    }
}

/// Where in the arena recent attributes stand. One that falls on the place of another replaces it.
pub(crate) struct Encoder {
    recent: [Option<(Entry, (u32, u32))>; KEPT],
}

impl Default for Encoder {
    fn default() -> Self {
        Encoder {
            recent: [None; KEPT],
        }
    }
}

impl Encoder {
    /// The range of an attribute in the arena, if it was encoded a short while ago.
    #[inline]
    pub(super) fn find(&self, entry: &Entry) -> Option<(u32, u32)> {
        match self.recent.get(entry.slot()) {
            Some(Some((known, range))) if known == entry => Some(*range),
            _ => None,
        }
    }

    /// Keeps where an attribute stands.
    pub(super) fn keep(&mut self, entry: Entry, range: (u32, u32)) {
        if let Some(place) = self.recent.get_mut(entry.slot()) {
            *place = Some((entry, range));
        }
    }
}
