//! Collects what a processor did with a batch.

use spanmill_model::{CellKind, Context, PerContext};

use crate::{Batch, WriteField};

/// A value to write.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    /// Removes an attribute or a body, clears a text.
    Absent,
    /// An attribute without a value.
    Empty,
    /// A text, by its index in the batch's pool or from [`Outcome::text`].
    Text(u32),
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A double.
    Double(f64),
    /// Bytes, by pool index.
    Bytes(u32),
    /// An encoded `ArrayValue`, by pool index.
    Array(u32),
    /// An encoded `KeyValueList`, by pool index.
    Map(u32),
}

impl Cell {
    /// A cell as it stands in a batch's columns.
    pub fn from_parts(kind: u8, bits: u64) -> Cell {
        match CellKind::from_number(kind) {
            Some(CellKind::Text) => Cell::Text(bits as u32),
            Some(CellKind::Bool) => Cell::Bool(bits != 0),
            Some(CellKind::Int) => Cell::Int(bits as i64),
            Some(CellKind::Double) => Cell::Double(f64::from_bits(bits)),
            Some(CellKind::Bytes) => Cell::Bytes(bits as u32),
            Some(CellKind::Array) => Cell::Array(bits as u32),
            Some(CellKind::Map) => Cell::Map(bits as u32),
            Some(CellKind::Empty) => Cell::Empty,
            Some(CellKind::Absent) | None => Cell::Absent,
        }
    }

    /// The contract's kind and bits.
    pub fn into_parts(self) -> (u8, u64) {
        let (kind, bits) = match self {
            Cell::Absent => (CellKind::Absent, 0),
            Cell::Text(index) => (CellKind::Text, u64::from(index)),
            Cell::Bool(value) => (CellKind::Bool, u64::from(value)),
            Cell::Int(value) => (CellKind::Int, value as u64),
            Cell::Double(value) => (CellKind::Double, value.to_bits()),
            Cell::Bytes(index) => (CellKind::Bytes, u64::from(index)),
            Cell::Array(index) => (CellKind::Array, u64::from(index)),
            Cell::Map(index) => (CellKind::Map, u64::from(index)),
            Cell::Empty => (CellKind::Empty, 0),
        };
        (kind.number(), bits)
    }
}

/// Owned cells, column by column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[doc(hidden)]
pub struct OwnedCells {
    pub kinds: Vec<u8>,
    pub bits: Vec<u64>,
}

impl OwnedCells {
    pub(crate) fn pop(&mut self) {
        self.kinds.pop();
        self.bits.pop();
    }

    pub(crate) fn push(&mut self, cell: Cell) {
        let (kind, bits) = cell.into_parts();
        self.kinds.push(kind);
        self.bits.push(bits);
    }
}

/// Writes, entry writes, replacements, removals and appends of one field.
#[derive(Clone, Debug, Default)]
#[doc(hidden)]
pub struct FieldEdits {
    pub all: Option<Cell>,
    pub rows: Edits,
    pub entries: Edits,
    pub old: Vec<u32>,
    pub new: Vec<u32>,
    pub removed: Vec<u32>,
    pub append_rows: Vec<u32>,
    pub append_keys: Vec<u32>,
    pub append_values: OwnedCells,
}

/// New values, each for a place: a row or an entry.
#[derive(Clone, Debug, Default)]
#[doc(hidden)]
pub struct Edits {
    pub places: Vec<u32>,
    pub values: OwnedCells,
}

impl Edits {
    fn push(&mut self, place: u32, value: Cell) {
        self.places.push(place);
        self.values.push(value);
    }

    /// The same by place; of several at one place the last counts.
    pub fn in_order(self) -> Self {
        if self.places.is_sorted_by(|one, next| one < next) {
            return self;
        }
        // The last of those at a place stands first.
        let mut order: Vec<usize> = (0..self.places.len()).rev().collect();
        order.sort_by_key(|&at| self.places[at]);
        order.dedup_by_key(|at| self.places[*at]);
        Edits {
            places: order.iter().map(|&at| self.places[at]).collect(),
            values: OwnedCells {
                kinds: order.iter().map(|&at| self.values.kinds[at]).collect(),
                bits: order.iter().map(|&at| self.values.bits[at]).collect(),
            },
        }
    }
}

/// What a processor did with a batch. Empty: everything is kept as it is.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    first_text: u32,
    rows: PerContext<usize>,
    #[doc(hidden)]
    pub verdicts: PerContext<Vec<u8>>,
    #[doc(hidden)]
    pub text_ends: Vec<u32>,
    #[doc(hidden)]
    pub text_bytes: Vec<u8>,
    #[doc(hidden)]
    pub fields: Vec<FieldEdits>,
}

impl Outcome {
    /// An empty outcome for a batch.
    pub fn new(batch: &Batch<'_>) -> Self {
        Outcome {
            first_text: batch.texts.len() as u32,
            rows: PerContext::new(|context| batch.rows(context)),
            ..Outcome::default()
        }
    }

    /// The verdicts on the rows of a context.
    #[inline]
    fn verdicts(&mut self, context: Context) -> &mut Vec<u8> {
        if !context.takes_verdicts() {
            panic!(
                "a {} cannot be dropped, only rows below it",
                context.prefix()
            );
        }
        let verdicts = self.verdicts.get_mut(context);
        if verdicts.is_empty() {
            verdicts.resize(*self.rows.get(context), 0);
        }
        verdicts
    }

