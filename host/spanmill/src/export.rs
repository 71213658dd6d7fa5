//! Exporters: encoded batches out.
//!
//! [`Exporter`] is what a pipeline holds: it queues, retries and counts as the Collector's exporterhelper does.
//! Below it stands an [`Export`], which makes one attempt and says how it went.

mod build;
mod counters;
mod debug;
mod file;
mod http;
mod otlp_grpc;
mod otlp_http;
mod otlp_text;
mod prometheus;
mod queue;
mod retry;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

pub use build::BuildError;
pub use counters::{Counters, SignalCounters};
pub use debug::DebugOutput;
pub use queue::{Exporter, Refused};

pub use crate::config::Signal;

/// A batch, encoded: an `ExportTraceServiceRequest` or an `ExportMetricsServiceRequest`.
#[derive(Clone, Debug)]
pub struct Payload {
    /// Which of the two.
    pub signal: Signal,
    /// The request.
    pub bytes: Bytes,
    /// How many spans or data points there are in it.
    pub items: u64,
}

/// A batch that the other side took, perhaps not whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// How many items it rejected for good.
    pub rejected: u64,
    /// Whether it had something to say about the batch although it took it.
    pub remark: bool,
}

/// Why an attempt failed. Texts never hold what the other side wrote: it may quote attributes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExportError {
    /// Another attempt would fail as well.
    #[error("{0}")]
    Permanent(String),
    /// Another attempt may succeed.
    #[error("{message}")]
    Retryable {
        /// What happened.
        message: String,
        /// How long the other side asks to wait at least.
        after: Option<Duration>,
    },
}

impl ExportError {
    fn retryable(message: impl Into<String>) -> Self {
        ExportError::Retryable {
            message: message.into(),
            after: None,
        }
    }
}

/// The result of one attempt.
pub type Attempt<'a> = Pin<Box<dyn Future<Output = Result<Accepted, ExportError>> + Send + 'a>>;

/// Makes one attempt to export a batch.
pub trait Export: Send + Sync + 'static {
    /// One attempt; may be dropped before it is done, when its time is over.
    fn export<'a>(&'a self, payload: &'a Payload) -> Attempt<'a>;
}
