//! The paths and limits that generator, sink and null proxy share. None of them looks into a message.

use spanmill_otlp::Signal;

pub const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// The path of a signal's gRPC method.
pub fn method(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => TRACES,
        Signal::Logs => LOGS,
        Signal::Metrics => METRICS,
    }
}

/// The signal of a request, by the path of its gRPC method or its HTTP endpoint.
pub fn signal(path: &str) -> Option<Signal> {
    let of = |signal: &Signal| path == method(*signal) || path == format!("/v1/{}", signal.name());
    Signal::ALL.into_iter().find(of)
}

/// Batches of 8,192 spans of 1,000 bytes, and then some.
pub const MAX_MESSAGE: usize = 64 << 20;
