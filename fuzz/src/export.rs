//! What the three signals' requests have in common.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message;
use spanmill_otlp::Signal;

use crate::seeds;

/// An export request.
pub trait Export: Message + Default {
    /// What it carries.
    const SIGNAL: Signal;

    /// One to start from, of so many resources.
    fn seed(resources: u8) -> Self;

    /// How many spans, log records or data points it holds.
    fn items(&self) -> usize;

    /// Requests to start from, each of more parts than the one before.
    fn seeds() -> Vec<Vec<u8>> {
        (0..6)
            .map(|size| Self::seed(size).encode_to_vec())
            .collect()
    }
}

impl Export for ExportTraceServiceRequest {
    const SIGNAL: Signal = Signal::Traces;

    fn seed(resources: u8) -> Self {
        seeds::traces::request(resources)
    }

    fn items(&self) -> usize {
        let scopes = self.resource_spans.iter().flat_map(|r| &r.scope_spans);
        scopes.map(|scope| scope.spans.len()).sum()
    }
}

impl Export for ExportLogsServiceRequest {
    const SIGNAL: Signal = Signal::Logs;

    fn seed(resources: u8) -> Self {
        seeds::logs::request(resources)
    }

    fn items(&self) -> usize {
        let scopes = self.resource_logs.iter().flat_map(|r| &r.scope_logs);
        scopes.map(|scope| scope.log_records.len()).sum()
    }
}

impl Export for ExportMetricsServiceRequest {
    const SIGNAL: Signal = Signal::Metrics;

    fn seed(resources: u8) -> Self {
        seeds::metrics::request(resources)
    }

    fn items(&self) -> usize {
        let scopes = self.resource_metrics.iter().flat_map(|r| &r.scope_metrics);
        let metrics = scopes.flat_map(|scope| &scope.metrics);
        let points = metrics.map(|metric| match &metric.data {
            None => 0,
            Some(Data::Gauge(data)) => data.data_points.len(),
            Some(Data::Sum(data)) => data.data_points.len(),
            Some(Data::Histogram(data)) => data.data_points.len(),
            Some(Data::ExponentialHistogram(data)) => data.data_points.len(),
            Some(Data::Summary(data)) => data.data_points.len(),
        });
        points.sum()
    }
}
