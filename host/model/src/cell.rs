//! The kinds of cells.

/// How to read a cell: what it holds, and how its 64 bits say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CellKind {
    /// Nothing is there.
    Absent = 0,
    /// A text, by its index in the pool.
    Text = 1,
    /// 0 or 1.
    Bool = 2,
    /// The two's complement of an `i64`.
    Int = 3,
    /// The bits of an `f64`.
    Double = 4,
    /// Bytes, by their index in the pool.
    Bytes = 5,
    /// An encoded `ArrayValue`, by its index in the pool.
    Array = 6,
    /// An encoded `KeyValueList`, by its index in the pool.
    Map = 7,
    /// A value that is there and holds nothing.
    Empty = 8,
}

impl CellKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [CellKind; 9] = [
        CellKind::Absent,
        CellKind::Text,
        CellKind::Bool,
        CellKind::Int,
        CellKind::Double,
        CellKind::Bytes,
        CellKind::Array,
        CellKind::Map,
        CellKind::Empty,
    ];

    /// The number that stands for it in columns.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The kind of a number.
    pub fn from_number(number: u8) -> Option<CellKind> {
        CellKind::ALL.get(usize::from(number)).copied()
    }

    /// Whether the bits are an index in the pool.
    pub const fn is_pooled(self) -> bool {
        matches!(
            self,
            CellKind::Text | CellKind::Bytes | CellKind::Array | CellKind::Map
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_back_to_kinds() {
        for kind in CellKind::ALL {
            assert_eq!(CellKind::from_number(kind.number()), Some(kind));
        }
        assert_eq!(CellKind::from_number(9), None);
    }
}
