//! The extracted columns of one context.

use crate::ABSENT;
use crate::attributes::Store;
use crate::index::Entry;
use crate::path::{Context, Fixed, Home, Shape};
use crate::projection::ContextPlan;

/// The values of one fixed field, a row each (two for trace ids).
#[derive(Clone)]
pub(crate) enum Data {
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
    TraceId(Vec<u64>),
    Text(Vec<u32>),
}

/// A fixed field's values.
#[derive(Clone)]
pub(crate) struct Column {
    pub(crate) fixed: &'static Fixed,
    pub(crate) readers: u64,
    pub(crate) data: Data,
    /// For a field that is written, where each row's is: an offset into the request, a patch, or
    /// [`MISSING`]; else empty.
    pub(crate) sources: Vec<u32>,
    /// Rows that have the field more than once, and where the earlier ones are. The last one counts.
    pub(crate) repeats: Vec<(u32, u32)>,
    written: bool,
}

/// The source of a field that was not sent.
pub(crate) const MISSING: u32 = u32::MAX;

impl Column {
    /// Notes where a row's field is.
    #[inline]
    pub(crate) fn found(&mut self, row: usize, start: usize) {
        if !self.written {
            return;
        }
        if let Some(source) = self.sources.get_mut(row) {
            if *source != MISSING {
                self.repeats.push((row as u32, *source));
            }
            *source = start as u32;
        }
    }
}

/// No column.
pub(crate) const NONE: u8 = u8::MAX;

/// The rows of one context.
#[derive(Clone)]
pub(crate) struct Table {
    pub(crate) context: Context,
    pub(crate) wanted: bool,
    /// The rows' messages in the request.
    pub(crate) entries: Vec<Entry>,
    pub(crate) parents: Vec<u32>,
    pub(crate) columns: Vec<Column>,
    pub(crate) attributes: Option<Store>,
    /// Which column a field of the own message goes to, by field number.
    pub(crate) by_number: [u8; 17],
    pub(crate) status_code: u8,
    pub(crate) status_message: u8,
    pub(crate) schema_url: u8,
}

impl Table {
    pub(crate) fn new(context: Context, plan: &ContextPlan) -> Self {
        let mut table = Table {
            context,
            wanted: plan.wanted,
            entries: Vec::new(),
            parents: Vec::new(),
            columns: Vec::new(),
            attributes: plan.attributes.is_some().then(Store::default),
            by_number: [NONE; 17],
            status_code: NONE,
            status_message: NONE,
            schema_url: NONE,
        };
        for (at, column) in plan.columns.iter().enumerate() {
            let slot = match column.fixed.home {
                Home::Own(number) => table.by_number.get_mut(number as usize),
                Home::Status(crate::schema::number::STATUS_CODE) => Some(&mut table.status_code),
                Home::Status(_) => Some(&mut table.status_message),
                Home::SchemaUrl => Some(&mut table.schema_url),
            };
            if let Some(slot) = slot {
                *slot = at as u8;
            }
            table.columns.push(Column {
                fixed: column.fixed,
                readers: column.readers,
                data: match column.fixed.shape {
                    Shape::Narrow => Data::Narrow(Vec::new()),
                    Shape::Wide => Data::Wide(Vec::new()),
                    Shape::TraceId => Data::TraceId(Vec::new()),
                    Shape::Text => Data::Text(Vec::new()),
                },
                sources: Vec::new(),
                repeats: Vec::new(),
                written: column.written,
            });
        }
        table
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.parents.clear();
        if let Some(store) = &mut self.attributes {
            store.clear();
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.entries.len()
    }

    /// Gives every column a row for each entry, all absent.
    pub(crate) fn lay_out(&mut self) {
        let rows = self.entries.len();
        for column in &mut self.columns {
            column.repeats.clear();
            if column.written {
                refill(&mut column.sources, rows, MISSING);
            }
            match &mut column.data {
                Data::Narrow(values) => refill(values, rows, 0),
                Data::Wide(values) => refill(values, rows, 0),
                Data::TraceId(words) => refill(words, rows * 2, 0),
                Data::Text(indices) => refill(indices, rows, ABSENT),
            }
        }
    }
}

fn refill<T: Copy>(values: &mut Vec<T>, count: usize, value: T) {
    values.clear();
    values.resize(count, value);
}
