//! Metric requests, with points of every kind.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary,
    SummaryDataPoint, exemplar, number_data_point,
};

use crate::seeds::{self, attributes};

const TIME: u64 = 1_790_000_000_000_000_000;

fn exemplars(number: u8) -> Vec<Exemplar> {
    let exemplar = |at| Exemplar {
        filtered_attributes: attributes(at),
        time_unix_nano: TIME,
        span_id: vec![number; 8],
        trace_id: vec![number; 16],
        value: Some(exemplar::Value::AsDouble(0.5)),
    };
    (0..number % 2).map(exemplar).collect()
}

fn number_point(number: u8) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(number),
        start_time_unix_nano: TIME,
        time_unix_nano: TIME + 1,
        exemplars: exemplars(number),
        flags: u32::from(number % 2),
        value: match number % 3 {
            0 => None,
            1 => Some(number_data_point::Value::AsInt(-1)),
            _ => Some(number_data_point::Value::AsDouble(0.5)),
        },
    }
}

fn histogram_point(number: u8) -> HistogramDataPoint {
    HistogramDataPoint {
        attributes: attributes(number),
        time_unix_nano: TIME,
        count: u64::from(number),
        sum: (number % 2 == 0).then_some(0.5),
        bucket_counts: vec![1, 2, u64::from(number)],
        explicit_bounds: vec![0.5, 1.5],
        exemplars: exemplars(number),
        min: Some(0.25),
        ..HistogramDataPoint::default()
    }
}

fn exponential_point(number: u8) -> ExponentialHistogramDataPoint {
    ExponentialHistogramDataPoint {
        attributes: attributes(number),
        time_unix_nano: TIME,
        count: u64::from(number),
        scale: i32::from(number) - 3,
        zero_count: 1,
        positive: Some(Buckets {
            offset: -2,
            bucket_counts: vec![1, 300, 0],
        }),
        exemplars: exemplars(number),
        max: Some(0.75),
        zero_threshold: 0.001,
        ..ExponentialHistogramDataPoint::default()
    }
}

fn summary_point(number: u8) -> SummaryDataPoint {
    SummaryDataPoint {
        attributes: attributes(number),
        time_unix_nano: TIME,
        count: u64::from(number),
        sum: 0.5,
        quantile_values: vec![ValueAtQuantile {
            quantile: 0.99,
            value: 3.0,
        }],
        ..SummaryDataPoint::default()
    }
}

fn metric(number: u8) -> Metric {
    let points = 0..number % 4;
    Metric {
        name: ["", "v1", "http.server.duration"][usize::from(number % 3)].to_owned(),
        description: "v1".to_owned(),
        unit: "ms".to_owned(),
        metadata: attributes(number % 3),
        data: match number % 6 {
            0 => None,
            1 => Some(Data::Gauge(Gauge {
                data_points: points.map(number_point).collect(),
            })),
            2 => Some(Data::Sum(Sum {
                data_points: points.map(number_point).collect(),
                aggregation_temporality: 2,
                is_monotonic: true,
            })),
            3 => Some(Data::Histogram(Histogram {
                data_points: points.map(histogram_point).collect(),
                aggregation_temporality: 1,
            })),
            4 => Some(Data::ExponentialHistogram(ExponentialHistogram {
                data_points: points.map(exponential_point).collect(),
                aggregation_temporality: 1,
            })),
            _ => Some(Data::Summary(Summary {
                data_points: points.map(summary_point).collect(),
            })),
        },
    }
}

/// A request of so many resources.
pub fn request(resources: u8) -> ExportMetricsServiceRequest {
    ExportMetricsServiceRequest {
        resource_metrics: (0..resources)
            .map(|resource| ResourceMetrics {
                resource: seeds::resource(resource),
                scope_metrics: (0..resource % 3 + 1)
                    .map(|scope| ScopeMetrics {
                        scope: seeds::scope(scope),
                        metrics: (0..resources).map(|row| metric(row * 5 + scope)).collect(),
                        schema_url: seeds::SCHEMA_URL.to_owned(),
                    })
                    .collect(),
                ..ResourceMetrics::default()
            })
            .collect(),
    }
}
