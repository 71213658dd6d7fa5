//! Metrics of a batch that has only so many data points to give out.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::exemplar::Value as ExemplarValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use rand::Rng;
use rand::rngs::StdRng;

use crate::values::{TIME, scope, skewed};

const CUMULATIVE: i32 = 2;
/// Bounds of durations in seconds, of the semantic conventions.
const BOUNDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// What kind of metric it is.
#[derive(Clone, Copy)]
pub enum Kind {
    Gauge,
    /// Whether it is monotonic.
    Sum(bool),
    Histogram,
}

/// What resources are made of while there are data points left to give out.
pub struct Batch {
    pub rng: StdRng,
    /// Data points that are left.
    pub left: usize,
    /// When they were collected.
    pub time: u64,
}

impl Batch {
    /// A metric with these points, or with the first of them if there are not so many left.
    pub fn metric(
        &mut self,
        (name, unit, description): (&str, &str, &str),
        kind: Kind,
        mut points: Vec<Vec<KeyValue>>,
    ) -> Option<Metric> {
        points.truncate(self.left);
        self.left -= points.len();
        if points.is_empty() {
            return None;
        }
        let data = match kind {
            Kind::Gauge => Data::Gauge(Gauge {
                data_points: self.numbers(points, 0),
            }),
            Kind::Sum(is_monotonic) => Data::Sum(Sum {
                data_points: self.numbers(points, TIME),
                aggregation_temporality: CUMULATIVE,
                is_monotonic,
            }),
            Kind::Histogram => Data::Histogram(Histogram {
                data_points: points
                    .into_iter()
                    .map(|attributes| self.durations(attributes))
                    .collect(),
                aggregation_temporality: CUMULATIVE,
            }),
        };
        Some(Metric {
            name: name.to_owned(),
            unit: unit.to_owned(),
            description: description.to_owned(),
            data: Some(data),
            ..Metric::default()
        })
    }

    fn numbers(&mut self, points: Vec<Vec<KeyValue>>, start: u64) -> Vec<NumberDataPoint> {
        let point = |attributes| NumberDataPoint {
            attributes,
            start_time_unix_nano: start,
            time_unix_nano: self.time,
            value: Some(match self.rng.random_bool(0.5) {
                true => Value::AsInt(self.rng.random_range(0..1 << 33)),
                false => Value::AsDouble(self.rng.random_range(0.0..90_000.0)),
            }),
            ..NumberDataPoint::default()
        };
        points.into_iter().map(point).collect()
    }

    fn durations(&mut self, attributes: Vec<KeyValue>) -> HistogramDataPoint {
        let buckets = 0..=BOUNDS.len();
        let bucket_counts: Vec<u64> = buckets
            .map(|_| u64::from(skewed(&mut self.rng, 5000)))
            .collect();
        let exemplar = self.rng.random_bool(0.2).then(|| Exemplar {
            time_unix_nano: self.time - u64::from(skewed(&mut self.rng, 1_000_000_000)),
            value: Some(ExemplarValue::AsDouble(self.rng.random_range(0.0..5.0))),
            span_id: self.rng.random::<u64>().to_be_bytes().to_vec(),
            trace_id: self.rng.random::<u128>().to_be_bytes().to_vec(),
            ..Exemplar::default()
        });
        HistogramDataPoint {
            attributes,
            start_time_unix_nano: TIME,
            time_unix_nano: self.time,
            count: bucket_counts.iter().sum(),
            sum: Some(self.rng.random_range(1.0..5000.0)),
            min: Some(self.rng.random_range(0.001..0.01)),
            max: Some(self.rng.random_range(0.1..10.0)),
            bucket_counts,
            explicit_bounds: BOUNDS.to_vec(),
            exemplars: exemplar.into_iter().collect(),
            ..HistogramDataPoint::default()
        }
    }
}

/// A scope with those of its metrics that have data points.
pub fn scoped(
    name: &str,
    version: &str,
    metrics: impl IntoIterator<Item = Option<Metric>>,
) -> ScopeMetrics {
    ScopeMetrics {
        scope: Some(scope(name, version)),
        metrics: metrics.into_iter().flatten().collect(),
        ..ScopeMetrics::default()
    }
}

/// A resource with those of its scopes that have metrics.
pub fn resource_metrics(
    resource: Resource,
    mut scope_metrics: Vec<ScopeMetrics>,
) -> ResourceMetrics {
    scope_metrics.retain(|scope| !scope.metrics.is_empty());
    ResourceMetrics {
        resource: Some(resource),
        scope_metrics,
        schema_url: "https://opentelemetry.io/schemas/1.34.0".to_owned(),
    }
}
