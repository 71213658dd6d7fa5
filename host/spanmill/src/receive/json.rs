//! OTLP's JSON, made into the protobuf that the rest of the way speaks.
//!
//! The text is read once, from front to back, and each field is written as protobuf as it comes: there is nothing in
//! between, so that memory follows what was sent. What the fields are is said in tables (`tables.rs`); another signal
//! is more tables. The rules are those of <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>: proto3's
//! JSON, ids in hexadecimal, unknown fields left out. Read beyond that, as the Collector does: the fields' names in
//! `snake_case`.

mod read;
mod scalar;
mod tables;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;

use bytes::Bytes;
use serde_json::error::Category;
use thiserror::Error;

/// Where JSON stops being OTLP. What stands there is left out: it may be an attribute's value.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum JsonError {
    #[error("the body is not JSON: see line {line}, column {column}")]
    Syntax { line: usize, column: usize },
    #[error("the body ends in the middle of a JSON value")]
    Truncated,
    #[error("the body is JSON, but no OTLP: {what}; see before line {line}, column {column}")]
    Shape {
        what: String,
        line: usize,
        column: usize,
    },
}

impl JsonError {
    fn new(error: &serde_json::Error, what: impl fmt::Display) -> Self {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            Category::Eof => JsonError::Truncated,
            Category::Syntax | Category::Io => JsonError::Syntax { line, column },
            Category::Data => JsonError::Shape {
                what: what.to_string(),
                line,
                column,
            },
        }
    }
}

/// Encodes a JSON `ExportTraceServiceRequest` as protobuf.
pub(crate) fn to_protobuf(json: &[u8]) -> Result<Bytes, JsonError> {
    read::transcode(json, &tables::TRACES).map(Bytes::from)
}
