//! What a plugin declares and emits, in the host's own types. Not checked against the batch yet.

use spanmill_otlp::{CellColumn, Pool, RecordPlan, Signal};

/// Which batches an instance must see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharding {
    /// Any.
    None,
    /// All rows of a trace.
    ByTrace,
    /// Every batch.
    Whole,
}

/// What a configured plugin declared.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// The signals it takes: at least one, none twice.
    pub signals: Vec<Signal>,
    /// The paths it reads.
    pub reads: Vec<String>,
    /// The paths it writes.
    pub writes: Vec<String>,
    /// How its batches are sharded.
    pub sharding: Sharding,
    /// The metrics it makes, if it was configured as a connector.
    pub metrics: Option<MetricStream>,
    /// The spans or log records it makes, if it was configured as a record connector.
    pub records: Option<RecordPlan>,
}

/// What becomes of a trace of which rows are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Its rows go on.
    Release,
    /// Its rows are dropped.
    Drop,
}

/// What a plugin decided about rows that it holds. No trace is named twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    /// The traces decided on.
    pub traces: Vec<(u128, Decision)>,
    /// Traces whose rows it wants to see again.
    pub review: Vec<u128>,
}

/// How an instrument aggregates.
#[derive(Clone, Debug, PartialEq)]
pub enum InstrumentKind {
    /// A monotonic sum.
    Sum,
    /// A histogram with these upper bounds.
    Histogram(Vec<f64>),
    /// An exponential histogram with at most this many buckets on either side of zero.
    ExponentialHistogram(u32),
    /// A sum that may fall.
    UpDownSum,
    /// The last value.
    Gauge,
}

/// A metric that a connector makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Instrument {
    /// The metric's name.
    pub name: String,
    /// What it counts.
    pub description: String,
    /// UCUM.
    pub unit: String,
    /// How it aggregates.
    pub kind: InstrumentKind,
    /// Exemplars a data point may carry.
    pub exemplars: u32,
}

/// Whether totals start over at each flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temporality {
    /// They do.
    Delta,
    /// They go on.
    Cumulative,
}

/// The metrics that a connector makes.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricStream {
    /// The instrumentation scope's name.
    pub scope: String,
    /// The instruments.
    pub instruments: Vec<Instrument>,
    /// Whether totals start over.
    pub temporality: Temporality,
    /// How often totals are sent on, in ns.
    pub flush_interval_ns: u64,
    /// When an idle series is forgotten, in ns; 0: never.
    pub expiration_ns: u64,
    /// Limit on series per resource and instrument; 0: none.
    pub series_limit: u32,
    /// Limit on resources; 0: none.
    pub resource_limit: u32,
    /// Limit on series altogether; 0: none.
    pub total_limit: u32,
    /// The attributes that tell resources apart; empty: all.
    pub resource_key: Vec<String>,
}

/// Attribute lists, one row per series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AttributeLists {
    /// Where each row's entries end.
    pub ends: Vec<u32>,
    /// The text of each entry's key.
    pub keys: Vec<u32>,
    /// The value of each entry.
    pub values: CellColumn,
}

/// Measurements of one instrument.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// Which instrument.
    pub instrument: u32,
    /// The series of each measurement.
    pub series: Vec<u32>,
    /// The value of each; empty: 1 each.
    pub values: Vec<f64>,
    /// How many times each counts; empty: once.
    pub counts: Vec<u64>,
    /// The row of each in the table of the signal's items; empty: none.
    pub rows: Vec<u32>,
}

/// What a connector measured in one batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Emission {
    /// Texts beyond the batch's pool.
    pub texts: Pool,
    /// Whether the numbering of series starts over.
    pub restart: bool,
    /// The resource attributes of new series.
    pub resources: AttributeLists,
    /// The attributes of new series.
    pub attributes: AttributeLists,
    /// What was measured.
    pub recordings: Vec<Recording>,
}

/// By which rules a plugin answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppliedRules {
    /// The rules, fit to be shown.
    pub rules: Vec<String>,
    /// For each row or trace the number of its rule; `u32::MAX`: none. Empty: none for all of them.
    pub of_each: Vec<u32>,
}

impl AppliedRules {
    /// How many rules there may be.
    pub(crate) const MOST: usize = 4096;
}
