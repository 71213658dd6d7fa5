//! What the connector declared, and what it knows.

use spanmill_sdk::{ListField, NarrowField, TextField, WideField};

use crate::adjusted::Adjusted;
use crate::dimensions::Dimensions;
use crate::globs::{Found, Globs};
use crate::resources::Resources;
use crate::series::{Names, Touched};
use crate::words::Words;

pub(super) const KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];
pub(super) const CODES: [&str; 3] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

/// The metrics that rows are counted for. Each has series of its own, unless two have the same dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metric {
    Calls = 0,
    Duration = 1,
    Events = 2,
}

/// The span metrics connector.
#[derive(Debug)]
pub struct SpanMetrics {
    pub(super) fields: Fields,
    /// Which of the built-in attributes are left out.
    pub(super) excluded: [bool; 4],
    pub(super) scopes: Vec<String>,
    pub(super) sampling_method: bool,
    pub(super) divider: f64,
    pub(super) exemplars: bool,
    /// The instruments' numbers; calls is 0.
    pub(super) duration: Option<u32>,
    pub(super) events: Option<u32>,
    /// Dimensions of spans: those of both metrics, then of calls, then of durations.
    pub(super) span_dimensions: Dimensions,
    pub(super) event_dimensions: Dimensions,
    /// Which dimensions each metric has, of those of spans or of events.
    pub(super) plans: [Vec<usize>; 3],
    /// The patterns of each metric for further dimensions.
    pub(super) globs: [Globs; 3],
    /// Whether calls and durations have the same, and so the same series.
    pub(super) shared: bool,
    pub(super) resources: Resources,
    pub(super) words: Words,
    /// How many series have been named.
    pub(super) series: u32,
    pub(super) names: Names,
    pub(super) adjusted: Adjusted,
    pub(super) touched: Touched,
    pub(super) buffers: Buffers,
}

#[derive(Debug)]
pub(super) struct Fields {
    pub(super) resource: ListField,
    pub(super) name: TextField,
    pub(super) kind: NarrowField,
    pub(super) code: NarrowField,
    pub(super) start: WideField,
    pub(super) end: WideField,
    pub(super) trace_state: TextField,
    /// Read where patterns ask for it.
    pub(super) span: Option<ListField>,
    pub(super) event: Option<ListField>,
    pub(super) scope: Option<(TextField, TextField)>,
}

#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// Where each row leads.
    pub(super) nodes: Vec<u32>,
    /// How many spans each stands for; 0: nothing says so, and it is one. Empty: so it is for all.
    pub(super) counts: Vec<u64>,
    /// What patterns have found in a row.
    pub(super) found: Vec<Found>,
    /// By scope: whether its name is to be shown.
    pub(super) shown: Vec<bool>,
}
