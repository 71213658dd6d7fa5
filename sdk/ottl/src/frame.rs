//! A batch while statements or conditions run over it: columns that are copied when they are first written, and a pool of
//! texts that grows.

mod entries;
mod pool;

use std::borrow::Cow;

use spanmill_sdk::{ABSENT, Batch, CellKind, Context, Value, Values};

use crate::cell::{Cell, LIST, TEXT, TRACE_ID};
use crate::slots::{Handle, Place, Slots};
pub(crate) use entries::{Entries, Entry};
pub(crate) use pool::{Pool, hash, is_same};

/// One column, as it came or as it was changed.
#[derive(Debug)]
pub(crate) enum Column<'a> {
    Text(Cow<'a, [u32]>),
    Narrow(Cow<'a, [u32]>),
    Wide(Cow<'a, [u64]>),
    TraceId(&'a [u64]),
    Cells(Cow<'a, [u8]>, Cow<'a, [u64]>),
    Entries(Entries<'a>),
    /// Maps by pool index; empty: none is there yet.
    Cache(Vec<u32>),
}

/// A batch while statements run over it.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub batch: &'a Batch<'a>,
    pub columns: Vec<Column<'a>>,
    pub pool: Pool<'a>,
    /// The pool index of each key that is looked up in whole lists; absent while no text is that key.
    keys: Vec<u32>,
    /// How many unique ids were given out.
    pub unique: std::cell::Cell<u64>,
    /// What those of this batch have in common.
    pub seed: std::cell::OnceCell<(u64, u64)>,
    /// What those of these statements have in common.
    pub salt: u64,
}

impl<'a> Frame<'a> {
    pub(crate) fn new(slots: &Slots, batch: &'a Batch<'a>) -> Self {
        let columns = slots.list.iter().map(|slot| match slot.handle {
            Handle::Text(field) => Column::Text(Cow::Borrowed(batch.text(field))),
            Handle::Narrow(field) => Column::Narrow(Cow::Borrowed(batch.narrow(field))),
            Handle::Wide(field) => Column::Wide(Cow::Borrowed(batch.wide(field))),
            Handle::TraceId(field) => Column::TraceId(batch.trace_ids(field)),
            Handle::Cells(field) => {
                let cells = batch.cells(field);
                Column::Cells(Cow::Borrowed(cells.kinds), Cow::Borrowed(cells.bits))
            }
            Handle::Attribute(field) => match batch.attribute(field) {
                Values::Text(indices) => Column::Text(Cow::Borrowed(indices)),
                Values::Cells(cells) => {
                    Column::Cells(Cow::Borrowed(cells.kinds), Cow::Borrowed(cells.bits))
                }
            },
            Handle::Entries(field) => Column::Entries(Entries::new(batch.attributes(field))),
            Handle::Cache => Column::Cache(Vec::new()),
        });
        let columns = columns.collect();
        let pool = Pool::new(batch.texts);
        let keys = pool.find(&slots.keys);
        Frame {
            batch,
            columns,
            pool,
            keys,
            unique: std::cell::Cell::new(0),
            seed: std::cell::OnceCell::new(),
            salt: slots.salt,
        }
    }

    pub(crate) fn rows(&self, context: Context) -> usize {
        self.batch.rows(context)
    }

    /// The row of a context further up that a row belongs to.
    pub(crate) fn ancestor(&self, mut from: Context, to: Context, mut row: usize) -> usize {
        while from != to {
            let Some(parent) = from.parent() else { break };
            let parents = self.batch.parents(from);
            row = parents.get(row).map_or(usize::MAX, |&row| row as usize);
            from = parent;
        }
        row
    }

    /// What a place holds for a row; absent beyond the rows.
    #[inline]
    pub(crate) fn cell(&self, place: Place, row: usize) -> Cell {
        match self.columns.get(place.slot) {
            Some(Column::Text(indices)) => indices
                .get(row)
                .map_or(Cell::ABSENT, |&index| Cell::text(index)),
            Some(Column::Narrow(values)) => values
                .get(row)
                .map_or(Cell::ABSENT, |&value| Cell::int(value.into())),
            Some(Column::Wide(values)) => values
                .get(row)
                .map_or(Cell::ABSENT, |&value| Cell::int(value as i64)),
            Some(Column::Cells(kinds, bits)) => match (kinds.get(row), bits.get(row)) {
                (Some(&kind), Some(&bits)) => Cell { kind, bits },
                _ => Cell::ABSENT,
            },
            Some(Column::TraceId(_)) => Cell {
                kind: TRACE_ID,
                bits: row as u64,
            },
            Some(Column::Entries(entries)) => match place.key {
                Some(key) => entries.value(row, self.keys.get(key).copied().unwrap_or(ABSENT)),
                None => Cell {
                    kind: LIST,
                    bits: row as u64,
                },
            },
            Some(Column::Cache(maps)) => match maps.get(row) {
                Some(&index) if index != ABSENT => Cell::new(CellKind::Map, index.into()),
                _ => Cell::new(CellKind::Map, ABSENT.into()),
            },
            None => Cell::ABSENT,
        }
    }

    /// The value of a cell.
    #[inline]
    pub(crate) fn value(&self, cell: Cell) -> Value<'_> {
        match CellKind::from_number(cell.kind) {
            Some(CellKind::Text) => Value::Text(self.pool.text(cell.bits as u32)),
            Some(CellKind::Bool) => Value::Bool(cell.bits != 0),
            Some(CellKind::Int) => Value::Int(cell.bits as i64),
            Some(CellKind::Double) => Value::Double(f64::from_bits(cell.bits)),
            Some(CellKind::Bytes) => Value::Bytes(self.pool.bytes(cell.bits as u32)),
            Some(CellKind::Array) => Value::Array(self.pool.bytes(cell.bits as u32)),
            Some(CellKind::Map) => Value::Map(self.pool.bytes(cell.bits as u32)),
            Some(CellKind::Empty) => Value::Empty,
            Some(CellKind::Absent) | None => Value::Absent,
        }
    }

    /// A trace id, as two words.
    pub(crate) fn trace_id(&self, place: Place, row: usize) -> [u64; 2] {
        match self.columns.get(place.slot) {
            Some(Column::TraceId(words)) => {
                let word = |at: usize| words.get(at).copied().unwrap_or(0);
                [word(2 * row), word(2 * row + 1)]
            }
            _ => [0; 2],
        }
    }

    /// A whole attribute list of a row, encoded as a map.
    pub(crate) fn map(&self, slot: usize, row: usize) -> Vec<u8> {
        let mut map = Vec::new();
        if let Some(Column::Entries(entries)) = self.columns.get(slot) {
            for entry in entries.row(row) {
                let key = self.pool.text(entry.key);
                spanmill_sdk::nested::push_entry(&mut map, key, &self.value(entry.cell));
            }
        }
        map
    }

    /// The attribute lists of a slot.
    pub(crate) fn entries(&self, slot: usize) -> Option<&Entries<'a>> {
        match self.columns.get(slot) {
            Some(Column::Entries(entries)) => Some(entries),
            _ => None,
        }
    }

    pub(crate) fn entries_mut(&mut self, slot: usize) -> Option<&mut Entries<'a>> {
        match self.columns.get_mut(slot) {
            Some(Column::Entries(entries)) => Some(entries),
            _ => None,
        }
    }

    /// The pool index of one of the slots' keys, which is put into the pool if it is not there yet.
    fn key_index(&mut self, key: usize, slots: &Slots) -> u32 {
        let known = self.keys.get(key).copied().unwrap_or(ABSENT);
        if known != ABSENT {
            return known;
        }
        let text = slots.keys.get(key).map_or("", String::as_str);
        self.key_of(text, slots)
    }

    /// The pool index of a key, so that equal keys have equal indices.
    pub(crate) fn key_of(&mut self, text: &str, slots: &Slots) -> u32 {
        let index = self.pool.key(text);
        for (known, key) in self.keys.iter_mut().zip(&slots.keys) {
            if *known == ABSENT && key == text {
                *known = index;
            }
        }
        index
    }

    /// Gives a place of every row the same value; `false`, if the rows have to be given it one by one.
    #[inline(never)]
    pub(crate) fn fill(&mut self, place: Place, cell: Cell) -> bool {
        let Some(column) = self.columns.get_mut(place.slot) else {
            return false;
        };
        match column {
            Column::Narrow(values) => values.to_mut().fill(cell.bits as u32),
            Column::Wide(values) => values.to_mut().fill(cell.bits),
            Column::Text(indices) if cell.kind == TEXT => {
                indices.to_mut().fill(cell.bits as u32);
            }
            Column::Cells(kinds, bits) => {
                kinds.to_mut().fill(cell.kind);
                bits.to_mut().fill(cell.bits);
            }
            _ => return false,
        }
        true
    }

    /// Gives a place of a row a new value.
    #[inline]
    pub(crate) fn set(&mut self, place: Place, row: usize, cell: Cell, slots: &Slots) {
        if let Some(key) = place.key {
            let key = self.key_index(key, slots);
            if let Some(entries) = self.entries_mut(place.slot) {
                entries.set(row, key, cell);
            }
            return;
        }
        let batch = self.batch;
        let Some(column) = self.columns.get_mut(place.slot) else {
            return;
        };
        match column {
            Column::Text(indices) if cell.kind == TEXT || cell.kind == 0 => {
                let index = match cell.kind {
                    0 => ABSENT,
                    _ => cell.bits as u32,
                };
                replace(indices, row, index);
            }
            Column::Text(indices) => {
                let kind_of = |index: &u32| u8::from(*index != ABSENT);
                let bits_of = |index: &u32| if *index == ABSENT { 0 } else { (*index).into() };
                let mut kinds: Vec<u8> = indices.iter().map(kind_of).collect();
                let mut bits: Vec<u64> = indices.iter().map(bits_of).collect();
                put(&mut kinds, &mut bits, row, cell);
                *column = Column::Cells(Cow::Owned(kinds), Cow::Owned(bits));
            }
            Column::Narrow(values) => replace(values, row, cell.bits as u32),
            Column::Wide(values) => replace(values, row, cell.bits),
            Column::Cells(kinds, bits) => put(kinds.to_mut(), bits.to_mut(), row, cell),
            Column::Cache(maps) => {
                if maps.is_empty() {
                    let context = slots.list.get(place.slot).map(|slot| slot.context);
                    maps.resize(context.map_or(0, |context| batch.rows(context)), ABSENT);
                }
                if let Some(map) = maps.get_mut(row) {
                    *map = cell.bits as u32;
                }
            }
            Column::TraceId(_) | Column::Entries(_) => {}
        }
    }

    /// Empties what rows have for themselves while a group of statements runs.
    pub(crate) fn clear_caches(&mut self) {
        for column in &mut self.columns {
            if let Column::Cache(maps) = column {
                maps.clear();
            }
        }
    }
}

/// Gives a row of a column a value; a column that is not changed is not copied.
#[inline]
fn replace<T: Copy + PartialEq>(values: &mut Cow<'_, [T]>, row: usize, value: T) {
    if values.get(row).is_some_and(|&known| known != value)
        && let Some(place) = values.to_mut().get_mut(row)
    {
        *place = value;
    }
}

fn put(kinds: &mut [u8], bits: &mut [u64], row: usize, cell: Cell) {
    if let (Some(kind), Some(bits)) = (kinds.get_mut(row), bits.get_mut(row)) {
        (*kind, *bits) = (cell.kind, cell.bits);
    }
}
