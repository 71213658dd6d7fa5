//! The gRPC methods of OTLP: one for each signal.

use spanmill_model::Signal;

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
/// Not carried by this version.
pub(super) const PROFILES: &str =
    "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export";

/// The path of the method that takes a signal.
pub(crate) const fn export_method(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => TRACES,
        Signal::Logs => LOGS,
        Signal::Metrics => METRICS,
    }
}

/// The signal that the method at a path takes.
pub(super) fn signal_of(path: &str) -> Option<Signal> {
    Signal::ALL
        .into_iter()
        .find(|signal| export_method(*signal) == path)
}
