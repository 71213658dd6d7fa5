//! OTLP's JSON made of OTLP's protobuf.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use serde::Serialize;

use super::{ExportError, Payload, Signal};

/// The request as one JSON object, without a line break in it.
pub(super) fn to_json(payload: &Payload) -> Result<Vec<u8>, ExportError> {
    match payload.signal {
        Signal::Traces => convert::<ExportTraceServiceRequest>(payload),
        Signal::Metrics => convert::<ExportMetricsServiceRequest>(payload),
    }
}

/// The request as a structure.
pub(super) fn decode<T: Message + Default>(payload: &Payload) -> Result<T, ExportError> {
    T::decode(payload.bytes.clone())
        .map_err(|_| ExportError::permanent("the batch is not valid protobuf"))
}

fn convert<T: Message + Default + Serialize>(payload: &Payload) -> Result<Vec<u8>, ExportError> {
    serde_json::to_vec(&decode::<T>(payload)?)
        .map_err(|_| ExportError::permanent("the batch has no JSON form"))
}
