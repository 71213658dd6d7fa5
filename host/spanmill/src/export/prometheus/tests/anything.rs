//! Whatever comes in, what is written can be read.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary,
    SummaryDataPoint, exemplar, exponential_histogram_data_point::Buckets, number_data_point,
    summary_data_point::ValueAtQuantile,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::prelude::*;

use super::kinds::{check, families};
use super::{config, exposition, page};
use crate::export::prometheus::config::PrometheusConfig;
use crate::export::prometheus::format::Format;
use crate::export::prometheus::intake::Intake;

fn key() -> impl Strategy<Value = String> {
    let known = [
        "",
        "_",
        "__",
        "job",
        "instance",
        "le",
        "quantile",
        "__name__",
        "a.b",
        "a_b",
        "a-b",
        "1a",
        "service.name",
        "service.instance.id",
        "otel_scope_name",
        "cluster",
        "日本",
        "exported_le",
    ];
    prop_oneof![
        3 => prop::sample::select(known.to_vec()).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::StringValue),
        "[\"\\\\\n\r\t\u{0}\u{1b}\u{85}\u{2028}a,=}{#]{0,6}".prop_map(Value::StringValue),
        any::<i64>().prop_map(Value::IntValue),
        any::<f64>().prop_map(Value::DoubleValue),
        any::<Vec<u8>>().prop_map(Value::BytesValue),
    ]
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let one = (key(), value()).prop_map(|(key, value)| KeyValue {
        key,
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    });
    prop::collection::vec(one, 0..5)
}

fn exemplars() -> impl Strategy<Value = Vec<Exemplar>> {
    let one =
        (any::<f64>(), any::<Vec<u8>>(), any::<u64>()).prop_map(|(value, id, time)| Exemplar {
            value: Some(exemplar::Value::AsDouble(value)),
            trace_id: id,
            span_id: vec![1; 8],
            time_unix_nano: time,
            ..Exemplar::default()
        });
    prop::collection::vec(one, 0..3)
}

fn numbers() -> impl Strategy<Value = Vec<NumberDataPoint>> {
    let value = prop_oneof![
        any::<f64>().prop_map(number_data_point::Value::AsDouble),
        any::<i64>().prop_map(number_data_point::Value::AsInt),
    ];
    let one = (attributes(), value, any::<u64>(), exemplars());
    let one = one.prop_map(|(attributes, value, time, exemplars)| NumberDataPoint {
        attributes,
        value: Some(value),
        time_unix_nano: time,
        exemplars,
        ..NumberDataPoint::default()
    });
    prop::collection::vec(one, 0..4)
}

fn histograms() -> impl Strategy<Value = Vec<HistogramDataPoint>> {
    let bounds = prop_oneof![
        Just(vec![1.0, 10.0]),
        Just(vec![-1.0, 0.5, 1e6, f64::INFINITY]),
        prop::collection::vec(any::<f64>(), 0..3),
    ];
    let counts = prop::collection::vec(0..u64::MAX / 8, 0..5);
    let one = (attributes(), bounds, counts, any::<u64>(), exemplars());
    let one = one.prop_map(
        |(attributes, explicit_bounds, bucket_counts, time, exemplars)| HistogramDataPoint {
            attributes,
            explicit_bounds,
            bucket_counts,
            time_unix_nano: time,
            sum: Some(1.5),
            exemplars,
            ..HistogramDataPoint::default()
        },
    );
    prop::collection::vec(one, 0..4)
}

fn side() -> impl Strategy<Value = Option<Buckets>> {
    let offset = prop_oneof![-20..20i32, any::<i32>()];
    let counts = prop_oneof![
        prop::collection::vec(0..5u64, 0..20),
        prop::collection::vec(any::<u64>(), 0..3),
    ];
    prop::option::of((offset, counts)).prop_map(|side| {
        side.map(|(offset, bucket_counts)| Buckets {
            offset,
            bucket_counts,
        })
    })
}

fn exponentials() -> impl Strategy<Value = Vec<ExponentialHistogramDataPoint>> {
    let of = |side: &Option<Buckets>| {
        let counts = side.as_ref().map_or(&[][..], |side| &side.bucket_counts);
        counts
            .iter()
            .fold(0u64, |sum, count| sum.wrapping_add(*count))
    };
    let scale = prop_oneof![-6..12i32, any::<i32>()];
    let threshold = prop_oneof![Just(0.0), Just(1e-3), any::<f64>()];
    let one = (
        attributes(),
        scale,
        side(),
        side(),
        (0..9u64, threshold, prop::option::of(any::<f64>()), 0..8u32),
        exemplars(),
    );
    let one = one.prop_map(
        move |(attributes, scale, positive, negative, (zero, threshold, sum, odd), exemplars)| {
            let count = of(&positive).wrapping_add(of(&negative)).wrapping_add(zero);
            ExponentialHistogramDataPoint {
                attributes,
                count: count.wrapping_add(u64::from(odd == 0)),
                sum,
                scale,
                zero_count: zero,
                zero_threshold: threshold,
                positive,
                negative,
                flags: u32::from(odd == 1),
                exemplars,
                ..ExponentialHistogramDataPoint::default()
            }
        },
    );
    prop::collection::vec(one, 0..4)
}

