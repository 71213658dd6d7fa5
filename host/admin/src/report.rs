//! What operators are told, as the admin API writes it. `openapi.yaml` documents every field.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a component does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginState {
    /// It runs.
    Running,
    /// It runs, and the version before stands by.
    Probation,
    /// At least one of its instances pauses after repeated faults.
    Quarantined,
}

/// A component that is a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PluginStatus {
    /// The component's id, `filter/health`.
    pub component: String,
    /// `processor` or `connector`.
    pub role: String,
    /// The pipelines it stands in, `traces/web`.
    pub pipelines: Vec<String>,
    /// What it does at the moment.
    pub state: PluginState,
    /// Set while it is on probation.
    pub probation: Option<Probation>,
    /// Instances that run, one a worker and pipeline.
    pub instances: u64,
    /// Memory of all of them, in bytes.
    pub memory_bytes: u64,
    /// Bytes of what is held for them that have yet to be stored; 0 where nothing is stored.
    pub unwritten_bytes: u64,
    /// How often a version was put in place of another since the start.
    pub swaps: u64,
    /// How often a version was taken back.
    pub rollbacks: u64,
    /// Whether another version runs than the manifest and its files say: after a restart, that one would.
    pub differs_from_manifest: bool,
    /// The version that runs.
    pub version: VersionStatus,
    /// The versions before, newest first; bounded.
    pub history: Vec<VersionStatus>,
}

/// What is left of a probation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probation {
    /// Batches that must still go well, in the pipeline that has seen fewest.
    pub batches_left: u64,
    /// The same for each pipeline that the change is about.
    pub pipelines: BTreeMap<String, u64>,
}

/// One version of a component: a plugin under some settings, and what it has done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionStatus {
    /// SHA-256 of the component file, in hexadecimal.
    pub hash: String,
    /// Where it came from: a file's path, or the name it was uploaded under.
    pub source: String,
    /// Since when it has run, RFC 3339 in UTC.
    pub since: String,
    /// Until when it ran; none if it runs.
    pub until: Option<String>,
    /// Why it was replaced; none if it runs.
    pub ended: Option<String>,
    /// Batches it was called with.
    pub calls: u64,
    /// Spans, log records or data points in these batches; in one that is run again, after a fault, they count again.
    pub items_in: u64,
    /// Items it kept. A connector keeps all.
    pub items_out: u64,
    /// Items it dropped.
    pub items_dropped: u64,
    /// Items that are held for it now, until it decides.
    pub items_held: u64,
    /// Items that went on without it, because it failed and its `on_error` is `pass`. They count as neither out nor
    /// dropped.
    pub items_passed: u64,
    /// How long a call took.
    pub latency: Latency,
    /// Faults by kind: `trap`, `deadline`, `memory`, `output`, `contract`, `state`, `refused`, `restart`.
    pub faults: BTreeMap<String, u64>,
    /// Calls that were not made because the plugin was quarantined.
    pub quarantined: u64,
    /// Instances replaced because their memory had passed the mark.
    pub recycled: u64,
    /// The plugin's own counters.
    pub counters: BTreeMap<String, u64>,
    /// Its log lines that were dropped because there were too many.
    pub log_lines_dropped: u64,
    /// What it was allowed to read and write beyond the version before, by `allow_more`; a phrase a field.
    pub allowed_more: Vec<String>,
}

/// Time of a call, in microseconds; 0 before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Half of the calls took no longer.
    pub p50_us: u64,
    /// Of 100 calls, 99 took no longer.
    pub p99_us: u64,
}

/// A swap that was carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SwapReport {
    /// The components that have a new version now.
    pub components: Vec<SwappedComponent>,
    /// Compiling, or finding it compiled, in microseconds.
    pub compile_us: u64,
    /// Instantiating, configuring and trying the state out, in microseconds.
    pub prepare_us: u64,
    /// From the first worker's switch to the last one's, waiting for batches under way included, in microseconds.
    pub switch_us: u64,
    /// The longest that a worker was kept from its next batch, in microseconds.
    pub held_us: u64,
    /// Batches that each pipeline's new version is on probation.
    pub probation: u64,
    /// Components that ran this version already, and go on.
    pub already_running: Vec<String>,
    /// Whether the manifest and its files say otherwise: a restart forgets the swap.
    pub differs_from_manifest: bool,
    /// What was written, if that was asked for.
    pub saved: Option<SavedSwap>,
}

/// A swap that was written to the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSwap {
    /// The manifest.
    pub manifest: String,
    /// The plugin's file, as it is named there.
    pub file: String,
    /// Whether that is done once the version has passed its probation; an event tells.
    pub after_probation: bool,
}

/// One component of a swap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwappedComponent {
    /// The component's id.
    pub component: String,
    /// The hash of the version before.
    pub from: String,
    /// The hash of the version now.
    pub to: String,
    /// Whether the old version's state was handed over; not if either has none.
    pub state_handed_over: bool,
    /// What it may read and write beyond the version before; a phrase a field.
    pub allowed_more: Vec<String>,
}

