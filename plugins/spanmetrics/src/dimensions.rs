//! The configured dimensions: a span's attribute, else (for events) the event's, else the resource's, else
//! a default.

use spanmill_sdk::{AttributeField, Attributes, Batch, Context, Contract, Values};

use crate::settings::Dimension;

/// The kind of a cell that stands for the dimension's default.
pub(crate) const DEFAULT: u8 = 15;

/// One dimension.
#[derive(Debug)]
pub(crate) struct Dim {
    pub name: String,
    pub default: Option<String>,
    span: AttributeField,
    event: Option<AttributeField>,
}

/// The dimensions of one table of rows, and their columns in the batch at hand.
#[derive(Debug, Default)]
pub(crate) struct Dimensions {
    pub list: Vec<Dim>,
    /// What the resources have, by resource row and dimension.
    fallback: Vec<(u8, u64)>,
}

impl Dimensions {
    pub(crate) fn add(&mut self, dimensions: &[Dimension], events: bool, contract: &mut Contract) {
        self.list.extend(dimensions.iter().map(|dimension| Dim {
            name: dimension.name.clone(),
            default: dimension.default.clone(),
            span: contract.read_attribute(Context::Span, &dimension.name),
            event: events.then(|| contract.read_attribute(Context::SpanEvent, &dimension.name)),
        }));
    }

    /// The words of a key: a value a dimension, and the kinds of sixteen in one.
    pub(crate) fn width(&self) -> usize {
        self.list.len() + self.list.len().div_ceil(16)
    }

    /// Looks the resources' attributes up.
    pub(crate) fn start(&mut self, batch: &Batch<'_>, resources: &Attributes<'_>) {
        self.fallback.clear();
        for row in 0..batch.rows(Context::Resource) {
            for dim in &self.list {
                let entry = resources.entries(row).find(|&entry| {
                    resources
                        .keys
                        .get(entry)
                        .is_some_and(|&key| batch.texts.get(key) == dim.name)
                });
                let cell = entry.and_then(|entry| {
                    Some((
                        *resources.values.kinds.get(entry)?,
                        *resources.values.bits.get(entry)?,
                    ))
                });
                let default = if dim.default.is_some() {
                    (DEFAULT, 0)
                } else {
                    (0, 0)
                };
                self.fallback.push(cell.unwrap_or(default));
            }
        }
    }

    /// The columns of the batch at hand, those of spans and those of events.
    pub(crate) fn columns<'a>(&self, batch: &Batch<'a>) -> Vec<(Values<'a>, Option<Values<'a>>)> {
        let columns = self.list.iter().map(|dim| {
            (
                batch.attribute(dim.span),
                dim.event.map(|event| batch.attribute(event)),
            )
        });
        columns.collect()
    }

    /// Appends a row's words to a key.
    #[inline]
    pub(crate) fn key(
        &self,
        columns: &[(Values<'_>, Option<Values<'_>>)],
        resource: usize,
        span: usize,
        event: usize,
        key: &mut Vec<u64>,
    ) {
        let fallback = self
            .fallback
            .get(resource * self.list.len()..)
            .unwrap_or_default();
        for (columns, fallback) in columns.chunks(16).zip(fallback.chunks(16)) {
            let mut kinds = 0;
            for (place, ((spans, events), &fallback)) in columns.iter().zip(fallback).enumerate() {
                let mut cell = spans.cell(span);
                if cell.0 == 0 {
                    cell = match events.map(|events| events.cell(event)) {
                        Some(cell) if cell.0 != 0 => cell,
                        _ => fallback,
                    };
                }
                kinds |= u64::from(cell.0) << (4 * place);
                key.push(cell.1);
            }
            key.push(kinds);
        }
    }

    /// The cell of a dimension in a key's words.
    pub(crate) fn cell(&self, words: &[u64], dimension: usize) -> (u8, u64) {
        let (chunk, place) = (dimension / 16, dimension % 16);
        let start = chunk * 17;
        let size = (self.list.len() - chunk * 16).min(16);
        let kinds = words.get(start + size).copied().unwrap_or(0);
        (
            (kinds >> (4 * place) & 15) as u8,
            words.get(start + place).copied().unwrap_or(0),
        )
    }
}
