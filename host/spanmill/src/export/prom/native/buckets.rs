//! One side of a native histogram.

use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets as WireBuckets;

/// Non-empty buckets, ordered by Prometheus' index.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::export) struct Buckets(Vec<(i32, u64)>);

/// Buckets as written: spans, and the difference of each count from the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::export) struct Layout {
    /// The distance of each span from the end of the one before (of the first, from 0), and its length.
    pub(in crate::export) spans: Vec<(i32, u32)>,
    pub(in crate::export) deltas: Vec<i64>,
}

/// Gaps of up to this many empty buckets are written out; longer ones begin another span.
const SMALL_GAP: i32 = 2;

impl Buckets {
    /// Merges the buckets of a point by `finer` scales. Returns `None` if an index is out of range.
    pub(super) fn of(wire: &WireBuckets, finer: u32) -> Option<Self> {
        let mut buckets = Buckets::default();
        for (place, count) in wire.bucket_counts.iter().enumerate() {
            if *count == 0 {
                continue;
            }
            let index = i64::from(wire.offset).checked_add(i64::try_from(place).ok()?)?;
            let index = (index >> finer.min(63)).checked_add(1)?;
            buckets.push(i32::try_from(index).ok()?, *count);
        }
        Some(buckets)
    }

    /// Adds to the last bucket, or appends one.
    fn push(&mut self, index: i32, count: u64) {
        match self.0.last_mut() {
            Some((last, total)) if *last == index => *total = total.saturating_add(count),
            _ => self.0.push((index, count)),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The sum of the counts; `None` if it does not fit.
    pub(super) fn total(&self) -> Option<u64> {
        let mut counts = self.0.iter().map(|(_, count)| *count);
        counts.try_fold(0u64, u64::checked_add)
    }

    /// Merges each `2^steps` buckets into one.
    pub(super) fn coarsen(&mut self, steps: u32) {
        let mut merged = Buckets(Vec::with_capacity(self.0.len()));
        for (index, count) in &self.0 {
            // A bucket's index is that of its upper bound, so it is rounded up.
            let index = i64::from(*index).saturating_sub(1) >> steps.min(63);
            let index = i32::try_from(index.saturating_add(1)).unwrap_or(i32::MAX);
            merged.push(index, *count);
        }
        *self = merged;
    }

    pub(super) fn add(&mut self, more: &Buckets) {
        let mut merged = Buckets(Vec::with_capacity(self.len().max(more.len())));
        let (mut one, mut other) = (self.0.iter().peekable(), more.0.iter().peekable());
        loop {
            let next = match (one.peek(), other.peek()) {
                (Some(a), Some(b)) if a.0 <= b.0 => one.next(),
                (Some(_), None) => one.next(),
                (_, Some(_)) => other.next(),
                (None, None) => break,
            };
            if let Some((index, count)) = next {
                merged.push(*index, *count);
            }
        }
        *self = merged;
    }

    /// Removes the buckets that end within a threshold, and returns what they held.
    pub(super) fn take_up_to(&mut self, schema: i32, threshold: f64) -> u64 {
        let width = (-f64::from(schema)).exp2();
        let mut taken = 0u64;
        self.0.retain(|(index, count)| {
            let is_within = (f64::from(*index) * width).exp2() <= threshold;
            if is_within {
                taken = taken.saturating_add(*count);
            }
            !is_within
        });
        taken
    }

    pub(in crate::export) fn layout(&self) -> Layout {
        let mut layout = Layout::default();
        let mut last = 0i64;
        let mut end: Option<i32> = None;
        let mut push = |layout: &mut Layout, count: u64| {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            layout.deltas.push(count.saturating_sub(last));
            last = count;
            if let Some((_, length)) = layout.spans.last_mut() {
                *length = length.saturating_add(1);
            }
        };
        for (index, count) in &self.0 {
            let gap = index.saturating_sub(end.unwrap_or(0));
            match end {
                Some(_) if gap <= SMALL_GAP => (0..gap).for_each(|_| push(&mut layout, 0)),
                _ => layout.spans.push((gap, 0)),
            }
            push(&mut layout, *count);
            end = Some(index.saturating_add(1));
        }
        layout
    }
}
