//! Attribute lists as columns.

mod keys;
pub(crate) mod read;

use crate::kind;

/// The wanted attributes of every row of a context.
#[derive(Clone, Default)]
pub(crate) struct Store {
    pub(crate) ends: Vec<u32>,
    pub(crate) keys: Vec<u32>,
    pub(crate) kinds: Vec<u8>,
    pub(crate) bits: Vec<u64>,
    /// Where each entry's bytes are: an offset into the request, or a patch (see `patch`).
    pub(crate) sources: Vec<u32>,
}

/// A new entry that is added once the other edits of its list are made.
pub(crate) struct Pending {
    pub(crate) row: u32,
    pub(crate) key: u32,
    pub(crate) kind: u8,
    pub(crate) bits: u64,
    pub(crate) source: u32,
}

impl Store {
    pub(crate) fn clear(&mut self) {
        self.ends.clear();
        self.keys.clear();
        self.kinds.clear();
        self.bits.clear();
        self.sources.clear();
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

/// The row that an entry belongs to. `last` is that row or one before it: the search starts there, in ever wider steps,
/// since entries mostly come in order and close together.
pub(crate) fn row_of(ends: &[u32], entry: u32, last: u32) -> u32 {
    let before = |end: &u32| *end <= entry;
    let (mut from, mut step) = (last as usize, 1);
    while ends.get(from + step).is_some_and(before) {
        from += step;
        step *= 2;
    }
    let to = (from + step).min(ends.len());
    let within = ends.get(from..to).unwrap_or(&[]);
    (from + within.partition_point(before)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_of_an_entry_is_found_from_any_row_before_it() {
        let ends = [0, 2, 2, 2, 3, 7, 7, 8, 8, 12, 13, 13];
        for entry in 0..13 {
            let row = ends.iter().position(|&end| end > entry).unwrap() as u32;
            for last in 0..=row {
                assert_eq!(row_of(&ends, entry, last), row, "{entry} from {last}");
            }
        }
    }
}
