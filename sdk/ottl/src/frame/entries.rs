//! Whole attribute lists that are changed: a row is copied when it changes, all rows into one memory.

use std::ops::Range;

use spanmill_sdk::{ABSENT, Attributes};

use crate::cell::Cell;

/// One attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Pool index.
    pub key: u32,
    pub cell: Cell,
    /// Its number in the batch; absent for one that was not there.
    pub origin: u32,
}

/// The attribute lists of a context.
#[derive(Debug)]
pub(crate) struct Entries<'a> {
    /// As they came.
    pub source: Attributes<'a>,
    /// Those that were changed, once one was.
    work: Option<Work>,
}

#[derive(Debug)]
struct Work {
    /// Where the rows that were changed stand in `entries`.
    rows: Vec<Range<u32>>,
    entries: Vec<Entry>,
    changed: Vec<bool>,
}

impl<'a> Entries<'a> {
    pub(crate) fn new(source: Attributes<'a>) -> Self {
        Entries { source, work: None }
    }

    fn original(&self, at: usize) -> Entry {
        let (kind, bits) = self.source.values.cell(at);
        Entry {
            key: self.source.keys.get(at).copied().unwrap_or(ABSENT),
            cell: Cell { kind, bits },
            origin: at as u32,
        }
    }

    /// The attributes of a row that was changed.
    #[inline]
    fn own(&self, row: usize) -> Option<&[Entry]> {
        let work = self.work.as_ref()?;
        work.changed.get(row).copied().filter(|&changed| changed)?;
        let range = work.rows.get(row)?;
        work.entries.get(range.start as usize..range.end as usize)
    }

    /// The attributes of a row.
    pub(crate) fn row(&self, row: usize) -> impl Iterator<Item = Entry> + '_ {
        let own = self.own(row);
        let range = match own {
            Some(own) => 0..own.len(),
            None => self.source.entries(row),
        };
        range.filter_map(move |at| match own {
            Some(own) => own.get(at).copied(),
            None => Some(self.original(at)),
        })
    }

    /// The value of an attribute; absent if there is none.
    #[inline]
    pub(crate) fn value(&self, row: usize, key: u32) -> Cell {
        if key == ABSENT {
            return Cell::ABSENT;
        }
        if let Some(own) = self.own(row) {
            let found = own.iter().find(|entry| entry.key == key);
            return found.map_or(Cell::ABSENT, |entry| entry.cell);
        }
        let range = self.source.entries(row);
        let keys = self.source.keys.get(range.clone()).unwrap_or(&[]);
        match keys.iter().position(|&known| known == key) {
            Some(at) => self.original(range.start + at).cell,
            None => Cell::ABSENT,
        }
    }

    fn begin(&mut self) -> &mut Work {
        let count = self.source.ends.len();
        self.work.get_or_insert_with(|| Work {
            rows: vec![0..0; count],
            entries: Vec::new(),
            changed: vec![false; count],
        })
    }

    /// Copies a row, if it was not changed yet.
    fn copy(&mut self, row: usize) {
        if self.own(row).is_some() {
            return;
        }
        let range = self.source.entries(row);
        let source = Entries::new(self.source);
        let originals = range.map(|at| source.original(at));
        self.begin().write(row, originals);
    }

    /// Gives a row an attribute, or takes it away. Of several of one key, the first stays.
    pub(crate) fn set(&mut self, row: usize, key: u32, cell: Cell) {
        if self.value(row, key) == cell {
            return;
        }
        self.copy(row);
        let work = self.begin();
        let Some(range) = work.rows.get(row).cloned() else {
            return;
        };
        let (start, end) = (range.start as usize, range.end as usize);
        let Some(entries) = work.entries.get_mut(start..end) else {
            return;
        };
        let mut found = entries.iter_mut().filter(|entry| entry.key == key);
        if cell.kind != 0
            && let Some(entry) = found.next()
        {
            entry.cell = cell;
            if found.next().is_none() {
                return;
            }
        } else if cell.kind != 0 {
            let origin = ABSENT;
            return work.push(row, Entry { key, cell, origin });
        }
        let keeps_first = cell.kind != 0;
        let mut seen = false;
        let kept: Vec<Entry> = entries
            .iter()
            .filter(|entry| {
                let stays = entry.key != key || keeps_first && !seen;
                seen |= entry.key == key;
                stays
            })
            .copied()
            .collect();
        self.put(row, &kept);
    }

    /// Gives a row other attributes.
    pub(crate) fn put(&mut self, row: usize, new: &[Entry]) {
        let work = self.begin();
        let Some(range) = work.rows.get_mut(row) else {
            return;
        };
        // A row that was not changed yet has an empty range.
        if new.len() > range.len() {
            return work.write(row, new.iter().copied());
        }
        let start = range.start as usize;
        range.end = range.start + new.len() as u32;
        if let Some(place) = work.entries.get_mut(start..start + new.len()) {
            place.copy_from_slice(new);
        }
        if let Some(changed) = work.changed.get_mut(row) {
            *changed = true;
        }
    }

    /// The rows that were changed.
    pub(crate) fn changed(&self) -> impl Iterator<Item = usize> + '_ {
        let changed = self.work.as_ref().map_or(&[][..], |work| &work.changed);
        let rows = changed.iter().enumerate();
        rows.filter_map(|(row, &changed)| changed.then_some(row))
    }
}

