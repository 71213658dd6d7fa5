//! What a workspace tells whoever keeps an account of what became of its items.

use super::Workspace;
use crate::row_set::RowSet;
use crate::table::Data;

/// The ids of a batch's spans or log records, a row each as they came.
#[derive(Clone, Copy, Debug)]
pub struct ItemIds<'a> {
    /// Two words a row, the high one first; 0: none.
    pub trace_ids: &'a [u64],
    /// One a row; 0: none.
    pub span_ids: &'a [u64],
}

impl Workspace {
    /// The ids of all spans or log records that came, if the projection has them among `host_reads`.
    pub fn item_ids(&self) -> Option<ItemIds<'_>> {
        let table = self.tables.get(self.signal().item());
        let (mut trace, mut span) = (None, None);
        for column in &table.columns {
            match &column.data {
                Data::TraceId(words) => trace = Some(words.as_slice()),
                Data::Wide(ids) if column.field.name == "span_id" => span = Some(ids.as_slice()),
                _ => {}
            }
        }
        Some(ItemIds {
            trace_ids: trace?,
            span_ids: span?,
        })
    }

    /// Trace id and span id of a span or log record that is left, if the projection has them among `host_reads`.
    pub fn span_ids(&self, row: u32) -> Option<(u128, u64)> {
        let ids = self.item_ids()?;
        let row = self.alive.get(self.signal().item()).base(row) as usize;
        let (high, low) = (ids.trace_ids.get(row * 2)?, ids.trace_ids.get(row * 2 + 1)?);
        let trace = u128::from(*high) << 64 | u128::from(*low);
        Some((trace, *ids.span_ids.get(row)?))
    }

    /// The items that are left; `None`: all that came.
    pub fn left_items(&self) -> Option<RowSet> {
        let item = self.signal().item();
        let alive = self.alive.get(item);
        if alive.all {
            return None;
        }
        let mut left = RowSet::none(self.tables.get(item).rows());
        alive.rows.iter().for_each(|row| left.insert(*row));
        Some(left)
    }

    /// The items that the last outcome held; `None`: none of them.
    pub fn held_items(&self) -> Option<RowSet> {
        let any = self.held.contains(&true);
        any.then(|| self.held.iter().copied().collect())
    }
}
