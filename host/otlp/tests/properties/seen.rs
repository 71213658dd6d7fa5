//! A batch as a stage sees it, with texts in place of their indices.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use spanmill_otlp::{BatchView, ColumnView, Context};

use crate::columns;

/// Kind, and bits or bytes.
pub type Cell = (u8, u64, Vec<u8>);

/// A column with its texts looked up.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
    TraceIds(Vec<u128>),
    /// Texts; empty where there is none.
    Texts(Vec<String>),
    Cells(Vec<Cell>),
    /// The entries of each row.
    Lists(Vec<Vec<(String, Cell)>>),
}

fn text(view: &BatchView<'_>, index: u32) -> Vec<u8> {
    let (ends, index) = (view.texts.ends, index as usize);
    let start = if index == 0 { 0 } else { ends[index - 1] };
    view.texts.bytes[start as usize..ends[index] as usize].to_vec()
}

fn string(view: &BatchView<'_>, index: u32) -> String {
    match index {
        u32::MAX => String::new(),
        index => String::from_utf8(text(view, index)).unwrap(),
    }
}

fn cell(view: &BatchView<'_>, kind: u8, bits: u64) -> Cell {
    match kind {
        1 | 5 | 6 | 7 => (kind, 0, text(view, bits as u32)),
        _ => (kind, bits, Vec::new()),
    }
}

/// The columns of a context's table.
pub fn columns(view: &BatchView<'_>, context: Context) -> Vec<Seen> {
    let mut tables = view.tables.iter();
    let table = tables.find(|table| table.context == context).unwrap();
    let columns = table.columns.iter().map(|column| match *column {
        ColumnView::Narrow(values) => Seen::Narrow(values.to_vec()),
        ColumnView::Wide(values) => Seen::Wide(values.to_vec()),
        ColumnView::TraceId(words) => Seen::TraceIds(
            words
                .chunks(2)
                .map(|id| u128::from(id[0]) << 64 | u128::from(id[1]))
                .collect(),
        ),
        ColumnView::Text(indices) => {
            Seen::Texts(indices.iter().map(|&index| string(view, index)).collect())
        }
        ColumnView::Cells(cells) => {
            let cells = cells.kinds.iter().zip(cells.bits);
            Seen::Cells(cells.map(|(&kind, &bits)| cell(view, kind, bits)).collect())
        }
        ColumnView::Attributes(lists) => {
            let mut start = 0;
            let row = |&end: &u32| {
                let entries = (std::mem::replace(&mut start, end)..end).map(|at| {
                    let at = at as usize;
                    let (kind, bits) = (lists.values.kinds[at], lists.values.bits[at]);
                    (string(view, lists.keys[at]), cell(view, kind, bits))
                });
                entries.collect()
            };
            Seen::Lists(lists.ends.iter().map(row).collect())
        }
    });
    columns.collect()
}

/// The rows above those of a context's table.
pub fn parents(view: &BatchView<'_>, context: Context) -> Vec<u32> {
    let mut tables = view.tables.iter();
    let table = tables.find(|table| table.context == context).unwrap();
    table.parents.to_vec()
}

/// Attribute lists as a column has them.
pub fn lists<'a>(rows: impl Iterator<Item = &'a Vec<KeyValue>>) -> Seen {
    let entry = |pair: &KeyValue| (pair.key.clone(), columns::cell(&pair.value));
    Seen::Lists(rows.map(|row| row.iter().map(entry).collect()).collect())
}

/// An id as a column has it.
pub fn trace_id(id: &[u8]) -> u128 {
    <[u8; 16]>::try_from(id).map_or(0, u128::from_be_bytes)
}

/// An id as a column has it.
pub fn span_id(id: &[u8]) -> u64 {
    <[u8; 8]>::try_from(id).map_or(0, u64::from_be_bytes)
}

/// A column's cells of numbers: an int, a double, or nothing.
pub fn number(value: Option<f64>) -> Cell {
    match value {
        Some(value) => (4, value.to_bits(), Vec::new()),
        None => (0, 0, Vec::new()),
    }
}
