//! Values as they stand in columns.

use spanmill_sdk::{ABSENT, CellKind};

/// A value as it stands in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Cell {
    pub kind: u8,
    pub bits: u64,
}

/// A whole attribute list, of the row that `bits` says.
pub(crate) const LIST: u8 = 0xf0;
/// A trace id, of the row that `bits` says.
pub(crate) const TRACE_ID: u8 = 0xf1;
/// What texts are in a column.
pub(crate) const TEXT: u8 = CellKind::Text as u8;

impl Cell {
    pub(crate) const ABSENT: Cell = Cell { kind: 0, bits: 0 };

    pub(crate) fn new(kind: CellKind, bits: u64) -> Self {
        Cell {
            kind: kind.number(),
            bits,
        }
    }

    pub(crate) fn int(number: i64) -> Self {
        Cell::new(CellKind::Int, number as u64)
    }

    /// A text of the pool.
    pub(crate) fn text(index: u32) -> Self {
        match index {
            ABSENT => Cell::ABSENT,
            index => Cell::new(CellKind::Text, index.into()),
        }
    }

    /// The pool index of what has one.
    pub(crate) fn pooled(self) -> Option<u32> {
        use CellKind::{Array, Bytes, Map, Text};
        match CellKind::from_number(self.kind) {
            Some(Text | Bytes | Array | Map) => Some(self.bits as u32),
            _ => None,
        }
    }
}