    /// Drops a row of any context but resource and scope. Rows that are not there are ignored.
    #[inline]
    pub fn drop_row(&mut self, context: Context, row: usize) {
        if let Some(verdict) = self.verdicts(context).get_mut(row) {
            *verdict = 1;
        }
    }

    /// Holds a span or log record in the host, as edited, until [`Ticker`](crate::Ticker) decides on its trace. The row must
    /// have a trace id.
    #[inline]
    pub fn hold_row(&mut self, context: Context, row: usize) {
        if let Some(verdict) = self.verdicts(context).get_mut(row) {
            *verdict = 2;
        }
    }

    /// Drops the rows whose place in `dropped` is not 0; those dropped before stay dropped.
    /// Faster than [`Outcome::drop_row`] for a plugin that has such a list anyway.
    pub fn drop_rows(&mut self, context: Context, dropped: &[u8]) {
        for (verdict, &dropped) in self.verdicts(context).iter_mut().zip(dropped) {
            *verdict |= u8::from(dropped != 0);
        }
    }

    /// Whether a row is dropped so far.
    pub fn is_dropped(&self, context: Context, row: usize) -> bool {
        self.verdicts.get(context).get(row) == Some(&1)
    }

    /// Adds a text, and returns the index to write it by.
    pub fn text(&mut self, text: &str) -> u32 {
        self.bytes(text.as_bytes())
    }

    /// Adds bytes, or an encoded array or map, and returns the index to write it by.
    pub fn bytes(&mut self, bytes: &[u8]) -> u32 {
        self.text_bytes.extend_from_slice(bytes);
        self.text_ends.push(self.text_bytes.len() as u32);
        self.first_text + self.text_ends.len() as u32 - 1
    }

    /// A text added by [`Outcome::text`]; `None` for one of the batch's own.
    pub fn added(&self, index: u32) -> Option<&[u8]> {
        let index = index.checked_sub(self.first_text)? as usize;
        let end = *self.text_ends.get(index)? as usize;
        let start = if index == 0 {
            0
        } else {
            self.text_ends[index - 1] as usize
        };
        self.text_bytes.get(start..end)
    }

    #[inline]
    fn field(&mut self, field: WriteField) -> &mut FieldEdits {
        let index = field.0 as usize;
        if self.fields.len() <= index {
            self.fields.resize_with(index + 1, FieldEdits::default);
        }
        &mut self.fields[index]
    }

    /// Writes a field of one row; the last write of a row counts.
    pub fn set(&mut self, field: WriteField, row: u32, value: Cell) {
        self.field(field).rows.push(row, value);
    }

    /// Writes texts into a field of some rows, one per row, each a text of the batch or from [`Outcome::text`].
    /// Faster than [`Outcome::set`] for a plugin that has such lists anyway.
    #[inline(never)]
    pub fn set_texts(&mut self, field: WriteField, rows: &[u32], texts: &[u32]) {
        let count = rows.len().min(texts.len());
        let Edits { places, values } = &mut self.field(field).rows;
        places.extend_from_slice(&rows[..count]);
        values.kinds.resize(values.kinds.len() + count, 1);
        values
            .bits
            .extend(texts[..count].iter().map(|&text| u64::from(text)));
    }

    /// Writes values into a field of some rows, one per row, by the contract's kinds and bits as [`Cell::into_parts`] gives
    /// them. Faster than [`Outcome::set`] for a plugin that has such lists anyway.
    #[inline(never)]
    pub fn set_cells(&mut self, field: WriteField, rows: &[u32], kinds: &[u8], bits: &[u64]) {
        let count = rows.len().min(kinds.len()).min(bits.len());
        let Edits { places, values } = &mut self.field(field).rows;
        places.extend_from_slice(&rows[..count]);
        values.kinds.extend_from_slice(&kinds[..count]);
        values.bits.extend_from_slice(&bits[..count]);
    }

    /// Writes a field of every row; rows written by [`Outcome::set`] keep their own value.
    pub fn set_all(&mut self, field: WriteField, value: Cell) {
        self.field(field).all = Some(value);
    }

    /// Gives one entry of a whole attribute list a new value; the last one given counts.
    pub fn set_entry(&mut self, field: WriteField, entry: u32, value: Cell) {
        self.field(field).entries.push(entry, value);
    }

    /// Replaces a text wherever it stands as a value of this field. Name each text once.
    pub fn replace(&mut self, field: WriteField, old: u32, new: u32) {
        let edits = self.field(field);
        edits.old.push(old);
        edits.new.push(new);
    }

    /// Removes an entry of a whole attribute list.
    pub fn remove_entry(&mut self, field: WriteField, entry: u32) {
        self.field(field).removed.push(entry);
    }

    /// Adds an entry to a row's attribute list; rows must come in order, and not have the key yet.
    pub fn append(&mut self, field: WriteField, row: u32, key: u32, value: Cell) {
        let edits = self.field(field);
        edits.append_rows.push(row);
        edits.append_keys.push(key);
        edits.append_values.push(value);
    }
}
