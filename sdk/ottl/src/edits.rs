//! What statements changed, as edits of the batch: rows that stayed as they were are not written.

use spanmill_sdk::{ABSENT, Cell as Written, CellKind, Outcome, Values, WriteField};

use crate::cell::Cell;
use crate::frame::{Column, Entries, Frame, is_same};
use crate::slots::{Handle, Slot, Slots};

/// Puts new texts into an outcome, each once.
struct Texts<'f, 'a> {
    frame: &'f Frame<'a>,
    /// What number each new text has got there.
    numbers: Vec<u32>,
}

impl Texts<'_, '_> {
    /// The index that a text has in the outcome.
    fn index(&mut self, index: u32, outcome: &mut Outcome) -> u32 {
        let pool = &self.frame.pool;
        if pool.is_original(index) {
            return index;
        }
        let at = index as usize - (pool.len() - pool.added_count());
        if self.numbers.is_empty() {
            self.numbers.resize(pool.added_count(), ABSENT);
        }
        match self.numbers.get_mut(at) {
            Some(number) if *number == ABSENT => {
                *number = outcome.bytes(pool.bytes(index));
                *number
            }
            Some(number) => *number,
            None => index,
        }
    }

    fn cell(&mut self, cell: Cell, outcome: &mut Outcome) -> Written {
        match cell.pooled() {
            Some(index) => {
                let index = self.index(index, outcome);
                Written::from_parts(cell.kind, index.into())
            }
            None => Written::from_parts(cell.kind, cell.bits),
        }
    }

    /// Whether two cells are the same value.
    fn same(&self, old: Cell, new: Cell) -> bool {
        if old == new {
            return true;
        }
        let pool = &self.frame.pool;
        match (old.pooled(), new.pooled()) {
            // A batch has a text once.
            (Some(one), Some(other)) if pool.is_original(one) && pool.is_original(other) => false,
            (Some(one), Some(other)) => {
                old.kind == new.kind && is_same(pool.bytes(one), pool.bytes(other))
            }
            _ => false,
        }
    }
}

/// Says in an outcome what is other than it was.
pub(crate) fn write_edits(frame: &Frame<'_>, slots: &Slots, outcome: &mut Outcome) {
    let mut texts = Texts {
        frame,
        numbers: Vec::new(),
    };
    for (slot, column) in slots.list.iter().zip(&frame.columns) {
        let Some(field) = slot.write else {
            continue;
        };
        match column {
            Column::Entries(entries) => write_entries(entries, field, &mut texts, outcome),
            column => write_column(slot, column, field, &mut texts, outcome),
        }
    }
}

/// Whether a column was written at all.
fn is_touched(column: &Column<'_>) -> bool {
    use std::borrow::Cow::Owned;
    matches!(
        column,
        Column::Text(Owned(_))
            | Column::Narrow(Owned(_))
            | Column::Wide(Owned(_))
            | Column::Cells(Owned(_), _)
    )
}

fn write_column(
    slot: &Slot,
    column: &Column<'_>,
    field: WriteField,
    texts: &mut Texts<'_, '_>,
    outcome: &mut Outcome,
) {
    if !is_touched(column) {
        return;
    }
    let batch = texts.frame.batch;
    let mut changed = Changed {
        is_plain_text: matches!(slot.handle, Handle::Text(_)),
        cells: ChangedCells::default(),
        texts,
        outcome,
    };
    match (slot.handle, column) {
        (Handle::Text(field), Column::Text(new)) => {
            let old = batch.text(field).iter().copied();
            changed.all(old.map(Cell::text), new.iter().copied().map(Cell::text));
        }
        (Handle::Narrow(field), Column::Narrow(new)) => {
            let int = |value: &u32| Cell::int((*value).into());
            changed.all(batch.narrow(field).iter().map(int), new.iter().map(int));
        }
        (Handle::Wide(field), Column::Wide(new)) => {
            let int = |value: &u64| Cell::int(*value as i64);
            changed.all(batch.wide(field).iter().map(int), new.iter().map(int));
        }
        (Handle::Cells(field), Column::Cells(kinds, bits)) => {
            let old = batch.cells(field);
            changed.all(cells(old.kinds, old.bits), cells(kinds, bits));
        }
        (Handle::Attribute(field), column) => match (batch.attribute(field), column) {
            (Values::Text(old), Column::Text(new)) => {
                let text = |index: &u32| Cell::text(*index);
                changed.all(old.iter().map(text), new.iter().map(text));
            }
            (Values::Text(old), Column::Cells(kinds, bits)) => {
                let old = old.iter().map(|index| Cell::text(*index));
                changed.all(old, cells(kinds, bits));
            }
            (Values::Cells(old), Column::Cells(kinds, bits)) => {
                changed.all(cells(old.kinds, old.bits), cells(kinds, bits));
            }
            (Values::Cells(old), Column::Text(new)) => {
                let new = new.iter().map(|index| Cell::text(*index));
                changed.all(cells(old.kinds, old.bits), new);
            }
            _ => {}
        },
        _ => {}
    }
    let ChangedCells { rows, kinds, bits } = changed.cells;
    let (Some(&kind), Some(&first)) = (kinds.first(), bits.first()) else {
        return;
    };
    let is_same = kinds.iter().all(|&one| one == kind) && bits.iter().all(|&one| one == first);
    match is_same && rows.len() == texts.frame.rows(slot.context) {
        true => outcome.set_all(field, Written::from_parts(kind, first)),
        false => outcome.set_cells(field, &rows, &kinds, &bits),
    }
}

