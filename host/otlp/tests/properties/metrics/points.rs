//! Data points of every kind as the contract has them, read from decoded structs.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as PointValue;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint};
use prost::Message;

use crate::seen::{Cell, number};

/// A data point of any kind.
#[derive(Clone, Debug)]
pub struct Point {
    pub attributes: Vec<KeyValue>,
    pub times: (u64, u64),
    pub flags: u32,
    /// Count and zero count.
    pub counts: (u64, u64),
    /// Value, sum, min, max, scale, zero threshold, offsets of positive and negative buckets, bucket counts, bounds, positive
    /// and negative bucket counts, and quantiles.
    pub numbers: [Cell; 13],
}

fn absent() -> Cell {
    number(None)
}

fn int(value: i64) -> Cell {
    (3, value as u64, Vec::new())
}

/// Cells by their place, absent where none is given.
fn numbers<const N: usize>(cells: [(usize, Cell); N]) -> [Cell; 13] {
    let mut all = [(); 13].map(|()| absent());
    for (at, cell) in cells {
        all[at] = cell;
    }
    all
}

fn array(values: impl Iterator<Item = Value>) -> ArrayValue {
    let values = values.map(|value| AnyValue { value: Some(value) });
    ArrayValue {
        values: values.collect(),
    }
}

/// An array; absent if it has nothing in it.
fn list(values: impl Iterator<Item = Value>) -> Cell {
    match array(values).encode_to_vec() {
        encoded if encoded.is_empty() => absent(),
        encoded => (6, 0, encoded),
    }
}

fn count_value(count: u64) -> Value {
    Value::IntValue(count as i64)
}

fn offset(buckets: &Option<Buckets>) -> Cell {
    buckets
        .as_ref()
        .map_or(absent(), |buckets| int(buckets.offset.into()))
}

fn buckets(buckets: &Option<Buckets>) -> Cell {
    let counts = buckets.iter().flat_map(|buckets| &buckets.bucket_counts);
    list(counts.map(|&count| count_value(count)))
}

fn quantile(quantile: &ValueAtQuantile) -> Value {
    let pair = [quantile.quantile, quantile.value];
    Value::ArrayValue(array(pair.into_iter().map(Value::DoubleValue)))
}

fn of_number(point: &NumberDataPoint) -> Point {
    let value = match point.value {
        None => absent(),
        Some(PointValue::AsInt(value)) => int(value),
        Some(PointValue::AsDouble(value)) => number(Some(value)),
    };
    Point {
        attributes: point.attributes.clone(),
        times: (point.start_time_unix_nano, point.time_unix_nano),
        flags: point.flags,
        counts: (0, 0),
        numbers: numbers([(0, value)]),
    }
}

/// The points of a metric.
pub fn points(metric: &Metric) -> Vec<Point> {
    match &metric.data {
        None => Vec::new(),
        Some(Data::Gauge(data)) => data.data_points.iter().map(of_number).collect(),
        Some(Data::Sum(data)) => data.data_points.iter().map(of_number).collect(),
        Some(Data::Histogram(data)) => {
            let points = data.data_points.iter().map(|point| Point {
                attributes: point.attributes.clone(),
                times: (point.start_time_unix_nano, point.time_unix_nano),
                flags: point.flags,
                counts: (point.count, 0),
                numbers: numbers([
                    (1, number(point.sum)),
                    (2, number(point.min)),
                    (3, number(point.max)),
                    (
                        8,
                        list(point.bucket_counts.iter().map(|&count| count_value(count))),
                    ),
                    (
                        9,
                        list(
                            point
                                .explicit_bounds
                                .iter()
                                .copied()
                                .map(Value::DoubleValue),
                        ),
                    ),
                ]),
            });
            points.collect()
        }
        Some(Data::ExponentialHistogram(data)) => {
            let points = data.data_points.iter().map(|point| Point {
                attributes: point.attributes.clone(),
                times: (point.start_time_unix_nano, point.time_unix_nano),
                flags: point.flags,
                counts: (point.count, point.zero_count),
                numbers: numbers([
                    (1, number(point.sum)),
                    (2, number(point.min)),
                    (3, number(point.max)),
                    (4, int(point.scale.into())),
                    (5, number(Some(point.zero_threshold))),
                    (6, offset(&point.positive)),
                    (7, offset(&point.negative)),
                    (10, buckets(&point.positive)),
                    (11, buckets(&point.negative)),
                ]),
            });
            points.collect()
        }
        Some(Data::Summary(data)) => {
            let points = data.data_points.iter().map(|point| Point {
                attributes: point.attributes.clone(),
                times: (point.start_time_unix_nano, point.time_unix_nano),
                flags: point.flags,
                counts: (point.count, 0),
                numbers: numbers([
                    (1, number(Some(point.sum))),
                    (12, list(point.quantile_values.iter().map(quantile))),
                ]),
            });
            points.collect()
        }
    }
}

/// Changes every point of a metric with `edit` and keeps those for which it returns true.
pub fn retain(metric: &mut Metric, mut edit: impl FnMut(Fields<'_>) -> bool) {
    macro_rules! retain {
        ($data:expr, |$point:ident| $value:expr) => {
            $data.data_points.retain_mut(|$point| {
                edit(Fields {
                    attributes: &mut $point.attributes,
                    start: &mut $point.start_time_unix_nano,
                    time: &mut $point.time_unix_nano,
                    flags: &mut $point.flags,
                    value: $value,
                })
            })
        };
    }
    match &mut metric.data {
        None => {}
        Some(Data::Gauge(data)) => retain!(data, |point| Some(&mut point.value)),
        Some(Data::Sum(data)) => retain!(data, |point| Some(&mut point.value)),
        Some(Data::Histogram(data)) => retain!(data, |point| None),
        Some(Data::ExponentialHistogram(data)) => retain!(data, |point| None),
        Some(Data::Summary(data)) => retain!(data, |point| None),
    }
}

/// What may be written of a point.
pub struct Fields<'a> {
    pub attributes: &'a mut Vec<KeyValue>,
    pub start: &'a mut u64,
    pub time: &'a mut u64,
    pub flags: &'a mut u32,
    /// Of a number's point.
    pub value: Option<&'a mut Option<PointValue>>,
}
