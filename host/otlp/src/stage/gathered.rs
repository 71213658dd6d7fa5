//! Columns that cannot be shown as they are: of rows that are left, or of one attribute.

use crate::ABSENT;
use crate::alive::Alive;
use crate::attributes::Store;
use crate::kind;
use crate::projection::Read;
use crate::table::{Column, Data, Table};
use crate::view::{AttributesView, CellsView, ColumnView};

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// Shown from the batch's own memory.
    #[default]
    Base,
    Gathered,
    Text,
    Cells,
}

/// Memory for one column that cannot be shown as it is.
#[derive(Clone, Default)]
pub(super) struct Gathered {
    pub(super) mode: Mode,
    pub(super) ends: Vec<u32>,
    narrow: Vec<u32>,
    wide: Vec<u64>,
    kinds: Vec<u8>,
}

pub(super) fn gather<T: Copy + Default>(values: &[T], alive: &Alive, out: &mut Vec<T>) {
    if alive.all {
        out.extend_from_slice(values);
    } else {
        let rows = alive.rows.iter();
        out.extend(rows.map(|&row| values.get(row as usize).copied().unwrap_or_default()));
    }
}

impl Gathered {
    pub(super) fn column(&mut self, column: &Column, alive: &Alive) {
        if alive.all {
            self.mode = Mode::Base;
            return;
        }
        self.mode = Mode::Gathered;
        self.narrow.clear();
        self.wide.clear();
        match &column.data {
            Data::Narrow(values) | Data::Text(values) => gather(values, alive, &mut self.narrow),
            Data::Wide(values) => gather(values, alive, &mut self.wide),
            Data::Cells(kinds, bits) => {
                self.kinds.clear();
                gather(kinds, alive, &mut self.kinds);
                gather(bits, alive, &mut self.wide);
            }
            Data::TraceId(words) => {
                let (ids, _) = words.as_chunks::<2>();
                self.wide.reserve(2 * alive.rows.len());
                for &row in &alive.rows {
                    if let Some(id) = ids.get(row as usize) {
                        self.wide.extend_from_slice(id);
                    }
                }
            }
        }
    }

    pub(super) fn list(&mut self, store: &Store, alive: &Alive) {
        self.ends.clear();
        self.narrow.clear();
        self.kinds.clear();
        self.wide.clear();
        // Rows that stand together are copied together.
        for rows in alive.rows.chunk_by(|row, next| row + 1 == *next) {
            let (Some(&first), Some(&last)) = (rows.first(), rows.last()) else {
                continue;
            };
            let entries = store.entries(first).start..store.entries(last).end;
            let shift = (entries.start as u32).wrapping_sub(self.narrow.len() as u32);
            let ends = store.ends.get(first as usize..=last as usize);
            self.ends.extend(
                ends.unwrap_or(&[])
                    .iter()
                    .map(|end| end.wrapping_sub(shift)),
            );
            self.narrow
                .extend_from_slice(store.keys.get(entries.clone()).unwrap_or(&[]));
            self.kinds
                .extend_from_slice(store.kinds.get(entries.clone()).unwrap_or(&[]));
            self.wide
                .extend_from_slice(store.bits.get(entries.clone()).unwrap_or(&[]));
        }
    }

    /// One attribute of every row alive: as text while that serves, else as cells.
    pub(super) fn by_key(&mut self, store: &Store, key: Option<u32>, alive: &Alive, rows: usize) {
        self.mode = Mode::Text;
        self.narrow.clear();
        let count = if alive.all { rows } else { alive.rows.len() };
        let Some(key) = key else {
            self.narrow.resize(count, ABSENT);
            return;
        };
        self.narrow.reserve(count);
        let mut place = 0;
        for row in 0..count as u32 {
            match find_key(store, alive.base(row), key, &mut place) {
                None => self.narrow.push(ABSENT),
                Some(entry) => {
                    let kind = store.kinds.get(entry).copied().unwrap_or(kind::ABSENT);
                    let bits = store.bits.get(entry).copied().unwrap_or(0);
                    if kind != kind::TEXT {
                        return self.cells_by_key(store, key, alive, count);
                    }
                    self.narrow.push(bits as u32);
                }
            }
        }
    }

