//! A batch as one stage sees it: borrowed columns, ready to be copied across the boundary.

use spanmill_model::{Context, Signal};

/// The text pool; texts the stage may not read have length zero.
#[derive(Clone, Copy, Debug)]
pub struct PoolView<'a> {
    /// Where each text ends.
    pub ends: &'a [u32],
    /// The texts, end to end.
    pub bytes: &'a [u8],
}

/// Values of mixed type, one a row.
#[derive(Clone, Copy, Debug)]
pub struct CellsView<'a> {
    /// How to read each of `bits`.
    pub kinds: &'a [u8],
    /// The values.
    pub bits: &'a [u64],
}

/// Whole attribute lists.
#[derive(Clone, Copy, Debug)]
pub struct AttributesView<'a> {
    /// Where each row's entries end.
    pub ends: &'a [u32],
    /// Pool index of each entry's key.
    pub keys: &'a [u32],
    /// Each entry's value.
    pub values: CellsView<'a>,
}

/// One field of every row.
#[derive(Clone, Copy, Debug)]
pub enum ColumnView<'a> {
    /// Kinds, codes, flags and counts.
    Narrow(&'a [u32]),
    /// Times in ns, span ids.
    Wide(&'a [u64]),
    /// Two words a row, the high one first.
    TraceId(&'a [u64]),
    /// Pool indices.
    Text(&'a [u32]),
    /// One attribute by key, or a field that is not always of one type.
    Cells(CellsView<'a>),
    /// Every attribute.
    Attributes(AttributesView<'a>),
}

/// The fields of one context.
#[derive(Clone, Debug)]
pub struct TableView<'a> {
    /// What the rows are.
    pub context: Context,
    /// How many rows there are.
    pub rows: u32,
    /// Each row's row in the parent's table.
    pub parents: &'a [u32],
    /// The fields read, in the order declared.
    pub columns: Vec<ColumnView<'a>>,
}

/// A batch as one stage sees it.
#[derive(Clone, Debug)]
pub struct BatchView<'a> {
    /// What the batch carries.
    pub signal: Signal,
    /// When the host received the batch, ns since 1970.
    pub received_unix_nano: u64,
    /// The text pool.
    pub texts: PoolView<'a>,
    /// The tables, from resource down.
    pub tables: Vec<TableView<'a>>,
}
