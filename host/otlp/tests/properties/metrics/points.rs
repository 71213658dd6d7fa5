//! Data points of every kind as the contract has them, read from decoded structs.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint};

use crate::seen::{Cell, number};

/// A data point of any kind.
#[derive(Clone, Debug)]
pub struct Point {
    pub attributes: Vec<KeyValue>,
    pub times: (u64, u64),
    pub flags: u32,
    /// Count and zero count.
    pub counts: (u64, u64),
    /// Value, sum, min, max, scale and zero threshold.
    pub numbers: [Cell; 6],
}

fn absent() -> Cell {
    number(None)
}

fn int(value: i64) -> Cell {
    (3, value as u64, Vec::new())
}

fn of_number(point: &NumberDataPoint) -> Point {
    let value = match point.value {
        None => absent(),
        Some(Value::AsInt(value)) => int(value),
        Some(Value::AsDouble(value)) => number(Some(value)),
    };
    Point {
        attributes: point.attributes.clone(),
        times: (point.start_time_unix_nano, point.time_unix_nano),
        flags: point.flags,
        counts: (0, 0),
        numbers: [value, absent(), absent(), absent(), absent(), absent()],
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
                numbers: [
                    absent(),
                    number(point.sum),
                    number(point.min),
                    number(point.max),
                    absent(),
                    absent(),
                ],
            });
            points.collect()
        }
        Some(Data::ExponentialHistogram(data)) => {
            let points = data.data_points.iter().map(|point| Point {
                attributes: point.attributes.clone(),
                times: (point.start_time_unix_nano, point.time_unix_nano),
                flags: point.flags,
                counts: (point.count, point.zero_count),
                numbers: [
                    absent(),
                    number(point.sum),
                    number(point.min),
                    number(point.max),
                    int(point.scale.into()),
                    number(Some(point.zero_threshold)),
                ],
            });
            points.collect()
        }
        Some(Data::Summary(data)) => {
            let points = data.data_points.iter().map(|point| Point {
                attributes: point.attributes.clone(),
                times: (point.start_time_unix_nano, point.time_unix_nano),
                flags: point.flags,
                counts: (point.count, 0),
                numbers: [
                    absent(),
                    number(Some(point.sum)),
                    absent(),
                    absent(),
                    absent(),
                    absent(),
                ],
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
    pub value: Option<&'a mut Option<Value>>,
}
