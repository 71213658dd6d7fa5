//! The numbers of cell kinds, to be matched.

use spanmill_model::CellKind;

pub(crate) const ABSENT: u8 = CellKind::Absent.number();
pub(crate) const TEXT: u8 = CellKind::Text.number();
pub(crate) const BOOL: u8 = CellKind::Bool.number();
pub(crate) const INT: u8 = CellKind::Int.number();
pub(crate) const DOUBLE: u8 = CellKind::Double.number();
pub(crate) const BYTES: u8 = CellKind::Bytes.number();
pub(crate) const ARRAY: u8 = CellKind::Array.number();
pub(crate) const MAP: u8 = CellKind::Map.number();
pub(crate) const EMPTY: u8 = CellKind::Empty.number();

/// Whether the bits of a kind are a pool index.
pub(crate) const fn is_pooled(kind: u8) -> bool {
    matches!(kind, TEXT | BYTES | ARRAY | MAP)
}