    fn cells_by_key(&mut self, store: &Store, key: u32, alive: &Alive, count: usize) {
        self.mode = Mode::Cells;
        self.kinds.clear();
        self.wide.clear();
        let mut place = 0;
        for row in 0..count as u32 {
            let entry = find_key(store, alive.base(row), key, &mut place);
            let kind = entry.and_then(|entry| store.kinds.get(entry)).copied();
            let bits = entry.and_then(|entry| store.bits.get(entry)).copied();
            self.kinds.push(kind.unwrap_or(kind::ABSENT));
            self.wide.push(bits.unwrap_or(0));
        }
    }

    /// One value for all rows: as text if it is one, or there is none.
    pub(super) fn same_in_every_row(&mut self, value: Option<(u8, u64)>, count: usize) {
        let (kind, bits) = value.unwrap_or((kind::ABSENT, 0));
        self.narrow.clear();
        self.kinds.clear();
        self.wide.clear();
        match kind {
            kind::ABSENT | kind::TEXT => {
                self.mode = Mode::Text;
                let text = if kind == kind::TEXT {
                    bits as u32
                } else {
                    ABSENT
                };
                self.narrow.resize(count, text);
            }
            kind => {
                self.mode = Mode::Cells;
                self.kinds.resize(count, kind);
                self.wide.resize(count, bits);
            }
        }
    }

    pub(super) fn view<'a>(&'a self, read: &Read, table: &'a Table) -> ColumnView<'a> {
        let cells = CellsView {
            kinds: &self.kinds,
            bits: &self.wide,
        };
        match (read, self.mode) {
            (_, Mode::Text) => ColumnView::Text(&self.narrow),
            (_, Mode::Cells) => ColumnView::Cells(cells),
            (Read::Attributes, Mode::Gathered) => ColumnView::Attributes(AttributesView {
                ends: &self.ends,
                keys: &self.narrow,
                values: cells,
            }),
            (Read::Column(at), mode) => {
                let base = mode == Mode::Base;
                match table.columns.get(*at).map(|column| &column.data) {
                    Some(Data::Narrow(values)) => {
                        ColumnView::Narrow(if base { values } else { &self.narrow })
                    }
                    Some(Data::Text(values)) => {
                        ColumnView::Text(if base { values } else { &self.narrow })
                    }
                    Some(Data::Wide(values)) => {
                        ColumnView::Wide(if base { values } else { &self.wide })
                    }
                    Some(Data::TraceId(words)) => {
                        ColumnView::TraceId(if base { words } else { &self.wide })
                    }
                    Some(Data::Cells(kinds, bits)) => ColumnView::Cells(match base {
                        true => CellsView { kinds, bits },
                        false => cells,
                    }),
                    None => ColumnView::Text(&[]),
                }
            }
            (_, _) => match &table.attributes {
                Some(store) => ColumnView::Attributes(AttributesView {
                    ends: &store.ends,
                    keys: &store.keys,
                    values: CellsView {
                        kinds: &store.kinds,
                        bits: &store.bits,
                    },
                }),
                None => ColumnView::Text(&[]),
            },
        }
    }
}

/// The first entry of a row with a key. `place` is where in a row the last one stood.
#[inline]
fn find_key(store: &Store, row: u32, key: u32, place: &mut usize) -> Option<usize> {
    let entries = store.entries(row);
    let keys = store.keys.get(entries.clone())?;
    let before = keys.get(..*place).unwrap_or(&[]);
    // Without a branch on each: those before are few, and seldom the key.
    let is_first = !before
        .iter()
        .fold(false, |any, &known| any | (known == key));
    if !is_first || keys.get(*place) != Some(&key) {
        *place = keys.iter().position(|&known| known == key)?;
    }
    Some(entries.start + *place)
}
