//! The filter processor: drops spans, span events, log records, metrics and data points for which a condition holds.
//!
//! Settings, defaults and rules are those of the Collector's `filter`; see the README for what is not supported.

mod filter;
mod settings;

pub use filter::Filter;

spanmill_sdk::register_processor!(Filter);
