//! What statements changed, as edits of the batch: rows that stayed as they were are not written.

use spanmill_sdk::{ABSENT, Cell as Written, CellKind, Outcome, WriteField};

use crate::cell::Cell;
use crate::frame::{Column, Entries, Frame};
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
                old.kind == new.kind && pool.bytes(one) == pool.bytes(other)
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
    let rows = texts.frame.rows(slot.context);
    let is_plain_text = matches!(slot.handle, Handle::Text(_));
    let mut changed: Vec<(u32, Cell)> = Vec::with_capacity(rows);
    let mut compare = |row: usize, old: Cell, new: Cell| {
        // A text that is empty is one that is not there.
        let is_none = |cell: Cell| {
            let text = cell.pooled().map(|index| texts.frame.pool.bytes(index));
            text.is_none_or(<[u8]>::is_empty)
        };
        let is_same = texts.same(old, new) || is_plain_text && is_none(old) && is_none(new);
        if !is_same {
            changed.push((row as u32, new));
        }
    };
    match (slot.handle, column) {
        (Handle::Text(field), Column::Text(new)) => {
            let old = batch.text(field).iter();
            for (row, (&old, &new)) in old.zip(new.iter()).enumerate() {
                compare(row, Cell::text(old), Cell::text(new));
            }
        }
        (Handle::Narrow(field), Column::Narrow(new)) => {
            let old = batch.narrow(field).iter();
            for (row, (&old, &new)) in old.zip(new.iter()).enumerate() {
                compare(row, Cell::int(old.into()), Cell::int(new.into()));
            }
        }
        (Handle::Wide(field), Column::Wide(new)) => {
            let old = batch.wide(field).iter();
            for (row, (&old, &new)) in old.zip(new.iter()).enumerate() {
                compare(row, Cell::int(old as i64), Cell::int(new as i64));
            }
        }
        (Handle::Cells(field), Column::Cells(kinds, bits)) => {
            let old = batch.cells(field);
            for (row, (&kind, &bits)) in kinds.iter().zip(bits.iter()).enumerate() {
                let (old_kind, old_bits) = old.cell(row);
                compare(row, cell(old_kind, old_bits), cell(kind, bits));
            }
        }
        (Handle::Attribute(field), column) => {
            let old = batch.attribute(field);
            for row in 0..rows {
                let new = match column {
                    Column::Text(indices) => {
                        Cell::text(indices.get(row).copied().unwrap_or(ABSENT))
                    }
                    Column::Cells(kinds, bits) => match (kinds.get(row), bits.get(row)) {
                        (Some(&kind), Some(&bits)) => cell(kind, bits),
                        _ => Cell::ABSENT,
                    },
                    _ => Cell::ABSENT,
                };
                let (old_kind, old_bits) = old.cell(row);
                compare(row, cell(old_kind, old_bits), new);
            }
        }
        _ => {}
    }
    let Some(&(_, first)) = changed.first() else {
        return;
    };
    if changed.len() == rows && changed.iter().all(|(_, cell)| *cell == first) {
        let cell = texts.cell(first, outcome);
        return outcome.set_all(field, cell);
    }
    for (row, cell) in changed {
        let cell = texts.cell(cell, outcome);
        outcome.set(field, row, cell);
    }
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