/// The rows of a column that are other than they were, and what they are now.
#[derive(Default)]
struct ChangedCells {
    rows: Vec<u32>,
    kinds: Vec<u8>,
    bits: Vec<u64>,
}

/// Finds what has changed in a column.
struct Changed<'c, 'f, 'a> {
    /// A text that is empty is one that is not there.
    is_plain_text: bool,
    cells: ChangedCells,
    texts: &'c mut Texts<'f, 'a>,
    outcome: &'c mut Outcome,
}

impl Changed<'_, '_, '_> {
    /// Compares all rows.
    // A function of its own for each kind of column: its loop is small.
    #[inline(never)]
    fn all(
        &mut self,
        old: impl ExactSizeIterator<Item = Cell>,
        new: impl ExactSizeIterator<Item = Cell>,
    ) {
        let ChangedCells { rows, kinds, bits } = &mut self.cells;
        rows.reserve(new.len());
        kinds.reserve(new.len());
        bits.reserve(new.len());
        for (row, (old, new)) in (0u32..).zip(old.zip(new)) {
            if old == new || self.texts.same(old, new) {
                continue;
            }
            if self.is_plain_text {
                let pool = &self.texts.frame.pool;
                let is_none = |cell: Cell| {
                    let text = cell.pooled().map(|index| pool.bytes(index));
                    text.is_none_or(<[u8]>::is_empty)
                };
                if is_none(old) && is_none(new) {
                    continue;
                }
            }
            let written = match new.pooled() {
                Some(index) => self.texts.index(index, self.outcome).into(),
                None => new.bits,
            };
            rows.push(row);
            kinds.push(new.kind);
            bits.push(written);
        }
    }
}

fn cells<'c>(kinds: &'c [u8], bits: &'c [u64]) -> impl ExactSizeIterator<Item = Cell> + 'c {
    let cell = |(&kind, &bits): (&u8, &u64)| Cell { kind, bits };
    kinds.iter().zip(bits).map(cell)
}

fn cell(kind: u8, bits: u64) -> Cell {
    Cell { kind, bits }
}

fn write_entries(
    entries: &Entries<'_>,
    field: WriteField,
    texts: &mut Texts<'_, '_>,
    outcome: &mut Outcome,
) {
    let (mut kept, mut added) = (Vec::new(), Vec::new());
    for row in entries.changed() {
        let range = entries.source.entries(row);
        kept.clear();
        kept.resize(range.len(), false);
        let original = |origin: u32| {
            let (kind, bits) = entries.source.values.cell(origin as usize);
            (
                entries.source.keys.get(origin as usize).copied(),
                cell(kind, bits),
            )
        };
        for entry in entries.row(row) {
            let place = (entry.origin as usize).checked_sub(range.start);
            let kept = place.and_then(|place| kept.get_mut(place));
            match kept {
                Some(kept) if original(entry.origin).0 == Some(entry.key) => {
                    *kept = true;
                    if !texts.same(original(entry.origin).1, entry.cell) {
                        let cell = texts.cell(entry.cell, outcome);
                        outcome.set_entry(field, entry.origin, cell);
                    }
                }
                _ => added.push(entry),
            }
        }
        for (at, kept) in kept.iter().enumerate() {
            if !kept {
                outcome.remove_entry(field, (range.start + at) as u32);
            }
        }
        for entry in added.drain(..) {
            let key = texts.index(entry.key, outcome);
            let cell = match entry.cell.kind {
                // No entry is absent.
                0 => Cell::new(CellKind::Empty, 0),
                _ => entry.cell,
            };
            let cell = texts.cell(cell, outcome);
            outcome.append(field, row as u32, key, cell);
        }
    }
}
