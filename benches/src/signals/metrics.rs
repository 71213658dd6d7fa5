//! Data points: of services, as SDKs send them, and of hosts, as the Collector's host metrics receiver does.

mod batch;
mod host;
mod service;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::values::TIME;
use batch::Batch;
use host::host;
use service::service;

/// Between two collections.
const INTERVAL: u64 = 60_000_000_000;

/// A batch of so many data points: services and hosts in turn.
pub fn metrics(count: usize, seed: u64) -> Bytes {
    let mut batch = Batch {
        rng: StdRng::seed_from_u64(seed),
        left: count,
        time: TIME + (seed + 1) * INTERVAL,
    };
    let mut resource_metrics = Vec::new();
    for number in 0.. {
        if batch.left == 0 {
            break;
        }
        resource_metrics.push(match number % 2 {
            0 => service(&mut batch, number),
            _ => host(&mut batch, number),
        });
    }
    ExportMetricsServiceRequest { resource_metrics }
        .encode_to_vec()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;

    #[test]
    fn a_batch_has_points_of_several_kinds() {
        let request = ExportMetricsServiceRequest::decode(metrics(1000, 3)).unwrap();
        let scopes = request
            .resource_metrics
            .iter()
            .flat_map(|of| &of.scope_metrics);
        let metrics = scopes.flat_map(|of| &of.metrics);
        let (mut gauges, mut sums, mut histograms) = (0, 0, 0);
        for metric in metrics {
            match metric.data.as_ref().unwrap() {
                Data::Gauge(gauge) => gauges += gauge.data_points.len(),
                Data::Sum(sum) => sums += sum.data_points.len(),
                Data::Histogram(histogram) => histograms += histogram.data_points.len(),
                other => panic!("{other:?}"),
            }
        }
        assert!(
            gauges > 20 && sums > 400 && histograms > 200,
            "{gauges}, {sums}, {histograms}"
        );
    }
}
