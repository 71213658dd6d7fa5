//! The bucket counts of an explicit histogram's series, all in one list: where a count stands follows from row and
//! value alone, so that many can be fetched from memory at once.

use spanmill_runtime::InstrumentKind;

use super::measurements::Measurements;

/// The buckets of one instrument.
pub(super) struct Buckets {
    bounds: Vec<f64>,
    /// One more a row than there are bounds.
    counts: Vec<u64>,
}

impl Buckets {
    /// None unless the instrument is a histogram with bounds.
    pub(super) fn new(kind: &InstrumentKind) -> Option<Self> {
        match kind {
            InstrumentKind::Histogram(bounds) => Some(Buckets {
                bounds: bounds.clone(),
                counts: Vec::new(),
            }),
            _ => None,
        }
    }

    fn width(&self) -> usize {
        self.bounds.len() + 1
    }

    /// Makes room for so many rows.
    pub(super) fn grow(&mut self, rows: usize) {
        self.counts.resize(rows * self.width(), 0);
    }

    /// The counts of a row.
    pub(super) fn of(&self, row: usize) -> &[u64] {
        let start = row * self.width();
        self.counts.get(start..start + self.width()).unwrap_or(&[])
    }

    /// Starts a row over.
    pub(super) fn clear(&mut self, row: usize) {
        let (start, width) = (row * self.width(), self.width());
        if let Some(counts) = self.counts.get_mut(start..start + width) {
            counts.fill(0);
        }
    }

    /// Counts measurements; `rows` are those of the batch's series.
    // A function of its own that does nothing else: fetching a count takes far longer than finding its place, and
    // the processor goes ahead to those that follow.
    #[inline(never)]
    pub(super) fn record(&mut self, rows: &[u32], measurements: &Measurements) {
        let width = self.width();
        for (at, &series) in measurements.series.iter().enumerate() {
            let Some(&row) = rows.get(series as usize) else {
                continue;
            };
            let (value, count) = measurements.at(at);
            let value = value.unwrap_or(1.0);
            let bucket = self.bounds.partition_point(|bound| *bound < value);
            if let Some(slot) = self.counts.get_mut(row as usize * width + bucket) {
                *slot = slot.saturating_add(count);
            }
        }
    }
}
