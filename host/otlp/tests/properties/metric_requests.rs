//! Random metric requests, with points of every kind.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary,
    SummaryDataPoint, exemplar, number_data_point,
};
use proptest::prelude::*;

use crate::requests::{attributes, id, resources, scopes};

fn exemplars() -> impl Strategy<Value = Vec<Exemplar>> {
    let exemplar = (any::<u64>(), attributes(), id(8), id(16), -9i64..9).prop_map(
        |(time_unix_nano, filtered_attributes, span_id, trace_id, number)| Exemplar {
            time_unix_nano,
            filtered_attributes,
            span_id,
            trace_id,
            value: match number {
                ..0 => None,
                0..5 => Some(exemplar::Value::AsInt(number)),
                _ => Some(exemplar::Value::AsDouble(number as f64)),
            },
        },
    );
    prop::collection::vec(exemplar, 0..2)
}

/// What points of all kinds have.
type Common = (u64, u64, u32, f64);

fn common() -> impl Strategy<Value = Common> {
    let number = prop_oneof![Just(0.0), -5.0..5.0f64];
    (any::<u64>(), 0..3u64, 0..2u32, number)
}

fn number_points() -> impl Strategy<Value = Vec<NumberDataPoint>> {
    let point = (common(), attributes(), exemplars()).prop_map(
        |((time, count, flags, number), attributes, exemplars)| NumberDataPoint {
            attributes,
            start_time_unix_nano: time / 2 * count,
            time_unix_nano: time,
            exemplars,
            flags,
            value: match count {
                0 => None,
                1 => Some(number_data_point::Value::AsInt(number as i64)),
                _ => Some(number_data_point::Value::AsDouble(number)),
            },
        },
    );
    prop::collection::vec(point, 0..4)
}

fn histogram_points() -> impl Strategy<Value = Vec<HistogramDataPoint>> {
    let counts = prop::collection::vec(any::<u64>(), 0..4);
    let point = (common(), attributes(), exemplars(), counts).prop_map(
        |((time, count, flags, number), attributes, exemplars, bucket_counts)| HistogramDataPoint {
            attributes,
            start_time_unix_nano: time / 2,
            time_unix_nano: time,
            count,
            sum: (count > 0).then_some(number),
            explicit_bounds: bucket_counts.iter().map(|count| *count as f64).collect(),
            bucket_counts,
            exemplars,
            flags,
            min: (count > 1).then_some(number),
            max: (count == 1).then_some(number),
        },
    );
    prop::collection::vec(point, 0..4)
}

fn exponential_points() -> impl Strategy<Value = Vec<ExponentialHistogramDataPoint>> {
    let buckets = || {
        let counts = prop::collection::vec(any::<u64>(), 0..4);
        prop::option::of(
            (-9..9i32, counts).prop_map(|(offset, bucket_counts)| Buckets {
                offset,
                bucket_counts,
            }),
        )
    };
    let point = (
        common(),
        attributes(),
        exemplars(),
        buckets(),
        buckets(),
        -9..9i32,
    )
        .prop_map(
            |((time, count, flags, number), attributes, exemplars, positive, negative, scale)| {
                ExponentialHistogramDataPoint {
                    attributes,
                    start_time_unix_nano: time / 2,
                    time_unix_nano: time,
                    count,
                    sum: (count > 0).then_some(number),
                    scale,
                    zero_count: count * 2,
                    positive,
                    negative,
                    flags,
                    exemplars,
                    min: (count > 1).then_some(number),
                    max: (count == 1).then_some(number),
                    zero_threshold: number,
                }
            },
        );
    prop::collection::vec(point, 0..4)
}

fn summary_points() -> impl Strategy<Value = Vec<SummaryDataPoint>> {
    let quantile = (0.0..1.0f64, -1e9..1e9f64)
        .prop_map(|(quantile, value)| ValueAtQuantile { quantile, value });
    let quantiles = prop::collection::vec(quantile, 0..3);
    let point = (common(), attributes(), quantiles).prop_map(
        |((time, count, flags, sum), attributes, quantile_values)| SummaryDataPoint {
            attributes,
            start_time_unix_nano: time / 2,
            time_unix_nano: time,
            count,
            sum,
            quantile_values,
            flags,
        },
    );
    prop::collection::vec(point, 0..4)
}

fn data() -> impl Strategy<Value = Option<Data>> {
    prop_oneof![
        1 => Just(None),
        4 => number_points().prop_map(|data_points| Some(Data::Gauge(Gauge { data_points }))),
        4 => (number_points(), 0..3i32, any::<bool>()).prop_map(
            |(data_points, aggregation_temporality, is_monotonic)| {
                Some(Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic }))
            }
        ),
        4 => (histogram_points(), 0..3i32).prop_map(|(data_points, aggregation_temporality)| {
            Some(Data::Histogram(Histogram { data_points, aggregation_temporality }))
        }),
        4 => (exponential_points(), 0..3i32).prop_map(|(data_points, aggregation_temporality)| {
            let data = ExponentialHistogram { data_points, aggregation_temporality };
            Some(Data::ExponentialHistogram(data))
        }),
        4 => summary_points().prop_map(|data_points| Some(Data::Summary(Summary { data_points }))),
    ]
}

fn metrics() -> impl Strategy<Value = Metric> {
    ("v?[0-3]?", "v?[0-1]?", "m?s?", attributes(), data()).prop_map(
        |(name, description, unit, metadata, data)| Metric {
            name,
            description,
            unit,
            metadata,
            data,
        },
    )
}

/// Requests with few distinct texts, so that texts and keys meet.
pub fn requests() -> impl Strategy<Value = ExportMetricsServiceRequest> {
    let metrics = prop::collection::vec(metrics(), 0..4);
    let scope_metrics =
        (scopes(), metrics, "u?").prop_map(|(scope, metrics, schema_url)| ScopeMetrics {
            scope,
            metrics,
            schema_url,
        });
    let scope_metrics = prop::collection::vec(scope_metrics, 0..3);
    let resource_metrics =
        (resources(), scope_metrics, "u?").prop_map(|(resource, scope_metrics, schema_url)| {
            ResourceMetrics {
                resource,
                scope_metrics,
                schema_url,
            }
        });
    prop::collection::vec(resource_metrics, 0..3)
        .prop_map(|resource_metrics| ExportMetricsServiceRequest { resource_metrics })
}
