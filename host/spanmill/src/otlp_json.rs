//! OTLP's JSON and OTLP's protobuf, each made of the other.
//!
//! What messages there are and what their fields are called is said in tables (`tables.rs`); another signal is more rows.
//! JSON is read once, from front to back, and each field is written as protobuf as it comes; protobuf is written as JSON
//! from where it lies. There is nothing in between, so that memory follows what was sent.
//!
//! The rules are those of <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>: proto3's JSON, ids in hexadecimal,
//! unknown fields left out. Read beyond that, as the Collector does: the fields' names in `snake_case`.

mod read;
mod scalar;
mod tables;
#[cfg(test)]
mod tests;
mod text;
mod write;

use std::fmt;

use bytes::Bytes;
use serde_json::error::Category;
use thiserror::Error;

pub(crate) use text::name_of_double;

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

/// A signal's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Traces,
    Metrics,
}

impl Request {
    fn message(self) -> &'static tables::Message {
        match self {
            Request::Traces => &tables::TRACES,
            Request::Metrics => &tables::METRICS,
        }
    }
}

/// Encodes a JSON request as protobuf.
pub(crate) fn to_protobuf(json: &[u8], request: Request) -> Result<Bytes, JsonError> {
    read::transcode(json, request.message()).map(Bytes::from)
}

/// The bytes are not protobuf, or not of that message.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the request is not valid protobuf")]
pub(crate) struct NotProtobuf;

/// Adds a protobuf request to a text as one JSON object, without a line break in it.
pub(crate) fn to_json(
    protobuf: &[u8],
    request: Request,
    out: &mut Vec<u8>,
) -> Result<(), NotProtobuf> {
    text::write(protobuf, request.message(), out)
}
