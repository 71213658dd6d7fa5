//! Where statements run.

use std::ops::Range;

use spanmill_sdk::Context;

use crate::datum::Failure;
use crate::frame::Frame;
use crate::slots::Slots;

/// Where an action runs.
pub(crate) struct Running<'r, 'a> {
    pub frame: &'r mut Frame<'a>,
    pub slots: &'r Slots,
    pub context: Context,
}

/// Where something failed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Failures {
    /// On how many rows.
    pub count: usize,
    /// Why it failed first.
    pub why: Option<Failure>,
}

impl Failures {
    /// Takes note of what became of a row.
    #[inline]
    pub(crate) fn note(&mut self, result: Result<(), Failure>) {
        if let Err(why) = result {
            self.count += 1;
            self.why.get_or_insert(why);
        }
    }
}

/// `1 row`, `2 rows`.
pub(crate) fn rows_text(rows: &usize) -> String {
    match *rows {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    }
}

/// The rows that are asked for: all, if nothing is said of them.
#[inline]
pub(crate) fn held(rows: Range<usize>, holds: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let start = rows.start;
    rows.filter(move |row| {
        holds.is_empty() || holds.get(row - start).is_some_and(|&holds| holds != 0)
    })
}
