//! What a backend was sent, item by item, each with the resource that it stands under.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{HistogramDataPoint, Metric};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use crate::received::Received;

/// Items of every signal, in the order in which they came.
#[derive(Debug, Default)]
pub struct Arrivals {
    /// Spans.
    pub spans: Vec<(Resource, Span)>,
    /// Log records.
    pub logs: Vec<(Resource, LogRecord)>,
    /// Metrics.
    pub metrics: Vec<(Resource, Metric)>,
}

impl Arrivals {
    /// Reads requests in protobuf, of either protocol.
    pub fn of(requests: &[Received]) -> Self {
        let mut arrivals = Self::default();
        for request in requests {
            if request.path.contains("race") {
                arrivals.add_spans(decode(request));
            } else if request.path.contains("ogs") {
                arrivals.add_logs(decode(request));
            } else {
                arrivals.add_metrics(decode(request));
            }
        }
        arrivals
    }

    fn add_spans(&mut self, request: ExportTraceServiceRequest) {
        for entry in request.resource_spans {
            let resource = entry.resource.unwrap_or_default();
            let spans = entry.scope_spans.into_iter().flat_map(|scope| scope.spans);
            self.spans
                .extend(spans.map(|span| (resource.clone(), span)));
        }
    }

    fn add_logs(&mut self, request: ExportLogsServiceRequest) {
        for entry in request.resource_logs {
            let resource = entry.resource.unwrap_or_default();
            let scopes = entry.scope_logs.into_iter();
            let records = scopes.flat_map(|scope| scope.log_records);
            self.logs
                .extend(records.map(|record| (resource.clone(), record)));
        }
    }

    fn add_metrics(&mut self, request: ExportMetricsServiceRequest) {
        for entry in request.resource_metrics {
            let resource = entry.resource.unwrap_or_default();
            let scopes = entry.scope_metrics.into_iter();
            let metrics = scopes.flat_map(|scope| scope.metrics);
            self.metrics
                .extend(metrics.map(|metric| (resource.clone(), metric)));
        }
    }

    /// Every resource.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        let spans = self.spans.iter().map(|(resource, _)| resource);
        let logs = self.logs.iter().map(|(resource, _)| resource);
        let metrics = self.metrics.iter().map(|(resource, _)| resource);
        spans.chain(logs).chain(metrics)
    }

    /// The log records whose body is this text.
    pub fn logged(&self, body: &str) -> Vec<&LogRecord> {
        let records = self.logs.iter().map(|(_, record)| record);
        let of_body = |record: &&LogRecord| matches!(&record.body, Some(AnyValue { value: Some(Value::StringValue(text)) }) if text == body);
        records.filter(of_body).collect()
    }

    /// What a counter's points add up to, when it was highest.
    pub fn counted(&self, name: &str) -> f64 {
        let total = |data: &Data| match data {
            Data::Sum(sum) => {
                let values = sum.data_points.iter().map(|point| match point.value {
                    Some(Number::AsInt(value)) => value as f64,
                    Some(Number::AsDouble(value)) => value,
                    None => 0.0,
                });
                values.sum()
            }
            other => panic!("{name} is not a sum: {other:?}"),
        };
        self.data(name).map(total).fold(0.0, f64::max)
    }

    /// How many values a histogram has, when it had most.
    pub fn measured(&self, name: &str) -> u64 {
        let total = |data: &Data| match data {
            Data::Histogram(histogram) => {
                let counts = histogram.data_points.iter().map(|point| point.count);
                counts.sum()
            }
            other => panic!("{name} is not a histogram: {other:?}"),
        };
        self.data(name).map(total).max().unwrap_or_default()
    }

    /// Every point of a histogram.
    pub fn histogram<'a>(&'a self, name: &'a str) -> Vec<&'a HistogramDataPoint> {
        let points = self.data(name).filter_map(|data| match data {
            Data::Histogram(histogram) => Some(&histogram.data_points),
            _ => None,
        });
        points.flatten().collect()
    }

    fn data<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Data> {
        let metrics = self.metrics.iter().map(|(_, metric)| metric);
        let named = metrics.filter(move |metric| metric.name == name);
        named.filter_map(|metric| metric.data.as_ref())
    }
}

fn decode<M: Message + Default>(request: &Received) -> M {
    M::decode(request.body.clone()).unwrap_or_else(|error| panic!("{}: {error}", request.path))
}

/// The text that an attribute has; empty if there is none of that key.
pub fn attribute<'a>(attributes: &'a [KeyValue], key: &str) -> &'a str {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|found| found.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(text)) => text,
        _ => "",
    }
}
