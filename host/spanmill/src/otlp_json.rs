//! OTLP's JSON and OTLP's protobuf, each made of the other.
//!
//! What messages there are and what their fields are called is said in tables (`tables.rs`); another signal is more rows.
//! JSON is read once, from front to back, and each field is written as protobuf as it comes; protobuf is written as JSON
//! from where it lies. There is nothing in between, so that memory follows what was sent.
//!
//! The rules are those of <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>: proto3's JSON, ids in hexadecimal,
//! unknown fields left out. Read beyond that, as the Collector does: the fields' names in `snake_case`.

mod error;
mod read;
mod scalar;
mod tables;
#[cfg(test)]
mod tests;
mod text;
mod write;

use bytes::Bytes;
use serde::de::IgnoredAny;
use spanmill_model::Signal;

pub(crate) use error::{JsonError, NotProtobuf};
pub(crate) use text::name_of_double;

/// Encodes a JSON request as protobuf.
pub(crate) fn to_protobuf(json: &[u8], signal: Signal) -> Result<Bytes, JsonError> {
    read::transcode(json, message(signal)).map(Bytes::from)
}

/// Adds a protobuf request to a text as one JSON object, without a line break in it.
pub(crate) fn to_json(
    protobuf: &[u8],
    signal: Signal,
    out: &mut Vec<u8>,
) -> Result<(), NotProtobuf> {
    text::write(protobuf, message(signal), out)
}

/// The message of a signal's requests.
fn message(signal: Signal) -> &'static tables::Message {
    match signal {
        Signal::Traces => &tables::TRACES,
        Signal::Logs => &tables::LOGS,
        Signal::Metrics => &tables::METRICS,
    }
}

/// Which signal a JSON request carries, by its keys; `None` if they do not say, or it is no JSON object.
pub(crate) fn signal_of(json: &[u8]) -> Option<Signal> {
    #[derive(serde::Deserialize)]
    struct Keys {
        #[serde(alias = "resource_spans", rename = "resourceSpans")]
        spans: Option<IgnoredAny>,
        #[serde(alias = "resource_logs", rename = "resourceLogs")]
        logs: Option<IgnoredAny>,
        #[serde(alias = "resource_metrics", rename = "resourceMetrics")]
        metrics: Option<IgnoredAny>,
    }
    let keys: Keys = serde_json::from_slice(json).ok()?;
    match (keys.spans, keys.logs, keys.metrics) {
        (Some(_), ..) => Some(Signal::Traces),
        (_, Some(_), _) => Some(Signal::Logs),
        (.., Some(_)) => Some(Signal::Metrics),
        _ => None,
    }
}
