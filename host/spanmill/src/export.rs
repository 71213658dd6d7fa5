//! Exporters: encoded batches out.
//!
//! [`Exporter`] is what a pipeline holds: it queues, retries and counts as the Collector's exporterhelper does.
//! Below it stands an [`Export`], which makes one attempt and says how it went.

mod attempt;
mod build;
pub(crate) mod component;
mod counters;
pub(crate) mod debug;
mod exporter;
pub(crate) mod file;
mod headers;
mod lag;
pub(crate) mod load_balancing;
pub(crate) mod nop;
pub(crate) mod otlp_grpc;
pub(crate) mod otlp_http;
mod otlp_text;
mod outcome;
mod output;
mod progress;
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

pub use attempt::{Attempt, Export};
pub use build::BuildError;
pub(crate) use build::StartContext;
pub(crate) use component::ExporterConfig;
#[cfg(test)]
pub use counters::Counters;
pub use exporter::{EnqueueError, Exporter, SendPermit, Shared};
pub use outcome::{ExportError, ExportResponse, Failure, Payload};
pub use output::DebugOutput;
pub use progress::Progress;
pub use registry::Registry;
pub(crate) use retry::LONGEST_ASKED;

pub use spanmill_model::Signal;
pub(crate) use spanmill_net::quoted;
