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

impl spanmill_sdk::About for SpanMetrics {
    const NAME: &'static str = "spanmetrics";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = env!("CARGO_PKG_DESCRIPTION");
}

spanmill_sdk::register_connector!(SpanMetrics, about);
