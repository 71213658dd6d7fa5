//! Read access to a batch: borrowed columns, so that the same plugin code runs over the lists a
//! component call brings and over a native caller's own memory.

use spanmill_model::{CellKind, Context, Signal};

use crate::contract::{
    AttributeField, CellField, ListField, NarrowField, Place, TextField, TraceIdField, WideField,
};

/// The pool index that stands for "no text".
pub const ABSENT: u32 = u32::MAX;

/// The distinct texts of a batch. Equal indices mean equal texts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Texts<'a> {
    /// Where each text ends in `bytes`.
    pub ends: &'a [u32],
    /// The texts, end to end.
    pub bytes: &'a [u8],
}

impl<'a> Texts<'a> {
    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of text `index`; empty for [`ABSENT`] and beyond the pool.
    #[inline]
    pub fn bytes(&self, index: u32) -> &'a [u8] {
        let index = index as usize;
        let Some(&end) = self.ends.get(index) else {
            return &[];
        };
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        self.bytes.get(start as usize..end as usize).unwrap_or(&[])
    }

    /// Text `index` as a string; empty where [`Texts::bytes`] is, or is no UTF-8.
    #[inline]
    pub fn get(&self, index: u32) -> &'a str {
        std::str::from_utf8(self.bytes(index)).unwrap_or("")
    }
}

/// Values of mixed type, one per row.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cells<'a> {
    /// How to read each of `bits`; see the contract's `cells`.
    pub kinds: &'a [u8],
    /// The values.
    pub bits: &'a [u64],
}

