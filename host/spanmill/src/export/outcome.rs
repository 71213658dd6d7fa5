//! A batch, and how an attempt to export it went.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use spanmill_model::Signal;
use thiserror::Error;
use tonic::Code;

use crate::metadata::RequestMetadata;
use crate::tracer::TraceContext;

/// A batch, encoded: an `ExportTraceServiceRequest`, or the same of logs or metrics.
#[derive(Clone, Debug)]
pub struct Payload {
    /// Which of them.
    pub signal: Signal,
    /// The request.
    pub bytes: Bytes,
    /// How many spans, log records or data points there are in it.
    pub items: u64,
    /// What its sender said beside it, if it is of one sender.
    pub metadata: RequestMetadata,
    /// When the oldest of it was received, ns since 1970; 0: not known.
    pub received_unix_nano: u64,
    /// The trace of the service's own work on it, if it is of one request and recorded.
    pub trace: TraceContext,
}

/// The backend accepted a batch, possibly in part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportResponse {
    /// How many items it rejected permanently.
    pub rejected: u64,
    /// How many items were left when it was tried no longer, where others were taken.
    pub given_up: u64,
    /// Whether exporters that are parts of this one have taken it over, and count it.
    pub is_handed_on: bool,
    /// A remark that came with the acceptance; see [`spanmill_net::quoted`].
    pub remark: Option<String>,
}

/// What went wrong with an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What happened, the backend's own words included.
    pub message: String,
    /// What the backend answered, as gRPC has it; `None` if it did not answer.
    pub code: Option<Code>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExportError {
    /// Another attempt would fail too.
    #[error("{0}")]
    Permanent(Failure),
    /// Another attempt may succeed.
    #[error("{failure}")]
    Retryable {
        /// What happened.
        failure: Failure,
        /// How long the backend asks to wait at least.
        after: Option<Duration>,
    },
}

impl ExportError {
    /// A failure on this side that may pass.
    pub(super) fn retryable(message: impl Into<String>) -> Self {
        ExportError::Retryable {
            failure: Failure {
                message: message.into(),
                code: None,
            },
            after: None,
        }
    }

    /// A failure on this side that will not pass.
    pub(super) fn permanent(message: impl Into<String>) -> Self {
        ExportError::Permanent(Failure {
            message: message.into(),
            code: None,
        })
    }
}