impl Work {
    /// Puts what a row has now at the end of the memory.
    fn write(&mut self, row: usize, new: impl Iterator<Item = Entry>) {
        let (Some(range), Some(changed)) = (self.rows.get_mut(row), self.changed.get_mut(row))
        else {
            return;
        };
        let start = self.entries.len() as u32;
        self.entries.extend(new);
        *range = start..self.entries.len() as u32;
        *changed = true;
    }

    /// Adds an attribute at the end of a row, which moves to the end of the memory if it does not stand there.
    fn push(&mut self, row: usize, entry: Entry) {
        let last = self.entries.len();
        let Some(range) = self.rows.get_mut(row) else {
            return;
        };
        if range.end as usize != last {
            let moved = range.start as usize..range.end as usize;
            *range = last as u32..(last + moved.len()) as u32;
            self.entries.extend_from_within(moved);
        }
        self.entries.push(entry);
        range.end += 1;
    }
}

#[cfg(test)]
mod tests {
    use spanmill_sdk::Cells;

    use super::*;

    fn keys(entries: &Entries<'_>, row: usize) -> Vec<(u32, u64)> {
        let row = entries.row(row);
        row.map(|entry| (entry.key, entry.cell.bits)).collect()
    }

    #[test]
    fn rows_grow_and_shrink_without_touching_others() {
        let source = Attributes {
            ends: &[2, 2, 5],
            keys: &[1, 2, 1, 3, 1],
            values: Cells {
                kinds: &[3; 5],
                bits: &[10, 20, 11, 31, 12],
            },
        };
        let mut entries = Entries::new(source);
        assert_eq!(entries.value(0, 2), Cell::int(20));
        entries.set(0, 4, Cell::int(40));
        entries.set(0, 5, Cell::int(50));
        entries.set(1, 1, Cell::int(1));
        assert_eq!(keys(&entries, 0), [(1, 10), (2, 20), (4, 40), (5, 50)]);
        assert_eq!(keys(&entries, 1), [(1, 1)]);
        assert_eq!(keys(&entries, 2), [(1, 11), (3, 31), (1, 12)]);
        // Of a key that stands twice, the first is written and the other goes.
        entries.set(2, 1, Cell::int(7));
        assert_eq!(keys(&entries, 2), [(1, 7), (3, 31)]);
        entries.set(0, 1, Cell::ABSENT);
        assert_eq!(keys(&entries, 0), [(2, 20), (4, 40), (5, 50)]);
        entries.set(0, 9, Cell::ABSENT);
        assert_eq!(entries.changed().collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(entries.value(2, 3), Cell::int(31));
    }
}