/// A manifest that was read again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReloadReport {
    /// What was replaced, added and removed, a line each; empty: nothing had changed.
    pub changes: Vec<String>,
    /// Warnings about the manifest.
    pub warnings: Vec<String>,
    /// The plugins that have a new version now.
    pub components: Vec<SwappedComponent>,
}

/// Where a shadow stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShadowState {
    /// It sees batches.
    Running,
    /// Its time is over, or it was ended; it can be promoted.
    Ended,
}

/// What a shadow has shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShadowReport {
    /// The components that are shadowed.
    pub components: Vec<String>,
    /// The hash of the shadow's version.
    pub hash: String,
    /// The name it was uploaded under.
    pub source: String,
    /// Where it stands.
    pub state: ShadowState,
    /// When it began, RFC 3339 in UTC.
    pub since: String,
    /// When it ends or ended.
    pub until: String,
    /// Batches that both versions have processed.
    pub batches: u64,
    /// Batches that it was not shown, because it was still busy.
    pub batches_skipped: u64,
    /// Spans in the batches that both have processed.
    pub spans: u64,
    /// Spans that only one of the two dropped.
    pub verdicts_differ: u64,
    /// Spans that both kept, with different edits.
    pub edits_differ: u64,
    /// For a connector: series of a batch that were measured differently.
    pub measurements_differ: u64,
    /// Trace ids of some spans that differ, in hexadecimal; bounded.
    pub sampled_trace_ids: Vec<String>,
    /// Faults of the shadow, by kind as in a version's status.
    pub faults: BTreeMap<String, u64>,
    /// What the last of them said.
    pub last_fault: Option<String>,
    /// How long a call of the shadow took.
    pub latency: Latency,
}

/// What a running service has delivered, holds and has lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// What came to each receiver, by transport and signal.
    #[serde(default)]
    pub receivers: Vec<ReceiverStatus>,
    /// Every exporter.
    pub exporters: Vec<ExporterStatus>,
    /// What was accepted and is lost, since the start of the service.
    pub lost: Vec<LossReport>,
}

/// Items of one signal that came to a receiver one way, since the start of the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiverStatus {
    /// The component's id, `otlp`.
    pub receiver: String,
    /// `grpc` or `http`.
    pub transport: String,
    /// `traces`, `logs` or `metrics`.
    pub signal: String,
    /// Taken by all pipelines.
    pub accepted: u64,
    /// Not taken; the sender was told.
    pub refused: u64,
    /// Not taken because of a defect of the host's.
    pub failed: u64,
}

/// An exporter, since it was started with its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExporterStatus {
    /// The component's id, `otlp/tempo`.
    pub exporter: String,
    /// Where it sends to; empty if nowhere.
    pub endpoint: String,
    /// Whether it is an endpoint of another exporter, which counts what it sends as well.
    #[serde(default)]
    pub part: bool,
    /// Whether the backend did not take the last attempt.
    pub failing: bool,
    /// For how long, in seconds; none if it is not.
    #[serde(default)]
    pub failing_seconds: Option<u64>,
    /// How long batches took from their receipt until the backend had them, since the start.
    #[serde(default)]
    pub delivery_lag: Latency,
    /// Items queued or on their way.
    pub waiting: u64,
    /// Its queue; none if it has none.
    pub queue: Option<QueueStatus>,
    /// What became of the items it was given, by signal: `traces` counts spans, `metrics` data points.
    pub signals: BTreeMap<String, SignalStatus>,
}

/// A sending queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueStatus {
    /// How much is queued or on its way.
    pub size: u64,
    /// How much it holds at most.
    pub capacity: u64,
    /// What both count: `requests`, `items` or `bytes`.
    pub sizer: String,
}

/// Items of one signal at one exporter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalStatus {
    /// Taken by the backend.
    pub sent: u64,
    /// Refused by the backend, or not taken within the time for retries.
    pub send_failed: u64,
    /// Not taken by the exporter, because its queue was full.
    pub enqueue_failed: u64,
}

/// Some items that were lost for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossReport {
    /// The component that could not pass them on: its role and id.
    pub component: String,
    /// What they were: `spans` or `data points`.
    pub items: String,
    /// Why, for people.
    pub reason: String,
    /// How many.
    pub count: u64,
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A version was put in place of another.
    Swap,
    /// A version was taken back.
    Rollback,
    /// A version passed its probation.
    ProbationPassed,
    /// The manifest was read again, and something changed.
    Reload,
    /// A swap or a reload was refused; what ran goes on.
    Refused,
    /// A swap was written to the manifest.
    Saved,
    /// A shadow began.
    ShadowStarted,
    /// A shadow ended.
    ShadowEnded,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// What kind of thing.
    pub kind: EventKind,
    /// The components it is about.
    pub components: Vec<String>,
    /// What happened, for people.
    pub message: String,
}
