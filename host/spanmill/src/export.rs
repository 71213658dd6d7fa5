//! Exporters: encoded batches out.
//!
//! [`Exporter`] is what a pipeline holds: it queues, retries and counts as the Collector's exporterhelper does.
//! Below it stands an [`Export`], which makes one attempt and says how it went.

mod build;
pub(crate) mod component;
mod counters;
pub(crate) mod debug;
mod exporter;
pub(crate) mod file;
mod headers;
pub(crate) mod nop;
pub(crate) mod otlp_grpc;
pub(crate) mod otlp_http;
mod otlp_text;
mod output;
mod prom;
pub(crate) mod prometheus;
mod queue;
mod registry;
pub(crate) mod remote_write;
mod retry;
mod sender;
pub(crate) mod settings;
#[cfg(test)]
mod tests;
mod waiting;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use tonic::Code;

pub use build::BuildError;
pub(crate) use build::StartContext;
pub(crate) use component::ExporterConfig;
pub use counters::Counters;
pub use exporter::{EnqueueError, Exporter, SendPermit, Shared};
pub use output::DebugOutput;
pub use registry::Registry;
pub use remote_write::Progress;
pub(crate) use retry::LONGEST_ASKED;

pub use spanmill_model::Signal;
pub(crate) use spanmill_net::quoted;

/// A batch, encoded: an `ExportTraceServiceRequest`, or the same of logs or metrics.
#[derive(Clone, Debug)]
pub struct Payload {
    /// Which of them.
    pub signal: Signal,
    /// The request.
    pub bytes: Bytes,
    /// How many spans, log records or data points there are in it.
    pub items: u64,
}

/// The backend accepted a batch, possibly in part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportResponse {
    /// How many items it rejected permanently.
    pub rejected: u64,
    /// A remark that came with the acceptance; see [`quoted`].
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
    fn retryable(message: impl Into<String>) -> Self {
        ExportError::Retryable {
            failure: Failure {
                message: message.into(),
                code: None,
            },
            after: None,
        }
    }

    /// A failure on this side that will not pass.
    fn permanent(message: impl Into<String>) -> Self {
        ExportError::Permanent(Failure {
            message: message.into(),
            code: None,
        })
    }
}

/// The result of one attempt.
pub type Attempt<'a> =
    Pin<Box<dyn Future<Output = Result<ExportResponse, ExportError>> + Send + 'a>>;

/// Makes one attempt to export a batch.
pub trait Export: Send + Sync + 'static {
    /// One attempt; may be dropped before it is done, when its time is over.
    fn export<'a>(&'a self, payload: &'a Payload) -> Attempt<'a>;

    /// One of several attempts for a batch; `progress` is what the ones before have come to. Most have nothing to go on from.
    fn go_on<'a>(&'a self, payload: &'a Payload, progress: &'a mut Progress) -> Attempt<'a> {
        let _ = progress;
        self.export(payload)
    }
}
