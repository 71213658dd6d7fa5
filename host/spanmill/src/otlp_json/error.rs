//! Why a request is not OTLP in the form that it says.

use std::fmt;

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
    pub(super) fn new(error: &serde_json::Error, what: impl fmt::Display) -> Self {
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

/// The bytes are not protobuf, or not of that message.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the request is not valid protobuf")]
pub(crate) struct NotProtobuf;
