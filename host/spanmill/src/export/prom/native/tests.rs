use opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets as Wire;

use super::{Layout, NativeHistogram, NativeHistogramError};

fn point(scale: i32, offset: i32, counts: &[u64]) -> ExponentialHistogramDataPoint {
    ExponentialHistogramDataPoint {
        scale,
        count: counts.iter().sum(),
        sum: Some(1.5),
        positive: Some(Wire {
            offset,
            bucket_counts: counts.to_vec(),
        }),
        ..ExponentialHistogramDataPoint::default()
    }
}

fn native(scale: i32, offset: i32, counts: &[u64]) -> NativeHistogram {
    NativeHistogram::of(&point(scale, offset, counts)).unwrap()
}

fn layout(spans: &[(i32, u32)], deltas: &[i64]) -> Layout {
    Layout {
        spans: spans.to_vec(),
        deltas: deltas.to_vec(),
    }
}

#[test]
fn buckets_are_written_in_runs_with_differences() {
    for (offset, counts, expected) in [
        (0, &[1, 2, 4][..], layout(&[(1, 3)], &[1, 1, 2])),
        (-3, &[5], layout(&[(-2, 1)], &[5])),
        // A small gap is written, a large one begins another run.
        (0, &[3, 0, 0, 1], layout(&[(1, 4)], &[3, -3, 0, 1])),
        (0, &[3, 0, 0, 0, 1], layout(&[(1, 1), (3, 1)], &[3, -2])),
        (7, &[0, 0, 2, 0], layout(&[(10, 1)], &[2])),
        (7, &[], layout(&[], &[])),
    ] {
        assert_eq!(native(0, offset, counts).positive.layout(), expected);
    }
}

#[test]
fn scales_finer_than_prometheus_has_are_merged() {
    // At scale 9, two buckets make one of scale 8: (0, 1), (2, 3).
    let merged = native(9, 0, &[1, 2, 3, 4]);
    assert_eq!(merged.schema, 8);
    assert_eq!(merged, native(8, 0, &[3, 7]));
    let negative = native(10, -5, &[1, 2, 4, 8, 16]);
    assert_eq!(negative, native(8, -2, &[1, 30]));
    assert_eq!(
        NativeHistogram::of(&point(-5, 0, &[1])),
        Err(NativeHistogramError::TooCoarse)
    );
    assert_eq!(native(20, i32::MAX - 1, &[1, 1]).schema, 8);
}

#[test]
fn what_does_not_add_up_is_refused() {
    let mut wrong = point(0, 0, &[1, 2]);
    wrong.count = 4;
    assert_eq!(
        NativeHistogram::of(&wrong),
        Err(NativeHistogramError::Count)
    );
    // What was no number is in no bucket.
    wrong.sum = Some(f64::NAN);
    assert!(NativeHistogram::of(&wrong).is_ok());
    wrong.count = u64::MAX;
    assert_eq!(
        NativeHistogram::of(&wrong),
        Err(NativeHistogramError::Count)
    );
    let beyond = point(0, i32::MAX, &[1, 1]);
    assert_eq!(
        NativeHistogram::of(&beyond),
        Err(NativeHistogramError::Range)
    );
    let mut overflowing = point(0, 0, &[1]);
    overflowing.positive = Some(Wire {
        offset: 0,
        bucket_counts: vec![u64::MAX, 2],
    });
    assert_eq!(
        NativeHistogram::of(&overflowing),
        Err(NativeHistogramError::Count)
    );
}

#[test]
fn histograms_of_different_scales_are_added_at_the_coarser() {
    let mut total = native(1, -2, &[1, 2, 3, 4]);
    assert!(total.add(&native(0, 3, &[5])));
    assert_eq!(total, {
        let mut expected = native(0, -1, &[3, 7, 0, 0, 5]);
        expected.sum = 3.0;
        expected
    });
}

#[test]
fn what_is_within_the_wider_zero_becomes_zero() {
    let mut total = native(0, 0, &[1, 2, 4]);
    let mut more = native(0, 3, &[8]);
    more.zero_threshold = 4.0;
    assert!(total.add(&more));
    // (1, 2] and (2, 4] are within 4.
    assert_eq!((total.zero_count, total.zero_threshold), (3, 4.0));
    assert_eq!(total.positive, native(0, 2, &[4, 8]).positive);
    assert_eq!(total.count, 15);
}

#[test]
fn buckets_stay_few() {
    let mut total = native(8, 0, &[1; 3000]);
    assert!(total.add(&native(8, 50_000, &[1; 3000])));
    assert!(total.schema < 8 && total.positive.len() <= super::MAX_BUCKETS);
    assert_eq!(total.positive.total(), Some(6000));
    let mut most = native(0, 0, &[i64::MAX as u64]);
    assert!(!most.add(&native(0, 0, &[1])));
    assert_eq!(most, native(0, 0, &[i64::MAX as u64]), "left as it was");
}
