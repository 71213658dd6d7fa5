//! What anybody may see who reaches the admin API: how pipelines are put together, rates and health. No telemetry, no
//! settings, no addresses, no files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::report::{
    Latency, LossReport, PluginState, PluginStatus, QueueStatus, ReceiverStatus, ServiceStatus,
    SignalStatus,
};

/// Whether a service takes requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// Receivers do not listen yet.
    Starting,
    /// Requests are taken.
    Ready,
    /// A shutdown has begun: what was taken is delivered.
    Ending,
}

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// See the overview.
    Overview,
    /// Everything.
    Full,
}

/// What a component is in a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageKind {
    /// A receiver.
    Receiver,
    /// A processor that is a part of the host.
    Host,
    /// A processor that is a plugin.
    Plugin,
    /// A connector: the end of one pipeline and the beginning of another.
    Connector,
    /// An exporter.
    Exporter,
}

/// A component's place in a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The component's id, `filter/health`.
    pub component: String,
    /// What it is there.
    pub kind: StageKind,
    /// The pipelines that a connector at the end leads to.
    pub leads_to: Vec<String>,
}

/// A pipeline, in the order in which telemetry passes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineLayout {
    /// Its name, `traces/web`.
    pub pipeline: String,
    /// What it carries: `traces`, `logs` or `metrics`.
    pub signal: String,
    /// Where batches come from: receivers, and connectors of other pipelines.
    pub receivers: Vec<Stage>,
    /// What is done to them, in order.
    pub processors: Vec<Stage>,
    /// Where they go: exporters, and connectors to other pipelines.
    pub exporters: Vec<Stage>,
}

/// How a service stands, and how its pipelines are put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Whether it takes requests.
    pub state: ServiceState,
    /// Since when it does, RFC 3339 in UTC; none if it does not.
    pub ready_since: Option<String>,
    /// The pipelines, in the order of the manifest.
    pub pipelines: Vec<PipelineLayout>,
}

/// A plugin's counts, of the version that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginOverview {
    /// The component's id.
    pub component: String,
    /// What it does at the moment.
    pub state: PluginState,
    /// How often another version was put in its place; counts begin anew then.
    pub swaps: u64,
    /// How often a version was taken back.
    pub rollbacks: u64,
    /// Items that came to it.
    pub items_in: u64,
    /// Items it kept.
    pub items_out: u64,
    /// Items it dropped.
    pub items_dropped: u64,
    /// Items that are held for it.
    pub items_held: u64,
    /// Items that went on without it after a fault.
    pub items_passed: u64,
    /// How long a call took.
    pub latency: Latency,
    /// Faults by kind.
    pub faults: BTreeMap<String, u64>,
}

/// An exporter's counts, without where it sends to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExporterOverview {
    /// The component's id.
    pub exporter: String,
    /// Whether the backend did not take the last attempt.
    pub failing: bool,
    /// For how long, in seconds; none if it is not.
    pub failing_seconds: Option<u64>,
    /// How long batches took from their receipt until the backend had them.
    pub delivery_lag: Latency,
    /// Items queued or on their way.
    pub waiting: u64,
    /// Its queue; none if it has none.
    pub queue: Option<QueueStatus>,
    /// What became of the items it was given, by signal.
    pub signals: BTreeMap<String, SignalStatus>,
}

/// All that is shown without a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// What the caller may do besides.
    pub access: Access,
    /// Whether the service takes requests.
    pub state: ServiceState,
    /// Since when, RFC 3339 in UTC; none if it does not.
    pub ready_since: Option<String>,
    /// The pipelines, in the order of the manifest.
    pub pipelines: Vec<PipelineLayout>,
    /// What came to each receiver, by transport and signal.
    pub receivers: Vec<ReceiverStatus>,
    /// Every plugin.
    pub plugins: Vec<PluginOverview>,
    /// Every exporter of the manifest.
    pub exporters: Vec<ExporterOverview>,
    /// What was accepted and is lost.
    pub lost: Vec<LossReport>,
}

impl Overview {
    pub(crate) fn new(
        access: Access,
        layout: Layout,
        status: ServiceStatus,
        plugins: Vec<PluginStatus>,
    ) -> Self {
        // Endpoints of `load_balancing` are called by their address.
        let exporters = status.exporters.into_iter().filter(|one| !one.part);
        Overview {
            access,
            state: layout.state,
            ready_since: layout.ready_since,
            pipelines: layout.pipelines,
            receivers: status.receivers,
            plugins: plugins.into_iter().map(plugin).collect(),
            exporters: exporters
                .map(|one| ExporterOverview {
                    exporter: one.exporter,
                    failing: one.failing,
                    failing_seconds: one.failing_seconds,
                    delivery_lag: one.delivery_lag,
                    waiting: one.waiting,
                    queue: one.queue,
                    signals: one.signals,
                })
                .collect(),
            lost: status.lost,
        }
    }
}

fn plugin(status: PluginStatus) -> PluginOverview {
    let version = status.version;
    PluginOverview {
        component: status.component,
        state: status.state,
        swaps: status.swaps,
        rollbacks: status.rollbacks,
        items_in: version.items_in,
        items_out: version.items_out,
        items_dropped: version.items_dropped,
        items_held: version.items_held,
        items_passed: version.items_passed,
        latency: version.latency,
        faults: version.faults,
    }
}
