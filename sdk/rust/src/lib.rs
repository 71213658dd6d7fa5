#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod about;
mod batch;
mod calls;
mod connector;
mod contract;
mod error;
mod grouper;
#[doc(hidden)]
pub mod guest;
mod holder;
mod level;
pub mod nested;
mod number;
mod outcome;
mod processor;
mod reasons;
#[cfg(not(target_family = "wasm"))]
mod recorded;
mod records;
mod register;
mod router;
mod series;
mod settings;
mod state;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod ticker;

pub use about::About;
pub use batch::{ABSENT, Attributes, Batch, Cells, Column, Table, Texts, Value, Values};
pub use calls::log;
#[doc(hidden)]
pub use connector::OwnedLists;
pub use connector::{
    Connector, Emission, Instrument, InstrumentKind, MetricStream, SeriesAttribute, Temporality,
};
pub use contract::{
    AttributeField, CellField, Contract, Counter, ListField, NarrowField, Sharding, TextField,
    TraceIdField, WideField, WriteField, attribute_path, attributes_path,
};
pub use error::{ConfigError, PluginError, Problem, Problems, RestoreError, closest};
pub use grouper::{Grouper, Groups};
pub use holder::Holder;
pub use level::Level;
pub use number::parse_double;
#[doc(hidden)]
pub use outcome::OwnedCells;
pub use outcome::{Cell, Outcome};
pub use processor::Processor;
pub use reasons::{AppliedRules, KeptRules, Reasons};
#[doc(hidden)]
pub use records::RecordColumn;
pub use records::{
    RecordCell, RecordConnector, RecordList, RecordNarrow, RecordStream, RecordText, RecordTraceId,
    RecordWide, Records,
};
pub use router::{PipelineSet, Pipelines, Router, Routes};
pub use series::{SeriesKey, SeriesNumbers};
pub use spanmill_model::{CellKind, Context, FIELDS, Field, Shape, Signal};
pub use state::State;
pub use ticker::{Decisions, Ticker};