fn summaries() -> impl Strategy<Value = Vec<SummaryDataPoint>> {
    let quantile = prop_oneof![Just(0.5), Just(-0.0), 0.0..=1.0, any::<f64>()];
    let quantiles = prop::collection::vec((quantile, any::<f64>()), 0..4);
    let one = (attributes(), any::<u64>(), any::<f64>(), quantiles, 0..8u32);
    let one = one.prop_map(
        |(attributes, count, sum, quantiles, odd)| SummaryDataPoint {
            attributes,
            count,
            sum,
            quantile_values: quantiles
                .into_iter()
                .map(|(quantile, value)| ValueAtQuantile { quantile, value })
                .collect(),
            flags: u32::from(odd == 0),
            ..SummaryDataPoint::default()
        },
    );
    prop::collection::vec(one, 0..4)
}

fn metric() -> impl Strategy<Value = Metric> {
    let name = prop_oneof![
        4 => prop::sample::select(vec![
            "x", "x.total", "x_count", "x.bucket", "x_sum", "x.y", "x_y", "target.info", "9", "...", "",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    let unit = prop::sample::select(vec!["", "1", "ms", "By/s", "{x}", "ü/%"]);
    let data = prop_oneof![
        (numbers(), any::<bool>(), 0..3).prop_map(|(data_points, is_monotonic, temporality)| {
            Data::Sum(Sum {
                data_points,
                is_monotonic,
                aggregation_temporality: temporality,
            })
        }),
        numbers().prop_map(|data_points| Data::Gauge(Gauge { data_points })),
        (histograms(), 0..3).prop_map(|(data_points, temporality)| {
            Data::Histogram(Histogram {
                data_points,
                aggregation_temporality: temporality,
            })
        }),
        (exponentials(), 0..3).prop_map(|(data_points, temporality)| {
            Data::ExponentialHistogram(ExponentialHistogram {
                data_points,
                aggregation_temporality: temporality,
            })
        }),
        summaries().prop_map(|data_points| Data::Summary(Summary { data_points })),
    ];
    (name, unit, any::<String>(), data).prop_map(|(name, unit, description, data)| Metric {
        name,
        unit: unit.to_owned(),
        description,
        data: Some(data),
        ..Metric::default()
    })
}

/// Metrics of every kind, odd ones among them.
pub(in crate::export) fn request() -> impl Strategy<Value = ExportMetricsServiceRequest> {
    let scope = (
        any::<String>(),
        attributes(),
        prop::collection::vec(metric(), 0..4),
    );
    let scope = scope.prop_map(|(name, attributes, metrics)| ScopeMetrics {
        scope: Some(InstrumentationScope {
            name: name.clone(),
            attributes,
            ..InstrumentationScope::default()
        }),
        metrics,
        schema_url: name,
    });
    let resource = (attributes(), prop::collection::vec(scope, 0..3));
    let resource = resource.prop_map(|(attributes, scope_metrics)| ResourceMetrics {
        resource: Some(Resource {
            attributes,
            ..Resource::default()
        }),
        scope_metrics,
        ..ResourceMetrics::default()
    });
    prop::collection::vec(resource, 0..3)
        .prop_map(|resource_metrics| ExportMetricsServiceRequest { resource_metrics })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_in_the_page_can_be_read(
        requests in prop::collection::vec(request(), 1..3),
        resource_to_telemetry in any::<bool>(),
        without_scope_info in any::<bool>(),
        add_metric_suffixes in any::<bool>(),
        namespace in prop::sample::select(vec!["", "my app", "1"]),
        send_timestamps in any::<bool>(),
    ) {
        let config = PrometheusConfig {
            resource_to_telemetry,
            without_scope_info,
            add_metric_suffixes,
            namespace: namespace.to_owned(),
            send_timestamps,
            ..config()
        };
        let intake = Intake::new(&config);
        for request in &requests {
            intake.take(request);
        }
        for format in [Format::Text, Format::OpenMetrics] {
            let page = page(&intake, format, send_timestamps);
            exposition::read(&page, format == Format::OpenMetrics);
        }
        let families = families(&intake);
        for family in families.values().flatten() {
            check(family);
        }
    }
}
