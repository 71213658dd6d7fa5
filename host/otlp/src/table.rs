//! The extracted columns of one context.

use spanmill_model::{Context, Field, Shape};

use crate::ABSENT;
use crate::attributes::Store;
use crate::attributes::read::Reading;
use crate::index::Entry;
use crate::kind;
use crate::projection::ContextPlan;
use crate::schema::{DataKind, Home};

/// The values of one fixed field, a row each (two for trace ids).
#[derive(Clone)]
pub(crate) enum Data {
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
    TraceId(Vec<u64>),
    Text(Vec<u32>),
    /// Kinds and bits.
    Cells(Vec<u8>, Vec<u64>),
}

/// A fixed field's values.
#[derive(Clone)]
pub(crate) struct Column {
    pub(crate) field: &'static Field,
    pub(crate) home: Home,
    pub(crate) readers: u64,
    pub(crate) data: Data,
    /// If the field is written, where each row's is: an offset into the request, a patch, or [`MISSING`].
    /// Else empty.
    pub(crate) sources: Vec<u32>,
    /// Rows that have the field more than once, in order, and where the earlier ones are; the last one counts.
    pub(crate) repeats: Vec<(u32, u32)>,
    /// The list of the row at hand, an encoded `ArrayValue`, which may come in pieces.
    pub(crate) list: Vec<u8>,
    written: bool,
}

/// The source of a field that was not sent, or is gone.
pub(crate) const MISSING: u32 = u32::MAX;

impl Column {
    /// Where the earlier ones are in a row that has the field more than once.
    pub(crate) fn repeats_of(&mut self, row: u32) -> impl Iterator<Item = &mut u32> {
        let first = self
            .repeats
            .partition_point(|(repeated, _)| *repeated < row);
        let from_row = self.repeats.get_mut(first..).unwrap_or(&mut []).iter_mut();
        from_row
            .take_while(move |(repeated, _)| *repeated == row)
            .map(|(_, source)| source)
    }

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

/// The rows of one context.
#[derive(Clone)]
pub(crate) struct Table {
    pub(crate) context: Context,
    pub(crate) wanted: bool,
    /// The rows' messages in the request.
    pub(crate) entries: Vec<Entry>,
    pub(crate) parents: Vec<u32>,
    /// What each metric's points are, or each data point; empty for other contexts.
    pub(crate) data: Vec<DataKind>,
    pub(crate) columns: Vec<Column>,
    pub(crate) attributes: Option<Store>,
    /// How the attributes are read.
    pub(crate) reading: Reading,
    /// What is known of the request, a kind and bits for each that is wanted.
    pub(crate) request: Vec<(u8, u64)>,
}

impl Table {
    pub(crate) fn new(context: Context, plan: &ContextPlan) -> Self {
        Table {
            context,
            wanted: plan.wanted,
            entries: Vec::new(),
            parents: Vec::new(),
            data: Vec::new(),
            columns: plan
                .columns
                .iter()
                .map(|column| Column {
                    field: column.field,
                    home: column.home,
                    readers: column.readers,
                    data: match column.field.shape {
                        Shape::Narrow => Data::Narrow(Vec::new()),
                        Shape::Wide => Data::Wide(Vec::new()),
                        Shape::TraceId => Data::TraceId(Vec::new()),
                        Shape::Text => Data::Text(Vec::new()),
                        Shape::Value | Shape::Number | Shape::List => {
                            Data::Cells(Vec::new(), Vec::new())
                        }
                    },
                    sources: Vec::new(),
                    repeats: Vec::new(),
                    list: Vec::new(),
                    written: column.written,
                })
                .collect(),
            attributes: plan.attributes.is_some().then(Store::default),
            reading: Reading::default(),
            request: vec![(kind::ABSENT, 0); plan.request.len()],
        }
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.parents.clear();
        self.data.clear();
        self.request.fill((kind::ABSENT, 0));
        if let Some(store) = &mut self.attributes {
            store.clear();
            self.reading.clear();
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.entries.len()
    }

    /// The kind of points that a row is; 0 for other rows.
    #[inline]
    pub(crate) fn point_kind(&self, row: usize) -> usize {
        match self.context {
            Context::DataPoint => self.data.get(row).map_or(0, |data| data.point_kind()),
            _ => 0,
        }
    }

    /// The column of a field.
    pub(crate) fn column_mut(&mut self, field: &'static Field) -> Option<&mut Column> {
        let mut columns = self.columns.iter_mut();
        columns.find(|column| std::ptr::eq(column.field, field))
    }

    /// The column of a field.
    pub(crate) fn column(&self, field: &'static Field) -> Option<&Column> {
        let mut columns = self.columns.iter();
        columns.find(|column| std::ptr::eq(column.field, field))
    }

    /// The trace id of a row, if those are extracted; 0: it has none.
    pub(crate) fn trace_id(&self, row: u32) -> Option<u128> {
        let words = self.columns.iter().find_map(|column| match &column.data {
            Data::TraceId(words) => Some(words),
            _ => None,
        })?;
        let (ids, _) = words.as_chunks::<2>();
        let [high, low] = *ids.get(row as usize)?;
        Some(u128::from(high) << 64 | u128::from(low))
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
                Data::Cells(kinds, bits) => {
                    refill(kinds, rows, kind::ABSENT);
                    refill(bits, rows, 0);
                    imply(column.home, kinds, &self.data);
                }
            }
        }
    }
}

/// Fields that are zero where they were not sent, rather than absent.
fn imply(home: Home, kinds: &mut [u8], data: &[DataKind]) {
    for (kind, data) in kinds.iter_mut().zip(data) {
        if let Some(implied) = home.implied(*data) {
            *kind = implied.number();
        }
    }
}

fn refill<T: Copy>(values: &mut Vec<T>, count: usize, value: T) {
    values.clear();
    values.resize(count, value);
}
