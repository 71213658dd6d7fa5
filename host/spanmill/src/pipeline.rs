//! Traces pipelines: batches from receivers, through chains of plugins, to exporters and connectors.
//!
//! [`Pipelines`] takes requests ([`crate::receive::TraceIntake`]) and hands them to worker threads. A worker runs a
//! batch to completion: it parses the request, runs the [`chain`] of each pipeline, and gives back what
//! is to be delivered. Delivering (a place in the exporters' queues) is the asynchronous side's work again;
//! only then is the sender answered, and only then do connectors' measurements count.
//!
//! A `batch` processor cuts a pipeline into segments: what it takes is answered at once, as with a queue in
//! memory, and what it gives runs through the next segment as a batch of its own.

mod batcher;
mod build;
mod chain;
mod delivery;
mod gate;
mod load;
mod offline;
mod segments;
#[cfg(test)]
mod tests;
mod worker;

pub use build::{BuildError, Built, build};
pub use chain::{Chain, Output, Place, Stage};
pub use delivery::Fanout;
pub use gate::MemoryGate;
pub use load::{BUILT_IN_CONNECTORS, BUILT_IN_PROCESSORS, LoadedPlugin, PluginLoader};
pub use offline::{Offline, OfflineError, Replayed};
pub(crate) use worker::now_unix_nano;
pub use worker::{Drained, Intake, Pipelines};
