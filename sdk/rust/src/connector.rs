//! The trait of a connector plugin, and what it emits.

use serde::de::DeserializeOwned;

use crate::outcome::OwnedCells;
use crate::{Batch, Cell, ConfigError, Contract, PluginError};

/// How the host aggregates an instrument.
#[derive(Clone, Debug, PartialEq)]
pub enum InstrumentKind {
    /// A monotonic sum.
    Sum,
    /// A histogram with these upper bounds (inclusive, increasing, finite).
    Histogram(Vec<f64>),
    /// A base-2 exponential histogram with at most this many buckets on either side of zero.
    ExponentialHistogram(u32),
    /// A sum that may fall as well.
    UpDownSum,
    /// A gauge: the last value that was measured.
    Gauge,
}

/// A metric that a connector makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Instrument {
    /// The metric's name.
    pub name: String,
    /// What it counts.
    pub description: String,
    /// UCUM, such as `ms`; empty: none.
    pub unit: String,
    /// How it aggregates.
    pub kind: InstrumentKind,
    /// How many exemplars a data point may carry; 0: none.
    pub exemplars: u32,
}

/// Whether totals start over at each flush.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Temporality {
    /// Each flush carries what came since the last.
    Delta,
    /// Each flush carries the running totals.
    #[default]
    Cumulative,
}

/// The metrics that a connector makes; see the WIT's `metric-stream`.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricStream {
    /// The instrumentation scope's name.
    pub scope: String,
    /// The instruments; recordings name them by index.
    pub instruments: Vec<Instrument>,
    /// Whether totals start over at each flush.
    pub temporality: Temporality,
    /// How often totals are sent on, in ns; above 0.
    pub flush_interval_ns: u64,
    /// A series not measured for so long is forgotten, in ns; 0: never.
    pub expiration_ns: u64,
    /// At most so many series a resource and instrument; 0: no limit.
    pub series_limit: u32,
    /// At most so many resources; 0: no limit.
    pub resource_limit: u32,
    /// At most so many series altogether; 0: no limit.
    pub total_limit: u32,
    /// The attributes that tell resources apart; empty: all do.
    pub resource_key: Vec<String>,
}

/// A connector: measures a batch.
pub trait Connector: Sized {
    /// The settings, as for a processor.
    type Config: DeserializeOwned;

    /// Takes the settings, declares the fields it reads and the metrics it makes.
    fn configure(
        config: Self::Config,
        contract: &mut Contract,
    ) -> Result<(Self, MetricStream), ConfigError>;

    /// Takes one batch. On an error the emission is thrown away; series named in it are then unknown
    /// to the host, so a plugin that returns an error calls [`Emission::restart`] in its next one.
    fn process(&mut self, batch: &Batch<'_>, emission: &mut Emission) -> Result<(), PluginError>;
}

/// One attribute of a new series: key and value, both by pool index or from [`Emission::text`].
pub type SeriesAttribute = (u32, Cell);

/// Owned attribute lists.
#[derive(Clone, Debug, Default)]
#[doc(hidden)]
pub struct OwnedLists {
    pub ends: Vec<u32>,
    pub keys: Vec<u32>,
    pub values: OwnedCells,
}

impl OwnedLists {
    fn push_row(&mut self, row: &[SeriesAttribute]) {
        for (key, value) in row {
            self.keys.push(*key);
            self.values.push(*value);
        }
        self.ends.push(self.keys.len() as u32);
    }
}

/// Measurements of one instrument; see the WIT's `recording`.
#[derive(Clone, Debug, Default)]
#[doc(hidden)]
pub struct Recording {
    pub instrument: u32,
    pub series: Vec<u32>,
    pub values: Vec<f64>,
    pub counts: Vec<u64>,
    pub rows: Vec<u32>,
}

/// What a connector measured in one batch.
#[derive(Clone, Debug, Default)]
pub struct Emission {
    first_text: u32,
    #[doc(hidden)]
    pub text_ends: Vec<u32>,
    #[doc(hidden)]
    pub text_bytes: Vec<u8>,
    #[doc(hidden)]
    pub restart: bool,
    #[doc(hidden)]
    pub resources: OwnedLists,
    #[doc(hidden)]
    pub attributes: OwnedLists,
    #[doc(hidden)]
    pub recordings: Vec<Recording>,
}

impl Emission {
    /// An empty emission for a batch.
    pub fn new(batch: &Batch<'_>) -> Self {
        Emission {
            first_text: batch.texts.len() as u32,
            ..Emission::default()
        }
    }

    /// Adds a text that series refer to, and gives its index.
    pub fn text(&mut self, text: &str) -> u32 {
        self.bytes(text.as_bytes())
    }

    /// Adds bytes, or an encoded array or map, that series refer to, and gives its index.
    pub fn bytes(&mut self, bytes: &[u8]) -> u32 {
        self.text_bytes.extend_from_slice(bytes);
        self.text_ends.push(self.text_bytes.len() as u32);
        self.first_text + self.text_ends.len() as u32 - 1
    }

    /// Names a new series by its resource's attributes and its own. Series are numbered in the order
    /// they are named, across batches, from 0.
    pub fn series(&mut self, resource: &[SeriesAttribute], attributes: &[SeriesAttribute]) {
        self.resources.push_row(resource);
        self.attributes.push_row(attributes);
    }

    /// Starts the numbering of series over, before the series of this emission.
    pub fn restart(&mut self) {
        self.restart = true;
    }

    /// Records measurements of one instrument: the series of each, its value (none: 1 each), how many
    /// times it counts (none: once), and its span row for exemplars (none: no exemplars).
    pub fn record(
        &mut self,
        instrument: u32,
        series: Vec<u32>,
        values: Vec<f64>,
        counts: Vec<u64>,
        rows: Vec<u32>,
    ) {
        self.recordings.push(Recording {
            instrument,
            series,
            values,
            counts,
            rows,
        });
    }
}
