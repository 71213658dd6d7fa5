//! Traces pipelines: batches from receivers, through chains of plugins, to exporters and connectors.
//!
//! An [`Intake`] takes requests ([`crate::receive::TraceIntake`]); the [`scheduler`] gives each receiver its turn on the
//! worker threads. A worker checks the request, runs the [`chain`] of each pipeline, and hands over what came of it: places in
//! the exporters' queues, room in batchers ([`delivery`]). If that has to be waited for, a task does ([`finish`]). Only then is the sender
//! answered, and only then do connectors' measurements count.
//!
//! Requests that wait while workers are busy share a batch ([`coalesce`]).
//!
//! A `batch` processor cuts a pipeline into segments: what it takes is answered at once, as with a queue in
//! memory, and what it gives runs through the next segment as a batch of its own ([`batches`]).

mod batches;
mod build;
mod chain;
mod change;
mod coalesce;
mod coalescing;
mod delivery;
mod enqueue;
mod fanout;
mod finish;
mod gate;
mod intake;
mod joint;
mod lane;
mod load;
mod offline;
mod pace;
mod parallel;
mod pipelines;
mod queued;
mod rights;
mod roles;
mod run;
mod saving;
mod scheduler;
mod segments;
mod senders;
mod shadow;
mod shared;
mod stats;
#[cfg(test)]
mod tests;
mod ticks;
mod topology;
mod trial;
mod version;
mod watch;
mod work;
mod worker;

pub(crate) use crate::clock::now_unix_nano;
pub use build::{BuildError, ByConnector};
pub use chain::{Chain, Origin, Stage, StageInstance, StageOutput};
pub use change::{Change, ChangeError, SwitchReport, VersionReplacement};
pub use fanout::Fanout;
pub use intake::Intake;
pub use load::{LoadedPlugin, PluginFile, PluginLoader, Swapped, plugins_of, used};
pub use offline::{Offline, Recorded, Replayed};
pub use pipelines::{Bounds, Pipelines, WorkerCount};
pub use rights::{Excess, beyond_grant, beyond_predecessor};
pub use segments::Pipeline;
pub use senders::check_senders;
pub use shadow::Shadow;
pub use topology::{Exporters, Topology};
pub use trial::{PROBATION, Trial, Verdict};
pub use version::Version;
pub use watch::{WatchPoint, WatchedBatch, Watching};
