//! What spanmetrics says, told apart by series.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use prost::Message as _;

use super::fields::map;

/// The latest of every series: a count, and for a histogram its buckets as well.
pub type Series = BTreeMap<String, Vec<u64>>;

/// Newer Collectors name themselves on every metric; there is nothing to compare.
const OF_THE_COLLECTOR: &str = "collector.instance.id";

/// Reads requests in the order in which they came; the totals are cumulative.
pub fn series(requests: &[Bytes]) -> Result<Series> {
    let mut all = Series::new();
    for request in requests {
        let request = ExportMetricsServiceRequest::decode(request.clone())?;
        for resource_metrics in request.resource_metrics {
            let resource = resource_metrics.resource.unwrap_or_default().attributes;
            let metrics = resource_metrics.scope_metrics.into_iter();
            for metric in metrics.flat_map(|scope| scope.metrics) {
                let unit = metric.unit;
                let name = |attributes: &[KeyValue]| {
                    let resource = without_collector(&resource);
                    let point = without_collector(attributes);
                    format!("{} [{unit}] {resource} {point}", metric.name)
                };
                match metric.data.context("a metric without points")? {
                    Data::Sum(sum) => {
                        for point in sum.data_points {
                            let value = match point.value {
                                Some(Value::AsInt(value)) => value as u64,
                                Some(Value::AsDouble(value)) => value as u64,
                                None => 0,
                            };
                            all.insert(name(&point.attributes), vec![value]);
                        }
                    }
                    Data::Histogram(histogram) => {
                        for point in histogram.data_points {
                            let mut value = vec![point.count];
                            value.extend(&point.bucket_counts);
                            // Floating-point sums depend on their order.
                            value.push(point.sum.unwrap_or_default().round() as u64);
                            all.insert(name(&point.attributes), value);
                        }
                    }
                    other => anyhow::bail!("a metric of another kind: {other:?}"),
                }
            }
        }
    }
    Ok(all)
}

fn without_collector(attributes: &[KeyValue]) -> String {
    let attributes: Vec<KeyValue> = attributes
        .iter()
        .filter(|attribute| attribute.key != OF_THE_COLLECTOR)
        .cloned()
        .collect();
    map(&attributes)
}

/// How many spans the series count together.
pub fn calls(series: &Series) -> u64 {
    let calls = series.iter().filter(|(name, _)| name.contains(".calls "));
    calls.map(|(_, value)| value[0]).sum()
}
