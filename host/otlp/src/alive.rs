//! The rows that no stage has dropped.

use crate::ABSENT;
use crate::table::Table;

/// The rows of a context that are still there.
#[derive(Clone, Default)]
pub(crate) struct Alive {
    /// Whether that is every row; `rows` is then not used.
    pub(crate) all: bool,
    pub(crate) rows: Vec<u32>,
}

impl Alive {
    pub(crate) fn count(&self, table: &Table) -> usize {
        if self.all {
            table.rows()
        } else {
            self.rows.len()
        }
    }

    /// Whether one of the batch's own rows is still there.
    pub(crate) fn has(&self, row: u32) -> bool {
        self.all || self.rows.binary_search(&row).is_ok()
    }

    /// The batch's own row that a stage's row is.
    #[inline]
    pub(crate) fn base(&self, row: u32) -> u32 {
        if self.all {
            row
        } else {
            self.rows.get(row as usize).copied().unwrap_or(ABSENT)
        }
    }
}
