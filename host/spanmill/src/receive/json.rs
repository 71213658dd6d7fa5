//! OTLP's JSON, made into the protobuf that the rest of the way speaks.
//! The rules: <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{span::SpanKind, status::StatusCode};
use prost::Message as _;
use serde_json::Value;
use serde_json::error::Category;
use thiserror::Error;

/// Where JSON stops being OTLP. What stands there is left out: it may be an attribute's value.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum JsonError {
    #[error("the body is not JSON: see line {line}, column {column}")]
    Syntax { line: usize, column: usize },
    #[error("the body ends in the middle of a JSON value")]
    Truncated,
    #[error("the body is JSON, but no OTLP: see the value before line {line}, column {column}")]
    Shape { line: usize, column: usize },
}

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            Category::Eof => JsonError::Truncated,
            Category::Data => JsonError::Shape { line, column },
            Category::Syntax | Category::Io => JsonError::Syntax { line, column },
        }
    }
}

/// Encodes a JSON request as protobuf.
pub(crate) fn to_protobuf(json: &[u8]) -> Result<Bytes, JsonError> {
    let request = match serde_json::from_slice::<ExportTraceServiceRequest>(json) {
        Ok(request) => request,
        Err(strict) => tolerant(json).ok_or_else(|| JsonError::from(strict))?,
    };
    Ok(Bytes::from(request.encode_to_vec()))
}

/// A second try for what the library is stricter about than the specification asks: nulls, unknown fields in values,
/// and enums by name.
fn tolerant(json: &[u8]) -> Option<ExportTraceServiceRequest> {
    let mut value: Value = serde_json::from_slice(json).ok()?;
    simplify(&mut value);
    serde_json::from_value(value).ok()
}

const VALUE_FIELDS: [&str; 7] = [
    "stringValue",
    "boolValue",
    "intValue",
    "doubleValue",
    "arrayValue",
    "kvlistValue",
    "bytesValue",
];

fn simplify(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(simplify),
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            for (name, field) in fields.iter_mut() {
                let number = match (name.as_str(), field.as_str()) {
                    ("kind", Some(text)) => SpanKind::from_str_name(text).map(|kind| kind as i32),
                    ("code", Some(text)) => StatusCode::from_str_name(text).map(|code| code as i32),
                    _ => None,
                };
                if let Some(number) = number {
                    *field = Value::from(number);
                }
                if name == "value"
                    && let Some(any) = field.as_object_mut()
                {
                    any.retain(|name, _| VALUE_FIELDS.contains(&name.as_str()));
                }
                if name == "values"
                    && let Some(items) = field.as_array_mut()
                {
                    for any in items.iter_mut().filter_map(Value::as_object_mut) {
                        // The members of a kvlistValue are no values themselves: they have a key.
                        if !any.contains_key("key") {
                            any.retain(|name, _| VALUE_FIELDS.contains(&name.as_str()));
                        }
                    }
                }
                simplify(field);
            }
        }
        _ => {}
    }
}