impl<'a> Cells<'a> {
    /// The value of one row; absent beyond the rows.
    #[inline]
    pub fn get(&self, row: usize, texts: &Texts<'a>) -> Value<'a> {
        match (self.kinds.get(row), self.bits.get(row)) {
            (Some(&kind), Some(&bits)) => Value::from_cell(kind, bits, texts),
            _ => Value::Absent,
        }
    }

    /// The cell of one row, as kind and bits; kind 0 is absent, as it is beyond the rows.
    #[inline]
    pub fn cell(&self, row: usize) -> (u8, u64) {
        match (self.kinds.get(row), self.bits.get(row)) {
            (Some(&kind), Some(&bits)) => (kind, bits),
            _ => (0, 0),
        }
    }
}

/// One value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Nothing is there.
    Absent,
    /// An attribute or a body is there without a value.
    Empty,
    /// A string.
    Text(&'a str),
    /// A boolean.
    Bool(bool),
    /// A 64-bit integer.
    Int(i64),
    /// A double.
    Double(f64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// An encoded `ArrayValue`.
    Array(&'a [u8]),
    /// An encoded `KeyValueList`.
    Map(&'a [u8]),
}

impl<'a> Value<'a> {
    /// Reads a cell.
    #[inline]
    pub fn from_cell(kind: u8, bits: u64, texts: &Texts<'a>) -> Self {
        match CellKind::from_number(kind) {
            Some(CellKind::Text) => Value::Text(texts.get(bits as u32)),
            Some(CellKind::Bool) => Value::Bool(bits != 0),
            Some(CellKind::Int) => Value::Int(bits as i64),
            Some(CellKind::Double) => Value::Double(f64::from_bits(bits)),
            Some(CellKind::Bytes) => Value::Bytes(texts.bytes(bits as u32)),
            Some(CellKind::Array) => Value::Array(texts.bytes(bits as u32)),
            Some(CellKind::Map) => Value::Map(texts.bytes(bits as u32)),
            Some(CellKind::Empty) => Value::Empty,
            Some(CellKind::Absent) | None => Value::Absent,
        }
    }
}

/// One attribute of every row, looked up by key.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// Text or nothing in the whole batch: pool indices, [`ABSENT`] for nothing.
    Text(&'a [u32]),
    /// Of mixed type.
    Cells(Cells<'a>),
}

impl<'a> Values<'a> {
    /// The value of one row.
    #[inline]
    pub fn get(&self, row: usize, texts: &Texts<'a>) -> Value<'a> {
        match self {
            Values::Text(indices) => match indices.get(row) {
                Some(&index) if index != ABSENT => Value::Text(texts.get(index)),
                _ => Value::Absent,
            },
            Values::Cells(cells) => cells.get(row, texts),
        }
    }

    /// The cell of one row, as kind and bits; kind 0 is absent.
    #[inline]
    pub fn cell(&self, row: usize) -> (u8, u64) {
        match self {
            Values::Text(indices) => match indices.get(row) {
                Some(&index) if index != ABSENT => (1, u64::from(index)),
                _ => (0, 0),
            },
            Values::Cells(cells) => cells.cell(row),
        }
    }
}

/// Whole attribute lists: row `i` owns the entries `ends[i-1]..ends[i]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attributes<'a> {
    /// Where each row's entries end.
    pub ends: &'a [u32],
    /// Pool index of each entry's key.
    pub keys: &'a [u32],
    /// Each entry's value.
    pub values: Cells<'a>,
}

impl Attributes<'_> {
    /// The entries of one row.
    #[inline]
    pub fn entries(&self, row: usize) -> std::ops::Range<usize> {
        let end = self.ends.get(row).copied().unwrap_or(0) as usize;
        let start = if row == 0 {
            0
        } else {
            self.ends.get(row - 1).copied().unwrap_or(0) as usize
        };
        start..end
    }
}

/// One field of every row.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    /// Kinds, codes, flags and counts.
    Narrow(&'a [u32]),
    /// Times in ns, span ids.
    Wide(&'a [u64]),
    /// Two words per row, the high one first.
    TraceId(&'a [u64]),
    /// Pool indices.
    Text(&'a [u32]),
    /// One attribute by key, or a field whose type varies.
    Cells(Cells<'a>),
    /// Every attribute.
    Attributes(Attributes<'a>),
    /// Whole lists of numbers; no field of this version is one.
    Numbers {
        /// Where each row's numbers end.
        ends: &'a [u32],
        /// The numbers of all rows.
        bits: &'a [u64],
    },
}

/// The fields of one context.
#[derive(Clone, Debug)]
pub struct Table<'a> {
    /// What the rows are.
    pub context: Context,
    /// How many rows there are.
    pub rows: u32,
    /// Each row's row in the parent's table.
    pub parents: &'a [u32],
    /// The fields read of this context, in the order they were declared.
    pub columns: Vec<Column<'a>>,
}

/// A batch as one plugin sees it.
///
/// Accessors take the field handles that [`crate::Contract`] returned. A field of a context that the batch's signal does
/// not have is empty: it has no rows. They panic (in a guest: trap) if the host breaks the contract by sending another
/// kind of column than was declared.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    /// What the batch carries.
    pub signal: Signal,
    /// When the host received the batch, ns since 1970.
    pub received_unix_nano: u64,
    /// The text pool.
    pub texts: Texts<'a>,
    /// The tables, from resource down.
    pub tables: Vec<Table<'a>>,
}

impl<'a> Batch<'a> {
    /// The table of a context, if the batch's signal has it, and it is the signal's own or the plugin reads or writes it.
    pub fn table(&self, context: Context) -> Option<&Table<'a>> {
        self.tables.iter().find(|table| table.context == context)
    }

    /// How many rows a context has; 0 without a table.
    pub fn rows(&self, context: Context) -> usize {
        self.table(context).map_or(0, |table| table.rows as usize)
    }

    /// For each row of a context, its row in the parent's table.
    pub fn parents(&self, context: Context) -> &'a [u32] {
        self.table(context).map_or(&[], |table| table.parents)
    }

    /// A declared column; `None` if the batch's signal does not have its context.
    fn column(&self, place: Place) -> Option<Column<'a>> {
        let table = self.table(place.context);
        match table.and_then(|table| table.columns.get(place.column as usize)) {
            Some(column) => Some(*column),
            None if !self.signal.contexts().contains(&place.context) => None,
            None => panic!(
                "the host sent no column for a declared {} field",
                place.context.prefix()
            ),
        }
    }

    /// A text field: pool indices, [`ABSENT`] for none.
    pub fn text(&self, field: TextField) -> &'a [u32] {
        match self.column(field.0) {
            Some(Column::Text(indices)) => indices,
            None => &[],
            Some(_) => panic!("the host sent another column than text"),
        }
    }

    /// A field of kinds, codes, flags or counts.
    pub fn narrow(&self, field: NarrowField) -> &'a [u32] {
        match self.column(field.0) {
            Some(Column::Narrow(values)) => values,
            None => &[],
            Some(_) => panic!("the host sent another column than narrow"),
        }
    }

    /// A field of times or span ids.
    pub fn wide(&self, field: WideField) -> &'a [u64] {
        match self.column(field.0) {
            Some(Column::Wide(values)) => values,
            None => &[],
            Some(_) => panic!("the host sent another column than wide"),
        }
    }

    /// Trace ids, two words per row, the high one first.
    pub fn trace_ids(&self, field: TraceIdField) -> &'a [u64] {
        match self.column(field.0) {
            Some(Column::TraceId(words)) => words,
            None => &[],
            Some(_) => panic!("the host sent another column than trace-id"),
        }
    }

    /// A field whose type varies, such as `log.body`.
    pub fn cells(&self, field: CellField) -> Cells<'a> {
        match self.column(field.0) {
            Some(Column::Cells(cells)) => cells,
            None => Cells::default(),
            Some(_) => panic!("the host sent another column than cells"),
        }
    }

    /// One attribute of every row.
    pub fn attribute(&self, field: AttributeField) -> Values<'a> {
        match self.column(field.0) {
            Some(Column::Text(indices)) => Values::Text(indices),
            Some(Column::Cells(cells)) => Values::Cells(cells),
            None => Values::Text(&[]),
            Some(_) => panic!("the host sent another column than text or cells"),
        }
    }

    /// Every attribute of every row.
    pub fn attributes(&self, field: ListField) -> Attributes<'a> {
        match self.column(field.0) {
            Some(Column::Attributes(list)) => list,
            None => Attributes::default(),
            Some(_) => panic!("the host sent another column than attributes"),
        }
    }
}
