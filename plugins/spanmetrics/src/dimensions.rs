//! The configured dimensions: a span's attribute, else (for events) the event's, else the resource's, else
//! a default.

use spanmill_sdk::{AttributeField, Attributes, Batch, Context, Contract, Values};

use crate::settings::Dimension;
use crate::words::{DEFAULT, Words};

/// One dimension.
#[derive(Debug)]
pub(crate) struct Dim {
    pub name: String,
    pub default: Option<String>,
    span: AttributeField,
    event: Option<AttributeField>,
}

/// The dimensions of one table of rows, and what resources have of them in the batch at hand.
#[derive(Debug, Default)]
pub(crate) struct Dimensions {
    pub list: Vec<Dim>,
    /// By resource row and dimension: kind and bits, and their word.
    fallback: Vec<((u8, u64), u32)>,
}

/// The columns of a dimension in the batch at hand: that of spans, and that of events.
pub(crate) type Columns<'a> = (Values<'a>, Option<Values<'a>>);

impl Dimensions {
    pub(crate) fn add(&mut self, dimensions: &[Dimension], events: bool, contract: &mut Contract) {
        let named = dimensions.iter().filter(|it| !it.name.is_empty());
        self.list.extend(named.map(|dimension| Dim {
            name: dimension.name.clone(),
            default: dimension.default.clone(),
            span: contract.read_attribute(Context::Span, &dimension.name),
            event: events.then(|| contract.read_attribute(Context::SpanEvent, &dimension.name)),
        }));
    }

    /// Looks the resources' attributes up.
    pub(crate) fn start(
        &mut self,
        batch: &Batch<'_>,
        resources: &Attributes<'_>,
        words: &mut Words,
    ) {
        self.fallback.clear();
        for row in 0..batch.rows(Context::Resource) {
            for dim in &self.list {
                let entry = resources.entries(row).find(|&entry| {
                    resources
                        .keys
                        .get(entry)
                        .is_some_and(|&key| batch.texts.bytes(key) == dim.name.as_bytes())
                });
                let cell = match entry.map(|entry| resources.values.cell(entry)) {
                    Some(cell) => cell,
                    None if dim.default.is_some() => (DEFAULT, 0),
                    None => (0, 0),
                };
                self.fallback.push((cell, words.of(batch, cell)));
            }
        }
    }

    /// The columns of the batch at hand.
    pub(crate) fn columns<'a>(&self, batch: &Batch<'a>) -> Vec<Columns<'a>> {
        let columns = self.list.iter().map(|dim| {
            (
                batch.attribute(dim.span),
                dim.event.map(|event| batch.attribute(event)),
            )
        });
        columns.collect()
    }

    /// What rows of a resource have that have no value of their own, as a cell and as a word.
    pub(crate) fn fallback(&self, resource: u32, dimension: usize) -> ((u8, u64), u32) {
        let place = resource as usize * self.list.len() + dimension;
        self.fallback.get(place).copied().unwrap_or(((0, 0), 0))
    }

    /// The cell of a dimension of a row; kind 0 if neither span nor event have it.
    pub(crate) fn own(columns: &Columns<'_>, span: usize, event: Option<usize>) -> (u8, u64) {
        match (columns.0.cell(span), event, columns.1) {
            ((0, _), Some(event), Some(events)) => events.cell(event),
            (cell, ..) => cell,
        }
    }
}
