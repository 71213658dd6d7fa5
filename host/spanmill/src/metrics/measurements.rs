//! What was measured by one instrument.

/// What was measured by one instrument: lists of one length, or empty.
#[derive(Clone)]
pub(super) struct Measurements {
    pub(super) instrument: u32,
    /// By index into the batch's own.
    pub(super) series: Vec<u32>,
    /// Empty: counts without a value.
    pub(super) values: Vec<f64>,
    /// How many times each counts; empty: once.
    pub(super) counts: Vec<u64>,
    /// Trace and span, for exemplars; empty: none.
    pub(super) ids: Vec<Option<(u128, u64)>>,
}

impl Measurements {
    /// Value and count of a measurement.
    #[inline]
    pub(super) fn at(&self, at: usize) -> (Option<f64>, u64) {
        let count = self.counts.get(at).copied().unwrap_or(1);
        (self.values.get(at).copied(), count)
    }
}
