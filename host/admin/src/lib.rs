//! The admin API: what an operator may do to a running service, over HTTP, and the client that the command line
//! uses. Knows nothing of plugins and pipelines: the service implements [`Control`]. `openapi.yaml` documents it.

mod client;
mod config;
mod control;
mod folder;
mod manifest;
mod overview;
mod problem;
mod report;
mod server;
#[cfg(test)]
mod tests;
mod trace_report;

pub use client::{AdminClient, ClientError};
pub use config::{AdminConfig, Endpoint, InvalidToken, Token};
pub use control::{Control, ControlError, SwapOptions, TapLines, TapRequest};
pub use folder::{AdminFolder, PublishedToken};
pub use manifest::{ManifestPlace, ManifestReport, ManifestText, ManifestWarning};
pub use overview::{
    Access, ExporterOverview, Layout, Overview, PipelineLayout, PluginOverview, ServiceState,
    Stage, StageKind,
};
pub use report::{
    Event, EventKind, ExporterStatus, Latency, LossReport, PluginState, PluginStatus, Probation,
    QueueStatus, ReceiverStatus, ReloadReport, SavedSwap, ServiceStatus, ShadowReport, ShadowState,
    SignalStatus, SwapReport, SwappedComponent, VersionStatus,
};
pub use server::{AdminServer, BindError};
pub use trace_report::{SpanReport, SpanStep, StepKind, TraceReport};
