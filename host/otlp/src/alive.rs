//! The rows that no stage has dropped.

use crate::ABSENT;
use crate::table::Table;

/// The rows of a context that are left.
#[derive(Clone, Default)]
pub(crate) struct Alive {
    /// Set while every row is left; `rows` is then unused.
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

    /// Whether a row of the batch is left.
    pub(crate) fn has(&self, row: u32) -> bool {
        self.all || self.rows.binary_search(&row).is_ok()
    }

    /// Maps a row as a stage sees it to its row in the batch.
    #[inline]
    pub(crate) fn base(&self, row: u32) -> u32 {
        if self.all {
            row
        } else {
            self.rows.get(row as usize).copied().unwrap_or(ABSENT)
        }
    }
}
