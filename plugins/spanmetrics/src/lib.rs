//! The span metrics connector: counts spans and measures how long they took.
//!
//! Settings, metric names, attributes and adjusted counts are those of the Collector's `spanmetrics`; the
//! host keeps the totals.

mod adjusted;
mod connector;
mod dimensions;
mod duration;
mod resources;
mod series;
mod settings;
mod texts;
mod tree;
mod words;

pub use connector::SpanMetrics;

spanmill_sdk::register_connector!(SpanMetrics);
