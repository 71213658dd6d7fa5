//! OTLP's JSON made of OTLP's protobuf.

use prost::Message;

use super::{ExportError, Payload};
use crate::otlp_json;

/// The request as one JSON object, without a line break in it.
pub(super) fn to_json(payload: &Payload) -> Result<Vec<u8>, ExportError> {
    let mut json = Vec::new();
    otlp_json::to_json(&payload.bytes, payload.signal, &mut json).map_err(|_| not_protobuf())?;
    Ok(json)
}

/// The request as a structure.
pub(super) fn decode<T: Message + Default>(payload: &Payload) -> Result<T, ExportError> {
    T::decode(payload.bytes.clone()).map_err(|_| not_protobuf())
}

fn not_protobuf() -> ExportError {
    ExportError::permanent("the batch is not valid protobuf")
}
