//! Exponential histograms as Prometheus' native histograms: the same buckets, numbered by their upper bounds.
//!
//! OTLP's bucket `i` begins above `base^i`, Prometheus' bucket `i` ends at `base^i`, so indices move by one. Prometheus
//! has the scales from -4 to 8: finer histograms are merged, coarser ones rejected.

mod buckets;

use opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint;

pub(in crate::export) use buckets::{Buckets, Layout};

const FINEST: i32 = 8;
const COARSEST: i32 = -4;
/// Limit on the buckets of one side; more are merged.
const MAX_BUCKETS: usize = 4096;
/// The zero threshold of client libraries.
const DEFAULT_ZERO_THRESHOLD: f64 = 1e-128;

/// A native histogram with counts as integers.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::export) struct NativeHistogram {
    pub(in crate::export) schema: i32,
    pub(in crate::export) count: u64,
    pub(in crate::export) sum: f64,
    pub(in crate::export) zero_threshold: f64,
    pub(in crate::export) zero_count: u64,
    pub(in crate::export) positive: Buckets,
    pub(in crate::export) negative: Buckets,
}

/// Why a point cannot become a native histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::export) enum NativeHistogramError {
    TooCoarse,
    Count,
    Range,
}

impl NativeHistogramError {
    /// The reason, for a log line.
    pub(in crate::export) fn what(self) -> &'static str {
        match self {
            NativeHistogramError::TooCoarse => {
                "an exponential histogram has a scale below -4, which Prometheus does not have; it is left out"
            }
            NativeHistogramError::Count => {
                "the buckets of an exponential histogram do not add up to its count; it is left out"
            }
            NativeHistogramError::Range => {
                "an exponential histogram has buckets beyond what a number can be; it is left out"
            }
        }
    }
}

impl NativeHistogram {
    pub(in crate::export) fn of(
        point: &ExponentialHistogramDataPoint,
    ) -> Result<Self, NativeHistogramError> {
        if point.scale < COARSEST {
            return Err(NativeHistogramError::TooCoarse);
        }
        let finer = u32::try_from(point.scale.saturating_sub(FINEST)).unwrap_or(0);
        let side = |side: &Option<_>| match side {
            Some(buckets) => Buckets::of(buckets, finer).ok_or(NativeHistogramError::Range),
            None => Ok(Buckets::default()),
        };
        let mut histogram = NativeHistogram {
            schema: point.scale.min(FINEST),
            count: point.count,
            sum: point.sum.unwrap_or(0.0),
            zero_threshold: match point.zero_threshold {
                threshold if threshold > 0.0 && threshold.is_finite() => threshold,
                _ => DEFAULT_ZERO_THRESHOLD,
            },
            zero_count: point.zero_count,
            positive: side(&point.positive)?,
            negative: side(&point.negative)?,
        };
        // Scrapers and backends reject a whole page or request for one histogram whose counts do not add up. Measurements of
        // NaN are in no bucket.
        let in_buckets = histogram.in_buckets().ok_or(NativeHistogramError::Count)?;
        let adds_up = match histogram.sum.is_nan() {
            true => in_buckets <= point.count,
            false => in_buckets == point.count,
        };
        if !adds_up || i64::try_from(point.count).is_err() {
            return Err(NativeHistogramError::Count);
        }
        histogram.bound()?;
        Ok(histogram)
    }

    fn in_buckets(&self) -> Option<u64> {
        let positive = self.positive.total()?;
        self.zero_count
            .checked_add(positive)?
            .checked_add(self.negative.total()?)
    }

    /// Adds another histogram. Returns whether the counts fit.
    #[must_use]
    pub(in crate::export) fn add(&mut self, more: &NativeHistogram) -> bool {
        let Some(count) = self.count.checked_add(more.count) else {
            return false;
        };
        if i64::try_from(count).is_err() {
            return false;
        }
        let mut sum = self.clone();
        let mut more = more.clone();
        let schema = sum.schema.min(more.schema);
        let zero_threshold = sum.zero_threshold.max(more.zero_threshold);
        for one in [&mut sum, &mut more] {
            one.coarsen_to(schema);
            one.widen_zero_to(zero_threshold);
        }
        sum.count = count;
        sum.sum += more.sum;
        sum.zero_count = sum.zero_count.saturating_add(more.zero_count);
        sum.positive.add(&more.positive);
        sum.negative.add(&more.negative);
        let is_countable = sum.bound().is_ok();
        if is_countable {
            *self = sum;
        }
        is_countable
    }

    fn coarsen_to(&mut self, schema: i32) {
        let steps = u32::try_from(self.schema.saturating_sub(schema)).unwrap_or(0);
        if steps > 0 {
            self.positive.coarsen(steps);
            self.negative.coarsen(steps);
            self.schema = schema;
        }
    }

    /// Counts buckets within the threshold as zero.
    fn widen_zero_to(&mut self, threshold: f64) {
        if threshold > self.zero_threshold {
            self.zero_threshold = threshold;
            for side in [&mut self.positive, &mut self.negative] {
                let within = side.take_up_to(self.schema, threshold);
                self.zero_count = self.zero_count.saturating_add(within);
            }
        }
    }

    /// Merges buckets down to the limit.
    fn bound(&mut self) -> Result<(), NativeHistogramError> {
        while self.positive.len().max(self.negative.len()) > MAX_BUCKETS {
            if self.schema <= COARSEST {
                return Err(NativeHistogramError::Range);
            }
            self.coarsen_to(self.schema.saturating_sub(1));
        }
        Ok(())
    }

    /// Estimated heap memory, in bytes.
    pub(in crate::export) fn weight(&self) -> usize {
        let buckets = self.positive.len().saturating_add(self.negative.len());
        buckets.saturating_mul(size_of::<(i32, u64)>())
    }
}

#[cfg(test)]
mod tests;
