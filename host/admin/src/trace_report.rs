//! What became of a trace, as the admin API writes it. `openapi.yaml` documents every field.

use serde::{Deserialize, Serialize};

/// What became of the spans of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceReport {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// What came before this time, RFC 3339 in UTC, may be forgotten.
    pub since: String,
    /// Its spans, in the order they came.
    pub spans: Vec<SpanReport>,
    /// How many more of its spans are known.
    pub spans_left_out: u64,
}

/// What became of a span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanReport {
    /// 16 hexadecimal digits.
    pub span_id: String,
    /// What was done with it, in order.
    pub steps: Vec<SpanStep>,
}

/// Something that was done with a span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanStep {
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// In which pipeline, `traces/web`.
    pub pipeline: String,
    /// By which component, `filter/health`; none: by the host.
    pub component: Option<String>,
    /// The component's version: SHA-256 of its file, in hexadecimal.
    pub version: Option<String>,
    /// What was done.
    pub kind: StepKind,
    /// By which of the component's rules, or after which kind of fault; none if that is not known.
    pub reason: Option<String>,
    /// The fields that were written, `span.attributes["user"]`.
    pub wrote: Vec<String>,
    /// The exporters and pipelines that it went to.
    pub to: Vec<String>,
}

/// What was done with a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// A plugin let it go on as it was.
    Kept,
    /// A plugin wrote fields of it.
    Changed,
    /// A connector measured it.
    Measured,
    /// A connector made records of it.
    Recorded,
    /// A router sent it on, or nowhere.
    Routed,
    /// A plugin dropped it.
    Dropped,
    /// A plugin holds it until it decides on its trace.
    Held,
    /// A plugin that held it let it go on.
    Released,
    /// A plugin failed, and it went on without it.
    Passed,
    /// A plugin failed, and it was dropped, as `on_error` asks for.
    DroppedOnError,
    /// A plugin failed on it, and nobody could be told to send it again.
    Lost,
    /// A plugin failed, and the sender was told.
    Refused,
    /// It waits for a batch to be full, or for its turn.
    Waiting,
    /// It is being handed over to exporters.
    HandingOver,
    /// Exporters or other pipelines have it.
    Left,
    /// What it was to be handed over to did not take it.
    NotTaken,
}
