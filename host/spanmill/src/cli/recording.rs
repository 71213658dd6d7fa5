//! Recorded OTLP, as commands read it.

use std::path::Path;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message as _;

use super::output::Failure;
use crate::otlp_json::{self, JsonError};
use crate::pipeline::Recorded;
use spanmill_model::Signal;
use spanmill_private::read_regular;

/// A recording is processed in memory, several times its size.
const MAX_INPUT_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// A request in JSON; which signal it carries is known by its first key.
fn from_json(json: &[u8]) -> Result<(Signal, Bytes), JsonError> {
    let signal = otlp_json::signal_of(json).unwrap_or(Signal::Traces);
    Ok((signal, otlp_json::to_protobuf(json, signal)?))
}

/// The recorded requests. Protobuf does not say what it carries: it is of `signal`.
///
/// # Errors
///
/// A file that cannot be read, or whose name does not say how to; what is no OTLP, with its line.
pub(super) fn read(input: &Path, signal: Signal) -> Result<Vec<Recorded>, Failure> {
    let unreadable =
        |why: &dyn std::fmt::Display| Failure(format!("error: {}: {why}", input.display()));
    let bytes = read_regular(input, MAX_INPUT_BYTES).map_err(|error| unreadable(&error))?;
    let mut requests = Vec::new();
    match input.extension().and_then(|extension| extension.to_str()) {
        Some("pb") => requests.push((signal, Bytes::from(bytes))),
        Some("json" | "jsonl") => match from_json(&bytes) {
            Ok(request) => requests.push(request),
            // Not one object: one a line, as the file exporter writes.
            Err(whole) => {
                for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
                    if line.iter().all(u8::is_ascii_whitespace) {
                        continue;
                    }
                    match from_json(line) {
                        Ok(request) => requests.push(request),
                        Err(_) if number == 0 => return Err(unreadable(&whole)),
                        Err(error) => {
                            return Err(unreadable(&format!("line {}: {error}", number + 1)));
                        }
                    }
                }
            }
        },
        _ => {
            return Err(unreadable(
                &"the name must end in .json or .pb, which says how to read it",
            ));
        }
    }
    let recorded = requests.into_iter().map(|(signal, bytes)| {
        let end = last_time(signal, bytes.clone()).map_err(|error| unreadable(&error))?;
        Ok(Recorded {
            signal,
            bytes,
            received_unix_nano: end,
        })
    });
    recorded.collect()
}

/// When a request counts as received: at the latest time in it.
fn last_time(signal: Signal, bytes: Bytes) -> Result<u64, prost::DecodeError> {
    let last = match signal {
        Signal::Traces => {
            let request = ExportTraceServiceRequest::decode(bytes)?;
            let scopes = request.resource_spans.iter().flat_map(|r| &r.scope_spans);
            let spans = scopes.flat_map(|scope| &scope.spans);
            spans.map(|span| span.end_time_unix_nano).max()
        }
        Signal::Logs => {
            let request = ExportLogsServiceRequest::decode(bytes)?;
            let scopes = request.resource_logs.iter().flat_map(|r| &r.scope_logs);
            let records = scopes.flat_map(|scope| &scope.log_records);
            let time =
                |record: &LogRecord| record.time_unix_nano.max(record.observed_time_unix_nano);
            records.map(time).max()
        }
        Signal::Metrics => {
            let request = ExportMetricsServiceRequest::decode(bytes)?;
            let scopes = request
                .resource_metrics
                .iter()
                .flat_map(|r| &r.scope_metrics);
            let metrics = scopes.flat_map(|scope| &scope.metrics);
            metrics.filter_map(last_point).max()
        }
    };
    Ok(last.unwrap_or(0))
}

fn last_point(metric: &Metric) -> Option<u64> {
    match metric.data.as_ref()? {
        Data::Gauge(gauge) => gauge.data_points.iter().map(|p| p.time_unix_nano).max(),
        Data::Sum(sum) => sum.data_points.iter().map(|p| p.time_unix_nano).max(),
        Data::Histogram(it) => it.data_points.iter().map(|p| p.time_unix_nano).max(),
        Data::ExponentialHistogram(it) => it.data_points.iter().map(|p| p.time_unix_nano).max(),
        Data::Summary(summary) => summary.data_points.iter().map(|p| p.time_unix_nano).max(),
    }
}
