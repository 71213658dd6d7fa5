//! A base-2 exponential histogram, as the OpenTelemetry data model has it
//! (<https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram>).

use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets as WireBuckets;

/// The finest scale, where SDKs begin as well.
const MAX_SCALE: i32 = 20;
const MIN_SCALE: i32 = -10;

/// Bucket counts of values above zero, or below.
#[derive(Clone, Debug, Default)]
struct Buckets {
    offset: i32,
    counts: Vec<u64>,
}

/// Counts in buckets whose width halves and doubles so that at most `max_size` are in use.
#[derive(Clone, Debug)]
pub(super) struct Exponential {
    max_size: usize,
    scale: i32,
    pub(super) zeros: u64,
    positive: Buckets,
    negative: Buckets,
}

impl Exponential {
    pub(super) fn new(max_size: u32) -> Self {
        Exponential {
            max_size: (max_size as usize).max(2),
            scale: MAX_SCALE,
            zeros: 0,
            positive: Buckets::default(),
            negative: Buckets::default(),
        }
    }

    /// The scale of the buckets; 0 where there are none, which says least of values to come.
    pub(super) fn scale(&self) -> i32 {
        match (&self.positive.counts[..], &self.negative.counts[..]) {
            ([], []) => 0,
            _ => self.scale,
        }
    }

    pub(super) fn record(&mut self, value: f64, count: u64) {
        if value == 0.0 {
            self.zeros = self.zeros.saturating_add(count);
            return;
        }
        let mut index = bucket(value.abs(), self.scale);
        let side = if value > 0.0 {
            &self.positive
        } else {
            &self.negative
        };
        let steps = side.steps_to_fit(index, self.max_size);
        if steps > 0 {
            let steps = steps.min((self.scale - MIN_SCALE).max(0));
            self.scale -= steps;
            self.positive.shrink(steps);
            self.negative.shrink(steps);
            index >>= steps;
        }
        let side = if value > 0.0 {
            &mut self.positive
        } else {
            &mut self.negative
        };
        side.add(index, count);
    }

    pub(super) fn wire(&self) -> (Option<WireBuckets>, Option<WireBuckets>) {
        let side = |buckets: &Buckets| {
            (!buckets.counts.is_empty()).then(|| WireBuckets {
                offset: buckets.offset,
                bucket_counts: buckets.counts.clone(),
            })
        };
        (side(&self.positive), side(&self.negative))
    }
}

/// The index of the bucket `(base^index, base^(index+1)]` that a positive value falls in.
fn bucket(value: f64, scale: i32) -> i32 {
    let index = value.log2() * f64::exp2(f64::from(scale));
    let index = index.ceil() - 1.0;
    // Subnormals and infinities stay within what 32 bits hold.
    index.clamp(f64::from(i32::MIN / 4), f64::from(i32::MAX / 4)) as i32
}

impl Buckets {
    /// By how many scales the buckets must get wider to hold one more index.
    fn steps_to_fit(&self, index: i32, max_size: usize) -> i32 {
        if self.counts.is_empty() {
            return 0;
        }
        let last = self.offset + self.counts.len() as i32 - 1;
        let (mut low, mut high) = (self.offset.min(index), last.max(index));
        let mut steps = 0;
        while i64::from(high) - i64::from(low) >= max_size as i64 && steps < 31 {
            (low, high) = (low >> 1, high >> 1);
            steps += 1;
        }
        steps
    }

    fn shrink(&mut self, steps: i32) {
        if self.counts.is_empty() {
            return;
        }
        let old = std::mem::take(self);
        for (index, count) in (old.offset..).zip(old.counts) {
            if count > 0 {
                self.add(index >> steps, count);
            }
        }
    }

    fn add(&mut self, index: i32, count: u64) {
        if self.counts.is_empty() {
            self.offset = index;
        }
        if index < self.offset {
            let missing = (self.offset - index) as usize;
            self.counts.splice(0..0, std::iter::repeat_n(0, missing));
            self.offset = index;
        }
        let at = (index - self.offset) as usize;
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        if let Some(slot) = self.counts.get_mut(at) {
            *slot = slot.saturating_add(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_into_buckets_that_hold_them_and_stay_few() {
        let mut histogram = Exponential::new(20);
        let values: Vec<f64> = (0..1000).map(|n| 0.37 * 1.013f64.powi(n)).collect();
        values.iter().for_each(|value| histogram.record(*value, 1));
        histogram.record(0.0, 3);
        histogram.record(-5.0, 2);
        let (positive, negative) = histogram.wire();
        let (positive, negative) = (positive.unwrap(), negative.unwrap());
        assert!(positive.bucket_counts.len() <= 20);
        let base = f64::exp2(f64::exp2(f64::from(-histogram.scale())));
        for (index, count) in (positive.offset..).zip(&positive.bucket_counts) {
            let (low, high) = (base.powi(index), base.powi(index + 1));
            let expected = values
                .iter()
                .filter(|value| **value > low && **value <= high)
                .count();
            assert_eq!(*count as usize, expected, "bucket {index}");
        }
        assert_eq!(
            (histogram.zeros, negative.bucket_counts.iter().sum::<u64>()),
            (3, 2)
        );
    }

    #[test]
    fn zeros_alone_have_no_scale() {
        let mut histogram = Exponential::new(20);
        histogram.record(0.0, 2);
        assert_eq!((histogram.scale(), histogram.zeros), (0, 2));
        assert_eq!(histogram.wire(), (None, None));
        histogram.record(1.5, 1);
        assert_eq!((histogram.scale(), histogram.zeros), (MAX_SCALE, 2));
    }
}
