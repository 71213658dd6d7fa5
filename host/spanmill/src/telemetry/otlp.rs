//! Metrics as OTLP.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
    metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::families::{Family, FamilyKind};
pub(super) use crate::pipeline::now_unix_nano;

/// An attribute whose value is a text.
pub(super) fn text(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

/// A request with all metrics, as they are at `now_unix_nano`.
pub(super) fn request(
    families: Vec<Family>,
    resource: Vec<KeyValue>,
    started_unix_nano: u64,
    now_unix_nano: u64,
) -> ExportMetricsServiceRequest {
    let points = |family: &Family| -> Vec<NumberDataPoint> {
        let values = family.values.iter();
        values
            .map(|(labels, value)| NumberDataPoint {
                attributes: labels.iter().map(|(key, value)| text(key, value)).collect(),
                start_time_unix_nano: started_unix_nano,
                time_unix_nano: now_unix_nano,
                value: Some(number_data_point::Value::AsDouble(*value)),
                ..NumberDataPoint::default()
            })
            .collect()
    };
    let metric = |family: Family| {
        let data_points = points(&family);
        Metric {
            name: family.name.into_owned(),
            description: family.help.to_owned(),
            unit: family.unit.to_owned(),
            data: Some(match family.kind {
                FamilyKind::Counter => metric::Data::Sum(Sum {
                    data_points,
                    aggregation_temporality: AggregationTemporality::Cumulative.into(),
                    is_monotonic: true,
                }),
                FamilyKind::Gauge => metric::Data::Gauge(Gauge { data_points }),
            }),
            ..Metric::default()
        }
    };
    let scope = InstrumentationScope {
        name: "spanmill".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes: resource,
                ..Resource::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope),
                metrics: families.into_iter().map(metric).collect(),
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}
