//! What an operator may do to a running service, and what they are told: the interface between the admin API
//! and the service.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use crate::manifest::ManifestReport;
use crate::overview::Layout;
use crate::report::{Event, PluginStatus, ReloadReport, ServiceStatus, ShadowReport, SwapReport};
use crate::trace_report::TraceReport;

/// Why a command was not carried out. What ran before goes on running.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ControlError {
    /// There is no such component.
    #[error("{0}")]
    NotFound(String),
    /// Not in the state the service is in now.
    #[error("{0}")]
    Conflict(String),
    /// What was sent cannot be used: not a plugin, settings it does not take, more than it is allowed.
    #[error("{0}")]
    Invalid(String),
    /// The manifest does not let the admin API do that.
    #[error("{0}")]
    Forbidden(String),
    /// The service is ending.
    #[error("the service is shutting down")]
    ShuttingDown,
}

/// How a version is put in place of another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SwapOptions {
    /// How many batches it is on probation; `None`: the service's default.
    pub probation: Option<u32>,
    /// Whether it may read and write more than the version before.
    pub allow_more: bool,
    /// Whether it is written to the manifest, so that it also runs after a restart.
    pub save: bool,
}

/// Which passing telemetry is to be shown, and how much of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TapRequest {
    /// A pipeline or a component; `None`: every pipeline.
    pub target: Option<String>,
    /// Whether it is shown as it comes there, rather than as it leaves.
    pub before: bool,
    /// An OTTL condition on spans, log records or data points.
    pub filter: Option<String>,
    /// After so many items it is over.
    pub limit: Option<u64>,
    /// At most so many items a second.
    pub rate: Option<u32>,
}

/// Items as they come, a line of JSON each. The stream ends when the limit is reached or the service stops; who drops it
/// looks no more.
pub type TapLines = tokio::sync::mpsc::Receiver<Bytes>;

/// A running service, as its operators see it. `component` is a component id, `filter` or `filter/health`; a bare
/// type means every component of that type.
pub trait Control: Send + Sync + 'static {
    /// What has been delivered, what waits and what is lost.
    fn status(&self) -> ServiceStatus;

    /// How the pipelines are put together. Asked by anybody, often: it must not wait.
    fn layout(&self) -> Layout;

    /// The manifest that runs, with secrets masked.
    fn manifest(&self) -> impl Future<Output = Result<ManifestReport, ControlError>> + Send;

    /// Every plugin that runs.
    fn plugins(&self) -> Vec<PluginStatus>;

    /// Puts another version of a plugin in its place, after it was compiled, configured and given the state of the
    /// running one. `name` is for messages.
    fn swap(
        &self,
        component: String,
        name: String,
        wasm: Bytes,
        options: SwapOptions,
    ) -> impl Future<Output = Result<SwapReport, ControlError>> + Send;

    /// Shows live batches to another version as well, without effect, and counts how its answers differ.
    fn shadow(
        &self,
        component: String,
        name: String,
        wasm: Bytes,
        duration: Duration,
        allow_more: bool,
    ) -> impl Future<Output = Result<ShadowReport, ControlError>> + Send;

    /// Shows telemetry as it passes.
    fn tap(
        &self,
        request: TapRequest,
    ) -> impl Future<Output = Result<TapLines, ControlError>> + Send;

    /// How a shadow fares, or fared: the last one stays until the next one or until it is promoted.
    fn shadow_report(&self, component: &str) -> Result<ShadowReport, ControlError>;

    /// Ends a shadow before its time; its report and version stay.
    fn end_shadow(
        &self,
        component: String,
    ) -> impl Future<Output = Result<ShadowReport, ControlError>> + Send;

    /// Swaps the shadowed version in.
    fn promote(
        &self,
        component: String,
        options: SwapOptions,
    ) -> impl Future<Output = Result<SwapReport, ControlError>> + Send;

    /// Reads the manifest and the plugin files again, and replaces what changed.
    fn reload(&self) -> impl Future<Output = Result<ReloadReport, ControlError>> + Send;

    /// What became of a trace.
    ///
    /// # Errors
    ///
    /// If nothing of it is known any more, or no account is kept.
    fn trace(&self, trace_id: u128) -> Result<TraceReport, ControlError>;

    /// What happened lately, oldest first; bounded.
    fn events(&self) -> Vec<Event>;
}
