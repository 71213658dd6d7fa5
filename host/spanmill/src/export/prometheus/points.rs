//! The data points of a metric, whatever its kind.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Metric, NumberDataPoint};

use super::kind::Kind;
use super::reading::Reading;
use crate::export::prom;
use crate::export::prom::names::Shape;

pub(super) struct MetricPoints<'a> {
    pub(super) kind: Kind,
    pub(super) shape: Shape,
    pub(super) is_delta: bool,
    pub(super) points: Vec<DataPoint<'a>>,
}

pub(super) struct DataPoint<'a> {
    pub(super) attributes: &'a [KeyValue],
    pub(super) time_unix_nano: u64,
    pub(super) start_unix_nano: u64,
    pub(super) value: Value,
}

pub(super) enum Value {
    Reading(Reading),
    /// The series has ended.
    Ended,
    /// It cannot be shown, with the reason.
    Invalid(&'static str),
}

/// Why a metric cannot be shown.
pub(super) struct Problem {
    pub(super) what: &'static str,
    /// The number of its points.
    pub(super) points: usize,
}

/// Returns the points of a metric; `None` if the metric has no data.
pub(super) fn of(metric: &Metric) -> Result<Option<MetricPoints<'_>>, Problem> {
    let Some(data) = &metric.data else {
        return Ok(None);
    };
    let gauge = (Kind::Gauge, Shape::Gauge);
    let ((kind, shape), temporality) = match data {
        Data::Gauge(_) => (gauge, None),
        Data::Sum(sum) if sum.is_monotonic => (
            (Kind::Counter, Shape::Counter),
            Some(sum.aggregation_temporality),
        ),
        Data::Sum(sum) => (
            (Kind::UpDown, Shape::Other),
            Some(sum.aggregation_temporality),
        ),
        Data::Histogram(histogram) => (
            (Kind::Histogram, Shape::Other),
            Some(histogram.aggregation_temporality),
        ),
        Data::ExponentialHistogram(histogram) => (
            (Kind::Histogram, Shape::Other),
            Some(histogram.aggregation_temporality),
        ),
        Data::Summary(_) => ((Kind::Summary, Shape::Other), None),
    };
    let points = points(data);
    let is_delta = temporality == Some(AggregationTemporality::Delta as i32);
    let is_known = is_delta
        || temporality.is_none()
        || temporality == Some(AggregationTemporality::Cumulative as i32);
    if !is_known {
        return Err(Problem {
            what: "a metric says neither that it is cumulative nor that it is delta; it is left out",
            points: points.len(),
        });
    }
    Ok(Some(MetricPoints {
        kind,
        shape,
        is_delta,
        points,
    }))
}

fn points(data: &Data) -> Vec<DataPoint<'_>> {
    match data {
        Data::Gauge(gauge) => gauge.data_points.iter().map(number).collect(),
        Data::Sum(sum) => sum.data_points.iter().map(number).collect(),
        Data::Histogram(histogram) => {
            let points = histogram.data_points.iter().map(|point| DataPoint {
                attributes: &point.attributes,
                time_unix_nano: point.time_unix_nano,
                start_unix_nano: point.start_time_unix_nano,
                value: value(point.flags, || {
                    Reading::of_histogram(point)
                        .ok_or("the buckets of a histogram do not fit its bounds; it is left out")
                }),
            });
            points.collect()
        }
        Data::ExponentialHistogram(histogram) => {
            let points = histogram.data_points.iter().map(|point| DataPoint {
                attributes: &point.attributes,
                time_unix_nano: point.time_unix_nano,
                start_unix_nano: point.start_time_unix_nano,
                value: value(point.flags, || {
                    Reading::of_exponential(point).map_err(|error| error.what())
                }),
            });
            points.collect()
        }
        Data::Summary(summary) => {
            let points = summary.data_points.iter().map(|point| DataPoint {
                attributes: &point.attributes,
                time_unix_nano: point.time_unix_nano,
                start_unix_nano: point.start_time_unix_nano,
                value: value(point.flags, || {
                    Reading::of_summary(point).ok_or(
                        "a summary has a quantile that is not between 0 and 1; it is left out",
                    )
                }),
            });
            points.collect()
        }
    }
}

fn number(point: &NumberDataPoint) -> DataPoint<'_> {
    DataPoint {
        attributes: &point.attributes,
        time_unix_nano: point.time_unix_nano,
        start_unix_nano: point.start_time_unix_nano,
        value: value(point.flags, || Ok(Reading::of_number(point))),
    }
}

fn value(flags: u32, reading: impl FnOnce() -> Result<Reading, &'static str>) -> Value {
    if prom::is_stale(flags) {
        return Value::Ended;
    }
    match reading() {
        Ok(reading) => Value::Reading(reading),
        Err(what) => Value::Invalid(what),
    }
}
