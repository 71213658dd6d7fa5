//! The columns of a batch as texts.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use prost::Message as _;
use spanmill_otlp::{BatchView, CellsView, ColumnView, Context, TableView};

use crate::export::prom::value_text;

const ABSENT: u32 = u32::MAX;

/// The columns of a batch.
pub(super) struct Columns<'a>(&'a BatchView<'a>);

impl<'a> Columns<'a> {
    pub fn new(view: &'a BatchView<'a>) -> Self {
        Columns(view)
    }

    fn table(&self, context: Context) -> Option<&'a TableView<'a>> {
        let mut tables = self.0.tables.iter();
        tables.find(|table| table.context == context)
    }

    fn column(&self, context: Context, column: usize) -> Option<&'a ColumnView<'a>> {
        self.table(context)?.columns.get(column)
    }

    /// How many rows a context has.
    pub fn rows(&self, context: Context) -> u32 {
        self.table(context).map_or(0, |table| table.rows)
    }

    /// The row of a context above that a row belongs to.
    pub fn ancestor(&self, context: Context, row: u32, above: Context) -> u32 {
        let (mut context, mut row) = (context, row);
        while context != above {
            let Some(parent) = context.parent() else {
                return 0;
            };
            let parents = self.table(context).map_or(&[][..], |table| table.parents);
            row = parents.get(row as usize).copied().unwrap_or(0);
            context = parent;
        }
        row
    }

    /// A trace id; 0: none.
    pub fn trace_id(&self, context: Context, column: usize, row: u32) -> u128 {
        let Some(ColumnView::TraceId(words)) = self.column(context, column) else {
            return 0;
        };
        let (ids, _) = words.as_chunks::<2>();
        let id = ids.get(row as usize).copied().unwrap_or_default();
        u128::from(id[0]) << 64 | u128::from(id[1])
    }

    /// The value of a field as the Collector's `AsString` has it; `None` if it is absent.
    pub fn text(&self, context: Context, column: usize, row: u32) -> Option<String> {
        let at = row as usize;
        match self.column(context, column)? {
            // The only one that is read is a span's kind.
            ColumnView::Narrow(values) if context == Context::Span => {
                Some(kind_name(*values.get(at)?).to_owned())
            }
            ColumnView::Narrow(values) => values.get(at).map(u32::to_string),
            ColumnView::Wide(values) => values.get(at).map(u64::to_string),
            ColumnView::Text(values) => match *values.get(at)? {
                // The texts of the item's own fields are empty where they are absent.
                ABSENT => None,
                index => Some(self.pooled_text(index)),
            },
            ColumnView::Cells(cells) => self.cell(cells, at),
            ColumnView::TraceId(_) | ColumnView::Attributes(_) => None,
        }
    }

    /// A whole attribute list as text, whatever its order.
    pub fn list(&self, context: Context, column: usize, row: u32) -> String {
        let Some(ColumnView::Attributes(list)) = self.column(context, column) else {
            return String::new();
        };
        let at = row as usize;
        let first = at.checked_sub(1).and_then(|before| list.ends.get(before));
        let entries = first.copied().unwrap_or(0)..list.ends.get(at).copied().unwrap_or(0);
        let mut texts: Vec<String> = entries
            .map(|entry| {
                let at = entry as usize;
                let key = list.keys.get(at).map(|&key| self.pooled_text(key));
                let kind = list.values.kinds.get(at).copied().unwrap_or(0);
                let value = self.cell(&list.values, at);
                format!(
                    "{}={kind}:{}|",
                    key.unwrap_or_default(),
                    value.unwrap_or_default()
                )
            })
            .collect();
        texts.sort_unstable();
        texts.concat()
    }

    fn pooled(&self, index: u64) -> &'a [u8] {
        let texts = &self.0.texts;
        let Ok(index) = usize::try_from(index) else {
            return &[];
        };
        let before = index
            .checked_sub(1)
            .and_then(|before| texts.ends.get(before));
        let start = before.copied().unwrap_or(0) as usize;
        let end = texts.ends.get(index).copied().unwrap_or(0) as usize;
        texts.bytes.get(start..end).unwrap_or(&[])
    }

    fn pooled_text(&self, index: u32) -> String {
        String::from_utf8_lossy(self.pooled(u64::from(index))).into_owned()
    }

    fn cell(&self, cells: &CellsView<'_>, at: usize) -> Option<String> {
        let bits = *cells.bits.get(at)?;
        let value = match cells.kinds.get(at)? {
            0 => return None,
            1 => return Some(String::from_utf8_lossy(self.pooled(bits)).into_owned()),
            2 => Value::BoolValue(bits != 0),
            3 => Value::IntValue(bits.cast_signed()),
            4 => Value::DoubleValue(f64::from_bits(bits)),
            5 => Value::BytesValue(self.pooled(bits).to_vec()),
            6 => Value::ArrayValue(ArrayValue::decode(self.pooled(bits)).unwrap_or_default()),
            7 => Value::KvlistValue(KeyValueList::decode(self.pooled(bits)).unwrap_or_default()),
            _ => return Some(String::new()),
        };
        let value = Some(AnyValue { value: Some(value) });
        Some(value_text::of(&KeyValue {
            value,
            ..KeyValue::default()
        }))
    }
}

/// A span's kind, as the Collector writes it.
fn kind_name(kind: u32) -> &'static str {
    match kind {
        0 => "Unspecified",
        1 => "Internal",
        2 => "Server",
        3 => "Client",
        4 => "Producer",
        5 => "Consumer",
        _ => "",
    }
}
