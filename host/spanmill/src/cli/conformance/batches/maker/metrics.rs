//! Metrics of every type.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint,
};

use super::{Maker, Taste};

impl Maker<'_> {
    /// Metrics with about so many data points a resource.
    pub(in super::super) fn metrics(
        &mut self,
        items: usize,
        resources: usize,
    ) -> ExportMetricsServiceRequest {
        let resource_metrics = (0..resources).map(|_| {
            let mut metrics = Vec::new();
            let mut left = items;
            while left > 0 {
                let points = usize::try_from(1 + self.below(8)).unwrap_or(1).min(left);
                left -= points;
                metrics.push(self.metric(points));
            }
            ResourceMetrics {
                resource: self.resource(),
                scope_metrics: vec![ScopeMetrics {
                    scope: self.scope(),
                    metrics,
                    schema_url: String::new(),
                }],
                schema_url: self.text(),
            }
        });
        ExportMetricsServiceRequest {
            resource_metrics: resource_metrics.collect(),
        }
    }

    fn metric(&mut self, points: usize) -> Metric {
        // A metric without data has no points either.
        let kinds = match self.taste {
            Taste::Odd => 6,
            _ => 5,
        };
        Metric {
            name: self.text(),
            description: self.text(),
            unit: self.text(),
            metadata: match self.once_in(4) {
                true => self.attributes(1),
                false => Vec::new(),
            },
            data: match self.below(kinds) {
                0 => Some(Data::Gauge(Gauge {
                    data_points: (0..points).map(|_| self.number_point()).collect(),
                })),
                1 => Some(Data::Sum(Sum {
                    data_points: (0..points).map(|_| self.number_point()).collect(),
                    aggregation_temporality: self.code(3),
                    is_monotonic: self.once_in(2),
                })),
                2 => Some(Data::Histogram(Histogram {
                    data_points: (0..points).map(|_| self.histogram_point()).collect(),
                    aggregation_temporality: self.code(3),
                })),
                3 => Some(Data::ExponentialHistogram(ExponentialHistogram {
                    data_points: (0..points).map(|_| self.exponential_point()).collect(),
                    aggregation_temporality: self.code(3),
                })),
                4 => Some(Data::Summary(Summary {
                    data_points: (0..points).map(|_| self.summary_point()).collect(),
                })),
                _ => None,
            },
        }
    }

    fn number_point(&mut self) -> NumberDataPoint {
        let value = match self.below(match self.taste {
            Taste::Usual => 2,
            _ => 3,
        }) {
            0 => Some(number_data_point::Value::AsInt(self.number() as i64)),
            1 => Some(number_data_point::Value::AsDouble(self.double())),
            _ => None,
        };
        NumberDataPoint {
            attributes: self.attributes(2),
            start_time_unix_nano: self.edge(1_577_836_800_000_000_000),
            time_unix_nano: self.edge(1_577_836_800_000_000_000),
            flags: u32::from(value.is_none()),
            value,
            ..NumberDataPoint::default()
        }
    }

    /// A number that may be left out.
    fn optional(&mut self) -> Option<f64> {
        match self.taste == Taste::Bare || self.once_in(3) {
            true => None,
            false => Some(self.double()),
        }
    }

    fn histogram_point(&mut self) -> HistogramDataPoint {
        HistogramDataPoint {
            attributes: self.attributes(2),
            start_time_unix_nano: self.edge(1_577_836_800_000_000_000),
            time_unix_nano: self.edge(1_577_836_800_000_000_000),
            count: self.edge(10),
            sum: self.optional(),
            bucket_counts: vec![self.below(10), self.below(10), 0],
            explicit_bounds: vec![1.0, 10.0],
            min: self.optional(),
            max: self.optional(),
            ..HistogramDataPoint::default()
        }
    }

    fn exponential_point(&mut self) -> ExponentialHistogramDataPoint {
        ExponentialHistogramDataPoint {
            attributes: self.attributes(2),
            time_unix_nano: self.edge(1_577_836_800_000_000_000),
            count: self.edge(10),
            sum: self.optional(),
            scale: self.code(20).saturating_sub(4),
            zero_count: self.edge(1),
            positive: (!self.once_in(3)).then(|| Buckets {
                offset: self.code(20),
                bucket_counts: vec![self.below(10), 3],
            }),
            min: self.optional(),
            max: self.optional(),
            zero_threshold: self.optional().unwrap_or(0.0),
            ..ExponentialHistogramDataPoint::default()
        }
    }

    fn summary_point(&mut self) -> SummaryDataPoint {
        SummaryDataPoint {
            attributes: self.attributes(2),
            time_unix_nano: self.edge(1_577_836_800_000_000_000),
            count: self.edge(10),
            sum: self.double(),
            ..SummaryDataPoint::default()
        }
    }
}
